//! The gate inside another program (docs/contract.md#inside-an-application): its decision and its answers, without its
//! sockets. A middleware asks a [`Door`] about each request, and either lets the application perform it or gives the
//! answer.
//!
//! ```text
//! request → Door::rule → Perform                         → the application
//!                      → Answer, Socket                  → written by the middleware
//!                      → Form: its body is read, bounded → the page that gives it back
//!                      → Own: Door::own                  → the gate's own addresses
//! ```
//!
//! What must stay true: a request gets the decision and the answer that the gate's listener would give; nothing here
//! waits for a lock, a disk or another node; what refused forms take is bounded.

mod form;
mod own;

use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicUsize},
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::mpsc;

pub(crate) use self::{
    form::Refused,
    own::{Answered, Ask, Pieces, serve},
};
use super::{
    audience::Audience,
    decide::Notices,
    fields::{Fields, members},
    form::Asked,
    forwarded,
    negotiate::negotiate,
    reserved::is_reserved,
    route::checked_host,
    service::{Admission, Gate, Incoming, Present, closed},
    websocket::Handshake,
};
use crate::{
    answer::{Occasion, Problem, ProblemKind, Shape, Told, form::LARGEST_FORM},
    monitor::{Traffic, traffic::Outcome},
};

/// Questions to the gate's own addresses that may wait.
const WAITING: usize = 64;

/// The request field that tells an application of a tester's pass; never believed of a client.
pub(crate) const PASS: &str = forwarded::PASS;

/// A request, as far as it decides.
pub(crate) struct Request<'a, F> {
    /// Such as `GET`.
    pub(crate) method: &'a str,
    /// As it was sent.
    pub(crate) path: &'a str,
    /// What follows the `?`.
    pub(crate) query: &'a str,
    /// Of its target, if that names one; else its `Host` counts.
    pub(crate) authority: Option<&'a str>,
    /// Its header fields.
    pub(crate) fields: &'a F,
    /// The connection's other end.
    pub(crate) peer: Option<IpAddr>,
    /// It came under TLS.
    pub(crate) secure: bool,
}

