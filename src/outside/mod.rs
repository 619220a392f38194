//! What the rest of the company reads: the public status page, Statuspage's `summary.json`, an Atom feed, a
//! calendar (docs/contract.md#status-page).
//!
//! ```text
//! record     the last 90 days from the history: outages, and what is not known
//! present    an application now, from its snapshot
//! summary · feed · calendar · page       views of both
//! ```
//!
//! Must stay true: everything here is a view of the one evaluator, so that the page never differs from the gate; it
//! is built from memory, so that it works while everything behind the gate is down. Pure: the time is an argument.

mod calendar;
mod feed;
mod page;
mod present;
mod record;
mod summary;

pub use present::Present;
pub use record::{Day, Outage, Record, Recorder};

use std::{collections::BTreeMap, sync::Arc};

use crate::{availability::Moment, text::Language, vocabulary::StatusSettings};

/// Everything that the views show, at one instant.
#[derive(Debug)]
pub struct Status<'a> {
    /// The configuration.
    pub settings: &'a StatusSettings,
    /// All applications, in the order of the configuration.
    pub applications: Vec<Present>,
    /// The last 90 days.
    pub record: Arc<Record>,
    /// The time of verdicts.
    pub now: Moment,
}

impl Status<'_> {
    /// Statuspage's version 2, `summary.json`.
    pub fn summary(&self) -> serde_json::Value {
        summary::summary(self)
    }

    /// The page.
    pub fn page(&self, language: &Language) -> String {
        page::page(self, language)
    }

    /// `Content-Security-Policy` of the page.
    pub fn policy() -> bytes::Bytes {
        page::policy()
    }

    /// The feed (RFC 4287).
    pub fn feed(&self) -> String {
        feed::feed(self)
    }

    /// What is planned (RFC 5545).
    pub fn calendar(&self) -> String {
        calendar::calendar(self)
    }

    /// What is planned or under way as planned: each plan once, with the titles of what it closes.
    fn plans(&self) -> Vec<Planned<'_>> {
        let mut plans: BTreeMap<(Moment, uuid::Uuid), Planned<'_>> = BTreeMap::new();
        for application in &self.applications {
            let under_way = application.cause.iter().filter(|entry| entry.notification.is_plan());
            for entry in under_way.chain(&application.upcoming) {
                let n = &entry.notification;
                let planned = plans.entry((n.since(), n.id)).or_insert_with(|| Planned { entry, applications: vec![] });
                planned.applications.push(application);
            }
        }
        plans.into_values().collect()
    }
}

/// A plan and what it closes.
struct Planned<'a> {
    entry: &'a Arc<crate::availability::Entry>,
    applications: Vec<&'a Present>,
}

impl Planned<'_> {
    /// `Mail, Shop: planned maintenance`.
    fn title(&self, language: &Language) -> String {
        let titles = self.applications.iter().map(|one| language.application(one.name.as_str(), &one.title));
        let (titles, cause) = (titles.collect::<Vec<_>>().join(", "), language.cause(&self.entry.notification.reason));
        language.tell("labelled", &[("label", &titles), ("value", &cause)])
    }
}

#[cfg(test)]
mod tests;
