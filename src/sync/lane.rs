//! One peer's part of the outbox, in memory; every row is on disk as well.
//!
//! Rows are sent in queue order. A row is *ready*, *in flight*, *delegated* (a child was asked to pass it on)
//! or *queued* (the peer holds it; its final receipt is outstanding). Beyond [`MAX_ROWS`] rows the lane
//! collapses: the peer gets a merge when it returns.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    QueueKey,
    message::{Item, MAX_ITEMS},
    owed::Owed,
};
use crate::availability::{Entry, Moment, NodeId, Stamp};

/// Most rows that wait for one peer.
pub const MAX_ROWS: usize = 10_000;
/// Delegated rows without progress are sent directly after this long.
pub(super) const NO_PROGRESS: Duration = Duration::from_secs(2);
/// A peer that holds a row but has sent no final receipt is asked again after this time, then after twice as
/// long each time, [`MOST_DOUBLINGS`] times.
const ASK_AGAIN: Duration = Duration::from_secs(10);
const MOST_DOUBLINGS: u32 = 6;
/// Most bytes of bodies in one delivery, by estimate.
const MAX_BYTES: usize = 1 << 20;

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) entry: Arc<Entry>,
    pub(super) initial: NodeId,
    /// The nodes to which the peer passes it on.
    pub(super) share: Vec<NodeId>,
    /// This node gathers the receipts of the peer and of its share.
    pub(super) gather: bool,
    state: State,
    /// How often the peer was asked for its receipt.
    asked: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    InFlight,
    Delegated { to: NodeId, until: Duration },
    Queued { until: Duration },
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    rows: BTreeMap<QueueKey, Row>,
    ready: BTreeSet<QueueKey>,
    timers: BTreeSet<(Duration, QueueKey)>,
    /// The peer gets a merge instead.
    pub(super) collapsed: bool,
    /// The receipts that the peer is owed.
    pub(super) owed: Owed,
    flight: Vec<QueueKey>,
}

impl Lane {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// When the oldest notification was made that waits here.
    pub(super) fn oldest(&self) -> Option<Moment> {
        self.rows.values().map(|row| row.entry.stamp.time).min()
    }

    pub(super) fn has_work(&self) -> bool {
        !self.ready.is_empty() || self.owed.has_some()
    }

    pub(super) fn get(&self, key: &QueueKey) -> Option<&Row> {
        self.rows.get(key)
    }

    /// A row that is to be sent to the peer itself, with this share.
    pub(super) fn post(&mut self, key: QueueKey, entry: Arc<Entry>, initial: NodeId, share: Vec<NodeId>, gather: bool) {
        self.remove(&key);
        self.rows.insert(key, Row { entry, initial, share, gather, state: State::Ready, asked: 0 });
        self.ready.insert(key);
    }

    /// A row that the child `to` has been asked to pass on.
    pub(super) fn delegate(
        &mut self,
        key: QueueKey,
        entry: Arc<Entry>,
        initial: NodeId,
        gather: bool,
        to: NodeId,
        mono: Duration,
    ) {
        self.remove(&key);
        let until = mono + NO_PROGRESS;
        let state = State::Delegated { to, until };
        self.rows.insert(key, Row { entry, initial, share: Vec::new(), gather, state, asked: 0 });
        self.timers.insert((until, key));
    }

    pub(super) fn remove(&mut self, key: &QueueKey) -> Option<Row> {
        let row = self.rows.remove(key)?;
        self.ready.remove(key);
        self.disarm(key, row.state);
        Some(row)
    }

    fn disarm(&mut self, key: &QueueKey, state: State) {
        if let State::Delegated { until, .. } | State::Queued { until } = state {
            self.timers.remove(&(until, *key));
        }
    }

    fn set(&mut self, key: &QueueKey, state: State) {
        let Some(row) = self.rows.get_mut(key) else { return };
        let old = std::mem::replace(&mut row.state, state);
        self.disarm(key, old);
        match state {
            State::Ready => {
                self.ready.insert(*key);
            }
            State::InFlight => {
                self.ready.remove(key);
            }
            State::Delegated { until, .. } | State::Queued { until } => {
                self.ready.remove(key);
                self.timers.insert((until, *key));
            }
        }
    }

    /// The row is sent directly from now on, with this share. Without one the peer tells the initial node itself.
    pub(super) fn direct(&mut self, key: &QueueKey, share: Vec<NodeId>) {
        if let Some(row) = self.rows.get_mut(key) {
            row.gather &= !share.is_empty();
            row.share = share;
            self.set(key, State::Ready);
        }
    }

