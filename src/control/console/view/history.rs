//! What was reported, newest first.

use std::{collections::HashSet, sync::Arc};

use askama::Template;
use chrono_tz::Tz;
use uuid::Uuid;

use super::{Chrome, EntryView, encoded};
use crate::{
    actors::desk::{HistoryPage, HistoryQuery, Kind},
    availability::{Entry, Notification},
    control::console::{
        form::{Pairs, first},
        when::{Face, read_day},
        words::Titles,
    },
};

/// What the list is limited to, as it was asked for. Empty: everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// A text to look for.
    pub search: String,
    /// An application's name.
    pub application: String,
    /// A kind of statement.
    pub kind: String,
    /// A source.
    pub source: String,
    /// An operator.
    pub operator: String,
    /// The first day, in the operators' zone.
    pub from: String,
    /// The last day.
    pub to: String,
    /// The cursor; empty: the newest.
    pub before: String,
}

impl Filter {
    /// From the query of an address.
    pub(crate) fn read(query: &Pairs) -> Self {
        let text = |name| first(query, name).trim().chars().take(200).collect::<String>();
        Self {
            search: text("q"),
            application: text("application"),
            kind: text("kind"),
            source: text("source"),
            operator: text("operator"),
            from: text("from"),
            to: text("to"),
            before: text("before"),
        }
    }

    /// What to ask for, and what of it cannot be read.
    pub(crate) fn query(&self, limit: usize, zone: Tz) -> (HistoryQuery, Vec<String>) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut problems = Vec::new();
        let mut day = |label, text: &str, later| match read_day(text, zone, later) {
            Ok(moment) => moment,
            Err(problem) => {
                problems.push(format!("“{label}” {problem}."));
                None
            }
        };
        let (after, end) = (day("From", &self.from, false), day("To", &self.to, true));
        let query = HistoryQuery {
            application: some(&self.application),
            source: some(&self.source),
            operator: some(&self.operator),
            kind: Kind::ALL.into_iter().find(|kind| kind.name() == self.kind),
            search: some(&self.search),
            after,
            before: some(&self.before).or_else(|| Some(end?.to_string())),
            limit,
        };
        (query, problems)
    }

    /// The address of a page with another cursor.
    fn href(&self, page: &str, before: &str) -> String {
        let members = [
            ("q", self.search.as_str()),
            ("application", &self.application),
            ("kind", &self.kind),
            ("source", &self.source),
            ("operator", &self.operator),
            ("from", &self.from),
            ("to", &self.to),
            ("before", before),
        ];
        let written: Vec<String> = members
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        if written.is_empty() { page.to_owned() } else { format!("{page}?{}", written.join("&")) }
    }

    /// Something is left out.
    pub(crate) fn is_set(&self) -> bool {
        let Self { before: _, search, application, kind, source, operator, from, to } = self;
        [search, application, kind, source, operator, from, to].iter().any(|text| !text.is_empty())
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/history.html")]
pub(crate) struct HistoryView {
    /// Around it.
    pub chrome: Chrome,
    /// What it is limited to.
    pub filter: Filter,
    /// Names and titles of applications, to choose from.
    pub applications: Vec<(String, String)>,
    /// This page's.
    pub entries: Vec<EntryView>,
    /// Where older ones are.
    pub next: Option<String>,
    /// Where the newest are, if these are not.
    pub newest: Option<String>,
    /// Everything that the filters let through, as a file.
    pub csv: String,
    /// Kinds of statements, to choose from: value and label.
    pub kinds: [(&'static str, &'static str); 4],
    /// Why nothing can be shown.
    pub problem: Option<String>,
}

impl HistoryView {
    /// Of a page of the history, or of the reason why there is none.
    pub(crate) fn new(
        chrome: Chrome,
        filter: Filter,
        applications: Vec<(String, String)>,
        page: Result<HistoryPage, String>,
        titles: &Titles,
        face: &Face,
    ) -> Self {
        let (page, problem) = match page {
            Ok(page) => (page, None),
            Err(problem) => (HistoryPage::default(), Some(problem)),
        };
        Self {
            next: page.next.as_deref().map(|cursor| filter.href("/history", cursor)),
            newest: (!filter.before.is_empty()).then(|| filter.href("/history", "")),
            entries: shown(&page, titles, face),
            csv: filter.href("/history.csv", ""),
            kinds: [
                ("unavailable", "Unavailable"),
                ("plan", "Planned maintenance"),
                ("available", "Available"),
                ("cancel", "Cancelled plans"),
            ],
            chrome,
            filter,
            applications,
            problem,
        }
    }
}

/// Each statement once: the cancel that a changed plan brings with it is part of the change.
fn shown(page: &HistoryPage, titles: &Titles, face: &Face) -> Vec<EntryView> {
    let changed = page.entries.iter().map(|entry| &entry.notification).filter(|n| n.replaces.is_some());
    let part_of_change: HashSet<Uuid> = changed.map(|n| Notification::id_of_cancel(&n.id)).collect();
    let entries = page.entries.iter().filter(|entry| !part_of_change.contains(&entry.notification.id));
    let view = |entry: &Arc<Entry>| {
        let view = EntryView::new(entry, titles, face);
        match page.earlier.get(&entry.notification.id) {
            Some(earlier) => view.after(entry, earlier, titles, face),
            None => view,
        }
    };
    entries.map(view).collect()
}
