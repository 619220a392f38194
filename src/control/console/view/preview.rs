//! What a notification would do, before it is sent: what users will read, which applications it
//! affects, and what the operator may not have meant.

use std::time::Duration;

use askama::Template;

use super::{Chrome, EntryView, FarmState, Moved};
use crate::{
    actors::desk::{Board, BoardRow},
    availability::{Entry, Name, Notification, Restore, Status, Target},
    control::console::{
        form::Fields,
        when::Face,
        words::{self, Titles},
    },
};

/// Earlier beginnings than this are worth a word.
const PAST: Duration = Duration::from_secs(60);

/// What users of one application will read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Such as "Mail is unavailable".
    pub title: String,
    /// The sentence of a denial's `detail` (docs/contract.md#denials-at-the-gate), up to the time.
    pub before: String,
    /// The expected return, as a `<time>` element.
    pub back: Option<crate::control::console::when::When>,
    /// The operator's message.
    pub message: Option<String>,
}

/// An application whose users notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// What users call it.
    pub title: String,
    /// "named above", "uses mail-store", "part of the system".
    pub how: String,
    /// What it is now, where that matters; empty: nothing.
    pub now: String,
}

/// What a preview is made of.
pub struct PreviewInput<'a> {
    /// The form.
    pub fields: &'a Fields,
    /// What would be stated, with the id and the time that the confirming button will send.
    pub entry: &'a Entry,
    /// What is known now.
    pub board: &'a Board,
    /// For names.
    pub titles: &'a Titles,
    /// The operators' zone and the present.
    pub face: &'a Face,
}

/// The page with the confirming button.
#[derive(Template)]
#[template(path = "console/preview.html")]
pub struct PreviewPage {
    /// Around it.
    pub chrome: Chrome,
    /// The whole form again, for the buttons.
    pub hidden: Vec<(String, String)>,
    /// What would be stated.
    pub entry: EntryView,
    /// What users of the first affected application will read.
    pub denial: Option<Denial>,
    /// Whose users notice.
    pub affected: Vec<Affected>,
    /// What may not have been meant.
    pub warnings: Vec<String>,
    /// Nodes that cannot be reached, and so do not get it now.
    pub farm: FarmState,
    /// Something to know first.
    pub notice: Option<String>,
}

impl PreviewPage {
    /// Of a submission that the desk would take.
    pub fn new(chrome: Chrome, input: &PreviewInput<'_>, farm: FarmState) -> Self {
        let n = &input.entry.notification;
        let hit: Vec<(&BoardRow, String)> =
            input.board.applications.iter().filter_map(|row| Some((row, how(n, row)?))).collect();
        let closes = n.status == Some(Status::Unavailable);
        let denial = hit.first().filter(|_| closes).map(|(row, _)| denial(n, &row.title, input.face));
        let affected = hit.iter().map(|(row, how)| affected(n, row, how, input)).collect();
        let hidden =
            input.fields.pairs().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self {
            chrome,
            hidden,
            entry: EntryView::new(input.entry, input.titles, input.face),
            warnings: warnings(n, hit.is_empty(), input),
            denial,
            affected,
            farm,
            notice: None,
        }
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

/// What its users will read, worded as the gate does.
fn denial(n: &Notification, title: &str, face: &Face) -> Denial {
    let phrase = n.reason.phrase();
    let (before, back) = match n.expected_back_at {
        Some(back) => (format!("{title} is down {phrase} and is expected back at "), Some(face.show(back))),
        None => (format!("{title} is down {phrase}. When it will be back is not known."), None),
    };
    Denial { title: format!("{title} is unavailable"), before, back, message: n.message.clone() }
}

fn affected(n: &Notification, row: &BoardRow, how: &str, input: &PreviewInput<'_>) -> Affected {
    let now = match (n.status, row.causes.is_empty()) {
        (Some(Status::Unavailable), false) => "is unavailable now".to_owned(),
        (Some(Status::Available), true) if row.partial.is_empty() => "is available already".to_owned(),
        (Some(Status::Available), _) => {
            // An opening of an application opens the system for it, too; resources stay closed.
            let own = n.targets.contains(&Target::Application(row.name.clone()));
            let opened = |target: &Target| n.targets.contains(target) || (own && *target == Target::System);
            let left: Vec<String> = row
                .causes
                .iter()
                .filter(|cause| !opened(&cause.target))
                .map(|cause| input.titles.of(&cause.target))
                .collect();
            if left.is_empty() {
                String::new()
            } else {
                format!("stays unavailable because of {}", words::list(&left, "and"))
            }
        }
        _ => String::new(),
    };
    Affected { title: row.title.clone(), how: how.to_owned(), now }
}

fn warnings(n: &Notification, nobody: bool, input: &PreviewInput<'_>) -> Vec<String> {
    let face = input.face;
    let mut warnings = Vec::new();
    if nobody {
        warnings.push("No application of this farm is affected, so no user will notice.".to_owned());
    }
    if n.targets.contains(&Target::System) {
        warnings.push("It concerns the whole system: every application is affected.".to_owned());
    }
    if n.status == Some(Status::Unavailable) {
        if n.expected_back_at.is_none() {
            warnings.push("There is no expected return: users are not told when to come back.".to_owned());
        }
        let since = n.since();
        if n.is_plan() {
            warnings.push(format!(
                "This is planned maintenance: nothing changes for users until it begins, in {}.",
                face.until(since)
            ));
        } else if face.now.since(since) > PAST {
            warnings
                .push(format!("It begins in the past: users read that it has been down for {}.", face.since(since)));
        }
        if let Some(back) = n.expected_back_at {
            if n.restore == Restore::Manual {
                warnings.push("It does not end by itself: it stays unavailable, overdue or not, until an operator marks it as available.".to_owned());
            }
            if back <= face.now {
                warnings.push(match n.restore {
                    Restore::Manual | Restore::Unread(_) => {
                        "The expected return has passed: it is overdue from the start.".to_owned()
                    }
                    Restore::Automatic => {
                        "The expected return has passed and it ends by itself: no user will notice it.".to_owned()
                    }
                });
            }
        }
    }
    if n.criteria.is_some() {
        warnings.push("It is for some requests only; all others are decided as before.".to_owned());
    }
    warnings
}

/// Asks once more before planned maintenance is cancelled.
#[derive(Template)]
#[template(path = "console/cancel.html")]
pub struct CancelPage {
    /// Around it.
    pub chrome: Chrome,
    /// The form: ids, time, message.
    pub fields: Fields,
    /// The plan.
    pub plan: EntryView,
    /// What to fix.
    pub problems: Vec<crate::control::console::form::Problem>,
    /// Something to know first.
    pub notice: Option<String>,
    /// What the plan has become meanwhile.
    pub moved: Option<Moved>,
}
