//! The board: every application and resource, what is reported of it, and what can be done about it.
//!
//! What needs attention comes first, critical applications before others; of much, the rest is one line each. What is
//! available is one line each, and folded away where there is much of it. Each plan is listed once, with everything
//! that it will close.

mod cause;
mod monitors;
mod plan;
mod timeline;

use askama::Template;
use uuid::Uuid;

use self::cause::{Lines, open_href};
pub(crate) use self::{
    cause::{CauseLine, Receipts, anchor},
    monitors::Monitors,
    plan::{PlanCard, PlansPage, planned, plans},
    timeline::{BACK, Past, Timeline},
};
use super::{Chrome, FarmState, encoded};
use crate::{
    actors::desk::{Board, BoardRow, CauseView, MonitorView},
    availability::{Moment, Name, Target},
    control::console::{
        when::{Face, When},
        words::{self, Titles},
    },
};

/// Up to this many lines are shown unfolded, and found without a search.
const FEW: usize = 12;
/// So many rows that need attention are shown with everything that is known about them.
const WHOLE: usize = 7;
/// How many plans are on the board; the page of plans has all of them.
const PLANS: usize = 6;

/// One application or resource.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// An anchor within the page.
    pub anchor: String,
    /// What users call it.
    pub title: String,
    /// Its name, where that differs.
    pub name: Option<String>,
    /// What a search looks at.
    pub text: String,
    /// Marked critical.
    pub critical: bool,
    /// This node runs it.
    pub local: bool,
    /// `available`, `degraded`, `partial` or `unavailable`: icon and colour.
    pub kind: &'static str,
    /// The state in words.
    pub state: &'static str,
    /// Why it is unavailable.
    pub causes: Vec<CauseLine>,
    /// What is closed for some requests only.
    pub partial: Vec<CauseLine>,
    /// Why it works, but not as it should.
    pub degraded: Vec<CauseLine>,
    /// When the next plan for it begins, other than one for the whole system.
    pub next: Option<When>,
    /// "Uses mail-store" or "Used by Mail and Chat"; empty: nothing.
    pub uses: String,
    /// Where the form is, filled in with what would open this: where only resources keep it
    /// closed, the resources, for marking this one as available would change nothing.
    pub open_href: String,
    /// What that link is called.
    pub open_words: String,
    /// The form for reporting that it is unavailable.
    pub close_href: String,
    /// The application that testers can be let into although it is closed.
    pub pass: Option<String>,
    /// The target, for the form about several.
    pub target: String,
    /// Its last day and its next week; for applications.
    pub timeline: Option<Timeline>,
}

impl Row {
    /// It needs attention.
    pub(crate) fn is_wrong(&self) -> bool {
        self.kind != "available"
    }

    /// What stands beside the state in a line: why, of what is wrong by itself; else what it is connected with.
    pub(crate) fn aside(&self) -> &str {
        let cause = self.causes.iter().chain(&self.partial).chain(&self.degraded).next();
        cause.filter(|_| !self.is_as_the_system()).map_or(&self.uses, |cause| &cause.reason)
    }

    /// There is no more to tell of it than of the whole system.
    fn is_as_the_system(&self) -> bool {
        let system = anchor(&Target::System);
        let is_system = |cause: &CauseLine| cause.elsewhere.as_ref().is_some_and(|other| other.anchor == system);
        self.partial.is_empty() && self.causes.iter().chain(&self.degraded).all(is_system)
    }
}

/// Rows of one kind: what needs attention, and the rest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    /// Unavailable ones first.
    pub wrong: Vec<Row>,
    /// Those beyond the first 7, a line each.
    pub more: Vec<Row>,
    /// Unavailable because the whole system is, and for no other reason.
    pub with_system: Vec<Row>,
    /// Degraded because the whole system is, and for no other reason.
    pub degraded_with_system: Vec<Row>,
    /// By title.
    pub fine: Vec<Row>,
    /// The rest is shown without being asked for.
    pub unfolded: bool,
}

impl Section {
    /// Nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        [&self.wrong, &self.more, &self.with_system, &self.degraded_with_system, &self.fine]
            .iter()
            .all(|rows| rows.is_empty())
    }
}

/// What the board is made of.
pub(crate) struct BoardInput<'a> {
    /// All applications and resources.
    pub board: &'a Board,
    /// Who has what.
    pub receipts: &'a Receipts,
    /// How the farm is.
    pub farm: FarmState,
    /// For names.
    pub titles: &'a Titles,
    /// The operators' zone and the present.
    pub face: &'a Face,
    /// What to look for; empty: everything.
    pub search: &'a str,
    /// The last day of each application.
    pub past: &'a Past,
    /// What this node watches by itself.
    pub monitors: &'a [MonitorView],
}

