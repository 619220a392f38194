//! The effects of a notification, before it is sent: which applications it closes and opens, what it replaces,
//! and possible mistakes. The form's preview and `POST /api/v1/preview` show the same.
//!
//! Pure. What the notification does is decided by the one evaluator ([`Rehearsal`]); the board adds names and what
//! is there now.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::{when, words};
use crate::{
    actors::desk::{Board, BoardRow, NodeView},
    answer::{Effect, Rehearsal},
    availability::{Entry, Moment, Name, Notification, Restore, Status, Target},
    text::english,
};

/// Earlier beginnings than this are worth a word.
const PAST: Duration = Duration::from_secs(60);
/// How many overlapping plans are named.
const OVERLAPS: usize = 5;

/// An application that a closing closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Closes {
    /// Its name.
    pub application: Name,
    /// From when on.
    pub from: Moment,
    /// When it should be back; absent: not known.
    #[schema(required)]
    pub until: Option<Moment>,
    /// What its users read then: the `detail` of a denial.
    pub detail: String,
    /// What people call it.
    #[serde(skip)]
    pub title: String,
}

/// One application that a notification is about, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Affected {
    /// Its name.
    pub name: Name,
    /// What users call it.
    pub title: String,
    /// "named in the notification", "uses mail-store", "part of the system".
    pub how: String,
    /// What it is now, where that matters; empty: nothing.
    pub now: String,
    /// An opening makes it available.
    pub opens: bool,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preview {
    /// Every application that it is about.
    pub affected: Vec<Affected>,
    /// What it closes.
    pub closes: Vec<Closes>,
    /// It notes what it is about as degraded.
    degrades: bool,
    /// Notifications that it takes the place of, or cancels.
    pub replaces: Vec<Uuid>,
    /// What may not have been meant.
    pub warnings: Vec<String>,
}

/// What a preview is made of, beside the rehearsal.
pub(crate) struct Known<'a> {
    /// What is there now.
    pub board: &'a Board,
    /// All nodes.
    pub nodes: &'a [NodeView],
    /// For names.
    pub titles: &'a words::Titles,
    /// The node that answers.
    pub node: &'a Name,
    /// The present.
    pub now: Moment,
}

impl Preview {
    /// Puts into words what was rehearsed.
    pub(crate) fn of(rehearsal: &Rehearsal, known: &Known<'_>) -> Self {
        let Rehearsal { entry, counts, effects, replaces, .. } = rehearsal;
        let n = &entry.notification;
        let rows = known.board.applications.iter();
        let hit = rows.filter_map(|row| Some((row, how(n, row)?, effects.get(&row.name)?)));
        let affected: Vec<Affected> = hit.map(|(row, how, effect)| affected(n, row, how, effect, known)).collect();
        let close = |(name, effect): (&Name, &Effect)| {
            let from = effect.closes(entry)?;
            let app = known.titles.app(name);
            let denial = rehearsal.denial(&app, known.node)?;
            let (detail, title) = (denial.detail(english()), app.title.clone());
            Some(Closes { application: name.clone(), from, until: n.expected_back_at, detail, title })
        };
        let closes = effects.iter().filter_map(close).collect();
        let mut warnings = warnings(n, &affected, known);
        if !counts {
            warnings.insert(0, "It would have no effect: a later notification counts.".to_owned());
        }
        Self { warnings, closes, degrades: n.degraded, replaces: replaces.clone(), affected }
    }

    /// The names of the applications that it notes as degraded.
    pub(crate) fn degrades(&self) -> Vec<&Name> {
        self.affected.iter().filter(|_| self.degrades).map(|one| &one.name).collect()
    }

    /// The names of the applications that it opens.
    pub(crate) fn opens(&self) -> Vec<&Name> {
        self.affected.iter().filter(|one| one.opens).map(|one| &one.name).collect()
    }
}

/// How a notification touches an application, if it does.
fn how(n: &Notification, row: &BoardRow) -> Option<String> {
    let has = |target: &Target| n.targets.contains(target);
    if has(&Target::Application(row.name.clone())) {
        return Some("named in the notification".to_owned());
    }
    let uses: Vec<String> =
        row.uses.iter().filter(|name| has(&Target::Resource(Name::clone(name)))).map(ToString::to_string).collect();
    if !uses.is_empty() {
        return Some(format!("uses {}", words::list(&uses, "and")));
    }
    has(&Target::System).then(|| "part of the system".to_owned())
}

