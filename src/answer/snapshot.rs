//! What the cache of one application publishes and the gate decides by.
//!
//! Must stay true: [`Snapshot::decide`] gives at every instant what the View gives. The prepared
//! decision is used only for the time and the requests it holds for; outside of them the View is
//! asked, so that a cache which is late with its next snapshot costs time, never truth.

use std::sync::Arc;

use crate::availability::{
    Moment, Name, RequestFacts, Word,
    verdict::{Definition, View},
};

use super::{Denial, general::nothing_but};

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
}

impl Snapshot {
    /// Decides once for all, if that is possible, and renders the answer in every shape. `node` is
    /// the name of this node, `now` the time by its clock.
    pub fn build(app: Arc<App>, node: Name, view: View, now: Moment) -> Self {
        let clock = view.rules.clock(now, view.limit);
        let valid_until = view.next_change(clock);
        let mut snapshot = Self { app, node, view, built_at: now, valid_until, prepared: None };
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
        match Denial::of(&self.app, &self.node, &self.view, verdict, now) {
            Some(denial) => Decision::Closed(Arc::new(denial)),
            None => Decision::Open,
        }
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
