//! A WebSocket that is accepted in order to say why it is closed (docs/contract.md#denials-for-programs).

use crate::gate::{
    client::{Client, Socket},
    websocket::Handshake,
};
use crate::{answer::Denial, http1::write, text::Language};

impl<S: Socket> Client<S> {
    /// Accepts, and closes with the reason. Nothing may follow on the connection.
    pub(super) fn tell_socket(&mut self, denial: &Denial, handshake: &Handshake<'_>, language: &Language) {
        self.lend_output();
        let out = &mut self.output;
        write::status_line(out, 101, "Switching Protocols");
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
        handshake.fields().for_each(|(name, value)| write::field(out, name, &value));
        self.worker.date.with(|date| write::field(&mut self.output, "date", date));
        self.output.extend_from_slice(b"\r\n");
        self.log_answer(101, 0);
        self.output.extend_from_slice(&denial.closing_frame(language));
    }
}
