//! The registry on this node: records that are submitted here, and those of peers (docs/contract.md#registry).
//!
//! The registry is a map that merges, so what it holds is all that must be durable. Which peers are still to be told
//! about a change is kept in memory only: after a restart the merges find the difference, because the registry is in
//! the fingerprint. A record that was submitted here, or that came by a merge, is sent to every known peer; one that
//! was delivered is not passed on.
//!
//! Must stay true: a record is durable before a submission, a delivery or a merge that brought it is answered; a
//! record that is too far ahead of this node's clock changes nothing, and stays with those who have it.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::{Effect, Held, Replica, Reply, SubmitRefusal, Ticket};
use crate::{
    availability::{
        Author, BoundExceeded, FieldError, Key, Kind, Known, MAX_PLANS, MAX_REGISTRY_VALUE, NodeId, Record, Registry,
        Says, Schedule, template,
    },
    sync::{Change, Label, Now, Report, bounds::check_record},
};

/// A change of the registry.
#[derive(Debug, Clone)]
pub struct Register {
    /// What it is about.
    pub kind: Kind,
    /// Which one.
    pub id: Uuid,
    /// The new value as it was submitted; `None` removes the key.
    pub value: Option<Value>,
    /// By whom.
    pub author: Author,
}

/// Why a change of the registry was refused; nothing is left half done.
#[derive(Debug, Clone, PartialEq)]
pub enum RegisterRefusal {
    /// As a submission is.
    Submit(SubmitRefusal),
    /// There is no room for another key. The text says how much there is.
    NoRoom(String),
    /// There is nothing under this key, or no such kind.
    NotThere,
}

impl From<SubmitRefusal> for RegisterRefusal {
    fn from(refusal: SubmitRefusal) -> Self {
        Self::Submit(refusal)
    }
}

impl Replica {
    /// The registry, to read.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Accepts a change of the registry; the answer comes with [`Reply::Registered`] when it is durable.
    pub fn register(&mut self, register: Register, ticket: Ticket, now: Now) {
        match self.try_register(register, now) {
            Ok((record, step)) => {
                self.work(now);
                self.holds.hold(step, step, Held::Reply(ticket, Reply::Registered(Ok(record))));
                self.poke(now);
            }
            Err(refusal) => self.effects.push(Effect::Reply(ticket, Reply::Registered(Err(refusal)))),
        }
    }

    fn try_register(&mut self, register: Register, now: Now) -> Result<(Arc<Record>, u64), RegisterRefusal> {
        if let Some(conflict) = &self.conflict {
            return Err(SubmitRefusal::Fenced(conflict.clone()).into());
        }
        let Register { kind, id, value, author } = register;
        let key = Key { kind, id };
        let held = self.registry.get(&key).cloned();
        let value = match value {
            Some(value) => Some(self.check_register(&key, &value, now)?),
            None if held.as_ref().is_none_or(|held| held.value.is_none()) => return Err(RegisterRefusal::NotThere),
            None => None,
        };
        if let Some(held) = held.filter(|held| held.value == value) {
            // The same again: no new version. The first one may not be durable yet.
            return Ok((held, self.holds.step()));
        }
        let stamps = self.clock.peek(now);
        if stamps > self.clock.latest_submitted(now) {
            return Err(SubmitRefusal::ClockWasAhead { stamps }.into());
        }
        let (time, counter) = self.clock.next(now);
        let by = (time, counter, self.facts.me);
        let record = Record::stamped(key, value, author.operator, self.facts.name.clone(), by);
        let step = self.take_records(None, vec![Arc::clone(&record)], now, Label::Register);
        Ok((record, step))
    }

