//! What those who are served hear of a closing that is announced (docs/contract.md#last-entry).

use bytes::Bytes;

use super::general::is_general;
use crate::availability::{Moment, Name, Weighed, verdict::ANNOUNCED};

/// Announced for the next 24 hours on one node; see the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced {
    /// The value of `Forewarn-Next`: the first closing of everybody.
    pub next: Option<Bytes>,
    /// The first one with a last entry.
    pub entry: Option<LastEntry>,
}

/// A user who is served between these two instants is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastEntry {
    /// The plan is announced.
    pub from: Moment,
    /// Newcomers are turned away.
    pub until: Moment,
}

impl Announced {
    pub(super) fn of(weighed: &Weighed, node: &Name, clock: Moment) -> Self {
        let mut announced = Self::default();
        let upcoming = weighed.upcoming();
        let plans = upcoming.iter().map(|entry| &entry.notification);
        for plan in plans.filter(|plan| plan.since().before(ANNOUNCED) <= clock) {
            let begins = plan.since();
            if announced.next.is_none() && is_general(plan.criteria.as_ref(), node.as_str()) {
                announced.next = Some(format!("{}; reason={}", begins.whole_second(), plan.reason.name).into());
            }
            let entry = plan.last_entry().map(|until| LastEntry { from: begins.before(ANNOUNCED), until });
            announced.entry = announced.entry.or(entry);
        }
        announced
    }
}
