//! A WebSocket's handshake that can be accepted (docs/contract.md#denials-for-programs): scripts see nothing of a
//! refused one but code 1006, so a denial accepts it in order to say why it closes.

use bytes::Bytes;
use sha1_smol::Sha1;

use super::fields::{Fields, members};

/// What a server adds to a client's key (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The length of a key: 16 bytes in base64.
const KEY: usize = 24;

/// See the module.
pub(super) struct Handshake<'b> {
    key: &'b [u8],
    /// The first subprotocol that it offers: a browser drops a connection that takes none.
    protocol: Option<&'b str>,
}

impl<'b> Handshake<'b> {
    /// `upgrade` is the protocol that a request without a body wants. `None`: it is no handshake, or not a valid one
    /// (RFC 6455, section 4.2.1).
    pub(super) fn of<F: Fields>(method: &str, upgrade: Option<&[u8]>, fields: &'b F) -> Option<Self> {
        if method != "GET" || !upgrade?.eq_ignore_ascii_case(b"websocket") {
            return None;
        }
        let only = |name| {
            let mut lines = fields.lines(name);
            lines.next().filter(|_| lines.next().is_none())
        };
        let (version, key) = (only("sec-websocket-version")?, only("sec-websocket-key")?);
        let base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        let valid = key.len() == KEY && key.ends_with(b"==") && key[..KEY - 2].iter().all(base64);
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let protocol = members(fields, "sec-websocket-protocol").next().filter(|name| name.bytes().all(token));
        (version == b"13" && valid).then_some(Self { key, protocol })
    }

    /// The fields that accept it, but for those of the connection.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, Bytes)> {
        let mut hash = Sha1::from(self.key);
        hash.update(GUID);
        let accept = crate::answer::base64(&hash.digest().bytes());
        let protocol = self.protocol.map(|name| ("sec-websocket-protocol", Bytes::copy_from_slice(name.as_bytes())));
        [("sec-websocket-accept", Bytes::from(accept))].into_iter().chain(protocol)
    }
}
