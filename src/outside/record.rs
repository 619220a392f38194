//! The last 90 days: the history of notifications, given to the evaluator in their order.
//!
//! Must stay true: what is not known is said to be unknown, and counts neither as up nor as down. Nothing is known
//! before the first notification that this node has recorded.
//!
//! Cost: for each notification one look at each application that it touches, O(w log w) for its w words; for each
//! outage one step per day that it lasts.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::present::is_planned;
use crate::{
    answer::general,
    availability::{
        Entry, Ledger, Moment, Name, Reason, Rules, Target, Weighed,
        verdict::{Definition, View},
    },
};

/// So far back.
pub(super) const DAYS: u32 = 90;
const DAY: Duration = Duration::from_secs(86_400);
/// The most updates that one outage keeps, the newest.
const UPDATES: usize = 20;
/// The most outages that are kept, the newest.
const OUTAGES: usize = 500;

/// A time in which an application was closed in general.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The application's place in the configuration.
    pub application: usize,
    /// The notification that closed it.
    pub id: Uuid,
    /// When it began.
    pub from: Moment,
    /// When it was over; it lasts where this is absent.
    pub until: Option<Moment>,
    /// It was planned.
    pub planned: bool,
    /// Why.
    pub reason: Reason,
    /// What was said about it, and when; the newest last.
    pub updates: Vec<(Moment, String)>,
}

/// One day (UTC) of one application, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Day {
    /// Of which something is known.
    pub known: u64,
    /// Closed without a plan.
    pub down: u64,
    /// Closed as planned.
    pub maintenance: u64,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Nothing is known before this.
    pub known_since: Option<Moment>,
    /// By their beginning, the newest last; at most 500.
    pub outages: Vec<Outage>,
    /// For each application the 90 days that end with today.
    pub days: Vec<Vec<Day>>,
}

impl Record {
    /// Seconds of an application in all days.
    pub fn total(&self, application: usize) -> Day {
        let days = self.days.get(application).into_iter().flatten();
        days.fold(Day::default(), |sum, day| Day {
            known: sum.known + day.known,
            down: sum.down + day.down,
            maintenance: sum.maintenance + day.maintenance,
        })
    }
}

impl Day {
    /// The share of the known time, less planned maintenance, in which it was open; none where nothing is known.
    pub fn uptime(&self) -> Option<f64> {
        let counted = self.known.saturating_sub(self.maintenance);
        (counted > 0).then(|| 1.0 - self.down.min(counted) as f64 / counted as f64)
    }
}

/// Takes the history, the oldest notification first.
#[derive(Debug)]
pub struct Recorder {
    ledger: Ledger,
    node: Name,
    applications: Vec<Followed>,
    outages: Vec<Outage>,
    known_since: Option<Moment>,
}

#[derive(Debug)]
struct Followed {
    definition: Definition,
    targets: Vec<Target>,
    view: View,
    weighed: Weighed,
    /// The place in `outages` of the one that lasts.
    open: Option<usize>,
}

impl Recorder {
    /// For these applications, as this node decides.
    pub fn new(definitions: Vec<Definition>, node: Name, rules: Rules) -> Self {
        let ledger = Ledger::new(rules);
        let follow = |definition: Definition| {
            let view = View::of(&ledger, &definition);
            Followed { targets: definition.targets(), weighed: view.weigh(Moment::ZERO), view, definition, open: None }
        };
        let applications = definitions.into_iter().map(follow).collect();
        Self { ledger, node, applications, outages: Vec::new(), known_since: None }
    }

    /// What is known at this time from the history, the oldest notification first, and from what stands, which may
    /// be older than the history.
    pub fn of(mut self, mut standing: Vec<Arc<Entry>>, history: &[Arc<Entry>], now: Moment) -> Record {
        standing.retain(|entry| history.first().is_none_or(|oldest| entry.stamp < oldest.stamp));
        standing.sort_by_key(|entry| entry.stamp);
        standing.dedup_by_key(|entry| entry.stamp);
        standing.iter().for_each(|entry| self.stand(entry));
        history.iter().for_each(|entry| self.take(entry));
        self.finish(now)
    }

    /// The next notification of the history.
    pub fn take(&mut self, entry: &Arc<Entry>) {
        self.known_since.get_or_insert(entry.stamp.time);
        self.stand(entry);
    }

