//! The answering side of [`client`](super::client): accepts requests that peers have signed for this node,
//! reads their bodies, and signs the answers.
//!
//! Must stay true: it checks the signature first, then the receiver, the clock and the memory of replays, all
//! from the head alone, so that strangers learn nothing and fill nothing; all bodies together take at most
//! [`ROOM`] bytes of memory; a body is compared with the signed hash; every answer to an accepted request is
//! signed, errors included, because the asking node believes no other.
//!
//! Does not know the meaning of messages.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    nonces::Nonces,
    signature::{Claim, Key, Nonce, Promise, Receiver, Refusal},
};
use crate::{
    availability::Moment,
    body::{self, Bounds, Fault},
    noise::Noise,
};

static REFUSED: Noise = Noise::new("peer_request_refused");

/// Longest message, in bytes: a merge of 2,000 entries of the largest size fits.
pub(crate) const MAX_MESSAGE: usize = 64 << 20;
/// The most bytes of bodies in memory at a time, from all senders: two of the longest.
pub(crate) const ROOM: usize = 2 * MAX_MESSAGE;
/// The longest time that a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a body waits for room.
const WAIT: Duration = Duration::from_secs(5);

/// Why the body of a request that was let in is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// Longer than [`MAX_MESSAGE`].
    #[error("the message has {0} bytes, more than {MAX_MESSAGE}")]
    TooLarge(u64),
    /// Other bodies take all the memory for bodies.
    #[error("other messages take all the memory for messages; try again")]
    NoRoom,
    /// It did not arrive, or not in time.
    #[error(transparent)]
    Fault(Fault),
    /// It is not the body that was signed: it was changed on its way.
    #[error(transparent)]
    Changed(Refusal),
}

impl From<Fault> for NotTaken {
    fn from(fault: Fault) -> Self {
        match fault {
            // Longer than announced.
            Fault::TooLarge(_) => Self::Changed(Refusal::Forged),
            fault => Self::Fault(fault),
        }
    }
}

/// A whole body, as it was signed.
#[derive(Debug)]
pub(crate) struct Received {
    /// The body.
    pub body: Bytes,
    /// Its share of [`ROOM`]: kept until nothing is left of the message.
    pub room: OwnedSemaphorePermit,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Guard {
    key: Key,
    me: Receiver,
    nonces: Mutex<Nonces>,
    room: Arc<Semaphore>,
}

impl Guard {
    /// A guard for this node.
    pub(crate) fn new(key: Key, me: Receiver) -> Self {
        Self::with(key, me, Nonces::default(), ROOM)
    }

    /// One with a memory of replays and so many bytes for bodies.
    pub(super) fn with(key: Key, me: Receiver, nonces: Nonces, room: usize) -> Self {
        Self { key, me, nonces: Mutex::new(nonces), room: Arc::new(Semaphore::new(room)) }
    }

    /// Who sent this request, and what its body must be. Looks at nothing but the head. A refusal is
    /// written to the log.
    ///
    /// # Errors
    /// See [`Refusal`]; answer it with [`refused`], and read nothing.
    pub(crate) fn admit(&self, request: &HttpRequest, now: Moment) -> Result<Claim, Refusal> {
        let header = |name: &'static str| request.headers().get(name).map(|value| value.as_bytes());
        // as it stood in the request line: no middleware may rewrite the peers' paths
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let verified = self.key.verify_request(header, request.method().as_str(), path, &self.me, now);
        let admitted = verified.and_then(|claim| {
            let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
            nonces.admit(claim.sender.nonce, claim.sender.time, now).map(|()| claim)
        });
        if let Err(refusal) = &admitted
            && REFUSED.admits()
        {
            let from = request.peer_addr().map(|address| address.to_string()).unwrap_or_default();
            log::warn!(from, path = request.path(), why:% = refusal; "peer_request_refused");
        }
        admitted
    }

    /// Takes the body of a request that was let in, once there is room for it.
    ///
    /// # Errors
    /// See [`NotTaken`]; apply nothing then.
    pub(crate) async fn receive(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
        promise: &Promise,
    ) -> Result<Received, NotTaken> {
        let most = usize::try_from(promise.length).ok().filter(|length| *length <= MAX_MESSAGE);
        let most = most.ok_or(NotTaken::TooLarge(promise.length))?;
        let permits = u32::try_from(most).or(Err(NotTaken::TooLarge(promise.length)))?;
        let Ok(Ok(room)) = timeout(WAIT, Arc::clone(&self.room).acquire_many_owned(permits)).await else {
            return Err(NotTaken::NoRoom);
        };
        let mut hash = Sha256::new();
        let bounds = Bounds { most, patience: PATIENCE };
        let body = body::read(request, payload, bounds, |piece| hash.update(piece)).await?;
        if <[u8; 32]>::from(hash.finalize()) != promise.hash {
            return Err(NotTaken::Changed(Refusal::Forged));
        }
        Ok(Received { body, room })
    }

    /// The answer to a request whose body was not taken. Its sender is known and is told why, unless the
    /// body is not the signed one.
    pub(crate) fn not_taken(&self, request: &HttpRequest, nonce: Nonce, why: &NotTaken) -> HttpResponse {
        log::warn!(path = request.path(), why:% = why; "message_not_taken");
        let status = match why {
            NotTaken::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            NotTaken::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            NotTaken::Fault(Fault::TooSlow(_)) => StatusCode::REQUEST_TIMEOUT,
            NotTaken::Fault(_) => StatusCode::BAD_REQUEST,
            NotTaken::Changed(refusal) => return refused(refusal),
        };
        self.problem(nonce, status, &why.to_string())
    }

    /// A signed problem (RFC 9457).
    pub(crate) fn problem(&self, nonce: Nonce, status: StatusCode, detail: &str) -> HttpResponse {
        let title = status.canonical_reason().unwrap_or("Error");
        let problem = serde_json::json!({ "title": title, "status": status.as_u16(), "detail": detail });
        self.answer(nonce, status, problem.to_string().into())
    }

    /// This node's answer to the request with this nonce. A 204 has no body, whatever is given.
    pub(crate) fn answer(&self, nonce: Nonce, status: StatusCode, body: Bytes) -> HttpResponse {
        let body = if status == StatusCode::NO_CONTENT { Bytes::new() } else { body };
        let mut answer = HttpResponse::build(status);
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        for header in self.key.sign_answer(self.me.node, nonce, status.as_u16(), &body) {
            answer.insert_header(header);
        }
        if body.is_empty() {
            return answer.finish();
        }
        answer.content_type("application/json").body(body)
    }
}

/// The answer to a request that was not admitted: 401, or 503 when replays can no longer be recognized. Not
/// signed: a stranger gets no signature from this node.
pub(crate) fn refused(refusal: &Refusal) -> HttpResponse {
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

#[cfg(test)]
mod tests;
