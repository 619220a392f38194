//! The next request of a connection: read from its buffer, decided, and answered if the answer only has to be
//! written.
//!
//! What must stay true: no byte between two requests is read twice or skipped; the connection continues only if
//! the beginning of the next request is known.

use std::{sync::Arc, time::Instant};

use super::{
    Client, Socket, Then,
    answer::{Manner, Wire},
    form::Refused,
    own::Own,
};
use crate::{
    answer::{Occasion, ProblemKind, Shape},
    availability::Moment,
    clock,
    gate::{
        self,
        access::Decided,
        audience::Audience,
        decide::Notices,
        entrance::{Arrival, location},
        fields::{Fields as _, Lines},
        forward::{heads, plan::Plan, retry::is_idempotent},
        forwarded::{Forwarding, PASS},
        ids::Ids,
        negotiate::negotiate,
        preface::{self, Opening},
        reserved::{CHECK, is_reserved},
        service::{Admission, Incoming, TORN},
        strip::strip,
        websocket::Handshake,
    },
    http1::{
        body::Decoder,
        framing::{self, Body, FramingError, RequestMeaning},
        head::{self, HeadError, RequestHead, Search, Slots, Target},
        machine::Exchange,
        write,
    },
};

/// What was taken.
pub(super) enum Taken {
    /// Nothing: there is no whole head yet.
    More,
    /// The preface of HTTP/2.
    Http2,
    /// A request that has been answered.
    Answered(Then),
    /// A form that is refused and given back.
    Form(Box<Refused>),
    /// A request for the gate itself.
    Own(Box<Own>),
    /// A request for an application, and how its client is to be answered if that fails.
    Forward(Box<Plan>, Manner),
}

/// What the head came to, while it is borrowed.
enum Found {
    Answer(Body, bool),
    Refused,
    Form(Box<Refused>),
    Own(Box<Own>),
    Forward(Box<Plan>, Manner),
}

impl<S: Socket> Client<S> {
    /// Takes the next request, if its head is there.
    pub(super) fn take(&mut self) -> Taken {
        if self.arrival.h2c {
            match preface::opening(self.input.raw()) {
                Opening::Unknown => return Taken::More,
                Opening::Http2 => return Taken::Http2,
                Opening::Http1 => self.arrival.h2c = false,
            }
        }
        if !self.search.is_worthwhile(self.input.raw()) {
            return Taken::More;
        }
        self.look_up();
        // The head is borrowed from the buffer, so that answers can be written meanwhile.
        let input = std::mem::take(&mut self.input);
        let (found, len) = self.find(input.raw());
        self.input = input;
        let Some(found) = found else { return Taken::More };
        self.input.consume(len);
        self.search = Search::default();
        self.heading = false;
        match found {
            Found::Refused => Taken::Answered(Then::Linger),
            Found::Answer(body, keeps) => Taken::Answered(match body {
                _ if !keeps && matches!(body, Body::None | Body::Length(0)) && self.input.raw().is_empty() => {
                    Then::Close
                }
                _ if !keeps => Then::Linger,
                Body::None | Body::Length(0) => Then::Next,
                body => Then::Drain(Decoder::new(body)),
            }),
            Found::Form(refused) => Taken::Form(refused),
            Found::Own(own) => Taken::Own(own),
            Found::Forward(plan, manner) => Taken::Forward(plan, manner),
        }
    }

    /// What the bytes are, and how long the head is.
    fn find(&mut self, raw: &[u8]) -> (Option<Found>, usize) {
        let now = clock::now();
        self.worker.date.set(now);
        let mut slots = Slots::default();
        let head = match head::request(raw, &mut slots, CHECK) {
            Ok(None) => return (None, 0),
            Ok(Some(head)) => head,
            Err(error) => {
                let kind = match error {
                    HeadError::Malformed(_) => ProblemKind::BadRequest,
                    HeadError::Target => ProblemKind::TargetTooLong,
                    HeadError::Size { .. } | HeadError::Fields { .. } => ProblemKind::HeadTooLarge,
                };
                self.log_begin(None, None, now);
                self.tell_kind(kind, Some(&error.to_string()), &Manner::unknown());
                return (Some(Found::Refused), 0);
            }
        };
        let ids = self.gate.request_ids.then(|| Ids::made(&Lines(head.fields), clock::random));
        self.log_begin(Some(&head), ids.as_ref(), now);
        let clock = self.gate.shared.clock_at(now);
        (Some(self.decide(raw, &head, ids.as_ref(), clock)), head.len)
    }

