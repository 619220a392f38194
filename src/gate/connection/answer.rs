//! Answers that the gate writes itself, straight into a connection's output: denials and problems.
//!
//! What must stay true: they are, byte for byte, the answers of the App to the same request
//! ([`super::super::service`]); the tests compare the two.

use std::sync::Arc;

use actix_web::http::StatusCode;
use bytes::Bytes;

use crate::gate::client::{Client, Socket};
use crate::{
    answer::{Denial, Occasion, Problem, ProblemKind, Shape},
    gate::{audience::Audience, error::ProxyError, forward::heads::HSTS},
    http1::write,
    text::{Language, english},
};

/// How a client is to be answered.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    pub(super) shape: Shape,
    /// Its path, as far as it is known.
    pub(super) instance: Box<str>,
    /// Its method is GET or HEAD.
    pub(super) reading: bool,
    /// Its method is HEAD.
    pub(super) head: bool,
    /// It speaks HTTP/1.0.
    pub(super) old: bool,
    /// Another request may follow.
    pub(super) keeps: bool,
    /// What the client reads.
    pub(super) language: Arc<Language>,
}

impl Manner {
    /// For bytes that are no request.
    pub(super) fn unknown() -> Self {
        Self {
            shape: Shape::Json,
            instance: "/".into(),
            reading: true,
            head: false,
            old: false,
            keeps: false,
            language: Arc::clone(english()),
        }
    }

    /// The same, but for whether the connection goes on.
    pub(super) fn or_close(&self, close: bool) -> Self {
        Self { keeps: self.keeps && !close, ..self.clone() }
    }
}

/// Which parts of an answer depend on its connection.
pub(super) struct Wire {
    pub(super) head: bool,
    pub(super) old: bool,
    pub(super) keeps: bool,
}

impl<S: Socket> Client<S> {
    /// Answers that the application is unavailable.
    pub(super) fn tell_denial(
        &mut self,
        denial: &Denial,
        audience: &Audience<'_>,
        occasion: &Occasion<'_>,
        wire: &Wire,
    ) {
        if let Some(told) = audience.told(denial, occasion) {
            return self.tell(told.status, told.fields.into_iter(), &told.body, wire);
        }
        // The body first, for its length stands in the head; its buffer is the worker's.
        let mut body = self.worker.scratch.take();
        denial.append_body(&mut body, occasion);
        self.head_of_denial(denial, occasion, body.len(), wire, |out| {
            audience.fields(occasion.shape, |name, value| write::field(out, name, value));
        });
        if !wire.head {
            self.output.extend_from_slice(&body);
        }
        body.clear();
        self.worker.scratch.set(body);
    }

    /// The whole head of a denial with a body of `length` bytes; `more` adds fields.
    pub(super) fn head_of_denial(
        &mut self,
        denial: &Denial,
        occasion: &Occasion<'_>,
        length: usize,
        wire: &Wire,
        more: impl FnOnce(&mut Vec<u8>),
    ) {
        self.lend_output();
        let out = &mut self.output;
        let before = out.len();
        out.extend_from_slice(b"HTTP/1.1 503 Service Unavailable\r\n");
        write::length(out, length as u64);
        denial.append_lines(out, occasion);
        if let Some(seconds) = denial.retry_after(occasion) {
            out.extend_from_slice(b"retry-after: ");
            write::number(out, seconds);
            out.extend_from_slice(b"\r\n");
        }
        more(out);
        self.finish(wire);
        self.log_answer(503, self.output.len() - before);
    }

    /// Answers with a problem.
    pub(super) fn tell_problem(&mut self, problem: &Problem<'_>, manner: &Manner) {
        let problem = &problem.clone().speaking(&manner.language);
        let body = problem.body(manner.shape, &manner.instance, manner.reading);
        let wire = Wire { head: manner.head, old: manner.old, keeps: manner.keeps };
        self.tell(problem.status(), problem.headers(manner.shape), &body, &wire);
    }

    /// Answers with a problem, with a sentence about this request if there is one.
    pub(super) fn tell_kind(&mut self, kind: ProblemKind, detail: Option<&str>, manner: &Manner) {
        let gate = Arc::clone(&self.gate);
        let mut problem = Problem::new(kind, &gate.shared.node);
        if let Some(detail) = detail {
            problem = problem.detail(detail);
        }
        self.tell_problem(&problem, manner);
    }

    /// Answers that a head took too long.
    pub(super) fn tell_late(&mut self) {
        self.tell_kind(ProblemKind::RequestTimeout, None, &Manner::unknown());
    }

    /// Answers why an application did not perform a request.
    pub(super) fn tell_failure(&mut self, manner: &Manner, application: usize, error: &ProxyError) {
        let gate = Arc::clone(&self.gate);
        gate.with_failure(application, error, &manner.language, |problem| self.tell_problem(problem, manner));
    }

    fn tell(&mut self, status: u16, fields: impl Iterator<Item = (&'static str, Bytes)>, body: &[u8], wire: &Wire) {
        self.lend_output();
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let out = &mut self.output;
        let before = out.len();
        write::status_line(out, status, reason.unwrap_or_default());
        if status != 204 {
            write::length(out, body.len() as u64);
        }
        fields.for_each(|(name, value)| write::field(out, name, &value));
        self.finish(wire);
        self.log_answer(status, self.output.len() - before);
        if !wire.head {
            self.output.extend_from_slice(body);
        }
    }

    /// What depends on the connection, and the end of the head.
    fn finish(&mut self, wire: &Wire) {
        let out = &mut self.output;
        write_connection(out, wire);
        self.worker.date.with(|date| write::field(out, "date", date));
        self.write_hsts();
        self.output.extend_from_slice(b"\r\n");
    }

    /// What browsers are told of `https`.
    pub(super) fn write_hsts(&mut self) {
        let gate = Arc::clone(&self.gate);
        if let Some(hsts) = gate.hsts.as_deref().filter(|_| self.arrival.secure) {
            write::field(&mut self.output, HSTS, hsts);
        }
    }

    /// Sends the client to this address for good.
    pub(super) fn tell_location(&mut self, location: String, wire: &Wire) {
        self.tell(308, std::iter::once(("location", location.into())), b"", wire);
    }
}

/// The connection's persistence, if it must be stated.
pub(super) fn write_connection(out: &mut Vec<u8>, wire: &Wire) {
    match (wire.keeps, wire.old) {
        (false, _) => out.extend_from_slice(b"connection: close\r\n"),
        (true, true) => out.extend_from_slice(b"connection: keep-alive\r\n"),
        (true, false) => {}
    }
}
