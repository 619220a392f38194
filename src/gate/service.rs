//! The gate's HTTP side: a request comes in, the decision is made, and the answer is a denial, the
//! application's own, or a problem in the same shapes (docs/contract.md#http).

use std::{
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_http::{Request, Response};
use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, RequestHead},
    http::{
        ConnectionType, Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    web,
};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};

use super::{
    decide::{Asked, Outcome, decide},
    error::ProxyError,
    forwarded::{Forwarding, TrustedProxies},
    negotiate::{Shape, negotiate},
    path::Path,
    per_client::PerClient,
    proxy::Proxy,
    reserved::{self, RESERVED},
    route::{Routes, host_name, request_host},
    upstream::Upstreams,
};
use crate::{
    actors::shared::{Counters, Shared},
    answer::{Denial, Problem, ProblemKind},
    availability::Moment,
    noise::Noise,
};

static UPSTREAM_FAILURES: Noise = Noise::new("upstream_failed");

/// How much of a refused body is read to keep its connection.
const DISCARDED: usize = 64 * 1024;

/// Why a request cannot be decided whose readings go to different applications.
pub(super) const TORN: &str = "The path can be read in several ways, which belong to different applications. Write it without doubled slashes, \
     dot segments, encoded slashes and parameters.";

/// What the gate needs to know; shared by all workers.
pub struct Gate {
    /// The caches' snapshots and the counters.
    pub shared: Arc<Shared>,
    /// Which applications a request names.
    pub routes: Routes,
    /// Who performs them, by application.
    pub upstreams: Vec<Upstreams>,
    /// Whose forwarding headers are believed.
    pub trusted: TrustedProxies,
    /// How many connections one client may have.
    pub connections: PerClient,
    /// How many event streams one client may follow.
    pub streams: PerClient,
}

/// A request that is let through.
struct Admitted<'a> {
    path: Path<'a>,
    /// The host and port that it names.
    host: &'a str,
    peer: Option<IpAddr>,
    /// The applications that it needs; the first with an upstream performs it.
    performs: &'a [usize],
}

/// What becomes of a request, as far as its head decides.
enum Admission<'a> {
    Open(Admitted<'a>),
    /// It is turned away with this.
    Away(HttpResponse),
}

/// Decides a request, and answers it or has it performed.
pub async fn handle(
    gate: web::Data<Gate>,
    proxy: web::ThinData<Proxy>,
    req: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let Admitted { path, host, peer, performs } = match gate.admit(req.head()) {
        Admission::Open(admitted) => admitted,
        Admission::Away(response) => return before_its_body(response, payload).await,
    };
    let performer = performs.iter().find(|index| !gate.upstreams[**index].is_empty());
    let Some(index) = performer.copied() else {
        return gate.problem(
            req.head(),
            ProblemKind::UpstreamUnreachable,
            Some("The application has no upstream."),
            performs.first().copied(),
        );
    };
    Counters::count(&gate.shared.counters.proxied);
    let forwarding =
        Forwarding { peer, trusted: peer.is_some_and(|peer| gate.trusted.contains(peer)), host, secure: false };
    match proxy.forward(&req, payload, &gate.upstreams[index], path.literal(), &forwarding).await {
        Ok(response) => response,
        Err(error) => gate.failed(req.head(), index, &error),
    }
}

/// Decides a request that expects `100 Continue`, before its body is asked for (RFC 9110, section
/// 10.1.1). One that is turned away gets its answer at once, and the connection ends with it: nobody
/// can tell whether the body will follow.
///
/// # Errors
/// The answer to a request that is turned away.
pub fn expect(gate: &Gate, mut req: Request) -> Result<Request, Response<BoxBody>> {
    let path = req.uri().path();
    // What the reserved paths take is small, and decided by their own handlers.
    if path == RESERVED || path.strip_prefix(RESERVED).is_some_and(|rest| rest.starts_with('/')) {
        return Ok(req);
    }
    let away = match gate.admit(req.head()) {
        Admission::Open(_) => None,
        Admission::Away(response) => Some(response),
    };
    let Some(mut response) = away else { return Ok(req) };
    response.head_mut().set_connection_type(ConnectionType::Close);
    let unread = req.take_payload();
    Err(response.map_body(|_, body| BoxBody::new(Last { body, _unread: unread })).into())
}

