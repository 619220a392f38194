//! A queue in memory, for tests and experiments. Clones share the rows, so that a test can end its node and
//! start another from the same rows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{OnProgress, Progress, Queue, QueueError};
use crate::{
    availability::{Entry, Key, Ledger, Moment, NodeId, Record, Rules, Stamp},
    sync::{Change, Conflict, Haste, Label, Member, OutboxRow, PendingRow, QueueKey, Restored},
};

#[derive(Default)]
struct Rows {
    pending: BTreeMap<QueueKey, PendingRow>,
    ledger: BTreeMap<Stamp, Arc<Entry>>,
    outbox: BTreeMap<(NodeId, QueueKey), OutboxRow>,
    history: BTreeMap<Stamp, Arc<Entry>>,
    members: BTreeMap<NodeId, Member>,
    boots: BTreeMap<NodeId, (u64, u64)>,
    merge_on_return: BTreeMap<NodeId, ()>,
    limit: Moment,
    conflict: Option<Conflict>,
    registry: BTreeMap<Key, Arc<Record>>,
    durable: u64,
}

/// See the module.
#[derive(Clone, Default)]
pub struct MemoryQueue {
    rows: Arc<Mutex<Rows>>,
    progress: Option<Arc<OnProgress>>,
}

impl MemoryQueue {
    fn tell(&self) {
        if let Some(progress) = &self.progress {
            progress();
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::Queue(key, row) | Change::Requeue(key, row) => {
                self.pending.insert(key, row);
            }
            Change::Unqueue(key) => {
                self.pending.remove(&key);
            }
            Change::Admit(entry) => {
                self.ledger.insert(entry.stamp, entry);
            }
            Change::Drop(stamp) => {
                self.ledger.remove(&stamp);
            }
            Change::Post(peer, key, row) => {
                self.outbox.insert((peer, key), row);
            }
            Change::Unpost(peer, key) => {
                self.outbox.remove(&(peer, key));
            }
            Change::Record(entry) => {
                self.history.insert(entry.stamp, entry);
            }
            // Only people read it.
            Change::Receipt { .. } => {}
            Change::Limit(limit) => self.limit = limit,
            Change::Boot(node, boot, nonce) => {
                self.boots.insert(node, (boot, nonce));
            }
            Change::Member(member) => {
                self.members.insert(member.id, member);
            }
            Change::MergeOnReturn(peer, true) => {
                self.merge_on_return.insert(peer, ());
            }
            Change::MergeOnReturn(peer, false) => {
                self.merge_on_return.remove(&peer);
            }
            Change::Conflict(why) => self.conflict = Some(why),
            Change::Register(record) => {
                self.registry.insert(record.key(), record);
            }
            Change::Unregister(key) => {
                self.registry.remove(&key);
            }
        }
    }
}

impl Queue for MemoryQueue {
    fn restore(&self, rules: Rules) -> Result<Restored, QueueError> {
        let rows = self.rows();
        let mut ledger = Ledger::new(rules);
        ledger.advance(rows.limit);
        for entry in rows.ledger.values() {
            ledger.admit(entry);
        }
        let body = |stamp: &Stamp| rows.ledger.get(stamp).or_else(|| rows.history.get(stamp)).cloned();
        let outbox = rows.outbox.iter().filter_map(|((peer, key), row)| Some((*peer, *key, *row, body(&key.stamp)?)));
        let bodiless = rows.outbox.keys().filter(|(_, key)| body(&key.stamp).is_none());
        Ok(Restored {
            bodiless: bodiless.copied().collect(),
            pending: rows.pending.iter().map(|(key, row)| (*key, row.clone())).collect(),
            outbox: outbox.collect(),
            members: rows.members.values().cloned().collect(),
            boots: rows.boots.iter().map(|(node, (boot, nonce))| (*node, *boot, *nonce)).collect(),
            merge_on_return: rows.merge_on_return.keys().copied().collect(),
            conflict: rows.conflict.clone(),
            records: rows.registry.values().cloned().collect(),
            ledger,
        })
    }

    fn start(&mut self, progress: OnProgress) -> Result<(), QueueError> {
        self.progress = Some(Arc::new(progress));
        // Another run counts its steps from the beginning.
        self.rows().durable = 0;
        Ok(())
    }

    fn hand_over(&mut self, step: u64, _label: Label, changes: &[Change], _haste: Haste) {
        let mut rows = self.rows();
        changes.iter().for_each(|change| rows.apply(change));
        rows.durable = step;
        drop(rows);
        self.tell();
    }

    fn progress(&mut self) -> Progress {
        Progress { durable: self.rows().durable, stopped: None, writable: true }
    }

    fn prune(&mut self, until: Moment, number: &mut dyn FnMut() -> u64) {
        let mut rows = self.rows();
        let before = rows.history.len();
        rows.history.retain(|stamp, _| stamp.time >= until);
        if rows.history.len() < before {
            rows.durable = number();
            drop(rows);
            self.tell();
        }
    }

    fn close(&mut self, _limit: Duration) -> bool {
        true
    }
}
