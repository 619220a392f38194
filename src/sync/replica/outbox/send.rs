//! Sends rows to a peer, and handles its answer or its silence.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{Outbox, Route};
use crate::{
    availability::{Key, NodeId},
    sync::{
        Change, Now, QueueKey,
        lane::{NO_PROGRESS, Row},
        message::{Gathered, Item, Receipt},
    },
};

/// Most records of the registry in one message.
const MAX_RECORDS: usize = 64;

/// What the next message to a peer carries.
pub(in super::super) type Batch = (Vec<Item>, Vec<Receipt>, Vec<Gathered>, BTreeSet<Key>);

/// The next action for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Want {
    /// It is to be sent to.
    Send,
    /// It is to be merged with.
    Merge,
}

impl Outbox {
    /// The next action for this peer, if it can be reached.
    pub(in super::super) fn want(&self, id: NodeId, now: Now) -> Option<Want> {
        let route = self.routes.get(&id).filter(|route| route.known && route.link.is_free(now.mono))?;
        if route.takes_no_rows() {
            return Some(Want::Merge);
        }
        route.has_work().then_some(Want::Send)
    }

    /// Advances time. Returns the peers with due rows or merges.
    pub(in super::super) fn due(&mut self, now: Now) -> Vec<NodeId> {
        let mut due = Vec::new();
        for (id, route) in &mut self.routes {
            let progress = &self.progress;
            route.lane.due(now.mono, |key, child| progress.get(&(*key, child)).copied());
            if route.known && route.link.is_free(now.mono) && (route.has_work() || route.lane.collapsed) {
                due.push(*id);
            }
        }
        let routes = &self.routes;
        self.active.retain(|id| routes.get(id).is_some_and(|route| !route.is_idle()));
        self.progress.retain(|_, at| *at + NO_PROGRESS * 2 > now.mono);
        due
    }

    /// When [`Outbox::due`] is to be called at the latest.
    pub(in super::super) fn next_timer(&self) -> Option<Duration> {
        let due = |route: &Route| {
            let waits = if route.lane.collapsed { !route.merging } else { route.has_work() };
            let link = if waits { route.link.due() } else { None };
            route.lane.next_timer().into_iter().chain(link).min()
        };
        self.active.iter().filter_map(|id| self.routes.get(id)).filter_map(due).min()
    }

    /// The next message to this peer. One message at a time: [`Outbox::landed`] or [`Outbox::failed`] must
    /// follow.
    pub(in super::super) fn take_batch(&mut self, id: NodeId, now: Now) -> Option<Batch> {
        let route = self.routes.get_mut(&id).filter(|route| route.known && route.link.is_free(now.mono))?;
        if route.lane.collapsed || !route.has_work() {
            return None;
        }
        let (items, (receipts, gathered)) = (route.lane.take_batch(), route.lane.owed.take_batch());
        let keys: BTreeSet<Key> = route.records.iter().take(MAX_RECORDS).copied().collect();
        route.records.retain(|key| !keys.contains(key));
        route.records_sent.clone_from(&keys);
        route.link.sent();
        let receipts = receipts.into_iter().map(|(stamp, state)| Receipt { stamp, state }).collect();
        Some((items, receipts, gathered, keys))
    }

    /// The peer has answered: returns the rows that were in flight, which the caller settles one by one.
    pub(in super::super) fn landed(&mut self, id: NodeId) -> Option<Vec<QueueKey>> {
        let route = self.routes.get_mut(&id)?;
        route.link.answered();
        route.records_sent.clear();
        Some(route.lane.landed())
    }

    /// A row that is still the one that was sent: one that was changed meanwhile is sent again.
    pub(in super::super) fn in_flight(&self, id: NodeId, key: &QueueKey) -> Option<Row> {
        let lane = &self.routes.get(&id)?.lane;
        lane.get(key).filter(|_| lane.is_in_flight(key)).cloned()
    }

    /// The peer has the row, or has not reported on it: it is asked again later.
    pub(in super::super) fn ask_again(&mut self, id: NodeId, key: &QueueKey, now: Now) {
        if let Some(route) = self.routes.get_mut(&id) {
            route.lane.queued(key, now.mono);
        }
    }