    /// The child that this row has been delegated to.
    pub(super) fn delegated_to(&self, key: &QueueKey) -> Option<NodeId> {
        match self.rows.get(key)?.state {
            State::Delegated { to, .. } => Some(to),
            _ => None,
        }
    }

    /// The peer holds it; its final receipt is to come.
    pub(super) fn queued(&mut self, key: &QueueKey, mono: Duration) {
        let Some(row) = self.rows.get(key) else { return };
        let wait = ASK_AGAIN * (1 << row.asked.min(MOST_DOUBLINGS));
        self.set(key, State::Queued { until: mono + wait });
    }

    /// Whether this row is in flight unchanged.
    pub(super) fn is_in_flight(&self, key: &QueueKey) -> bool {
        self.rows.get(key).is_some_and(|row| row.state == State::InFlight)
    }

    /// Rows of this stamp, whatever their class.
    pub(super) fn key_of(&self, stamp: &Stamp) -> Option<QueueKey> {
        (0..=QueueKey::QUARANTINE)
            .map(|class| QueueKey { class, stamp: *stamp })
            .find(|key| self.rows.contains_key(key))
    }

    /// The next delivery, in queue order: bounded in number and, roughly, in bytes.
    pub(super) fn take_batch(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut bytes = 0;
        while let Some(key) = self.ready.first().copied() {
            let Some(row) = self.rows.get(&key) else {
                self.ready.remove(&key);
                continue;
            };
            bytes += 500 + row.entry.notification.message.as_ref().map_or(0, String::len) + 40 * row.share.len();
            if items.len() == MAX_ITEMS || (bytes > MAX_BYTES && !items.is_empty()) {
                break;
            }
            let (share, gather) = (row.share.clone(), row.gather);
            items.push(Item { entry: Arc::clone(&row.entry), initial: row.initial, share, gather });
            self.flight.push(key);
            self.set(&key, State::InFlight);
        }
        items
    }

    /// The peer answered: returns the rows that were in flight, which the caller settles one by one.
    pub(super) fn landed(&mut self) -> Vec<QueueKey> {
        self.owed.landed();
        std::mem::take(&mut self.flight)
    }

    /// The peer did not answer: what was in flight is ready again; returns it. Whoever is tried again tells the initial
    /// node itself.
    pub(super) fn crashed(&mut self) -> Vec<QueueKey> {
        let flight = std::mem::take(&mut self.flight);
        for key in &flight {
            if let Some(row) = self.rows.get_mut(key).filter(|row| row.state == State::InFlight) {
                row.gather = false;
                self.set(key, State::Ready);
            }
        }
        flight
    }

    /// Rows that are due. Delegated rows for which `progress` has a newer time keep waiting.
    pub(super) fn due(&mut self, mono: Duration, progress: impl Fn(&QueueKey, NodeId) -> Option<Duration>) -> bool {
        let mut any = false;
        while let Some((until, key)) = self.timers.first().copied().filter(|(until, _)| *until <= mono) {
            self.timers.remove(&(until, key));
            let state = self.rows.get(&key).map(|row| row.state);
            if let Some(State::Delegated { to, .. }) = state
                && let Some(later) = progress(&key, to).map(|at| at + NO_PROGRESS).filter(|later| *later > mono)
            {
                self.set(&key, State::Delegated { to, until: later });
                continue;
            }
            if matches!(state, Some(State::Queued { .. }))
                && let Some(row) = self.rows.get_mut(&key)
            {
                row.asked += 1;
            }
            self.set(&key, State::Ready);
            any = true;
        }
        any
    }

    pub(super) fn next_timer(&self) -> Option<Duration> {
        self.timers.first().map(|(until, _)| *until)
    }

    /// Empties the lane; returns what was in it.
    pub(super) fn clear(&mut self) -> BTreeMap<QueueKey, Row> {
        self.ready.clear();
        self.timers.clear();
        self.flight.clear();
        std::mem::take(&mut self.rows)
    }

    /// Takes another lane's rows over (a peer that was known by its address has told its id).
    pub(super) fn absorb(&mut self, rows: BTreeMap<QueueKey, Row>) {
        for (key, row) in rows {
            if !self.rows.contains_key(&key) {
                self.post(key, row.entry, row.initial, Vec::new(), false);
            }
        }
    }
}
