//! Renders a denial as JSON (docs/contract.md#denials), as text and as a page, each once, into pieces.

use serde::Serialize;

use crate::availability::{Moment, Name, Target, verdict::Cause};

use super::super::{
    general::is_general,
    page::{Page, Sent},
    pieces::{Pieces, RELATIVE, members},
    words::{instant, visible},
};
use super::Denial;

/// What those read who have sent something.
const NOT_SENT: &str = "Your message was not sent and was not saved.";
/// The most causes that are shown beside the deciding one, and the most characters of each message.
const FURTHER: usize = 3;
const FURTHER_MESSAGE: usize = 160;

// The members of the JSON object, in the order of the contract. `instance` stands after the first group,
// `retry_after` after the second.

#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

#[derive(Serialize)]
struct Middle<'a> {
    application: &'a Name,
    reason: &'a Name,
    reason_code: u32,
    component: Option<&'a str>,
    message: Option<&'a str>,
    since: Moment,
    expected_back_at: Option<Moment>,
}

#[derive(Serialize)]
struct Rest<'a> {
    causes: Vec<&'a Target>,
    notification: uuid::Uuid,
    node: &'a Name,
}

/// What programs read. Texts stand in it as they were given, as far as JSON lets them.
pub(super) fn json(denial: &Denial) -> Pieces {
    let facts = &denial.facts;
    let n = &facts.deciding.notification;
    let mut causes: Vec<&Target> = Vec::new();
    for cause in &facts.causes {
        if !causes.contains(&&cause.target) {
            causes.push(&cause.target);
        }
    }
    let head = Head {
        kind: "/.forewarn/problems/unavailable",
        title: &denial.title(),
        status: denial.status(),
        detail: &denial.detail(),
    };
    let middle = Middle {
        application: facts.app.name(),
        reason: &n.reason.name,
        reason_code: n.reason.code,
        component: n.component.as_deref(),
        message: n.message.as_deref(),
        since: facts.since,
        expected_back_at: facts.back,
    };
    let rest = Rest { causes, notification: n.id, node: &facts.node };
    Pieces::of_json(&members(&head), Some(&members(&middle)), &members(&rest))
}

/// What a terminal shows.
pub(super) fn text(denial: &Denial, reading: bool) -> Pieces {
    let facts = &denial.facts;
    let n = &facts.deciding.notification;
    let mut text = format!("{}\n\n{}\n", visible(&denial.title(), false), visible(&denial.detail(), false));
    if facts.back.is_some() && !facts.overdue {
        text += &format!("That is {RELATIVE}.\n");
    }
    text += &match denial.begins() {
        Some(begins) => format!("Goes down: {}\n", instant(begins)),
        None => format!("Down since: {}\n", instant(facts.since)),
    };
    if let Some(component) = &n.component {
        text += &format!("Affected part: {}\n", visible(component, false));
    }
    if let Some(message) = &n.message {
        text += &format!("Message: {}\n", visible(message, true));
    }
    text.extend(notes(denial).into_iter().map(|note| note + "\n"));
    if !reading {
        text += &format!("\n{NOT_SENT}\n");
    }
    text += &format!("\nNotification {}, node {}\n", n.id, facts.node);
    Pieces::of_text(&text)
}

/// What a browser shows.
pub(super) fn html(denial: &Denial, reading: bool) -> Pieces {
    page(denial, reading, false)
}

/// What a browser shows that has sent a form, which comes back.
pub(super) fn form_page(denial: &Denial) -> Pieces {
    page(denial, false, true)
}

fn page(denial: &Denial, reading: bool, form: bool) -> Pieces {
    let facts = &denial.facts;
    let n = &facts.deciding.notification;
    let app = visible(&facts.app.title, false);
    let then = match facts.back {
        None => ". When it will be back is not known.",
        Some(_) if facts.overdue => ", and is not back yet.",
        Some(_) => ".",
    };
    let phrase = n.reason.phrase();
    let phrase = visible(&phrase, false);
    let lead = match denial.begins() {
        Some(_) => format!("{app} is about to go down {phrase} and lets nobody new in. Who is inside can finish."),
        None => format!("{app} is down {phrase}{then}"),
    };
    let title = denial.title();
    let names: Vec<&str> = denial.apps().map(|app| app.name().as_str()).collect();
    let page = Page {
        // Built-in reasons that were somebody's intention.
        tone: if matches!(n.reason.code, 1 | 3) { "calm" } else { "alert" },
        // Without a page to come back to, only a return that holds for every request can be told.
        watch: if reading {
            "own"
        } else if facts.causes.iter().all(|cause| all_requests(denial, cause)) {
            "apps"
        } else {
            ""
        },
        key: &format!("{} {}", denial.status(), n.id),
        apps: &names.join(" "),
        title: &visible(&title, false),
        app: &app,
        lead: &lead,
        since: Some(denial.begins().unwrap_or(facts.since)),
        coming: denial.begins().is_some(),
        back: facts.back,
        overdue: facts.overdue,
        component: n.component.as_deref().map(|text| visible(text, false)),
        message: n.message.as_deref().map(|text| visible(text, true)),
        notes: &notes(denial),
        sent: (!reading).then_some(Sent::Refused),
        form,
        reference: &format!("node {}, notification {}", facts.node, n.id),
    };
    Pieces::of_text(&page.fit())
}

/// What else must be said for the whole truth.
fn notes(denial: &Denial) -> Vec<String> {
    let titles: Vec<_> = denial.facts.others.iter().map(|app| visible(&app.title, false)).collect();
    let others = (!titles.is_empty()).then(|| format!("Also needed here, and down: {}.", titles.join(", ")));
    let further = further(denial);
    let some = (!denial.facts.causes.iter().any(|cause| all_requests(denial, cause)))
        .then(|| "Only some requests are affected; this is one of them.".to_owned());
    others.into_iter().chain(further).chain(some).collect()
}

/// The causes beside the deciding one: it is back when all of them are over.
fn further(denial: &Denial) -> Vec<String> {
    let facts = &denial.facts;
    let mut told = vec![facts.deciding.notification.id];
    let mut notes = Vec::new();
    for cause in &facts.causes {
        let n = &cause.entry.notification;
        if told.contains(&n.id) {
            continue;
        }
        told.push(n.id);
        if notes.len() == FURTHER {
            notes.push("There are further causes.".to_owned());
            break;
        }
        let apps = || denial.apps().map(|app| (app.name(), &app.title));
        let what = match &cause.target {
            Target::System => "The whole system",
            Target::Application(name) => {
                apps().find(|(known, _)| *known == name).map_or(name.as_str(), |(_, title)| title)
            }
            Target::Resource(name) => name.as_str(),
        };
        let mut note = format!("{} is also down {}.", visible(what, false), visible(&n.reason.phrase(), false));
        if let Some(message) = &n.message {
            let mut kept: String = message.chars().take(FURTHER_MESSAGE).collect();
            if kept.len() < message.len() {
                kept.push('…');
            }
            note = format!("{note} {}", visible(&kept, false));
        }
        notes.push(note);
    }
    notes
}

/// Whether a closing speaks about every request that this node gets.
fn all_requests(denial: &Denial, cause: &Cause) -> bool {
    is_general(cause.entry.notification.criteria.as_ref(), denial.facts.node.as_str())
}
