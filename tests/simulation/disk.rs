//! A virtual disk: commits in order, of which a prefix is on stable storage.
//!
//! What a crash leaves is everything that was reported durable, and a random part of what came
//! after it, in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use forewarn::{
    availability::{Entry, Key, Ledger, Moment, NodeId, Record, Rules, Stamp},
    sync::{Change, Conflict, DeliveryState, Member, OutboxRow, PendingRow, QueueKey, Restored},
};

use crate::{
    naive::{Constants, Naive},
    node::{DELTA, LAPSE},
};

/// δ and lapse, for the naive reference.
pub const CONSTANTS: Constants = Constants { delta: DELTA as i64, lapse: LAPSE as i64 };

/// The places in a queue that an entry may have.
fn keys(stamp: &Stamp) -> impl Iterator<Item = QueueKey> {
    let stamp = *stamp;
    (0..=QueueKey::QUARANTINE).map(move |class| QueueKey { class, stamp })
}

/// Of an entry that two nodes accepted the one stays whose name sorts first.
fn join(known: &mut Arc<Entry>, other: &Arc<Entry>) {
    if other.notification.node < known.notification.node {
        *known = Arc::clone(other);
    }
}

/// What the rows say.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    pub ledger: BTreeMap<Stamp, Arc<Entry>>,
    pub limit: Moment,
    pub pending: BTreeMap<QueueKey, PendingRow>,
    pub outbox: BTreeMap<(NodeId, QueueKey), OutboxRow>,
    pub history: BTreeMap<Stamp, Arc<Entry>>,
    pub receipts: BTreeMap<(Stamp, NodeId), DeliveryState>,
    pub members: BTreeMap<NodeId, Member>,
    pub boots: BTreeMap<NodeId, (u64, u64)>,
    pub merge_on_return: BTreeSet<NodeId>,
    pub conflict: Option<Conflict>,
    pub registry: BTreeMap<Key, Arc<Record>>,
    /// No row of a real store: everything that was ever taken out of the inbox to be applied, the
    /// dead included. A crash takes it back to where the rows are.
    pub applied: BTreeMap<Stamp, Arc<Entry>>,
    /// Nor is this: some peer was owed a merge instead of rows.
    pub collapsed: bool,
}

impl Rows {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Queue(key, row) => {
                assert!(self.pending.insert(*key, row.clone()).is_none(), "into the inbox, where it was: {key:?}");
            }
            Change::Requeue(key, row) => {
                assert!(self.pending.insert(*key, row.clone()).is_some(), "in the place of nothing: {key:?}");
            }
            Change::Unqueue(key) => {
                let row = self.pending.remove(key);
                let entry = row.unwrap_or_else(|| panic!("taken out of the inbox, but not in it: {key:?}")).entry;
                if key.class < QueueKey::QUARANTINE {
                    self.applied.entry(entry.stamp).and_modify(|known| join(known, &entry)).or_insert(entry);
                }
            }
            Change::Admit(entry) => {
                assert!(
                    self.ledger.insert(entry.stamp, Arc::clone(entry)).is_none(),
                    "into the ledger, where it was: {:?}",
                    entry.stamp
                );
            }
            Change::Drop(stamp) => {
                assert!(self.ledger.remove(stamp).is_some(), "dropped, but not in the ledger: {stamp:?}");
            }
            Change::Post(peer, key, row) => {
                self.outbox.insert((*peer, *key), *row);
            }
            Change::Unpost(peer, key) => {
                assert!(self.outbox.remove(&(*peer, *key)).is_some(), "no such row for {peer}: {key:?}");
            }
            Change::Record(entry) => {
                self.history.insert(entry.stamp, Arc::clone(entry));
            }
            Change::Receipt { stamp, node, state, .. } => {
                self.receipts.insert((*stamp, *node), *state);
            }
            Change::Limit(limit) => {
                assert!(*limit > self.limit, "L does not grow");
                self.limit = *limit;
            }
            Change::Boot(node, boot, nonce) => {
                self.boots.insert(*node, (*boot, *nonce));
            }
            Change::Member(member) => {
                self.members.insert(member.id, member.clone());
            }
            Change::MergeOnReturn(node, true) => {
                self.merge_on_return.insert(*node);
                self.collapsed = true;
            }
            Change::MergeOnReturn(node, false) => {
                self.merge_on_return.remove(node);
            }
            Change::Conflict(why) => self.conflict = Some(why.clone()),
            Change::Register(record) => {
                let held = self.registry.insert(record.key(), Arc::clone(record));
                assert!(
                    held.is_none_or(|held| held.stamp < record.stamp),
                    "an older record in the place of a newer one"
                );
            }
            Change::Unregister(key) => {
                let held = self.registry.remove(key).expect("a record that is there");
                assert!(held.value.is_none(), "a value is never forgotten");
            }
        }
    }

    /// It waits here, or has been applied.
    pub fn knows(&self, stamp: &Stamp) -> bool {
        self.applied.contains_key(stamp) || self.waiting(stamp).is_some()
    }

    /// The inbox's row with this stamp.
    pub fn waiting(&self, stamp: &Stamp) -> Option<&PendingRow> {
        keys(stamp).find_map(|key| self.pending.get(&key))
    }

    /// It waits here, or is in the ledger.
    pub fn holds(&self, stamp: &Stamp) -> bool {
        self.ledger.contains_key(stamp) || self.waiting(stamp).is_some()
    }

    /// As [`Rows::knows`]; or it would be dead as soon as it came, by what is known here.
    pub fn needs_no(&self, entry: &Arc<Entry>) -> bool {
        if self.knows(&entry.stamp) {
            return true;
        }
        let mut naive = self.naive();
        self.pending.values().for_each(|row| naive.hear(&row.entry));
        naive.hear(entry);
        naive.retained().iter().all(|kept| kept.stamp != entry.stamp)
    }

    /// The naive reference of everything applied here.
    pub fn naive(&self) -> Naive {
        let applied: Vec<Arc<Entry>> = self.applied.values().cloned().collect();
        Naive::new(CONSTANTS, self.limit.millis(), &applied)
    }

    /// A row for one of these ids (a node's, and the one that stands for its address), or a merge
    /// instead of rows.
    pub fn owes(&self, to: &[NodeId], stamp: &Stamp) -> bool {
        to.iter()
            .any(|id| self.merge_on_return.contains(id) || keys(stamp).any(|key| self.outbox.contains_key(&(*id, key))))
    }

    /// Everything that was ever said, as far as this disk knows.
    pub fn heard(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let waiting = self.pending.values().map(|row| &row.entry);
        self.history.values().chain(self.applied.values()).chain(self.ledger.values()).chain(waiting)
    }

    /// What a replica takes up.
    pub fn restored(&self, rules: Rules) -> Restored {
        let mut ledger = Ledger::new(rules);
        ledger.advance(self.limit);
        for entry in self.ledger.values() {
            let admission = ledger.admit(entry);
            assert!(
                admission.admitted && admission.dropped.is_empty() && !admission.advanced,
                "a stored ledger is as it was"
            );
        }
        let body = |key: &QueueKey| {
            let found = self.ledger.get(&key.stamp).or_else(|| self.history.get(&key.stamp));
            Arc::clone(found.expect("a row's body is in the ledger or in the history"))
        };
        Restored {
            ledger,
            pending: self.pending.iter().map(|(key, row)| (*key, row.clone())).collect(),
            outbox: self.outbox.iter().map(|((peer, key), row)| (*peer, *key, *row, body(key))).collect(),
            members: self.members.values().cloned().collect(),
            boots: self.boots.iter().map(|(node, (boot, nonce))| (*node, *boot, *nonce)).collect(),
            merge_on_return: self.merge_on_return.iter().copied().collect(),
            conflict: self.conflict.clone(),
            records: self.registry.values().cloned().collect(),
            ..Restored::default()
        }
    }
}

