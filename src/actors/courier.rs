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
