//! What follows from schedules on this node: the plans of the occurrences that begin soon, and the cancels of the
//! plans of earlier versions (docs/contract.md#schedules).
//!
//! Every node makes these entries by itself, and all of them alike. So they need no receipts and are not passed on: a
//! node without the schedule gets them by a merge.
//!
//! Must stay true: what follows from the registry and the ledger is made again after a crash, at the replay; nothing
//! is made that the ledger has or has outlived.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use super::Replica;
use crate::{
    availability::{Entry, Key, Kind, Moment, Record, Schedule, schedule::cancel},
    sync::{Label, Now, Report},
};

/// Occurrences that begin within this time become plans: 14 days.
pub(super) const AHEAD: Duration = Duration::from_secs(14 * 24 * 3600);
/// How many occurrences are computed at a time.
const AT_ONCE: usize = 32;

/// One schedule with its next occurrences.
#[derive(Debug, Clone)]
struct Planned {
    record: Arc<Record>,
    schedule: Schedule,
    /// Those that have not become plans yet, in order; empty when there are no more.
    coming: VecDeque<Moment>,
}

impl Planned {
    /// From this version on, at `clock`: without what had begun when it was made, and what is over.
    fn new(record: &Arc<Record>, schedule: Schedule, clock: Moment) -> Self {
        let begins = schedule.begins(record.stamp.time).skip_while(|begins| schedule.ends(*begins) <= clock);
        let coming = begins.take(AT_ONCE).collect();
        Self { record: Arc::clone(record), schedule, coming }
    }

    /// The plans of the occurrences that begin until then.
    fn take(&mut self, until: Moment) -> Vec<Arc<Entry>> {
        let mut plans = Vec::new();
        while let Some(begins) = self.coming.front().copied().filter(|begins| *begins <= until) {
            self.coming.pop_front();
            if self.coming.is_empty() {
                self.coming = self.schedule.begins(begins).take(AT_ONCE).collect();
            }
            plans.push(self.schedule.plan(&self.record, begins));
        }
        plans
    }
}

/// The schedules of this node's registry.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedules {
    planned: BTreeMap<Uuid, Planned>,
}

impl Schedules {
    /// When the next occurrence becomes a plan, on the wall clock.
    pub(super) fn next(&self) -> Option<Moment> {
        self.planned.values().filter_map(|planned| planned.coming.front()).min().map(|begins| begins.before(AHEAD))
    }
}

impl Replica {
    /// Plans of all schedules, after a restart.
    pub(super) fn follow_all(&mut self, now: Now) {
        let all: Vec<Arc<Record>> =
            self.registry.iter().filter(|record| record.kind == Kind::Schedule).cloned().collect();
        self.follow_records(&all, now);
    }

    /// What follows from new versions.
    pub(super) fn follow_records(&mut self, records: &[Arc<Record>], now: Now) {
        let records = records.iter().filter(|record| record.kind == Kind::Schedule);
        let mut cancels = Vec::new();
        for record in records {
            let clock = self.facts.rules.clock(now.wall, self.ledger.limit());
            let held = self.ledger.iter().map(|entry| &entry.notification);
            cancels.extend(held.filter_map(|plan| cancel(plan, record)));
            self.schedules.planned.remove(&record.id);
            match Schedule::of(record) {
                Ok(Some(schedule)) => {
                    self.schedules.planned.insert(record.id, Planned::new(record, schedule, clock));
                }
                Ok(None) => {}
                Err(problem) => self.report(Report::UnreadSchedule { id: record.id, problem }),
            }
        }
        self.enter(cancels, now);
        self.plan_ahead(now);
    }

    /// Makes plans of the occurrences that begin soon.
    pub(super) fn plan_ahead(&mut self, now: Now) {
        if self.replaying || self.schedules.next().is_none_or(|next| next > now.wall) {
            return;
        }
        let until = now.wall.after(AHEAD);
        let plans = self.schedules.planned.values_mut().flat_map(|planned| planned.take(until)).collect();
        self.enter(plans, now);
    }

    /// The cancel that a newer version calls for, of a plan that has just come into the ledger.
    pub(super) fn cancel_of(&self, entry: &Entry) -> Option<Arc<Entry>> {
        let from = entry.notification.schedule.as_ref()?;
        let record = self.registry.get(&Key { kind: Kind::Schedule, id: from.id })?;
        cancel(&entry.notification, record)
    }

    /// Into the inbox, unless they are known or dead.
    pub(super) fn enter(&mut self, entries: Vec<Arc<Entry>>, now: Now) {
        let news: Vec<_> = entries.into_iter().filter(|entry| !self.ledger.has_outlived(entry)).collect();
        if !news.is_empty() {
            self.absorb_entries(self.facts.me, news, now, Label::Schedule);
        }
    }
}
