//! What a node answers its peers (`/peer/v1`). Every request is checked from its head before a byte of
//! its body is read, and every answer to one that was let in is signed, errors included.
//!
//! Messages are accepted from *open* on (docs/contract.md#life-of-a-node): until the repeater is
//! restored they wait in its mailbox, for a moment; then their sender tries again.

#![allow(clippy::result_large_err)] // the error is an answer, sent once; a box would only be unpacked again

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::{
    guard::{Guard, Received, refused},
    signature::{Nonce, Sender},
    wire::read,
};
use crate::{
    actors::{
        desk::Desk,
        merger::take_announcement,
        repeater::{Begin, Take},
        shared::{Counters, Phase, Shared},
    },
    clock,
    store::crash::crash_point,
    sync::{Announce, Conflict, Deliver, Merge, Replica, Reply, Ticket},
};

/// How long a message waits for the repeater at start, and for the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the endpoints need.
pub struct Door {
    /// Lets in what peers have signed, and signs the answers.
    pub guard: Guard,
    /// Where messages are handed in. Its repeater keeps them waiting until it is restored.
    pub desk: Desk,
    /// What the actors publish.
    pub shared: Arc<Shared>,
}

/// A message of a known sender.
struct Opened<M> {
    sender: Sender,
    message: M,
    /// Its share of the memory for messages, as long as it is worked on.
    _room: OwnedSemaphorePermit,
}

