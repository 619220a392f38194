//! Shared fixtures of this room's tests: one application, words about it, one node.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::availability::{
    Entry, Ledger, Moment, Name, NodeId, Notification, Rules,
    verdict::{Definition, Use, View},
};

use super::{App, Decision, Denial, Snapshot, general::nothing_but};

/// 23 November 2026, 16:00 UTC.
pub(super) fn four() -> Moment {
    "2026-11-23T16:00:00Z".parse().unwrap()
}

/// So many seconds after four.
pub(super) fn after(seconds: u64) -> Moment {
    four().after(Duration::from_secs(seconds))
}

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn mail() -> Arc<App> {
    let definition = Definition { name: name("mail"), uses: vec![Use { resource: name("store"), agree: 1 }], agree: 1 };
    Arc::new(App { title: "Mail".to_owned(), definition })
}

/// A closing of mail at four for planned maintenance, with these members instead.
pub(super) fn entry(members: Value) -> Arc<Entry> {
    let mut whole = json!({
        "id": "0192f0c1-2222-7000-8000-000000000001",
        "timestamp": four(),
        "targets": ["application:mail"],
        "status": "unavailable",
        "reason": "planned-maintenance",
        "reason_code": 1,
        "source": "operator",
        "node": "a",
    });
    whole.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let notification: Notification = serde_json::from_value(whole).unwrap();
    Entry::stamped(notification, 0, NodeId::NONE)
}

pub(super) fn view(app: &App, entries: impl IntoIterator<Item = Arc<Entry>>) -> View {
    let mut ledger = Ledger::new(Rules::default());
    for entry in entries {
        ledger.admit(&entry);
    }
    View::of(&ledger, &app.definition)
}

pub(super) fn snapshot(entries: impl IntoIterator<Item = Arc<Entry>>, now: Moment) -> Snapshot {
    let app = mail();
    let view = view(&app, entries);
    Snapshot::build(app, name("a"), view, now)
}

/// What a request of no special kind gets.
pub(super) fn denial(members: Value, now: Moment) -> Arc<Denial> {
    match snapshot([entry(members)], now).decide(&nothing_but("a"), now) {
        Decision::Closed(denial) => denial,
        Decision::Open(_) => panic!("open"),
    }
}
