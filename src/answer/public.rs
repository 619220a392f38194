//! What anybody may know about an application, as JSON: `/.forewarn/availability`, the events of the gate, and the
//! advisories of `why`.

use serde_json::{Value, json};

use super::{
    Snapshot,
    general::{general, is_general, nothing_but},
};
use crate::availability::{Moment, RequestFacts, verdict::Cause};

/// What works, but not as it should (docs/contract.md#advisories).
pub fn advisory_json(advisory: &Cause) -> Value {
    let n = &advisory.entry.notification;
    let mut json = json!({
        "layer": advisory.layer.name(),
        "target": advisory.target,
        "notification": n.id,
        "reason": n.reason.name,
        "message": n.message,
        "since": advisory.since,
        "expected_back_at": n.expected_back_at,
        "restore": n.restore,
    });
    if n.origins().next().is_some() {
        json["origins"] = n.origins().collect();
    }
    json
}

/// One cause, as far as anybody may know it, which is what a denial tells: another farm carries it over, and recognizes
/// its own words by the origins (docs/contract.md#another-farm); a listener gives the same denial
/// ([`super::followed()`]).
fn cause_json(cause: &Cause) -> Value {
    let n = &cause.entry.notification;
    json!({
        "target": cause.target,
        "notification": n.id,
        "reason": n.reason.name,
        "reason_code": n.reason.code,
        "reason_title": n.reason.title,
        "component": n.component,
        "message": n.message,
        "since": cause.since,
        "expected_back_at": n.expected_back_at,
        "restore": n.restore,
        "origins": n.origins().collect::<Vec<_>>(),
    })
}

/// What anybody may know about an application (docs/contract.md#reserved-paths-of-the-gate): whether it
/// is available in general, and what is planned for everybody on this node.
pub fn availability_json(snapshot: &Snapshot, clock: Moment) -> Value {
    let (weighed, app, node) = (snapshot.weighed_at(clock), snapshot.app(), snapshot.node());
    let verdict = general(&weighed, node);
    let first = verdict.first().map(|cause| &cause.entry.notification);
    let upcoming = weighed.upcoming();
    let planned = upcoming
        .iter()
        .map(|entry| &entry.notification)
        .filter(|plan| is_general(plan.criteria.as_ref(), node.as_str()));
    let planned: Vec<Value> = planned
        .map(|plan| {
            json!({
                "notification": plan.id,
                "reason": plan.reason.name,
                "reason_code": plan.reason.code,
                "reason_title": plan.reason.title,
                "component": plan.component,
                "message": plan.message,
                "goes_down_at": plan.since(),
                "expected_back_at": plan.expected_back_at,
                "last_entry_at": plan.last_entry(),
                "restore": plan.restore,
            })
        })
        .collect();
    json!({
        "application": app.name(),
        "title": app.title,
        "available": verdict.is_open(),
        "admits_newcomers": weighed.decide(&RequestFacts { inside: false, ..nothing_but(node.as_str()) }).is_open(),
        "reason": first.map(|closing| &closing.reason.name),
        "message": first.and_then(|closing| closing.message.as_deref()),
        "since": verdict.since(),
        "expected_back_at": verdict.expected_back_at(),
        "causes": verdict.causes.iter().map(cause_json).collect::<Vec<_>>(),
        "advisories": verdict.advisories.iter().map(advisory_json).collect::<Vec<_>>(),
        "upcoming": planned,
    })
}
