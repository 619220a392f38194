//! Decides requests that another proxy describes: `/.forewarn/check/forward` (Traefik, Caddy,
//! HAProxy), `/nginx` (`auth_request`) and `/envoy` (`ext_authz`), by any method
//! (docs/contract.md#http).
//!
//! | who | the request is described by | let through | turned away | cannot be decided |
//! |---|---|---|---|---|
//! | forward | `X-Forwarded-Method`, `-Host`, `-Uri` | 204 | 503, the gate's own answer | 400 |
//! | nginx | `X-Original-Method`, `-Host`, `-URI` or `-URL`; what is missing, as above | 204 | 403 with the denial's headers, for `auth_request_set` | 403; 400 without a path |
//! | envoy | its own method and Host, and the path behind the prefix | 200 | 403 with the denial | 400 |
//!
//! Without a described method or host those of the proxy's own request count. If a field is a list, because
//! several proxies are chained, its first member counts. Criteria see the other headers, which these proxies
//! copy.
//!
//! **A request that no route can match is let through**, whatever its path. These proxies ask about everything
//! that they serve. Forewarn knows nothing about the rest, for which the other proxy is responsible.
//!
//! **Trust.** The description is accepted from any sender: it affects only the answer, and a stranger learns no
//! more than `/.forewarn/availability` tells everyone. The asking proxy must set these headers over those of
//! its clients; if two paths contradict each other, a client has added one, and the description is refused. The
//! client's address, which criteria may exempt, is different: `X-Forwarded-For` counts only if the asking proxy
//! is one of `gate.trusted_proxies`, as everywhere at the gate.
//!
//! nginx turns anything but 2xx, 401 and 403 into 500. Hence its 403 for a request that cannot be decided, and
//! its 400, which shows in its log, for a configuration without the path. Envoy treats 5xx as a failure of the
//! authorization service. No answer is 101, whatever the Upgrade header, and no answer waits for a body.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    dev::RequestHead,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName},
    },
    web,
};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::{
    audience::Audience,
    decide::{Asked, Notices, Outcome},
    fields::{Fields as _, members},
    forwarded::PASS,
    path::{Path, PathError, guesses},
    route::{HostError, checked_host, host_name, request_host},
    service::{self, Gate, Seen, TORN},
};
use crate::answer::{Occasion, Problem, ProblemKind};

/// What comes before the path that Envoy asks about.
const ENVOY: &str = "/.forewarn/check/envoy";

/// The routes, for the scope of the reserved prefix.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/check/forward", web::to(|gate, req| answer(Asker::Forward, gate, req)))
        .route("/check/nginx", web::to(|gate, req| answer(Asker::Nginx, gate, req)))
        .route("/check/envoy", web::to(|gate, req| answer(Asker::Envoy, gate, req)))
        .route("/check/envoy/{path:.*}", web::to(|gate, req| answer(Asker::Envoy, gate, req)));
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
    #[error("the described method is not a method")]
    Method,
    #[error("the described host is not a host name with an optional port")]
    Host(#[from] HostError),
    #[error(transparent)]
    Path(#[from] PathError),
}

/// The request that is asked about, as it is described: nothing of it has been looked at yet.
#[derive(Debug, PartialEq, Eq)]
struct Described<'a> {
    method: &'a [u8],
    host: Result<&'a str, HostError>,
    path: &'a [u8],
    query: &'a [u8],
}

/// The same as it is decided on.
struct Decidable<'a> {
    method: &'a str,
    host: &'a str,
    path: Path<'a>,
    query: Cow<'a, str>,
}

async fn answer(asker: Asker, gate: Seen, req: HttpRequest) -> HttpResponse {
    match Described::by(asker, req.head()) {
        Ok(described) => decided(asker, &gate, req.head(), &described),
        Err(fault) => refused(&gate, req.head(), asker.refuses(fault), &fault.to_string()),
    }
}

fn decided(asker: Asker, gate: &Gate, head: &RequestHead, described: &Described<'_>) -> HttpResponse {
    let allowed = |notices: &Notices| {
        let mut response = HttpResponse::build(asker.allows());
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        notices.each(|name, value| {
            response.append_header((HeaderName::from_static(name), service::as_value(value.clone())));
        });
        if notices.passed {
            response.insert_header((PASS, "1"));
        }
        response.finish()
    };
    let request = match described.checked() {
        Ok(request) => request,
        Err(_) if !gate.routes.may_match(described.host.ok(), &guesses(described.path)) => {
            return allowed(&Notices::default());
        }
        Err(fault) => return refused(gate, head, asker.refuses(fault), &fault.to_string()),
    };
    let asked = Asked {
        method: request.method,
        host: host_name(request.host),
        path: &request.path,
        query: &request.query,
        headers: &head.headers,
        client: head.peer_addr.map(|peer| gate.trusted.client_address(peer.ip(), &head.headers)),
        // The other proxy may not pass on a cookie, so it is not known who is inside.
        enters: false,
        secure: false,
    };
    let now = gate.shared.clock();
    match gate.decide(&asked, now) {
        Outcome::Open(_, notices) => allowed(&notices),
        Outcome::Unknown => allowed(&Notices::default()),
        Outcome::Torn => refused(gate, head, asker.refuses(Fault::Path(PathError::Ambiguous)), TORN),
        Outcome::Closed(denial) => {
            gate.shared.denied(&denial);
            let reading = matches!(request.method, "GET" | "HEAD");
            let shape = service::shape_of(&head.headers);
            let (instance, chance) = (request.path.literal(), (gate.chance)());
            let (language, works) = (&gate.language(&head.headers), &*gate.works(shape, now));
            let occasion = Occasion { shape, instance, reading, clock: now, language, works, chance };
            // The status tells the other proxy what to do, so it is the same for every kind of client.
            let audience = Audience::of(request.method, &head.headers, &gate.cors);
            service::denied(asker.denies(), &denial, &audience, &occasion)
        }
    }
}

