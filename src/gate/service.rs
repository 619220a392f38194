//! The gate's HTTP side: a request comes in, the decision is made, and the answer is a denial, the
//! application's own, or a problem in the same shapes (SPEC 6).

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web,
};
use bytes::Bytes;
use futures_util::StreamExt as _;

use super::{
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
    clock,
};

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

/// Decides a request, and answers it or has it performed.
pub async fn handle(gate: web::Data<Gate>, proxy: web::ThinData<Proxy>, req: HttpRequest, payload: web::Payload) -> HttpResponse {
    let path = match Path::parse(req.uri().path()) {
        Ok(path) => path,
        Err(error) => return gate.problem(&req, ProblemKind::BadRequest, Some(&error.to_string()), None),
    };
    let host = match request_host(&req) {
        Ok(host) => host,
        Err(error) => return gate.problem(&req, ProblemKind::BadRequest, Some(&error.to_string()), None),
    };
    let peer = req.peer_addr().map(|address| address.ip());
    let asked = Asked {
        method: req.method().as_str(),
        host: host_name(host),
        path: &path,
        query: req.query_string(),
        headers: req.headers(),
        client: peer.map(|peer| gate.trusted.client_address(peer, req.headers())),
    };
    let now = clock::now();
    let (outcome, found) = decide(&gate.shared, &gate.routes, &asked, now);
    match outcome {
        Outcome::Unknown => {
            drain(payload).await;
            gate.problem(&req, ProblemKind::NoSuchApplication, None, None)
        }
        Outcome::Closed(denial) => {
            Counters::count(&gate.shared.counters.denials);
            let response = denied(&req, &denial, path.literal(), now);
            drain(payload).await;
            response
        }
        Outcome::Open => {
            let performer = found.performs.iter().find(|index| !gate.upstreams[**index].is_empty());
            let Some(index) = performer.copied() else {
                return gate.problem(&req, ProblemKind::UpstreamUnreachable, Some("The application has no upstream."), found.performs.first().copied());
            };
            Counters::count(&gate.shared.counters.proxied);
            let forwarding = Forwarding { peer, trusted: peer.is_some_and(|peer| gate.trusted.contains(peer)), host, secure: false };
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
                        log::warn!("event=upstream_failed application={} error={:?}", gate.shared.slots[index].app.name(), error.to_string());
                    }
                    gate.problem(&req, kind, None, Some(index))
                }
            }
        }
    }
}

/// The answer to a request whose application is unavailable.
pub fn denied(req: &HttpRequest, denial: &Denial, instance: &str, now: crate::availability::Moment) -> HttpResponse {
    let shape = shape_of(req);
    let mut response = HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE);
    for (name, value) in denial.headers(shape, now) {
        response.insert_header((name, as_value(value)));
    }
    response.body(denial.body(shape, instance, is_reading(req), now))
}

impl Gate {
    fn problem(&self, req: &HttpRequest, kind: ProblemKind, detail: Option<&str>, application: Option<usize>) -> HttpResponse {
        let shape = shape_of(req);
        let mut problem = Problem::new(kind, &self.shared.node);
        if let Some(index) = application {
            problem = problem.of(&self.shared.slots[index].app);
        }
        if let Some(detail) = detail {
            problem = problem.detail(detail);
        }
        let mut response = HttpResponse::build(StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::BAD_GATEWAY));
        for (name, value) in problem.headers(shape) {
            response.insert_header((name, as_value(value)));
        }
        response.body(problem.body(shape, req.uri().path(), is_reading(req)))
    }
}

fn as_value(bytes: Bytes) -> header::HeaderValue {
    // Visible ASCII by construction; what is not is left out rather than sent.
    header::HeaderValue::from_maybe_shared(bytes).unwrap_or(header::HeaderValue::from_static(""))
}

fn is_reading(req: &HttpRequest) -> bool {
    matches!(*req.method(), Method::GET | Method::HEAD)
}

/// The shape that this request wants.
pub fn shape_of(req: &HttpRequest) -> Shape {
    negotiate(req.headers().get_all(header::ACCEPT).map(header::HeaderValue::as_bytes))
}

/// Reads what is left of a refused body, within bounds: a client that is still sending would not
/// see the answer.
async fn drain(mut payload: web::Payload) {
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
    let applications: Vec<_> = gate.shared.slots.iter().map(|slot| availability_json(&slot.snapshot.load(), now)).collect();
    open_to_all().json(serde_json::json!({ "applications": applications }))
}

/// `GET /.forewarn/availability/{application}`: one of them.
pub async fn availability_of(gate: web::Data<Gate>, name: web::Path<String>, req: HttpRequest) -> HttpResponse {
    match gate.shared.slots.iter().find(|slot| slot.app.name().as_str() == name.as_str()) {
        Some(slot) => open_to_all().json(availability_json(&slot.snapshot.load(), clock::now())),
        None => gate.problem(&req, ProblemKind::NoSuchApplication, None, None),
    }
}

/// Anything else below the reserved prefix.
pub async fn nothing_here(gate: web::Data<Gate>, req: HttpRequest) -> HttpResponse {
    gate.problem(&req, ProblemKind::NoSuchApplication, Some("There is nothing here; /.forewarn/ is reserved."), None)
}

fn open_to_all() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    response
}

/// The gate's routes. `reserved` adds more below `/.forewarn`.
pub fn configure(config: &mut web::ServiceConfig, reserved: impl FnOnce(&mut web::ServiceConfig)) {
    config
        .service(
            web::scope("/.forewarn")
                .route("/availability", web::get().to(availability))
                .route("/availability/{application}", web::get().to(availability_of))
                .configure(reserved)
                .default_service(web::to(nothing_here)),
        )
        .default_service(web::to(handle));
}
