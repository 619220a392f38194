//! What a node answers its peers (`/peer/v1`). Every request is verified before a byte of it is
//! believed, and every answer to a verified one is signed, errors included.
//!
//! Messages are accepted from *open* on (SPEC 5): until the repeater is restored they wait in its
//! mailbox, for a moment; then their sender tries again.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use super::{
    guard::{refused, signed_answer, verify},
    nonces::Nonces,
    signature::{Key, Nonce, Sender},
    wire::read,
};
use crate::{
    actors::{
        desk::Desk,
        merger::take_announcement,
        repeater::{Begin, Take},
        shared::{Counters, Phase, Shared},
    },
    availability::NodeId,
    clock,
    store::crash::crash_point,
    sync::{Announce, Conflict, Deliver, Merge, Replica, Reply, Ticket},
};

/// Largest message, in bytes: a merge of 2,000 entries of the largest size fits.
pub const MAX_MESSAGE: usize = 64 << 20;
/// How long a message waits for the repeater at start, and for the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the endpoints need.
pub struct Door {
    /// The farm's secret.
    pub key: Key,
    /// This node.
    pub node: NodeId,
    /// Against replays.
    pub nonces: Mutex<Nonces>,
    /// Where messages are handed in. Its repeater keeps them waiting until it is restored.
    pub desk: Desk,
    /// What the actors publish.
    pub shared: Arc<Shared>,
}

impl Door {
    fn answer(&self, nonce: Nonce, status: StatusCode, body: Vec<u8>) -> HttpResponse {
        signed_answer(&self.key, self.node, nonce, status, body.into())
    }

