//! The gate's HTTP side: a request comes in, the decision is made, and the answer is a denial, the
//! application's own, or a problem in the same shapes (SPEC 6).

use std::{
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
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
use futures_util::StreamExt as _;

use super::{
    check,
    decide::{Asked, Outcome, decide},
    forwarded::{Forwarding, TrustedProxies},
    negotiate::{Shape, negotiate},
    path::Path,
    proxy::Proxy,
    route::{Routes, host_name, request_host},
    upstream::Upstreams,
};
use crate::{
    actors::shared::{Counters, Shared},
    answer::{Denial, Problem, ProblemKind, availability_json},
    availability::Moment,
    clock,
    noise::Noise,
};

static UPSTREAM_FAILURES: Noise = Noise::new("upstream_failed");

/// Paths that no application can have.
const RESERVED: &str = "/.forewarn";
/// How much of a refused body is read, so that its sender gets to see the answer.
const DRAIN: usize = 1 << 20;
/// And for how long.
const DRAIN_TIME: Duration = Duration::from_secs(5);

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
        Admission::Away(response) => {
            drain(payload).await;
            return response;
        }
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
        Err(error) => {
            let kind = match error.status() {
                StatusCode::BAD_GATEWAY => ProblemKind::UpstreamUnreachable,
                StatusCode::GATEWAY_TIMEOUT => ProblemKind::UpstreamTimeout,
                _ => ProblemKind::BadRequest,
            };
            if error.is_upstreams_fault() {
                Counters::count(&gate.shared.counters.upstream_failures);
                if UPSTREAM_FAILURES.admits() {
                    let application = gate.shared.slots[index].app.name();
                    log::warn!(application:%, error:%; "upstream_failed");
                }
            }
            gate.problem(req.head(), kind, None, Some(index))
        }
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

/// The last answer on a connection, to a request whose body was not asked for. The dispatcher waits
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
        let path = match Path::parse(head.uri.path()) {
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
        let now = clock::now();
        let (outcome, found) = decide(&self.shared, &self.routes, &asked, now);
        match outcome {
            Outcome::Unknown => Admission::Away(self.problem(head, ProblemKind::NoSuchApplication, None, None)),
            Outcome::Closed(denial) => {
                Counters::count(&self.shared.counters.denials);
                let (shape, reading) = (shape_of(&head.headers), is_reading(&head.method));
                Admission::Away(denied(StatusCode::SERVICE_UNAVAILABLE, shape, &denial, path.literal(), reading, now))
            }
            Outcome::Open => Admission::Open(Admitted { path, host, peer, performs: found.performs }),
        }
    }

    fn problem(
        &self,
        head: &RequestHead,
        kind: ProblemKind,
        detail: Option<&str>,
        application: Option<usize>,
    ) -> HttpResponse {
        let shape = shape_of(&head.headers);
        let mut problem = Problem::new(kind, &self.shared.node);
        if let Some(index) = application {
            problem = problem.of(&self.shared.slots[index].app);
        }
        if let Some(detail) = detail {
            problem = problem.detail(detail);
        }
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::BAD_GATEWAY);
        told(status, shape, &problem, head.uri.path(), is_reading(&head.method))
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

fn as_value(bytes: Bytes) -> HeaderValue {
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

/// Reads what is left of a refused body, within bounds: a client that is still sending would not
/// see the answer.
pub(super) async fn drain(mut payload: web::Payload) {
    let read = async {
        let mut left = DRAIN;
        while let Some(Ok(chunk)) = payload.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // Whoever is slower than that has had its answer anyway.
    tokio::time::timeout(DRAIN_TIME, read).await.ok();
}

/// `GET /.forewarn/availability`: all applications, for anyone.
pub async fn availability(gate: web::Data<Gate>) -> HttpResponse {
    let now = clock::now();
    let applications: Vec<_> =
        gate.shared.slots.iter().map(|slot| availability_json(&slot.snapshot.load(), now)).collect();
    open_to_all().json(serde_json::json!({ "applications": applications }))
}

/// `GET /.forewarn/availability/{application}`: one of them.
pub async fn availability_of(gate: web::Data<Gate>, name: web::Path<String>, req: HttpRequest) -> HttpResponse {
    match gate.shared.slots.iter().find(|slot| slot.app.name().as_str() == name.as_str()) {
        Some(slot) => open_to_all().json(availability_json(&slot.snapshot.load(), clock::now())),
        None => gate.problem(req.head(), ProblemKind::NoSuchApplication, None, None),
    }
}

/// Anything else below the reserved prefix.
pub async fn nothing_here(gate: web::Data<Gate>, req: HttpRequest) -> HttpResponse {
    gate.problem(
        req.head(),
        ProblemKind::NoSuchApplication,
        Some("There is nothing here; /.forewarn/ is reserved."),
        None,
    )
}

fn open_to_all() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    response
}

/// The gate's routes. `reserved` adds more below `/.forewarn`.
pub fn configure(config: &mut web::ServiceConfig, reserved: impl FnOnce(&mut web::ServiceConfig)) {
    config
        .service(
            web::scope(RESERVED)
                .route("/availability", web::get().to(availability))
                .route("/availability/{application}", web::get().to(availability_of))
                .configure(check::configure)
                .configure(reserved)
                .default_service(web::to(nothing_here)),
        )
        .default_service(web::to(handle));
}
