//! The merge phase of a start: which reference is asked next, and which ones get the entries of others
//! afterwards (`docs/contract.md#merge`).
//!
//! The node announces itself to all nodes at once. It then merges with references in their order, in series or
//! in parallel; the next reference replaces one that does not answer. Nodes that the answers name are appended.
//! At the end each reference gets the entries that it missed.
//!
//! Must stay true: each node is asked once; the phase ends, because every announcement, merge and
//! follow-up does, or because its time is over.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::Plan;
use crate::{
    availability::{Entry, NodeId},
    sync::{
        Ticket,
        merge::{Session, Talk},
    },
};

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Move {
    /// Merge with this node, which has answered at this address.
    Talk(NodeId, String),
    /// Tell this reference these entries.
    Tell(NodeId, Vec<Arc<Entry>>),
    /// The phase is over.
    Over,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// Who is told when it is over.
    pub(super) ticket: Ticket,
    /// When it is over at the latest, on the monotonic clock.
    pub(super) until: Duration,
    /// How many references have answered.
    pub(super) reached: usize,
    wanted: usize,
    series: bool,
    /// Addresses that have not been asked yet, in order.
    queue: VecDeque<String>,
    /// All addresses that were ever in the queue.
    seen: BTreeSet<String>,
    /// Which node has answered an announcement at which address.
    met: BTreeMap<String, NodeId>,
    asked: BTreeSet<NodeId>,
    /// Merges in flight.
    open: BTreeSet<NodeId>,
    session: Session,
    /// The follow-ups that are still to be sent; none before all merges are over.
    missed: Option<Vec<(NodeId, Vec<Arc<Entry>>)>>,
    telling: BTreeSet<NodeId>,
}

impl Start {
    pub(super) fn new(plan: &Plan, ticket: Ticket, now: Duration) -> Self {
        Self {
            ticket,
            until: now + plan.timeout,
            reached: 0,
            wanted: plan.references.unwrap_or(usize::MAX),
            series: plan.series,
            queue: VecDeque::new(),
            seen: BTreeSet::new(),
            met: BTreeMap::new(),
            asked: BTreeSet::new(),
            open: BTreeSet::new(),
            session: Session::new(plan.series),
            missed: None,
            telling: BTreeSet::new(),
        }
    }

    /// Appends those of these addresses that are new; returns them, for an announcement each.
    pub(super) fn add(&mut self, addresses: impl IntoIterator<Item = String>) -> Vec<String> {
        let new: Vec<String> = addresses.into_iter().filter(|address| self.seen.insert(address.clone())).collect();
        self.queue.extend(new.iter().cloned());
        new
    }

    /// An announcement was answered by this node, or by none that counts.
    pub(super) fn announced(&mut self, address: &str, met: Option<NodeId>) {
        match met {
            Some(id) => _ = self.met.insert(address.to_owned(), id),
            None => self.queue.retain(|waiting| waiting != address),
        }
    }

    /// Whether this merge belongs to the phase.
    pub(super) fn is_open(&self, id: NodeId) -> bool {
        self.open.contains(&id)
    }

    /// The number of merges in flight.
    pub(super) fn open(&self) -> impl Iterator<Item = NodeId> {
        self.open.iter().copied()
    }

    /// A merge of the phase is over; without a talk it was broken off.
    pub(super) fn ended(&mut self, id: NodeId, talk: Option<Talk>) {
        if self.open.remove(&id)
            && let Some(talk) = talk
        {
            self.reached += 1;
            self.session.ended(talk);
        }
    }

    /// The next reference is being merged with already, so that its talk began before that of an earlier one ended.
    pub(super) fn overlap(&mut self) {
        self.session.overlap();
    }

    /// A reference has received what it missed, or cannot be reached any more.
    pub(super) fn told(&mut self, id: NodeId) {
        self.telling.remove(&id);
    }

    /// The next move; none while something must end first.
    pub(super) fn next(&mut self) -> Option<Move> {
        if self.missed.is_none() {
            if let Some((id, address)) = self.next_reference() {
                return Some(Move::Talk(id, address));
            }
            if !self.open.is_empty() || self.reached < self.wanted && !self.queue.is_empty() {
                return None;
            }
            self.missed = Some(self.session.missed());
        }
        if let Some((id, entries)) = self.missed.as_mut().and_then(Vec::pop) {
            self.telling.insert(id);
            return Some(Move::Tell(id, entries));
        }
        self.telling.is_empty().then_some(Move::Over)
    }

