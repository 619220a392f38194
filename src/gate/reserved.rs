//! The gate's own addresses, below `/.forewarn` (docs/contract.md#http): what is available, what problem
//! types mean, the questions of other proxies, and what the node adds (events).
//!
//! What must stay true: no application can have these paths; they accept GET and HEAD and answer 405 to
//! everything else, except `/check/*`, which accepts every method; every request below the prefix gets an
//! answer that explains itself.

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, http::header, web};

use super::{
    check,
    entrance::Secure,
    path::Path,
    reading::{NOTHING_HERE, reading},
    route::{host_name, request_host},
    script,
    service::{Gate, Seen, as_value, handle, shape_of},
    status, visitor,
};
use crate::{
    actors::shared::Slot,
    answer::{Note, PROBLEMS, ProblemKind, availability_json, bar_json, problem_type},
    vocabulary::FarmId,
};

/// Paths that no application can have.
const RESERVED: &str = "/.forewarn";

/// What other proxies ask with: their paths stand behind it, so these targets may be long.
pub(super) const CHECK: &str = "/.forewarn/check/";

/// The most paths that are asked about at once.
const MOST_PATHS: usize = 8;

/// Whether a path is one of them.
pub(super) fn is_reserved(path: &str) -> bool {
    path.strip_prefix(RESERVED).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the prefix itself answers.
const ROOT: (&str, &str) = (
    "Forewarn",
    "Addresses below /.forewarn/ are the gate's own: /.forewarn/availability says what is available, \
     /.forewarn/events tells changes as they happen, /.forewarn/check/ decides requests for other proxies.",
);

/// The gate's routes. `more` adds to those below the reserved prefix.
pub(super) fn configure(config: &mut web::ServiceConfig, more: impl FnOnce(&mut web::ServiceConfig)) {
    scope(config, more);
    config.default_service(web::to(handle));
}

fn scope(config: &mut web::ServiceConfig, more: impl FnOnce(&mut web::ServiceConfig)) {
    config.service(
        web::scope(RESERVED)
            .service(reading("", root))
            .service(reading("/", root))
            .service(reading("/availability", availability))
            .service(reading("/availability/{application}", availability_of))
            .service(reading("/problems/{kind}", problem))
            .service(reading("/pass", pass))
            .configure(check::configure)
            .configure(script::configure)
            .configure(status::configure)
            .configure(more)
            .default_service(web::to(nothing_here)),
    );
}

async fn root(gate: Seen, req: HttpRequest) -> HttpResponse {
    noted(&req, Note { node: &gate.shared.node, title: ROOT.0, text: ROOT.1 })
}

/// What a problem type means (RFC 9457, section 3.1.1).
async fn problem(gate: Seen, kind: web::Path<String>, req: HttpRequest) -> HttpResponse {
    match problem_type(&kind) {
        Some((title, text)) => noted(&req, Note { node: &gate.shared.node, title: &title, text: &text }),
        None => {
            let detail = format!("There is no problem type of this name below {PROBLEMS}.");
            gate.problem(req.head(), ProblemKind::NoSuchApplication, Some(&detail), None)
        }
    }
}

/// All applications, for anyone; or those that some paths of this host belong to, for the script
/// (docs/contract.md#the-script), with what its bar says.
async fn availability(gate: Seen, farm: Option<web::Data<FarmId>>, req: HttpRequest) -> HttpResponse {
    let slots = gate.slots.iter();
    if !req.query_string().split('&').any(|pair| pair.starts_with("path=")) {
        let applications: Vec<_> = slots.map(|slot| public(&gate, slot, farm.as_ref())).collect();
        return open_to_all().json(serde_json::json!({ "applications": applications }));
    }
    let (language, now) = (gate.language(req.headers()), gate.shared.clock());
    let named = applications_of(&gate, &req);
    let applications = slots.enumerate().filter(|(index, _)| named.contains(index)).map(|(_, slot)| {
        let mut json = public(&gate, slot, farm.as_ref());
        json["bar"] = bar_json(&slot.snapshot.load(), now, &language).into();
        json
    });
    let applications: Vec<_> = applications.collect();
    open_to_all()
        .insert_header((header::VARY, "Accept-Language"))
        .json(serde_json::json!({ "applications": applications }))
}

/// Which applications the paths of a query belong to, at the host that was asked.
fn applications_of(gate: &Gate, req: &HttpRequest) -> Vec<usize> {
    let host = request_host(req.head()).unwrap_or_default();
    let pairs = req.query_string().split('&').filter_map(|pair| pair.strip_prefix("path="));
    let mut named = Vec::new();
    for text in pairs.take(MOST_PATHS) {
        let raw: Vec<u8> = percent_encoding::percent_decode_str(text).collect();
        if let Ok(path) = Path::parse(&raw) {
            named.extend(gate.routes.find(host_name(host), &path).all().flatten().copied());
        }
    }
    named
}

/// One of them.
async fn availability_of(
    gate: Seen,
    farm: Option<web::Data<FarmId>>,
    name: web::Path<String>,
    req: HttpRequest,
) -> HttpResponse {
    match gate.slots.iter().find(|slot| slot.app.name().as_str() == name.as_str()) {
        Some(slot) => open_to_all().json(public(&gate, slot, farm.as_ref())),
        None => gate.problem(
            req.head(),
            ProblemKind::NoSuchApplication,
            Some("This node knows no application of this name."),
            None,
        ),
    }
}

/// A tester's link (docs/contract.md#testers-pass): sets the cookie, and leads to the first route of the first
/// application, and nowhere else.
async fn pass(gate: Seen, req: HttpRequest) -> HttpResponse {
    let token = req.query_string().strip_prefix("t=").unwrap_or_default();
    let peer = req.peer_addr().map(|peer| peer.ip());
    let secure = req.extensions().get::<Secure>().is_some() || gate.trusted.says_https(peer, req.headers());
    let found = visitor::pass(&gate.shared.visitors, token, secure, gate.shared.clock());
    let place = found.as_ref().and_then(|(name, _)| {
        let slots = gate.slots.iter().zip(&gate.served);
        slots.into_iter().find(|(slot, _)| slot.app.name().as_str() == *name)?.1.home.as_ref()
    });
    let (Some((_, cookie)), Some((host, path))) = (&found, place) else {
        let detail = "This link is not valid, or not any more, or this node does not have the application.";
        return gate.problem(req.head(), ProblemKind::BadRequest, Some(detail), None);
    };
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response.insert_header((header::REFERRER_POLICY, "no-referrer"));
    // A cookie belongs to a host: the link is opened again where the application is.
    let asked = request_host(req.head()).unwrap_or_default();
    match host.as_deref().filter(|host| !host.contains('*') && !host.eq_ignore_ascii_case(host_name(asked))) {
        Some(host) => {
            let port = asked.strip_prefix(host_name(asked)).unwrap_or_default();
            response.insert_header((header::LOCATION, format!("//{host}{port}{RESERVED}/pass?t={token}")));
        }
        None => {
            response.insert_header((header::SET_COOKIE, cookie.as_str()));
            response.insert_header((header::LOCATION, path.as_str()));
        }
    }
    response.finish()
}

/// What anybody may know of an application, and which farm says so.
fn public(gate: &Gate, slot: &Slot, farm: Option<&web::Data<FarmId>>) -> serde_json::Value {
    let mut json = availability_json(&slot.snapshot.load(), gate.shared.clock());
    if let Some(farm) = farm {
        json["farm"] = serde_json::json!(farm.id);
    }
    json
}

/// Anything else below the reserved prefix.
async fn nothing_here(gate: Seen, req: HttpRequest) -> HttpResponse {
    gate.problem(req.head(), ProblemKind::NoSuchApplication, Some(NOTHING_HERE), None)
}

fn noted(req: &HttpRequest, note: Note<'_>) -> HttpResponse {
    let shape = shape_of(req.headers());
    let mut response = HttpResponse::Ok();
    for (name, value) in note.headers(shape) {
        response.insert_header((header::HeaderName::from_static(name), as_value(value)));
    }
    response.body(note.body(shape, req.path()))
}

fn open_to_all() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::{
        App,
        http::Method,
        test::{TestRequest, call_service, init_service, read_body},
    };

    use super::*;
    use crate::gate::fixtures;

    /// Status, `Allow` and body of what the gate of the fixtures answers.
    async fn ask(method: Method, path: &str, accept: &str) -> (u16, String, String) {
        let gate = web::Data::new(arc_swap::ArcSwap::from_pointee(fixtures::gate(&[])));
        let app = init_service(App::new().app_data(gate).configure(|config| configure(config, |_| {}))).await;
        let request = TestRequest::with_uri(path).method(method).insert_header(("accept", accept)).to_request();
        let response = call_service(&app, request).await;
        let allow = response.headers().get("allow").map_or("", |value| value.to_str().unwrap()).to_owned();
        (response.status().as_u16(), allow, String::from_utf8(read_body(response).await.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn head_is_get_and_other_methods_are_told_what_is_allowed() {
        for path in ["", "/", "/availability", "/availability/mail", "/problems/unavailable"] {
            let path = format!("/.forewarn{path}");
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(ask(method, &path, "*/*").await.0, 200, "{path}");
            }
            for method in [Method::POST, Method::DELETE, Method::OPTIONS, Method::from_bytes(b"PROPFIND").unwrap()] {
                let (status, allow, body) = ask(method, &path, "application/json").await;
                assert_eq!((status, allow.as_str()), (405, "GET, HEAD"), "{path}");
                assert!(body.contains("/.forewarn/problems/method-not-allowed"), "{body}");
            }
        }
    }

    #[actix_web::test]
    async fn every_address_says_what_it_is() {
        for kind in ProblemKind::ALL {
            let (status, _, body) = ask(Method::GET, &kind.type_uri(), "text/plain").await;
            assert_eq!((status, body), (200, format!("{}\n\n{}\n", kind.title(), kind.meaning())));
        }
        assert!(ask(Method::GET, "/.forewarn/", "text/html").await.2.contains("/.forewarn/availability says"));
        for path in
            ["/", "/nobody", "/.forewarn/nothing", "/.forewarn/problems/", "/.forewarn/problems/none", "/.forewarnx"]
        {
            for accept in ["text/html", "text/plain", "application/json"] {
                let (status, _, body) = ask(Method::GET, path, accept).await;
                assert_eq!(status, 404, "{path}");
                assert!(body.contains("There is "), "{path} {accept}: {body}");
            }
        }
    }
}