    fn decide(&mut self, raw: &[u8], head: &RequestHead<'_, '_>, ids: Option<&Ids>, now: Moment) -> Found {
        let fields = Lines(head.fields);
        let shape = negotiate(fields.lines("accept"));
        let reading = matches!(head.method, "GET" | "HEAD");
        let language = self.gate.language(&fields);
        let manner = |instance: &str, keeps| Manner {
            shape,
            instance: instance.into(),
            reading,
            head: head.method == "HEAD",
            old: head.minor == 0,
            keeps,
            language: Arc::clone(&language),
        };
        let meaning = match framing::request(head) {
            Ok(meaning) => meaning,
            Err(error) => {
                let kind =
                    if error == FramingError::Coding { ProblemKind::UnknownCoding } else { ProblemKind::BadRequest };
                self.tell_kind(kind, Some(&error.to_string()), &manner(path_of(head.target), false));
                return Found::Refused;
            }
        };
        let limits = self.gate.limits;
        // Whether the connection can go on behind an answer that does not read the body.
        let ahead = raw.len() > head.len;
        let drainable = match meaning.body {
            Body::None | Body::Length(0) => true,
            Body::Length(length) => length <= limits.drained && (!meaning.expects || ahead),
            Body::Chunked => !meaning.expects || ahead,
            Body::ToClose => false,
        };
        let keeps = meaning.keeps && drainable && !self.worker.is_stopping();
        let refuse = |client: &mut Self, kind, detail: Option<&str>| {
            client.tell_kind(kind, detail, &manner(path_of(head.target), keeps));
            Found::Answer(meaning.body, keeps)
        };
        let target = match Target::parse(head.target) {
            Ok(target) => target,
            Err(error) => return refuse(self, ProblemKind::BadRequest, Some(&error.to_string())),
        };
        if head.method == "CONNECT" {
            return refuse(self, ProblemKind::BadRequest, Some("CONNECT is not offered."));
        }
        let host = match target.authority {
            None => meaning.host,
            Some(authority) => match head::host(authority.as_bytes()) {
                Some(host) => host,
                None => return refuse(self, ProblemKind::BadRequest, Some(&FramingError::HostName.to_string())),
            },
        };
        if let Some(port) = self.arrival.redirect {
            if host.is_empty() {
                return refuse(self, ProblemKind::BadRequest, Some(&FramingError::Host.to_string()));
            }
            let wire = Wire { head: head.method == "HEAD", old: head.minor == 0, keeps };
            self.tell_location(location(host, port, target.origin), &wire);
            return Found::Answer(meaning.body, keeps);
        }
        if is_reserved(target.path) {
            self.log_decided(Decided::Own, None);
            return match Own::new(
                head,
                &meaning,
                &manner(target.path, meaning.keeps && !self.worker.is_stopping()),
                &self.arrival,
            ) {
                Some(own) => Found::Own(Box::new(own)),
                None => refuse(self, ProblemKind::BadRequest, None),
            };
        }
        let gate = Arc::clone(&self.gate);
        let incoming = Incoming {
            method: head.method,
            path: target.path,
            query: target.query.unwrap_or_default(),
            host,
            fields: &fields,
            peer: self.arrival.peer.map(|peer| peer.ip()),
            secure: self.arrival.secure,
        };
        match gate.admit(&incoming, now) {
            Admission::Problem(kind, detail) => refuse(self, kind, detail.as_deref()),
            Admission::Closed(denial, path) => {
                gate.shared.denied(&denial);
                self.log_denied(&denial);
                let wire = Wire { head: head.method == "HEAD", old: head.minor == 0, keeps };
                let upgrade = meaning.upgrade.filter(|_| meaning.body == Body::None);
                if let Some(handshake) = Handshake::of(head.method, upgrade, &fields) {
                    self.tell_socket(&denial, &handshake, &language);
                    return Found::Refused;
                }
                let audience = Audience::of(head.method, &fields, &gate.cors);
                let asked = gate::form::Asked { method: head.method, host, fields: &fields, peer: incoming.peer };
                if shape == Shape::Html
                    && !meaning.expects
                    && Refused::fits(meaning.body)
                    && let Some(encoding) = asked.encoding(&gate.trusted)
                {
                    let manner = manner(path.literal(), meaning.keeps && !self.worker.is_stopping());
                    return Found::Form(Box::new(Refused::new(denial, encoding, meaning.body, manner, &audience)));
                }
                let chance = (gate.chance)();
                let (language, works) = (&language, &*gate.works(shape, now));
                let instance = path.literal();
                let occasion = Occasion { shape, instance, reading, clock: now, language, works, chance };
                self.tell_denial(&denial, &audience, &occasion, &wire);
                Found::Answer(meaning.body, keeps)
            }
            Admission::Open(matched, notices) => match gate.performer(&matched) {
                Err(problem) => {
                    self.log_decided(Decided::Open, matched.applications.first().copied());
                    self.tell_problem(&problem, &manner(target.path, keeps));
                    Found::Answer(meaning.body, keeps)
                }
                Ok(application) => {
                    self.log_decided(Decided::Open, Some(application));
                    let most = gate.served[application].max_body.unwrap_or(limits.max_body);
                    if matches!(meaning.body, Body::Length(length) if length > most) {
                        let detail = format!("The body of the request is larger than {most} bytes.");
                        return refuse(self, ProblemKind::BodyTooLarge, Some(&detail));
                    }
                    if let Some(wait) = gate.asks_too_often(application, &incoming) {
                        self.log_decided(Decided::Refused, Some(application));
                        self.tell_problem(&gate.too_often(application, wait), &manner(target.path, keeps));
                        return Found::Answer(meaning.body, keeps);
                    }
                    let stripped = match gate.served[application].strip_prefix {
                        true => strip(target.path, matched.prefix).map(|path| target.with_path(path)),
                        false => Some(target),
                    };
                    let Some(target) = stripped else {
                        return refuse(self, ProblemKind::BadRequest, Some(TORN));
                    };
                    let mut plan = self.plan(head, &meaning, &target, (host, ids), application);
                    if notices.passed {
                        write::field(&mut plan.head, PASS, b"1");
                    }
                    plan.notices = notices;
                    if self.worker.is_stopping() {
                        plan.exchange.end_client();
                    }
                    Found::Forward(Box::new(plan), manner(target.path, meaning.keeps))
                }
            },
        }
    }

