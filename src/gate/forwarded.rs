//! Who asked, and what the upstream is told about it.
//!
//! `X-Forwarded-For/-Proto/-Host` and `Forwarded` (RFC 7239) are rebuilt from what this node saw
//! itself; only when the sender is one of `gate.trusted_proxies` is what it said kept, and this
//! hop appended. The whole `X-Forwarded-` family and `X-Real-IP` from anybody else are dropped,
//! underscore spellings (`x_forwarded_for`, which many servers read as the same) and `Forewarn-`
//! headers from everybody.
//!
//! What must stay true: nothing that an untrusted client writes decides who it is taken for.

use std::fmt::Write as _;
use std::net::IpAddr;

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

use crate::availability::canonical_network;

/// Hops of X-Forwarded-For that are believed at most, from the right.
const MAX_HOPS: usize = 32;

/// The networks whose forwarding headers are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Box<[IpNet]>);

impl TrustedProxies {
    /// From `gate.trusted_proxies`.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().map(canonical_network).collect())
    }

    /// Whether an address is one of them. An IPv4 address may come as IPv6 (`::ffff:…`), and so may the
    /// network that it lies in.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client for criteria and logs: the peer, or while that is trusted, the
    /// hop that it names in X-Forwarded-For. An unreadable hop ends the search.
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or("").rsplit(','));
        for hop in hops.take(MAX_HOPS) {
            if !self.contains(address) {
                break;
            }
            match parse_hop(hop.trim()) {
                Some(next) => address = next.to_canonical(),
                None => break,
            }
        }
        address
    }
}

/// An address, perhaps with a port: some proxies write one.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|h| h.split_once(']')).map_or(hop, |(h, _)| h);
    bare.parse().ok().or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|a| a.ip()))
}

/// What this node knows about the sender of one request.
#[derive(Debug, Clone, Copy)]
pub struct Forwarding<'a> {
    /// Address of the connection's other end; none for local sockets.
    pub peer: Option<IpAddr>,
    /// Whether the peer is a trusted proxy.
    pub trusted: bool,
    /// The host (and port) that the request names, see [`super::route::request_host`].
    pub host: &'a str,
    /// Whether it came under TLS.
    pub secure: bool,
}

impl Forwarding<'_> {
    fn proto(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// Writes the four headers through `put`, given what the client sent.
    pub(super) fn write(&self, sent: &HeaderMap, mut put: impl FnMut(&'static str, &[u8])) {
        let mut text = String::with_capacity(96);
        let kept = |name: &str| {
            let lines = if self.trusted { sent.get_all(name) } else { [].iter() };
            lines.filter_map(|value| value.to_str().ok()).filter(|value| !value.trim().is_empty())
        };

        join(&mut text, kept("x-forwarded-for"));
        match self.peer {
            Some(peer) => _ = write!(text, "{}", peer.to_canonical()),
            None => text.push_str("unknown"),
        }
        put("x-forwarded-for", text.as_bytes());

        put("x-forwarded-proto", kept("x-forwarded-proto").next().unwrap_or(self.proto()).as_bytes());
        let host = kept("x-forwarded-host").next().unwrap_or(self.host);
        if !host.is_empty() {
            put("x-forwarded-host", host.as_bytes());
        }

        text.clear();
        join(&mut text, kept("forwarded"));
        // IPv6 needs brackets and quotes, a host its quotes for the colon (RFC 7239, section 6)
        _ = match self.peer.map(|peer| peer.to_canonical()) {
            Some(IpAddr::V4(peer)) => write!(text, "for={peer}"),
            Some(IpAddr::V6(peer)) => write!(text, "for=\"[{peer}]\""),
            None => write!(text, "for=unknown"),
        };
        if !self.host.is_empty() {
            _ = write!(text, ";host=\"{}\"", self.host);
        }
        _ = write!(text, ";proto={}", self.proto());
        put("forwarded", text.as_bytes());
    }
}

/// Joins the lines of a list header, with a separator after each.
fn join<'a>(text: &mut String, lines: impl Iterator<Item = &'a str>) {
    for line in lines {
        text.push_str(line.trim());
        text.push_str(", ");
    }
}

/// What to do with a request header that may claim things about its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Claims nothing: pass it on.
    None,
    /// One of the four that are written anew.
    Rebuilt,
    /// Another of the family (`X-Forwarded-Port`, `X-Real-IP`): only a trusted proxy may say it.
    IfTrusted,
    /// A spelling meant to slip through, or a header of this house: never.
    Forged,
}

