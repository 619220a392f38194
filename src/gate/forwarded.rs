//! The sender of a request, and what the upstream is told about it.
//!
//! `X-Forwarded-For/-Proto/-Host` and `Forwarded` (RFC 7239) are rebuilt from one [`Origin`]: what this node
//! saw itself, preceded by the sender's own statement if the sender is one of `gate.trusted_proxies`. So the
//! four can never contradict each other.
//!
//! What must stay true: an untrusted client cannot choose its address.

use std::{borrow::Cow, io::Write as _, net::IpAddr, ops::Range};

use super::{
    fields::{Fields, members},
    ids::Ids,
};
pub use crate::availability::TrustedProxies;
use crate::{availability::hop_address, http1::write, vocabulary::HeaderRules};

impl TrustedProxies {
    /// The address of the client for criteria, limits and logs: the peer, or while that is trusted,
    /// the hop that it names. An unreadable hop ends the search.
    pub fn client_address(&self, peer: IpAddr, fields: &impl Fields) -> IpAddr {
        match self.contains(peer) {
            true => self.client(peer, hops(fields).iter().rev().map(|hop| &**hop)),
            false => peer.to_canonical(),
        }
    }

    /// Whether the sender is trusted, and says that its own client uses `https`.
    pub(super) fn says_https(&self, peer: Option<IpAddr>, fields: &impl Fields) -> bool {
        let proto = || {
            let first = members(fields, "x-forwarded-proto").next().map(Cow::Borrowed);
            first.or_else(|| first_parameter(fields, "proto"))
        };
        peer.is_some_and(|peer| self.contains(peer)) && proto().is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
    }
}

/// What this node knows of the sender of one request.
#[derive(Debug, Clone, Copy)]
pub struct Forwarding<'a> {
    /// Address of the connection's other end; none for local sockets.
    pub peer: Option<IpAddr>,
    /// Whether the peer is a trusted proxy.
    pub trusted: bool,
    /// The host (and port) that the request names.
    pub host: &'a str,
    /// Whether it came under TLS.
    pub secure: bool,
    /// Whether it came by HTTP/2.
    pub http2: bool,
    /// The ids that it got here.
    pub ids: Option<&'a Ids>,
    /// Fields that it gets or loses.
    pub rules: Option<&'a HeaderRules>,
    /// Whether the upstream gets the host that the request names.
    pub keeps_host: bool,
}

/// Where a request comes from: its first sender, the proxies on its way, and what it asked for.
#[derive(Debug, PartialEq, Eq)]
struct Origin<'a> {
    /// Each hop before this node's peer, as its successor named it, the client first. Mostly empty.
    before: Vec<Cow<'a, str>>,
    /// The last hop; none for local sockets.
    peer: Option<IpAddr>,
    proto: Cow<'a, str>,
    host: Cow<'a, str>,
}

impl Forwarding<'_> {
    /// Appends the four header fields, given what the client sent.
    pub fn write(&self, sent: &impl Fields, out: &mut Vec<u8>) {
        let origin = self.origin(sent);
        out.extend_from_slice(b"x-forwarded-for: ");
        let peer = origin.x_forwarded_for(out);
        out.extend_from_slice(b"\r\n");
        write::field(out, "x-forwarded-proto", origin.proto.as_bytes());
        if !origin.host.is_empty() {
            write::field(out, "x-forwarded-host", origin.host.as_bytes());
        }
        out.extend_from_slice(b"forwarded: ");
        origin.forwarded(out, peer);
        out.extend_from_slice(b"\r\n");
    }

    fn origin<'a>(&'a self, sent: &'a impl Fields) -> Origin<'a> {
        let mut origin = Origin {
            before: if self.trusted { hops(sent) } else { Vec::new() },
            peer: self.peer.map(|peer| peer.to_canonical()),
            proto: if self.secure { "https".into() } else { "http".into() },
            host: self.host.into(),
        };
        if self.trusted {
            let said = |name, parameter| {
                members(sent, name).next().map(Cow::Borrowed).or_else(|| first_parameter(sent, parameter))
            };
            if let Some(proto) = said("x-forwarded-proto", "proto") {
                origin.proto = proto;
            }
            if let Some(host) = said("x-forwarded-host", "host") {
                origin.host = host;
            }
        }
        origin
    }
}

