//! A snapshot: the state of one application that its cache publishes and the gate decides by.
//!
//! Must stay true: [`Snapshot::decide`] gives at every instant the verdict of the words. Prepared results are
//! used only for the time and the requests for which they are valid; otherwise the words are weighed again. So
//! a cache that is late with its next snapshot costs time, never correctness.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use super::{
    Announced, App, Denial,
    denial::shortened,
    general::{general, nothing_but},
};
use crate::{
    availability::{
        Moment, Name, RequestFacts, Weighed,
        verdict::{Cause, Verdict, View},
    },
    text::Language,
};

/// Answers of a kind that are kept, where requests get different ones. More than these are rendered
/// anew for each request.
const KEPT: usize = 8;
/// Earlier messages about an outage that are kept, and the most characters of each.
const UPDATES: usize = 4;
const UPDATE: usize = 200;

/// When and what, the newest first.
type Updates = Arc<[(Moment, String)]>;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Decision {
    /// The application performs it. What is degraded there, as the value of `Forewarn-Advisory`: the names
    /// of the reasons.
    Open(Option<Bytes>),
    /// It is turned away with this.
    Closed(Arc<Denial>),
}

/// Immutable; a change makes another one. See the module.
#[derive(Debug)]
pub struct Snapshot {
    app: Arc<App>,
    node: Name,
    view: View,
    weighed: Arc<Weighed>,
    announced: Announced,
    updates: Updates,
    /// `None` where it depends on more of a request than on the node that decides it.
    prepared: Option<Decision>,
    /// Where it depends on the request: for those that no criteria match, and whose sender is inside.
    plain: Option<Decision>,
    /// Where decisions depend on the request: the answers that were rendered for some, for others
    /// that are turned away by the same. Filled from the front, without a lock.
    kept: [OnceLock<Arc<Denial>>; KEPT],
}

impl Snapshot {
    /// Weighs the words, and decides once for all if that is possible. `node` is the name of this node, `clock` the time that verdicts go by
    /// ([`crate::availability::Rules::clock`]), here as everywhere below.
    pub fn build(app: Arc<App>, node: Name, view: View, clock: Moment) -> Self {
        Self::with_updates(app, node, view, clock, Arc::default())
    }

    /// The one that follows this one. What was said about an outage that goes on stays known, as far as this
    /// process has seen it.
    #[must_use]
    pub fn next(&self, view: View, clock: Moment) -> Self {
        let deciding = |weighed: &Weighed| {
            let verdict = general(weighed, &self.node);
            verdict.first().map(|cause| Arc::clone(&cause.entry))
        };
        let updates = match (deciding(&self.weighed), deciding(&view.weigh(clock))) {
            (Some(before), Some(now)) if before.notification.id == now.notification.id => Arc::clone(&self.updates),
            (Some(before), Some(now)) => {
                let (before, now) = (&before.notification, &now.notification);
                let said = before.message.iter().filter(|message| now.message.as_ref() != Some(message));
                let said = said.map(|message| (before.timestamp, shortened(message, UPDATE)));
                said.chain(self.updates.iter().cloned()).take(UPDATES).collect()
            }
            _ => Arc::default(),
        };
        Self::with_updates(Arc::clone(&self.app), self.node.clone(), view, clock, updates)
    }

    fn with_updates(app: Arc<App>, node: Name, view: View, clock: Moment, updates: Updates) -> Self {
        let weighed = Arc::new(view.weigh(clock));
        let announced = Announced::of(&weighed, &node, clock);
        let kept = Default::default();
        let mut snapshot = Self { app, node, view, weighed, announced, updates, prepared: None, plain: None, kept };
        let decision = match snapshot.depends_on_request() {
            true => snapshot.settle(snapshot.weighed.decide_where(true, |_| false), clock),
            false => snapshot.evaluate(&nothing_but(snapshot.node.as_str()), clock),
        };
        match snapshot.depends_on_request() {
            true => snapshot.plain = Some(decision),
            false => snapshot.prepared = Some(decision),
        }
        snapshot
    }

    /// Renders the answer that most requests get, in a language, rather than for the first of them.
    pub fn prepare(&self, language: &Arc<Language>) {
        if let Some(Decision::Closed(denial)) = self.prepared.as_ref().or(self.plain.as_ref()) {
            denial.prepare(language);
        }
    }

