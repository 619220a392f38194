//! From the upstream to the client: heads, then the body of the final answer, or the upstream's part of a tunnel.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead as _, ReadBuf};

use super::{super::heads, Failure, Way};
use crate::{
    gate::{
        client::Socket,
        error::Fault,
        inject::{self, Inject},
        limits::{BUFFER, COLLECTED},
    },
    http1::{
        framing,
        head::{self, Slots},
        machine::Reply,
    },
    noise::Noise,
};

/// The largest piece of a body that is copied behind its head: cheaper than a write of two buffers.
const JOINED: usize = 2 * 1024;

static BROKEN_ANSWERS: Noise = Noise::new("answer_broken");

impl<S: Socket> Way<'_, S> {
    /// Reads from the upstream: heads, and the body of the final answer.
    pub(super) fn read_upstream(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
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
        let mut reply = match self.plan.exchange.answer(answer.status, &meaning) {
            Ok(reply) => reply,
            Err(error) => return Err(self.refuse(Fault::Answer(error))),
        };
        if self.plan.inject
            && self.plan.exchange.is_streaming()
            && let Reply::Final(framed) = &mut reply
        {
            let modern = self.plan.exchange.is_modern();
            self.inject = Inject::of(answer.status, answer.fields, framed, modern);
            self.inject.iter().for_each(|_| self.plan.exchange.change_download());
        }
        self.plan.answered = (answer.status, self.plan.begun.elapsed());
        if reply != Reply::Ignored {
            let (worker, gate) = (std::rc::Rc::clone(&self.client.worker), std::sync::Arc::clone(&self.client.gate));
            let notices = &self.plan.notices;
            let hsts = gate.hsts.as_deref().filter(|_| self.client.arrival.secure);
            let out = &mut self.client.output;
            let from = out.len();
            let rules = &gate.served[self.plan.application].answer_headers;
            worker.date.with(|date| {
                heads::answer(out, &answer, &meaning, &reply, heads::Beside { notices, rules, date, hsts });
            });
            if self.inject.is_some() {
                inject::weaken(out, from);
            }
            let written = self.client.output.len() - from;
            self.client.log_answer(answer.status, written);
        }
        let limits = self.client.gate.limits;
        let stream = |field: &head::Field<'_>| {
            field.name.eq_ignore_ascii_case("content-type")
                && [&b"text/event-stream"[..], b"application/grpc"]
                    .into_iter()
                    .any(|kind| field.value.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind)))
        };
        if reply == Reply::Switched || answer.fields.iter().any(stream) {
            self.patience = limits.tunnel;
        }
        let len = answer.len;
        self.link.input.consume(len);
        self.search = head::Search::default();
        Ok(true)
    }

    /// Moves what is ready of a page through [`Inject`] into the client's output, which stays within bounds.
    fn inject(&mut self) -> bool {
        let Some(inject) = &mut self.inject else { return false };
        if self.broken {
            // What is left of it goes nowhere.
            let left = self.link.input.ready().len();
            self.link.input.written(left);
            return left > 0;
        }
        if inject.is_over() || self.client.unwritten() >= COLLECTED {
            return false;
        }
        let ready = self.link.input.ready();
        let (length, out) = (ready.len(), &mut self.client.output);
        let done = match length {
            0 if !self.plan.exchange.is_complete() => return false,
            0 => inject.end(out),
            _ => inject.pass(ready, out),
        };
        self.link.input.written(length);
        if let Err(error) = done {
            self.break_off(&error);
        }
        true
    }

    /// Writes to the client: heads, then the ready part of the body. Returns whether anything moved.
    pub(super) fn write_down(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let mut moved = self.inject();
        let plain = self.inject.is_none();
        let small = if plain { self.link.input.ready().len() } else { 0 };
        if self.client.unwritten() > 0 && (1..=JOINED).contains(&small) {
            self.client.output.extend_from_slice(self.link.input.ready());
            self.link.input.written(small);
        }
        while self.client.unwritten() > 0 || (plain && !self.link.input.ready().is_empty()) {
            let ready = if plain { self.link.input.ready() } else { &[] };
            match self.client.poll_write(cx, ready) {
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
            self.shut[1] = Pin::new(&mut self.client.socket).poll_shutdown(cx).is_ready();
        }
        Ok(moved)
    }
}