/// An answer that does not wait for the body of its request. A body that has arrived already is read
/// away, so that the connection can go on; any other ends the connection with the answer.
pub(super) async fn before_its_body(response: HttpResponse, payload: web::Payload) -> HttpResponse {
    let mut payload = payload.into_inner();
    // The dispatcher hands over what it has read when it gets the turn once.
    tokio::task::yield_now().await;
    let mut left = DISCARDED;
    while left > 0 {
        match payload.next().now_or_never() {
            Some(None) => return response,
            Some(Some(Ok(piece))) => left = left.saturating_sub(piece.len()),
            Some(Some(Err(_))) | None => break,
        }
    }
    response.map_body(|_, body| BoxBody::new(Last { body, _unread: payload }))
}

/// The last answer on a connection, to a request whose body has not been read. The dispatcher waits
/// for the end of a chunked body that nobody holds any more, and so for ever for one that does not
/// come; what is still held it takes for unread, and ends the connection.
struct Last {
    body: BoxBody,
    _unread: Payload,
}

impl MessageBody for Last {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

/// The answer to a request for `instance` whose application is unavailable. `reading`: its method is
/// GET or HEAD.
pub(super) fn denied(
    status: StatusCode,
    shape: Shape,
    denial: &Denial,
    instance: &str,
    reading: bool,
    now: Moment,
) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    for (name, value) in denial.headers(shape, now) {
        response.insert_header((HeaderName::from_static(name), as_value(value)));
    }
    response.body(denial.body(shape, instance, reading, now))
}

impl Gate {
    /// Decides by the head of a request, before anything of its body is read.
    fn admit<'a>(&'a self, head: &'a RequestHead) -> Admission<'a> {
        let path = match Path::parse(head.uri.path().as_bytes()) {
            Ok(path) => path,
            Err(error) => {
                return Admission::Away(self.problem(head, ProblemKind::BadRequest, Some(&error.to_string()), None));
            }
        };
        let host = match request_host(head) {
            Ok(host) => host,
            Err(error) => {
                return Admission::Away(self.problem(head, ProblemKind::BadRequest, Some(&error.to_string()), None));
            }
        };
        let peer = head.peer_addr.map(|address| address.ip());
        let asked = Asked {
            method: head.method.as_str(),
            host: host_name(host),
            path: &path,
            query: head.uri.query().unwrap_or_default(),
            headers: &head.headers,
            client: peer.map(|peer| self.trusted.client_address(peer, &head.headers)),
        };
        let now = self.shared.clock();
        match decide(&self.shared, &self.routes, &asked, now) {
            Outcome::Unknown => Admission::Away(self.problem(head, ProblemKind::NoSuchApplication, None, None)),
            Outcome::Torn => Admission::Away(self.problem(head, ProblemKind::BadRequest, Some(TORN), None)),
            Outcome::Closed(denial) => {
                Counters::count(&self.shared.counters.denials);
                let (shape, reading) = (shape_of(&head.headers), is_reading(&head.method));
                Admission::Away(denied(StatusCode::SERVICE_UNAVAILABLE, shape, &denial, path.literal(), reading, now))
            }
            Outcome::Open(matched) => Admission::Open(Admitted { path, host, peer, performs: matched.applications }),
        }
    }

    /// The answer to a request that application `index` could not perform.
    fn failed(&self, head: &RequestHead, index: usize, error: &ProxyError) -> HttpResponse {
        let kind = match error.status() {
            StatusCode::BAD_GATEWAY => ProblemKind::UpstreamUnreachable,
            StatusCode::GATEWAY_TIMEOUT => ProblemKind::UpstreamTimeout,
            StatusCode::REQUEST_TIMEOUT => ProblemKind::RequestTimeout,
            _ => ProblemKind::BadRequest,
        };
        let app = &self.shared.slots[index].app;
        if error.is_upstreams_fault() {
            Counters::count(&self.shared.counters.upstream_failures);
            if UPSTREAM_FAILURES.admits() {
                let application = app.name();
                log::warn!(application:%, error:%; "upstream_failed");
            }
        }
        let detail = error.told(&app.title);
        let mut problem = Problem::new(kind, &self.shared.node).of(app);
        if let Some(detail) = &detail {
            problem = problem.detail(detail);
        }
        if error.is_before_sending() {
            problem = problem.unsent();
        }
        self.told(head, &problem)
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
            problem = problem.of(&self.shared.slots[index].app);
        }
        if let Some(detail) = detail {
            problem = problem.detail(detail);
        }
        self.told(head, &problem)
    }

    fn told(&self, head: &RequestHead, problem: &Problem<'_>) -> HttpResponse {
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

/// The gate's routes. `more` adds to those below the reserved prefix.
pub fn configure(config: &mut web::ServiceConfig, more: impl FnOnce(&mut web::ServiceConfig)) {
    reserved::configure(config, more);
    config.default_service(web::to(handle));
}
