//! A farm of real processes, from the form to the user's screen (docs/contract.md). A module per theme;
//! the vocabulary is in `tests/support`.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod alerts;
mod asking;
mod bodies;
mod clients;
mod disk;
mod door;
mod embedding;
mod formats;
mod forms;
mod handing_in;
mod history;
mod hooks;
mod http2;
mod judging;
mod keeping;
mod limits;
mod logging;
mod membership;
mod monitors;
mod operations;
mod partners;
mod peers;
mod plans;
mod proxy_protocol;
mod proxying;
mod receipts;
mod reloading;
mod restarting;
mod returning;
mod rights;
mod rules;
mod sandbox;
mod schedules;
mod secrets;
mod settings;
mod starting;
mod status_page;
mod submitting;
mod tls;
mod tls_between;
mod upgrades;
mod upstreams;
mod versions;
mod visitors;

use serde_json::{Value, json};

/// A closing of one target, with more members.
fn closing(target: &str, more: Value) -> Value {
    let mut notification = json!({"targets": [target], "status": "unavailable"});
    for (member, value) in more.as_object().unwrap() {
        notification[member] = value.clone();
    }
    notification
}

/// An opening of one target.
fn opening(target: &str) -> Value {
    json!({"targets": [target], "status": "available"})
}

/// The node's clock, so many seconds later or earlier.
fn in_seconds(seconds: f64) -> String {
    let now = forewarn::clock::now();
    let by = std::time::Duration::from_secs_f64(seconds.abs());
    if seconds < 0.0 { now.before(by).to_string() } else { now.after(by).to_string() }
}
