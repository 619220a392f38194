//! The gate's decision about a request, and its own answers: a denial, or a problem in the same shapes
//! (docs/contract.md#http).
//!
//! A connection decides each request with [`Gate::admit`] and writes the answer; the App, which answers the
//! gate's own addresses, decides with the same function.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, HttpResponse,
    dev::RequestHead,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    web,
};
use arc_swap::ArcSwap;
use bytes::Bytes;

use super::{
    access::AccessLog,
    audience::{Audience, announced},
    decide::{Asked, Notices, Outcome, decide},
    entrance::Secure,
    error::ProxyError,
    fields::Fields,
    forwarded::TrustedProxies,
    limits::Limits,
    negotiate::{Shape, negotiate},
    path::Path,
    per_client::{PerClient, Place},
    route::{Matched, Routes, host_name, request_host},
    served::Served,
    status_page::StatusPage,
};
use crate::{
    actors::shared::{Counters, Shared, Slots},
    answer::{Decision, Denial, MOST_WORKS, Occasion, Problem, ProblemKind, Told, Work, form::NotKept},
    availability::{Moment, NoHeaders, RequestFacts},
    noise::Noise,
    text::Language,
    vocabulary::Cors,
};

static UPSTREAM_FAILURES: Noise = Noise::new("upstream_failed");
static TOO_MANY: Noise = Noise::new("connection_refused");

/// Why a request cannot be decided whose readings go to different applications.
pub(super) const TORN: &str = "The path can be read in several ways, which belong to different applications. Write it without doubled slashes, \
     dot segments, encoded slashes and parameters.";

/// So many applications are looked at for those that a page offers.
const LOOKED_AT: usize = 100;

/// The gate's present configuration. Reading the file again puts another one in its place; a request that has begun
/// keeps its own to the end.
pub type Present = web::Data<ArcSwap<Gate>>;

/// The configuration under which a request of the App is answered.
pub struct Seen(Arc<Gate>);

impl std::ops::Deref for Seen {
    type Target = Gate;

    fn deref(&self) -> &Gate {
        &self.0
    }
}

impl FromRequest for Seen {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let present = request.app_data::<Present>().map(|present| Self(present.load_full()));
        std::future::ready(present.ok_or_else(|| actix_web::error::ErrorInternalServerError("the App has no gate")))
    }
}

/// What the gate needs to know, from one reading of the configuration; shared by all workers.
pub struct Gate {
    /// The counters and the clock.
    pub shared: Arc<Shared>,
    /// The applications with their caches' snapshots; what else is said of them has the same order.
    pub slots: Slots,
    /// How long and how much it waits and keeps.
    pub limits: Limits,
    /// Where a line for each request goes.
    #[doc(hidden)]
    pub access: Option<AccessLog>,
    /// Whether requests get ids that they lack, for their upstreams and the access log.
    pub request_ids: bool,
    /// The status page, if there is one.
    #[doc(hidden)]
    pub page: Option<Arc<StatusPage>>,
    /// Which applications a request names.
    pub routes: Routes,
    /// What the gate does with the requests of each application.
    pub served: Vec<Served>,
    /// The proxies whose forwarding headers are believed.
    pub trusted: TrustedProxies,
    /// Which fields of a refused form are not given back.
    pub not_kept: NotKept,
    /// How many connections one client may have.
    pub connections: PerClient,
    /// How many event streams one client may follow.
    pub streams: PerClient,
    /// Which pages of other origins may read denials.
    pub cors: Cors,
    /// The value of `Strict-Transport-Security`, for answers under TLS.
    pub hsts: Option<Box<[u8]>>,
    /// Random numbers, by which those who wait are spread.
    pub chance: fn() -> u16,
}

/// The parts of a request's head that decide about it, independent of their source.
pub(super) struct Incoming<'a, F> {
    /// Such as `GET`.
    pub(super) method: &'a str,
    /// Of its target, as it was sent.
    pub(super) path: &'a str,
    /// What follows the `?`.
    pub(super) query: &'a str,
    /// The host and port that it names.
    pub(super) host: &'a str,
    /// Its header fields.
    pub(super) fields: &'a F,
    /// The connection's other end.
    pub(super) peer: Option<IpAddr>,
    /// It came under TLS.
    pub(super) secure: bool,
}

