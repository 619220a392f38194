//! What a verdict says of one request, said of an application as a whole: for boards, for
//! `/.forewarn/availability`, for everything that shows one state per application.
//!
//! The *general* verdict is that of a request which no criteria match but those that name this node.
//! What is closed for some requests only is listed apart.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::availability::{
    Criteria, Moment, Name, NoHeaders, RequestFacts, Rules, Says, Speaker, Target, TargetWords, Word,
    verdict::{Cause, Definition, Layer, Verdict, View},
};

use super::Snapshot;

/// A request without method, path, query, header fields and client: what criteria look at is not
/// there, so that only those that name nodes match it. (And a path glob of nothing but stars, which
/// matches every request there is.)
pub(super) fn nothing_but(node: &str) -> RequestFacts<'_> {
    RequestFacts { method: "", path: "", query: "", headers: &NoHeaders, client: None, node }
}

/// Whether a word with these criteria speaks about all requests that a node gets.
pub(super) fn is_general(criteria: Option<&Criteria>, node: &str) -> bool {
    criteria.is_none_or(|criteria| criteria.match_request(&nothing_but(node)))
}

/// Whether the application is open on this node for requests that no criteria single out.
pub fn general(view: &View, definition: &Definition, node: &Name, now: Moment) -> Verdict {
    view.decide(definition, &nothing_but(node.as_str()), now)
}

/// The closings that are in force on this node for some requests only, in the order of causes. They
/// count beside the general verdict; where that is closed they change nothing.
///
/// Each stands against what has been said about exactly its requests or about all; whether two
/// different criteria have requests in common is not looked into.
pub fn partial(view: &View, definition: &Definition, node: &Name, now: Moment) -> Vec<Cause> {
    let at = Place { rules: view.rules, clock: view.rules.clock(now, view.limit), node: node.as_str() };
    let own = Target::Application(definition.name.clone());
    let mut causes = Vec::new();
    at.add(&mut causes, (Layer::Own, own), &view.own, definition.agree, None);
    at.add(&mut causes, (Layer::System, Target::System), &view.system, 1, Some(&view.own));
    for (name, agree, words) in &view.resources {
        at.add(&mut causes, (Layer::Resource, Target::Resource(name.clone())), words, *agree, None);
    }
    causes
}

/// Where and when is looked.
struct Place<'a> {
    rules: Rules,
    clock: Moment,
    node: &'a str,
}

impl Place<'_> {
    fn add(
        &self,
        causes: &mut Vec<Cause>,
        (layer, target): (Layer, Target),
        words: &TargetWords,
        agree: usize,
        floor: Option<&TargetWords>,
    ) {
        // What the operators' openings silence: all that is older on the same requests.
        let silenced = |x: &Word| {
            let here = words.operators().filter(|_| x.speaker != Speaker::Operators);
            let above = floor.into_iter().flat_map(TargetWords::operators);
            let newest = |said: &mut dyn Iterator<Item = &Word>| {
                said.filter(|y| y.says == Says::Opening && y.covers(x)).map(|y| y.at).max()
            };
            let (here, above) = (newest(&mut here.into_iter()), newest(&mut above.into_iter()));
            match x.speaker {
                Speaker::Operators => Some(x.at) <= above,
                Speaker::Reporter(_) => here.max(above).is_some_and(|opened| x.since <= opened.0),
            }
        };
        let mut standing: Vec<&Word> = Vec::new();
        for group in
            [words.operators().collect::<Vec<_>>()].into_iter().chain(words.reporters().map(|(_, said)| said.collect()))
        {
            standing.extend(group.iter().copied().filter(|x| self.stands(x, &group) && !silenced(x)));
        }
        let agreed = |x: &Word| {
            let with =
                |y: &&&Word| y.speaker != Speaker::Operators && (y.criteria() == x.criteria() || self.is_general(y));
            let speakers: BTreeSet<&Speaker> = standing.iter().filter(with).map(|y| &y.speaker).collect();
            x.speaker == Speaker::Operators || speakers.len() >= agree
        };
        let counts = standing.iter().filter(|x| !self.is_general(x) && agreed(x));
        let mut found: Vec<&Word> = counts.copied().collect();
        found.sort_by_key(|x| (x.speaker != Speaker::Operators, x.since, x.at));
        causes.extend(found.into_iter().map(|x| Cause {
            layer,
            target: target.clone(),
            entry: x.entry.clone(),
            since: x.since,
        }));
    }

    /// Whether a closing has begun, is not over, and nobody who said it has said otherwise since.
    fn stands(&self, x: &Word, group: &[&Word]) -> bool {
        x.says == Says::Closing
            && x.criteria().is_none_or(|criteria| {
                criteria.nodes().is_empty() || criteria.nodes().iter().any(|n| n.as_str() == self.node)
            })
            && !self.rules.lapsed(x, self.clock)
            && !(x.plan && x.since > self.clock)
            && x.ends.is_none_or(|ends| ends > self.clock)
            && !group.iter().any(|y| !self.rules.lapsed(y, self.clock) && (y.replaces(x) || y.takes_back(x)))
    }

    fn is_general(&self, word: &Word) -> bool {
        is_general(word.criteria(), self.node)
    }
}

/// What anybody may know about an application (SPEC 6, `/.forewarn/availability/NAME`): whether it
/// is available in general, and what is planned for everybody on this node.
pub fn availability_json(snapshot: &Snapshot, now: Moment) -> Value {
    let (view, app, node) = (snapshot.view(), snapshot.app(), snapshot.node());
    let verdict = general(view, &app.definition, node, now);
    let first = verdict.first().map(|cause| &cause.entry.notification);
    let upcoming = view.upcoming(now);
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
                "restore": plan.restore,
            })
        })
        .collect();
    json!({
        "application": app.name(),
        "title": app.title,
        "available": verdict.is_open(),
        "reason": first.map(|closing| &closing.reason.name),
        "message": first.and_then(|closing| closing.message.as_deref()),
        "since": verdict.since(),
        "expected_back_at": verdict.expected_back_at(),
        "upcoming": planned,
    })
}