/// What a crash did to what was not on stable storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// There was nothing to lose.
    Everything,
    /// Some of it was kept.
    Part,
    /// The disk is as it was when it last said *durable*.
    Synced,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Disk {
    /// On stable storage.
    pub synced: Rows,
    /// With everything that was handed over.
    pub latest: Rows,
    /// The naive reference of everything in [`Disk::latest`].
    pub mirror: Naive,
    /// What is not on stable storage yet, by its step.
    pub unsynced: Vec<(u64, Vec<Change>)>,
    /// How often the store has been opened; made durable before anything is said.
    pub boot: u64,
}

impl Default for Disk {
    fn default() -> Self {
        let (rows, boot) = (Rows::default(), 0);
        Self { mirror: rows.naive(), synced: rows.clone(), latest: rows, unsynced: Vec::new(), boot }
    }
}

impl Disk {
    /// What `forewarn store backup` or a copy of the files would have.
    pub fn copy(&self) -> Self {
        let mirror = self.synced.naive();
        Self { synced: self.synced.clone(), latest: self.synced.clone(), mirror, unsynced: Vec::new(), boot: self.boot }
    }

    pub fn commit(&mut self, step: u64, changes: Vec<Change>) {
        for change in &changes {
            match change {
                Change::Unqueue(key) if key.class < QueueKey::QUARANTINE => {
                    self.latest.pending.get(key).into_iter().for_each(|row| self.mirror.hear(&row.entry));
                }
                Change::Limit(limit) => self.mirror.advance(limit.millis()),
                _ => {}
            }
            self.latest.apply(change);
        }
        self.unsynced.push((step, changes));
    }

    pub fn is_clean(&self) -> bool {
        self.unsynced.is_empty()
    }

    /// The number of the last commit.
    pub fn last_step(&self) -> u64 {
        self.unsynced.last().map_or(0, |(step, _)| *step)
    }

    /// Everything up to this commit is on stable storage now.
    pub fn sync(&mut self, upto: u64) {
        let later = self.unsynced.iter().position(|(step, _)| *step > upto).unwrap_or(self.unsynced.len());
        self.keep(later);
    }

    fn keep(&mut self, commits: usize) {
        for (_, changes) in self.unsynced.drain(..commits) {
            for change in &changes {
                self.synced.apply(change);
            }
        }
    }

    /// The process ends; `kept` of a thousand parts of what was not durable survives.
    pub fn crash(&mut self, kept: usize) -> Left {
        let all = self.unsynced.len();
        let commits = all * kept / 1_000;
        self.keep(commits);
        self.unsynced.clear();
        if commits < all {
            self.latest = self.synced.clone();
            self.mirror = self.latest.naive();
        }
        match (commits, all) {
            (commits, all) if commits == all => Left::Everything,
            (0, _) => Left::Synced,
            _ => Left::Part,
        }
    }
}
