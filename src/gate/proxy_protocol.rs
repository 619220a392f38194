//! The PROXY protocol, versions 1 and 2: what a proxy says of its client before the client's own bytes.
//!
//! A pure reader of bytes, and the header that upstreams get.
//!
//! What must stay true: a header is read in one way or refused, however it was split; it is bounded; what is no
//! address of a stream (`LOCAL`, `UNKNOWN`, `UNSPEC`, datagrams, local sockets) names no client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Begins a header of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Begins a header of version 1.
const WORD: &[u8] = b"PROXY ";
/// The longest header of version 1, with its line end.
const LINE: usize = 107;
/// The head of version 2.
const HEAD: usize = 16;
/// The most that may follow it: addresses, and values that are passed over.
const MOST: usize = 4_096;

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The client; `None`: the proxy itself, or a client without an address.
    pub(crate) source: Option<SocketAddr>,
    /// How long it is.
    pub(crate) len: usize,
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("it begins with something else")]
    Start,
    #[error("its line is malformed")]
    Line,
    #[error("its version, command or family is unknown")]
    Kind,
    #[error("it is longer than its limit, or too short for its addresses")]
    Length,
}

/// Reads a header from the beginning of these bytes. `None`: more are needed, and all of these belong to it.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let common = |start: &[u8]| start.iter().zip(bytes).all(|(a, b)| a == b);
    if common(SIGNATURE) {
        if bytes.len() < SIGNATURE.len() { Ok(None) } else { second(bytes) }
    } else if common(WORD) {
        first(bytes)
    } else {
        Err(HeaderError::Start)
    }
}

/// Version 1: one line of text.
fn first(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let Some(end) = bytes.iter().take(LINE).position(|&byte| byte == b'\n') else {
        return if bytes.len() >= LINE { Err(HeaderError::Length) } else { Ok(None) };
    };
    let line = bytes[..end].strip_suffix(b"\r").ok_or(HeaderError::Line)?;
    let text = std::str::from_utf8(line).map_err(|_not_text| HeaderError::Line)?;
    let mut words = text.split(' ').skip(1);
    let source = match words.next() {
        // What follows it says nothing.
        Some("UNKNOWN") => None,
        Some(family @ ("TCP4" | "TCP6")) => {
            let words: Vec<&str> = words.collect();
            let [source, target, source_port, target_port] = words[..] else { return Err(HeaderError::Line) };
            let (source, target) = (address(source, family)?, address(target, family)?);
            let (from, _) = (port(source_port)?, port(target_port)?);
            debug_assert_eq!(source.is_ipv4(), target.is_ipv4());
            Some(SocketAddr::new(source, from))
        }
        _ => return Err(HeaderError::Line),
    };
    Ok(Some(Header { source, len: end + 1 }))
}

fn address(text: &str, family: &str) -> Result<IpAddr, HeaderError> {
    let parsed = match family {
        "TCP4" => text.parse::<Ipv4Addr>().map(IpAddr::V4),
        _ => text.parse::<Ipv6Addr>().map(IpAddr::V6),
    };
    parsed.map_err(|_no_address| HeaderError::Line)
}

fn port(text: &str) -> Result<u16, HeaderError> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| canonical).ok_or(HeaderError::Line)
}

/// Version 2: a head of 16 bytes, addresses, and values that are passed over.
fn second(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let Some(&command) = bytes.get(12) else { return Ok(None) };
    let local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(HeaderError::Kind),
    };
    let Some(&family) = bytes.get(13) else { return Ok(None) };
    let (kind, transport) = (family >> 4, family & 0x0f);
    if kind > 3 || transport > 2 {
        return Err(HeaderError::Kind);
    }
    let Some(length) = bytes.get(14..HEAD) else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let addresses = match kind {
        1 => 12,
        2 => 36,
        3 => 216,
        _ => 0,
    };
    if length > MOST || (!local && length < addresses) {
        return Err(HeaderError::Length);
    }
    let Some(body) = bytes.get(HEAD..HEAD + length) else { return Ok(None) };
    let port = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    let source = match (local, kind, transport) {
        (false, 1, 1) => {
            let address: [u8; 4] = body[..4].try_into().unwrap_or_default();
            Some(SocketAddr::new(address.into(), port(8)))
        }
        (false, 2, 1) => {
            let address: [u8; 16] = body[..16].try_into().unwrap_or_default();
            Some(SocketAddr::new(address.into(), port(32)))
        }
        _ => None,
    };
    Ok(Some(Header { source, len: HEAD + length }))
}

