//! The answer of `/api/v1/availability` as tables.

use std::fmt::Write as _;

use serde::Deserialize;

use super::super::logging::escaped;
use super::super::show::{Cell, Screen, Table, Tone, back_at, relative};
use crate::availability::Moment;

/// Everything. What a later version adds is passed over, what is missing is shown as nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Board {
    applications: Vec<Row>,
    resources: Vec<Row>,
    system: Vec<Statement>,
}

/// One application or resource.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Row {
    application: Option<String>,
    resource: Option<String>,
    title: Option<String>,
    available: bool,
    reason: Option<String>,
    component: Option<String>,
    message: Option<String>,
    operator: Option<String>,
    since: Option<Moment>,
    expected_back_at: Option<Moment>,
    causes: Vec<Statement>,
    partial: Vec<Statement>,
    advisories: Vec<Statement>,
    upcoming: Vec<Statement>,
}

/// A closing that counts, or one that has not begun.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Statement {
    id: Option<String>,
    target: Option<String>,
    reason: Option<String>,
    operator: Option<String>,
    reporter: Option<String>,
    since: Option<Moment>,
    goes_down_at: Option<Moment>,
    expected_back_at: Option<Moment>,
    message: Option<String>,
    criteria: Option<serde_json::Value>,
}

impl Statement {
    fn who(&self) -> &str {
        let who = self.operator.as_deref().or(self.reporter.as_deref());
        who.unwrap_or_default()
    }
}

impl Row {
    fn name(&self) -> &str {
        let name = self.application.as_deref().or(self.resource.as_deref());
        name.unwrap_or("?")
    }

    fn state(&self) -> Cell {
        match (self.available, self.partial.is_empty(), self.advisories.is_empty()) {
            (false, ..) => Cell::new("unavailable").tone(Tone::Bad),
            (true, false, _) => Cell::new("partly").tone(Tone::Warning),
            (true, true, false) => Cell::new("degraded").tone(Tone::Warning),
            (true, true, true) => Cell::new("available").tone(Tone::Good),
        }
    }

    fn who(&self) -> String {
        let first = self.causes.first().map(Statement::who);
        let first = first.filter(|who| !who.is_empty());
        let who = first.or(self.operator.as_deref()).unwrap_or_default();
        match self.causes.len() {
            0 | 1 => who.to_owned(),
            causes => format!("{who} and {} more", causes - 1),
        }
    }
}

const HEAD: [&str; 6] = ["", "STATE", "REASON", "SINCE", "BACK", "WHO"];

/// The board: applications, resources, the system, what is closed in part and what is planned.
pub(crate) fn all(board: &Board, screen: &Screen) -> String {
    let mut text = String::new();
    for (kind, rows) in [("APPLICATION", &board.applications), ("RESOURCE", &board.resources)] {
        let mut head = HEAD;
        head[0] = kind;
        let mut table = Table::new(&head);
        for row in rows {
            add(&mut table, row, screen);
        }
        section(&mut text, &table, screen);
    }
    if text.is_empty() {
        text.push_str("No applications and no resources are configured.\n");
    }
    let mut system = Table::new(&["SYSTEM CLOSED", "SINCE", "BACK", "WHO"]);
    for said in &board.system {
        let now = screen.now();
        system.row([
            Cell::new(said.reason.as_deref().unwrap_or_default()).tone(Tone::Bad),
            said.since.map(|t| relative(now, t)).unwrap_or_default().into(),
            back(said.expected_back_at, screen),
            said.who().into(),
        ]);
    }
    section(&mut text, &system, screen);
    let rows: Vec<&Row> = board.applications.iter().chain(&board.resources).collect();
    details(&mut text, &rows, screen);
    text
}

/// One application, with what users are told and each cause.
pub(crate) fn one(row: &Row, screen: &Screen) -> String {
    let mut text = String::new();
    let mut head = HEAD;
    head[0] = "APPLICATION";
    let mut table = Table::new(&head);
    add(&mut table, row, screen);
    section(&mut text, &table, screen);
    let named = [("title", &row.title), ("component", &row.component), ("message", &row.message)];
    for (name, value) in named {
        if let Some(value) = value {
            // writing to a String cannot fail
            let _ = writeln!(text, "{name}: {}", escaped(value));
        }
    }
    let mut causes = Table::new(&["CAUSE", "REASON", "SINCE", "BACK", "WHO", "NOTIFICATION"]);
    for cause in &row.causes {
        causes.row([
            cause.target.as_deref().unwrap_or_default().into(),
            cause.reason.as_deref().unwrap_or_default().into(),
            cause.since.map(|t| relative(screen.now(), t)).unwrap_or_default().into(),
            back(cause.expected_back_at, screen),
            cause.who().into(),
            cause.id.as_deref().unwrap_or_default().into(),
        ]);
    }
    section(&mut text, &causes, screen);
    details(&mut text, &[row], screen);
    text
}

fn add(table: &mut Table, row: &Row, screen: &Screen) {
    let since = row.since.map(|since| relative(screen.now(), since));
    table.row([
        row.name().into(),
        row.state(),
        row.reason.as_deref().unwrap_or_default().into(),
        since.unwrap_or_default().into(),
        back(row.expected_back_at, screen),
        row.who().into(),
    ]);
}

fn back(time: Option<Moment>, screen: &Screen) -> Cell {
    let Some(time) = time else {
        return Cell::default();
    };
    let cell = Cell::new(back_at(screen.now(), time));
    match time > screen.now() {
        true => cell,
        false => cell.tone(Tone::Warning),
    }
}

/// What is closed for some requests only, what is degraded, and what has not begun: each statement with the name that
/// it holds for.
fn details(text: &mut String, rows: &[&Row], screen: &Screen) {
    let now = screen.now();
    let mut partial = Table::new(&["CLOSED IN PART", "REASON", "SINCE", "WHO", "ONLY FOR"]);
    let mut degraded = Table::new(&["DEGRADED", "REASON", "SINCE", "WHO", "MESSAGE"]);
    let mut upcoming = Table::new(&["PLANNED", "REASON", "BEGINS", "BACK", "WHO", "NOTIFICATION"]);
    for row in rows {
        for said in &row.partial {
            let criteria = said.criteria.as_ref().map(ToString::to_string);
            partial.row([
                row.name().into(),
                said.reason.as_deref().unwrap_or_default().into(),
                said.since.map(|t| relative(now, t)).unwrap_or_default().into(),
                said.who().into(),
                criteria.unwrap_or_default().into(),
            ]);
        }
        for said in &row.advisories {
            degraded.row([
                row.name().into(),
                said.reason.as_deref().unwrap_or_default().into(),
                said.since.map(|t| relative(now, t)).unwrap_or_default().into(),
                said.who().into(),
                said.message.as_deref().unwrap_or_default().into(),
            ]);
        }
        for said in &row.upcoming {
            upcoming.row([
                row.name().into(),
                said.reason.as_deref().unwrap_or_default().into(),
                said.goes_down_at.map(|t| back_at(now, t)).unwrap_or_default().into(),
                back(said.expected_back_at, screen),
                said.who().into(),
                said.id.as_deref().unwrap_or_default().into(),
            ]);
        }
    }
    section(text, &partial, screen);
    section(text, &degraded, screen);
    section(text, &upcoming, screen);
}

/// A table with an empty line before it, if there is something before it.
fn section(text: &mut String, table: &Table, screen: &Screen) {
    if !table.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&table.render(screen.colour));
    }
}
