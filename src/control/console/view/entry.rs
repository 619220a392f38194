//! One notification with all its fields, for the history, for receipts and for the page that cancels
//! planned maintenance.

use super::changes::{Change, changes, ends, last_entry, priority};
use crate::{
    availability::{Entry, Status},
    control::console::{
        when::{Face, When},
        words::{self, Titles},
    },
};

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct EntryView {
    /// Its id.
    pub id: String,
    /// `available`, `degraded`, `unavailable`, `plan` or `cancel`: the icon.
    pub kind: &'static str,
    /// In one line.
    pub headline: String,
    /// When it was made.
    pub timestamp: When,
    /// Who reported it; always shown.
    pub by: String,
    /// Why; absent where nothing is closed or degraded.
    pub reason: Option<String>,
    /// The failed part.
    pub component: Option<String>,
    /// For users.
    pub message: Option<String>,
    /// When it begins; for closings, what cancels them, and advisories.
    pub begins: Option<When>,
    /// When it should be back.
    pub back: Option<When>,
    /// It is for some requests only: one phrase per kind of criteria.
    pub criteria: Vec<String>,
    /// What is different from the plan or the closing before it.
    pub changes: Vec<Change>,
    /// Everything else: label and text.
    pub more: Vec<(&'static str, String)>,
    /// A plan that can still be changed or cancelled.
    pub open_plan: bool,
    /// A closing that has begun: it can be answered with an opening of the same kind.
    pub closing: bool,
}

impl EntryView {
    /// Of an entry, at the face's present.
    pub(crate) fn new(entry: &Entry, titles: &Titles, face: &Face) -> Self {
        let n = &entry.notification;
        let kind = if n.degraded { "degraded" } else { words::kind(n) };
        let closes = n.status == Some(Status::Unavailable);
        let mut more = Vec::new();
        more.push(("Targets", n.targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
        let tells = closes || n.degraded;
        if tells || n.cancels.is_some() {
            more.push(("Ends", ends(n.restore).to_owned()));
        }
        if let Some(seconds) = n.last_entry_seconds {
            more.push(("Last entry", last_entry(seconds)));
        }
        more.push(("Priority", priority(n.priority).to_owned()));
        more.push(("Source", words::source(n.source).to_owned()));
        more.push(("Accepted by node", n.node.to_string()));
        more.push(("Notification", n.id.to_string()));
        if let Some(plan) = n.cancels {
            more.push(("Cancels", plan.to_string()));
        }
        if let Some(plan) = n.replaces {
            more.push(("Replaces", plan.to_string()));
        }
        if !n.extra.is_empty() {
            // Of a newer version: shown as it is rather than hidden.
            more.push(("Further fields", serde_json::Value::Object(n.extra.clone()).to_string()));
        }
        Self {
            id: n.id.to_string(),
            kind,
            headline: words::headline(entry, titles),
            timestamp: face.show_exactly(n.timestamp),
            by: words::author(n),
            reason: tells.then(|| words::reason(&n.reason)),
            component: n.component.clone(),
            message: n.message.clone(),
            begins: (tells || n.cancels.is_some()).then(|| face.show(n.since())),
            back: n.expected_back_at.map(|back| face.show(back)),
            criteria: n.criteria.as_ref().map_or_else(Vec::new, words::criteria),
            changes: Vec::new(),
            more,
            open_plan: kind == "plan" && n.since() > face.now,
            closing: closes && n.since() <= face.now,
        }
    }

    /// The same, with what is different from `earlier`: a changed plan, or an updated closing.
    pub(crate) fn after(mut self, entry: &Entry, earlier: &Entry, titles: &Titles, face: &Face) -> Self {
        self.changes = changes(&earlier.notification, &entry.notification, titles, face);
        let what = if entry.notification.replaces.is_some() { "Plan changed" } else { "Update" };
        self.headline = format!("{what}: {}", self.headline);
        self
    }
}
