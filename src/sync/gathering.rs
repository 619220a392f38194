//! Receipts that a relay gathers from those below it, to pass them upwards in few messages
//! (`docs/contract.md#receipts`).
//!
//! Each notification has a gathering at each node of its tree: where the receipts go, the nodes below whose final
//! receipt is still to come, and the news that has not been passed on. News leaves when everybody has a final receipt,
//! or after a short wait, which is longer the more nodes are below: so the deeper relays are the first.
//!
//! Must stay true: nothing is passed on twice, so two relays that gather for each other come to an end; memory is
//! bounded, and what has no gathering goes straight to the initial node. All of it is in memory only: the rows of the
//! initial node do not depend on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::message::DeliveryState;
use crate::availability::{NodeId, Stamp};

/// Most nodes in all gatherings together.
const MAX_NODES: usize = 100_000;
/// A gathering waits so long, once more for each doubling of the nodes below.
const WAIT: Duration = Duration::from_millis(25);
/// Between two messages with receipts for what a broker has brought: receipts of several notifications share one.
const LINGER: Duration = Duration::from_millis(100);
/// Nodes that have not told by then, tell the initial node themselves.
const ENDS: Duration = Duration::from_secs(5);

/// Of which entry, and which node accepted it.
pub(super) type Of = (Stamp, NodeId);

#[derive(Debug, Clone)]
struct Gathering {
    up: NodeId,
    /// What is known of this node and of those below.
    states: BTreeMap<NodeId, DeliveryState>,
    news: BTreeSet<NodeId>,
    /// How many final receipts are still to come.
    open: usize,
    wait: Duration,
    /// A broker has brought it: the receipt may wait for those of other notifications.
    lingers: bool,
    /// When the news leaves, or the gathering ends.
    due: Duration,
    /// When it ends, if nothing is heard until then.
    ends: Duration,
}

/// Receipts that leave now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) of: Of,
    pub(super) up: NodeId,
    pub(super) receipts: Vec<(NodeId, DeliveryState)>,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Gatherings {
    open: BTreeMap<Of, Gathering>,
    due: BTreeSet<(Duration, Of)>,
    nodes: usize,
    /// When receipts for what a broker has brought last left for an initial node.
    left: BTreeMap<NodeId, Duration>,
}

impl Gathering {
    /// Everybody has a final receipt.
    fn is_complete(&self) -> bool {
        self.open == 0
    }

    fn expect(&mut self, node: NodeId) -> usize {
        let known = self.states.len();
        self.states.entry(node).or_insert(DeliveryState::Waiting);
        self.open += self.states.len() - known;
        self.states.len() - known
    }

    /// Whether that is news.
    fn raise(&mut self, node: NodeId, state: DeliveryState) -> bool {
        let Some(known) = self.states.get_mut(&node).filter(|known| state > **known) else { return false };
        self.open -= usize::from(state.is_final() && !known.is_final());
        *known = state;
        true
    }
}

impl Gatherings {
    /// The receipts of `me` and of those `below` are to be passed to `up`. Those who are known already stay. Whether
    /// there is room for it.
    pub(super) fn begin(&mut self, of: Of, up: NodeId, me: NodeId, below: &[NodeId], mono: Duration) -> bool {
        if self.nodes + below.len() + 1 > MAX_NODES {
            return self.open.contains_key(&of);
        }
        let ends = mono + ENDS;
        let gathering = self.open.entry(of).or_insert_with(|| {
            self.due.insert((ends, of));
            let (states, news) = (BTreeMap::new(), BTreeSet::new());
            Gathering { up, states, news, open: 0, wait: WAIT, lingers: false, due: ends, ends }
        });
        let new: usize = [me].iter().chain(below).map(|node| gathering.expect(*node)).sum();
        self.nodes += new;
        let wait = WAIT * (1 + below.len().checked_ilog2().map_or(0, |doubled| doubled + 1));
        (gathering.wait, gathering.ends) = (gathering.wait.max(wait), ends);
        if up == of.1 {
            // The initial node asks itself: it need not hear by way of another.
            gathering.up = up;
        }
        true
    }

