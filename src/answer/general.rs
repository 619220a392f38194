//! The general answer: a verdict for an application as a whole. Boards, `/.forewarn/availability` and every
//! view with one state per application show it.
//!
//! The *general* verdict is that of a request that matches no criteria except those that name this node.
//! Closings for some requests only are listed separately. Both are views of the one evaluator
//! (docs/contract.md#one-evaluator), which evaluates a request of that kind.

use crate::availability::{
    Criteria, Name, NoHeaders, RequestFacts, Weighed,
    verdict::{Cause, Verdict},
};

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

/// The verdict on a request that these criteria match, beside those that speak about all requests.
pub(super) fn among(weighed: &Weighed, criteria: Option<&Criteria>, node: &Name) -> Verdict {
    let matches = |one: &Criteria| Some(one) == criteria || is_general(Some(one), node.as_str());
    let matches: Vec<bool> = weighed.criteria().map(matches).collect();
    weighed.decide_where(true, |kind| matches[kind])
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