    /// The peer has accepted this row, with its share except the members that it does not know. At the initial
    /// node the rows stay until receipts arrive; at a relay they end. Returns the peers to send to now.
    pub(in super::super) fn acknowledged(
        &mut self,
        id: NodeId,
        key: &QueueKey,
        row: &Row,
        unknown: &HashSet<NodeId>,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Vec<NodeId> {
        let own = row.initial == self.me;
        let mut wake = Vec::new();
        for member in &row.share {
            let Some(route) = self.routes.get_mut(member) else { continue };
            if route.lane.delegated_to(key) != Some(id) {
                continue;
            }
            if unknown.contains(member) {
                route.lane.direct(key, Vec::new());
                wake.push(*member);
            } else if !own && route.lane.remove(key).is_some() {
                changes.push(Change::Unpost(*member, *key));
            }
        }
        let Some(route) = self.routes.get_mut(&id) else { return wake };
        if own {
            self.progress.insert((*key, id), now.mono);
            // If it must be sent again, it is not delegated again.
            route.lane.direct(key, Vec::new());
            route.lane.queued(key, now.mono);
        } else {
            route.lane.remove(key);
            changes.push(Change::Unpost(id, *key));
        }
        wake
    }

    /// The peer did not answer: it is tried again after a back-off, and the next member of each of its shares
    /// takes its place. Returns the peers to send to now.
    pub(in super::super) fn failed(&mut self, id: NodeId, chance: u64, now: Now) -> Vec<NodeId> {
        let Some(route) = self.routes.get_mut(&id) else { return Vec::new() };
        route.link.failed(now.mono, chance);
        let sent = std::mem::take(&mut route.records_sent);
        route.records.extend(sent);
        let (mut wake, stranded) = (Vec::new(), route.lane.owed.crashed(id));
        let crashed = route.lane.crashed();
        for ((stamp, initial, node), state) in stranded {
            if self.pass_receipt(initial, (stamp, initial), node, state) && wake.last() != Some(&initial) {
                wake.push(initial);
            }
        }
        for key in crashed {
            let row = self.routes.get(&id).and_then(|route| route.lane.get(&key));
            let Some(row) = row.filter(|row| !row.share.is_empty()).cloned() else { continue };
            self.direct(id, &key, Vec::new());
            // Those that have not received it meanwhile.
            let is_waiting = |member: &&NodeId| {
                self.routes.get(member).is_some_and(|route| route.lane.delegated_to(&key) == Some(id))
            };
            let waiting: Vec<NodeId> = row.share.iter().filter(is_waiting).copied().collect();
            let is_up = |member: &NodeId| self.routes.get(member).is_some_and(Route::is_up);
            let (up, down): (Vec<NodeId>, Vec<NodeId>) = waiting.into_iter().partition(is_up);
            for member in down {
                self.direct(member, &key, Vec::new());
                wake.push(member);
            }
            if let Some((next, rest)) = up.split_first() {
                for member in rest {
                    if let Some(route) = self.routes.get_mut(member) {
                        let (entry, initial) = (Arc::clone(&row.entry), row.initial);
                        let gather = route.lane.get(&key).is_some_and(|row| row.gather);
                        route.lane.delegate(key, entry, initial, gather, *next, now.mono);
                    }
                }
                self.direct(*next, &key, rest.to_vec());
                wake.push(*next);
            }
        }
        wake
    }

    /// The row is to be sent to this peer itself, with this share.
    fn direct(&mut self, id: NodeId, key: &QueueKey, share: Vec<NodeId>) {
        if let Some(route) = self.routes.get_mut(&id) {
            route.lane.direct(key, share);
        }
    }

    /// The peer is there, so no back-off holds it up. Whether it was down.
    pub(in super::super) fn heard(&mut self, id: NodeId) -> bool {
        let Some(route) = self.routes.get_mut(&id) else { return false };
        let was_down = route.link.is_down();
        route.link.heard();
        was_down
    }
}
