//! The repeater's step: out of the inbox, into the ledger and the outbox, in one atomic change.

use std::sync::Arc;

use super::{APPLY_AT_ONCE, Held, MAX_UNSETTLED, Notice, Replica, outbox::Want};
use crate::{
    availability::{Entry, NodeId, Stamp, Target},
    sync::{Change, DeliveryState, Label, Now, QueueKey, Report},
};

impl Replica {
    /// The place of an entry in this node's queues.
    pub(super) fn key_for(&self, entry: &Entry, now: Now) -> QueueKey {
        if self.clock.is_early(entry.stamp.time, now) {
            return QueueKey { class: QueueKey::QUARANTINE, stamp: entry.stamp };
        }
        let mut key = QueueKey::new(entry.notification.priority, entry.stamp);
        if entry.notification.targets.iter().any(|target| self.facts.critical.contains(target)) {
            key.class = 0;
        }
        key
    }

    /// The state, on this node, of an entry that it received.
    pub(super) fn state_of(&self, stamp: &Stamp) -> DeliveryState {
        match self.inbox.key_of(stamp) {
            Some(key) if key.is_quarantine() => DeliveryState::Quarantined,
            Some(_) => DeliveryState::Queued,
            None if self.holds.is_unsettled(stamp) => DeliveryState::Queued,
            None if self.ledger.get(stamp).is_some() => DeliveryState::Applied,
            None => DeliveryState::Superseded,
        }
    }

    /// Applies the pending entries, critical ones first, then by stamp, as long as not too many commits wait
    /// for the disk.
    pub(super) fn work(&mut self, now: Now) {
        while !self.replaying && self.holds.under_way() < MAX_UNSETTLED {
            let keys = self.inbox.next(APPLY_AT_ONCE);
            if keys.is_empty() {
                return;
            }
            let (mut changes, mut targets, mut applied) = (Vec::new(), Vec::new(), Vec::new());
            for key in keys {
                self.apply(key, now, &mut changes, &mut targets, &mut applied);
            }
            let admitted = applied.iter().filter_map(|(stamp, ..)| self.ledger.get(stamp));
            let cancels = admitted.filter_map(|entry| self.cancel_of(entry)).collect();
            let recorded = changes.iter().filter_map(|change| match change {
                Change::Record(entry) => Some(entry.notification.id),
                _ => None,
            });
            let recorded = Held::Recorded(recorded.collect());
            let step = self.commit(Label::Apply, changes);
            self.load(targets);
            self.holds.hold(step, step, Held::Applied(applied));
            self.holds.hold(step, step, recorded);
            self.enter(cancels, now);
        }
    }

    fn apply(
        &mut self,
        key: QueueKey,
        now: Now,
        changes: &mut Vec<Change>,
        targets: &mut Vec<Target>,
        applied: &mut Vec<(Stamp, NodeId, DeliveryState)>,
    ) {
        let Some(row) = self.inbox.take(&key) else { return };
        let entry = row.entry;
        changes.push(Change::Unqueue(key));
        let admission = self.ledger.admit(&entry);
        self.clock.admit(&entry.stamp);
        if admission.admitted || admission.joined {
            let kept = self.ledger.get(&entry.stamp).cloned().unwrap_or_else(|| Arc::clone(&entry));
            if admission.joined {
                changes.push(Change::Drop(entry.stamp));
            }
            changes.push(Change::Admit(kept));
            targets.extend(entry.notification.targets.iter().cloned());
        }
        if admission.admitted || admission.superseded.is_some() {
            changes.push(Change::Record(Arc::clone(&entry)));
        }
        changes.extend(admission.dropped.iter().map(|dropped| Change::Drop(dropped.stamp)));
        targets.extend(admission.dropped.iter().flat_map(|dropped| dropped.notification.targets.iter().cloned()));
        if admission.advanced {
            changes.push(Change::Limit(self.ledger.limit()));
        }
        self.withdraw_restamped(&entry, now, changes, applied);
        let state = if admission.superseded.is_some() { DeliveryState::Superseded } else { DeliveryState::Applied };
        if row.initial == self.facts.me {
            // Valid as soon as this step is durable; it must not be lost if this run ends then.
            let (node, name) = (self.facts.me, self.facts.name.to_string());
            changes.push(Change::Receipt { stamp: entry.stamp, node, name, state, at: now.wall });
        }
        self.holds.unsettled(entry.stamp);
        applied.push((entry.stamp, row.initial, state));
        let out = QueueKey { class: key.class.min(1), stamp: key.stamp };
        let mut share = row.share;
        if let (Some(share), DeliveryState::Superseded) = (&mut share, state)
            && row.initial == self.facts.me
        {
            // As in [`Replica::take_over`]: this node's own entry, sent back by a relay, and dead meanwhile.
            share.clear();
        }
        self.pass_on(out, &entry, row.initial, share, now, changes);
    }

