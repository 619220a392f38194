//! A node's answers to its peers (`/peer/v1`). Every request is checked from its head before a byte of its body
//! is read, and every answer to an accepted request is signed, errors included.
//!
//! Messages are accepted from *open* on (docs/contract.md#life-of-a-node): until the repeater is restored they
//! wait briefly in its mailbox; after that their sender tries again.

#![allow(clippy::result_large_err)] // the error is an answer, sent once; a box would only be unpacked again

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::{
    guard::{Guard, Received, refused},
    signature::{Identity, Nonce, Sender},
    wire::read,
};
use crate::{
    actors::{
        desk::{Desk, HandedIn, Outcome, SubmitError},
        messages::{Begin, Request},
        shared::{Counters, Shared},
    },
    clock,
    store::crash::{Place, crash_point},
    sync::{Announce, Ask, Asker, Conflict, Deliver, Merge, Reply},
};

/// How long a message waits for the repeater at start, and for the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the endpoints need.
pub(crate) struct Door {
    /// Lets in what peers have signed, and signs the answers.
    pub guard: Guard,
    /// The desk that takes the messages. They wait in its repeater's mailbox until the node is restored.
    pub desk: Desk,
    /// What the actors publish.
    pub shared: Arc<Shared>,
}

/// A message of a known sender.
struct Opened<M> {
    sender: Sender,
    message: M,
    /// Its share of the memory for messages. It travels with the message.
    room: OwnedSemaphorePermit,
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
                Ok(Opened { sender, message, room })
            }
            Err(error) => {
                log::warn!(peer:%, path = req.path(), error:%; "malformed_message");
                Err(self.guard.problem(sender.nonce, StatusCode::UNPROCESSABLE_ENTITY, &error))
            }
        }
    }

    /// What the node answers to this sender's question. `room` is the question's memory, which is freed when it
    /// is answered: if the sender or this node gives up waiting, the message is still in the mailbox.
    async fn ask(&self, sender: &Sender, ask: Ask, room: OwnedSemaphorePermit) -> Option<Reply> {
        let Identity { node: id, boot, boot_nonce: nonce } = sender.identity;
        let from = Asker { id, boot, nonce };
        let (begin, answer) = Begin::holding(room, Request::Answer(from, ask));
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
    let Opened { sender, message, room } = door.open::<Deliver>(req, payload).await?;
    crash_point(Place::PeerDeliver);
    let items = message.items.len() as u64;
    let reply = door.ask(&sender, Ask::Deliver(message), room).await;
    door.shared.counters.items_received.fetch_add(items, std::sync::atomic::Ordering::Relaxed);
    crash_point(Place::PeerDeliverAnswer);
    Ok(match reply {
        Some(Reply::Delivered(delivered)) => door.json(sender.nonce, &delivered),
        other => door.other(sender.nonce, other),
    })
}

async fn merge(door: web::Data<Door>, req: HttpRequest, payload: web::Payload) -> HttpResponse {
    either(try_merge(&door, &req, payload).await)
}