    fn plan(
        &mut self,
        head: &RequestHead<'_, '_>,
        meaning: &RequestMeaning<'_>,
        target: &Target<'_>,
        (host, ids): (&str, Option<&Ids>),
        application: usize,
    ) -> Plan {
        let peer = self.arrival.peer.map(|peer| peer.ip());
        let trusted = peer.is_some_and(|peer| self.gate.trusted.contains(peer));
        let gate = Arc::clone(&self.gate);
        let served = &gate.served[application];
        let Arrival { secure, http2, .. } = self.arrival;
        let (rules, keeps_host) = (Some(&served.request_headers), served.keeps_host);
        let forwarding = Forwarding { peer, trusted, host, secure, http2, ids, rules, keeps_host };
        self.lend_output();
        let mut written = self.worker.buffers.head();
        heads::request(&mut written, head, meaning, target, &forwarding);
        let bodiless = matches!(meaning.body, Body::None | Body::Length(0));
        Plan {
            application,
            head: written,
            hostless: host.is_empty() || !keeps_host,
            max_body: served.max_body.unwrap_or(gate.limits.max_body),
            notices: Notices::default(),
            inject: self.gate.served[application].inject && head.method == "GET",
            repeatable: bodiless && is_idempotent(head.method),
            exchange: Exchange::new(head, meaning, heads::trails),
            upstream: None,
            begun: Instant::now(),
            answered: Default::default(),
        }
    }
}

/// The path of a target, whatever it is.
fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or(target)
}
