//! What waits for the disk and for the caches, and is released when they have come so far.
//!
//! Must stay true: nothing is answered before the step that it speaks of is durable, and nothing is
//! called applied before the caches have loaded it as well.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Effect, Notice, Replica, Reply, SubmitRefusal, Ticket};
use crate::{
    availability::{NodeId, Stamp, Target},
    sync::{Change, DeliveryState, Now, message::Delivered},
};

/// An answer that waits until a step is durable and the caches have loaded another.
#[derive(Debug)]
pub(super) enum Held {
    Reply(Ticket, Reply),
    /// To a peer's delivery: the states are those of the moment it is released.
    Delivered {
        ticket: Ticket,
        from: NodeId,
        initials: Vec<NodeId>,
        delivered: Delivered,
    },
    /// These have been applied here: tell their initial nodes.
    Applied(Vec<(Stamp, NodeId, DeliveryState)>),
    /// These are in the history: who looks there when it is told finds them.
    Recorded(Vec<Uuid>),
    /// These are in the inbox.
    Queued(Vec<(Stamp, NodeId)>),
}

impl Replica {
    /// All commits up to this one are on stable storage.
    pub fn durable(&mut self, upto: u64, now: Now) {
        self.durable = self.durable.max(upto);
        self.tracks.durable(self.durable);
        self.work(now);
        self.settle_if_drained();
        let later = self.held_durable.split_off(&(self.durable + 1));
        for (_, held) in std::mem::replace(&mut self.held_durable, later) {
            for (loaded, held) in held {
                self.held_loaded.entry(loaded).or_default().push(held);
            }
        }
        self.release_loaded(now);
    }

    /// The caches have loaded what this step changed.
    pub fn loaded(&mut self, step: u64, now: Now) {
        self.unloaded.remove(&step);
        self.release_loaded(now);
    }

    fn release_loaded(&mut self, now: Now) {
        let later = match self.unloaded.first() {
            Some(first) => self.held_loaded.split_off(first),
            None => BTreeMap::new(),
        };
        let ready = std::mem::replace(&mut self.held_loaded, later);
        // What has been applied first: a peer's delivery can then be answered with that at once.
        let (applied, rest): (Vec<Held>, Vec<Held>) =
            ready.into_values().flatten().partition(|held| matches!(held, Held::Applied(_)));
        for held in applied.into_iter().chain(rest) {
            self.release(held, now);
        }
    }

    pub(super) fn settle_if_drained(&mut self) {
        if !self.settling.is_empty() && self.pending.len() == self.quarantined && !self.replaying {
            for ticket in std::mem::take(&mut self.settling) {
                self.hold(self.step, self.step, Held::Reply(ticket, Reply::Settled));
            }
        }
    }

    /// The number of a step that the shell makes by itself (old history is taken away).
    pub fn step_of_shell(&mut self) -> u64 {
        self.step += 1;
        self.step
    }

    pub(super) fn commit(&mut self, label: &'static str, changes: Vec<Change>) -> u64 {
        if !changes.is_empty() {
            self.step += 1;
            self.effects.push(Effect::Commit { step: self.step, label, changes });
        }
        self.step
    }

    pub(super) fn load(&mut self, mut targets: Vec<Target>) {
        targets.sort();
        targets.dedup();
        if !targets.is_empty() {
            self.unloaded.insert(self.step);
            self.effects.push(Effect::Load { step: self.step, targets });
        }
    }

    /// Whether something is held back until this step is durable.
    pub fn is_awaited(&self, step: u64) -> bool {
        self.held_durable.range(step..).next().is_some()
    }

    /// Releases `held` once step `durable` is durable and step `loaded` loaded.
    pub(super) fn hold(&mut self, durable: u64, loaded: u64, held: Held) {
        self.held_durable.entry(durable).or_default().push((loaded, held));
    }

    fn release(&mut self, held: Held, now: Now) {
        match held {
            Held::Reply(ticket, mut reply) => {
                match (&mut reply, &self.conflict) {
                    // Peers may refuse it from this node: the submitter is not told that all is well.
                    (Reply::Submitted(result @ Ok(_)), Some(conflict)) => {
                        *result = Err(SubmitRefusal::Fenced(conflict.clone()));
                    }
                    (Reply::Submitted(Ok(taken)), None) => {
                        taken.receipts = self.told(&taken.entry.stamp).unwrap_or_default();
                    }
                    _ => {}
                }
                self.effects.push(Effect::Reply(ticket, reply));
            }
            Held::Delivered { ticket, from, initials, mut delivered } => {
                for (receipt, initial) in delivered.receipts.iter_mut().zip(initials) {
                    receipt.state = self.state_of(&receipt.stamp);
                    if let Some(peer) = self.peers.get_mut(&from).filter(|_| initial == from) {
                        // The answer says it: no message of its own.
                        peer.lane.take_receipt(&receipt.stamp, receipt.state);
                    }
                }
                delivered.limit = self.ledger.limit();
                self.effects.push(Effect::Reply(ticket, Reply::Delivered(delivered)));
            }
            Held::Recorded(ids) => ids.into_iter().for_each(|id| self.notice(Notice::Notification(id))),
            Held::Queued(rows) => {
                let rows = rows.into_iter().map(|(stamp, initial)| (stamp, initial, self.state_of(&stamp))).collect();
                self.give_receipts(rows, now);
            }
            Held::Applied(rows) => {
                for (stamp, ..) in &rows {
                    self.unsettled.remove(stamp);
                }
                self.give_receipts(rows, now);
            }
        }
    }

    /// What is already durable and not yet released, at once: everything up to `durable` is.
    pub(super) fn poke(&mut self, now: Now) {
        self.durable(self.durable, now);
    }

    pub(super) fn warn(&mut self, text: String) {
        self.effects.push(Effect::Warn(text));
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(notice));
    }
}
