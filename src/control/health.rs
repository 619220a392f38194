//! Liveness and readiness, for supervisors and load balancers. Open to everybody; they reveal only the phase of
//! the node.
//!
//! Must stay true: `/healthz` waits for nothing, so it answers as long as the process can;
//! `/readyz` is 200 exactly while the phase is `ready`.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use super::routes::{Place, get};
use crate::{actors::desk::Desk, sync::ConflictKind};

pub(super) fn places() -> Vec<Place> {
    vec![Place::new("/healthz", vec![get(healthz)]), Place::new("/readyz", vec![get(readyz)])]
}

/// What they answer.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`; of readiness `ready`, `starting`, `fenced` or `stopping`.
    status: &'static str,
    /// How far a start has come, where the node is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phase: Option<String>,
    /// What to do about a node that its peers have turned away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'static str>,
}

/// Liveness
#[utoipa::path(
    get, path = "/healthz", operation_id = "healthz", tag = "node", security(()),
    responses((status = 200, description = "The process answers.", body = Health))
)]
pub(super) async fn healthz() -> HttpResponse {
    let health = Health { status: "ok", phase: None, detail: None };
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(health)
}

/// Readiness
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "node", security(()),
    responses(
        (status = 200, description = "The gate listens.", body = Health),
        (status = 503, description = "Not yet, or not any more.", body = Health,
            headers(("Retry-After" = u64, description = "Seconds."))),
    )
)]
pub(super) async fn readyz(request: HttpRequest) -> HttpResponse {
    // Without a desk the node is still opening its store.
    let desk = request.app_data::<Data<Desk>>();
    readiness(desk.map_or("open", |desk| desk.phase()), desk.and_then(|desk| desk.fenced()))
}

/// What `/readyz` answers in this phase. A fenced node stays fenced until an operator acts: the answer tells
/// how, and names no time.
fn readiness(phase: &str, fenced: Option<ConflictKind>) -> HttpResponse {
    let (status, mut response) = match phase {
        "ready" => ("ready", HttpResponse::Ok()),
        "fenced" => ("fenced", HttpResponse::ServiceUnavailable()),
        "stopping" => ("stopping", HttpResponse::ServiceUnavailable()),
        _ => ("starting", HttpResponse::ServiceUnavailable()),
    };
    let body = Health {
        status,
        phase: (status != "ready").then(|| phase.to_owned()),
        detail: fenced.filter(|_| status == "fenced").map(ConflictKind::remedy),
    };
    if !matches!(phase, "ready" | "fenced") {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    response.insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::body::MessageBody as _;
    use serde_json::json;

    #[test]
    fn only_ready_is_ready() {
        for (phase, status, body) in [
            ("ready", 200, r#"{"status":"ready"}"#),
            ("merge", 503, r#"{"status":"starting","phase":"merge"}"#),
            ("stopping", 503, r#"{"status":"stopping","phase":"stopping"}"#),
        ] {
            let response = readiness(phase, None);
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), status == 503);
            assert_eq!(response.into_body().try_into_bytes().unwrap(), body);
        }
    }

    #[test]
    fn a_fenced_node_says_what_to_do_and_not_when_to_come_back() {
        let response = readiness("fenced", Some(ConflictKind::Copied));
        assert_eq!(response.status().as_u16(), 503);
        assert!(!response.headers().contains_key(header::RETRY_AFTER));
        let body: serde_json::Value = serde_json::from_slice(&response.into_body().try_into_bytes().unwrap()).unwrap();
        assert_eq!((&body["status"], &body["phase"]), (&json!("fenced"), &json!("fenced")));
        assert!(body["detail"].as_str().unwrap().contains("forewarn store renew"), "{body}");
    }
}