/// What a middleware does with a request.
pub(crate) enum Ruling {
    /// The application performs it.
    Perform(Performing),
    /// This is the answer.
    Answer(Told),
    /// It is a WebSocket's handshake: it is accepted with these fields, and this frame closes it. Where the program
    /// cannot do that, the answer is the other one.
    Socket(Vec<(&'static str, Bytes)>, Bytes, Told),
    /// It is a refused form. The answer needs its body.
    Form(Box<Refused>),
    /// The gate itself is asked.
    Own,
}

/// A request that the application performs.
pub(crate) struct Performing {
    /// What the answer gets; and whether the sender has a pass.
    pub(crate) notices: Notices,
    traffic: Option<(Arc<Traffic>, Instant)>,
}

impl Performing {
    /// The application has answered with this status; without one, it has failed.
    pub(crate) fn ended(&self, status: Option<u16>) {
        if let Some((traffic, begun)) = &self.traffic {
            traffic.ended(status.map_or(Outcome::Failed, |status| Outcome::Answered(status, begun.elapsed())));
        }
    }
}

/// See the module. Cheap to clone; clones share everything.
#[derive(Clone)]
pub(crate) struct Door {
    gate: Present,
    own: mpsc::Sender<Ask>,
    /// Bytes that refused forms take now.
    forms: Arc<AtomicUsize>,
}

impl Door {
    /// The questions are for [`serve`].
    pub(crate) fn new(gate: Present) -> (Self, mpsc::Receiver<Ask>) {
        let (own, asks) = mpsc::channel(WAITING);
        (Self { gate, own, forms: Arc::default() }, asks)
    }

    /// Decides about a request.
    pub(crate) fn rule<F: Fields>(&self, request: &Request<'_, F>) -> Ruling {
        if is_reserved(request.path) {
            return Ruling::Own;
        }
        let (gate, fields) = (&*self.gate.load_full(), request.fields);
        let (shape, language) = (negotiate(fields.lines("accept")), gate.language(fields));
        let reading = matches!(request.method, "GET" | "HEAD");
        let told = |problem: Problem<'_>| {
            let problem = problem.speaking(&language);
            let fields = problem.headers(shape).collect();
            Ruling::Answer(Told { status: problem.status(), fields, body: problem.body(shape, request.path, reading) })
        };
        let problem = |kind, detail: &str| {
            let problem = Problem::new(kind, &gate.shared.node);
            told(if detail.is_empty() { problem } else { problem.detail(detail) })
        };
        let mut hosts = fields.lines("host");
        let named = hosts.next().unwrap_or_default();
        let named = request.authority.or(std::str::from_utf8(named).ok()).unwrap_or_default();
        let host = match checked_host(named.rsplit_once('@').map_or(named, |(_, host)| host)) {
            Ok(host) if hosts.next().is_none() => host,
            Ok(_) => return problem(ProblemKind::BadRequest, "There is more than one Host."),
            Err(error) => return problem(ProblemKind::BadRequest, &error.to_string()),
        };
        let Request { method, path, query, peer, secure, .. } = *request;
        let now = gate.shared.clock();
        let incoming = Incoming { method, path, query, host, fields, peer, secure };
        match gate.admit(&incoming, now) {
            // What no application of the configuration has is the program's own.
            Admission::Problem(ProblemKind::NoSuchApplication, _) => {
                Ruling::Perform(Performing { notices: Notices::default(), traffic: None })
            }
            Admission::Problem(kind, detail) => problem(kind, &detail.unwrap_or_default()),
            Admission::Open(matched, notices) => {
                if let Some(index) = matched.applications.first()
                    && let Some(wait) = gate.asks_too_often(*index, &incoming)
                {
                    return told(gate.too_often(*index, wait));
                }
                let traffic = matched.applications.first().map(|index| {
                    let traffic = Arc::clone(&gate.slots[*index].traffic);
                    traffic.passed();
                    (traffic, Instant::now())
                });
                Ruling::Perform(Performing { notices, traffic })
            }
            Admission::Closed(denial, path) => {
                gate.shared.denied(&denial);
                let audience = Audience::of(method, fields, &gate.cors);
                let asked = Asked { method, host, fields, peer };
                if shape == Shape::Html
                    && let Some(length) = form_length(fields)
                    && let Some(encoding) = asked.encoding(&gate.trusted)
                    && let Some(refused) = Refused::new(self, &denial, encoding, length, path.literal(), &language)
                {
                    return Ruling::Form(Box::new(refused.with_origin(&audience)));
                }
                let (instance, chance, works) = (path.literal(), (gate.chance)(), &*gate.works(shape, now));
                let occasion = Occasion { shape, instance, reading, clock: now, language: &language, works, chance };
                let told = closed(&denial, &audience, &occasion);
                match Handshake::of(method, upgrade(fields), fields) {
                    Some(handshake) => {
                        let frame = denial.closing_frame(&language);
                        Ruling::Socket(handshake.fields().collect(), frame.into(), told)
                    }
                    None => Ruling::Answer(told),
                }
            }
        }
    }

    fn gate(&self) -> Arc<Gate> {
        self.gate.load_full()
    }
}

/// How much room the body of a form may need; `None`: it has none, or is too large to be given back.
fn form_length(fields: &impl Fields) -> Option<usize> {
    let length = fields.lines("content-length").next();
    match length {
        Some(length) => {
            let length = std::str::from_utf8(length).ok()?.parse().ok()?;
            (1..=LARGEST_FORM).contains(&length).then_some(length)
        }
        None => fields.lines("transfer-encoding").next().map(|_| LARGEST_FORM),
    }
}

/// The protocol that a request wants to go on with.
fn upgrade(fields: &impl Fields) -> Option<&[u8]> {
    members(fields, "connection").find(|option| option.eq_ignore_ascii_case("upgrade"))?;
    fields.lines("upgrade").next()
}
