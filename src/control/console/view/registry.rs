//! What the registry keeps, as pages: schedules with their next occurrences, templates, and what is asked before
//! one of them is saved or removed.

use std::collections::HashMap;

use askama::Template;
use uuid::Uuid;

use super::{Chrome, Denial, Shown, preview::denial};
use crate::{
    actors::desk::Board,
    availability::{Entry, Moment, Notification, Record, Schedule, Status},
    control::{
        console::{
            form::{Plain, Recorded},
            when::{Face, When},
            words::{self, Titles},
        },
        preview::{Affected, Preview},
    },
};

/// How many occurrences are shown.
const SHOWN: usize = 10;

/// One occurrence of a schedule.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// The day of the week, in the schedule's zone.
    pub day: String,
    /// When it begins.
    pub begins: When,
    /// The same as a text, for those who hear the page.
    pub text: String,
    /// When it ends.
    pub ends: When,
    /// The plan that it has become.
    pub plan: Option<String>,
    /// It should be a plan and is none.
    pub gone: bool,
}

/// One schedule.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScheduleRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Why it cannot be read; empty: it can.
    pub unread: String,
    /// What it closes.
    pub targets: String,
    /// Why.
    pub reason: String,
    /// How often.
    pub recurs: String,
    /// At what time of day, in which zone.
    pub at: String,
    /// How long each occurrence is.
    pub lasts: String,
    /// How long before newcomers are turned away.
    pub last_entry: Option<String>,
    /// For some requests only: which.
    pub criteria: Vec<String>,
    /// For users.
    pub message: Option<String>,
    /// The next occurrences.
    pub next: Vec<Window>,
    /// Who changed it last.
    pub by: String,
    /// When.
    pub changed: String,
}

/// The plans that stand, by their schedule and beginning.
pub(crate) struct Standing(HashMap<(Uuid, Moment), Uuid>);

impl Standing {
    /// Of what the board has.
    pub(crate) fn of(board: &Board) -> Self {
        let rows = board.applications.iter().chain(&board.resources);
        let plans = rows.flat_map(|row| &row.upcoming).map(|entry| &entry.notification);
        Self(plans.filter_map(|n| Some(((n.schedule.as_ref()?.id, n.since()), n.id))).collect())
    }

    /// How many plans of this schedule stand.
    pub(crate) fn count(&self, schedule: &Uuid) -> usize {
        self.0.keys().filter(|(id, _)| id == schedule).count()
    }
}

impl ScheduleRow {
    /// Of a record, and of the plans that stand.
    pub(crate) fn new(record: &Record, standing: &Standing, titles: &Titles, face: &Face) -> Self {
        let base = Self {
            id: record.id.to_string(),
            title: recorded_title(record),
            by: record.operator.clone().unwrap_or_else(|| "unknown".to_owned()),
            changed: format!("{} ago", face.since(record.stamp.time)),
            ..Self::default()
        };
        let schedule = match Schedule::of(record) {
            Ok(Some(schedule)) => schedule,
            Ok(None) => return base,
            Err(unread) => return Self { unread, ..base },
        };
        let plain = Plain::read(&schedule.rule, schedule.starts);
        let targets: Vec<String> = schedule.targets.iter().map(|target| titles.of(target)).collect();
        // Every node turns what begins within 14 days into plans; a little later is soon enough to miss one.
        let planned = face.now.after(std::time::Duration::from_secs(14 * 86_400 - 3_600));
        let window = |begins: Moment| {
            let plan = standing.0.get(&(record.id, begins)).map(Uuid::to_string);
            Window {
                day: begins.to_datetime().with_timezone(&schedule.time_zone).format("%A").to_string(),
                begins: face.show(begins),
                text: face.field(begins).replace('T', " "),
                ends: face.show(schedule.ends(begins)),
                gone: plan.is_none() && begins < planned,
                plan,
            }
        };
        let clock = schedule.starts.format("at %H:%M");
        Self {
            targets: words::capital(&words::list(&targets, "and")),
            reason: words::reason(&schedule.reason),
            recurs: plain.map_or_else(|| schedule.rule.clone(), |plain| plain.words(schedule.starts)),
            at: format!("{clock} ({})", schedule.time_zone.name()),
            lasts: words::length(schedule.duration_seconds),
            last_entry: schedule.last_entry_seconds.map(words::length),
            criteria: schedule.criteria.as_ref().map_or_else(Vec::new, words::criteria),
            message: schedule.message.clone(),
            next: schedule.begins(face.now.max(record.stamp.time)).take(SHOWN).map(window).collect(),
            ..base
        }
    }
}

fn recorded_title(record: &Record) -> String {
    let title = record.value.as_ref().and_then(|value| value.get("title")).and_then(|title| title.as_str());
    title.unwrap_or("(without a title)").to_owned()
}

/// All schedules, by their next occurrence.
#[derive(Template)]
#[template(path = "console/schedules.html")]
pub(crate) struct SchedulesPage {
    /// Around it.
    pub chrome: Chrome,
    /// In one sentence.
    pub summary: String,
    /// This page's.
    pub rows: Vec<ScheduleRow>,
    /// Where further ones are.
    pub more: Option<String>,
    /// What was just done.
    pub notice: Option<String>,
}

impl SchedulesPage {
    /// Of `all` schedules, those on this page.
    pub(crate) fn new(chrome: Chrome, all: usize, rows: Vec<ScheduleRow>, more: Option<String>) -> Self {
        Self { chrome, summary: summary(all, "schedule"), rows, more, notice: None }
    }
}

