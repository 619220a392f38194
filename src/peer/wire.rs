//! The wire format of `/peer/v1`: the address of each message, as JSON over signed HTTP.
//!
//! | path | message | answer |
//! |---|---|---|
//! | `POST /peer/v1/announce` | [`Announce`] | 200 [`Announce`], 409 |
//! | `POST /peer/v1/notifications` | [`Deliver`] | 200 [`Delivered`], 400, 409, 503 |
//! | `POST /peer/v1/merge` | [`Merge`] | 200 [`Merged`], 204, 400, 409, 503 |
//! | `GET /peer/v1/receipts/{id}` | | 200 a delivery, 404 |
//! | `POST /peer/v1/submit` | [`HandedIn`](crate::actors::desk::HandedIn) | 200 [`Outcome`](crate::actors::desk::Outcome), refusals included: here 409 means a copied store |
//! | `GET /peer/v1/load` | | 200 `Load` |
//!
//! An announcement asks which node is at an address, so it is signed for that address, and so is what is handed in at
//! an address of the configuration; every other message is for one node and signed for its id.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, future::LocalBoxFuture};
use serde::{Deserialize as _, Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::client::{Answer, CallError, Callee, PeerClient};
use crate::{
    actors::transport::{Call, NoAnswer, Transport},
    availability::{Entry, NodeId},
    sync::{Announce, Away, Conflict, ConflictKind, Deliver, Delivered, Failure, Item, Merge, Merged},
};

/// A child that has not answered by then is replaced (docs/contract.md#relay-plan).
const DELIVERY: Duration = Duration::from_secs(2);
const ANNOUNCEMENT: Duration = Duration::from_secs(2);
/// A node that takes longer to answer is passed over.
const SUBMISSION: Duration = Duration::from_secs(3);
const LOAD: Duration = Duration::from_secs(1);
/// Comparing large ledgers takes the reference some time.
const MERGE: Duration = Duration::from_secs(30);

/// Signed HTTP to the other nodes.
pub(crate) struct HttpTransport {
    client: PeerClient,
}

impl HttpTransport {
    /// A transport over this client.
    pub(crate) fn new(client: PeerClient) -> Self {
        Self { client }
    }

    async fn call(
        &self,
        callee: Callee<'_>,
        method: http::Method,
        path: &str,
        body: Bytes,
        patience: Duration,
    ) -> Result<Answer, Failure> {
        let answer = self.client.call(callee, method, path, body, patience).await;
        let answer = answer.map_err(|error| Away::Unreachable(error.to_string()))?;
        let address = callee.address;
        match answer.status {
            200..=299 | 404 => Ok(answer),
            409 => Err(Failure::TurnedAway(conflict(&answer.body))),
            status => Err(Away::Refused { address: address.to_owned(), status, detail: detail(&answer.body) }.into()),
        }
    }

    /// Posts a message; the answer, and who gave it. `None` is 204.
    async fn post<Q: Serialize, A: DeserializeOwned>(
        &self,
        callee: Callee<'_>,
        path: &str,
        message: &Q,
        patience: Duration,
    ) -> Result<Option<(A, NodeId)>, Failure> {
        let body = serde_json::to_vec(message).map_err(|error| Away::Unreachable(error.to_string()))?;
        let answer = self.call(callee, http::Method::POST, path, body.into(), patience).await?;
        match answer.status {
            204 => Ok(None),
            _ => parse(callee.address, &answer.body).map(|message| Some((message, answer.node))),
        }
    }
}

/// This node, at this address.
fn node(node: NodeId, address: &str) -> Callee<'_> {
    Callee { address, node: Some(node) }
}

fn parse<A: DeserializeOwned>(address: &str, body: &[u8]) -> Result<A, Failure> {
    let (message, unreadable) =
        read(body).map_err(|problem| Away::Unreadable { address: address.to_owned(), problem })?;
    for problem in unreadable {
        log::warn!(peer:% = address, problem:%; "unreadable_record");
    }
    Ok(message)
}

/// Reads a message. Records in it that this version cannot read (of a newer one, with a status or a
/// target that this one does not know) are left out and named, so that one of them does not hold
/// up all that comes with it; their sender asks again later. Whether what was read may be taken
/// is the protocol's affair (`sync/bounds.rs`).
///
/// # Errors
/// When the rest is not a message of this kind either.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<(T, Vec<String>), String> {
    let first = match serde_json::from_slice(body) {
        Ok(message) => return Ok((message, Vec::new())),
        Err(error) => error.to_string(),
    };
    let mut message: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut unreadable = Vec::new();
    let mut sift = |list: &str, reads: fn(&Value) -> Result<(), serde_json::Error>| {
        if let Some(Value::Array(members)) = message.get_mut(list) {
            members.retain(|member| reads(member).map_err(|error| unreadable.push(format!("{list}: {error}"))).is_ok());
        }
    };
    sift("items", |member| Item::deserialize(member).map(drop));
    sift("entries", |member| Entry::deserialize(member).map(drop));
    match serde_json::from_value(message) {
        Ok(message) if !unreadable.is_empty() => Ok((message, unreadable)),
        _ => Err(first),
    }
}