fn affected(n: &Notification, row: &BoardRow, how: String, effect: &Effect, known: &Known<'_>) -> Affected {
    let now = match n.status {
        Some(Status::Unavailable) if !row.causes.is_empty() => "is unavailable now".to_owned(),
        Some(Status::Available) if !effect.after.is_open() => {
            let left = effect.after.causes.iter().map(|cause| known.titles.of(&cause.target));
            format!("stays unavailable because of {}", words::list(&left.collect::<Vec<_>>(), "and"))
        }
        Some(Status::Available) if effect.before.is_open() && row.partial.is_empty() => {
            match (n.degraded, row.advisories.is_empty()) {
                (true, true) => String::new(),
                (_, false) => "is degraded now".to_owned(),
                (false, true) => "is available already".to_owned(),
            }
        }
        _ => String::new(),
    };
    Affected { name: row.name.clone(), title: row.title.clone(), how, now, opens: effect.opens() }
}

fn warnings(n: &Notification, affected: &[Affected], known: &Known<'_>) -> Vec<String> {
    let now = known.now;
    let mut warnings = Vec::new();
    if affected.is_empty() {
        warnings.push("No application of this farm is affected, so no user will notice.".to_owned());
    }
    if n.targets.contains(&Target::System) {
        warnings.push("It affects the whole system: every application.".to_owned());
    }
    if n.status == Some(Status::Unavailable) {
        let since = n.since();
        if n.expected_back_at.is_none() {
            warnings.push("There is no expected return: users do not learn when to come back.".to_owned());
        }
        if n.is_plan() {
            let begins = when::words(since.since(now));
            warnings.push(match n.last_entry() {
                None => format!("This is planned maintenance: nothing changes for users until it begins, in {begins}."),
                Some(from) if from <= now => format!(
                    "New users are turned away from now on; users who are already inside can finish until it begins, in {begins}."
                ),
                Some(from) => format!(
                    "This is planned maintenance: it begins in {begins}; new users are turned away {} before that.",
                    when::words(since.since(from))
                ),
            });
        } else if now.since(since) > PAST {
            let down = when::words(now.since(since));
            warnings.push(format!("It begins in the past: users read that it has been unavailable for {down}."));
        }
        if n.expected_back_at.is_some() && n.restore != Restore::Automatic {
            warnings.push("It does not end by itself: it stays unavailable until an operator marks it as available, even when it is overdue.".to_owned());
        }
        warnings.extend(overlaps(n, affected, known));
    }
    if n.criteria.is_some() {
        warnings.push("It affects some requests only.".to_owned());
    }
    let away: Vec<String> = known.nodes.iter().filter(|node| node.is_away()).map(|node| node.name.clone()).collect();
    if !away.is_empty() {
        let node = if away.len() == 1 { "Node" } else { "Nodes" };
        warnings.push(format!(
            "{node} {} cannot be reached and will get it later; until then users there do not see it.",
            words::list(&away, "and")
        ));
    }
    warnings
}

/// Other plans for the same applications whose time overlaps.
fn overlaps(n: &Notification, affected: &[Affected], known: &Known<'_>) -> Vec<String> {
    let rows = known.board.applications.iter().filter(|row| affected.iter().any(|one| one.name == row.name));
    let mut found: Vec<&Entry> = Vec::new();
    for plan in rows.flat_map(|row| &row.upcoming) {
        let p = &plan.notification;
        let before = n.expected_back_at.is_none_or(|back| p.since() < back);
        let after = p.expected_back_at.is_none_or(|back| n.since() < back);
        let of_one_schedule = n.schedule.as_ref().zip(p.schedule.as_ref()).is_some_and(|(n, p)| n.id == p.id);
        let other = p.id != n.id && Some(p.id) != n.replaces && !of_one_schedule;
        if other && before && after && !found.iter().any(|known| known.stamp == plan.stamp) {
            found.push(plan);
        }
    }
    let named = found.iter().take(OVERLAPS).map(|plan| {
        let begins = when::words(plan.notification.since().since(known.now));
        format!("It overlaps with a plan that begins in {begins}: {}.", words::headline(plan, known.titles))
    });
    named.collect()
}