fn summary(count: usize, what: &str) -> String {
    match count {
        0 => format!("There is no {what} yet."),
        1 => format!("1 {what}."),
        n => format!("{n} {what}s."),
    }
}

/// One template.
#[derive(Debug, Clone)]
pub(crate) struct TemplateRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// What a notification from it would state.
    pub what: String,
    /// Why.
    pub reason: String,
    /// How long; empty: not known.
    pub lasts: String,
    /// For some requests only: which.
    pub criteria: Vec<String>,
    /// For users.
    pub message: Option<String>,
    /// Who changed it last.
    pub by: String,
    /// When.
    pub changed: String,
}

impl TemplateRow {
    /// Of a record.
    pub(crate) fn new(record: &Record, recorded: Option<Recorded>, titles: &Titles, face: &Face) -> Self {
        let (mut what, mut reason) = ("This version of Forewarn cannot read it".to_owned(), String::new());
        let (mut criteria, mut message, mut lasts) = (Vec::new(), None, String::new());
        if let Some(recorded) = recorded {
            let n = recorded.statement;
            let entry = Entry::stamped(n, 0, crate::availability::NodeId::NONE);
            let n = &entry.notification;
            what = words::headline(&entry, titles);
            reason = if n.status == Some(Status::Available) && !n.degraded { String::new() } else { recorded.reason };
            lasts = recorded.seconds.map(words::length).unwrap_or_default();
            criteria = n.criteria.as_ref().map_or_else(Vec::new, words::criteria);
            message.clone_from(&n.message);
        }
        Self {
            id: record.id.to_string(),
            title: recorded_title(record),
            what,
            reason,
            lasts,
            criteria,
            message,
            by: record.operator.clone().unwrap_or_else(|| "unknown".to_owned()),
            changed: format!("{} ago", face.since(record.stamp.time)),
        }
    }
}

/// All templates, by their titles.
#[derive(Template)]
#[template(path = "console/templates.html")]
pub(crate) struct TemplatesPage {
    /// Around it.
    pub chrome: Chrome,
    /// In one sentence.
    pub summary: String,
    /// This page's.
    pub rows: Vec<TemplateRow>,
    /// Where further ones are.
    pub more: Option<String>,
    /// What was just done.
    pub notice: Option<String>,
}

impl TemplatesPage {
    /// Of `all` templates, those on this page.
    pub(crate) fn new(chrome: Chrome, all: usize, rows: Vec<TemplateRow>, more: Option<String>) -> Self {
        Self { chrome, summary: summary(all, "template"), rows, more, notice: None }
    }
}

/// Asks before a schedule or template is removed.
#[derive(Template)]
#[template(path = "console/remove.html")]
pub(crate) struct RemovePage {
    /// Around it.
    pub chrome: Chrome,
    /// "the schedule" or "the template".
    pub what: &'static str,
    /// What it is called.
    pub title: String,
    /// What happens then.
    pub text: String,
    /// Where the form is sent.
    pub action: &'static str,
    /// Where the list is.
    pub back: &'static str,
    /// Of the record.
    pub id: String,
}

impl RemovePage {
    /// Of this record, of which so many plans stand.
    pub(crate) fn new(chrome: Chrome, record: &Record, plans: usize) -> Self {
        let is_schedule = record.kind == crate::availability::Kind::Schedule;
        let text = match (is_schedule, plans) {
            (false, _) => "It is removed on every node. Notifications that were made from it stay.".to_owned(),
            (true, 0) => "It is removed on every node. It has no plans at present.".to_owned(),
            (true, 1) => "It is removed on every node, and its plan that has not begun is cancelled.".to_owned(),
            (true, n) => format!("It is removed on every node, and its {n} plans that have not begun are cancelled."),
        };
        Self {
            chrome,
            what: if is_schedule { "the schedule" } else { "the template" },
            title: recorded_title(record),
            text,
            action: if is_schedule { "/schedules/remove" } else { "/templates/remove" },
            back: if is_schedule { "/schedules" } else { "/templates" },
            id: record.id.to_string(),
        }
    }
}

/// Shows what a schedule would do, with the button that saves it.
#[derive(Template)]
#[template(path = "console/schedule-preview.html")]
pub(crate) struct SchedulePreview {
    /// Around it.
    pub chrome: Chrome,
    /// The whole form again.
    pub hidden: Vec<(String, String)>,
    /// The schedule.
    pub row: ScheduleRow,
    /// How many plans of the current version are cancelled.
    pub replaces: usize,
    /// Whose users notice.
    pub affected: Vec<Affected>,
    /// What users of the first one will read.
    pub denial: Option<Denial>,
    /// The whole page.
    pub shown: Shown,
    /// What may not have been meant.
    pub warnings: Vec<String>,
}

impl SchedulePreview {
    /// Of a schedule whose first occurrence would be this plan.
    pub(crate) fn new(
        chrome: Chrome,
        hidden: Vec<(String, String)>,
        row: ScheduleRow,
        (plan, preview): (&Notification, Preview),
        replaces: usize,
        (face, languages): (&Face, Vec<(String, String)>),
    ) -> Self {
        let shown = Shown::new(&preview, languages);
        let Preview { affected, warnings, .. } = preview;
        let denial = affected.first().map(|one| denial(plan, &one.title, face));
        Self { chrome, hidden, row, replaces, affected, denial, shown, warnings }
    }
}
