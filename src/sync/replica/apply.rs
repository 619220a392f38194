//! The repeater's step: out of the inbox, into the ledger and the outbox, in one atomic change.

use std::sync::Arc;

use super::{APPLY_AT_ONCE, Held, MAX_UNSETTLED, Notice, Replica};
use crate::{
    availability::{Entry, Moment, NodeId, Stamp, Target},
    sync::{Change, DeliveryState, Now, OutboxRow, PendingRow, QueueKey, relay::plan},
};

impl Replica {
    /// Puts a row into the inbox (in memory; the caller commits it).
    pub(super) fn enqueue(&mut self, key: QueueKey, row: PendingRow) {
        self.pending_ids.insert(row.entry.notification.id, Arc::clone(&row.entry));
        self.quarantined += usize::from(key.class == QueueKey::QUARANTINE);
        self.pending.insert(key, row);
    }

    /// Takes a row out of the inbox (in memory; the caller commits it).
    pub(super) fn dequeue(&mut self, key: &QueueKey) -> Option<PendingRow> {
        let row = self.pending.remove(key)?;
        let id = &row.entry.notification.id;
        if self.pending_ids.get(id).is_some_and(|entry| entry.stamp == key.stamp) {
            self.pending_ids.remove(id);
        }
        self.quarantined -= usize::from(key.class == QueueKey::QUARANTINE);
        Some(row)
    }

    /// The place of an entry in this node's queues.
    pub(super) fn key_for(&self, entry: &Entry, now: Now) -> QueueKey {
        if entry.stamp.time > now.wall.after(self.facts.rules.max_clock_skew * 2) {
            return QueueKey { class: QueueKey::QUARANTINE, stamp: entry.stamp };
        }
        let mut key = QueueKey::new(entry.notification.priority, entry.stamp);
        if entry.notification.targets.iter().any(|target| self.facts.critical.contains(target)) {
            key.class = 0;
        }
        key
    }

    /// The inbox's row with this stamp.
    pub(super) fn pending_key(&self, stamp: &Stamp) -> Option<QueueKey> {
        (0..=QueueKey::QUARANTINE)
            .map(|class| QueueKey { class, stamp: *stamp })
            .find(|key| self.pending.contains_key(key))
    }

    /// What this node can say of an entry that it was given.
    pub(super) fn state_of(&self, stamp: &Stamp) -> DeliveryState {
        match self.pending_key(stamp) {
            Some(key) if key.class == QueueKey::QUARANTINE => DeliveryState::Quarantined,
            Some(_) => DeliveryState::Queued,
            None if self.unsettled.contains(stamp) => DeliveryState::Queued,
            None if self.ledger.get(stamp).is_some() => DeliveryState::Applied,
            None => DeliveryState::Superseded,
        }
    }

    pub(super) fn clock_sees(&mut self, entry: &Entry, now: Now) {
        // What is in quarantine would drag this node's own stamps into the future.
        if entry.stamp.time <= now.wall.after(self.facts.rules.max_clock_skew * 2) {
            self.clock.see(&entry.stamp);
        }
    }