/// The page.
#[derive(Template)]
#[template(path = "console/board.html", whitespace = "minimize")]
pub(crate) struct BoardPage {
    /// Around it.
    pub chrome: Chrome,
    /// In one sentence; read aloud when it changes.
    pub summary: String,
    /// Nothing is closed, not even in part, and nothing is degraded.
    pub calm: bool,
    /// Nodes that cannot be reached.
    pub farm: FarmState,
    /// What is reported of the whole system.
    pub system: Vec<CauseLine>,
    /// Why the whole system is degraded.
    pub system_degraded: Vec<CauseLine>,
    /// What users ask for.
    pub applications: Section,
    /// What applications draw on.
    pub resources: Section,
    /// The next plans.
    pub plans: Vec<PlanCard>,
    /// How many plans there are beyond those.
    pub more_plans: usize,
    /// What this node watches by itself.
    pub monitors: Monitors,
    /// There is so much that a search is of use.
    pub searchable: bool,
    /// What was looked for.
    pub search: String,
    /// What was just done.
    pub notice: Option<String>,
}

impl BoardPage {
    /// Of what the desk knows.
    pub(crate) fn new(chrome: Chrome, input: BoardInput<'_>) -> Self {
        let BoardInput { board, receipts, farm, titles, face, search, past, monitors } = input;
        let lines = Lines { receipts, titles, face, past };
        let applications = rows(&lines, &board.applications, |name| Target::Application(name.clone()));
        let resources = rows(&lines, &board.resources, |name| Target::Resource(name.clone()));
        let of_system = |causes: &[CauseView]| -> Vec<CauseLine> {
            causes.iter().map(|cause| lines.cause(cause, &Target::System, "the whole system")).collect()
        };
        let (system, system_degraded) = (of_system(&board.system), of_system(&board.system_advisories));
        let calm = system.is_empty()
            && system_degraded.is_empty()
            && !applications.iter().chain(&resources).any(Row::is_wrong);
        let summary = summary(&applications, &resources);
        let many = applications.len() + resources.len();
        let mut plans = plans(board, titles, face);
        let more_plans = plans.len().saturating_sub(PLANS);
        plans.truncate(PLANS);
        let wanted = search.trim().to_lowercase();
        let section = |rows: Vec<Row>| {
            let unfolded = !wanted.is_empty() || rows.len() <= FEW;
            let rows = rows.into_iter().filter(|row| row.text.contains(&wanted));
            let (wrong, fine): (Vec<Row>, Vec<Row>) = rows.partition(Row::is_wrong);
            let (with_system, mut wrong): (Vec<Row>, Vec<Row>) = wrong.into_iter().partition(Row::is_as_the_system);
            let (degraded_with_system, with_system) = with_system.into_iter().partition(|row| row.kind == "degraded");
            let more = wrong.split_off(wrong.len().min(WHOLE));
            Section { wrong, more, with_system, degraded_with_system, fine, unfolded }
        };
        Self {
            chrome,
            summary,
            calm,
            farm,
            system,
            system_degraded,
            applications: section(applications),
            resources: section(resources),
            plans,
            more_plans,
            monitors: Monitors::new(monitors, titles, face),
            searchable: many > FEW,
            search: search.to_owned(),
            notice: None,
        }
    }

    /// Nothing has the name that was looked for.
    pub(crate) fn found_nothing(&self) -> bool {
        !self.search.is_empty() && self.applications.is_empty() && self.resources.is_empty()
    }
}

/// How many of both kinds are unavailable or degraded, in one sentence.
fn summary(applications: &[Row], resources: &[Row]) -> String {
    let (text, _) = count(applications, "application");
    match count(resources, "resource") {
        (resources, true) => format!("{text}; {resources}."),
        _ => format!("{text}."),
    }
}

/// How many rows are closed or degraded, and whether any is.
fn count(rows: &[Row], what: &str) -> (String, bool) {
    let of = |kind: &str| rows.iter().filter(|row| row.kind == kind).count();
    let states = [("unavailable", "unavailable"), ("partial", "partly unavailable"), ("degraded", "degraded")];
    let wrong: Vec<(usize, &str)> =
        states.iter().map(|(kind, words)| (of(kind), *words)).filter(|(n, _)| *n > 0).collect();
    let is = |n: usize| if n == 1 { "is" } else { "are" };
    let text = match (rows.len(), wrong.split_first()) {
        (0, _) => format!("No {what} is configured"),
        (1, None) => format!("The only {what} is available"),
        (n, None) => format!("All {n} {what}s are available"),
        (1, Some(((_, state), _))) => format!("The only {what} is {state}"),
        (all, Some(((n, state), rest))) => {
            let rest: String = rest.iter().map(|(n, state)| format!(", {n} {} {state}", is(*n))).collect();
            format!("{n} of {all} {what}s {} {state}{rest}", is(*n))
        }
    };
    (text, !wrong.is_empty())
}

