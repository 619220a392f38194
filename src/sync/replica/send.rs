//! The sending side: the next message to a peer, and the handling of its answer or its silence.

use std::collections::HashSet;

use super::{Notice, Replica};
use crate::{
    availability::NodeId,
    sync::{
        Change, DeliveryState, Label, Now, QueueKey, Report,
        bounds::text,
        lane::Row,
        message::{Deliver, Delivered, MAX_ITEMS},
    },
};

impl Replica {
    /// The message to send to this peer now; `None` if there is nothing to send, if a message is in flight, or
    /// if its back-off is not over. [`Replica::answered`] or [`Replica::failed`] must follow.
    pub fn poll_send(&mut self, peer: NodeId, now: Now) -> Option<Deliver> {
        let (items, receipts, gathered, keys) = self.outbox.take_batch(peer, now)?;
        let records = keys.iter().filter_map(|key| self.registry.get(key)).cloned().collect();
        Some(Deliver { limit: self.ledger.limit(), items, receipts, gathered, records })
    }

    /// Where a peer is.
    pub fn address_of(&self, peer: NodeId) -> Option<String> {
        self.roster.address_of(&peer).map(str::to_owned)
    }

    /// The peer has accepted the delivery.
    pub fn answered(&mut self, id: NodeId, answer: &Delivered, now: Now) {
        let Some(flight) = self.outbox.landed(id) else { return };
        self.roster.heard(&id, now.wall);
        self.learn_limit(answer.limit, now);
        let mut changes = Vec::new();
        let unknown: HashSet<NodeId> = answer.unknown.iter().copied().collect();
        for key in flight {
            let Some(row) = self.outbox.in_flight(id, &key) else { continue };
            let receipt = answer.receipts.iter().take(MAX_ITEMS).find(|receipt| receipt.stamp == key.stamp);
            if let Some((_, problem)) = answer.refused.iter().take(MAX_ITEMS).find(|(stamp, _)| *stamp == key.stamp) {
                let (peer, problem) = (self.name_of(id), text(problem).to_owned());
                self.report(Report::RefusedByPeer { peer, stamp: key.stamp, problem });
                self.hand_over(
                    id,
                    &key,
                    &row,
                    DeliveryState::Superseded,
                    &row.share.iter().copied().collect(),
                    now,
                    &mut changes,
                );
            } else if let Some(receipt) = receipt {
                self.hand_over(id, &key, &row, receipt.state, &unknown, now, &mut changes);
                self.gatherings.note(&(key.stamp, row.initial), id, receipt.state, now.mono);
            } else {
                // The answer does not mention it: the peer has not accepted it.
                self.outbox.ask_again(id, &key, now);
            }
        }
        self.commit(Label::Acknowledged, changes);
        self.wake(id, now);
        self.poke(now);
    }

    /// One row that a peer has acknowledged. At the initial node it stays until the peer's own final receipt;
    /// at a relay it ends, and so do those of the peer's share.
    #[allow(clippy::too_many_arguments)] // one call, two callers, all of it needed
    fn hand_over(
        &mut self,
        id: NodeId,
        key: &QueueKey,
        row: &Row,
        state: DeliveryState,
        unknown: &HashSet<NodeId>,
        now: Now,
        changes: &mut Vec<Change>,
    ) {
        for member in self.outbox.acknowledged(id, key, row, unknown, now, changes) {
            self.wake(member, now);
        }
        if row.initial == self.facts.me {
            self.receipt_from(id, &key.stamp, state, now, changes);
        }
    }

    /// The peer did not answer a delivery ([`Replica::merge_failed`] is for merges): it is tried again after
    /// a back-off, and the next of each share that it was to pass on takes its place at once. `chance` is
    /// random, for the jitter.
    pub fn failed(&mut self, id: NodeId, chance: u64, now: Now) {
        for member in self.outbox.failed(id, chance, now) {
            self.wake(member, now);
        }
    }

    /// A merge with this peer begins: call it before the first fingerprint is taken. What is accepted
    /// from now on gets rows again, also in a collapsed lane, which waits for the end.
    pub fn merging(&mut self, id: NodeId) {
        self.outbox.merging(id);
    }

    /// A merge with this peer was broken off. `chance` is random, for the jitter.
    pub fn merge_failed(&mut self, id: NodeId, chance: u64, now: Now) {
        self.outbox.merge_failed(id, chance, now);
    }

    /// This peer does not answer an announcement: it counts as down, if it did not before.
    pub(in crate::sync) fn unreachable(&mut self, id: NodeId, chance: u64, now: Now) {
        if self.outbox.unreachable(id, chance, now) {
            self.notice(Notice::Nodes);
        }
    }

    /// A merge with this peer has ended: the peer holds everything that this node held when the merge began
    /// ([`Replica::merging`]).
    pub fn merged_with(&mut self, id: NodeId, now: Now) {
        self.roster.heard(&id, now.wall);
        if let Some(taken_over) = self.outbox.merged(id) {
            let mut changes = vec![Change::MergeOnReturn(id, false)];
            for stamp in taken_over {
                let held = self.ledger.get(&stamp).is_some();
                let state = if held { DeliveryState::Applied } else { DeliveryState::Superseded };
                self.receipt_from(id, &stamp, state, now, &mut changes);
            }
            self.commit(Label::Merged, changes);
        }
        self.wake(id, now);
    }
}

#[cfg(test)]
mod tests;
