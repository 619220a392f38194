//! Posts rows for an entry's recipients, as the relay plan has them.

use std::sync::Arc;

use super::Outbox;
use crate::{
    availability::{Entry, Moment, NodeId, Stamp},
    sync::{Change, Fanout, Now, OutboxRow, QueueKey, relay::plan},
};

/// The result of posting an entry.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Posted {
    /// These have rows.
    pub(in super::super) to: Vec<NodeId>,
    /// Own entries that these get by a merge, without a row.
    pub(in super::super) by_merge: Vec<(NodeId, Stamp)>,
    /// These lanes have collapsed just now.
    pub(in super::super) collapsed: Vec<NodeId>,
}

impl Outbox {
    /// A row that was on disk.
    pub(in super::super) fn restore(
        &mut self,
        id: NodeId,
        key: QueueKey,
        entry: &Arc<Entry>,
        initial: NodeId,
        now: Moment,
    ) {
        let Some(route) = self.filling(id) else { return };
        route.lane.post(key, Arc::clone(entry), initial, Vec::new(), false);
        if initial == self.me {
            self.tracks.begin(key.stamp, entry.notification.id, id, now);
        }
    }

    /// This peer gets a merge instead of rows, as was on disk.
    pub(in super::super) fn restore_collapsed(&mut self, id: NodeId) {
        if let Some(route) = self.filling(id) {
            route.lane.collapsed = true;
        }
    }

    /// Receipts for this own entry are awaited from now on, from these and from this node itself.
    pub(in super::super) fn await_receipts(&mut self, entry: &Entry, from: &[NodeId], now: Moment) {
        for node in [self.me].iter().chain(from) {
            self.tracks.begin(entry.stamp, entry.notification.id, *node, now);
        }
    }

    /// Rows for these peers, as the relay plan has it. `own`: their receipts are awaited. `gather`: this node gathers
    /// the receipts.
    #[allow(clippy::too_many_arguments)] // one call; a struct of these would be made for it alone
    pub(in super::super) fn post(
        &mut self,
        key: QueueKey,
        entry: &Arc<Entry>,
        initial: NodeId,
        recipients: Vec<NodeId>,
        own: bool,
        gather: bool,
        fanout: Fanout,
        max_rows: usize,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Posted {
        let mut posted = Posted::default();
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for id in recipients {
            let Some(route) = self.routes.get_mut(&id) else { continue };
            if route.takes_no_rows() {
                if own {
                    posted.by_merge.push((id, key.stamp));
                }
                continue;
            }
            if let Some(standing) = route.lane.key_of(&key.stamp) {
                // Two ways to one peer: this node's own row stays, because its receipt is awaited.
                if !own {
                    continue;
                }
                if standing != key {
                    changes.push(Change::Unpost(id, standing));
                }
                route.lane.remove(&standing);
            }
            changes.push(Change::Post(id, key, OutboxRow { initial }));
            // A peer that does not answer, or gets a merge, is in no relay plan: it is served directly.
            if route.is_up() { up.push(id) } else { down.push(id) }
        }
        for (child, share) in plan(&up, fanout) {
            for member in &share {
                if let Some(route) = self.filling(*member) {
                    route.lane.delegate(key, Arc::clone(entry), initial, gather, child, now.mono);
                }
            }
            if let Some(route) = self.filling(child) {
                // What a child of the initial node tells is in its answer, if it has no share.
                let gather = gather && !(own && share.is_empty());
                route.lane.post(key, Arc::clone(entry), initial, share, gather);
            }
        }
        for id in &down {
            if let Some(route) = self.filling(*id) {
                route.lane.post(key, Arc::clone(entry), initial, Vec::new(), false);
            }
        }
        posted.to = up.into_iter().chain(down).collect();
        for id in posted.to.clone() {
            self.collapse_if_full(id, max_rows, &mut posted, changes);
        }
        posted
    }

    /// A lane that has grown too long becomes *merge on return*.
    fn collapse_if_full(&mut self, id: NodeId, most: usize, posted: &mut Posted, changes: &mut Vec<Change>) {
        let Some(route) = self.routes.get_mut(&id).filter(|route| route.lane.len() > most) else { return };
        route.lane.collapsed = true;
        route.merge_again = route.merging;
        for (key, row) in route.lane.clear() {
            changes.push(Change::Unpost(id, key));
            if row.initial == self.me {
                posted.by_merge.push((id, key.stamp));
            }
        }
        changes.push(Change::MergeOnReturn(id, true));
        posted.collapsed.push(id);
    }
}