    fn json(&self, nonce: Nonce, body: &impl Serialize) -> HttpResponse {
        match serde_json::to_vec(body) {
            Ok(body) => self.answer(nonce, StatusCode::OK, body),
            Err(error) => self.problem(nonce, StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    fn problem(&self, nonce: Nonce, status: StatusCode, detail: &str) -> HttpResponse {
        let body = serde_json::json!({
            "title": status.canonical_reason().unwrap_or("Error"), "status": status.as_u16(), "detail": detail
        });
        self.answer(nonce, status, body.to_string().into_bytes())
    }

    fn conflict(&self, nonce: Nonce, conflict: &Conflict) -> HttpResponse {
        let body =
            serde_json::json!({ "title": "Conflict", "status": 409, "detail": conflict.why, "kind": conflict.kind });
        self.answer(nonce, StatusCode::CONFLICT, body.to_string().into_bytes())
    }

    /// A step of the replica that ends with a reply; the sender is checked in the same step.
    async fn begin(
        &self,
        sender: &Sender,
        writes: bool,
        step: impl FnOnce(&mut Replica, Ticket, crate::sync::Now) + Send + 'static,
    ) -> Option<Reply> {
        let identity = sender.identity;
        let (begin, answer) = Begin::new(writes, move |replica, ticket, now| {
            match replica.check_sender(identity.node, identity.boot, identity.boot_nonce) {
                Ok(()) => step(replica, ticket, now),
                Err(stranger) => replica.turn_away(&stranger, ticket),
            }
        });
        self.desk.repeater().try_send(begin).ok()?;
        tokio::time::timeout(PATIENCE, answer).await.ok()?.ok()
    }
}

/// Verifies, reads the message.
macro_rules! open {
    ($door:expr, $req:expr, $body:expr, $message:ty) => {{
        let sender = match verify(&$req, &$body, &$door.key, &$door.nonces, clock::now()) {
            Ok(sender) => sender,
            Err(refusal) => return refused(&refusal),
        };
        let message: $message = match read(&$body) {
            Ok((message, unreadable)) => {
                for problem in unreadable {
                    log::warn!("event=unreadable_record peer={} problem={problem:?}", sender.identity.node);
                }
                message
            }
            Err(error) => {
                log::warn!(
                    "event=malformed_message peer={} path={} error={error:?}",
                    sender.identity.node,
                    $req.path()
                );
                return $door.problem(sender.nonce, StatusCode::UNPROCESSABLE_ENTITY, &error);
            }
        };
        (sender, message)
    }};
}

async fn deliver(door: web::Data<Door>, req: HttpRequest, body: Bytes) -> HttpResponse {
    let (sender, message) = open!(door, req, body, Deliver);
    crash_point("peer.deliver");
    let (from, items) = (sender.identity.node, message.items.len() as u64);
    let reply =
        door.begin(&sender, true, move |replica, ticket, now| replica.deliver(from, message, ticket, now)).await;
    door.shared.counters.items_received.fetch_add(items, std::sync::atomic::Ordering::Relaxed);
    crash_point("peer.deliver.answer");
    match reply {
        Some(Reply::Delivered(delivered)) => door.json(sender.nonce, &delivered),
        other => door.other(sender.nonce, other),
    }
}

async fn merge(door: web::Data<Door>, req: HttpRequest, body: Bytes) -> HttpResponse {
    let (sender, message) = open!(door, req, body, Merge);
    crash_point("peer.merge");
    let from = sender.identity.node;
    // A node whose disk is full still answers what it knows.
    let writes = !message.entries.is_empty();
    let reply =
        door.begin(&sender, writes, move |replica, ticket, now| replica.merge(from, message, ticket, now)).await;
    crash_point("peer.merge.answer");
    match reply {
        Some(Reply::Merged(Some(merged))) => {
            Counters::count(&door.shared.counters.merges);
            door.json(sender.nonce, &merged)
        }
        Some(Reply::Merged(None)) => door.answer(sender.nonce, StatusCode::NO_CONTENT, Vec::new()),
        other => door.other(sender.nonce, other),
    }
}

async fn announce(door: web::Data<Door>, req: HttpRequest, body: Bytes) -> HttpResponse {
    let (sender, message) = open!(door, req, body, Announce);
    crash_point("peer.announce");
    let identity = sender.identity;
    if message.member.id != identity.node {
        return door.problem(
            sender.nonce,
            StatusCode::UNPROCESSABLE_ENTITY,
            "the announcement is not the sender's own",
        );
    }
    let starting = door.shared.phase() != Phase::Ready;
    let check = Take::new(move |replica: &mut Replica, _| {
        let own = replica.facts();
        // A node that finds itself in its own list of peers calls itself: no stranger.
        if identity.node == own.me && identity.boot_nonce == own.boot_nonce {
            return Some(Ok(()));
        }
        // Two nodes with one id, or one name: one that has been turned away, or has not asked the
        // others yet whether it is a copy, must not accuse the other, which would believe it; nor is
        // it to be met under an identity that is not its own.
        if replica.conflict().is_some() || (identity.node == own.me && starting) {
            return None;
        }
        Some(replica.check_sender(identity.node, identity.boot, identity.boot_nonce))
    });
    let known = match door.desk.repeater().send(check).await.ok().flatten().flatten() {
        Some(Ok(())) => take_announcement(door.desk.repeater(), message, door.shared.phase().name()).await,
        Some(Err(stranger)) => Some(Err(stranger)),
        None => None,
    };
    crash_point("peer.announce.answer");
    match known {
        Some(Ok(own)) => door.json(sender.nonce, &own),
        Some(Err(stranger)) => {
            log::warn!("event=turned_away_peer peer={} why={stranger}", identity.node);
            door.conflict(sender.nonce, &stranger.conflict())
        }
        None => door.other(sender.nonce, None),
    }
}

async fn receipts(door: web::Data<Door>, req: HttpRequest, id: web::Path<String>, body: Bytes) -> HttpResponse {
    let sender = match verify(&req, &body, &door.key, &door.nonces, clock::now()) {
        Ok(sender) => sender,
        Err(refusal) => return refused(&refusal),
    };
    let Ok(id) = id.parse::<Uuid>() else {
        return door.problem(sender.nonce, StatusCode::NOT_FOUND, "no such notification");
    };
    match door.desk.own_receipt(id).await {
        Some(delivery) => door.json(sender.nonce, &delivery),
        None => door.problem(sender.nonce, StatusCode::NOT_FOUND, "no such notification"),
    }
}

impl Door {
    /// Whatever is not the answer that was hoped for.
    fn other(&self, nonce: Nonce, reply: Option<Reply>) -> HttpResponse {
        match reply {
            Some(Reply::TurnedAway(conflict)) => self.conflict(nonce, &conflict),
            Some(Reply::Busy) => self.problem(nonce, StatusCode::SERVICE_UNAVAILABLE, "the inbox is full"),
            _ => self.problem(
                nonce,
                StatusCode::SERVICE_UNAVAILABLE,
                "the store cannot write, or the node is going down",
            ),
        }
    }
}

/// Adds `/peer/v1` to the control listener.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("/peer/v1")
            .app_data(web::PayloadConfig::new(MAX_MESSAGE))
            .route("/notifications", web::post().to(deliver))
            .route("/merge", web::post().to(merge))
            .route("/announce", web::post().to(announce))
            .route("/receipts/{id}", web::get().to(receipts)),
    );
}
