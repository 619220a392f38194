//! A WebSocket that is accepted in order to say why it is closed (docs/contract.md#denials-for-programs): scripts
//! see nothing of a refused handshake but code 1006.

use sha1_smol::Sha1;

use crate::gate::client::{Client, Socket};
use crate::{
    answer::Denial,
    gate::fields::{Fields, Lines, members},
    http1::{
        framing::{Body, RequestMeaning},
        head::RequestHead,
        write,
    },
    text::Language,
};

/// What a server adds to a client's key (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The length of a key: 16 bytes in base64.
const KEY: usize = 24;

/// A handshake that can be accepted.
pub(super) struct Handshake<'b> {
    key: &'b [u8],
    /// The first subprotocol that it offers: a browser drops a connection that takes none.
    protocol: Option<&'b str>,
}

impl<'b> Handshake<'b> {
    /// `None`: it is no handshake, or not a valid one (RFC 6455, section 4.2.1).
    pub(super) fn of(head: &RequestHead<'_, 'b>, meaning: &RequestMeaning<'b>, fields: &'b Lines<'b>) -> Option<Self> {
        let upgrade = meaning.upgrade?;
        if head.method != "GET" || meaning.body != Body::None || !upgrade.eq_ignore_ascii_case(b"websocket") {
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
}

impl<S: Socket> Client<S> {
    /// Accepts, and closes with the reason. Nothing may follow on the connection.
    pub(super) fn tell_socket(&mut self, denial: &Denial, handshake: &Handshake<'_>, language: &Language) {
        let mut hash = Sha1::from(handshake.key);
        hash.update(GUID);
        self.lend_output();
        let out = &mut self.output;
        write::status_line(out, 101, "Switching Protocols");
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
        write::field(out, "sec-websocket-accept", crate::answer::base64(&hash.digest().bytes()).as_bytes());
        if let Some(protocol) = handshake.protocol {
            write::field(out, "sec-websocket-protocol", protocol.as_bytes());
        }
        self.worker.date.with(|date| write::field(&mut self.output, "date", date));
        self.output.extend_from_slice(b"\r\n");
        self.log_answer(101, 0);
        self.output.extend_from_slice(&denial.closing_frame(language));
    }
}
