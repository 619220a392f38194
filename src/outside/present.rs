//! One application as it is now, for anybody.

use std::sync::Arc;

use crate::{
    answer::{Snapshot, general, is_general, partial},
    availability::{Entry, Moment, Name, Reason},
};

/// How an application is, in Statuspage's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing is known against it.
    Operational,
    /// It is closed as planned.
    Maintenance,
    /// It works, but not as it should.
    Degraded,
    /// Some requests are turned away.
    Partial,
    /// It is down.
    Major,
}

impl State {
    /// As a component's `status`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Maintenance => "under_maintenance",
            Self::Degraded => "degraded_performance",
            Self::Partial => "partial_outage",
            Self::Major => "major_outage",
        }
    }

    /// The messages for people: of one application, and of all together where this is the worst.
    pub(super) fn messages(self) -> [&'static str; 2] {
        match self {
            Self::Operational => ["state-operational", "status-operational"],
            Self::Maintenance => ["state-maintenance", "status-maintenance"],
            Self::Degraded => ["state-degraded", "status-degraded"],
            Self::Partial => ["state-partial", "status-partial"],
            Self::Major => ["state-major", "status-major"],
        }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Present {
    /// What programs call it.
    pub name: Name,
    /// What people call it.
    pub title: String,
    /// How it is.
    pub state: State,
    /// Since when it is not open in general.
    pub since: Option<Moment>,
    /// When it should be open again.
    pub back: Option<Moment>,
    /// The notification that says so first.
    pub cause: Option<Arc<Entry>>,
    /// Plans for everybody that have not begun.
    pub upcoming: Vec<Arc<Entry>>,
}

impl Present {
    /// From the application's snapshot.
    pub fn of(snapshot: &Snapshot, clock: Moment) -> Self {
        let (weighed, node) = (snapshot.weighed_at(clock), snapshot.node());
        let verdict = general(&weighed, node);
        let partly = partial(&weighed, node);
        let cause = verdict.first().map(|cause| &cause.entry);
        let cause = cause.or_else(|| Some(&partly.first()?.entry));
        let cause = cause.or_else(|| Some(&verdict.advisories.first()?.entry)).cloned();
        let state = match (verdict.is_open(), &cause) {
            (false, Some(entry)) if is_planned(entry) => State::Maintenance,
            (false, _) => State::Major,
            (true, _) if !partly.is_empty() => State::Partial,
            (true, _) if !verdict.advisories.is_empty() => State::Degraded,
            (true, _) => State::Operational,
        };
        let mut upcoming = weighed.upcoming();
        upcoming.retain(|plan| is_general(plan.notification.criteria.as_ref(), node.as_str()));
        Self {
            name: snapshot.app().name().clone(),
            title: snapshot.app().title.clone(),
            state,
            since: verdict.since().or_else(|| Some(cause.as_ref()?.notification.since())),
            back: verdict.expected_back_at(),
            cause,
            upcoming,
        }
    }
}

/// Whether a closing was planned, by its kind or by its reason.
pub(super) fn is_planned(entry: &Entry) -> bool {
    entry.notification.is_plan() || entry.notification.reason.name.as_str() == "planned-maintenance"
}

/// A reason for people: the site's title for it, or its name in words.
pub(super) fn reason(reason: &Reason) -> String {
    match (&reason.title, reason.code) {
        (Some(title), _) => title.clone(),
        (None, 0) => "cause not known yet".to_owned(),
        (None, _) => reason.name.as_str().replace('-', " "),
    }
}
