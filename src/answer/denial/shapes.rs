//! Renders a denial as JSON (docs/contract.md#denials), as text and as a page, each once, into pieces.

use std::sync::Arc;

use serde::Serialize;

use super::super::{
    general::is_general,
    page::{Page, Sent},
    pieces::{FORM, Pieces, RELATIVE, WORKS, members},
    words::visible,
};
use super::Denial;
use crate::{
    availability::{Moment, Name, Target, verdict::Cause},
    text::{Language, PageFacts},
};

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
pub(super) fn json(denial: &Denial, language: &Language) -> Pieces {
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
        title: &denial.title(language),
        status: denial.status(),
        detail: &denial.detail(language),
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
pub(super) fn text(denial: &Denial, language: &Language, reading: bool) -> Pieces {
    let facts = &denial.facts;
    let n = &facts.deciding.notification;
    let line = |text: &str| format!("{}\n", visible(text, false));
    let labelled =
        |label, value: &str| language.tell("labelled", &[("label", &language.say(label)), ("value", value)]) + "\n";
    let mut text = format!("{}\n{}", line(&denial.title(language)), line(&denial.detail(language)));
    if facts.back.is_some() && !facts.overdue {
        text += &(language.tell("that-is", &[("distance", &RELATIVE.to_string())]) + "\n");
    }
    text += &match denial.begins() {
        Some(begins) => labelled("goes-down", &language.moment(begins)),
        None => labelled("down-since", &language.moment(facts.since)),
    };
    if let Some(component) = &n.component {
        text += &labelled("affected-part", &visible(component, false));
    }
    if let Some(message) = &n.message {
        text += &labelled("message", &visible(message, true));
    }
    if !facts.updates.is_empty() {
        text += &format!("{}\n", language.say("updates"));
        for (at, message) in &*facts.updates {
            text += &format!("  {}  {}", language.moment(*at), line(message));
        }
    }
    text.extend(notes(denial, language).into_iter().map(|note| note + "\n"));
    if !reading {
        text += &format!("\n{}\n", language.say("not-sent"));
    }
    let reference = reference(denial, language);
    let mut letters = reference.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    text += &format!("\n{}\n", first.chain(letters).collect::<String>());
    Pieces::of_text(&text)
}

fn reference(denial: &Denial, language: &Language) -> String {
    let (node, id) = (denial.facts.node.as_str(), denial.facts.deciding.notification.id.to_string());
    language.tell("reference", &[("node", node), ("id", &id)])
}

/// What a browser shows.
pub(super) fn html(denial: &Denial, language: &Arc<Language>, reading: bool) -> Pieces {
    page(denial, language, reading, false)
}

/// What a browser shows that has sent a form, which comes back.
pub(super) fn form_page(denial: &Denial, language: &Arc<Language>) -> Pieces {
    page(denial, language, false, true)
}

fn page(denial: &Denial, language: &Arc<Language>, reading: bool, form: bool) -> Pieces {
    let facts = &denial.facts;
    let n = &facts.deciding.notification;
    let app = denial.app_title(language);
    let app = visible(&app, false);
    let why = language.reason(&n.reason);
    let message = match (denial.begins(), facts.back) {
        (Some(_), _) => "coming",
        (None, None) => "down-unknown",
        (None, Some(_)) if facts.overdue => "down-overdue",
        (None, Some(_)) => "down",
    };
    let lead = language.tell(message, &[("app", &app), ("why", &visible(&why, false))]);
    let title = denial.title(language);
    let names: Vec<&str> = denial.apps().map(|app| app.name().as_str()).collect();
    let page = Page {
        // Built-in reasons of intended closings.
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
        notes: &notes(denial, language),
        updates: &facts.updates.iter().map(|(at, text)| (*at, visible(text, false).into_owned())).collect::<Vec<_>>(),
        sent: (!reading).then_some(Sent::Refused),
        form,
        support: &language.tell("support", &[("reference", &reference(denial, language))]),
        ..Page::empty(language)
    };
    let own = language.site().pages.render(facts.app.name().as_str(), &own_facts(denial, language, &page));
    Pieces::of_text(&own.unwrap_or_else(|| page.fit()))
}

/// The same for a page of the site's own.
fn own_facts(denial: &Denial, language: &Language, page: &Page<'_>) -> PageFacts {
    let facts = &denial.facts;
    let n = &facts.deciding.notification;
    let moment = |moment: Moment| [moment.to_string(), language.date(moment)];
    PageFacts {
        language: language.tag().to_owned(),
        dir: language.dir().to_owned(),
        title: page.title.to_owned(),
        lead: page.lead.to_owned(),
        application: [facts.app.name().to_string(), page.app.to_owned()],
        reason: [n.reason.name.to_string(), visible(&language.cause(&n.reason), false).into_owned()],
        component: page.component.as_deref().map(str::to_owned),
        message: page.message.as_deref().map(str::to_owned),
        since: moment(page.since.unwrap_or(facts.since)),
        back: page.back.map(moment),
        overdue: page.overdue,
        coming: page.coming,
        notes: page.notes.to_vec(),
        updates: page.updates.iter().map(|(at, text)| [language.date(*at), text.clone()]).collect(),
        sent: page.sent.is_some(),
        support: page.support.to_owned(),
        distance: page.back.map(|_| RELATIVE.to_string()).unwrap_or_default(),
        works: WORKS.to_string(),
        form: if page.form { FORM.to_string() } else { String::new() },
        attributes: page.attributes(),
        scripts: page.scripts(),
    }
}

/// What else must be said for the whole truth.
fn notes(denial: &Denial, language: &Language) -> Vec<String> {
    let titles = denial.facts.others.iter().map(|app| language.application(app.name().as_str(), &app.title));
    let titles: Vec<_> = titles.map(|title| visible(&title, false).into_owned()).collect();
    let others = (!titles.is_empty()).then(|| language.tell("also-needed", &[("apps", &titles.join(", "))]));
    let further = further(denial, language);
    let some =
        (!denial.facts.causes.iter().any(|cause| all_requests(denial, cause))).then(|| language.say("some-requests"));
    others.into_iter().chain(further).chain(some).collect()
}

/// The causes beside the deciding one: it is back when all of them are over.
fn further(denial: &Denial, language: &Language) -> Vec<String> {
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
            notes.push(language.say("more-causes"));
            break;
        }
        let known = |name: &Name| denial.apps().find(|app| app.name() == name);
        let what = match &cause.target {
            Target::System => language.say("whole-system"),
            Target::Application(name) => match known(name) {
                Some(app) => language.application(name.as_str(), &app.title),
                None => name.as_str().to_owned(),
            },
            Target::Resource(name) => name.as_str().to_owned(),
        };
        let why = language.reason(&n.reason);
        let mut note = language.tell("also-down", &[("what", &visible(&what, false)), ("why", &visible(&why, false))]);
        if let Some(message) = &n.message {
            let kept = shortened(message, FURTHER_MESSAGE);
            note = format!("{note} {}", visible(&kept, false));
        }
        notes.push(note);
    }
    notes
}

/// At most so many characters of it.
pub(in crate::answer) fn shortened(text: &str, most: usize) -> String {
    let mut kept: String = text.chars().take(most).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    kept
}

/// Whether a closing speaks about every request that this node gets.
fn all_requests(denial: &Denial, cause: &Cause) -> bool {
    is_general(cause.entry.notification.criteria.as_ref(), denial.facts.node.as_str())
}
