//! A request while it is performed, for the access log.
//!
//! Must stay true: without an access log nothing of a request is kept.

use std::{sync::Arc, time::Instant};

use super::{
    access::{Decided, Line, Logged},
    client::{Client, Socket},
    fields::{Fields as _, Lines},
    forward::plan::Plan,
    ids::Ids,
};
use crate::{actors::shared::Counters, answer::Denial, availability::Moment, http1::head::RequestHead};

impl<S: Socket> Client<S> {
    /// A request begins; no head: it cannot be read.
    pub(in crate::gate) fn log_begin(&mut self, head: Option<&RequestHead<'_, '_>>, ids: Option<&Ids>, now: Moment) {
        if self.gate.access.is_none() {
            return;
        }
        let fields = Lines(head.map_or(&[][..], |head| head.fields));
        let text = |name: &str| {
            let value = fields.lines(name).next();
            value.map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let peer = self.arrival.peer.map(|peer| peer.ip());
        let none = Ids::default();
        let (request_id, trace_id) = ids.unwrap_or(&none).known(&fields);
        let protocol = match head {
            _ if self.arrival.http2 => "HTTP/2.0",
            Some(head) if head.minor == 0 => "HTTP/1.0",
            _ => "HTTP/1.1",
        };
        let line = Box::new(Line {
            at: now,
            client: peer.map(|peer| self.gate.trusted.client_address(peer, &fields)),
            method: head.map_or("-", |head| head.method).to_owned(),
            target: head.map_or("-", |head| head.target).to_owned(),
            protocol,
            host: text("host"),
            referer: text("referer"),
            user_agent: text("user-agent"),
            status: 0,
            bytes: 0,
            decided: Decided::Refused,
            application: None,
            reason: None,
            upstream: None,
            took: Default::default(),
            upstream_took: None,
            request_id,
            trace_id,
        });
        self.logged = Some(Logged { line, begun: Instant::now(), before: self.told(), head: 0 });
    }

    /// What became of it.
    pub(in crate::gate) fn log_decided(&mut self, decided: Decided, application: Option<usize>) {
        let Some(logged) = &mut self.logged else { return };
        logged.line.decided = decided;
        logged.line.application = application.map(|index| self.gate.slots[index].app.name().to_string());
    }

    /// It is turned away with this.
    pub(in crate::gate) fn log_denied(&mut self, denial: &Denial) {
        let Some(logged) = &mut self.logged else { return };
        logged.line.decided = Decided::Closed;
        logged.line.application = denial.apps().next().map(|app| app.name().to_string());
        logged.line.reason = Some(denial.reason().to_owned());
    }

    /// Its answer has this status, and a head of so many bytes.
    pub(in crate::gate) fn log_answer(&mut self, status: u16, head: usize) {
        if let Some(logged) = &mut self.logged {
            logged.line.status = status;
            logged.head += head as u64;
        }
    }

    /// It was forwarded.
    pub(in crate::gate) fn log_forwarded(&mut self, plan: &Plan) {
        if let Some(logged) = &mut self.logged {
            logged.line.upstream = plan.upstream.as_ref().map(Arc::clone);
            logged.line.upstream_took = (plan.answered.0 != 0).then_some(plan.answered.1);
        }
    }

    /// It is answered, or its client is gone.
    pub(in crate::gate) fn log_end(&mut self) {
        let Some(Logged { mut line, begun, before, head }) = self.logged.take() else { return };
        line.bytes = self.told().saturating_sub(before + head);
        line.took = begun.elapsed();
        if let Some(access) = &self.gate.access
            && !access.take(line)
        {
            Counters::count(&self.gate.shared.counters.access_lines_dropped);
        }
    }
}