    /// Applies what waits, critical ones first, then by stamp, as long as not too much is on its
    /// way to the disk.
    pub(super) fn work(&mut self, now: Now) {
        while !self.replaying && self.step - self.durable < MAX_UNSETTLED {
            let keys: Vec<QueueKey> = self
                .pending
                .keys()
                .take_while(|key| key.class < QueueKey::QUARANTINE)
                .take(APPLY_AT_ONCE)
                .copied()
                .collect();
            if keys.is_empty() {
                return;
            }
            let (mut changes, mut targets, mut applied) = (Vec::new(), Vec::new(), Vec::new());
            for key in keys {
                self.apply(key, now, &mut changes, &mut targets, &mut applied);
            }
            let recorded = changes.iter().filter_map(|change| match change {
                Change::Record(entry) => Some(entry.notification.id),
                _ => None,
            });
            let recorded = Held::Recorded(recorded.collect());
            let step = self.commit("apply", changes);
            self.load(targets);
            self.hold(step, step, Held::Applied(applied));
            self.hold(step, step, recorded);
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
        let Some(row) = self.dequeue(&key) else { return };
        let entry = row.entry;
        changes.push(Change::Unqueue(key));
        let admission = self.ledger.admit(&entry);
        self.clock.see(&entry.stamp);
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
        self.withdraw_restamped(&entry, changes);
        let state = if admission.superseded.is_some() { DeliveryState::Superseded } else { DeliveryState::Applied };
        if row.initial == self.facts.me {
            // True as soon as this step is durable, and not to be lost if this run ends then.
            let (node, name) = (self.facts.me, self.facts.name.to_string());
            changes.push(Change::Receipt { stamp: entry.stamp, node, name, state, at: now.wall });
        }
        self.unsettled.insert(entry.stamp);
        applied.push((entry.stamp, row.initial, state));
        let out = QueueKey { class: key.class.min(1), stamp: key.stamp };
        let mut share = row.share;
        if let (Some(share), DeliveryState::Superseded) = (&mut share, state)
            && row.initial == self.facts.me
        {
            // As in [`Replica::take_over`]: one's own, sent back by a relay, and dead here by now.
            share.clear();
        }
        self.pass_on(out, &entry, row.initial, share, now, changes);
    }

    /// An entry that was issued again under a right time (`forewarn store restamp`) takes the place of
    /// the first one, which waits in quarantine for a time that will be wrong when it comes.
    fn withdraw_restamped(&mut self, entry: &Entry, changes: &mut Vec<Change>) {
        let Some(first) = entry.notification.restamps().and_then(|id| self.pending_ids.get(&id)) else { return };
        let key = QueueKey { class: QueueKey::QUARANTINE, stamp: first.stamp };
        if self.dequeue(&key).is_some() {
            changes.push(Change::Unqueue(key));
        }
    }

    /// Writes the outbox rows for those that the entry is to be passed on to: everybody for a
    /// submission (`share` is `None`), the share of a relay plan otherwise.
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
        let recipients = share.unwrap_or_else(|| self.peers.keys().copied().collect());
        if own {
            let id = entry.notification.id;
            self.tracks.begin(entry.stamp, id, self.facts.me, now.wall);
            for peer in &recipients {
                self.tracks.begin(entry.stamp, id, *peer, now.wall);
            }
        }
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for id in recipients {
            let Some(peer) = self.peers.get(&id) else { continue };
            // While a merge is under way rows are written again: it may have looked already.
            if peer.lane.collapsed && !peer.merging {
                if own {
                    let name = self.name_of(id);
                    changes.push(Change::Receipt {
                        stamp: entry.stamp,
                        node: id,
                        name,
                        state: DeliveryState::Waiting,
                        at: now.wall,
                    });
                }
                continue;
            }
            if let Some(standing) = peer.lane.key_of(&key.stamp) {
                // Two ways to one peer: a row of one's own stays, for its receipt is awaited.
                if !own {
                    continue;
                }
                if standing != key {
                    changes.push(Change::Unpost(id, standing));
                }
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.lane.remove(&standing);
                }
            }
            let Some(peer) = self.peers.get(&id) else { continue };
            changes.push(Change::Post(id, key, OutboxRow { initial }));
            // Who does not answer anyway, or gets a merge, is nobody's child: it is served by itself.
            if peer.link.is_down() || peer.member.is_none() || peer.lane.collapsed {
                down.push(id)
            } else {
                up.push(id)
            }
        }
        for (child, share) in plan(&up, self.facts.fanout) {
            for member in &share {
                if let Some(peer) = self.peers.get_mut(member) {
                    peer.lane.delegate(key, Arc::clone(entry), initial, child, now.mono);
                }
            }
            if let Some(peer) = self.peers.get_mut(&child) {
                peer.lane.post(key, Arc::clone(entry), initial, share);
            }
        }
        for id in &down {
            if let Some(peer) = self.peers.get_mut(id) {
                peer.lane.post(key, Arc::clone(entry), initial, Vec::new());
            }
        }
        for id in up.into_iter().chain(down) {
            self.collapse_if_full(id, now, changes);
            self.wake(id, now);
        }
    }

    /// A lane that has grown too long becomes *merge on return*.
    fn collapse_if_full(&mut self, id: NodeId, now: Now, changes: &mut Vec<Change>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.lane.len() <= self.facts.max_rows {
            return;
        }
        peer.lane.collapsed = true;
        peer.merge_again = peer.merging;
        let rows = peer.lane.clear();
        let name = self.name_of(id);
        for (key, row) in rows {
            changes.push(Change::Unpost(id, key));
            if row.initial == self.facts.me {
                changes.push(Change::Receipt {
                    stamp: key.stamp,
                    node: id,
                    name: name.clone(),
                    state: DeliveryState::Waiting,
                    at: now.wall,
                });
            }
        }
        changes.push(Change::MergeOnReturn(id, true));
        self.warn(format!(
            "event=outbox_collapsed node={name} rows={} it gets a merge when it returns",
            self.facts.max_rows
        ));
        self.notice(Notice::Nodes);
    }

    /// Notes that this peer is to be sent to, if it can be and there is something.
    pub(super) fn wake(&mut self, id: NodeId, now: Now) {
        let Some(peer) = self.peers.get(&id) else { return };
        if peer.member.is_none() || !peer.link.is_free(now.mono) {
            return;
        }
        if peer.lane.collapsed && !peer.merging {
            self.due.merge.insert(id);
        } else if peer.lane.has_work() {
            self.due.send.insert(id);
        }
    }

    pub(super) fn admissible_at(&self, entry: &Entry) -> Moment {
        entry.stamp.time.before(self.facts.rules.max_clock_skew * 2)
    }

    pub(super) fn first_quarantined(&self) -> Option<(&QueueKey, &PendingRow)> {
        self.pending.last_key_value().filter(|(key, _)| key.class == QueueKey::QUARANTINE)?;
        let from = QueueKey {
            class: QueueKey::QUARANTINE,
            stamp: Stamp { time: Moment::ZERO, counter: 0, node: NodeId::NONE, hash: [0; 16] },
        };
        self.pending.range(from..).next()
    }

    /// Moves what is no longer too far ahead from quarantine into the queue.
    pub(super) fn release_quarantine(&mut self, now: Now) {
        let mut changes = Vec::new();
        while let Some((key, row)) = self.first_quarantined().map(|(key, row)| (*key, row.clone())) {
            let next = self.key_for(&row.entry, now);
            if next.class == QueueKey::QUARANTINE {
                break;
            }
            self.dequeue(&key);
            changes.push(Change::Unqueue(key));
            changes.push(Change::Queue(next, row.clone()));
            self.enqueue(next, row);
        }
        self.commit("release", changes);
    }
}
