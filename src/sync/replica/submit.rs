//! A submission: checked, stamped, durable in the inbox, then answered (docs/contract.md#accepting).

use std::sync::Arc;

use uuid::Uuid;

use super::{Held, MAX_PENDING, Replica, Reply, Ticket, clock::Clock};
use crate::{
    availability::{Author, BoundExceeded, Entry, FieldError, Known, Moment, NodeId, Notification, Says, Submission},
    sync::{
        Change, Conflict, DeliveryState, Label, Now, PendingRow,
        bounds::{MAX_RECORD, MAX_SUBMITTED, fits},
    },
};

/// A submission.
#[derive(Debug, Clone)]
pub struct Submit {
    /// What is to be stated.
    pub submission: Submission,
    /// By whom.
    pub author: Author,
    /// The submitter's id, or one that was made for it.
    pub id: Uuid,
    /// What the history has under this id, where the submitter gave one.
    pub known: Option<Arc<Entry>>,
}

/// The result of a submission.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The entry.
    pub entry: Arc<Entry>,
    /// It was there already.
    pub repeated: bool,
    /// The nodes that have it, as far as memory shows; empty if the history must be read.
    pub receipts: Vec<Told>,
}

/// One line of a receipt: the state of a notification on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The node.
    pub node: NodeId,
    /// What people call it.
    pub name: String,
    /// Its state there.
    pub state: DeliveryState,
    /// Since when.
    pub at: Moment,
}

/// Why a submission was refused; nothing is left half done.
#[derive(Debug, Clone, PartialEq)]
pub enum SubmitRefusal {
    /// Fields that are wrong.
    Invalid(Vec<FieldError>),
    /// The id belongs to another content.
    Conflict(Uuid),
    /// A bound of the ledger (docs/contract.md#bounds-of-the-ledger).
    Bound(BoundExceeded),
    /// Too much waits to be applied.
    Full,
    /// The node is fenced: its peers have refused its identity.
    Fenced(Conflict),
    /// The node's stamps are ahead of its clock, which was far ahead once and has been corrected.
    ClockWasAhead {
        /// What the next stamp would say.
        stamps: Moment,
    },
}

impl Replica {
    /// Accepts a submission; the answer comes with [`Reply::Submitted`] when it is durable.
    pub fn submit(&mut self, submit: Submit, ticket: Ticket, now: Now) {
        match self.try_submit(submit, now) {
            Ok((taken, step)) => {
                self.work(now);
                self.holds.hold(step, self.holds.step(), Held::Reply(ticket, Reply::Submitted(Ok(taken))));
                self.poke(now);
            }
            Err(refusal) => self.effects.push(super::Effect::Reply(ticket, Reply::Submitted(Err(refusal)))),
        }
    }

    /// The entries that a submission would become if it were taken now; changes nothing.
    ///
    /// # Errors
    /// As for a submission.
    pub fn rehearse(&self, submit: Submit, now: Now) -> Result<Vec<Arc<Entry>>, SubmitRefusal> {
        self.made(submit, &mut self.clock.clone(), now)
    }