fn rows(lines: &Lines<'_>, rows: &[BoardRow], target: impl Fn(&Name) -> Target) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.iter().map(|row| self::row(lines, row, &target(&row.name))).collect();
    let rank =
        |row: &Row| ["unavailable", "partial", "degraded", "available"].iter().position(|kind| *kind == row.kind);
    rows.sort_by_key(|row| (rank(row), !row.critical, row.title.to_lowercase()));
    rows
}

fn row(lines: &Lines<'_>, row: &BoardRow, target: &Target) -> Row {
    let line = |cause| lines.cause(cause, target, &row.title);
    let causes: Vec<CauseLine> = row.causes.iter().map(line).collect();
    let partial: Vec<CauseLine> = row.partial.iter().map(line).collect();
    let degraded: Vec<CauseLine> = row.advisories.iter().map(line).collect();
    let (kind, state) = match (causes.is_empty(), partial.is_empty()) {
        (false, _) => ("unavailable", "Unavailable"),
        (true, false) => ("partial", "Partly unavailable"),
        (true, true) if !degraded.is_empty() => ("degraded", "Degraded"),
        (true, true) => ("available", "Available"),
    };
    let name = row.name.to_string();
    let others: Vec<String> = row.uses.iter().map(|name| other(lines.titles, target, name)).collect();
    let uses = match (others.is_empty(), target) {
        (true, _) => String::new(),
        (false, Target::Application(_)) => format!("Uses {}", words::list(&others, "and")),
        (false, _) => format!("Used by {}", words::list(&others, "and")),
    };
    let (open_href, open_words) = opening(row, target);
    // What the whole system is planned for stands above all rows, once.
    let plans = row.upcoming.iter().map(|plan| &plan.notification).filter(|n| !n.targets.contains(&Target::System));
    let next: Option<Moment> = plans.map(|n| n.since()).min();
    Row {
        anchor: anchor(target),
        text: format!("{} {name}", row.title).to_lowercase(),
        title: row.title.clone(),
        name: (row.title != name).then_some(name),
        critical: row.critical,
        local: row.local,
        kind,
        state,
        causes,
        partial,
        degraded,
        next: next.map(|begins| lines.face.show(begins)),
        uses,
        open_href,
        open_words,
        close_href: format!("/notify?target={}&status=unavailable", encoded(&target.to_string())),
        pass: match target {
            Target::Application(name) if kind == "unavailable" && row.local => Some(name.to_string()),
            _ => None,
        },
        timeline: match target {
            Target::Application(_) => Some(Timeline::new(lines.past.of(&row.name), &row.upcoming, lines.face)),
            _ => None,
        },
        target: target.to_string(),
    }
}

/// What a row calls what it is connected with.
fn other(titles: &Titles, row: &Target, name: &Name) -> String {
    match row {
        Target::Application(_) => name.to_string(),
        _ => titles.of(&Target::Application(name.clone())),
    }
}

/// The form that would open a row, and what the link to it is called.
fn opening(row: &BoardRow, target: &Target) -> (String, String) {
    let causes = if row.causes.is_empty() { &row.advisories } else { &row.causes };
    let elsewhere = causes.iter().filter(|cause| cause.layer == "resource" && cause.target != *target);
    let mut resources: Vec<&Target> = elsewhere.map(|cause| &cause.target).collect();
    resources.dedup();
    match &resources[..] {
        [] => (open_href(&[target]), "Mark as available".to_owned()),
        some if some.len() < causes.len() => (open_href(&[target]), "Mark as available".to_owned()),
        [one @ Target::Resource(name)] => (open_href(&[one]), format!("Mark {name} as available")),
        some => (open_href(some), "Mark its resources as available".to_owned()),
    }
}

/// The notifications whose receipts the board shows: each deciding one once, at most `most`.
pub(crate) fn deciding(board: &Board, most: usize) -> Vec<Uuid> {
    let rows = board.applications.iter().chain(&board.resources);
    let mut ids: Vec<Uuid> = rows
        .flat_map(|row| row.causes.iter().chain(&row.partial).chain(&row.advisories))
        .chain(&board.system)
        .chain(&board.system_advisories)
        .map(|cause| cause.entry.notification.id)
        .collect();
    ids.sort();
    ids.dedup();
    ids.truncate(most);
    ids
}
