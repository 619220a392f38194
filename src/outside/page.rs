//! The page for people. It loads nothing else, works without scripts, and comes again by itself each minute; with
//! scripts it changes in place, so that readers keep their place (WCAG 2.2.1).

use std::sync::LazyLock;

use askama::Template;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Day, Present, Status, present::State};
use crate::{
    answer::{base64, lean_script},
    availability::Moment,
    text::Language,
};

const STYLE: &str = include_str!("../../static/gate/status.css");
static SCRIPT: LazyLock<String> = LazyLock::new(|| lean_script(include_str!("../../static/gate/status.js")));
/// Outages that are over, on the page.
const PAST: usize = 20;

#[derive(Template)]
#[template(path = "gate/status.html", whitespace = "minimize")]
struct Page<'a> {
    language: &'a Language,
    title: &'a str,
    url: &'a str,
    now: String,
    verdict: String,
    tone: &'a str,
    known_since: Option<String>,
    applications: Vec<Row<'a>>,
    plans: Vec<Item>,
    past: Vec<Item>,
    style: &'a str,
    script: &'a str,
}

struct Row<'a> {
    title: String,
    state: String,
    tone: &'a str,
    detail: Option<String>,
    message: Option<&'a str>,
    uptime: String,
    days: Vec<Bar>,
}

struct Bar {
    x: usize,
    class: &'static str,
    text: String,
}

struct Item {
    title: String,
    when: String,
    text: Vec<String>,
}

/// The policy of the page (CSP Level 3): its own style and script, and requests to its own origin.
pub(super) fn policy() -> Bytes {
    static POLICY: LazyLock<Bytes> = LazyLock::new(|| {
        let [style, script] = [STYLE, &SCRIPT].map(|text| base64(&Sha256::digest(text.as_bytes())));
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'"
        )
        .into()
    });
    POLICY.clone()
}

pub(super) fn page(status: &Status<'_>, language: &Language) -> String {
    let worst = status.applications.iter().map(|application| application.state).max().unwrap_or(State::Operational);
    let date = |moment| language.date(moment);
    let item = |title: String, from: Moment, until: Option<Moment>, text: Vec<String>| Item {
        title,
        when: match until {
            Some(until) => language.tell("status-from-to", &[("from", &date(from)), ("to", &date(until))]),
            None => language.tell("status-from", &[("from", &date(from))]),
        },
        text,
    };
    let plans = status.plans();
    let plans = plans.iter().map(|plan| {
        let n = &plan.entry.notification;
        item(plan.title(language), n.since(), n.expected_back_at, n.message.clone().into_iter().collect())
    });
    let past = status.record.outages.iter().rev().filter(|outage| outage.until.is_some()).take(PAST);
    let labelled = |label: &str, value: &str| language.tell("labelled", &[("label", label), ("value", value)]);
    let past = past.filter_map(|outage| {
        let application = status.applications.get(outage.application)?;
        let title = language.application(application.name.as_str(), &application.title);
        let text = outage.updates.iter().map(|(at, text)| labelled(&date(*at), text)).collect();
        Some(item(labelled(&title, &language.cause(&outage.reason)), outage.from, outage.until, text))
    });
    let page = Page {
        language,
        title: &status.settings.title,
        url: &status.settings.url,
        now: date(status.now),
        verdict: language.say(worst.messages()[1]),
        tone: tone(worst),
        known_since: status.record.known_since.map(date),
        applications: status.applications.iter().enumerate().map(|(at, one)| row(status, language, at, one)).collect(),
        plans: plans.collect(),
        past: past.collect(),
        style: STYLE,
        script: &SCRIPT,
    };
    // Rendering plain values into memory does not fail.
    page.render().unwrap_or_default()
}

impl Page<'_> {
    fn say(&self, id: &str) -> String {
        self.language.say(id)
    }

    fn with(&self, id: &str, name: &'static str, text: &str) -> String {
        self.language.tell(id, &[(name, text)])
    }
}

fn row<'a>(status: &Status<'_>, language: &Language, at: usize, one: &'a Present) -> Row<'a> {
    let closed = one.state != State::Operational;
    let date = |moment| language.date(moment);
    let detail = closed.then(|| {
        let why = one.cause.as_ref().map(|entry| language.cause(&entry.notification.reason));
        let since = one.since.map(|since| language.tell("status-since", &[("since", &date(since))]));
        let back = one.back.map(|back| language.tell("status-back", &[("back", &date(back))]));
        [why, since, back].into_iter().flatten().collect::<Vec<_>>().join(" · ")
    });
    let days = status.record.days.get(at).map(Vec::as_slice).unwrap_or_default();
    let uptime = match status.record.total(at).uptime() {
        Some(share) => language.tell("status-share", &[("percent", &format!("{:.2}", share * 100.0))]),
        None => language.say("status-no-history"),
    };
    Row {
        title: language.application(one.name.as_str(), &one.title),
        state: language.say(one.state.messages()[0]),
        tone: tone(one.state),
        detail,
        message: one.cause.as_ref().and_then(|entry| entry.notification.message.as_deref()),
        uptime,
        days: days.iter().enumerate().map(|(place, day)| bar(language, place, days.len(), day)).collect(),
    }
}

fn bar(language: &Language, place: usize, of: usize, day: &Day) -> Bar {
    let (class, what) = match day {
        Day { known: 0, .. } => ("u", language.say("day-unknown")),
        Day { down: 0, maintenance: 0, .. } => ("o", language.say("day-available")),
        Day { down: 0, maintenance, .. } => ("m", language.count("day-maintenance", maintenance.div_ceil(60))),
        Day { down, .. } => ("d", language.count("day-down", down.div_ceil(60))),
    };
    let ago = u64::try_from(of - 1 - place).unwrap_or_default();
    let when = if ago == 0 { language.say("day-today") } else { language.count("days-ago", ago) };
    Bar { x: place * 4, class, text: language.tell("labelled", &[("label", &when), ("value", &what)]) }
}

fn tone(state: State) -> &'static str {
    match state {
        State::Operational => "o",
        State::Maintenance => "m",
        State::Degraded | State::Partial => "p",
        State::Major => "d",
    }
}
