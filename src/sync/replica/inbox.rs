//! The inbox: entries that are durable and wait to be applied, critical ones first, then by stamp. Entries too
//! far ahead of this node's clock come last, in quarantine (docs/contract.md#clock-skew-and-quarantine).
//!
//! Must stay true: an id is found as long as its row waits; quarantined entries are not applied and do not
//! count against the limit.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use crate::{
    availability::{Entry, Moment, NodeId, Stamp},
    sync::{PendingRow, QueueKey},
};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Inbox {
    rows: BTreeMap<QueueKey, PendingRow>,
    /// By id, so that the same id twice is one notification.
    ids: BTreeMap<Uuid, Arc<Entry>>,
    quarantined: usize,
}

impl Inbox {
    /// Puts a row in. In memory only: the caller commits it.
    pub(super) fn put(&mut self, key: QueueKey, row: PendingRow) {
        self.ids.insert(row.entry.notification.id, Arc::clone(&row.entry));
        self.quarantined += usize::from(key.is_quarantine());
        self.rows.insert(key, row);
    }

    /// Takes a row out. In memory only: the caller commits it.
    pub(super) fn take(&mut self, key: &QueueKey) -> Option<PendingRow> {
        let row = self.rows.remove(key)?;
        let id = &row.entry.notification.id;
        if self.ids.get(id).is_some_and(|entry| entry.stamp == key.stamp) {
            self.ids.remove(id);
        }
        self.quarantined -= usize::from(key.is_quarantine());
        Some(row)
    }

    /// The place of the entry with this stamp, if it waits.
    pub(super) fn key_of(&self, stamp: &Stamp) -> Option<QueueKey> {
        (0..=QueueKey::QUARANTINE)
            .map(|class| QueueKey { class, stamp: *stamp })
            .find(|key| self.rows.contains_key(key))
    }

    /// The entry with this id, if it waits.
    pub(super) fn find(&self, id: &Uuid) -> Option<&Arc<Entry>> {
        self.ids.get(id)
    }

    /// The places of the next entries to apply.
    pub(super) fn next(&self, most: usize) -> Vec<QueueKey> {
        self.rows.keys().take_while(|key| !key.is_quarantine()).take(most).copied().collect()
    }

    /// The entry that leaves quarantine first.
    pub(super) fn first_quarantined(&self) -> Option<(QueueKey, &PendingRow)> {
        self.rows.last_key_value().filter(|(key, _)| key.is_quarantine())?;
        let lowest = Stamp { time: Moment::ZERO, counter: 0, node: NodeId::NONE, hash: [0; 16] };
        let from = QueueKey { class: QueueKey::QUARANTINE, stamp: lowest };
        self.rows.range(from..).next().map(|(key, row)| (*key, row))
    }

    /// How many entries wait to be applied, without those in quarantine.
    pub(super) fn waiting(&self) -> usize {
        self.rows.len() - self.quarantined
    }

    /// How many are in quarantine.
    pub(super) fn quarantined(&self) -> usize {
        self.quarantined
    }

    /// Everything that waits, in the order of the queue.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.rows.values().map(|row| &row.entry)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn row(id: u128, class: u8, millis: i64) -> (QueueKey, PendingRow) {
        let record = json!({
            "id": Uuid::from_u128(id), "timestamp": Moment::from_millis(millis), "targets": ["system"],
            "status": "unavailable", "source": "operator", "node": "a",
        });
        let entry = Entry::stamped(serde_json::from_value(record).unwrap(), 0, NodeId::NONE);
        let key = QueueKey { class, stamp: entry.stamp };
        (key, PendingRow { entry, initial: NodeId::NONE, share: None })
    }

    #[test]
    fn critical_entries_come_first_and_quarantine_is_left_out() {
        let mut inbox = Inbox::default();
        for (key, row) in [row(1, 1, 10), row(2, 0, 20), row(3, QueueKey::QUARANTINE, 5), row(4, 1, 1)] {
            inbox.put(key, row);
        }
        let order: Vec<i64> = inbox.next(9).iter().map(|key| key.stamp.time.millis()).collect();
        assert_eq!((order, inbox.next(1).len()), (vec![20, 1, 10], 1));
        assert_eq!((inbox.waiting(), inbox.quarantined(), inbox.entries().count()), (3, 1, 4));
        let (key, _) = inbox.first_quarantined().unwrap();
        assert_eq!(inbox.key_of(&key.stamp), Some(key));
        assert!(inbox.take(&key).is_some() && inbox.take(&key).is_none());
        assert!(inbox.first_quarantined().is_none() && inbox.quarantined() == 0);
    }

    #[test]
    fn an_id_is_found_until_the_row_that_it_belongs_to_is_taken() {
        let mut inbox = Inbox::default();
        let ((first, one), (second, two)) = (row(7, 1, 1), row(7, 1, 2));
        inbox.put(first, one);
        inbox.put(second, two);
        inbox.take(&first);
        assert_eq!(inbox.find(&Uuid::from_u128(7)).unwrap().stamp, second.stamp, "the later one took its place");
        inbox.take(&second);
        assert!(inbox.find(&Uuid::from_u128(7)).is_none());
    }
}
