//! Concurrent changes: what a plan or a closing has become since the page was opened.

use std::sync::Arc;

use uuid::Uuid;

use super::known;
use crate::{
    actors::desk::{Board, BoardRow, Fate},
    availability::{Entry, Target},
    control::console::{guard::Visit, view::Moved, words},
};

/// The sentences that the pages show.
const PLAN: &str = "Another operator has already changed or cancelled this plan.";
const CLOSING: &str = "Another operator has already changed this.";
/// What happens if one goes on.
const TAKES_ITS_PLACE: &str = "If you continue, your entries replace it.";

/// What a plan has become, and the plan that can be changed or cancelled in its place, if there is
/// one. `None`: it is as it was, as far as the history goes back.
pub(crate) async fn of_plan(visit: &Visit<'_>, plan: Uuid) -> Option<(Moved, Option<Arc<Entry>>)> {
    match visit.state.desk.fate_of(plan).await? {
        Fate::Changed(entry) if entry.notification.since() > visit.face.now => {
            Some((moved(visit, PLAN, &entry, TAKES_ITS_PLACE).await, Some(entry)))
        }
        Fate::Changed(entry) => {
            let next = "It has begun. If you continue, your entries become a new notification.";
            Some((moved(visit, PLAN, &entry, next).await, None))
        }
        Fate::Cancelled(entry) => {
            let next = "If you continue, your entries become a new plan.";
            Some((moved(visit, PLAN, &entry, next).await, None))
        }
    }
}

/// What a closing has become that does not stand any more. `None`: nothing is known of it.
pub(crate) async fn of_closing(visit: &Visit<'_>, closing: &Entry) -> Option<(Moved, Arc<Entry>)> {
    let latest = visit.state.desk.latest_about(closing.notification.targets.clone()).await?;
    Some((moved(visit, CLOSING, &latest, TAKES_ITS_PLACE).await, latest))
}

async fn moved(visit: &Visit<'_>, text: &'static str, entry: &Entry, next: &'static str) -> Moved {
    let (_, titles) = known(visit).await;
    let n = &entry.notification;
    Moved {
        text,
        id: n.id.to_string(),
        headline: words::headline(entry, &titles),
        by: words::author(n),
        at: visit.face.show_exactly(n.timestamp),
        next,
    }
}

/// The targets on which a closing or an advisory is what counts now.
pub(crate) fn standing(board: &Board, id: Uuid) -> Vec<Target> {
    let own = |row: &BoardRow, target: Target| {
        let mut causes = row.causes.iter().chain(&row.partial).chain(&row.advisories);
        causes.any(|cause| cause.entry.notification.id == id && cause.target == target).then_some(target)
    };
    let applications = board.applications.iter().filter_map(|row| own(row, Target::Application(row.name.clone())));
    let resources = board.resources.iter().filter_map(|row| own(row, Target::Resource(row.name.clone())));
    let mut system = board.system.iter().chain(&board.system_advisories);
    let system = system.any(|cause| cause.entry.notification.id == id).then_some(Target::System);
    system.into_iter().chain(applications).chain(resources).collect()
}
