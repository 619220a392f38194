//! Liveness and readiness, for supervisors and load balancers. Open to everybody; they say nothing
//! but how far the node's start has come.
//!
//! Must stay true: `/healthz` waits for nothing, so it answers as long as the process can;
//! `/readyz` is 200 exactly while the phase is `ready`.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde_json::json;

use super::api::routes::{Place, get};
use crate::actors::desk::Desk;

pub(super) fn places() -> Vec<Place> {
    vec![Place::new("/healthz", vec![get(healthz)]), Place::new("/readyz", vec![get(readyz)])]
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({"status": "ok"}))
}

async fn readyz(request: HttpRequest) -> HttpResponse {
    // Without a desk the node is still opening its store.
    readiness(request.app_data::<Data<Desk>>().map_or("open", |desk| desk.phase()))
}

/// What `/readyz` says in this phase.
fn readiness(phase: &str) -> HttpResponse {
    let (mut response, body) = match phase {
        "ready" => (HttpResponse::Ok(), json!({"status": "ready"})),
        "stopping" => (HttpResponse::ServiceUnavailable(), json!({"status": "stopping", "phase": phase})),
        _ => (HttpResponse::ServiceUnavailable(), json!({"status": "starting", "phase": phase})),
    };
    if phase != "ready" {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    response.insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::body::MessageBody as _;

    #[test]
    fn only_ready_is_ready() {
        for (phase, status, body) in [
            ("ready", 200, r#"{"status":"ready"}"#),
            ("merge", 503, r#"{"phase":"merge","status":"starting"}"#),
            ("stopping", 503, r#"{"phase":"stopping","status":"stopping"}"#),
        ] {
            let response = readiness(phase);
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), status == 503);
            assert_eq!(response.into_body().try_into_bytes().unwrap(), body);
        }
    }
}
