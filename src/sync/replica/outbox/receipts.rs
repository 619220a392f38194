//! Receipts: those that peers are owed, and those that this node waits for.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Outbox, Route};
use crate::{
    availability::{Moment, NodeId, Stamp},
    sync::{Change, DeliveryState, Now, gathering::Of},
};

impl Outbox {
    /// Queues a receipt for a peer; returns whether there is such a peer.
    pub(in super::super) fn owe_receipt(&mut self, id: NodeId, stamp: Stamp, state: DeliveryState) -> bool {
        let Some(route) = self.filling(id) else { return false };
        route.lane.owed.add(stamp, state);
        true
    }

    /// Queues another node's receipt for a peer, which is the initial node or passes it on.
    pub(in super::super) fn pass_receipt(&mut self, id: NodeId, of: Of, node: NodeId, state: DeliveryState) -> bool {
        let Some(route) = self.filling(id) else { return false };
        route.lane.owed.pass(of.0, of.1, node, state);
        true
    }

    /// Whether this peer can take receipts for another node.
    pub(in super::super) fn can_relay(&self, id: &NodeId) -> bool {
        self.routes.get(id).is_some_and(Route::is_up)
    }

    /// The peer learns this in another way: it needs no receipt.
    pub(in super::super) fn told_otherwise(&mut self, id: NodeId, stamp: &Stamp, state: DeliveryState) {
        if let Some(route) = self.routes.get_mut(&id) {
            route.lane.owed.take(stamp, state);
        }
    }

    /// Records a node's receipt for an own entry; returns the notification's id if the receipt is news. A
    /// receipt leaves memory when `step` is durable.
    pub(in super::super) fn receipt(
        &mut self,
        node: NodeId,
        stamp: &Stamp,
        state: DeliveryState,
        step: u64,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Option<Uuid> {
        let news = self.tracks.note(stamp, node, state, now.wall);
        if news.is_some() {
            self.tracks.close_if_complete(stamp, step);
        }
        let Some(route) = self.routes.get_mut(&node) else { return news };
        let Some(key) = route.lane.key_of(stamp) else { return news };
        if route.lane.get(&key).is_none_or(|row| row.initial != self.me) {
            return news;
        }
        if let Some(child) = route.lane.delegated_to(&key) {
            self.progress.insert((key, child), now.mono);
        }
        if state.is_final() {
            route.lane.remove(&key);
            changes.push(Change::Unpost(node, key));
        } else if state > DeliveryState::Waiting {
            route.lane.queued(&key, now.mono);
        }
        news
    }

    /// Everything up to this step is durable.
    pub(in super::super) fn durable(&mut self, upto: u64) {
        self.tracks.durable(upto);
    }

    /// The receipts of an own entry, until all nodes have confirmed it.
    pub(in super::super) fn receipts(&self, stamp: &Stamp) -> Option<&BTreeMap<NodeId, (DeliveryState, Moment)>> {
        self.tracks.get(stamp)
    }

    /// How many own entries are unconfirmed.
    pub(in super::super) fn unconfirmed(&self) -> usize {
        self.tracks.len()
    }
}
