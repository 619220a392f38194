//! The outbox: the rows that wait for each peer, the receipts that each is owed, and the state of this node's
//! own notifications on the others (docs/contract.md#relay-plan, docs/contract.md#receipts).
//!
//! Must stay true: an own row ends only with its peer's final receipt, or when a merge replaces the lane; a
//! relayed row ends with the peer's acknowledgement. Rows change in memory here; the caller commits the
//! returned changes.

mod post;
mod receipts;
mod send;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub(super) use self::send::Want;
use crate::{
    availability::{Key, Moment, NodeId, Stamp},
    sync::{Change, Now, OutboxRow, QueueKey, lane::Lane, link::Link, track::Tracks},
};

/// The way to one peer.
#[derive(Debug, Clone, Default)]
struct Route {
    lane: Lane,
    link: Link,
    /// A known node, not only an address that has not answered.
    known: bool,
    merging: bool,
    /// Keys of the registry whose records the peer has not got from this node.
    records: BTreeSet<Key>,
    /// Those that are under way.
    records_sent: BTreeSet<Key>,
    /// The lane collapsed while a merge was in flight, which may not have brought everything.
    merge_again: bool,
}

impl Route {
    /// The lane has no rows: the peer gets a merge. During that merge rows are written again, because it may
    /// already have compared that part of the ledger.
    fn takes_no_rows(&self) -> bool {
        self.lane.collapsed && !self.merging
    }

    /// There is something to send to it.
    fn has_work(&self) -> bool {
        self.lane.has_work() || !self.records.is_empty()
    }

    /// Nothing waits on it.
    fn is_idle(&self) -> bool {
        self.lane.len() == 0 && !self.has_work() && !self.lane.collapsed && !self.link.is_busy()
    }

    /// It can pass things on to others.
    fn is_up(&self) -> bool {
        self.known && !self.link.is_down() && !self.lane.collapsed
    }
}

/// One lane, to look at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LaneView {
    /// Rows that wait.
    pub(super) rows: usize,
    /// When the oldest of their notifications was made.
    pub(super) oldest: Option<Moment>,
    /// It gets a merge instead.
    pub(super) merge_on_return: bool,
    /// The last attempt to reach the peer failed.
    pub(super) down: bool,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    me: NodeId,
    routes: BTreeMap<NodeId, Route>,
    /// All routes on which something waits, and some others: in a large farm most are idle.
    active: BTreeSet<NodeId>,
    tracks: Tracks,
    /// When a share last made progress: by row and child.
    progress: BTreeMap<(QueueKey, NodeId), Duration>,
}

impl Outbox {
    /// An empty outbox of this node.
    pub(super) fn new(me: NodeId) -> Self {
        let (routes, active, tracks, progress) = Default::default();
        Self { me, routes, active, tracks, progress }
    }

    /// The route to a peer, for something that is to wait there.
    fn filling(&mut self, id: NodeId) -> Option<&mut Route> {
        let route = self.routes.get_mut(&id)?;
        self.active.insert(id);
        Some(route)
    }

    /// A lane for this peer. `known`: a node, not only an address.
    pub(super) fn open(&mut self, id: NodeId, known: bool) {
        self.routes.entry(id).or_default().known = known;
    }

    /// This peer does not answer an announcement: it counts as down. Returns whether it was up before.
    pub(super) fn unreachable(&mut self, id: NodeId, chance: u64, now: Now) -> bool {
        let Some(route) = self.routes.get_mut(&id) else { return false };
        let is_news = !route.link.is_busy() && !route.link.is_down();
        if is_news {
            route.link.failed(now.mono, chance);
        }
        is_news
    }

    /// This peer is gone: drops its rows and no longer awaits its receipts.
    pub(super) fn close(&mut self, id: NodeId) -> Vec<Change> {
        self.tracks.rename(id, None);
        let Some(mut route) = self.routes.remove(&id) else { return Vec::new() };
        let mut changes: Vec<Change> = route.lane.clear().into_keys().map(|key| Change::Unpost(id, key)).collect();
        if route.lane.collapsed {
            changes.push(Change::MergeOnReturn(id, false));
        }
        changes
    }

    /// Rows for an address now wait for the node that answers there.
    pub(super) fn rename(&mut self, old: NodeId, new: NodeId) -> Vec<Change> {
        self.tracks.rename(old, Some(new));
        let Some(mut stand_in) = self.routes.remove(&old) else { return Vec::new() };
        let mut changes = Vec::new();
        let rows = stand_in.lane.clear();
        for (key, row) in &rows {
            changes.push(Change::Unpost(old, *key));
            changes.push(Change::Post(new, *key, OutboxRow { initial: row.initial }));
        }
        if stand_in.lane.collapsed {
            changes.push(Change::MergeOnReturn(old, false));
            changes.push(Change::MergeOnReturn(new, true));
        }
        if let Some(route) = self.filling(new) {
            route.lane.absorb(rows);
            route.lane.collapsed |= stand_in.lane.collapsed;
        }
        changes
    }

    /// All nodes that a submission is sent to.
    pub(super) fn everybody(&self) -> Vec<NodeId> {
        self.routes.keys().copied().collect()
    }

    /// Every known peer is to get the records of these keys. Returns the peers.
    pub(super) fn owe_records(&mut self, keys: &[Key]) -> Vec<NodeId> {
        let known = self.routes.iter_mut().filter(|(_, route)| route.known);
        let peers: Vec<NodeId> = known.map(|(id, route)| (route.records.extend(keys), *id).1).collect();
        self.active.extend(&peers);
        peers
    }

    // ---- merges

    /// A merge with this peer begins.
    pub(super) fn merging(&mut self, id: NodeId) {
        if let Some(route) = self.routes.get_mut(&id) {
            route.merging = true;
            route.merge_again = false;
        }
    }

    /// A merge with this peer was broken off.
    pub(super) fn merge_failed(&mut self, id: NodeId, chance: u64, now: Now) {
        let Some(route) = self.routes.get_mut(&id) else { return };
        route.merging = false;
        // A delivery in flight will show by itself whether the peer answers.
        if !route.link.is_busy() {
            route.link.failed(now.mono, chance);
        }
    }

    /// A merge with this peer has ended. If its lane had collapsed and the merge has brought everything, the
    /// lane is open again. Returns the own entries without a row for which its receipt is still awaited.
    pub(super) fn merged(&mut self, id: NodeId) -> Option<Vec<Stamp>> {
        let route = self.routes.get_mut(&id)?;
        let complete = std::mem::take(&mut route.merging) && !route.merge_again;
        route.link.heard();
        if !route.lane.collapsed || !complete {
            return None;
        }
        route.lane.collapsed = false;
        // This node's own rows that were written since bring receipts; relayed ones do not.
        let has_own_row = |stamp: &Stamp| {
            let row = route.lane.key_of(stamp).and_then(|key| route.lane.get(&key));
            row.is_some_and(|row| row.initial == self.me)
        };
        Some(self.tracks.unfinished(id).into_iter().filter(|stamp| !has_own_row(stamp)).collect())
    }

    /// One peer's lane, to look at.
    pub(super) fn lane(&self, id: &NodeId) -> LaneView {
        self.routes.get(id).map_or_else(LaneView::default, |route| LaneView {
            rows: route.lane.len(),
            oldest: route.lane.oldest(),
            merge_on_return: route.lane.collapsed,
            down: route.link.is_down(),
        })
    }
}