/// The result of a decision.
pub(super) enum Admission<'a> {
    /// The first of these applications that has an upstream performs it.
    Open(Matched<'a>, Notices),
    /// Its application is unavailable; this is its path.
    Closed(Arc<Denial>, Path<'a>),
    /// It has this problem, with a sentence of its own if there is one.
    Problem(ProblemKind, Option<String>),
}

/// Decides and answers a request. The connection forwards requests for open applications; they do not come
/// here.
pub(super) async fn handle(gate: Seen, req: HttpRequest) -> HttpResponse {
    let head = req.head();
    let host = match request_host(head) {
        Ok(host) => host,
        Err(error) => return gate.problem(head, ProblemKind::BadRequest, Some(&error.to_string()), None),
    };
    let incoming = Incoming {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        host,
        fields: &head.headers,
        peer: head.peer_addr.map(|address| address.ip()),
        secure: req.extensions().get::<Secure>().is_some(),
    };
    let now = gate.shared.clock();
    match gate.admit(&incoming, now) {
        Admission::Problem(kind, detail) => gate.problem(head, kind, detail.as_deref(), None),
        Admission::Closed(denial, path) => {
            gate.shared.denied(&denial);
            let (shape, reading) = (shape_of(&head.headers), is_reading(&head.method));
            let chance = (gate.chance)();
            let (language, works) = (gate.language(&head.headers), gate.works(shape, now));
            let (language, works) = (&language, &*works);
            let occasion = Occasion { shape, instance: path.literal(), reading, clock: now, language, works, chance };
            let audience = Audience::of(head.method.as_str(), &head.headers, &gate.cors);
            let told = closed(&denial, &audience, &occasion);
            let status = StatusCode::from_u16(told.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            let mut response = HttpResponse::build(status);
            for (name, value) in told.fields {
                response.append_header((HeaderName::from_static(name), as_value(value)));
            }
            response.body(told.body)
        }
        Admission::Open(matched, _) => match gate.performer(&matched) {
            Ok(index) => gate.problem(head, ProblemKind::UpstreamUnreachable, None, Some(index)),
            Err(problem) => gate.told(head, &problem),
        },
    }
}

/// The whole answer to a request whose application is unavailable, as this client understands it.
pub(super) fn closed(denial: &Denial, audience: &Audience<'_>, occasion: &Occasion<'_>) -> Told {
    audience.told(denial, occasion).unwrap_or_else(|| {
        let mut fields: Vec<_> = denial.headers(occasion).collect();
        audience.fields(occasion.shape, |name, value| fields.push((name, Bytes::copy_from_slice(value))));
        Told { status: denial.status(), fields, body: denial.body(occasion) }
    })
}

/// The answer to a request whose application is unavailable, with a status of its own.
pub(super) fn denied(
    status: StatusCode,
    denial: &Denial,
    audience: &Audience<'_>,
    occasion: &Occasion<'_>,
) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    for (name, value) in denial.headers(occasion) {
        response.insert_header((HeaderName::from_static(name), as_value(value)));
    }
    audience.fields(occasion.shape, |name, value| {
        response.append_header((HeaderName::from_static(name), as_value(Bytes::copy_from_slice(value))));
    });
    response.body(denial.body(occasion))
}

impl Gate {
    /// A client's place; `None` if it has as many as it may. Local sockets and connections from a trusted proxy belong
    /// to many clients, and need none.
    pub(super) fn let_in(&self, peer: Option<SocketAddr>) -> Option<Option<Place>> {
        let Some(peer) = peer.filter(|peer| !self.trusted.contains(peer.ip())) else { return Some(None) };
        let place = self.connections.take(peer.ip());
        if place.is_none() && TOO_MANY.admits() {
            log::warn!(client:% = peer.ip(), limit = self.connections.most(); "connection_refused");
        }
        place.map(Some)
    }

    /// Decides by the head of a request, before anything of its body is read.
    pub(super) fn admit<'a, F: Fields>(&'a self, incoming: &Incoming<'a, F>, now: Moment) -> Admission<'a> {
        let path = match Path::parse(incoming.path.as_bytes()) {
            Ok(path) => path,
            Err(error) => return Admission::Problem(ProblemKind::BadRequest, Some(error.to_string())),
        };
        let mut asked = Asked {
            method: incoming.method,
            host: host_name(incoming.host),
            path: &path,
            query: incoming.query,
            headers: incoming.fields,
            client: incoming.peer.map(|peer| self.trusted.client_address(peer, incoming.fields)),
            enters: true,
            secure: incoming.secure || self.trusted.says_https(incoming.peer, incoming.fields),
        };
        let mut outcome = self.decide(&asked, now);
        // What is closed for the request that a preflight announces is closed for the preflight.
        if let (Outcome::Open(..), Some(method)) = (&outcome, announced(incoming.method, incoming.fields)) {
            asked.method = method;
            let announced = self.decide(&asked, now);
            outcome = if matches!(announced, Outcome::Closed(_)) { announced } else { outcome };
        }
        match outcome {
            Outcome::Unknown => Admission::Problem(ProblemKind::NoSuchApplication, None),
            Outcome::Torn => Admission::Problem(ProblemKind::BadRequest, Some(TORN.to_owned())),
            Outcome::Closed(denial) => Admission::Closed(denial, path),
            Outcome::Open(matched, notices) => Admission::Open(matched, notices),
        }
    }

    /// See [`decide`].
    pub(super) fn decide<F: Fields>(&self, asked: &Asked<'_, F>, now: Moment) -> Outcome<'_> {
        decide(&self.shared, &self.slots, &self.routes, &self.served, asked, now)
    }

    /// The application that performs the requests of a route.
    ///
    /// # Errors
    /// What to say where none of them has an upstream.
    pub(super) fn performer(&self, matched: &Matched<'_>) -> Result<usize, Problem<'_>> {
        let performer = matched.applications.iter().find(|index| !self.served[**index].upstreams.is_empty());
        performer.copied().ok_or_else(|| {
            let problem = Problem::new(ProblemKind::UpstreamUnreachable, &self.shared.node);
            let problem = problem.detail("The application has no upstream on this node.").unsent();
            match matched.applications.first() {
                Some(index) => problem.of(&self.slots[*index].app),
                None => problem,
            }
        })
    }

    /// What to say about a request that application `index` could not perform; logged where that is its fault.
    pub(super) fn with_failure(
        &self,
        index: usize,
        error: &ProxyError,
        language: &Arc<Language>,
        say: impl FnOnce(&Problem<'_>),
    ) {
        let app = &self.slots[index].app;
        if error.is_upstreams_fault() {
            Counters::count(&self.shared.counters.upstream_failures);
            if UPSTREAM_FAILURES.admits() {
                let application = app.name();
                log::warn!(application:%, error:%; "upstream_failed");
            }
        }
        let detail = error.told(&app.title);
        let mut problem = Problem::new(error.kind(), &self.shared.node).of(app).speaking(language);
        if let Some(detail) = &detail {
            problem = problem.detail(detail);
        }
        if error.is_before_sending() {
            problem = problem.unsent();
        }
        say(&problem);
    }

    /// The answer that says what is wrong with a request; `application` by its index.
    pub fn problem(
        &self,
        head: &RequestHead,
        kind: ProblemKind,
        detail: Option<&str>,
        application: Option<usize>,
    ) -> HttpResponse {
        let mut problem = Problem::new(kind, &self.shared.node);
        if let Some(index) = application {
            problem = problem.of(&self.slots[index].app);
        }
        if let Some(detail) = detail {
            problem = problem.detail(detail);
        }
        self.told(head, &problem)
    }

    /// The language that a client wants.
    pub(super) fn language(&self, fields: &impl Fields) -> Arc<Language> {
        Arc::clone(self.shared.texts.load().wanted(fields.lines("accept-language")))
    }

    /// Applications that work, for a page about one that does not.
    pub(super) fn works(&self, shape: Shape, now: Moment) -> Vec<Work> {
        if shape != Shape::Html || !self.shared.texts.load().site().look.offers {
            return Vec::new();
        }
        let request = RequestFacts {
            method: "GET",
            path: "/",
            also: [None; 2],
            query: "",
            headers: &NoHeaders,
            client: None,
            node: self.shared.node.as_str(),
            inside: false,
        };
        let all = self.slots.iter().zip(&self.served).take(LOOKED_AT);
        let open = all.filter_map(|(slot, served)| {
            let address = served.address()?;
            let open = matches!(slot.snapshot.load().decide(&request, now), Decision::Open(_));
            let (name, title) = (slot.app.name().as_str().to_owned(), slot.app.title.clone());
            open.then_some(Work { name, title, address })
        });
        open.take(MOST_WORKS).collect()
    }

    fn told(&self, head: &RequestHead, problem: &Problem<'_>) -> HttpResponse {
        let language = self.language(&head.headers);
        let problem = &problem.clone().speaking(&language);
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::BAD_GATEWAY);
        told(status, shape_of(&head.headers), problem, head.uri.path(), is_reading(&head.method))
    }
}

/// A problem as an answer.
pub(super) fn told(
    status: StatusCode,
    shape: Shape,
    problem: &Problem<'_>,
    instance: &str,
    reading: bool,
) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    for (name, value) in problem.headers(shape) {
        response.insert_header((HeaderName::from_static(name), as_value(value)));
    }
    response.body(problem.body(shape, instance, reading))
}

pub(super) fn as_value(bytes: Bytes) -> HeaderValue {
    // Visible ASCII by construction; what is not is left out rather than sent.
    HeaderValue::from_maybe_shared(bytes).unwrap_or(HeaderValue::from_static(""))
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The shape that a request with these headers wants.
pub(super) fn shape_of(headers: &HeaderMap) -> Shape {
    negotiate(headers.get_all(header::ACCEPT).map(HeaderValue::as_bytes))
}
