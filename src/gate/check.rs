//! Decides requests that another proxy describes: `/.forewarn/check/forward` (Traefik, Caddy,
//! HAProxy), `/nginx` (`auth_request`) and `/envoy` (`ext_authz`), by any method (SPEC 6).
//!
//! | who | the request is described by | let through | turned away | cannot be decided |
//! |---|---|---|---|---|
//! | forward | `X-Forwarded-Method`, `-Host`, `-Uri` | 204 | 503, the gate's own answer | 400 |
//! | nginx | `X-Original-Method`, `-Host`, `-URI` or `-URL`; what lacks, as above | 204 | 403 with the denial's headers, for `auth_request_set` | 403; 400 without a path |
//! | envoy | its own method and Host, and the path behind the prefix | 200 | 403 with the denial | 400 |
//!
//! Without a described method or host those of the asking request count. Other headers, which these
//! proxies copy, are what criteria look at.
//!
//! **A request that no route here matches is let through.** These proxies ask about everything that
//! they serve; of what Forewarn does not know it has nothing to say, and the other proxy answers for
//! itself.
//!
//! **Who is believed.** The description is taken from whoever asks: it decides nothing but the answer,
//! and a stranger learns no more than `/.forewarn/availability` tells everyone. It is the asking
//! proxy's business to set these headers over those of its clients; where two of one kind
//! contradict each other, somebody has slipped one in, and the description is refused. The client's
//! address, which criteria may exempt, is another matter: `X-Forwarded-For` counts only while the
//! asking proxy is one of `gate.trusted_proxies`, as everywhere at the gate.
//!
//! nginx makes 500 of anything but 2xx, 401 and 403, hence its 403 for a request that cannot be
//! decided, and its 400, which shows in its log, for a configuration that forgot the path. Envoy
//! takes 5xx for a failure of the one asked. Whatever Upgrade header comes along, no answer is 101.

use actix_web::{
    HttpRequest, HttpResponse,
    dev::RequestHead,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap},
    },
    web,
};

use super::{
    decide::{Asked, Outcome, decide},
    path::{Path, PathError},
    route::{HostError, checked_host, host_name, request_host},
    service::{self, Gate},
};
use crate::{
    actors::shared::Counters,
    answer::{Problem, ProblemKind},
    clock,
};

/// What comes before the path that Envoy asks about.
const ENVOY: &str = "/.forewarn/check/envoy";

/// The routes, for the scope of the reserved prefix.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/check/forward", web::to(|gate, req, payload| answer(Asker::Forward, gate, req, payload)))
        .route("/check/nginx", web::to(|gate, req, payload| answer(Asker::Nginx, gate, req, payload)))
        .route("/check/envoy", web::to(|gate, req, payload| answer(Asker::Envoy, gate, req, payload)))
        .route("/check/envoy/{path:.*}", web::to(|gate, req, payload| answer(Asker::Envoy, gate, req, payload)));
}

/// Which kind of proxy asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    Forward,
    Nginx,
    Envoy,
}

impl Asker {
    fn allows(self) -> StatusCode {
        match self {
            Self::Forward | Self::Nginx => StatusCode::NO_CONTENT,
            Self::Envoy => StatusCode::OK,
        }
    }

    fn denies(self) -> StatusCode {
        match self {
            Self::Forward => StatusCode::SERVICE_UNAVAILABLE,
            Self::Nginx | Self::Envoy => StatusCode::FORBIDDEN,
        }
    }