    /// A notification that stands, but is older than the history: it makes nothing else known.
    pub fn stand(&mut self, entry: &Arc<Entry>) {
        let at = entry.stamp.time;
        self.pass(at);
        self.ledger.admit(entry);
        let touched = &entry.notification.targets;
        for application in 0..self.applications.len() {
            let followed = &mut self.applications[application];
            if !followed.targets.iter().any(|target| touched.contains(target)) {
                continue;
            }
            followed.view = View::of(&self.ledger, &followed.definition);
            followed.weighed = followed.view.weigh(at);
            self.look(application, at);
            let followed = &self.applications[application];
            if let Some(message) = &entry.notification.message
                && let Some(outage) = followed.open.and_then(|open| self.outages.get_mut(open))
            {
                outage.updates.push((at, message.clone()));
                if outage.updates.len() > UPDATES {
                    outage.updates.remove(0);
                }
            }
        }
    }

    /// Lets time pass: what begins and ends by itself.
    fn pass(&mut self, to: Moment) {
        for application in 0..self.applications.len() {
            while let Some(at) = self.applications[application].weighed.until().filter(|at| *at < to) {
                let followed = &mut self.applications[application];
                followed.weighed = followed.view.weigh(at);
                self.look(application, at);
            }
        }
    }

    /// Begins, continues or ends the outage of an application.
    fn look(&mut self, application: usize, at: Moment) {
        let followed = &mut self.applications[application];
        let verdict = general(&followed.weighed, &self.node);
        match (verdict.first(), followed.open) {
            (Some(cause), None) => {
                let before = self.outages.iter().rev().find(|outage| outage.application == application);
                let floor = before.and_then(|outage| outage.until).unwrap_or(Moment::ZERO);
                followed.open = Some(self.outages.len());
                self.outages.push(Outage {
                    application,
                    id: cause.entry.notification.id,
                    from: cause.since.min(at).max(floor),
                    until: None,
                    planned: is_planned(&cause.entry),
                    reason: cause.entry.notification.reason.clone(),
                    updates: Vec::new(),
                });
            }
            (Some(cause), Some(open)) => {
                let outage = &mut self.outages[open];
                // What began as planned and goes on for another cause is an outage of its own kind from then on.
                outage.reason = cause.entry.notification.reason.clone();
                outage.planned &= is_planned(&cause.entry);
            }
            (None, Some(open)) => {
                self.outages[open].until = Some(at);
                followed.open = None;
            }
            (None, None) => {}
        }
    }

    /// What is known at this time.
    pub fn finish(mut self, now: Moment) -> Record {
        self.pass(now);
        let today = now.millis().div_euclid(DAY.as_millis() as i64);
        let first = today - i64::from(DAYS) + 1;
        let begin = |place: i64| Moment::from_millis((first + place) * DAY.as_millis() as i64);
        let overlap = |place: i64, from: Moment, until: Moment| {
            until.min(begin(place).after(DAY)).min(now).since(from.max(begin(place))).as_secs()
        };
        let known = |place: i64| self.known_since.map_or(0, |since| overlap(place, since, now));
        let known: Vec<Day> = (0..i64::from(DAYS)).map(|place| Day { known: known(place), ..Day::default() }).collect();
        let mut days = vec![known; self.applications.len()];
        for outage in &self.outages {
            let until = outage.until.unwrap_or(now);
            let place =
                |at: Moment| (at.millis().div_euclid(DAY.as_millis() as i64) - first).clamp(0, i64::from(DAYS) - 1);
            for place in place(outage.from)..=place(until) {
                let day = &mut days[outage.application][place as usize];
                let seconds = overlap(place, outage.from, until);
                *if outage.planned { &mut day.maintenance } else { &mut day.down } += seconds;
            }
        }
        for day in days.iter_mut().flatten() {
            day.maintenance = day.maintenance.min(day.known);
            day.down = day.down.min(day.known - day.maintenance);
        }
        let since = Moment::from_millis(first * DAY.as_millis() as i64);
        let mut outages = self.outages;
        outages.retain(|outage| outage.until.is_none_or(|until| until > since));
        outages.sort_by_key(|outage| outage.from);
        outages.drain(..outages.len().saturating_sub(OUTAGES));
        Record { known_since: self.known_since, outages, days }
    }
}
