//! What the cache of one application publishes and the gate decides by.
//!
//! Must stay true: [`Snapshot::decide`] gives at every instant what the View gives. The prepared
//! decision is used only for the time and the requests it holds for; outside of them the View is
//! asked, so that a cache which is late with its next snapshot costs time, never truth.

use std::sync::{Arc, OnceLock};

use crate::availability::{
    Moment, Name, RequestFacts, Word,
    verdict::{Cause, Definition, View},
};

use super::{Denial, general::nothing_but};

/// Answers of a kind that are kept, where requests get different ones. More than these are rendered
/// anew for each request.
const KEPT: usize = 8;

/// An application as answers need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// What people call it.
    pub title: String,
    /// Its name, what it uses, how many reporters must agree.
    pub definition: Definition,
}

impl App {
    /// What programs call it.
    pub fn name(&self) -> &Name {
        &self.definition.name
    }
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Decision {
    /// The application performs it.
    Open,
    /// It is turned away with this.
    Closed(Arc<Denial>),
}

/// Immutable; a change makes another one. See the module.
#[derive(Debug)]
pub struct Snapshot {
    app: Arc<App>,
    node: Name,
    view: View,
    built_at: Moment,
    valid_until: Option<Moment>,
    /// `None` where it depends on more of a request than on the node that decides it.
    prepared: Option<Decision>,
    /// Where decisions depend on the request: the answers that were rendered for some, for others
    /// that are turned away by the same. Filled from the front, without a lock.
    kept: [OnceLock<Arc<Denial>>; KEPT],
}

impl Snapshot {
    /// Decides once for all, if that is possible, and renders the answer in every shape. `node` is
    /// the name of this node, `now` the time by its clock.
    pub fn build(app: Arc<App>, node: Name, view: View, now: Moment) -> Self {
        let clock = view.rules.clock(now, view.limit);
        let valid_until = view.next_change(clock);
        let mut snapshot =
            Self { app, node, view, built_at: now, valid_until, prepared: None, kept: Default::default() };
        if !snapshot.depends_on_request() {
            let decision = snapshot.evaluate(&nothing_but(snapshot.node.as_str()), now);
            if let Decision::Closed(denial) = &decision {
                denial.prepare();
            }
            snapshot.prepared = Some(decision);
        }
        snapshot
    }

    /// Decides one request that this node got (its `node` is taken from the snapshot). Where the
    /// decision is prepared, nothing is evaluated and nothing allocated.
    pub fn decide(&self, request: &RequestFacts<'_>, now: Moment) -> Decision {
        match &self.prepared {
            Some(prepared) if self.holds_at(now) => prepared.clone(),
            _ => self.evaluate(&RequestFacts { node: self.node.as_str(), ..*request }, now),
        }
    }

    fn evaluate(&self, request: &RequestFacts<'_>, now: Moment) -> Decision {
        let verdict = self.view.decide(&self.app.definition, request, now);
        if verdict.is_open() {
            return Decision::Open;
        }
        // Within the time that the snapshot holds for, the causes are all that a denial depends on.
        let keeps = self.holds_at(now);
        if keeps && let Some(denial) = self.kept(&verdict.causes) {
            return Decision::Closed(denial);
        }
        match Denial::of(&self.app, &self.node, &self.view, verdict, now) {
            Some(denial) => {
                let denial = Arc::new(denial);
                if keeps {
                    self.kept.iter().find(|place| Arc::ptr_eq(place.get_or_init(|| Arc::clone(&denial)), &denial));
                }
                Decision::Closed(denial)
            }
            None => Decision::Open,
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

    fn holds_at(&self, now: Moment) -> bool {
        self.built_at <= now && self.valid_until.is_none_or(|until| now < until)
    }

    /// When time alone may change a decision, or what is said about it: the time to publish the
    /// next snapshot. `None`: never.
    pub fn valid_until(&self) -> Option<Moment> {
        self.valid_until
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

    /// Whether some requests may be decided differently from others on this node. Criteria that name
    /// nothing but nodes are the same for every request that this node gets.
    pub fn depends_on_request(&self) -> bool {
        words(&self.view).filter_map(Word::criteria).any(|criteria| !criteria.only_nodes())
    }
}

/// All words that matter for an application.
fn words(view: &View) -> impl Iterator<Item = &Word> {
    let resources = view.resources.iter().flat_map(|(.., words)| words.iter());
    view.own.iter().chain(view.system.iter()).chain(resources)
}

#[cfg(test)]
mod tests;
