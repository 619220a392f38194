//! One closing or advisory that counts, as the board shows it.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::{Holds, encoded};
use crate::{
    actors::desk::CauseView,
    availability::{Entry, Speaker, Target},
    control::console::{
        when::{Face, When},
        words::{self, Titles},
    },
};

/// Receipts by notification, as far as they came in time.
pub(crate) type Receipts = HashMap<Uuid, Holds>;

/// Another row of the board that is the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// What it is called.
    pub title: String,
    /// Where it stands on the page.
    pub anchor: String,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct CauseLine {
    /// Where the closing itself is shown, if that is another row.
    pub elsewhere: Option<Elsewhere>,
    /// Why.
    pub reason: String,
    /// The failed part.
    pub component: Option<String>,
    /// For users.
    pub message: Option<String>,
    /// Since when.
    pub since: When,
    /// How long ago.
    pub since_words: String,
    /// When it should be back.
    pub back: Option<When>,
    /// "in 2 h", or by how much it is overdue.
    pub back_words: String,
    /// It should be back and is not.
    pub overdue: bool,
    /// Who reported it.
    pub by: String,
    /// On which nodes it is active; empty: not known.
    pub holds: String,
    /// A node has not confirmed.
    pub waiting: bool,
    /// For some requests only: which.
    pub criteria: Vec<String>,
    /// Of the notification.
    pub id: String,
    /// Made by an operator: it can be extended, and marked as available again.
    pub operators: bool,
    /// It works, but not as it should.
    pub advisory: bool,
    /// The heading of the row, for those who hear the page.
    pub of: String,
}

/// What the lines of a board are made with.
pub(super) struct Lines<'a> {
    pub(super) receipts: &'a Receipts,
    pub(super) titles: &'a Titles,
    pub(super) face: &'a Face,
    pub(super) past: &'a super::Past,
}

impl Lines<'_> {
    /// A cause in the row of `row`, whose heading is `of`.
    pub(super) fn cause(&self, cause: &CauseView, row: &Target, of: &str) -> CauseLine {
        let (n, face) = (&cause.entry.notification, self.face);
        let elsewhere = (cause.layer != "own" && cause.target != *row).then(|| Elsewhere {
            title: words::capital(&self.titles.of(&cause.target)),
            anchor: anchor(&cause.target),
        });
        let overdue = n.expected_back_at.is_some_and(|back| back <= face.now);
        let back_words = n.expected_back_at.map_or_else(String::new, |back| match overdue {
            true => format!("overdue by {}", face.since(back)),
            false => format!("in {}", face.until(back)),
        });
        let holds = self.receipts.get(&n.id);
        CauseLine {
            elsewhere,
            reason: words::reason(&n.reason),
            component: n.component.clone(),
            message: n.message.clone(),
            since: face.show(cause.since),
            since_words: format!("for {}", face.since(cause.since)),
            back: n.expected_back_at.map(|back| face.show(back)),
            back_words,
            overdue,
            by: words::author(n),
            holds: holds.map_or_else(String::new, Holds::words),
            waiting: holds.is_some_and(|holds| !holds.waiting.is_empty()),
            criteria: n.criteria.as_ref().map_or_else(Vec::new, words::criteria),
            id: n.id.to_string(),
            operators: is_operators(&cause.entry),
            advisory: n.degraded,
            of: of.to_owned(),
        }
    }
}

/// An operator's statement, which another operator may change or cancel.
pub(super) fn is_operators(entry: &Entry) -> bool {
    let n = &entry.notification;
    Speaker::of(n.source, n.reporter.as_deref()) == Speaker::Operators
}

/// Where something stands on the board.
pub(crate) fn anchor(target: &Target) -> String {
    target.to_string().replace(':', "-")
}

/// The form that marks these as available.
pub(super) fn open_href(targets: &[&Target]) -> String {
    let targets: Vec<String> =
        targets.iter().map(|target| format!("target={}", encoded(&target.to_string()))).collect();
    format!("/notify?{}&status=available", targets.join("&"))
}
