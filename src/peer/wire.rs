//! The wire format of `/peer/v1`: which message goes where, as JSON over signed HTTP.
//!
//! | path | message | answer |
//! |---|---|---|
//! | `POST /peer/v1/announce` | [`Announce`] | 200 [`Announce`], 409 |
//! | `POST /peer/v1/notifications` | [`Deliver`] | 200 [`Delivered`], 409, 503 |
//! | `POST /peer/v1/merge` | [`Merge`] | 200 [`Merged`], 204, 409, 503 |
//! | `GET /peer/v1/receipts/{id}` | | 200 a delivery, 404 |

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::client::{Answer, PeerClient};
use crate::{
    actors::transport::{Call, Failure, Transport},
    sync::{Announce, Deliver, Delivered, Merge, Merged},
};

/// A child that has not answered by then is replaced (SPEC 4.4).
const DELIVERY: Duration = Duration::from_secs(2);
const ANNOUNCEMENT: Duration = Duration::from_secs(2);
/// Comparing large ledgers takes the reference some time.
const MERGE: Duration = Duration::from_secs(30);

/// Signed HTTP to the other nodes.
pub struct HttpTransport {
    client: PeerClient,
}

impl HttpTransport {
    /// A transport over this client.
    pub fn new(client: PeerClient) -> Self {
        Self { client }
    }

    async fn call(&self, address: &str, method: http::Method, path: &str, body: Bytes, patience: Duration) -> Result<Answer, Failure> {
        let answer = self.client.call(address, method, path, body, patience).await;
        let answer = answer.map_err(|error| Failure::Away(error.to_string()))?;
        match answer.status {
            200..=299 | 404 => Ok(answer),
            409 => Err(Failure::TurnedAway(detail(&answer.body))),
            status => Err(Failure::Away(format!("{address} answered with status {status}: {}", detail(&answer.body)))),
        }
    }

    async fn post<Q: Serialize, A: DeserializeOwned>(&self, address: &str, path: &str, message: &Q, patience: Duration) -> Result<Option<A>, Failure> {
        let body = serde_json::to_vec(message).map_err(|error| Failure::Away(error.to_string()))?;
        let answer = self.call(address, http::Method::POST, path, body.into(), patience).await?;
        match answer.status {
            204 => Ok(None),
            _ => parse(address, &answer.body).map(Some),
        }
    }
}

fn parse<A: DeserializeOwned>(address: &str, body: &[u8]) -> Result<A, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::Away(format!("{address} answered with something else: {error}")))
}

/// The `detail` of a problem, or nothing.
fn detail(body: &[u8]) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    problem.and_then(|problem| problem["detail"].as_str().map(str::to_owned)).unwrap_or_default()
}

fn nothing(address: &str) -> Failure {
    Failure::Away(format!("{address} answered with nothing"))
}

impl Transport for HttpTransport {
    fn deliver<'a>(&'a self, address: &'a str, message: &'a Deliver) -> Call<'a, Delivered> {
        async move { self.post(address, "/peer/v1/notifications", message, DELIVERY).await?.ok_or_else(|| nothing(address)) }.boxed_local()
    }

    fn merge<'a>(&'a self, address: &'a str, message: &'a Merge) -> Call<'a, Option<Merged>> {
        self.post(address, "/peer/v1/merge", message, MERGE).boxed_local()
    }

    fn announce<'a>(&'a self, address: &'a str, message: &'a Announce) -> Call<'a, Announce> {
        async move { self.post(address, "/peer/v1/announce", message, ANNOUNCEMENT).await?.ok_or_else(|| nothing(address)) }.boxed_local()
    }

    fn receipts<'a>(&'a self, address: &'a str, id: Uuid) -> Call<'a, Option<serde_json::Value>> {
        async move {
            let path = format!("/peer/v1/receipts/{id}");
            let answer = self.call(address, http::Method::GET, &path, Bytes::new(), DELIVERY).await?;
            if answer.status == 404 { Ok(None) } else { parse(address, &answer.body).map(Some) }
        }
        .boxed_local()
    }
}
