//! The general answer: a verdict for an application as a whole. Boards, `/.forewarn/availability` and every
//! view with one state per application show it.
//!
//! The *general* verdict is that of a request that matches no criteria except those that name this node.
//! Closings for some requests only are listed separately. Both are views of the one evaluator
//! (docs/contract.md#one-evaluator), which evaluates a request of that kind.

use serde_json::{Value, json};

use crate::availability::{
    Criteria, Moment, Name, NoHeaders, RequestFacts, Weighed,
    verdict::{Cause, Verdict},
};

use super::Snapshot;

/// A request without method, path, query, header fields and client: what criteria look at is not
/// there, so that only those that name nodes match it. (And a path glob of nothing but stars, which
/// matches every request there is.) Its sender is inside: what turns newcomers away is for some only.
pub(super) fn nothing_but(node: &str) -> RequestFacts<'_> {
    RequestFacts {
        method: "",
        path: "",
        also: [None; 2],
        query: "",
        headers: &NoHeaders,
        client: None,
        node,
        inside: true,
    }
}

/// Whether a word with these criteria speaks about all requests that a node gets.
pub fn is_general(criteria: Option<&Criteria>, node: &str) -> bool {
    criteria.is_none_or(|criteria| criteria.match_request(&nothing_but(node)))
}

/// Whether something is open on this node for requests that no criteria single out.
pub fn general(weighed: &Weighed, node: &Name) -> Verdict {
    weighed.decide(&nothing_but(node.as_str()))
}

/// The closings that are in force on this node for some requests only, in the order of causes. They
/// count beside the general verdict; where that is closed they change nothing.
///
/// For each criteria the evaluator is asked about a request that these match, beside those that speak
/// about all requests. Whether two different criteria have requests in common is not looked into.
pub fn partial(weighed: &Weighed, node: &Name) -> Vec<Cause> {
    let general: Vec<bool> = weighed.criteria().map(|criteria| is_general(Some(criteria), node.as_str())).collect();
    let mut causes = Vec::new();
    for (kind, criteria) in weighed.criteria().enumerate() {
        let is_here = criteria.nodes().is_empty() || criteria.nodes().contains(node);
        if general[kind] || !is_here || criteria.has_unread() {
            continue;
        }
        let own = |cause: &Cause| cause.entry.notification.criteria.as_ref() == Some(criteria);
        for inside in [true, false] {
            let verdict = weighed.decide_where(inside, |other| other == kind || general[other]);
            let found = verdict.causes.into_iter().filter(|cause| own(cause) && (inside || cause.begins().is_some()));
            causes.extend(found);
        }
    }
    let newcomers = weighed.decide_where(false, |kind| general[kind]);
    causes.extend(newcomers.causes.into_iter().filter(|cause| cause.begins().is_some()));
    let reported = |cause: &Cause| cause.entry.notification.reporter.is_some();
    causes.sort_by(|a, b| {
        let key = |cause: &Cause| (cause.layer, cause.target.clone(), reported(cause), cause.since, cause.entry.stamp);
        key(a).cmp(&key(b))
    });
    causes
}

/// What works, but not as it should (docs/contract.md#advisories).
pub fn advisory_json(advisory: &Cause) -> Value {
    let n = &advisory.entry.notification;
    let mut json = json!({
        "layer": advisory.layer.name(),
        "reason": n.reason.name,
        "message": n.message,
        "since": advisory.since,
        "expected_back_at": n.expected_back_at,
    });
    if n.origins().next().is_some() {
        json["origins"] = n.origins().collect();
    }
    json
}

/// One cause, as far as anybody may know it: another farm carries it over, and recognizes its own words by the
/// origins (docs/contract.md#another-farm).
fn cause_json(cause: &Cause) -> Value {
    let n = &cause.entry.notification;
    json!({
        "reason": n.reason.name,
        "message": n.message,
        "since": cause.since,
        "expected_back_at": n.expected_back_at,
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
                "reason": plan.reason.name,
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
