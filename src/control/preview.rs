//! The effects of a notification, before it is sent: which applications it closes and opens, what it replaces,
//! and possible mistakes. The form's preview and `POST /api/v1/preview` show the same.
//!
//! A pure function of the notification, what the board shows, and the present.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::{when, words};
use crate::{
    actors::desk::{Board, BoardRow, NodeView},
    availability::{Entry, Moment, Name, Notification, Restore, Speaker, Status, Target},
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
    /// Notifications that it takes the place of, or cancels.
    pub replaces: Vec<Uuid>,
    /// What may not have been meant.
    pub warnings: Vec<String>,
}

/// What the preview is computed from.
pub(crate) struct Known<'a> {
    /// Everything on the board.
    pub board: &'a Board,
    /// All nodes.
    pub nodes: &'a [NodeView],
    /// For names.
    pub titles: &'a words::Titles,
    /// The present.
    pub now: Moment,
}

impl Preview {
    /// Of a notification that the desk would take.
    pub(crate) fn of(n: &Notification, known: &Known<'_>) -> Self {
        let hit = known.board.applications.iter().filter_map(|row| Some((row, how(n, row)?)));
        let affected: Vec<Affected> = hit.map(|(row, how)| affected(n, row, how, known)).collect();
        let closes = match n.status {
            Some(Status::Unavailable) => affected
                .iter()
                .map(|one| Closes { application: one.name.clone(), from: n.since(), until: n.expected_back_at })
                .collect(),
            _ => Vec::new(),
        };
        Self { warnings: warnings(n, &affected, known), closes, replaces: replaces(n, known.board), affected }
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

fn affected(n: &Notification, row: &BoardRow, how: String, known: &Known<'_>) -> Affected {
    let mut opens = false;
    let now = match (n.status, row.causes.is_empty()) {
        (Some(Status::Unavailable), false) => "is unavailable now".to_owned(),
        (Some(Status::Available), true) if row.partial.is_empty() => match (n.degraded, row.advisories.is_empty()) {
            (true, true) => String::new(),
            (_, false) => "is degraded now".to_owned(),
            (false, true) => "is available already".to_owned(),
        },
        (Some(Status::Available), _) => {
            // An opening of an application opens the system for it, too; resources stay closed.
            let own = n.targets.contains(&Target::Application(row.name.clone()));
            let opened = |target: &Target| n.targets.contains(target) || (own && *target == Target::System);
            let left = row.causes.iter().filter(|cause| !opened(&cause.target));
            let left: Vec<String> = left.map(|cause| known.titles.of(&cause.target)).collect();
            opens = left.is_empty();
            if opens { String::new() } else { format!("stays unavailable because of {}", words::list(&left, "and")) }
        }
        _ => String::new(),
    };
    Affected { name: row.name.clone(), title: row.title.clone(), how, now, opens }
}

/// What stands on the same targets and does not any more: a plan that is changed or cancelled, and for
/// what begins at once the operators' closings that it covers.
fn replaces(n: &Notification, board: &Board) -> Vec<Uuid> {
    let mut replaced: Vec<Uuid> = n.replaces.or(n.cancels).into_iter().collect();
    if n.cancels.is_none() && !n.is_plan() {
        let rows = board.applications.iter().chain(&board.resources);
        let causes = rows.flat_map(|row| row.causes.iter().chain(&row.partial).chain(&row.advisories));
        let causes = causes.chain(&board.system).chain(&board.system_advisories);
        let covered = causes.filter(|cause| {
            let x = &cause.entry.notification;
            n.targets.contains(&cause.target) && is_operators(x) && (n.criteria.is_none() || n.criteria == x.criteria)
        });
        replaced.extend(covered.map(|cause| cause.entry.notification.id));
    }
    replaced.sort();
    replaced.dedup();
    replaced
}

fn is_operators(n: &Notification) -> bool {
    Speaker::of(n.source, n.reporter.as_deref()) == Speaker::Operators
}

fn warnings(n: &Notification, affected: &[Affected], known: &Known<'_>) -> Vec<String> {
    let now = known.now;
    let mut warnings = Vec::new();
    if affected.is_empty() {
        warnings.push("No application of this farm is affected, so no user will notice.".to_owned());
    }
    if n.targets.contains(&Target::System) {
        warnings.push("It concerns the whole system: every application is affected.".to_owned());
    }
    if n.status == Some(Status::Unavailable) {
        let since = n.since();
        if n.expected_back_at.is_none() {
            warnings.push("There is no expected return: users are not told when to come back.".to_owned());
        }
        if n.is_plan() {
            let begins = when::words(since.since(now));
            warnings.push(match n.last_entry() {
                None => format!("This is planned maintenance: nothing changes for users until it begins, in {begins}."),
                Some(from) if from <= now => format!(
                    "Newcomers are turned away from now on; whoever is inside can finish until it begins, in {begins}."
                ),
                Some(from) => format!(
                    "This is planned maintenance: newcomers are turned away in {}, and everybody when it begins, in {begins}.",
                    when::words(from.since(now))
                ),
            });
        } else if now.since(since) > PAST {
            let down = when::words(now.since(since));
            warnings.push(format!("It begins in the past: users read that it has been down for {down}."));
        }
        if n.expected_back_at.is_some() && n.restore != Restore::Automatic {
            warnings.push("It does not end by itself: it stays unavailable, overdue or not, until an operator marks it as available.".to_owned());
        }
        warnings.extend(overlaps(n, affected, known));
    }
    if n.criteria.is_some() {
        warnings.push("It is for some requests only; all others are decided as before.".to_owned());
    }
    let away: Vec<String> = known.nodes.iter().filter(|node| node.is_away()).map(|node| node.name.clone()).collect();
    if !away.is_empty() {
        let node = if away.len() == 1 { "Node" } else { "Nodes" };
        warnings.push(format!(
            "{node} {} cannot be reached and will get it later: until then users there are not told.",
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