/// Sorts a lower-case header name.
pub(super) fn claim(name: &str) -> Claim {
    // All of them begin with f or x: most names end here.
    if !matches!(name.as_bytes().first(), Some(b'f' | b'x')) {
        return Claim::None;
    }
    match name {
        "forwarded" | "x-forwarded-for" | "x-forwarded-proto" | "x-forwarded-host" => Claim::Rebuilt,
        "x-real-ip" => Claim::IfTrusted,
        _ if same_start(name, "forewarn-") || name == "forewarn" => Claim::Forged,
        _ if name.starts_with("x-forwarded-") && !name.contains('_') => Claim::IfTrusted,
        _ if same_start(name, "x-forwarded-") || (same_start(name, "x-real-ip") && name.len() == 9) => Claim::Forged,
        _ => Claim::None,
    }
}

/// Whether `name` begins with `start`, taking underscores for hyphens.
fn same_start(name: &str, start: &str) -> bool {
    name.len() >= start.len() && name.bytes().zip(start.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(list: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn written(trusted: bool, peer: &str, sent: &[(&str, &str)]) -> Vec<String> {
        let mut lines = Vec::new();
        let forwarding = Forwarding { peer: peer.parse().ok(), trusted, host: "mail.example:8080", secure: false };
        forwarding.write(&headers(sent), |name, value| {
            lines.push(format!("{name}: {}", std::str::from_utf8(value).unwrap()));
        });
        lines
    }

    const SENT: &[(&str, &str)] = &[
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "public.example"),
        ("forwarded", "for=203.0.113.9;proto=https"),
    ];

    #[test]
    fn a_stranger_is_described_anew() {
        assert_eq!(
            written(false, "192.0.2.1", SENT),
            [
                "x-forwarded-for: 192.0.2.1",
                "x-forwarded-proto: http",
                "x-forwarded-host: mail.example:8080",
                "forwarded: for=192.0.2.1;host=\"mail.example:8080\";proto=http",
            ]
        );
    }

    #[test]
    fn a_trusted_proxy_is_appended_to() {
        assert_eq!(
            written(true, "2001:db8::1", SENT),
            [
                "x-forwarded-for: 203.0.113.9, 198.51.100.1, 2001:db8::1",
                "x-forwarded-proto: https",
                "x-forwarded-host: public.example",
                "forwarded: for=203.0.113.9;proto=https, for=\"[2001:db8::1]\";host=\"mail.example:8080\";proto=http",
            ]
        );
    }

    #[test]
    fn claims() {
        for (name, expected) in [
            ("x-forwarded-for", Claim::Rebuilt),
            ("forwarded", Claim::Rebuilt),
            ("x-forwarded-port", Claim::IfTrusted),
            ("x-real-ip", Claim::IfTrusted),
            ("x_forwarded_for", Claim::Forged),
            ("x-forwarded_for", Claim::Forged),
            ("x_real_ip", Claim::Forged),
            ("forewarn-reason", Claim::Forged),
            ("forewarn_reason", Claim::Forged),
            ("x-request-id", Claim::None),
            ("from", Claim::None),
            ("cookie", Claim::None),
        ] {
            assert_eq!(claim(name), expected, "{name}");
        }
    }

    #[test]
    fn the_client_is_the_first_untrusted_from_the_right() {
        for network in ["10.0.0.0/8", "::ffff:10.0.0.0/104"] {
            the_client_behind(&TrustedProxies::new([network.parse().unwrap()]));
        }
    }

    fn the_client_behind(trusted: &TrustedProxies) {
        let client = |peer: &str, sent: &[(&str, &str)]| {
            trusted.client_address(peer.parse().unwrap(), &headers(sent)).to_string()
        };
        let xff = "x-forwarded-for";
        assert_eq!(client("192.0.2.1", &[(xff, "1.1.1.1")]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("::ffff:10.0.0.1", &[(xff, "6.6.6.6, 1.1.1.1"), (xff, "10.0.0.2")]), "1.1.1.1");
        assert_eq!(client("10.0.0.1", &[(xff, "1.1.1.1:4711")]), "1.1.1.1");
        assert_eq!(client("10.0.0.1", &[(xff, "1.1.1.1, nonsense")]), "10.0.0.1");
    }
}
