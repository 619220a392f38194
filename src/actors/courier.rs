//! Couriers carry a node's calls to its peers and return the results. [`crate::sync::Node`] decides what is
//! asked of which node, and what an answer or a failure means.
//!
//! Must stay true: every accepted call is answered exactly once, if only with a failure.

use std::rc::Rc;

use actix::prelude::*;

use super::{
    messages::{AskHooks, AskLoad, AskReceipts, Carried, Carry, HandIn},
    transport::{NoAnswer, Transport},
};
use crate::{
    store::crash::{CallMoment, Place, call_point, crash_point},
    sync::{Answer, Ask, Away, Call, Failure, Purpose},
};

/// The couriers of all peers: each call is its own future, so one actor serves all of them.
pub(crate) struct Couriers {
    transport: Rc<dyn Transport>,
    repeater: Recipient<Carried>,
}

impl Couriers {
    /// Couriers that report to this repeater.
    pub(crate) fn new(transport: Rc<dyn Transport>, repeater: Recipient<Carried>) -> Self {
        Self { transport, repeater }
    }
}

impl Actor for Couriers {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // A few calls per peer at most: this is far more than a farm has.
        ctx.set_mailbox_capacity(8_192);
    }
}

impl Handler<Carry> for Couriers {
    type Result = ();

    fn handle(&mut self, Carry(call): Carry, ctx: &mut Self::Context) {
        let (transport, repeater) = (Rc::clone(&self.transport), self.repeater.clone());
        let carry = async move {
            call_point(call.purpose, CallMoment::Sent);
            let result = ask(&*transport, &call).await;
            match &result {
                Ok(_) => call_point(call.purpose, CallMoment::Answered),
                Err(Failure::TurnedAway(_)) => crash_point(Place::CallTurnedAway),
                Err(Failure::Away(_)) if call.purpose == Purpose::Deliver => crash_point(Place::CallDeliverFailed),
                Err(Failure::Away(_)) => crash_point(Place::CallFailed),
            }
            let Call { id, purpose, address, .. } = call;
            // Waits for room in the mailbox; fails only when the node is on its way down.
            repeater.send(Carried { call: id, purpose, address, result }).await.ok();
        };
        ctx.spawn(carry.into_actor(self));
    }
}

async fn ask(transport: &dyn Transport, call: &Call) -> Result<Answer, Failure> {
    let address = &call.address;
    match (&call.ask, call.peer) {
        (Ask::Announce(announce), _) => {
            transport.announce(address, announce).await.map(|own| Answer::Announced(Box::new(own)))
        }
        (Ask::Deliver(deliver), Some(peer)) => transport.deliver(peer, address, deliver).await.map(Answer::Delivered),
        (Ask::Merge(merge), Some(peer)) => transport.merge(peer, address, merge).await.map(Answer::Merged),
        (_, None) => Err(Away::NoReceiver.into()),
    }
}

impl Handler<HandIn> for Couriers {
    type Result = ResponseFuture<Result<serde_json::Value, NoAnswer>>;

    fn handle(&mut self, HandIn { address, handed_in }: HandIn, _: &mut Self::Context) -> Self::Result {
        let transport = Rc::clone(&self.transport);
        Box::pin(async move { transport.hand_in(&address, &handed_in).await })
    }
}

impl Handler<AskLoad> for Couriers {
    type Result = ResponseFuture<Option<serde_json::Value>>;

    fn handle(&mut self, AskLoad { address }: AskLoad, _: &mut Self::Context) -> Self::Result {
        let transport = Rc::clone(&self.transport);
        Box::pin(async move { transport.load(&address).await.ok() })
    }
}

impl Handler<AskHooks> for Couriers {
    type Result = ResponseFuture<Option<serde_json::Value>>;

    fn handle(&mut self, AskHooks { node, address }: AskHooks, _: &mut Self::Context) -> Self::Result {
        let transport = Rc::clone(&self.transport);
        Box::pin(async move { transport.hooks(node, &address).await.ok() })
    }
}

impl Handler<AskReceipts> for Couriers {
    type Result = ResponseFuture<Option<serde_json::Value>>;