    /// Decides one request that this node got (its `node` is taken from the snapshot). Where the
    /// decision is prepared, nothing is evaluated and nothing allocated.
    pub fn decide(&self, request: &RequestFacts<'_>, clock: Moment) -> Decision {
        let holds = self.holds_at(clock);
        let admitted = || request.inside || !self.weighed.turns_newcomers_away();
        match (&self.prepared, &self.plain) {
            (Some(prepared), _) if holds => prepared.clone(),
            (None, Some(plain)) if holds && admitted() && self.weighed.leaves_alone(request) => plain.clone(),
            _ => self.evaluate(&RequestFacts { node: self.node.as_str(), ..*request }, clock),
        }
    }

    fn evaluate(&self, request: &RequestFacts<'_>, clock: Moment) -> Decision {
        // Within the time that the snapshot holds for, the causes are all that a denial depends on.
        let holds = self.holds_at(clock);
        let verdict = if holds { self.weighed.decide(request) } else { self.view.weigh(clock).decide(request) };
        self.settle(verdict, clock)
    }

    /// What a verdict means for its request.
    fn settle(&self, verdict: Verdict, clock: Moment) -> Decision {
        let holds = self.holds_at(clock);
        if verdict.is_open() {
            return Decision::Open(advisory(&verdict));
        }
        if holds && let Some(denial) = self.kept(&verdict.causes) {
            return Decision::Closed(denial);
        }
        match Denial::of(&self.app, &self.node, verdict, clock) {
            Some(denial) => {
                let denial = Arc::new(denial.after(&self.updates));
                if holds {
                    self.kept.iter().find(|place| Arc::ptr_eq(place.get_or_init(|| Arc::clone(&denial)), &denial));
                }
                Decision::Closed(denial)
            }
            None => Decision::Open(None),
        }
    }

    /// The answer that was rendered for these causes.
    fn kept(&self, causes: &[Cause]) -> Option<Arc<Denial>> {
        let same = |one: &Cause, other: &Cause| Arc::ptr_eq(&one.entry, &other.entry) && one.target == other.target;
        let fits = |denial: &&Arc<Denial>| {
            denial.causes().len() == causes.len()
                && denial.causes().iter().zip(causes).all(|(one, other)| same(one, other))
        };
        self.kept.iter().map_while(OnceLock::get).find(fits).cloned()
    }

    /// Whether this is what would be published now.
    pub fn holds_at(&self, clock: Moment) -> bool {
        self.weighed.holds_at(clock)
    }

    /// When time alone may change a decision, or what is said about it: the time to publish the
    /// next snapshot. `None`: never.
    pub fn valid_until(&self) -> Option<Moment> {
        self.weighed.until()
    }

    /// What is announced to those who are served.
    pub fn announced(&self, clock: Moment) -> Cow<'_, Announced> {
        match self.holds_at(clock) {
            true => Cow::Borrowed(&self.announced),
            false => Cow::Owned(Announced::of(&self.view.weigh(clock), &self.node, clock)),
        }
    }

    /// The application.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The name of the node that decides.
    pub fn node(&self) -> &Name {
        &self.node
    }

    /// The words that it decides by.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What is left of the words at this time.
    pub fn weighed_at(&self, clock: Moment) -> Arc<Weighed> {
        if self.holds_at(clock) { Arc::clone(&self.weighed) } else { Arc::new(self.view.weigh(clock)) }
    }

    /// Whether some requests may be decided differently from others on this node. Criteria that name
    /// nothing but nodes are the same for every request that this node gets.
    pub fn depends_on_request(&self) -> bool {
        self.weighed.turns_newcomers_away() || self.weighed.criteria().any(|criteria| !criteria.only_nodes())
    }
}

/// Reasons have names that can stand in a header field as they are.
fn advisory(verdict: &Verdict) -> Option<Bytes> {
    let mut names: Vec<&str> = Vec::new();
    for advisory in &verdict.advisories {
        let name = advisory.entry.notification.reason.name.as_str();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join(", ").into())
}

#[cfg(test)]
mod tests;