async fn try_merge(door: &Door, req: &HttpRequest, payload: web::Payload) -> Answer {
    let Opened { sender, message, room } = door.open::<Merge>(req, payload).await?;
    crash_point(Place::PeerMerge);
    let reply = door.ask(&sender, Ask::Merge(Box::new(message)), room).await;
    crash_point(Place::PeerMergeAnswer);
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
    let Opened { sender, message, room } = door.open::<Announce>(req, payload).await?;
    crash_point(Place::PeerAnnounce);
    if message.member.id != sender.identity.node {
        let detail = "the announcement is not the sender's own";
        return Err(door.guard.problem(sender.nonce, StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let reply = door.ask(&sender, Ask::Announce(Arc::new(message)), room).await;
    crash_point(Place::PeerAnnounceAnswer);
    Ok(match reply {
        Some(Reply::Announced(own)) => door.json(sender.nonce, &own),
        Some(Reply::Busy) => {
            let detail = "this node is fenced, or has not yet asked its peers whether its store is a copy";
            door.guard.problem(sender.nonce, StatusCode::SERVICE_UNAVAILABLE, detail)
        }
        other => door.other(sender.nonce, other),
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
        Err(_) => None, // every notification has a UUID
    };
    match delivery {
        Some(delivery) => door.json(sender.nonce, &delivery),
        None => door.guard.problem(sender.nonce, StatusCode::NOT_FOUND, "no such notification"),
    }
}

async fn submit(door: web::Data<Door>, req: HttpRequest, payload: web::Payload) -> HttpResponse {
    either(try_submit(&door, &req, payload).await)
}

/// A submission that another node hands in for its form, its monitors or its alerts. That node has checked who may
/// submit it; the form and the farm's names are checked here, as of every submission.
async fn try_submit(door: &Door, req: &HttpRequest, payload: web::Payload) -> Answer {
    let Opened { sender, message, room: _room } = door.open::<HandedIn>(req, payload).await?;
    crash_point(Place::PeerSubmit);
    let HandedIn { submission, author, .. } = &message;
    let unprocessable = |why: &str| door.guard.problem(sender.nonce, StatusCode::UNPROCESSABLE_ENTITY, why);
    if submission["id"].is_null() || submission["timestamp"].is_null() {
        return Err(unprocessable("what is handed in has an id and a timestamp, so that a retry counts once"));
    }
    if !author.is_whole() {
        return Err(unprocessable("the author is neither an operator nor a reporter"));
    }
    let author = author.clone();
    let result = match message.open() {
        Ok((submission, author)) => door.desk.submit(submission, author).await,
        Err(errors) => Err(SubmitError::Invalid(errors)),
    };
    if let Ok(submitted) = &result {
        let targets: Vec<String> = submitted.targets.iter().map(ToString::to_string).collect();
        let by = author.operator.as_deref().or(author.reporter.as_deref()).unwrap_or_default();
        let (id, repeated) = (submitted.id, submitted.repeated);
        log::info!(id:%, by, peer:% = sender.identity.node, targets = targets.join(","), repeated; "submitted");
    }
    crash_point(Place::PeerSubmitAnswer);
    Ok(door.json(sender.nonce, &Outcome::from(result)))
}

async fn load(door: web::Data<Door>, req: HttpRequest, payload: web::Payload) -> HttpResponse {
    let sender = match door.admit(&req, payload).await {
        Ok((sender, _empty)) => sender,
        Err(instead) => return instead,
    };
    // A node that takes no submissions is no choice.
    match door.desk.takes_submissions().then_some(door.desk.load().await).flatten() {
        Some(load) => door.json(sender.nonce, &load),
        None => door.guard.problem(sender.nonce, StatusCode::SERVICE_UNAVAILABLE, "this node takes no submissions now"),
    }
}

async fn hooks(door: web::Data<Door>, req: HttpRequest, payload: web::Payload) -> HttpResponse {
    match door.admit(&req, payload).await {
        Ok((sender, _empty)) => door.json(sender.nonce, &door.shared.book.known()),
        Err(instead) => instead,
    }
}

impl Door {
    /// Answers other than the expected one.
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
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("/peer/v1")
            .route("/notifications", web::post().to(deliver))
            .route("/merge", web::post().to(merge))
            .route("/announce", web::post().to(announce))
            .route("/receipts/{id}", web::get().to(receipts))
            .route("/submit", web::post().to(submit))
            .route("/load", web::get().to(load))
            .route("/hooks", web::get().to(hooks)),
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        availability::{Moment, NodeId},
        peer::signature::{Key, Receiver},
    };

    #[actix_web::test]
    async fn a_message_that_waits_in_the_mailbox_keeps_its_room_when_nobody_waits_for_the_answer() {
        let (desk, mailbox) = Desk::unattended();
        let node = NodeId(Uuid::from_u128(1));
        let guard = Guard::new(Key::new("secret"), Receiver { node, address: "http://a:7070".to_owned() });
        let door = Door { guard, shared: Arc::clone(desk.shared()), desk };
        let identity = Identity { node: NodeId(Uuid::from_u128(2)), boot: 1, boot_nonce: 1 };
        let sender = Sender { identity, time: Moment::ZERO, nonce: Nonce(1) };
        let room = Arc::new(Semaphore::new(100));
        let taken = Arc::clone(&room).acquire_many_owned(60).await.unwrap();
        let message = Deliver {
            limit: Moment::ZERO,
            items: Vec::new(),
            receipts: Vec::new(),
            gathered: Vec::new(),
            records: Vec::new(),
        };
        {
            let mut asked = std::pin::pin!(door.ask(&sender, Ask::Deliver(message), taken));
            assert!(futures_util::poll!(&mut asked).is_pending());
        }
        assert_eq!(room.available_permits(), 40, "the message is still in memory");
        drop(mailbox);
        assert_eq!(room.available_permits(), 100);
    }
}
