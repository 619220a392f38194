//! Couriers carry to peers what waits for them, one message at a time each (SPEC 4.3). What to carry
//! and what a failure means is decided by the replica; a courier only makes the call.

use std::rc::Rc;

use actix::prelude::*;
use uuid::Uuid;

use super::{
    desk::Delivery,
    repeater::{Carried, Repeater, Take},
    transport::{Failure, Transport},
};
use crate::{
    availability::NodeId,
    clock,
    store::crash::crash_point,
    sync::{Announce, Deliver, Replica},
};

/// The couriers of all peers: the replica never has two messages on their way to one peer, so one
/// actor serves them all side by side.
pub struct Couriers {
    transport: Rc<dyn Transport>,
    repeater: Addr<Repeater>,
}

impl Couriers {
    /// Couriers that report to this repeater.
    pub fn new(transport: Rc<dyn Transport>, repeater: Addr<Repeater>) -> Self {
        Self { transport, repeater }
    }
}

impl Actor for Couriers {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // One message per peer at most: this is far more than a farm has.
        ctx.set_mailbox_capacity(8_192);
    }
}

/// Take this to that peer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Carry {
    /// To whom.
    pub peer: NodeId,
    /// Where it is.
    pub address: String,
    /// What.
    pub message: Deliver,
}

impl Handler<Carry> for Couriers {
    type Result = ();

    fn handle(&mut self, carry: Carry, ctx: &mut Self::Context) {
        let (transport, repeater) = (Rc::clone(&self.transport), self.repeater.clone());
        let call = async move {
            crash_point("courier.deliver");
            let result = transport.deliver(carry.peer, &carry.address, &carry.message).await;
            crash_point(if result.is_ok() { "courier.delivered" } else { "courier.failed" });
            // Waits for room in the mailbox; fails only when the node is on its way down.
            repeater.send(Carried { peer: carry.peer, result }).await.ok();
        };
        ctx.spawn(call.into_actor(self));
    }
}

/// Ask the node at this address how far a notification has come that it accepted.
#[derive(Message)]
#[rtype(result = "Option<Delivery>")]
pub struct AskReceipts {
    /// The initial node.
    pub node: NodeId,
    /// Where it is.
    pub address: String,
    /// Which notification.
    pub id: Uuid,
}

impl Handler<AskReceipts> for Couriers {
    type Result = ResponseFuture<Option<Delivery>>;

    fn handle(&mut self, ask: AskReceipts, _: &mut Self::Context) -> Self::Result {
        let transport = Rc::clone(&self.transport);
        Box::pin(async move {
            let answer = transport.receipts(ask.node, &ask.address, ask.id).await.ok().flatten()?;
            serde_json::from_value(answer).ok()
        })
    }
}

/// Ask these nodes how they are, and let the replica know.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LookAround {
    /// What this node says of itself.
    pub own: Announce,
    /// Where the others are.
    pub addresses: Vec<String>,
}

impl Handler<LookAround> for Couriers {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, look: LookAround, _: &mut Self::Context) -> Self::Result {
        let (transport, repeater) = (Rc::clone(&self.transport), self.repeater.clone());
        Box::pin(async move {
            let asked = look.addresses.into_iter().map(|address| async {
                let answer = transport.announce(&address, &look.own).await;
                let learn = Take::new(move |replica: &mut Replica, now| match answer {
                    Ok(answer) => replica.announced(&answer, None, now).is_ok(),
                    Err(failure) => {
                        if let Failure::TurnedAway(conflict) = &failure {
                            replica.turned_away(conflict);
                        }
                        // Shown as away from now on, and tried again after a back-off.
                        let there: Vec<NodeId> = replica
                            .peers()
                            .into_iter()
                            .filter(|peer| peer.address == address)
                            .map(|peer| peer.id)
                            .collect();
                        there.into_iter().for_each(|id| replica.merge_failed(id, clock::random(), now));
                        false
                    }
                });
                repeater.send(learn).await.ok();
            });
            futures_util::future::join_all(asked).await;
        })
    }
}