    /// An entry that was issued again with a correct time (`forewarn store restamp`) replaces the first one,
    /// which waits in quarantine for a time that will be wrong when it comes. Its initial node hears of it, and
    /// waits no longer for it to be applied.
    fn withdraw_restamped(
        &mut self,
        entry: &Entry,
        now: Now,
        changes: &mut Vec<Change>,
        applied: &mut Vec<(Stamp, NodeId, DeliveryState)>,
    ) {
        let Some(stamp) = entry.notification.restamps().and_then(|id| self.inbox.find(&id)).map(|first| first.stamp)
        else {
            return;
        };
        let key = QueueKey { class: QueueKey::QUARANTINE, stamp };
        let Some(row) = self.inbox.take(&key) else { return };
        changes.push(Change::Unqueue(key));
        let state = DeliveryState::Superseded;
        if row.initial == self.facts.me {
            let (node, name) = (self.facts.me, self.facts.name.to_string());
            changes.push(Change::Receipt { stamp, node, name, state, at: now.wall });
        }
        self.holds.unsettled(stamp);
        applied.push((stamp, row.initial, state));
    }

    /// Writes the outbox rows of an entry: for all members if it is a submission (`share` is `None`), otherwise
    /// for its share of a relay plan.
    pub(super) fn pass_on(
        &mut self,
        key: QueueKey,
        entry: &Arc<Entry>,
        initial: NodeId,
        share: Option<Vec<NodeId>>,
        now: Now,
        changes: &mut Vec<Change>,
    ) {
        let own = share.is_none();
        let recipients = share.unwrap_or_else(|| self.outbox.everybody());
        if own {
            self.outbox.await_receipts(entry, &recipients, now.wall);
        }
        let (fanout, max_rows) = (self.facts.fanout, self.facts.max_rows);
        let gather = self.is_gathering() && (own || self.gatherings.has(&(entry.stamp, initial)));
        let posted = self.outbox.post(key, entry, initial, recipients, own, gather, fanout, max_rows, now, changes);
        for (node, stamp) in posted.by_merge {
            let name = self.name_of(node);
            changes.push(Change::Receipt { stamp, node, name, state: DeliveryState::Waiting, at: now.wall });
        }
        for id in posted.collapsed {
            self.report(Report::OutboxCollapsed { node: self.name_of(id), rows: self.facts.max_rows });
            self.notice(Notice::Nodes);
        }
        for id in posted.to {
            self.wake(id, now);
        }
    }

    /// Notes the next action for this peer, if it can be reached.
    pub(super) fn wake(&mut self, id: NodeId, now: Now) {
        match self.outbox.want(id, now) {
            Some(Want::Merge) => {
                self.due.merge.insert(id);
            }
            Some(Want::Send) => {
                self.due.send.insert(id);
            }
            None => {}
        }
    }

    /// Moves entries that are no longer too far ahead from quarantine into the queue.
    pub(super) fn release_quarantine(&mut self, now: Now) {
        let mut changes = Vec::new();
        while let Some((key, row)) = self.inbox.first_quarantined().map(|(key, row)| (key, row.clone())) {
            let next = self.key_for(&row.entry, now);
            if next.is_quarantine() {
                break;
            }
            self.inbox.take(&key);
            changes.push(Change::Unqueue(key));
            changes.push(Change::Queue(next, row.clone()));
            self.inbox.put(next, row);
        }
        self.commit(Label::Release, changes);
    }
}
