//! The board: every application and resource, what is said of it, and what can be done about it.

use std::collections::HashMap;

use askama::Template;
use uuid::Uuid;

use super::{Chrome, Holds, encoded};
use crate::{
    actors::desk::{Board, BoardRow, CauseView},
    availability::{Entry, Name, Speaker, Target},
    control::console::{
        when::{Face, When},
        words::{self, Titles},
    },
};

/// One closing that counts, or a plan.
#[derive(Debug, Clone)]
pub struct CauseLine {
    /// What is closed, where that is not the row itself.
    pub what: Option<String>,
    /// Why.
    pub reason: String,
    /// The failed part.
    pub component: Option<String>,
    /// For users.
    pub message: Option<String>,
    /// Since when; for a plan, from when on.
    pub since: When,
    /// How long ago; for a plan, in how long.
    pub since_words: String,
    /// When it should be back.
    pub back: Option<When>,
    /// "in 2 h", or by how much it is overdue.
    pub back_words: String,
    /// It should be back and is not.
    pub overdue: bool,
    /// Who said so.
    pub by: String,
    /// On which nodes it holds; empty: not known.
    pub holds: String,
    /// A node has not confirmed.
    pub waiting: bool,
    /// For some requests only: which.
    pub criteria: Vec<String>,
    /// Of the notification.
    pub id: String,
    /// An operator's word: another operator may take it back or edit it.
    pub operators: bool,
}

/// One application or resource.
#[derive(Debug, Clone)]
pub struct Row {
    /// An anchor within the page.
    pub anchor: String,
    /// What users call it.
    pub title: String,
    /// Its name, where that differs.
    pub name: Option<String>,
    /// Marked critical.
    pub critical: bool,
    /// This node runs it.
    pub local: bool,
    /// `available`, `partial` or `unavailable`: icon and colour.
    pub kind: &'static str,
    /// The state in words.
    pub state: &'static str,
    /// Why it is unavailable.
    pub causes: Vec<CauseLine>,
    /// What is closed for some requests only.
    pub partial: Vec<CauseLine>,
    /// What will be.
    pub upcoming: Vec<CauseLine>,
    /// "Uses mail-store" or "Used by Mail and Chat"; empty: nothing.
    pub uses: String,
    /// Where the form is, filled in with what would open this: where only resources keep it
    /// closed, the resources, for saying that it is available would change nothing.
    pub open_href: String,
    /// What that link is called.
    pub open_words: String,
    /// The same for the other state.
    pub close_href: String,
}

/// The page.
#[derive(Template)]
#[template(path = "console/board.html")]
pub struct BoardPage {
    /// Around it.
    pub chrome: Chrome,
    /// In one sentence; read aloud when it changes.
    pub summary: String,
    /// Nothing at all is closed.
    pub calm: bool,
    /// What is said of the whole system.
    pub system: Vec<CauseLine>,
    /// Unavailable ones first.
    pub applications: Vec<Row>,
    /// Unavailable ones first.
    pub resources: Vec<Row>,
}

/// Receipts by notification, as far as they came in time.
pub type Receipts = HashMap<Uuid, Holds>;

impl BoardPage {
    /// Of a board and the receipts of what decides on it.
    pub fn new(chrome: Chrome, board: &Board, receipts: &Receipts, titles: &Titles, face: &Face) -> Self {
        let build = Build { receipts, titles, face };
        let applications = build.rows(&board.applications, |name| Target::Application(name.clone()));
        let resources = build.rows(&board.resources, |name| Target::Resource(name.clone()));
        let system: Vec<CauseLine> = board.system.iter().map(|cause| build.cause(cause, &Target::System)).collect();
        let down = |rows: &[Row]| rows.iter().filter(|row| row.kind == "unavailable").count();
        let count = |rows: &[Row], what: &str| match (down(rows), rows.len()) {
            (_, 0) => format!("No {what} is configured"),
            (0, 1) => format!("The only {what} is available"),
            (0, n) => format!("All {n} {what}s are available"),
            (1, n) => format!("1 of {n} {what}s is unavailable"),
            (closed, n) => format!("{closed} of {n} {what}s are unavailable"),
        };
        let mut summary = count(&applications, "application");
        if down(&resources) > 0 {
            summary = format!("{summary}; {}", count(&resources, "resource"));
        }
        let calm = system.is_empty() && down(&applications) + down(&resources) == 0;
        Self { chrome, summary: summary + ".", calm, system, applications, resources }
    }
}

struct Build<'a> {
    receipts: &'a Receipts,
    titles: &'a Titles,
    face: &'a Face,
}

