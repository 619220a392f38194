//! One text → one checked address: URLs, hosts, routes, networks.
//!
//! Like `values`. What must stay true besides: what comes out is canonical, so that the same place
//! written in two ways is one value; and a route that no normalized path could ever match is
//! refused.

use ipnet::IpNet;

use super::types::{HttpUrl, Route};

/// The longest route, in bytes.
const MAX_TEXT: usize = 1_024;

/// `http://host[:port]`, with nothing after it but perhaps a slash.
///
/// # Errors
///
/// Which part of it is wrong.
pub fn http_url(text: &str) -> Result<HttpUrl, String> {
    let wanted = "must be an address such as \"http://127.0.0.1:9001\"";
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
            return Err(format!("{wanted}; https is not available in this version"));
        }
        _ => return Err(wanted.to_owned()),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return Err(format!("{wanted}, without a path, query or fragment"));
    }
    let (host, port) = authority_parts(authority)?;
    let port = port.unwrap_or(80);
    Ok(HttpUrl { host, port })
}

/// Host, lower-case, and port, if there is one.
fn authority_parts(text: &str) -> Result<(String, Option<u16>), String> {
    if text.contains('@') {
        // not repeated in the message: it may be a password
        return Err("must not contain a user or a password".to_owned());
    }
    let (host, port) = match text.rsplit_once(':') {
        // the last colon of an IPv6 address is inside its brackets
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        None => None,
        Some(port) => {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            let number = port.parse().ok().filter(|&number| digits && number > 0);
            Some(number.ok_or("the port must be a number from 1 to 65535")?)
        }
    };
    Ok((host_name(host)?, port))
}

/// A host name or address, lower-case; an IPv6 address in brackets.
fn host_name(text: &str) -> Result<String, String> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let fine = match inner {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (1..=253).contains(&text.len())
                && text.bytes().all(allowed)
                && !text.starts_with(['.', '-'])
                && !text.contains("..")
        }
    };
    match fine {
        true => Ok(text.to_ascii_lowercase()),
        false => {
            Err("the host must be a name of letters, digits, '-', '_', '.', or an address (IPv6 in brackets)"
                .to_owned())
        }
    }
}

/// `[host]/path`: a path prefix of any host, or of one.
///
/// Routes are compared with normalized paths, so what could never match one (empty, `.` and `..`
/// segments, queries) is refused rather than silently dead. A slash at the end makes no
/// difference, for prefixes end on segment boundaries anyway.
///
/// # Errors
///
/// Which part of it is wrong.
pub fn route(text: &str) -> Result<Route, String> {
    let Some(slash) = text.find('/') else {
        return Err("must be \"/path\" or \"host/path\"; for a whole host \"host/\"".to_owned());
    };
    let (host, path) = text.split_at(slash);
    if host.contains([':', '[']) {
        return Err("the host must be a name, without a scheme and without a port".to_owned());
    }
    let host = match host {
        "" => None,
        host => Some(host_name(host)?),
    };
    if text.len() > MAX_TEXT {
        return Err(format!("must be at most {MAX_TEXT} bytes"));
    }
    if path.contains(['?', '#']) {
        return Err("must not have a query or a fragment".to_owned());
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be ASCII without spaces; write other characters as %XX".to_owned());
    }
    let path = canonical_escapes(path)?;
    let path = path.strip_suffix('/').unwrap_or(&path);
    let mut segments = path.split('/').skip(1);
    if segments.clone().next() == Some(".forewarn") {
        return Err("must not be below /.forewarn, which is the gate's own".to_owned());
    }
    if segments.any(|segment| ["", ".", ".."].contains(&segment)) {
        return Err("must not have empty, \".\" or \"..\" segments".to_owned());
    }
    let path = if path.is_empty() { "/" } else { path }.to_owned();
    Ok(Route { host, path })
}

/// Percent escapes in upper case. One of a character that needs none would never match, because
/// normalized paths have that character itself.
fn canonical_escapes(path: &str) -> Result<String, String> {
    let mut pieces = path.split('%');
    let mut canonical = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let byte = piece.get(..2).and_then(|digits| hex::decode(digits).ok());
        let Some([byte]) = byte.as_deref() else {
            return Err("has a '%' without two hexadecimal digits".to_owned());
        };
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            let character = char::from(*byte);
            return Err(format!("must not escape '{character}': write it as it is"));
        }
        canonical.push_str(&format!("%{byte:02X}{}", &piece[2..]));
    }
    Ok(canonical)
}

/// A network such as `10.0.0.0/8`.
///
/// # Errors
///
/// What a network looks like.
pub fn network(text: &str) -> Result<IpNet, String> {
    // `trunc` so that 10.1.2.3/8 and 10.0.0.0/8 are the same
    text.parse::<IpNet>()
        .map(|network| network.trunc())
        .map_err(|error| format!("must be a network such as \"10.0.0.0/8\" or \"192.0.2.7/32\": {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_canonical() {
        assert_eq!(http_url("HTTP://Mail.Example:80/").unwrap(), http_url("http://mail.example").unwrap());
        assert_eq!(http_url("http://[::1]:9001").unwrap().to_string(), "http://[::1]:9001");
        for wrong in [
            "mail:80",
            "https://a",
            "http://",
            "http://a:0",
            "http://a:65536",
            "http://a:+1",
            "http://a:",
            "http://u:p@a",
            "http://a/b",
            "http://a?b",
            "http://a#b",
            "http://a b",
            "http://::1",
            "http://[::g]",
            "http://.a",
            "http://a//",
        ] {
            assert!(http_url(wrong).is_err(), "{wrong:?}");
        }
        assert!(!http_url("http://user:hunter2@a").unwrap_err().contains("hunter2"));
    }

    #[test]
    fn routes_are_what_a_normalized_path_can_match() {
        let shown = |text: &str| route(text).map(|route| route.to_string());
        assert_eq!(shown("/").unwrap(), "/");
        assert_eq!(shown("/mail/").unwrap(), "/mail");
        assert_eq!(shown("Shop.Example.com/Cart").unwrap(), "shop.example.com/Cart");
        assert_eq!(shown("/s%c3%bcd").unwrap(), "/s%C3%BCd");
        for wrong in [
            "",
            "mail",
            "//",
            "/a//b",
            "/a//",
            "/a/../b",
            "/a/.",
            "/a?b",
            "/a#b",
            "/a b",
            "/ü",
            "/%zz",
            "/%4",
            "/%6dail",
            "/%2e%2e/a",
            "/.forewarn",
            "/.forewarn/check",
            "http://a/b",
            "a:80/b",
            "a b/c",
            "/\u{7}",
        ] {
            assert!(route(wrong).is_err(), "{wrong:?}");
        }
        assert!(route(&format!("/{}", "x".repeat(MAX_TEXT))).is_err());
    }

    #[test]
    fn networks_are_canonical() {
        let (one, same) = (network("10.1.2.3/8"), network("10.0.0.0/8"));
        assert_eq!(one.unwrap(), same.unwrap());
        assert!(network("10.0.0.1").is_err() && network("10.0.0.0/33").is_err());
    }
}