    fn handle(&mut self, ask: AskReceipts, _: &mut Self::Context) -> Self::Result {
        let transport = Rc::clone(&self.transport);
        Box::pin(async move { transport.receipts(ask.node, &ask.address, ask.id).await.ok().flatten() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use futures_util::future::LocalBoxFuture;
    use serde_json::{Value, json};
    use tokio::sync::mpsc;
    use uuid::Uuid;

    use super::*;
    use crate::{
        actors::transport::{self, NoAnswer},
        availability::NodeId,
        sync::{Announce, CallId, Deliver, Delivered, Merge, Merged},
    };

    const PEER: NodeId = NodeId(Uuid::from_u128(2));

    /// Peers of which only one hangs: the first that is asked to merge.
    #[derive(Default)]
    struct Peers {
        asked: Cell<usize>,
    }

    impl Transport for Peers {
        fn deliver<'a>(&'a self, _: NodeId, _: &'a str, _: &'a Deliver) -> transport::Call<'a, Delivered> {
            Box::pin(async { Err(Away::Unreachable("no connection".to_owned()).into()) })
        }

        fn merge<'a>(&'a self, _: NodeId, _: &'a str, _: &'a Merge) -> transport::Call<'a, Option<Merged>> {
            let hangs = self.asked.replace(self.asked.get() + 1) == 0;
            Box::pin(async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
                Ok(None)
            })
        }

        fn announce<'a>(&'a self, _: &'a str, _: &'a Announce) -> transport::Call<'a, Announce> {
            Box::pin(async { Err(Away::Unreachable("no connection".to_owned()).into()) })
        }

        fn receipts<'a>(&'a self, _: NodeId, _: &'a str, id: Uuid) -> transport::Call<'a, Option<Value>> {
            Box::pin(async move { Ok(Some(json!(id))) })
        }

        fn hand_in<'a>(&'a self, _: &'a str, _: &'a Value) -> LocalBoxFuture<'a, Result<Value, NoAnswer>> {
            Box::pin(async { Err(NoAnswer { why: "no answer".to_owned(), may_have_arrived: true }) })
        }

        fn load<'a>(&'a self, _: &'a str) -> transport::Call<'a, Value> {
            Box::pin(async { Err(Away::Unreachable("no connection".to_owned()).into()) })
        }

        fn hooks<'a>(&'a self, _: NodeId, _: &'a str) -> transport::Call<'a, Value> {
            Box::pin(async { Ok(json!({"hooks": []})) })
        }
    }

    /// Keeps what the couriers report.
    struct Reports(mpsc::UnboundedSender<Carried>);

    impl Actor for Reports {
        type Context = Context<Self>;
    }

    impl Handler<Carried> for Reports {
        type Result = ();

        fn handle(&mut self, carried: Carried, _: &mut Self::Context) {
            self.0.send(carried).unwrap();
        }
    }

    fn start() -> (Addr<Couriers>, mpsc::UnboundedReceiver<Carried>) {
        let (reports, carried) = mpsc::unbounded_channel();
        let repeater = Reports(reports).start().recipient();
        (Couriers::new(Rc::new(Peers::default()), repeater).start(), carried)
    }

    fn merge(id: CallId, peer: Option<NodeId>) -> Carry {
        let ask = Ask::Merge(
            serde_json::from_value(json!({"limit": "2026-11-23T16:00:00Z", "fingerprint": "", "count": 0})).unwrap(),
        );
        Carry(Call { id, peer, address: "http://b".to_owned(), purpose: Purpose::Probe, ask })
    }

    #[test]
    fn a_call_that_hangs_holds_up_no_other_and_each_is_answered_once() {
        System::new().block_on(async {
            let (couriers, mut carried) = start();
            for call in 0..4 {
                couriers.send(merge(call, Some(PEER))).await.unwrap();
            }
            for call in 1..4 {
                let report = carried.recv().await.unwrap();
                assert_eq!((report.call, &*report.address), (call, "http://b"));
                assert!(matches!(report.result, Ok(Answer::Merged(None))), "{:?}", report.result);
            }
            let more = tokio::time::timeout(Duration::from_millis(1), carried.recv()).await;
            assert!(more.is_err(), "the first one hangs, and no other is answered twice");
        });
    }

    #[test]
    fn a_call_to_an_unknown_node_fails_and_is_not_sent() {
        System::new().block_on(async {
            let (couriers, mut carried) = start();
            couriers.send(merge(0, None)).await.unwrap();
            let report = carried.recv().await.unwrap();
            assert!(matches!(report.result, Err(Failure::Away(Away::NoReceiver))), "{:?}", report.result);
            // Had it been sent, it would have been the one that hangs.
            couriers.send(merge(1, Some(PEER))).await.unwrap();
            couriers.send(merge(2, Some(PEER))).await.unwrap();
            assert_eq!(carried.recv().await.unwrap().call, 2);
        });
    }

    #[test]
    fn questions_of_the_desk_are_answered_or_left_unanswered() {
        System::new().block_on(async {
            let (couriers, _carried) = start();
            let address = || "http://b".to_owned();
            let id = Uuid::from_u128(5);
            let receipts = couriers.send(AskReceipts { node: PEER, address: address(), id }).await;
            assert_eq!(receipts.unwrap(), Some(json!(id)));
            assert_eq!(
                couriers.send(AskHooks { node: PEER, address: address() }).await.unwrap(),
                Some(json!({"hooks": []}))
            );
            assert_eq!(couriers.send(AskLoad { address: address() }).await.unwrap(), None);
            let handed_in = couriers.send(HandIn { address: address(), handed_in: json!({}).into() }).await.unwrap();
            assert!(handed_in.unwrap_err().may_have_arrived, "the submitter must know that it may have arrived");
        });
    }
}