    /// A broker has brought it: the receipt of `me` leaves at once, or with those of other notifications.
    pub(super) fn linger(&mut self, of: Of, me: NodeId, mono: Duration) {
        if self.begin(of, of.1, me, &[], mono)
            && let Some(gathering) = self.open.get_mut(&of)
        {
            gathering.lingers = true;
        }
    }

    /// Whether the receipts of those below are gathered.
    pub(super) fn has(&self, of: &Of) -> bool {
        self.open.contains_key(of)
    }

    /// A receipt of this node, or of one below. False: nobody gathers it here.
    pub(super) fn note(&mut self, of: &Of, node: NodeId, state: DeliveryState, mono: Duration) -> bool {
        let Some(gathering) = self.open.get_mut(of).filter(|gathering| gathering.states.contains_key(&node)) else {
            return false;
        };
        if gathering.raise(node, state) {
            let is_first = gathering.news.is_empty();
            gathering.news.insert(node);
            if gathering.is_complete() {
                let last = self.left.get(&gathering.up).filter(|_| gathering.lingers);
                let due = last.map_or(mono, |left| mono.max(*left + LINGER));
                self.set_due(of, due);
            } else if is_first {
                let due = mono + gathering.wait;
                self.set_due(of, due);
            }
        }
        true
    }

    /// This node has answered `to` with its state, which needs no message any more.
    pub(super) fn told(&mut self, of: &Of, to: NodeId, me: NodeId, state: DeliveryState) {
        let Some(gathering) = self.open.get_mut(of).filter(|gathering| gathering.up == to) else { return };
        gathering.raise(me, state);
        if gathering.states.get(&me) == Some(&state) {
            gathering.news.remove(&me);
        }
        if gathering.news.is_empty() && gathering.is_complete() {
            self.end(of);
        }
    }

    /// What leaves now. With a receipt that has waited for others leave those that wait for the same node.
    pub(super) fn take_due(&mut self, mono: Duration) -> Vec<Batch> {
        let (mut leaving, mut to) = (Vec::new(), BTreeSet::new());
        while let Some((_, of)) = self.due.first().copied().filter(|(due, _)| *due <= mono) {
            to.extend(self.open.get(&of).filter(|gathering| gathering.lingers).map(|gathering| gathering.up));
            self.leave(&of, mono, &mut leaving);
        }
        if !to.is_empty() {
            let along = |(_, gathering): &(&Of, &Gathering)| gathering.is_complete() && to.contains(&gathering.up);
            let along: Vec<Of> = self.open.iter().filter(along).map(|(of, _)| *of).collect();
            along.iter().for_each(|of| self.leave(of, mono, &mut leaving));
            self.left.retain(|_, left| *left + LINGER > mono);
            self.left.extend(to.into_iter().map(|up| (up, mono)));
        }
        leaving
    }

    /// When [`Gatherings::take_due`] is to be called at the latest.
    pub(super) fn next(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    fn leave(&mut self, of: &Of, mono: Duration, leaving: &mut Vec<Batch>) {
        let Some(gathering) = self.open.get_mut(of) else { return };
        let news = std::mem::take(&mut gathering.news);
        let receipts: Vec<_> = news.iter().filter_map(|node| Some((*node, *gathering.states.get(node)?))).collect();
        if !receipts.is_empty() {
            gathering.ends = mono + ENDS;
            leaving.push(Batch { of: *of, up: gathering.up, receipts });
        }
        if gathering.is_complete() || gathering.ends <= mono {
            self.end(of);
        } else {
            let ends = gathering.ends;
            self.set_due(of, ends);
        }
    }

    fn set_due(&mut self, of: &Of, due: Duration) {
        if let Some(gathering) = self.open.get_mut(of) {
            self.due.remove(&(gathering.due, *of));
            gathering.due = due;
            self.due.insert((due, *of));
        }
    }

    fn end(&mut self, of: &Of) {
        if let Some(gathering) = self.open.remove(of) {
            self.due.remove(&(gathering.due, *of));
            self.nodes -= gathering.states.len();
        }
    }
}

#[cfg(test)]
mod tests;