    fn next_reference(&mut self) -> Option<(NodeId, String)> {
        while self.reached + self.open.len() < self.wanted && (!self.series || self.open.is_empty()) {
            let answered = |address: &String| self.met.contains_key(address);
            // In series the order counts: wait until the first one answers or fails.
            let at = if self.series {
                self.queue.front().filter(|address| answered(address)).map(|_| 0)?
            } else {
                self.queue.iter().position(answered)?
            };
            let address = self.queue.remove(at)?;
            let id = *self.met.get(&address)?;
            if self.asked.insert(id) {
                self.open.insert(id);
                return Some((id, address));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use uuid::Uuid;

    use super::*;

    fn id(i: u128) -> NodeId {
        NodeId(Uuid::from_u128(i))
    }

    fn start(references: Option<usize>, series: bool, of: u128) -> Start {
        let plan = Plan { references, series, ..Plan::default() };
        let mut start = Start::new(&plan, 1, Duration::ZERO);
        let addresses: Vec<String> = (1..=of).map(|i| i.to_string()).collect();
        assert_eq!(start.add(addresses.clone()), addresses);
        start
    }

    fn entry(i: u128) -> Arc<Entry> {
        let record = serde_json::json!({
            "id": Uuid::from_u128(i), "timestamp": "1970-01-01T00:00:01Z", "targets": ["system"],
            "status": "unavailable", "source": "operator", "node": "a",
        });
        Entry::stamped(serde_json::from_value(record).unwrap(), 0, NodeId::NONE)
    }

    /// The reference to merge with next.
    fn asks(start: &mut Start) -> Vec<u128> {
        std::iter::from_fn(|| match start.next() {
            Some(Move::Talk(id, _)) => Some(id.0.as_u128()),
            _ => None,
        })
        .collect()
    }

    fn talk(i: u128) -> Option<Talk> {
        Some(Talk::over(id(i)))
    }

    #[test]
    fn in_series_the_order_counts_and_who_does_not_answer_is_replaced() {
        let mut start = start(Some(2), true, 4);
        start.announced("2", Some(id(2)));
        start.announced("4", Some(id(4)));
        assert!(start.next().is_none(), "the first may still answer");
        start.announced("1", None);
        assert_eq!(asks(&mut start), [2]);
        start.ended(id(2), None);
        assert!(start.next().is_none(), "the third may still answer");
        start.announced("3", Some(id(3)));
        assert_eq!(asks(&mut start), [3]);
        start.ended(id(3), talk(3));
        assert_eq!(asks(&mut start), [4]);
        start.ended(id(4), talk(4));
        assert!(matches!(start.next(), Some(Move::Over)));
        assert_eq!(start.reached, 2);
    }

    #[test]
    fn in_parallel_whoever_answers_is_asked_but_no_more_than_are_wanted() {
        let mut start = start(Some(2), false, 4);
        assert_eq!(asks(&mut start), [0; 0]);
        for i in [3, 2, 4] {
            start.announced(&i.to_string(), Some(id(i)));
        }
        assert_eq!(asks(&mut start), [2, 3]);
        start.ended(id(3), None);
        assert_eq!(asks(&mut start), [4]);
        start.ended(id(2), talk(2));
        assert!(start.next().is_none());
        start.ended(id(4), talk(4));
        assert!(matches!(start.next(), Some(Move::Over)), "the first was not needed");
    }

    #[test]
    fn a_node_with_two_addresses_is_asked_once_and_one_that_an_answer_names_too() {
        let mut start = start(None, false, 2);
        start.announced("1", Some(id(7)));
        start.announced("2", Some(id(7)));
        assert_eq!(asks(&mut start), [7]);
        assert_eq!(start.add(["2".to_owned(), "3".to_owned()]), ["3"]);
        start.ended(id(7), talk(7));
        assert!(start.next().is_none(), "the new one may still answer");
        start.announced("3", Some(id(8)));
        assert_eq!(asks(&mut start), [8]);
        start.ended(id(8), talk(8));
        assert!(matches!(start.next(), Some(Move::Over)));
    }

    #[test]
    fn in_series_the_earlier_is_told_and_after_an_overlap_the_later_too() {
        for overlaps in [false, true] {
            let mut start = start(None, true, 2);
            for i in 1..=2 {
                start.announced(&i.to_string(), Some(id(i)));
            }
            assert_eq!(asks(&mut start), [1]);
            let gave = |i: u128| {
                let mut talk = Talk::over(id(i));
                talk.learned = vec![entry(i)];
                talk
            };
            start.ended(id(1), Some(gave(1)));
            assert_eq!(asks(&mut start), [2]);
            if overlaps {
                start.overlap();
            }
            start.ended(id(2), Some(gave(2)));
            let told = std::iter::from_fn(|| match start.next() {
                Some(Move::Tell(to, entries)) => Some((to, entries.iter().map(|entry| entry.stamp).collect())),
                _ => None,
            });
            let mut told: Vec<(NodeId, Vec<_>)> = told.collect();
            told.sort();
            let mut expected = vec![(id(1), vec![entry(2).stamp])];
            if overlaps {
                expected.push((id(2), vec![entry(1).stamp]));
            }
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn nobody_to_ask_is_over_at_once() {
        assert!(matches!(start(None, true, 0).next(), Some(Move::Over)));
        assert!(matches!(start(Some(0), false, 3).next(), Some(Move::Over)));
    }
}