/// The header of version 2 that an upstream gets: where the client is, and where it connected to. Without both it says
/// that the gate speaks for itself.
pub(crate) fn header(source: Option<SocketAddr>, target: Option<SocketAddr>) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    let canonical = |at: SocketAddr| SocketAddr::new(at.ip().to_canonical(), at.port());
    let (Some(source), Some(target)) = (source.map(canonical), target.map(canonical)) else {
        out.extend_from_slice(&[0x20, 0, 0, 0]);
        return out;
    };
    match (source.ip(), target.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            out.extend_from_slice(&[0x21, 0x11, 0, 12]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
        }
        (from, to) => {
            let six = |address| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped(),
                IpAddr::V6(address) => address,
            };
            out.extend_from_slice(&[0x21, 0x21, 0, 36]);
            out.extend_from_slice(&six(from).octets());
            out.extend_from_slice(&six(to).octets());
        }
    }
    out.extend_from_slice(&source.port().to_be_bytes());
    out.extend_from_slice(&target.port().to_be_bytes());
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn source(bytes: &[u8]) -> Result<Option<String>, HeaderError> {
        read(bytes).map(|header| header.map(|header| header.source.map_or("-".to_owned(), |at| at.to_string())))
    }

    #[test]
    fn lines_of_version_1() {
        for (line, wanted) in [
            ("PROXY TCP4 192.0.2.1 198.51.100.1 4000 80\r\n", Ok(Some("192.0.2.1:4000"))),
            ("PROXY TCP6 2001:db8::1 2001:db8::2 4000 80\r\nGET /", Ok(Some("[2001:db8::1]:4000"))),
            ("PROXY UNKNOWN\r\n", Ok(Some("-"))),
            ("PROXY UNKNOWN whatever it says\r\n", Ok(Some("-"))),
            ("", Ok(None)),
            ("PRO", Ok(None)),
            ("PROXY TCP4 192.0.2.1", Ok(None)),
            ("GET / HTTP/1.1\r\n", Err(HeaderError::Start)),
            ("PROXY  TCP4 192.0.2.1 198.51.100.1 4000 80\r\n", Err(HeaderError::Line)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 4000 80\n", Err(HeaderError::Line)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 4000\r\n", Err(HeaderError::Line)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 4000 80 x\r\n", Err(HeaderError::Line)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 65536 80\r\n", Err(HeaderError::Line)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 +1 080\r\n", Err(HeaderError::Line)),
            ("PROXY TCP4 2001:db8::1 2001:db8::2 4000 80\r\n", Err(HeaderError::Line)),
            ("PROXY TCP4 192.0.2.01 198.51.100.1 4000 80\r\n", Err(HeaderError::Line)),
            ("PROXY UDP4 192.0.2.1 198.51.100.1 4000 80\r\n", Err(HeaderError::Line)),
        ] {
            assert_eq!(source(line.as_bytes()), wanted.map(|wanted| wanted.map(str::to_owned)), "{line:?}");
        }
        let endless = format!("PROXY UNKNOWN {}", "x".repeat(LINE));
        assert_eq!(source(endless.as_bytes()), Err(HeaderError::Length));
    }

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        out.extend_from_slice(&[command, family]);
        out.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
        out.extend_from_slice(body);
        out
    }

    #[test]
    fn heads_of_version_2() {
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0x0f, 0xa0, 0, 80];
        let with_values = [&four[..], &[4, 0, 2, 0, 0]].concat();
        for (bytes, wanted) in [
            (v2(0x21, 0x11, &four), Ok(Some("192.0.2.1:4000"))),
            (v2(0x21, 0x11, &with_values), Ok(Some("192.0.2.1:4000"))),
            (v2(0x20, 0x11, &four), Ok(Some("-"))),
            (v2(0x20, 0x00, &[]), Ok(Some("-"))),
            (v2(0x20, 0x11, &[]), Ok(Some("-"))),
            (v2(0x21, 0x00, &[9; 30]), Ok(Some("-"))),
            (v2(0x21, 0x12, &four), Ok(Some("-"))),
            (v2(0x21, 0x31, &[0; 216]), Ok(Some("-"))),
            (v2(0x21, 0x11, &four[..11]), Err(HeaderError::Length)),
            (v2(0x21, 0x21, &[0; 35]), Err(HeaderError::Length)),
            (v2(0x21, 0x11, &[0; MOST + 1]), Err(HeaderError::Length)),
            (v2(0x11, 0x11, &four), Err(HeaderError::Kind)),
            (v2(0x22, 0x11, &four), Err(HeaderError::Kind)),
            (v2(0x21, 0x41, &four), Err(HeaderError::Kind)),
            (v2(0x21, 0x13, &four), Err(HeaderError::Kind)),
        ] {
            assert_eq!(source(&bytes), wanted.map(|wanted| wanted.map(str::to_owned)), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            from in any::<(IpAddr, u16)>(), to in any::<(IpAddr, u16)>(), rest in any::<Vec<u8>>(), cut in any::<usize>(),
        ) {
            let (from, to) = (SocketAddr::from(from), SocketAddr::from(to));
            let written = header(Some(from), Some(to));
            let cut = cut % written.len();
            prop_assert_eq!(read(&written[..cut]), Ok(None), "a part asks for more");
            let read = read(&[&written[..], &rest].concat()).unwrap().unwrap();
            prop_assert_eq!(read.len, written.len());
            let source = read.source.unwrap();
            prop_assert_eq!((source.ip().to_canonical(), source.port()), (from.ip().to_canonical(), from.port()));
        }

        #[test]
        fn any_bytes_have_one_meaning(bytes in prop_oneof![
            any::<Vec<u8>>(),
            any::<Vec<u8>>().prop_map(|rest| [SIGNATURE, &rest[..]].concat()),
            "PROXY [ -~\r\n]{0,120}".prop_map(String::into_bytes),
        ]) {
            let whole = read(&bytes);
            if let Ok(Some(header)) = whole {
                prop_assert!(header.len <= bytes.len() && header.len <= HEAD + MOST);
                prop_assert_eq!(read(&bytes[..header.len]), whole, "it does not depend on what follows");
                for end in 0..header.len {
                    prop_assert_eq!(read(&bytes[..end]), Ok(None));
                }
            }
            if whole == Ok(None) {
                prop_assert!(bytes.len() < HEAD + MOST, "bounded");
            }
        }
    }
}
