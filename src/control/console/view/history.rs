//! What was reported, newest first.

use std::{collections::HashSet, sync::Arc};

use askama::Template;
use uuid::Uuid;

use super::{Chrome, EntryView, encoded};
use crate::{
    actors::desk::HistoryPage,
    availability::{Entry, Notification},
    control::console::{when::Face, words::Titles},
};

/// What the list is limited to, as it was asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// An application's name; empty: all.
    pub application: String,
    /// A source; empty: all.
    pub source: String,
    /// An operator; empty: all.
    pub operator: String,
    /// The cursor; empty: the newest.
    pub before: String,
}

impl Filter {
    /// The page's address with another cursor.
    fn href(&self, before: &str) -> String {
        let members = [
            ("application", self.application.as_str()),
            ("source", &self.source),
            ("operator", &self.operator),
            ("before", before),
        ];
        let written: Vec<String> = members
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        if written.is_empty() { "/history".to_owned() } else { format!("/history?{}", written.join("&")) }
    }

    /// Something is left out.
    pub fn is_set(&self) -> bool {
        !(self.application.is_empty() && self.source.is_empty() && self.operator.is_empty())
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/history.html")]
pub struct HistoryView {
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
    /// Why nothing can be shown.
    pub problem: Option<String>,
}

impl HistoryView {
    /// Of a page of the history, or of the reason why there is none.
    pub fn new(
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
            next: page.next.as_deref().map(|cursor| filter.href(cursor)),
            newest: (!filter.before.is_empty()).then(|| filter.href("")),
            entries: shown(&page, titles, face),
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