    /// The value as it would be kept under this key: checked, and with room for it.
    ///
    /// # Errors
    /// As [`Replica::register`] would refuse it.
    pub fn check_register(&self, key: &Key, value: &Value, now: Now) -> Result<Value, RegisterRefusal> {
        let checked = self.with_known(now, |known| match key.kind {
            Kind::Schedule => {
                let schedule = Schedule::submitted(value, known, &self.facts.name).map_err(SubmitRefusal::Invalid)?;
                self.check_schedule(key, &schedule, known).map_err(SubmitRefusal::Bound)?;
                Ok(schedule.to_value())
            }
            Kind::Template => Ok(template(value, known).map_err(SubmitRefusal::Invalid)?),
            Kind::Unread(_) => Err(RegisterRefusal::NotThere),
        })?;
        let bytes = checked.to_string().len();
        if bytes > MAX_REGISTRY_VALUE {
            let problem = format!("takes {bytes} bytes; {MAX_REGISTRY_VALUE} are allowed");
            return Err(SubmitRefusal::Invalid(vec![FieldError::new("", problem)]).into());
        }
        self.registry.check_room(key).map_err(RegisterRefusal::NoRoom)?;
        Ok(checked)
    }

    /// Whether the plans of a schedule stay within the bounds of the ledger, together with the other open plans and
    /// the occurrences of the other schedules: counted in the fourteen days from its next occurrence on.
    fn check_schedule(&self, key: &Key, schedule: &Schedule, known: &Known<'_>) -> Result<(), BoundExceeded> {
        let first = schedule.begins(known.clock).next().unwrap_or(known.clock);
        let count = |schedule: &Schedule| {
            let until = first.after(super::schedules::AHEAD);
            schedule.begins(first.before(std::time::Duration::from_millis(1))).take_while(|at| *at < until).count()
        };
        let own = count(schedule);
        for target in &schedule.targets {
            let words = self.ledger.words(target).into_iter().flat_map(|words| words.iter());
            let submitted = words.filter(|word| {
                word.plan
                    && word.says == Says::Closing
                    && word.entry.notification.schedule.is_none()
                    && word.since > known.clock
            });
            let others = self.registry.live(Kind::Schedule).filter(|record| record.id != key.id);
            let others = others.filter_map(|record| Schedule::of(record).ok().flatten());
            let others: usize = others.filter(|other| other.targets.contains(target)).map(|other| count(&other)).sum();
            if own + others + submitted.count() > MAX_PLANS {
                return Err(BoundExceeded {
                    target: target.clone(),
                    what: "open plans within 14 days".into(),
                    limit: MAX_PLANS,
                });
            }
        }
        // Without its beginning it is no plan: what is left to check are its criteria.
        let sample = schedule.sample();
        self.ledger.check_bounds(&sample)?;
        self.ledger.check_cost(&sample, &self.facts.together)
    }

    /// Keeps those of these records that are news, and makes what follows from them. `from`: the peer that has
    /// delivered them; the others are told, unless there is one. Returns the step that must be durable.
    pub(super) fn take_records(
        &mut self,
        delivered: Option<NodeId>,
        records: Vec<Arc<Record>>,
        now: Now,
        label: Label,
    ) -> u64 {
        let (mut changes, mut news) = (Vec::new(), Vec::new());
        for record in records {
            if let Err(problem) = check_record(&record) {
                let peer = delivered.map_or_else(String::new, |from| self.name_of(from));
                self.report(Report::RefusedRecord { peer, stamp: record.stamp, problem });
                continue;
            }
            if self.clock.is_early(record.stamp.time, now) {
                let clock = now.wall;
                self.report(Report::EarlyRecord { id: record.id, timestamp: record.stamp.time, clock });
                continue;
            }
            // L grows by it, as by every stamp.
            self.learn_limit(record.stamp.time, now);
            self.clock.admit(&record.stamp);
            if self.registry.offer(&record) {
                changes.push(Change::Register(Arc::clone(&record)));
                news.push(record);
            }
        }
        self.commit(label, changes);
        let step = self.holds.step();
        if delivered.is_none() {
            let keys: Vec<Key> = news.iter().map(|record| record.key()).collect();
            for id in self.outbox.owe_records(&keys) {
                self.wake(id, now);
            }
        }
        self.follow_records(&news, now);
        step
    }

    /// What time takes out of the registry, by L.
    pub(super) fn forget_removals(&mut self) {
        let forgotten = self.registry.advance(self.ledger.limit());
        self.commit(Label::Forgotten, forgotten.into_iter().map(Change::Unregister).collect());
    }
}

#[cfg(test)]
mod tests;