impl Origin<'_> {
    /// Appends the value of `X-Forwarded-For`. Returns where the peer stands in it.
    fn x_forwarded_for(&self, out: &mut Vec<u8>) -> Range<usize> {
        for hop in &self.before {
            out.extend_from_slice(hop.as_bytes());
            out.extend_from_slice(b", ");
        }
        let start = out.len();
        match self.peer {
            // A vector takes everything.
            Some(peer) => _ = write!(out, "{peer}"),
            None => out.extend_from_slice(b"unknown"),
        }
        start..out.len()
    }

    /// Appends the value of `Forwarded`. Host and protocol are what the client asked for, so they stand
    /// with the first hop, and nowhere else. `peer`: where the peer is written already.
    fn forwarded(&self, out: &mut Vec<u8>, peer: Range<usize>) {
        for (index, hop) in self.before.iter().enumerate() {
            // IPv6 needs brackets and quotes; what is no address and no identifier is unknown
            // (RFC 7239, section 6).
            _ = match (hop_address(hop), hop.strip_prefix('_')) {
                (Some(IpAddr::V4(address)), _) => write!(out, "for={address}"),
                (Some(IpAddr::V6(address)), _) => write!(out, "for=\"[{address}]\""),
                (None, Some(rest)) if rest.bytes().all(is_identifier) => write!(out, "for={hop}"),
                (None, _) => write!(out, "for=unknown"),
            };
            if index == 0 {
                self.asked(out);
            }
            out.extend_from_slice(b", ");
        }
        let (before, after) = match self.peer {
            Some(IpAddr::V6(_)) => (&b"for=\"["[..], &b"]\""[..]),
            _ => (&b"for="[..], &b""[..]),
        };
        out.extend_from_slice(before);
        out.extend_from_within(peer);
        out.extend_from_slice(after);
        if self.before.is_empty() {
            self.asked(out);
        }
    }

    /// What the client asked for, as parameters of its hop.
    fn asked(&self, out: &mut Vec<u8>) {
        if !self.host.is_empty() {
            out.extend_from_slice(b";host=");
            quote(out, &self.host);
        }
        out.extend_from_slice(b";proto=");
        match self.proto.bytes().all(is_identifier) {
            true => out.extend_from_slice(self.proto.as_bytes()),
            false => quote(out, &self.proto),
        }
    }
}

/// The hops that a trusted sender names, the client first: of X-Forwarded-For, or where that is
/// absent, of Forwarded.
fn hops(fields: &impl Fields) -> Vec<Cow<'_, str>> {
    let hops: Vec<Cow<'_, str>> = members(fields, "x-forwarded-for").map(Cow::Borrowed).collect();
    match hops.is_empty() {
        false => hops,
        true => elements(fields).filter_map(|element| parameter(element, "for")).map(bare).collect(),
    }
}

/// A node of Forwarded as X-Forwarded-For writes it: an address without brackets and port.
fn bare(node: Cow<'_, str>) -> Cow<'_, str> {
    match hop_address(&node) {
        Some(address) => address.to_string().into(),
        None => node,
    }
}

/// The elements of Forwarded. A comma within quotes is none of a node, host or protocol.
fn elements(fields: &impl Fields) -> impl Iterator<Item = &str> {
    members(fields, "forwarded")
}

/// This parameter of the first element that has it.
fn first_parameter<'a>(fields: &'a impl Fields, name: &str) -> Option<Cow<'a, str>> {
    elements(fields).find_map(|element| parameter(element, name)).filter(|value| !value.is_empty())
}

/// A parameter of an element of Forwarded, without its quotes.
fn parameter<'a>(element: &'a str, name: &str) -> Option<Cow<'a, str>> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.trim();
        key.trim().eq_ignore_ascii_case(name).then(|| {
            match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
                Some(quoted) => quoted.replace('\\', "").into(),
                None => value.into(),
            }
        })
    })
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// A quoted string (RFC 9110, section 5.6.4).
fn quote(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    for &byte in value.as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// What to do with a request header that may claim things about its sender or its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Claims nothing: pass it on.
    None,
    /// One of the four that are written anew.
    Rebuilt,
    /// Only a trusted proxy may send it: the rest of the family (`X-Forwarded-Port`, `X-Real-IP`), and fields
    /// that frameworks and CGI interpret as the request's own address or proxy.
    IfTrusted,
    /// A spelling that other servers read as another field, or a field of Forewarn itself: never
    /// accepted.
    Forged,
}

/// Fields with a hyphen that frame the message, end at this hop or say where it comes from. Many
/// servers read `_` in a name as `-`, so that a name which becomes one of these is a way to smuggle it
/// past this gate.
const GUARDED: [&str; 9] = [
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];

/// Tells an application that the sender has a tester's pass; from clients it is a forgery like all of its kind.
pub(super) const PASS: &str = "forewarn-pass";

/// Sorts a lower-case header name.
pub fn claim(name: &str) -> Claim {
    if name.contains('_') {
        let guarded = GUARDED.iter().any(|guarded| same(name, guarded))
            || starts_same(name, "x-forwarded-")
            || starts_same(name, "forewarn");
        return if guarded { Claim::Forged } else { Claim::None };
    }
    match name.as_bytes().first() {
        // Most names end here.
        Some(b'f' | b'x' | b'p') => {}
        _ => return Claim::None,
    }
    match name {
        "forwarded" | "x-forwarded-for" | "x-forwarded-proto" | "x-forwarded-host" => Claim::Rebuilt,
        "proxy" | "x-original-url" | "x-rewrite-url" | "x-real-ip" => Claim::IfTrusted,
        _ if name.starts_with("x-forwarded-") => Claim::IfTrusted,
        _ if name == "forewarn" || name.starts_with("forewarn-") => Claim::Forged,
        _ => Claim::None,
    }
}

/// Whether the two are equal, taking underscores for hyphens.
fn same(name: &str, other: &str) -> bool {
    name.len() == other.len() && starts_same(name, other)
}

/// Whether `name` begins with `start`, taking underscores for hyphens.
fn starts_same(name: &str, start: &str) -> bool {
    name.len() >= start.len() && name.bytes().zip(start.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'))
}

#[cfg(test)]
mod tests;
