//! Where a listener is reached.
//!
//! Must stay true: an address has one form (host in lower case, port always known), so that equal addresses are
//! equal as values, and it can be connected to without further checks.

use std::{fmt, net::SocketAddr, str::FromStr};

/// `http://host[:port]` or `https://host[:port]`, with nothing after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpUrl {
    tls: bool,
    host: String,
    port: u16,
}

impl HttpUrl {
    /// HTTP at this address, under TLS or not.
    pub fn of_socket(address: SocketAddr, tls: bool) -> Self {
        let host = match address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        Self { tls, host, port: address.port() }
    }

    /// `https` rather than `http`.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Lower-case name or address; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// 80 or 443 where none is written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, as a connection and most headers want it. The port is always there.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl FromStr for HttpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "must be an address such as \"http://127.0.0.1:9001\"";
        let (tls, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            _ => return Err(wanted.to_owned()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(format!("{wanted}, without a path, query or fragment"));
        }
        let (host, port) = authority_parts(authority)?;
        Ok(Self { tls, host, port: port.unwrap_or(default_port(tls)) })
    }
}

impl fmt::Display for HttpUrl {
    /// Without a slash at the end, so that a path can follow.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        match self.port == default_port(self.tls) {
            true => write!(f, "{scheme}://{}", self.host),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
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
///
/// # Errors
/// What a host is.
pub fn host_name(text: &str) -> Result<String, String> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn url(text: &str) -> Result<HttpUrl, String> {
        text.parse()
    }

    #[test]
    fn addresses_are_canonical() {
        assert_eq!(url("HTTP://Mail.Example:80/").unwrap(), url("http://mail.example").unwrap());
        assert_eq!(url("http://[::1]:9001").unwrap().to_string(), "http://[::1]:9001");
        assert_eq!(url("https://a:443").unwrap().to_string(), "https://a");
        assert_eq!(url("https://a:80").unwrap().authority(), "a:80");
        let bound = HttpUrl::of_socket("[::1]:7070".parse().unwrap(), false);
        assert_eq!(bound, url("http://[::1]:7070").unwrap());
        for wrong in [
            "mail:80",
            "ftp://a",
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
            assert!(url(wrong).is_err(), "{wrong:?}");
        }
        assert!(!url("http://user:hunter2@a").unwrap_err().contains("hunter2"));
    }
}
