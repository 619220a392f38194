//! Planned maintenance: each plan once, with everything that it will close.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;

use super::{
    super::{Chrome, FarmState},
    cause::is_operators,
};
use crate::{
    actors::desk::Board,
    availability::{Entry, Moment, Stamp, Target},
    control::console::{
        when::{self, Face, When},
        words::{self, Titles},
    },
};

/// How many plans one page of the list has.
const PAGE: usize = 50;
/// So many titles are listed one by one.
const TITLES: usize = 8;

/// A plan that has not begun.
#[derive(Debug, Clone)]
pub(crate) struct PlanCard {
    /// Of the notification.
    pub id: String,
    /// What will be unavailable.
    pub headline: String,
    /// Why.
    pub reason: String,
    /// The part that is worked on.
    pub component: Option<String>,
    /// For users.
    pub message: Option<String>,
    /// When it begins.
    pub begins: When,
    /// In how long.
    pub begins_words: String,
    /// When it should be back.
    pub back: Option<When>,
    /// How long it takes; empty: not known.
    pub lasts: String,
    /// So long before it begins newcomers are to be turned away.
    pub last_entry: Option<String>,
    /// The applications that it closes, where the headline does not name them; empty: it does.
    pub affects: String,
    /// Who planned it.
    pub by: String,
    /// For some requests only: which.
    pub criteria: Vec<String>,
    /// An operator's plan: another operator may change or cancel it.
    pub operators: bool,
    /// The schedule that it comes from.
    pub schedule: Option<String>,
}

/// A plan that has not begun, and the titles of the applications that it closes.
pub(crate) type Planned<'a> = (&'a Arc<Entry>, Vec<String>);

/// Each plan on a board once, by its beginning.
pub(crate) fn planned(board: &Board) -> Vec<Planned<'_>> {
    let mut found: BTreeMap<(Moment, Stamp), Planned<'_>> = BTreeMap::new();
    let rows = board.applications.iter().map(|row| (row, true)).chain(board.resources.iter().map(|row| (row, false)));
    for (row, is_application) in rows {
        for plan in &row.upcoming {
            let key = (plan.notification.since(), plan.stamp);
            let (_, closes) = found.entry(key).or_insert_with(|| (plan, Vec::new()));
            if is_application {
                closes.push(row.title.clone());
            }
        }
    }
    found.into_values().collect()
}

/// All plans on a board, by their beginning.
pub(crate) fn plans(board: &Board, titles: &Titles, face: &Face) -> Vec<PlanCard> {
    let all = board.applications.len();
    planned(board).into_iter().map(|(plan, closes)| card(plan, closes, all, titles, face)).collect()
}

fn card(plan: &Arc<Entry>, mut closes: Vec<String>, all: usize, titles: &Titles, face: &Face) -> PlanCard {
    let n = &plan.notification;
    closes.sort_by_key(|title| title.to_lowercase());
    let named = n.targets.iter().all(|target| matches!(target, Target::Application(_)));
    let affects = match closes.len() {
        0 => String::new(),
        _ if named => String::new(),
        count if count == all && count > 2 => format!("all {count} applications"),
        count if count > TITLES => {
            let rest = count - TITLES;
            closes.truncate(TITLES);
            format!("{} and {rest} more", closes.join(", "))
        }
        _ => words::list(&closes, "and"),
    };
    PlanCard {
        id: n.id.to_string(),
        headline: words::headline(plan, titles),
        reason: words::reason(&n.reason),
        component: n.component.clone(),
        message: n.message.clone(),
        begins: face.show(n.since()),
        begins_words: format!("in {}", face.until(n.since())),
        back: n.expected_back_at.map(|back| face.show(back)),
        lasts: n.expected_back_at.map_or_else(String::new, |back| when::words(back.since(n.since()))),
        last_entry: n.last_entry_seconds.map(words::length),
        affects,
        by: words::author(n),
        criteria: n.criteria.as_ref().map_or_else(Vec::new, words::criteria),
        operators: is_operators(plan),
        schedule: n.schedule.as_ref().map(|schedule| schedule.id.to_string()),
    }
}

/// A page of all of them.
#[derive(Template)]
#[template(path = "console/plans.html")]
pub(crate) struct PlansPage {
    /// Around it.
    pub chrome: Chrome,
    /// In one sentence; read aloud when it changes.
    pub summary: String,
    /// Nodes that cannot be reached.
    pub farm: FarmState,
    /// By their beginning.
    pub plans: Vec<PlanCard>,
    /// Where earlier and later ones are.
    pub others: [Option<String>; 2],
    /// What was just done.
    pub notice: Option<String>,
}

impl PlansPage {
    /// Of all plans, those that come after the first `from`.
    pub(crate) fn new(chrome: Chrome, mut plans: Vec<PlanCard>, from: usize, farm: FarmState) -> Self {
        let all = plans.len();
        let from = from.min(all.saturating_sub(1)) / PAGE * PAGE;
        let until = all.min(from + PAGE);
        let summary = match all {
            0 => "No maintenance is planned.".to_owned(),
            1 => "1 plan.".to_owned(),
            n if n <= PAGE => format!("{n} plans, the next first."),
            n => format!("Plans {} to {until} of {n}, the next first.", from + 1),
        };
        let others = [from.checked_sub(PAGE), Some(until).filter(|until| *until < all)];
        let others = others.map(|place| place.map(|place| format!("/plans?from={place}")));
        plans.truncate(until);
        plans.drain(..from);
        Self { chrome, summary, farm, plans, others, notice: None }
    }
}
