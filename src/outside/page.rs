//! The page for people. It loads nothing else, works without scripts, and comes again by itself each minute.

use std::sync::LazyLock;

use askama::Template;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Day, Present, Status, present::State};
use crate::{answer::base64, availability::Moment};

const STYLE: &str = include_str!("../../static/gate/status.css");
/// Outages that are over, on the page.
const PAST: usize = 20;

#[derive(Template)]
#[template(path = "gate/status.html", whitespace = "minimize")]
struct Page<'a> {
    title: &'a str,
    url: &'a str,
    now: String,
    verdict: &'a str,
    tone: &'a str,
    known_since: Option<String>,
    applications: Vec<Row<'a>>,
    plans: Vec<Item>,
    past: Vec<Item>,
    style: &'a str,
}

struct Row<'a> {
    title: &'a str,
    state: &'a str,
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

/// The policy of the page (CSP Level 3): its own style and nothing else.
pub(super) fn policy() -> Bytes {
    static POLICY: LazyLock<Bytes> = LazyLock::new(|| {
        let hash = base64(&Sha256::digest(STYLE.as_bytes()));
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'").into()
    });
    POLICY.clone()
}

pub(super) fn page(status: &Status<'_>) -> String {
    let worst = status.applications.iter().map(|application| application.state).max().unwrap_or(State::Operational);
    let verdict = match worst {
        State::Operational => "Everything is available",
        State::Maintenance => "Planned maintenance is under way",
        State::Degraded => "Something works, but not as it should",
        State::Partial => "Something is partly unavailable",
        State::Major => "Something is unavailable",
    };
    let item = |title: String, from: Moment, until: Option<Moment>, text: Vec<String>| Item {
        title,
        when: match until {
            Some(until) => format!("{} to {}", date(from), date(until)),
            None => format!("from {}", date(from)),
        },
        text,
    };
    let plans = status.plans();
    let plans = plans.iter().map(|plan| {
        let n = &plan.entry.notification;
        item(plan.title(), n.since(), n.expected_back_at, n.message.clone().into_iter().collect())
    });
    let past = status.record.outages.iter().rev().filter(|outage| outage.until.is_some()).take(PAST);
    let past = past.filter_map(|outage| {
        let application = status.applications.get(outage.application)?;
        let text = outage.updates.iter().map(|(at, text)| format!("{}: {text}", date(*at))).collect();
        Some(item(format!("{}: {}", application.title, outage.reason), outage.from, outage.until, text))
    });
    let page = Page {
        title: &status.settings.title,
        url: &status.settings.url,
        now: date(status.now),
        verdict,
        tone: tone(worst),
        known_since: status.record.known_since.map(date),
        applications: status.applications.iter().enumerate().map(|(at, one)| row(status, at, one)).collect(),
        plans: plans.collect(),
        past: past.collect(),
        style: STYLE,
    };
    // Rendering plain values into memory does not fail.
    page.render().unwrap_or_default()
}

fn row<'a>(status: &Status<'_>, at: usize, one: &'a Present) -> Row<'a> {
    let closed = one.state != State::Operational;
    let detail = closed.then(|| {
        let why = one.cause.as_ref().map(|entry| super::present::reason(&entry.notification.reason));
        let since = one.since.map(|since| format!("since {}", date(since)));
        let back = one.back.map(|back| format!("expected back {}", date(back)));
        [why, since, back].into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    let days = status.record.days.get(at).map(Vec::as_slice).unwrap_or_default();
    let uptime = match status.record.total(at).uptime() {
        Some(share) => format!("{:.2} % available in the known part of the last 90 days", share * 100.0),
        None => "No history is known yet".to_owned(),
    };
    Row {
        title: &one.title,
        state: one.state.words(),
        tone: tone(one.state),
        detail,
        message: one.cause.as_ref().and_then(|entry| entry.notification.message.as_deref()),
        uptime,
        days: days.iter().enumerate().map(|(place, day)| bar(place, days.len(), day)).collect(),
    }
}

fn bar(place: usize, of: usize, day: &Day) -> Bar {
    let (class, what) = match day {
        Day { known: 0, .. } => ("u", "not known".to_owned()),
        Day { down: 0, maintenance: 0, .. } => ("o", "available".to_owned()),
        Day { down: 0, maintenance, .. } => ("m", format!("{} min of maintenance", maintenance.div_ceil(60))),
        Day { down, .. } => ("d", format!("{} min unavailable", down.div_ceil(60))),
    };
    let ago = of - 1 - place;
    let when = if ago == 0 { "today".to_owned() } else { format!("{ago} days ago") };
    Bar { x: place * 4, class, text: format!("{when}: {what}") }
}

fn tone(state: State) -> &'static str {
    match state {
        State::Operational => "o",
        State::Maintenance => "m",
        State::Degraded | State::Partial => "p",
        State::Major => "d",
    }
}

/// `2026-11-23 16:00 UTC`
fn date(moment: Moment) -> String {
    moment.to_datetime().format("%Y-%m-%d %H:%M UTC").to_string()
}
