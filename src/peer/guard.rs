//! The answering side of [`client`](super::client): lets in what peers have signed, and signs what
//! they are answered.
//!
//! Must stay true: signature first, then clock, then memory of replays, so that strangers learn
//! nothing and fill nothing; every answer to a request that was let in is signed, errors as well,
//! or the asking node will not believe it.
//!
//! Knows nothing of what is said. How large a body may be is decided before it gets here.

use std::sync::{Mutex, PoisonError};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use bytes::Bytes;

use super::{
    nonces::Nonces,
    signature::{Key, Nonce, Refusal, Sender},
};
use crate::{
    availability::{Moment, NodeId},
    noise::Noise,
};

static REFUSED: Noise = Noise::new("peer_request_refused");

/// Who sent this request, whose whole body is `body`. A refusal is written to the log.
///
/// # Errors
/// See [`Refusal`]; answer it with [`refused`], and apply nothing.
pub fn verify(
    request: &HttpRequest,
    body: &[u8],
    key: &Key,
    nonces: &Mutex<Nonces>,
    now: Moment,
) -> Result<Sender, Refusal> {
    let header = |name: &'static str| request.headers().get(name).map(|value| value.as_bytes());
    // as it stood in the request line: no middleware may rewrite the peers' paths
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let verified = key.verify_request(header, request.method().as_str(), path, body, now).and_then(|sender| {
        let mut nonces = nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.admit(sender.nonce, sender.time, now).map(|()| sender)
    });
    if let Err(refusal) = &verified
        && REFUSED.admits()
    {
        let from = request.peer_addr().map(|address| address.to_string()).unwrap_or_default();
        log::warn!(from, path = request.path(), why:% = refusal; "peer_request_refused");
    }
    verified
}

/// The answer of `node` to the request with this nonce. A 204 has no body, whatever is given.
pub fn signed_answer(key: &Key, node: NodeId, nonce: Nonce, status: StatusCode, body: Bytes) -> HttpResponse {
    let body = if status == StatusCode::NO_CONTENT { Bytes::new() } else { body };
    let mut answer = HttpResponse::build(status);
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    for header in key.sign_answer(node, nonce, status.as_u16(), &body) {
        answer.insert_header(header);
    }
    if body.is_empty() {
        return answer.finish();
    }
    answer.content_type("application/json").body(body)
}

/// What somebody gets who was not let in: 401, or 503 when replays cannot be told any more. Not
/// signed: a stranger gets no signature from this node, whatever it sends.
pub fn refused(refusal: &Refusal) -> HttpResponse {
    // RFC 9110 §11.6.1: a 401 names a scheme
    let (status, title, hint) = match refusal {
        Refusal::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Too many requests to check", (header::RETRY_AFTER, "60")),
        _ => (StatusCode::UNAUTHORIZED, "Not a request of this farm", (header::WWW_AUTHENTICATE, "Forewarn")),
    };
    let problem = serde_json::json!({ "title": title, "status": status.as_u16(), "detail": refusal.to_string() });
    HttpResponse::build(status)
        .insert_header(hint)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/problem+json")
        .body(problem.to_string())
}
