//! The gate between a raw client and a raw upstream, all on real sockets, byte by byte.
//!
//! The gate is a real one with a port of its own; both ends are scripted by the test, so that order and framing on
//! the wire are what is looked at. Nothing sleeps: every step waits for the bytes before it, and [`within`] ends a
//! test that waits in vain.
#![allow(missing_docs, clippy::unwrap_used)]

mod expectations;
mod failures;
mod forms;
mod fuzz;
mod http2;
mod injecting;
mod limits;
mod messages;
mod programs;
mod stage;
mod streams;
mod tunnels;

use std::{future::Future, time::Duration};

use forewarn::gate::limits::Limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use self::stage::Stage;

/// One end of a connection, with what was read and not yet looked at.
struct Wire {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Wire {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, seen: Vec::new() }
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads up to and including `end`.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.seen.windows(end.len()).position(|w| w == end.as_bytes()) {
                let rest = self.seen.split_off(at + end.len());
                return String::from_utf8(std::mem::replace(&mut self.seen, rest)).unwrap();
            }
            let n = self.stream.read_buf(&mut self.seen).await.unwrap();
            assert!(n > 0, "closed before {end:?}: {:?}", String::from_utf8_lossy(&self.seen));
        }
    }

    /// Ends the connection as a process does that dies.
    fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// Asks for what is closed until the answer says that it is the last: this client's worker has learned that
    /// the gate stops, which it does after the acceptor.
    async fn ask_until_last(&mut self) {
        let mut is_last = false;
        while !is_last {
            self.send("HEAD /mail HTTP/1.1\r\nHost: farm\r\n\r\n").await;
            let head = self.head().await;
            assert_eq!(head.status(), 503);
            is_last = head.all("connection") == ["close"];
        }
    }

    /// A message's head.
    async fn head(&mut self) -> Head {
        Head(self.until("\r\n\r\n").await)
    }

    /// Everything up to the end of the connection, however it ends.
    async fn rest(&mut self) -> String {
        while self.stream.read_buf(&mut self.seen).await.is_ok_and(|n| n > 0) {}
        String::from_utf8(std::mem::take(&mut self.seen)).unwrap()
    }
}

/// A message's head, as text.
struct Head(String);

impl Head {
    fn first_line(&self) -> &str {
        self.0.lines().next().unwrap()
    }

    /// All values of a header, in order.
    fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.0.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    fn status(&self) -> u16 {
        self.first_line().split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// Ends a test that hangs, long after it should have passed.
async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), test).await.expect("the test hangs")
}