    /// What submissions are checked against.
    pub(super) fn with_known<T>(&self, now: Now, check: impl FnOnce(&Known<'_>) -> T) -> T {
        check(&Known {
            target: &|target| self.knows(target),
            node: &|name| self.roster.knows_name(name),
            reasons: &self.facts.reasons,
            rules: self.facts.rules,
            now: now.wall,
            clock: self.facts.rules.clock(now.wall, self.ledger.limit()),
            stamp: self.clock.peek(now),
        })
    }

    fn try_submit(&mut self, submit: Submit, now: Now) -> Result<(Taken, u64), SubmitRefusal> {
        // Before a known id is looked up: an entry that only this node has may never reach the others.
        if let Some(conflict) = &self.conflict {
            return Err(SubmitRefusal::Fenced(conflict.clone()));
        }
        if let Some(existing) = self.find(&submit.id).or_else(|| submit.known.clone()) {
            return self.repeated(existing, submit.submission, &submit.author).map(|taken| (taken, self.holds.step()));
        }
        if self.inbox.waiting() >= MAX_PENDING {
            return Err(SubmitRefusal::Full);
        }
        let mut clock = self.clock.clone();
        let mut entries = self.made(submit, &mut clock, now)?;
        self.clock = clock;
        let mut changes = Vec::with_capacity(entries.len());
        for entry in &entries {
            let key = self.key_for(entry, now);
            let row = PendingRow { entry: Arc::clone(entry), initial: self.facts.me, share: None };
            changes.push(Change::Queue(key, row.clone()));
            self.inbox.put(key, row);
        }
        let step = self.commit(Label::Submit, changes);
        let entry = entries.pop().ok_or_else(|| SubmitRefusal::Invalid(Vec::new()))?;
        Ok((Taken { entry, repeated: false, receipts: Vec::new() }, step))
    }

    /// The entries of a new submission: the statement is the last; before it, the cancel of a plan that it
    /// replaces.
    fn made(&self, submit: Submit, clock: &mut Clock, now: Now) -> Result<Vec<Arc<Entry>>, SubmitRefusal> {
        let Submit { submission, author, id, .. } = submit;
        let submission = self.with_known(now, |known| submission.check(known)).map_err(SubmitRefusal::Invalid)?;
        let latest = clock.latest_submitted(now);
        let stamps = submission.timestamp.unwrap_or_else(|| clock.peek(now));
        if stamps > latest {
            return Err(SubmitRefusal::ClockWasAhead { stamps });
        }
        let name = &self.facts.name;
        let plan = self.plan_of(&submission, &author, now)?;
        let mut entries = Vec::with_capacity(2);
        if let Some(plan) = &plan {
            let cancel = submission.cancels.map_or_else(|| Notification::id_of_cancel(&id), |_| id);
            let make = |time| submission.cancel(cancel, time, &plan.notification, &author, name);
            entries.push(self.stamped(submission.timestamp, clock, now, make)?);
        }
        if submission.cancels.is_none() {
            let make = |time| submission.statement(id, time, &author, name);
            entries.push(self.stamped(submission.timestamp, clock, now, make)?);
        }
        Ok(entries)
    }

    /// Makes the record and its stamp. A submitted timestamp is used unchanged and belongs to no node, so that
    /// a retry at another node yields an equal entry.
    fn stamped(
        &self,
        given: Option<Moment>,
        clock: &mut Clock,
        now: Now,
        make: impl Fn(Moment) -> Notification,
    ) -> Result<Arc<Entry>, SubmitRefusal> {
        let (time, counter, node) = match given {
            Some(time) => (time, 0, NodeId::NONE),
            None => {
                let (time, counter) = clock.next(now);
                (time, counter, self.facts.me)
            }
        };
        let notification = make(time);
        self.ledger.check_bounds(&notification).map_err(SubmitRefusal::Bound)?;
        self.ledger.check_cost(&notification, &self.facts.together).map_err(SubmitRefusal::Bound)?;
        let (field, most) =
            if notification.cancels.is_some() { ("message", MAX_RECORD) } else { ("criteria", MAX_SUBMITTED) };
        if !fits(&notification, most) {
            let error = FieldError::new(
                field,
                format!("makes the notification larger than {most} bytes, the most that is kept"),
            );
            return Err(SubmitRefusal::Invalid(vec![error]));
        }
        let entry = Entry::stamped(notification, counter, node);
        clock.admit(&entry.stamp);
        Ok(entry)
    }

    /// The plan that a submission takes back, checked.
    fn plan_of(&self, submission: &Submission, author: &Author, now: Now) -> Result<Option<Arc<Entry>>, SubmitRefusal> {
        let Some(id) = submission.cancels.or(submission.replaces) else { return Ok(None) };
        let field = if submission.cancels.is_some() { "cancels" } else { "replaces" };
        let wrong = |error| SubmitRefusal::Invalid(vec![error]);
        // An entry in quarantine is not in force, and this node's next stamp may be lower.
        let in_force = |plan: &Arc<Entry>| self.inbox.key_of(&plan.stamp).is_none_or(|key| !key.is_quarantine());
        let plan = self.find(&id).filter(in_force).ok_or_else(|| {
            wrong(FieldError::new(
                field,
                "names no plan that is in force here: it was changed or cancelled, or has not arrived yet",
            ))
        })?;
        let taken_back = plan
            .notification
            .targets
            .iter()
            .filter_map(|target| self.ledger.words(target))
            .any(|words| words.iter().any(|word| word.says == Says::Cancel(id)));
        let clock = self.facts.rules.clock(now.wall, self.ledger.limit());
        submission.check_plan(&plan, taken_back, author, clock).map_err(wrong)?;
        Ok(Some(plan))
    }

    /// The same id again: the same notification, or a conflict.
    fn repeated(&self, existing: Arc<Entry>, submission: Submission, author: &Author) -> Result<Taken, SubmitRefusal> {
        let held = &existing.notification;
        // As when it was made: since then names may have left the farm, and windows may be over.
        let (now, reasons, rules) = (held.timestamp, &self.facts.reasons, self.facts.rules);
        let then = Known { target: &|_| true, node: &|_| true, reasons, rules, now, clock: now, stamp: now };
        let submission = submission.check(&then).map_err(SubmitRefusal::Invalid)?;
        let same = match (submission.cancels, held.cancels) {
            (Some(cancels), Some(cancelled)) => cancels == cancelled,
            (None, None) => {
                let time = submission.timestamp.unwrap_or(held.timestamp);
                // A retry by another person or at another node is the same notification.
                let mut again: Notification = submission.statement(held.id, time, author, &held.node);
                again.operator.clone_from(&held.operator);
                again.extra.clone_from(&held.extra);
                again == *held
            }
            _ => false,
        };
        if same {
            Ok(Taken { entry: existing, repeated: true, receipts: Vec::new() })
        } else {
            Err(SubmitRefusal::Conflict(held.id))
        }
    }
}

#[cfg(test)]
mod tests;