impl Door {
    fn json(&self, nonce: Nonce, body: &impl Serialize) -> HttpResponse {
        match serde_json::to_vec(body) {
            Ok(body) => self.guard.answer(nonce, StatusCode::OK, body.into()),
            Err(error) => self.guard.problem(nonce, StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    fn conflict(&self, nonce: Nonce, conflict: &Conflict) -> HttpResponse {
        let body =
            serde_json::json!({ "title": "Conflict", "status": 409, "detail": conflict.why, "kind": conflict.kind });
        self.guard.answer(nonce, StatusCode::CONFLICT, body.to_string().into())
    }

    /// Who sends this, and its whole body.
    ///
    /// # Errors
    /// The answer to give instead.
    async fn admit(&self, req: &HttpRequest, payload: web::Payload) -> Result<(Sender, Received), HttpResponse> {
        let claim = self.guard.admit(req, clock::now()).map_err(|refusal| refused(&refusal))?;
        let received = self.guard.receive(req, payload, &claim.body).await;
        let received = received.map_err(|why| self.guard.not_taken(req, claim.sender.nonce, &why))?;
        Ok((claim.sender, received))
    }

    /// Admits a request and reads its message.
    ///
    /// # Errors
    /// The answer to give instead.
    async fn open<M: DeserializeOwned>(
        &self,
        req: &HttpRequest,
        payload: web::Payload,
    ) -> Result<Opened<M>, HttpResponse> {
        let (sender, Received { body, room }) = self.admit(req, payload).await?;
        let peer = sender.identity.node;
        match read(&body) {
            Ok((message, unreadable)) => {
                for problem in unreadable {
                    log::warn!(peer:%, problem:%; "unreadable_record");
                }
                Ok(Opened { sender, message, _room: room })
            }
            Err(error) => {
                log::warn!(peer:%, path = req.path(), error:%; "malformed_message");
                Err(self.guard.problem(sender.nonce, StatusCode::UNPROCESSABLE_ENTITY, &error))
            }
        }
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

/// An answer, or the one to give instead: both go to the sender.
type Answer = Result<HttpResponse, HttpResponse>;

fn either(answer: Answer) -> HttpResponse {
    answer.unwrap_or_else(|instead| instead)
}

async fn deliver(door: web::Data<Door>, req: HttpRequest, payload: web::Payload) -> HttpResponse {
    either(try_deliver(&door, &req, payload).await)
}

async fn try_deliver(door: &Door, req: &HttpRequest, payload: web::Payload) -> Answer {
    let Opened { sender, message, _room } = door.open::<Deliver>(req, payload).await?;
    crash_point("peer.deliver");
    let (from, items) = (sender.identity.node, message.items.len() as u64);
    let reply =
        door.begin(&sender, true, move |replica, ticket, now| replica.deliver(from, message, ticket, now)).await;
    door.shared.counters.items_received.fetch_add(items, std::sync::atomic::Ordering::Relaxed);
    crash_point("peer.deliver.answer");
    Ok(match reply {
        Some(Reply::Delivered(delivered)) => door.json(sender.nonce, &delivered),
        other => door.other(sender.nonce, other),
    })
}

async fn merge(door: web::Data<Door>, req: HttpRequest, payload: web::Payload) -> HttpResponse {
    either(try_merge(&door, &req, payload).await)
}

async fn try_merge(door: &Door, req: &HttpRequest, payload: web::Payload) -> Answer {
    let Opened { sender, message, _room } = door.open::<Merge>(req, payload).await?;
    crash_point("peer.merge");
    let from = sender.identity.node;
    // A node whose disk is full still answers what it knows.
    let writes = !message.entries.is_empty();
    let reply =
        door.begin(&sender, writes, move |replica, ticket, now| replica.merge(from, message, ticket, now)).await;
    crash_point("peer.merge.answer");
    Ok(match reply {
        Some(Reply::Merged(Some(merged))) => {
            Counters::count(&door.shared.counters.merges);
            door.json(sender.nonce, &merged)
        }
        Some(Reply::Merged(None)) => door.guard.answer(sender.nonce, StatusCode::NO_CONTENT, Default::default()),
        other => door.other(sender.nonce, other),
    })
}

async fn announce(door: web::Data<Door>, req: HttpRequest, payload: web::Payload) -> HttpResponse {
    either(try_announce(&door, &req, payload).await)
}

async fn try_announce(door: &Door, req: &HttpRequest, payload: web::Payload) -> Answer {
    let Opened { sender, message, _room } = door.open::<Announce>(req, payload).await?;
    crash_point("peer.announce");
    let identity = sender.identity;
    if message.member.id != identity.node {
        let detail = "the announcement is not the sender's own";
        return Err(door.guard.problem(sender.nonce, StatusCode::UNPROCESSABLE_ENTITY, detail));
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
    Ok(match known {
        Some(Ok(own)) => door.json(sender.nonce, &own),
        Some(Err(stranger)) => {
            log::warn!(peer:% = identity.node, why:% = stranger; "turned_away_peer");
            door.conflict(sender.nonce, &stranger.conflict())
        }
        None => door.other(sender.nonce, None),
    })
}

async fn receipts(
    door: web::Data<Door>,
    req: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let sender = match door.admit(&req, payload).await {
        Ok((sender, _empty)) => sender,
        Err(instead) => return instead,
    };
    let delivery = match id.parse::<Uuid>() {
        Ok(id) => door.desk.own_receipt(id).await,
        Err(_) => None, // no notification has an id that is no UUID
    };
    match delivery {
        Some(delivery) => door.json(sender.nonce, &delivery),
        None => door.guard.problem(sender.nonce, StatusCode::NOT_FOUND, "no such notification"),
    }
}

impl Door {
    /// Answers that are not the one that was asked for.
    fn other(&self, nonce: Nonce, reply: Option<Reply>) -> HttpResponse {
        match reply {
            Some(Reply::TurnedAway(conflict)) => self.conflict(nonce, &conflict),
            Some(Reply::Malformed(why)) => self.guard.problem(nonce, StatusCode::BAD_REQUEST, &why),
            Some(Reply::Busy) => self.guard.problem(nonce, StatusCode::SERVICE_UNAVAILABLE, "the inbox is full"),
            _ => self.guard.problem(
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
            .route("/notifications", web::post().to(deliver))
            .route("/merge", web::post().to(merge))
            .route("/announce", web::post().to(announce))
            .route("/receipts/{id}", web::get().to(receipts)),
    );
}
