//! The client of a request behind proxies: the address for criteria, throttles and logs.
//!
//! Must stay true: an untrusted client cannot choose its address.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::canonical_network;

/// The largest number of hops that are believed, from the right.
const MOST: usize = 32;

/// The networks whose proxies are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Box<[IpNet]>);

impl TrustedProxies {
    /// From the configuration.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().map(canonical_network).collect())
    }

    /// Whether an address is in one of them. An IPv4 address may be written as IPv6 (`::ffff:…`), and so may
    /// its network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client ([`client_address`]).
    pub fn client<'a>(&self, peer: IpAddr, hops: impl Iterator<Item = &'a str>) -> IpAddr {
        client_address(peer, hops, |hop| self.contains(hop))
    }
}

/// The address of the client: the peer, or while that one is trusted, the hop that it names.
/// `hops` are the members of `X-Forwarded-For`, the last one first. An unreadable hop ends the search.
fn client_address<'a>(peer: IpAddr, hops: impl Iterator<Item = &'a str>, trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut address = peer.to_canonical();
    for hop in hops.filter(|hop| !hop.trim().is_empty()).take(MOST) {
        match hop_address(hop.trim()) {
            Some(next) if trusted(address) => address = next,
            _ => break,
        }
    }
    address
}

/// An address, perhaps with a port: some proxies write one.
pub fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.split_once(']')).map_or(hop, |(hop, _)| hop);
    let address = bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_trusted_hops_are_believed() {
        let client = |peer: &str, field: &str| {
            let trusted = |address: IpAddr| ["192.0.2.1", "192.0.2.2"].contains(&address.to_string().as_str());
            client_address(peer.parse().unwrap(), field.rsplit(','), trusted).to_string()
        };
        assert_eq!(client("192.0.2.1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(client("::ffff:192.0.2.1", "203.0.113.9:4711, 192.0.2.2"), "203.0.113.9");
        assert_eq!(client("192.0.2.1", "10.0.0.1, 203.0.113.9"), "203.0.113.9", "what a client wrote before");
        assert_eq!(client("198.51.100.1", "203.0.113.9"), "198.51.100.1");
        assert_eq!(client("192.0.2.1", "somebody"), "192.0.2.1");
        assert_eq!(client("192.0.2.1", ""), "192.0.2.1");
        assert_eq!(client("192.0.2.1", "[2001:db8::1]:80"), "2001:db8::1");
    }
}
