//! Whether a request that changes something was made by one of this node's own pages.
//!
//! `Sec-Fetch-Site` (W3C Fetch Metadata) cannot be set by scripts: `same-origin`, or `none` for what
//! a person typed. Browsers leave it out towards plain http on other hosts than loopback; there
//! `Origin` (RFC 6454) must name the host that the browser asked, which behind a trusted proxy is the
//! outer one. With neither, nothing is proven, and the request is refused: scripts have the API.

use actix_web::http::header::{HeaderMap, ORIGIN};

use super::Front;

/// Why a request is not believed to come from an own page. Its text is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OriginError {
    /// `Sec-Fetch-Site` names another site.
    #[error("the browser says that another site made this request")]
    OtherSite,
    /// `Origin` is not this host.
    #[error("the request's Origin is not the address of this node")]
    OtherOrigin,
    /// There is neither field.
    #[error(
        "the request has neither Sec-Fetch-Site nor Origin, so its origin is unknown; programs use the API with a token"
    )]
    Unknown,
}

/// Checks the header fields of an unsafe request that has reached this node in this way.
///
/// # Errors
/// When it was made elsewhere, or nothing shows where.
pub(crate) fn check_origin(headers: &HeaderMap, front: &Front) -> Result<(), OriginError> {
    let mut sites = headers.get_all("sec-fetch-site").peekable();
    if sites.peek().is_some() {
        let own = sites.all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
        return if own { Ok(()) } else { Err(OriginError::OtherSite) };
    }
    let mut origins = headers.get_all(ORIGIN);
    match (origins.next(), origins.next()) {
        (None, _) => Err(OriginError::Unknown),
        (Some(_), Some(_)) => Err(OriginError::OtherOrigin),
        (Some(origin), None) => {
            let named = origin.to_str().ok().and_then(|text| {
                // A proxy that does not say how the browser came leaves both possible.
                let secure = text.strip_prefix("https://");
                if front.secure { secure } else { secure.or_else(|| text.strip_prefix("http://")) }
            });
            let same = named.zip(front.host.as_deref()).is_some_and(|(named, asked)| named.eq_ignore_ascii_case(asked));
            if same { Ok(()) } else { Err(OriginError::OtherOrigin) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HOST, HeaderName, HeaderValue};
    use std::net::{IpAddr, Ipv4Addr};

    fn check(fields: &[(&'static str, &'static str)]) -> Result<(), OriginError> {
        check_behind(fields, false)
    }

    fn check_behind(fields: &[(&'static str, &'static str)], secure: bool) -> Result<(), OriginError> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let host = headers.get(HOST).map(|host| host.to_str().unwrap_or_default().to_owned());
        check_origin(&headers, &Front { secure, host, client: IpAddr::V4(Ipv4Addr::LOCALHOST) })
    }

    #[test]
    fn fetch_metadata_decides_where_it_is_given() {
        assert_eq!(check(&[("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(check(&[("sec-fetch-site", "none")]), Ok(()));
        for site in ["cross-site", "same-site", "Same-Origin", ""] {
            let fields = [("sec-fetch-site", site), ("origin", "http://a:1"), ("host", "a:1")];
            assert_eq!(check(&fields), Err(OriginError::OtherSite), "{site}");
        }
        assert_eq!(check(&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")]), Err(OriginError::OtherSite));
    }

    #[test]
    fn otherwise_the_origin_must_be_the_host_that_was_asked() {
        assert_eq!(check(&[("origin", "http://Node-A:7070"), ("host", "node-a:7070")]), Ok(()));
        for origin in [
            "http://evil.example",
            "null",
            "http://node-a:7071",
            "ftp://node-a:7070",
            "http://node-a:7070.evil.example",
        ] {
            assert_eq!(
                check(&[("origin", origin), ("host", "node-a:7070")]),
                Err(OriginError::OtherOrigin),
                "{origin}"
            );
        }
        assert_eq!(check(&[("origin", "http://a")]), Err(OriginError::OtherOrigin));
        assert_eq!(check_behind(&[("origin", "https://a"), ("host", "a")], true), Ok(()));
        let downgraded = check_behind(&[("origin", "http://a"), ("host", "a")], true);
        assert_eq!(downgraded, Err(OriginError::OtherOrigin), "a page without TLS is another origin");
        assert_eq!(check(&[("host", "a")]), Err(OriginError::Unknown));
    }
}
