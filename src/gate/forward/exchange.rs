//! One forwarded request: the client's socket and an upstream's, both directions at once.
//!
//! [`crate::http1::machine::Exchange`] tracks the state of each direction; this file moves the bytes, enforces
//! the limits, and classifies the failures.
//!
//! What must stay true: the slower side sets the pace, so at most one buffer of each direction is in memory; a
//! truncated body never looks complete at the other end; each direction has its own limit, so that a busy one
//! does not keep a dead one alive; when the client is gone, the upstream's request ends.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    time::Instant,
};

use super::{
    heads,
    pool::Link,
    retry::{self, From},
};
use crate::{
    clock,
    gate::{
        connection::client::{Client, Socket},
        error::{Fault, ProxyError},
        limits::{BUFFER, COLLECTED, READ_AHEAD},
    },
    http1::{
        framing,
        head::{self, Slots},
        machine::{Exchange, Reply},
        write,
    },
    noise::Noise,
};

static BROKEN_ANSWERS: Noise = Noise::new("answer_broken");

/// A request that is to be forwarded.
pub(in crate::gate) struct Plan {
    /// The application that performs it.
    pub(in crate::gate) application: usize,
    /// Its head as the upstream gets it, without the empty line at its end.
    pub(in crate::gate) head: Vec<u8>,
    /// The head has no Host.
    pub(in crate::gate) hostless: bool,
    /// May be sent twice.
    pub(in crate::gate) repeatable: bool,
    /// Where both directions stand.
    pub(in crate::gate) exchange: Exchange,
}

/// The end of an exchange.
pub(in crate::gate) enum End {
    /// Its answer was passed on; the connection goes on if the exchange says so.
    Answered,
    /// There is no answer, for this reason; nothing of one was passed on.
    Failed(ProxyError),
    /// The client is gone, or its answer broke off: the connection cannot be used any more.
    Gone,
}

/// Why a try has no answer.
enum Failure {
    /// The used connection was closed before it answered, and the request may be sent again.
    Again,
    /// See [`End::Failed`].
    Failed(ProxyError),
    /// See [`End::Gone`].
    Gone,
}

/// Forwards the request to an upstream, and passes on its answer.
pub(in crate::gate) async fn perform<S: Socket>(client: &mut Client<S>, plan: &mut Plan) -> End {
    let mut from = From::Pool;
    loop {
        let (worker, application) = (client.worker.clone(), plan.application);
        let upstreams = &worker.gate.served[application].upstreams;
        let (mut link, mut attempt) = match retry::connect(&worker.pool, upstreams, from).await {
            Ok(connected) => connected,
            Err(error) => return End::Failed(error),
        };
        let mut way = Way::new(client, plan, &mut link);
        let mut awaited = true;
        let done = poll_fn(|cx| {
            let polled = way.poll(cx);
            if awaited && !way.plan.exchange.is_awaited() {
                awaited = false;
                attempt.answered();
            }
            polled
        });
        let done = done.await;
        let reusable = way.deaf.is_none() && !way.ended && plan.exchange.keeps_upstream(link.input.raw());
        match done {
            Ok(()) => {
                if let Some(buffer) = link.input.take_buffer() {
                    worker.buffers.put(buffer);
                }
                if reusable {
                    worker.pool.give_back(link);
                }
                return End::Answered;
            }
            Err(Failure::Again) => from = From::New,
            Err(Failure::Failed(error)) => {
                if error.is_upstreams_fault() {
                    attempt.failed(clock::mono());
                }
                return End::Failed(error);
            }
            Err(Failure::Gone) => return End::Gone,
        }
    }
}

/// One try.
struct Way<'a, S> {
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
    /// How long the answer may be silent.
    patience: Duration,
    /// Since when, and from which byte on, an upload goes on behind its answer.
    draining: Option<(Instant, u64)>,
    /// Which ends of a tunnel have been closed for sending.
    shut: [bool; 2],
}

