//! What was said, newest first.

use askama::Template;

use super::{Chrome, EntryView, encoded};
use crate::{
    actors::desk::HistoryPage,
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
            next: page.next.map(|cursor| filter.href(&cursor)),
            newest: (!filter.before.is_empty()).then(|| filter.href("")),
            entries: page.entries.iter().map(|entry| EntryView::new(entry, titles, face)).collect(),
            chrome,
            filter,
            applications,
            problem,
        }
    }
}
