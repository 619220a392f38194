//! How a browser reached this node: directly, or through a proxy that terminates TLS
//! (`control.trusted_proxies`).
//!
//! Must stay true: forwarding headers count only in requests from a trusted proxy.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use actix_web::{
    HttpRequest,
    http::header::{HOST, HeaderMap},
};
use ipnet::IpNet;

use crate::availability::TrustedProxies;

/// The networks whose forwarding headers are believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Arc<TrustedProxies>);

/// Kept with a connection under TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnderTls {
    /// The other end has shown a certificate, and it is believed.
    pub(crate) shows_certificate: bool,
}

/// What the browser sees of this node, and this node of the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Front {
    /// The browser uses https.
    pub secure: bool,
    /// The host (and port) in the browser's address bar, if the request names one.
    pub host: Option<String>,
    /// Where the browser is.
    pub client: IpAddr,
}

impl Proxies {
    /// From `control.trusted_proxies`.
    pub(crate) fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(Arc::new(TrustedProxies::new(networks)))
    }

    /// Whether this address is a trusted proxy's.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        self.0.contains(address)
    }

    /// How this request has come.
    pub(crate) fn front(&self, request: &HttpRequest) -> Front {
        let headers = request.headers();
        // Without an address there is no connection.
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
        let asked = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        let secure = request.conn_data::<UnderTls>().is_some();
        if !self.0.contains(peer) {
            return Front { secure, host: asked, client: peer };
        }
        let lines = headers.get_all("x-forwarded-for").rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or("").rsplit(','));
        let outer = |name, member| first(headers, name).or_else(|| forwarded(headers, member));
        Front {
            secure: outer("x-forwarded-proto", "proto").map_or(secure, |proto| proto.eq_ignore_ascii_case("https")),
            host: outer("x-forwarded-host", "host").or(asked),
            client: self.0.client(peer, hops),
        }
    }
}

/// The first member of a list field: what the outermost proxy has seen.
fn first(headers: &HeaderMap, name: &str) -> Option<String> {
    let member = headers.get(name)?.to_str().ok()?.split(',').next()?.trim();
    (!member.is_empty()).then(|| member.to_owned())
}

/// A parameter of the first element of `Forwarded` (RFC 7239 §4).
fn forwarded(headers: &HeaderMap, parameter: &str) -> Option<String> {
    let element = first(headers, "forwarded")?;
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let found = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case(parameter))?;
    let value = found.1.trim().trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::test::TestRequest;

    fn front(peer: &str, fields: &[(&str, &str)]) -> Front {
        let proxies = Proxies::new(["192.0.2.0/24".parse().unwrap()]);
        let mut request = TestRequest::default().peer_addr(peer.parse().unwrap()).insert_header(("host", "node:7070"));
        for field in fields {
            request = request.append_header(*field);
        }
        proxies.front(&request.to_http_request())
    }

    #[test]
    fn a_network_of_mapped_addresses_is_that_of_the_addresses() {
        let proxies = Proxies::new(["::ffff:192.0.2.0/120".parse().unwrap()]);
        assert!(proxies.0.contains("192.0.2.1".parse().unwrap()) && !proxies.0.contains("192.0.3.1".parse().unwrap()));
    }

    #[test]
    fn a_trusted_proxy_says_how_the_browser_came() {
        let outer =
            [("x-forwarded-proto", "https"), ("x-forwarded-host", "ops.example"), ("x-forwarded-for", "203.0.113.9")];
        let believed = front("192.0.2.1:4000", &outer);
        assert_eq!((believed.secure, believed.host.as_deref()), (true, Some("ops.example")));
        assert_eq!(believed.client, "203.0.113.9".parse::<IpAddr>().unwrap());
        let standard =
            front("192.0.2.1:4000", &[("forwarded", "for=203.0.113.9;Proto=https;host=\"ops.example:8443\"")]);
        assert_eq!((standard.secure, standard.host.as_deref()), (true, Some("ops.example:8443")));
        let two =
            front("192.0.2.1:4000", &[("x-forwarded-proto", "https, http"), ("x-forwarded-host", "outer, inner")]);
        assert_eq!((two.secure, two.host.as_deref()), (true, Some("outer")));
    }

    #[test]
    fn nobody_else_does() {
        let fields =
            [("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example"), ("x-forwarded-for", "203.0.113.9")];
        let direct = front("198.51.100.7:4000", &fields);
        assert_eq!((direct.secure, direct.host.as_deref()), (false, Some("node:7070")));
        assert_eq!(direct.client, "198.51.100.7".parse::<IpAddr>().unwrap());
        let silent = front("192.0.2.1:4000", &[]);
        assert_eq!((silent.secure, silent.host.as_deref()), (false, Some("node:7070")));
    }
}
