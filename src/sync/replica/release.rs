//! The progress of the disk and the caches, and the release of what waited for it.

use super::{Effect, Held, Notice, Replica, Reply, SubmitRefusal};
use crate::{
    availability::Target,
    sync::{Change, Label, Now, Report},
};

impl Replica {
    /// All commits up to this one are on stable storage.
    pub fn durable(&mut self, upto: u64, now: Now) {
        let durable = self.holds.durable(upto);
        self.outbox.durable(durable);
        self.work(now);
        if self.inbox.waiting() == 0 && !self.replaying {
            self.holds.drained();
        }
        self.release_ready(now);
    }

    /// The caches have loaded what this step changed.
    pub fn loaded(&mut self, step: u64, now: Now) {
        self.holds.loaded(step);
        self.release_ready(now);
    }

    fn release_ready(&mut self, now: Now) {
        for held in self.holds.ready() {
            self.release(held, now);
        }
        self.pass_up(now);
    }

    /// The number of a step that the shell makes by itself (old history is taken away).
    pub fn step_of_shell(&mut self) -> u64 {
        self.holds.next_step()
    }

    /// Makes these changes in one atomic step; the last step that was made.
    pub(super) fn commit(&mut self, label: Label, changes: Vec<Change>) -> u64 {
        if !changes.is_empty() {
            let step = self.holds.next_step();
            self.effects.push(Effect::Commit { step, label, changes });
        }
        self.holds.step()
    }

    /// Lets the caches load what the last step has changed of these targets.
    pub(super) fn load(&mut self, mut targets: Vec<Target>) {
        targets.sort();
        targets.dedup();
        if !targets.is_empty() {
            self.holds.loading();
            self.effects.push(Effect::Load { step: self.holds.step(), targets });
        }
    }

    /// Whether something is held back until this step is durable.
    pub fn is_awaited(&self, step: u64) -> bool {
        self.holds.is_awaited(step)
    }

    fn release(&mut self, held: Held, now: Now) {
        match held {
            Held::Reply(ticket, mut reply) => {
                match (&mut reply, &self.conflict) {
                    // Peers may refuse it from this node, so the submitter must not be told that it was accepted.
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
                    // The answer contains the state; no separate message is needed.
                    if initial == from {
                        self.outbox.told_otherwise(from, &receipt.stamp, receipt.state);
                    }
                    self.gatherings.told(&(receipt.stamp, initial), from, self.facts.me, receipt.state);
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
                rows.iter().for_each(|(stamp, ..)| self.holds.settled(stamp));
                self.give_receipts(rows, now);
            }
        }
    }

    /// What is already durable and not yet released, at once: everything up to `durable` is.
    pub(super) fn poke(&mut self, now: Now) {
        self.durable(0, now);
    }

    pub(super) fn report(&mut self, report: Report) {
        self.effects.push(Effect::Report(report));
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(notice));
    }
}