fn refused(gate: &Gate, head: &RequestHead, status: StatusCode, detail: &str) -> HttpResponse {
    let language = gate.language(&head.headers);
    let problem = Problem::new(ProblemKind::BadRequest, &gate.shared.node).detail(detail).speaking(&language);
    service::told(status, service::shape_of(&head.headers), &problem, head.uri.path(), true)
}

impl<'a> Described<'a> {
    fn by(asker: Asker, head: &'a RequestHead) -> Result<Self, Fault> {
        let headers = &head.headers;
        let (mut method, mut host, mut target) = (None, None, None);
        if asker == Asker::Envoy {
            let path = head.uri.path().strip_prefix(ENVOY).ok_or(Fault::NoPath)?;
            let query = head.uri.query().unwrap_or_default();
            target = Some(Target { host: None, path: path.as_bytes(), query: query.as_bytes() });
        }
        if asker == Asker::Nginx {
            method = members(headers, "x-original-method").next();
            host = members(headers, "x-original-host").next();
            target = one_target(headers, &["x-original-uri", "x-original-url"])?;
        }
        if asker != Asker::Envoy {
            method = method.or(members(headers, "x-forwarded-method").next());
            if target.is_none() {
                target = one_target(headers, &["x-forwarded-uri"])?;
            }
            let named = target.as_ref().and_then(|target| target.host);
            host = host.or(named).or(members(headers, "x-forwarded-host").next());
        }
        let target = target.ok_or(Fault::NoPath)?;
        let host = host.map_or_else(|| request_host(head), checked_host);
        if let (Some(named), Ok(host)) = (target.host, host)
            && !host_name(named).eq_ignore_ascii_case(host_name(host))
        {
            return Err(Fault::Contradiction);
        }
        let method = method.unwrap_or(head.method.as_str()).as_bytes();
        Ok(Self { method, host, path: target.path, query: target.query })
    }

    fn checked(&self) -> Result<Decidable<'a>, Fault> {
        // Methods are tokens; this finds those that are none.
        Method::from_bytes(self.method).map_err(|_invalid| Fault::Method)?;
        let method = std::str::from_utf8(self.method).map_err(|_invalid| Fault::Method)?;
        let query = percent_encode(self.query, BEYOND_ASCII).into();
        Ok(Decidable { method, host: self.host?, path: Path::parse(self.path)?, query })
    }
}

/// `percent_encode` escapes everything beyond ASCII anyway.
const BEYOND_ASCII: &AsciiSet = CONTROLS;

/// Where a described request goes.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    /// Where it is named with the path.
    host: Option<&'a str>,
    path: &'a [u8],
    query: &'a [u8],
}

impl<'a> Target<'a> {
    /// A path with its query, or a URL.
    fn read(text: &'a [u8]) -> Self {
        let (before, query) = match text.iter().position(|&b| b == b'?') {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, &[][..]),
        };
        let plain = Self { host: None, path: before, query };
        if before.starts_with(b"/") {
            return plain;
        }
        let Some(scheme) = before.windows(3).position(|three| three == b"://") else { return plain };
        let rest = &before[scheme + 3..];
        let (authority, path) = rest.split_at(rest.iter().position(|&b| b == b'/').unwrap_or(rest.len()));
        match std::str::from_utf8(authority) {
            Ok(authority) => {
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                Self { host: Some(host), path, query }
            }
            // No host; whatever this is, it is no path either.
            Err(_) => plain,
        }
    }
}

/// The one target that all lines of these headers name; none, if there are none.
fn one_target<'a>(headers: &'a HeaderMap, names: &[&'static str]) -> Result<Option<Target<'a>>, Fault> {
    let lines = names.iter().flat_map(|name| headers.lines(name)).map(<[u8]>::trim_ascii);
    let mut targets = lines.filter(|line| !line.is_empty()).map(Target::read);
    let first = targets.next();
    match targets.all(|target| Some(target) == first) {
        true => Ok(first),
        false => Err(Fault::Contradiction),
    }
}

#[cfg(test)]
mod tests;
