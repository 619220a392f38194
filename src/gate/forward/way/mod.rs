//! One try of a request: the client's socket and an upstream's, both directions at once.
//!
//! ```text
//! client → up::read_client → up::write_up → upstream
//! client ← down::write_down ← down::read_upstream ← upstream
//! ```
//!
//! [`crate::http1::machine::Exchange`] tracks the state of each direction. [`up`] and [`down`] move the bytes,
//! [`due`] says how long each may stand still, and this file classifies the failures.
//!
//! What must stay true: the slower side sets the pace, so at most one buffer of each direction is in memory; a
//! truncated body never looks complete at the other end; each direction has its own limit, so that a busy one
//! does not keep a dead one alive; when the client is gone, the upstream's request ends.

mod down;
mod due;
mod up;

use std::{
    io,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;

use super::plan::Plan;
use crate::{
    gate::{
        client::{Client, Socket},
        error::{Fault, ProxyError},
        inject::Inject,
        pool::Link,
    },
    http1::{head, write},
};

/// Why a try has no answer.
pub(super) enum Failure {
    /// The used connection was closed before it answered, and the request may be sent again.
    Again,
    /// There is none, for this reason; nothing of one was passed on.
    Failed(ProxyError),
    /// The client is gone, or its answer broke off.
    Gone,
}

/// One try.
pub(super) struct Way<'a, S> {
    client: &'a mut Client<S>,
    plan: &'a mut Plan,
    link: &'a mut Link,
    /// Bytes of the head that were written.
    sent: usize,
    /// The head with the empty line at its end, and Host if it had none, is `plan.head`; before, it ended here.
    head_end: usize,
    /// Bytes of the body that went through.
    body: u64,
    /// The upstream takes nothing more.
    deaf: Option<io::Error>,
    /// It has closed.
    ended: bool,
    /// Its answer breaks off here: what has been passed on must not look complete.
    broken: bool,
    /// Something of an answer has come.
    heard: bool,
    search: head::Search,
    /// When bytes last moved towards the upstream, and towards the client.
    up: Instant,
    down: Instant,
    /// How long the answer may be silent, and how long the request's body.
    patience: Duration,
    upload_patience: Duration,
    /// Since when, and from which byte on, an upload goes on behind its answer.
    draining: Option<(Instant, u64)>,
    /// Puts the script behind the answer.
    inject: Option<Inject>,
    /// Which ends of a tunnel have been closed for sending.
    shut: [bool; 2],
}

impl<'a, S: Socket> Way<'a, S> {
    pub(super) fn new(client: &'a mut Client<S>, plan: &'a mut Plan, link: &'a mut Link) -> Self {
        let head_end = plan.head.len();
        if plan.hostless {
            write::field(&mut plan.head, "host", link.authority().as_bytes());
        }
        plan.head.extend_from_slice(b"\r\n");
        let limits = client.gate.limits;
        link.bear(if plan.exchange.is_upload_over() { limits.connect } else { limits.body });
        // A call of gRPC may be open for long without a message in either direction. It comes by HTTP/2.
        let calls = client.arrival.http2 && contains(&plan.head, b"\r\ncontent-type: application/grpc");
        let now = Instant::now();
        Self {
            client,
            plan,
            link,
            sent: 0,
            head_end,
            body: 0,
            deaf: None,
            ended: false,
            broken: false,
            heard: false,
            search: head::Search::default(),
            up: now,
            down: now,
            patience: limits.body,
            upload_patience: if calls { limits.tunnel } else { limits.body },
            draining: None,
            inject: None,
            shut: [false; 2],
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            let up = self.write_up(cx)? | self.read_client(cx)?;
            let down = self.read_upstream(cx)? | self.write_down(cx)?;
            if self.broken && self.client.unwritten() == 0 && self.link.input.ready().is_empty() {
                return Poll::Ready(Err(Failure::Gone));
            }
            if up || down {
                let now = Instant::now();
                self.up = if up { now } else { self.up };
                self.down = if down { now } else { self.down };
            }
            if self.is_done() {
                return Poll::Ready(Ok(()));
            }
            if !up && !down {
                break;
            }
        }
        match self.wait(cx) {
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        }
    }

    /// Whether the final answer has begun.
    pub(super) fn is_answered(&self) -> bool {
        !self.plan.exchange.is_awaited()
    }

    /// Whether the upstream's connection works in both directions.
    pub(super) fn is_whole(&self) -> bool {
        self.deaf.is_none() && !self.ended
    }

    fn name(&self) -> String {
        self.link.authority().to_string()
    }

    fn is_done(&mut self) -> bool {
        let written = self.client.unwritten() == 0 && self.link.input.ready().is_empty();
        if self.plan.exchange.is_tunnel() {
            return self.shut == [true; 2] && written;
        }
        let changed = self.inject.as_ref().is_none_or(Inject::is_over);
        if !self.plan.exchange.is_complete() || !written || !changed {
            return false;
        }
        if self.plan.exchange.is_upload_over() && !self.pending_up() {
            return true;
        }
        let limits = self.client.gate.limits;
        let (since, from) = *self.draining.get_or_insert((Instant::now(), self.body));
        self.body - from > limits.drained || since.elapsed() >= limits.drain
    }

    /// The upstream's connection failed, or its bytes are not HTTP.
    fn broken(&mut self, source: Fault) -> Failure {
        let closed = matches!(source, Fault::Closed | Fault::Io(_)) && !self.heard;
        let unsent = self.sent == 0;
        if closed && self.link.reused && (unsent || self.plan.repeatable) {
            self.plan.head.truncate(self.head_end);
            return Failure::Again;
        }
        let source = match (source, self.deaf.take()) {
            (Fault::Closed, Some(error)) => Fault::Io(error),
            (source, _) => source,
        };
        let upstream = self.name();
        self.fail(ProxyError::Broken { upstream, source })
    }

    /// The answer is HTTP that cannot be passed on.
    fn refuse(&mut self, source: Fault) -> Failure {
        let upstream = self.name();
        self.fail(ProxyError::Answer { upstream, source })
    }

    /// Before a final answer this becomes one; behind it, the connection breaks off.
    fn fail(&mut self, error: ProxyError) -> Failure {
        if self.plan.exchange.is_awaited() {
            return Failure::Failed(error);
        }
        log::debug!(error:%; "exchange_ended");
        Failure::Gone
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
