//! Answers and receipts that are held back until the disk and the caches have caught up.
//!
//! Steps are numbered. The shell reports up to which step everything is durable, and which steps the caches
//! have loaded. Must stay true: nothing is released before its step is durable; nothing is called applied
//! before the caches have loaded its step and all earlier ones.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{Reply, Ticket};
use crate::{
    availability::{NodeId, Stamp},
    sync::{DeliveryState, message::Delivered},
};

/// Something that waits until one step is durable and the caches have loaded another.
#[derive(Debug, Clone)]
pub(super) enum Held {
    Reply(Ticket, Reply),
    /// The answer to a peer's delivery, with the states at the moment of release.
    Delivered {
        ticket: Ticket,
        from: NodeId,
        initials: Vec<NodeId>,
        delivered: Delivered,
    },
    /// These were applied here: send receipts to their initial nodes.
    Applied(Vec<(Stamp, NodeId, DeliveryState)>),
    /// These are in the history, where subscribers that are notified can find them.
    Recorded(Vec<Uuid>),
    /// These are in the inbox.
    Queued(Vec<(Stamp, NodeId)>),
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds {
    /// The last step that was made.
    step: u64,
    /// Everything up to this one is durable.
    durable: u64,
    /// Steps that the caches have not loaded yet.
    unloaded: BTreeSet<u64>,
    /// By the step that must be durable: the step that must be loaded, and the held item.
    until_durable: BTreeMap<u64, Vec<(u64, Held)>>,
    /// By the step that must be loaded.
    until_loaded: BTreeMap<u64, Vec<Held>>,
    /// Applied, but not yet durable and visible: still reported as queued.
    unsettled: BTreeSet<Stamp>,
    /// These wait until nothing is left to apply.
    settling: Vec<Ticket>,
}

impl Holds {
    /// The last step that was made.
    pub(super) fn step(&self) -> u64 {
        self.step
    }

    /// Makes a step; its number.
    pub(super) fn next_step(&mut self) -> u64 {
        self.step += 1;
        self.step
    }

    /// How many steps are not durable yet.
    pub(super) fn under_way(&self) -> u64 {
        self.step - self.durable
    }

    /// Holds something back until step `durable` is durable and step `loaded` loaded.
    pub(super) fn hold(&mut self, durable: u64, loaded: u64, held: Held) {
        self.until_durable.entry(durable).or_default().push((loaded, held));
    }

    /// Whether something is held back until this step, or a later one, is durable.
    pub(super) fn is_awaited(&self, step: u64) -> bool {
        self.until_durable.range(step..).next().is_some()
    }

    /// Everything up to this step is durable; the last one that is.
    pub(super) fn durable(&mut self, upto: u64) -> u64 {
        self.durable = self.durable.max(upto);
        self.durable
    }

    /// The last step is to be loaded by the caches.
    pub(super) fn loading(&mut self) {
        self.unloaded.insert(self.step);
    }

    /// The caches have loaded this step.
    pub(super) fn loaded(&mut self, step: u64) {
        self.unloaded.remove(&step);
    }

    /// Releases what is due. Applied entries come first, so that a peer's delivery can be answered with that
    /// state at once.
    pub(super) fn ready(&mut self) -> Vec<Held> {
        let later = self.until_durable.split_off(&(self.durable + 1));
        for (_, held) in std::mem::replace(&mut self.until_durable, later) {
            for (loaded, held) in held {
                self.until_loaded.entry(loaded).or_default().push(held);
            }
        }
        let later = match self.unloaded.first() {
            Some(first) => self.until_loaded.split_off(first),
            None => BTreeMap::new(),
        };
        let ready = std::mem::replace(&mut self.until_loaded, later);
        let (mut applied, rest): (Vec<Held>, Vec<Held>) =
            ready.into_values().flatten().partition(|held| matches!(held, Held::Applied(_)));
        applied.extend(rest);
        applied
    }

    /// This entry was applied; it is reported so once that is durable and visible.
    pub(super) fn unsettled(&mut self, stamp: Stamp) {
        self.unsettled.insert(stamp);
    }

    /// It is durable and visible.
    pub(super) fn settled(&mut self, stamp: &Stamp) {
        self.unsettled.remove(stamp);
    }

    /// Whether it was applied but must not be reported so yet.
    pub(super) fn is_unsettled(&self, stamp: &Stamp) -> bool {
        self.unsettled.contains(stamp)
    }

    /// Answers this ticket once nothing is left to apply, and everything is durable and visible.
    pub(super) fn settle(&mut self, ticket: Ticket) {
        self.settling.push(ticket);
    }

    /// Nothing is left to be applied.
    pub(super) fn drained(&mut self) {
        for ticket in std::mem::take(&mut self.settling) {
            self.hold(self.step, self.step, Held::Reply(ticket, Reply::Settled));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(held: &[Held]) -> Vec<Ticket> {
        let ticket = |held: &Held| match held {
            Held::Reply(ticket, _) => *ticket,
            _ => 0,
        };
        held.iter().map(ticket).collect()
    }

    #[test]
    fn what_is_held_waits_for_the_disk_and_for_the_caches() {
        let mut holds = Holds::default();
        assert_eq!((holds.next_step(), holds.next_step()), (1, 2));
        holds.loading();
        holds.hold(1, 1, Held::Reply(11, Reply::Settled));
        holds.hold(2, 2, Held::Reply(22, Reply::Settled));
        assert!(holds.is_awaited(2) && !holds.is_awaited(3) && holds.under_way() == 2);
        assert!(holds.ready().is_empty());
        holds.durable(1);
        assert_eq!(tickets(&holds.ready()), [11]);
        holds.durable(2);
        assert!(holds.ready().is_empty(), "durable, but not visible");
        holds.loaded(2);
        assert_eq!((tickets(&holds.ready()), holds.under_way()), (vec![22], 0));
    }

    #[test]
    fn what_was_applied_is_told_before_deliveries_are_answered() {
        let mut holds = Holds::default();
        let step = holds.next_step();
        holds.hold(step, step, Held::Reply(5, Reply::Busy));
        holds.hold(step, step, Held::Applied(Vec::new()));
        holds.durable(step);
        assert_eq!(tickets(&holds.ready()), [0, 5]);
    }

    #[test]
    fn who_waits_for_the_end_is_answered_after_the_last_step() {
        let mut holds = Holds::default();
        holds.settle(9);
        holds.next_step();
        holds.drained();
        assert!(holds.ready().is_empty());
        holds.durable(1);
        assert_eq!(tickets(&holds.ready()), [9]);
    }
}
