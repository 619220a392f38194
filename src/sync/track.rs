//! The state, on other nodes, of the notifications that this node accepted (`docs/contract.md#receipts`).

use std::collections::{BTreeMap, VecDeque};

use super::DeliveryState;
use uuid::Uuid;

use crate::availability::{Moment, NodeId, Stamp};

/// The receipts of one notification, by node.
type Rows = BTreeMap<NodeId, (DeliveryState, Moment)>;

/// Receipts of notifications that not all nodes have confirmed. Complete ones leave the memory; the history has
/// them.
#[derive(Debug, Clone, Default)]
pub(super) struct Tracks {
    open: BTreeMap<Stamp, (Uuid, Rows)>,
    /// Complete ones, with the step that records it.
    closing: VecDeque<(u64, Stamp)>,
}

impl Tracks {
    pub(super) fn begin(&mut self, stamp: Stamp, id: Uuid, node: NodeId, now: Moment) {
        let (_, rows) = self.open.entry(stamp).or_insert_with(|| (id, Rows::new()));
        rows.entry(node).or_insert((DeliveryState::Waiting, now));
    }

    /// Records a receipt; returns the notification's id if that is news. A state never goes back.
    pub(super) fn note(&mut self, stamp: &Stamp, node: NodeId, state: DeliveryState, now: Moment) -> Option<Uuid> {
        let (id, rows) = self.open.get_mut(stamp)?;
        let row = rows.get_mut(&node).filter(|row| state > row.0)?;
        *row = (state, now);
        Some(*id)
    }

    /// Whether all receipts are final. The notification leaves the memory once the step that records the last
    /// receipt is durable; until then the history is incomplete.
    pub(super) fn close_if_complete(&mut self, stamp: &Stamp, step: u64) {
        if self.open.get(stamp).is_some_and(|(_, rows)| rows.values().all(|(state, _)| state.is_final())) {
            self.closing.push_back((step, *stamp));
        }
    }

    /// Everything up to this step is durable.
    pub(super) fn durable(&mut self, upto: u64) {
        while let Some((_, stamp)) = self.closing.front().filter(|(step, _)| *step <= upto) {
            self.open.remove(stamp);
            self.closing.pop_front();
        }
    }

    pub(super) fn get(&self, stamp: &Stamp) -> Option<&Rows> {
        self.open.get(stamp).map(|(_, rows)| rows)
    }

    /// Stamps for which this node has not said anything final.
    pub(super) fn unfinished(&self, node: NodeId) -> Vec<Stamp> {
        let open = |rows: &Rows| rows.get(&node).is_some_and(|(state, _)| !state.is_final());
        self.open.iter().filter(|(_, (_, rows))| open(rows)).map(|(stamp, _)| *stamp).collect()
    }

    /// A node is no longer awaited, or has another id now.
    pub(super) fn rename(&mut self, old: NodeId, new: Option<NodeId>) {
        for (_, rows) in self.open.values_mut() {
            if let (Some(row), Some(new)) = (rows.remove(&old), new) {
                rows.entry(new).or_insert(row);
            }
        }
        self.open.retain(|_, (_, rows)| rows.values().any(|(state, _)| !state.is_final()));
    }

    pub(super) fn len(&self) -> usize {
        self.open.len() - self.closing.len().min(self.open.len())
    }
}