    fn refuses(self, fault: Fault) -> StatusCode {
        match (self, fault) {
            (Self::Nginx, fault) if fault != Fault::NoPath => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why a description cannot be decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("no header says which path is asked about: X-Forwarded-Uri, or for nginx X-Original-URI")]
    NoPath,
    #[error("two headers of the description contradict each other")]
    Contradiction,
    #[error("a header of the description is no text")]
    NoText,
    #[error("the method described is none")]
    Method,
    #[error("the host described is not a host name with an optional port")]
    Host(#[from] HostError),
    #[error(transparent)]
    Path(#[from] PathError),
}

/// The request that is asked about.
#[derive(Debug, PartialEq, Eq)]
struct Described<'a> {
    method: &'a str,
    host: &'a str,
    path: Path<'a>,
    query: &'a str,
}

async fn answer(asker: Asker, gate: web::Data<Gate>, req: HttpRequest, payload: web::Payload) -> HttpResponse {
    let response = decided(asker, &gate, req.head());
    service::drain(payload).await;
    response
}

fn decided(asker: Asker, gate: &Gate, head: &RequestHead) -> HttpResponse {
    let shape = service::shape_of(&head.headers);
    let described = match Described::by(asker, head) {
        Ok(described) => described,
        Err(fault) => {
            let detail = fault.to_string();
            let problem = Problem::new(ProblemKind::BadRequest, &gate.shared.node).detail(&detail);
            return service::told(asker.refuses(fault), shape, &problem, head.uri.path(), true);
        }
    };
    let asked = Asked {
        method: described.method,
        host: host_name(described.host),
        path: &described.path,
        query: described.query,
        headers: &head.headers,
        client: head.peer_addr.map(|peer| gate.trusted.client_address(peer.ip(), &head.headers)),
    };
    let now = clock::now();
    match decide(&gate.shared, &gate.routes, &asked, now).0 {
        Outcome::Open | Outcome::Unknown => {
            HttpResponse::build(asker.allows()).insert_header((header::CACHE_CONTROL, "no-store")).finish()
        }
        Outcome::Closed(denial) => {
            Counters::count(&gate.shared.counters.denials);
            let reading = matches!(described.method, "GET" | "HEAD");
            service::denied(asker.denies(), shape, &denial, described.path.literal(), reading, now)
        }
    }
}

impl<'a> Described<'a> {
    fn by(asker: Asker, head: &'a RequestHead) -> Result<Self, Fault> {
        let (mut method, mut host, mut target) = (None, None, None);
        if asker == Asker::Envoy {
            let path = head.uri.path().strip_prefix(ENVOY).ok_or(Fault::NoPath)?;
            target = Some(Target { host: None, path, query: head.uri.query().unwrap_or_default() });
        }
        if asker == Asker::Nginx {
            method = said(&head.headers, &["x-original-method"])?;
            host = said(&head.headers, &["x-original-host"])?;
            target = one(lines(&head.headers, &["x-original-uri", "x-original-url"]).map(|text| Target::read(text?)))?;
        }
        if asker != Asker::Envoy {
            method = method.or(said(&head.headers, &["x-forwarded-method"])?);
            if target.is_none() {
                target = one(lines(&head.headers, &["x-forwarded-uri"]).map(|text| Target::read(text?)))?;
            }
            host =
                host.or(target.as_ref().and_then(|target| target.host)).or(said(&head.headers, &["x-forwarded-host"])?);
        }
        let target = target.ok_or(Fault::NoPath)?;
        let method = method.unwrap_or(head.method.as_str());
        // Methods are tokens; this finds those that are none.
        Method::from_bytes(method.as_bytes()).map_err(|_invalid| Fault::Method)?;
        let host = match host {
            Some(host) => checked_host(host)?,
            None => request_host(head)?,
        };
        if target.host.is_some_and(|named| !host_name(named).eq_ignore_ascii_case(host_name(host))) {
            return Err(Fault::Contradiction);
        }
        Ok(Self { method, host, path: Path::parse(target.path)?, query: target.query })
    }
}

/// Where a described request goes.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    /// Where it is named with the path.
    host: Option<&'a str>,
    path: &'a str,
    query: &'a str,
}

impl<'a> Target<'a> {
    /// A path with its query, or a URL.
    fn read(text: &'a str) -> Result<Self, Fault> {
        let (before, query) = text.split_once('?').unwrap_or((text, ""));
        if before.starts_with('/') {
            return Ok(Self { host: None, path: before, query });
        }
        let (_, rest) = before.split_once("://").ok_or(PathError::Form)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Ok(Self { host: Some(host), path, query })
    }
}

/// What is in all lines of these headers, without empty ones.
fn lines<'a>(headers: &'a HeaderMap, names: &'static [&'static str]) -> impl Iterator<Item = Result<&'a str, Fault>> {
    let values = names.iter().flat_map(|name| headers.get_all(*name));
    values.map(|value| value.to_str().map(str::trim).map_err(|_binary| Fault::NoText)).filter(|text| *text != Ok(""))
}

/// What these headers say, if they say anything.
fn said<'a>(headers: &'a HeaderMap, names: &'static [&'static str]) -> Result<Option<&'a str>, Fault> {
    one(lines(headers, names))
}

/// The one thing that all of them are; none, if there are none.
fn one<T: PartialEq>(all: impl Iterator<Item = Result<T, Fault>>) -> Result<Option<T>, Fault> {
    let mut found = None;
    for this in all {
        let this = this?;
        if found.as_ref().is_some_and(|other| *other != this) {
            return Err(Fault::Contradiction);
        }
        found = Some(this);
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
