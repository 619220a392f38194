//! Hostile frames of HTTP/2 to a whole gate. Whatever a client sends, the gate answers the next one.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::mpsc,
    time::Duration,
};

use super::driver::{outcome, run};
use crate::{Stage, http2::frame};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The most that is read of an answer.
const MOST: usize = 256 * 1024;

/// A gate on a thread of its own; its upstream accepts connections and closes them at once.
struct Gate {
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Gate {
    fn start() -> Self {
        let (send, address) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let stage = Stage::new().await;
                send.send(stage.gate).unwrap();
                let upstream = async {
                    loop {
                        drop(stage.accept().await);
                    }
                };
                tokio::select! {
                    _ = stopped => {}
                    () = upstream => {}
                }
                stage.server.stop(false).await;
            });
        });
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    fn client(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        client
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
        let ended = self.thread.take().map(std::thread::JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()), "the gate has panicked");
    }
}

/// The kinds of frames in an answer, and the codes of errors.
fn kinds(answer: &[u8]) -> String {
    let (mut kinds, mut rest) = (String::new(), answer);
    while let Some(head) = rest.get(..9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let Some(payload) = rest.get(9..9 + length) else { break };
        // the gate's own frames are what the standard says: known kinds, and no larger than was allowed
        assert!(head[3] <= 9 && length <= 16_384, "{head:?}");
        let code = if [3, 7].contains(&head[3]) { payload.last().copied().unwrap_or(0) } else { 0 };
        let kind = char::from(b'a' + head[3]);
        if !kinds.ends_with(kind) {
            kinds.push(kind);
            kinds.push(char::from(b'A' + code.min(20)));
        }
        rest = &rest[9 + length..];
    }
    kinds
}

#[test]
fn http2_frames() {
    let gate = Gate::start();
    let words = [
        "\0\0\0\x04\0\0\0\0\0",
        "\0\0\x04\x08\0\0\0\0\0\x7f\x7f\x7f\x7f",
        "\0\0\x08\x06\0\0\0\0\x0001234567",
        "\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08",
        "\0\0\0\0\x01\0\0\0\x01",
        "\x01\x05",
        "\x09\x04",
        ":path",
        ":authority",
        "connection",
        "te",
        "content-length",
        "/mail/x",
    ];
    run("http2", &words, |bytes| {
        let mut client = gate.client();
        client.write_all(PREFACE).unwrap();
        // The gate may end the connection while this is written.
        let sent = client.write_all(bytes).and_then(|()| client.write_all(&frame(7, 0, 0, &[0; 8])));
        client.shutdown(Shutdown::Write).ok();
        let mut answer = Vec::new();
        let read = client.take(MOST as u64).read_to_end(&mut answer);
        let slow = |error: &std::io::Error| {
            matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
        };
        assert!(!read.as_ref().is_err_and(slow), "the connection does not end");
        // somebody else is served meanwhile
        let mut other = gate.client();
        other.write_all(b"GET /mail/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
        let mut head = [0; 12];
        other.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 503");
        outcome(&format!("{} {} {}", kinds(&answer), sent.is_ok(), read.is_ok()))
    });
}
