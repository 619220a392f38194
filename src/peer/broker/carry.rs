//! Which notifications the broker carries to whom, and the transport that asks it first.

use std::{cell::RefCell, collections::HashSet, rc::Rc, time::Duration};

use async_nats::jetstream::{Context, message::PublishMessage};
use futures_util::{FutureExt as _, future::LocalBoxFuture};
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;

use super::{published::Published, seal::sealed};
use crate::{
    actors::transport::{Call, NoAnswer, Transport},
    availability::{Moment, NodeId},
    noise::Noise,
    peer::{signature::Key, wire::HttpTransport},
    sync::{Announce, Deliver, Delivered, Item, Merge, Merged},
    vocabulary::Broker,
};

/// How long JetStream may take to acknowledge. After that the peers are sent to directly.
const PUBLISH: Duration = Duration::from_secs(2);

static NOT_PUBLISHED: Noise = Noise::new("broker_did_not_take");

/// What the session knows and the transport uses; both live on one thread.
pub(crate) struct Line {
    pub(super) broker: Broker,
    pub(super) me: NodeId,
    pub(super) key: Key,
    /// Absent while there is no connection, or no stream.
    pub(super) stream: RefCell<Option<Context>>,
    /// The nodes that fetch from the stream at the moment.
    pub(super) listening: RefCell<HashSet<NodeId>>,
    published: RefCell<Published>,
}

impl Line {
    /// No connection yet; the session makes it.
    pub(crate) fn new(broker: Broker, me: NodeId, key: Key) -> Self {
        Self {
            broker,
            me,
            key,
            stream: RefCell::default(),
            listening: RefCell::default(),
            published: RefCell::default(),
        }
    }

    /// There is no session any more.
    pub(super) fn is_down(&self) {
        *self.stream.borrow_mut() = None;
        self.listening.borrow_mut().clear();
        self.published.borrow_mut().clear();
    }

    /// Lets the broker carry these to this peer; false: they must be sent to it directly.
    async fn carry(&self, peer: NodeId, items: &[Item], limit: Moment) -> bool {
        let is_own = |item: &Item| item.initial == self.me && item.share.is_empty();
        let Some(stream) = self.stream.borrow().clone() else { return false };
        if items.is_empty() || !items.iter().all(is_own) || !self.listening.borrow().contains(&peer) {
            return false;
        }
        let waits: Option<Vec<_>> = {
            let mut published = self.published.borrow_mut();
            items
                .iter()
                .map(|item| published.begin(peer, item.entry.stamp, || self.publish(&stream, item, limit)))
                .collect()
        };
        // The peer has been sent to before, and has given no receipt.
        let Some(waits) = waits else { return false };
        let taken = futures_util::future::join_all(waits).await;
        let mut published = self.published.borrow_mut();
        for (item, _) in items.iter().zip(&taken).filter(|(_, taken)| !**taken) {
            published.failed(&item.entry.stamp);
        }
        taken.iter().all(|taken| *taken)
    }

    /// Publishes one notification; whether JetStream has acknowledged it. One that is in the stream already has not
    /// brought the peer's receipt: it goes to the peer directly.
    fn publish(&self, stream: &Context, item: &Item, limit: Moment) -> LocalBoxFuture<'static, bool> {
        let (stream, subject, name) = (stream.clone(), self.broker.subject(), self.broker.stream.clone());
        let (id, message) = (item.entry.stamp.to_string(), sealed(&self.key, self.me, item, limit));
        async move {
            let Ok((headers, body)) = message else { return false };
            let message = PublishMessage::build().payload(body.into());
            let message = headers.into_iter().fold(message, |message, (name, value)| message.header(name, value));
            let message = message.message_id(&id).expected_stream(&name);
            let publish = async {
                let acknowledged = stream.send_publish(subject, message).await.map_err(|error| error.to_string())?;
                acknowledged.await.map_err(|error| error.to_string())
            };
            match timeout(PUBLISH, publish).await {
                Ok(Ok(acknowledged)) => !acknowledged.duplicate,
                Ok(Err(problem)) => {
                    if NOT_PUBLISHED.admits() {
                        log::warn!(stamp = id, problem; "broker_did_not_take");
                    }
                    false
                }
                Err(_elapsed) => false,
            }
        }
        .boxed_local()
    }
}

/// JetStream for notifications, signed HTTP for everything else.
pub(crate) struct BrokerTransport {
    http: HttpTransport,
    line: Rc<Line>,
}

impl BrokerTransport {
    /// A transport over this line.
    pub(crate) fn new(http: HttpTransport, line: Rc<Line>) -> Self {
        Self { http, line }
    }
}

impl Transport for BrokerTransport {
    fn deliver<'a>(&'a self, peer: NodeId, address: &'a str, message: &'a Deliver) -> Call<'a, Delivered> {
        async move {
            if !self.line.carry(peer, &message.items, message.limit).await {
                return self.http.deliver(peer, address, message).await;
            }
            if !(message.receipts.is_empty() && message.gathered.is_empty() && message.records.is_empty()) {
                let rest = Deliver { items: Vec::new(), ..message.clone() };
                return self.http.deliver(peer, address, &rest).await;
            }
            // No receipts: the rows wait for the peer's own.
            Ok(Delivered { limit: Moment::ZERO, receipts: Vec::new(), unknown: Vec::new(), refused: Vec::new() })
        }
        .boxed_local()
    }

    fn merge<'a>(&'a self, peer: NodeId, address: &'a str, message: &'a Merge) -> Call<'a, Option<Merged>> {
        self.http.merge(peer, address, message)
    }

    fn announce<'a>(&'a self, address: &'a str, message: &'a Announce) -> Call<'a, Announce> {
        self.http.announce(address, message)
    }

    fn receipts<'a>(&'a self, peer: NodeId, address: &'a str, id: Uuid) -> Call<'a, Option<Value>> {
        self.http.receipts(peer, address, id)
    }

    fn hand_in<'a>(&'a self, address: &'a str, handed_in: &'a Value) -> LocalBoxFuture<'a, Result<Value, NoAnswer>> {
        self.http.hand_in(address, handed_in)
    }

    fn hooks<'a>(&'a self, peer: NodeId, address: &'a str) -> Call<'a, Value> {
        self.http.hooks(peer, address)
    }

    fn load<'a>(&'a self, address: &'a str) -> Call<'a, Value> {
        self.http.load(address)
    }
}