impl<'a, S: Socket> Way<'a, S> {
    fn new(client: &'a mut Client<S>, plan: &'a mut Plan, link: &'a mut Link) -> Self {
        let head_end = plan.head.len();
        if plan.hostless {
            write::field(&mut plan.head, "host", link.authority().as_bytes());
        }
        plan.head.extend_from_slice(b"\r\n");
        let limits = client.worker.limits;
        link.bear(if plan.exchange.is_upload_over() { limits.connect } else { limits.body });
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
            draining: None,
            shut: [false; 2],
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
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

    fn name(&self) -> String {
        self.link.authority().to_string()
    }

    fn pending_up(&self) -> bool {
        self.deaf.is_none() && (self.sent < self.plan.head.len() || !self.client.input.ready().is_empty())
    }

    /// Writes to the upstream. Returns whether anything moved.
    fn write_up(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let mut moved = false;
        while self.pending_up() {
            let head = &self.plan.head[self.sent..];
            let slices = [IoSlice::new(head), IoSlice::new(self.client.input.ready())];
            let slices = if head.is_empty() { &slices[1..] } else { &slices[..] };
            match Pin::new(&mut self.link.stream).poll_write_vectored(cx, slices) {
                Poll::Ready(Ok(n)) => {
                    let of_head = n.min(head.len());
                    self.sent += of_head;
                    self.client.input.written(n - of_head);
                    moved = true;
                }
                Poll::Ready(Err(error)) if self.sent == 0 => return Err(self.broken(Fault::Io(error))),
                Poll::Ready(Err(error)) => {
                    // It may have answered before it closed.
                    self.deaf = Some(error);
                    self.plan.exchange.drop_upload();
                    self.client.input.written(usize::MAX / 2);
                }
                Poll::Pending => break,
            }
        }
        let tunnel = self.plan.exchange.is_tunnel() && self.client.ended && !self.pending_up();
        if tunnel && !self.shut[0] {
            self.shut[0] = true;
            _ = Pin::new(&mut self.link.stream).poll_shutdown(cx);
        }
        Ok(moved)
    }

    /// Reads from the client: its body, its part of a tunnel, or further requests.
    fn read_client(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let ahead = self.plan.exchange.is_upload_over() && !self.plan.exchange.is_tunnel();
        let limit = if ahead { READ_AHEAD } else { BUFFER };
        let mut moved = false;
        while !self.client.ended && self.client.input.has_space(limit) {
            match self.client.poll_fill(cx, limit) {
                Poll::Ready(Ok(n)) => {
                    moved |= !ahead;
                    // One piece at a time is passed on, so that both directions get their turn.
                    if n == 0 || !ahead {
                        break;
                    }
                }
                Poll::Ready(Err(_)) => return Err(Failure::Gone),
                Poll::Pending => break,
            }
        }
        let passed = match self.plan.exchange.upload(&mut self.client.input) {
            Ok(passed) => passed,
            Err(error) => return Err(self.fail(error.into())),
        };
        self.body += passed;
        let limits = self.client.worker.limits;
        if self.body > limits.max_body && !self.plan.exchange.is_tunnel() {
            return Err(self.fail(ProxyError::TooLarge(limits.max_body)));
        }
        if self.client.ended && !self.plan.exchange.is_upload_over() {
            return Err(self.fail(crate::http1::pipe::BodyError::Cut.into()));
        }
        Ok(moved || passed > 0)
    }

    /// Reads from the upstream: heads, and the body of the final answer.
    fn read_upstream(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let mut moved = false;
        let limit = if self.plan.exchange.is_awaited() { head::MAX_ANSWER_HEAD + 64 } else { BUFFER };
        let wanted = !self.plan.exchange.is_complete() && self.client.unwritten() < COLLECTED;
        if self.broken {
            return Ok(false);
        }
        if !self.ended && wanted && self.link.input.has_space(limit) {
            if !self.link.input.has_buffer() {
                self.link.input.lend(self.client.worker.buffers.middle());
            }
            let mut read = ReadBuf::new(self.link.input.space(limit));
            match Pin::new(&mut self.link.stream).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) => {
                    let n = read.filled().len();
                    self.link.input.filled(n);
                    self.ended = n == 0;
                    self.heard |= n > 0;
                    moved = true;
                }
                Poll::Ready(Err(error)) if self.plan.exchange.is_awaited() => return Err(self.broken(Fault::Io(error))),
                Poll::Ready(Err(error)) => {
                    self.break_off(&error);
                    return Ok(true);
                }
                Poll::Pending => {}
            }
        }
        while self.plan.exchange.is_awaited() && self.client.unwritten() < COLLECTED && self.read_head()? {}
        let done = self.plan.exchange.download(&mut self.link.input).and_then(|passed| {
            moved |= passed > 0;
            // What came before its end is passed on first.
            let written = self.client.unwritten() == 0 && self.link.input.ready().is_empty();
            if self.ended && written && self.plan.exchange.is_streaming() {
                moved = true;
                return self.plan.exchange.download_ended(&mut self.link.input);
            }
            Ok(())
        });
        if let Err(error) = done {
            self.break_off(&error);
            return Ok(true);
        }
        Ok(moved)
    }

    /// What is in order is still passed on; then both connections end.
    fn break_off(&mut self, error: &dyn std::error::Error) {
        if BROKEN_ANSWERS.admits() {
            log::warn!(upstream:% = self.link.authority(), error:%; "answer_broken");
        }
        self.broken = true;
    }

    /// Reads one head of an answer, if it has arrived. Returns whether it has.
    fn read_head(&mut self) -> Result<bool, Failure> {
        let raw = self.link.input.raw();
        if !self.search.is_worthwhile(raw) {
            return match self.ended {
                true => Err(self.broken(Fault::Closed)),
                false => Ok(false),
            };
        }
        let mut slots = Slots::default();
        let answer = match head::answer(raw, &mut slots) {
            Ok(Some(answer)) => answer,
            Ok(None) if self.ended => return Err(self.broken(Fault::Closed)),
            Ok(None) => return Ok(false),
            Err(error @ head::HeadError::Malformed(_)) => return Err(self.broken(Fault::Head(error))),
            Err(error) => return Err(self.refuse(Fault::Head(error))),
        };
        let meaning = match framing::answer(&answer, self.plan.exchange.asked_head()) {
            Ok(meaning) => meaning,
            Err(error) => return Err(self.refuse(Fault::Framing(error))),
        };
        if self.client.worker.is_stopping() {
            self.plan.exchange.end_client();
        }
        let reply = match self.plan.exchange.answer(answer.status, &meaning) {
            Ok(reply) => reply,
            Err(error) => return Err(self.refuse(Fault::Answer(error))),
        };
        if reply != Reply::Ignored {
            let worker = &self.client.worker;
            worker.date.with(|date| heads::answer(&mut self.client.output, &answer, &meaning, &reply, date));
        }
        let limits = self.client.worker.limits;
        let stream = |field: &head::Field<'_>| {
            field.name.eq_ignore_ascii_case("content-type")
                && field.value.get(..17).is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"))
        };
        if reply == Reply::Switched || answer.fields.iter().any(stream) {
            self.patience = limits.tunnel;
        }
        let len = answer.len;
        self.link.input.consume(len);
        self.search = head::Search::default();
        Ok(true)
    }

    /// Writes to the client: heads, then the ready part of the body. Returns whether anything moved.
    fn write_down(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let mut moved = false;
        while self.client.unwritten() > 0 || !self.link.input.ready().is_empty() {
            match self.client.poll_write(cx, self.link.input.ready()) {
                Poll::Ready(Ok(of_body)) => {
                    self.link.input.written(of_body);
                    moved = true;
                }
                Poll::Ready(Err(_)) => return Err(Failure::Gone),
                Poll::Pending => break,
            }
        }
        let over = self.ended && self.plan.exchange.is_tunnel() && self.link.input.is_empty();
        if over && !self.shut[1] && self.client.unwritten() == 0 {
            self.shut[1] = true;
            _ = Pin::new(&mut self.client.socket).poll_shutdown(cx);
        }
        Ok(moved)
    }

    fn is_done(&mut self) -> bool {
        let written = self.client.unwritten() == 0 && self.link.input.ready().is_empty();
        if self.plan.exchange.is_tunnel() {
            return self.shut == [true; 2] && written;
        }
        if !self.plan.exchange.is_complete() || !written {
            return false;
        }
        if self.plan.exchange.is_upload_over() && !self.pending_up() {
            return true;
        }
        let limits = self.client.worker.limits;
        let (since, from) = *self.draining.get_or_insert((Instant::now(), self.body));
        self.body - from > limits.drained || since.elapsed() >= limits.drain
    }

    /// Sets the deadline of the current wait. Returns what to do if it has passed.
    fn wait(&mut self, cx: &mut Context<'_>) -> Option<Result<(), Failure>> {
        loop {
            let (due, late) = self.due();
            let now = Instant::now();
            if due <= now {
                return Some(late.map_or(Ok(()), |error| Err(self.fail(error))));
            }
            self.client.deadline.set_at(due);
            if !self.client.deadline.poll(cx) {
                return None;
            }
        }
    }

    /// The deadline of the current wait, and the meaning of missing it. `None`: the exchange just ends.
    fn due(&self) -> (Instant, Option<ProxyError>) {
        let limits = &self.client.worker.limits;
        let exchange = &self.plan.exchange;
        if let Some((since, _)) = self.draining {
            return (since + limits.drain, None);
        }
        if exchange.is_tunnel() {
            let limit = if self.shut == [false; 2] { limits.tunnel } else { limits.body };
            return (self.up.max(self.down) + limit, Some(ProxyError::SilentUpload(limit)));
        }
        let slow = |phase, limit| ProxyError::Timeout { upstream: self.name(), phase, limit };
        let writing = self.pending_up();
        let uploading = !exchange.is_upload_over();
        let up = match (writing, uploading) {
            (true, _) => Some((self.up + limits.body, slow("read", limits.body))),
            (false, true) if !exchange.is_expecting() => {
                Some((self.up + limits.body, ProxyError::SilentUpload(limits.body)))
            }
            _ => None,
        };
        let down = match exchange.is_awaited() {
            true if uploading && !exchange.is_expecting() => None,
            true => Some((self.up.max(self.down) + limits.upstream, slow("answer", limits.upstream))),
            false => {
                // A stream may be silent for long, but its reader has to read.
                let unread = self.client.unwritten() > 0 || !self.link.input.ready().is_empty();
                let limit = if unread { limits.body } else { self.patience };
                Some((self.down + limit, slow("answer", limit)))
            }
        };
        let earlier = up.into_iter().chain(down).min_by_key(|(due, _)| *due);
        let never = || (self.up + limits.upstream, slow("answer", limits.upstream));
        let (due, error) = earlier.unwrap_or_else(never);
        (due, Some(error))
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