/// The most characters of a peer's reason that are kept.
const LONGEST_DETAIL: usize = 1_000;

/// The `detail` of a problem, or nothing.
fn detail(body: &[u8]) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str()).unwrap_or_default();
    detail.chars().take(LONGEST_DETAIL).collect()
}

/// Reads a 409. If it names no known kind (another version), the most serious one is assumed.
fn conflict(body: &[u8]) -> Conflict {
    let problem: Option<Value> = serde_json::from_slice(body).ok();
    let kind = problem.as_ref().and_then(|problem| ConflictKind::deserialize(&problem["kind"]).ok());
    Conflict { kind: kind.unwrap_or(ConflictKind::Copied), why: detail(body) }
}

fn nothing(address: &str) -> Failure {
    Away::Empty(address.to_owned()).into()
}

impl Transport for HttpTransport {
    fn deliver<'a>(&'a self, peer: NodeId, address: &'a str, message: &'a Deliver) -> Call<'a, Delivered> {
        async move {
            let answer = self.post(node(peer, address), "/peer/v1/notifications", message, DELIVERY).await?;
            answer.map(|(delivered, _)| delivered).ok_or_else(|| nothing(address))
        }
        .boxed_local()
    }

    fn merge<'a>(&'a self, peer: NodeId, address: &'a str, message: &'a Merge) -> Call<'a, Option<Merged>> {
        async move {
            let answer = self.post(node(peer, address), "/peer/v1/merge", message, MERGE).await?;
            Ok(answer.map(|(merged, _)| merged))
        }
        .boxed_local()
    }

    fn announce<'a>(&'a self, address: &'a str, message: &'a Announce) -> Call<'a, Announce> {
        async move {
            let callee = Callee { address, node: None };
            let answer: Option<(Announce, _)> = self.post(callee, "/peer/v1/announce", message, ANNOUNCEMENT).await?;
            match answer {
                Some((own, node)) if own.member.id == node => Ok(own),
                Some((_, node)) => Err(Away::Impostor { address: address.to_owned(), node }.into()),
                None => Err(nothing(address)),
            }
        }
        .boxed_local()
    }

    fn receipts<'a>(&'a self, peer: NodeId, address: &'a str, id: Uuid) -> Call<'a, Option<serde_json::Value>> {
        async move {
            let path = format!("/peer/v1/receipts/{id}");
            let answer = self.call(node(peer, address), http::Method::GET, &path, Bytes::new(), DELIVERY).await?;
            if answer.status == 404 { Ok(None) } else { parse(address, &answer.body).map(Some) }
        }
        .boxed_local()
    }

    fn hand_in<'a>(&'a self, address: &'a str, handed_in: &'a Value) -> LocalBoxFuture<'a, Result<Value, NoAnswer>> {
        async move {
            let no_answer = |why: String, may_have_arrived| NoAnswer { why, may_have_arrived };
            let (callee, body) = (Callee { address, node: None }, handed_in.to_string().into());
            let answer = self.client.call(callee, http::Method::POST, "/peer/v1/submit", body, SUBMISSION).await;
            let answer = answer.map_err(|error| {
                let never_arrived = matches!(
                    error,
                    CallError::Unreachable { .. } | CallError::Address { .. } | CallError::Refused { .. }
                );
                no_answer(error.to_string(), !never_arrived)
            })?;
            match answer.status {
                200 => parse(address, &answer.body).map_err(|error| no_answer(error.to_string(), true)),
                status => Err(no_answer(
                    format!("{address} answered with status {status}: {}", detail(&answer.body)),
                    status >= 500,
                )),
            }
        }
        .boxed_local()
    }

    fn load<'a>(&'a self, address: &'a str) -> Call<'a, Value> {
        async move {
            let callee = Callee { address, node: None };
            let answer = self.call(callee, http::Method::GET, "/peer/v1/load", Bytes::new(), LOAD).await?;
            parse(address, &answer.body)
        }
        .boxed_local()
    }

    fn hooks<'a>(&'a self, peer: NodeId, address: &'a str) -> Call<'a, Value> {
        async move {
            let callee = Callee { address, node: Some(peer) };
            let answer = self.call(callee, http::Method::GET, "/peer/v1/hooks", Bytes::new(), LOAD).await?;
            parse(address, &answer.body)
        }
        .boxed_local()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_that_cannot_be_read_does_not_hold_up_the_others() {
        let entry = |status: &str| {
            json!({"stamp": "00".repeat(44), "notification": {
                "id": "00000000-0000-0000-0000-000000000001", "timestamp": "1970-01-01T00:00:00Z", "targets": ["system"],
                "status": status, "source": "operator", "node": "a"
            }})
        };
        let body = json!({"limit": "1970-01-01T00:00:00Z", "fingerprint": "", "count": 2, "entries": [entry("available"), entry("half-open")]});
        let (message, unreadable) = read::<Merge>(body.to_string().as_bytes()).unwrap();
        assert_eq!((message.entries.len(), unreadable.len()), (1, 1));
        assert!(read::<Merge>(br#"{"entries": []}"#).is_err(), "what is no message stays none");
    }
}