impl Build<'_> {
    fn rows(&self, rows: &[BoardRow], target: impl Fn(&Name) -> Target) -> Vec<Row> {
        let mut rows: Vec<Row> = rows.iter().map(|row| self.row(row, &target(&row.name))).collect();
        let rank = |row: &Row| ["unavailable", "partial", "available"].iter().position(|kind| *kind == row.kind);
        rows.sort_by_key(|row| (rank(row), row.title.to_lowercase()));
        rows
    }

    fn row(&self, row: &BoardRow, target: &Target) -> Row {
        let causes: Vec<CauseLine> = row.causes.iter().map(|cause| self.cause(cause, target)).collect();
        let partial: Vec<CauseLine> = row.partial.iter().map(|cause| self.cause(cause, target)).collect();
        let (kind, state) = match (causes.is_empty(), partial.is_empty()) {
            (false, _) => ("unavailable", "Unavailable"),
            (true, false) => ("partial", "Partly unavailable"),
            (true, true) => ("available", "Available"),
        };
        let name = row.name.to_string();
        let other = |name: &Name| match target {
            Target::Application(_) => name.to_string(),
            _ => self.titles.of(&Target::Application(name.clone())),
        };
        let others: Vec<String> = row.uses.iter().map(other).collect();
        let uses = match (others.is_empty(), target) {
            (true, _) => String::new(),
            (false, Target::Application(_)) => format!("Uses {}", words::list(&others, "and")),
            (false, _) => format!("Used by {}", words::list(&others, "and")),
        };
        let upcoming = row.upcoming.iter().map(|plan| self.plan(plan, target)).collect();
        let target = target.to_string();
        let mut resources: Vec<&Target> =
            row.causes.iter().filter(|cause| cause.layer == "resource").map(|cause| &cause.target).collect();
        resources.dedup();
        let (open, open_words) = match resources.len() {
            n if n == 0 || n < row.causes.len() => {
                (format!("target={}", encoded(&target)), "Say it is available".to_owned())
            }
            n => {
                let open: Vec<String> =
                    resources.iter().map(|target| format!("target={}", encoded(&target.to_string()))).collect();
                let words = match resources[0] {
                    Target::Resource(name) if n == 1 => name.to_string(),
                    _ => "its resources".to_owned(),
                };
                (open.join("&"), format!("Say {words} {} available", if n == 1 { "is" } else { "are" }))
            }
        };
        Row {
            open_href: format!("/notify?{open}&status=available"),
            open_words,
            close_href: format!("/notify?target={}&status=unavailable", encoded(&target)),
            anchor: target.replace(':', "-"),
            title: row.title.clone(),
            name: (row.title != name).then_some(name),
            critical: row.critical,
            local: row.local,
            kind,
            state,
            causes,
            partial,
            upcoming,
            uses,
        }
    }

    fn cause(&self, cause: &CauseView, row: &Target) -> CauseLine {
        let n = &cause.entry.notification;
        // A row's own closing needs no name; the system's banner is a row of its own.
        let what =
            (cause.layer != "own" && cause.target != *row).then(|| words::capital(&self.titles.of(&cause.target)));
        let face = self.face;
        let overdue = n.expected_back_at.is_some_and(|back| back <= face.now);
        let back_words = n.expected_back_at.map_or_else(String::new, |back| match overdue {
            true => format!("overdue by {}", face.since(back)),
            false => format!("in {}", face.until(back)),
        });
        CauseLine {
            what,
            since: face.show(cause.since),
            since_words: format!("for {}", face.since(cause.since)),
            back_words,
            overdue,
            ..self.line(&cause.entry)
        }
    }

    fn plan(&self, entry: &Entry, row: &Target) -> CauseLine {
        let n = &entry.notification;
        // A plan for what the row is part of, or draws on, is edited for all who do.
        let wider = n.targets.iter().filter(|target| !matches!(target, Target::Application(_)));
        let wider: Vec<String> = wider.map(|target| self.titles.of(target)).collect();
        let what = (!n.targets.contains(row) && !wider.is_empty()).then(|| words::list(&wider, "and"));
        let lasts = n.expected_back_at.map(|back| format!("for {}", super::super::when::words(back.since(n.since()))));
        CauseLine {
            what,
            since_words: format!("in {}", self.face.until(n.since())),
            back_words: lasts.unwrap_or_default(),
            ..self.line(entry)
        }
    }

    /// What a cause and a plan have in common.
    fn line(&self, entry: &Entry) -> CauseLine {
        let n = &entry.notification;
        let holds = self.receipts.get(&n.id);
        CauseLine {
            what: None,
            reason: words::reason(&n.reason),
            component: n.component.clone(),
            message: n.message.clone(),
            since: self.face.show(n.since()),
            since_words: String::new(),
            back: n.expected_back_at.map(|back| self.face.show(back)),
            back_words: String::new(),
            overdue: false,
            by: words::author(n),
            holds: holds.map_or_else(String::new, Holds::words),
            waiting: holds.is_some_and(|holds| !holds.waiting.is_empty()),
            criteria: n.criteria.as_ref().map_or_else(Vec::new, words::criteria),
            id: n.id.to_string(),
            operators: Speaker::of(n.source, n.reporter.as_deref()) == Speaker::Operators,
        }
    }
}

/// The notifications whose receipts the board shows: each deciding one once, at most `most`.
pub fn deciding(board: &Board, most: usize) -> Vec<Uuid> {
    let rows = board.applications.iter().chain(&board.resources);
    let mut ids: Vec<Uuid> = rows
        .flat_map(|row| row.causes.iter().chain(&row.partial))
        .chain(&board.system)
        .map(|cause| cause.entry.notification.id)
        .collect();
    ids.sort();
    ids.dedup();
    ids.truncate(most);
    ids
}
