//! Receipts: this node's own, and those that it gathers and passes on (docs/contract.md#receipts).
//!
//! A node that is asked to pass something on gathers the receipts of those below, if its sender does likewise, and sends
//! them to its sender. Every other receipt goes straight to the initial node. Must stay true: what comes to the initial
//! node is each recipient's own receipt, whoever brings it; whatever becomes of a relay, the initial node's rows
//! bring a receipt.

use std::collections::BTreeSet;

use super::{Notice, Replica};
use crate::{
    availability::{NodeId, Stamp},
    sync::{
        Change, DeliveryState, Fanout, Label, Now,
        message::{Gathered, Item, MAX_GATHERED},
    },
};

impl Replica {
    /// Whether receipts of those below are gathered. Along a chain they would come through all nodes, in longer and
    /// longer messages.
    pub(super) fn is_gathering(&self) -> bool {
        !matches!(self.facts.fanout, Fanout::Some(children) if children.get() == 1)
    }

    /// An item has come in, with the share that this node passes it on to.
    pub(super) fn begin_gathering(&mut self, from: NodeId, item: &Item, share: &[NodeId], now: Now) {
        let (me, of) = (self.facts.me, (item.entry.stamp, item.initial));
        if item.initial == me || item.initial == NodeId::NONE {
            return;
        }
        if from == NodeId::NONE {
            self.gatherings.linger(of, me, now.mono);
        } else if item.gather {
            let below = if self.is_gathering() { share } else { &[] };
            self.gatherings.begin(of, from, me, below, now.mono);
        } else if from == item.initial && self.gatherings.has(&of) {
            self.gatherings.begin(of, from, me, &[], now.mono);
        }
    }

    /// Receipts of other nodes: for this one, or to be passed on.
    pub(super) fn take_gathered(&mut self, gathered: Vec<Gathered>, now: Now, changes: &mut Vec<Change>) {
        let (mut left, mut to) = (MAX_GATHERED, BTreeSet::new());
        for Gathered { stamp, initial, state, nodes } in gathered {
            for node in nodes.into_iter().take(left) {
                left -= 1;
                if node == self.facts.me {
                    continue;
                }
                if initial == self.facts.me {
                    self.receipt_from(node, &stamp, state, now, changes);
                } else if !self.gatherings.note(&(stamp, initial), node, state, now.mono)
                    && self.outbox.pass_receipt(initial, (stamp, initial), node, state)
                {
                    to.insert(initial);
                }
            }
        }
        for initial in to {
            self.wake(initial, now);
        }
    }

    /// Passes on the receipts whose time it is. A relay that cannot be reached is left out.
    pub(super) fn pass_up(&mut self, now: Now) {
        let mut woken = BTreeSet::new();
        for batch in self.gatherings.take_due(now.mono) {
            let initial = batch.of.1;
            let to = if self.outbox.can_relay(&batch.up) { batch.up } else { initial };
            for (node, state) in batch.receipts {
                if node == self.facts.me && to == initial {
                    self.outbox.owe_receipt(initial, batch.of.0, state);
                } else {
                    self.outbox.pass_receipt(to, batch.of, node, state);
                }
            }
            woken.insert(to);
        }
        for to in woken {
            self.wake(to, now);
        }
    }

    /// Sends the initial nodes receipts for these notifications.
    pub(super) fn give_receipts(&mut self, rows: Vec<(Stamp, NodeId, DeliveryState)>, now: Now) {
        let (mut changes, mut to) = (Vec::new(), BTreeSet::new());
        for (stamp, initial, state) in rows {
            if initial == self.facts.me {
                self.receipt_from(initial, &stamp, state, now, &mut changes);
            } else if self.gatherings.note(&(stamp, initial), self.facts.me, state, now.mono) {
                // It leaves with those of others.
            } else if self.outbox.owe_receipt(initial, stamp, state) {
                to.insert(initial);
            }
        }
        self.commit(Label::Receipts, changes);
        for initial in to {
            self.wake(initial, now);
        }
    }

    /// Records a receipt for an entry that this node accepted.
    pub(super) fn receipt_from(
        &mut self,
        node: NodeId,
        stamp: &Stamp,
        state: DeliveryState,
        now: Now,
        changes: &mut Vec<Change>,
    ) {
        // The caller commits these changes in the next step.
        let step = self.holds.step() + 1;
        let Some(id) = self.outbox.receipt(node, stamp, state, step, now, changes) else { return };
        // This node's own state needs no row: ledger and inbox contain it.
        if node != self.facts.me {
            let name = self.name_of(node);
            changes.push(Change::Receipt { stamp: *stamp, node, name, state, at: now.wall });
        }
        self.notice(Notice::Delivery(id));
    }
}

#[cfg(test)]
mod tests;
