//! Deliveries from peers: durable before they are acknowledged, passed on only to the nodes that the relay plan
//! names, and answered with their state (docs/contract.md#repeating, docs/contract.md#receipts).

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{Effect, Held, MAX_PENDING, MAX_QUARANTINE, Replica, Reply, Ticket};
use crate::{
    availability::{Entry, Moment, NodeId},
    sync::{
        Change, DeliveryState, Label, Now, PendingRow, QueueKey, Report,
        bounds::{MAX_SHARE, check_entry},
        message::{Deliver, Delivered, Item, MAX_ITEMS, Receipt},
    },
};

/// Longest share that is read: more than a farm has members.
const LONGEST_SHARE: usize = 10_000;
/// The most receipts that are read in one delivery; further ones are requested again.
const MAX_RECEIPTS: usize = 4 * MAX_ITEMS;

impl Replica {
    /// Accepts a peer's notifications and receipts; the answer comes with [`Reply::Delivered`], [`Reply::Busy`]
    /// when the inbox is full, or [`Reply::Malformed`].
    pub fn deliver(&mut self, from: NodeId, message: Deliver, ticket: Ticket, now: Now) {
        self.heard(from, now);
        if message.items.len() > MAX_ITEMS {
            let why = format!("{} items, more than {MAX_ITEMS}", message.items.len());
            return self.refuse_message(from, ticket, why);
        }
        if message.records.len() > MAX_ITEMS {
            let why = format!("{} records, more than {MAX_ITEMS}", message.records.len());
            return self.refuse_message(from, ticket, why);
        }
        self.learn_limit(message.limit, now);
        let mut changes = Vec::new();
        for receipt in message.receipts.iter().take(MAX_RECEIPTS) {
            self.receipt_from(from, &receipt.stamp, receipt.state, now, &mut changes);
        }
        self.take_gathered(message.gathered, now, &mut changes);
        self.commit(Label::Receipts, changes);
        let is_early = |item: &Item| self.key_for(&item.entry, now).is_quarantine();
        if !message.items.is_empty()
            && (self.inbox_is_full()
                || self.inbox.quarantined() >= MAX_QUARANTINE && message.items.iter().any(is_early))
        {
            self.report_full(from);
            self.effects.push(Effect::Reply(ticket, Reply::Busy));
            return;
        }
        let mut delivered =
            Delivered { limit: Moment::ZERO, receipts: Vec::new(), unknown: Vec::new(), refused: Vec::new() };
        let (mut changes, mut queued, mut initials, mut again) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut unknown = BTreeSet::new();
        for item in message.items {
            let short =
                if item.share.len() > LONGEST_SHARE { Err("its share is longer than 10000 nodes") } else { Ok(()) };
            if let Err(problem) = short.and_then(|()| check_entry(&item.entry)) {
                let (peer, stamp) = (self.name_of(from), item.entry.stamp);
                self.report(Report::RefusedRecord { peer, stamp, problem });
                delivered.refused.push((item.entry.stamp, problem.to_owned()));
                continue;
            }
            delivered.receipts.push(Receipt { stamp: item.entry.stamp, state: DeliveryState::Queued });
            initials.push(item.initial);
            if item.initial != from {
                queued.push((item.entry.stamp, item.initial));
            }
            if self.holds.is_unsettled(&item.entry.stamp) {
                // Applied, but not yet reported as applied: this sender, too, gets a receipt then.
                again.push((item.entry.stamp, item.initial, DeliveryState::Applied));
            }
            self.take_over(from, item, now, &mut changes, &mut unknown);
        }
        delivered.unknown = unknown.into_iter().collect();
        self.take_records(Some(from), message.records, now, Label::Receive);
        let step = self.commit(Label::Receive, changes);
        self.work(now);
        let last = self.holds.step();
        self.holds.hold(last, last, Held::Applied(again));
        self.holds.hold(step, step, Held::Queued(queued));
        self.holds.hold(step, step, Held::Delivered { ticket, from, initials, delivered });
        self.poke(now);
    }

    /// Accepts what a node has published for all through a broker. It may be old, so whether its sender's run is the
    /// present one does not matter; what a forgotten node has accepted does not count. Receipts go to the initial
    /// nodes as for what a relay brings. The answer comes as for [`Replica::deliver`].
    pub fn broadcast(&mut self, mut message: Deliver, ticket: Ticket, now: Now) {
        message.items.retain(|item| item.initial != self.facts.me && !self.roster.is_forgotten(&item.initial));
        self.deliver(NodeId::NONE, message, ticket, now);
    }

    /// Whether the inbox is too full to accept entries from peers.
    pub(super) fn inbox_is_full(&self) -> bool {
        self.inbox.waiting() >= 2 * MAX_PENDING
    }

    fn take_over(
        &mut self,
        from: NodeId,
        item: Item,
        now: Now,
        changes: &mut Vec<Change>,
        unknown: &mut BTreeSet<NodeId>,
    ) {
        let (mut share, mut seen) = (Vec::new(), HashSet::new());
        for member in item.share.iter().copied() {
            if member == self.facts.me || member == from || self.roster.is_forgotten(&member) || !seen.insert(member) {
                continue;
            }
            if self.roster.has(&member) && share.len() < MAX_SHARE {
                share.push(member);
            } else {
                unknown.insert(member);
            }
        }
        let stamp = item.entry.stamp;
        self.begin_gathering(from, &item, &share, now);
        // This node's own entry, sent back by a relay: every peer without a receipt has a row here already.
        if item.initial == self.facts.me && self.ledger.get(&stamp).is_some() {
            share.clear();
        }
        if let Some(key) = self.inbox.key_of(&stamp) {
            self.join_pending(key, &item, share, now, changes, unknown);
            return;
        }
        if share.is_empty() && self.holds(&item.entry) {
            return;
        }
        let key = self.key_for(&item.entry, now);
        if key.is_quarantine() && self.find(&item.entry.notification.id_restamped()).is_some() {
            // It was issued again with a correct time: see `forewarn store restamp`.
            return;
        }
        let mut row = PendingRow { entry: item.entry, initial: item.initial, share: Some(share) };
        if key.is_quarantine() {
            self.quarantine(key, &mut row, now, changes);
        }
        changes.push(Change::Queue(key, row.clone()));
        self.inbox.put(key, row);
    }

    /// The same notification again while it waits, over another path or from another initial node: one row with
    /// both shares, and the name that sorts first, as in the ledger.
    fn join_pending(
        &mut self,
        key: QueueKey,
        item: &Item,
        share: Vec<NodeId>,
        now: Now,
        changes: &mut Vec<Change>,
        unknown: &mut BTreeSet<NodeId>,
    ) {
        let Some(mut row) = self.inbox.take(&key) else { return };
        let before = row.clone();
        let node = &item.entry.notification.node;
        if *node < row.entry.notification.node {
            Arc::make_mut(&mut row.entry).notification.node = node.clone();
        }
        if row.initial == NodeId::NONE {
            // It came by a merge, which needs no receipt.
            row.initial = item.initial;
        }
        if key.is_quarantine() {
            let out = QueueKey { class: 1, stamp: key.stamp };
            self.pass_on(out, &row.entry, item.initial, Some(share), now, changes);
        } else if let Some(held) = &mut row.share {
            let known: HashSet<NodeId> = held.iter().copied().collect();
            for member in share.into_iter().filter(|member| !known.contains(member)) {
                if held.len() < MAX_SHARE {
                    held.push(member);
                } else {
                    unknown.insert(member);
                }
            }
        }
        if row != before {
            changes.push(Change::Requeue(key, row.clone()));
        }
        self.inbox.put(key, row);
    }

    /// Too far ahead of this node's clock: kept and relayed, but not believed yet (docs/contract.md#clock-skew-and-quarantine).
    fn quarantine(&mut self, key: QueueKey, row: &mut PendingRow, now: Now, changes: &mut Vec<Change>) {
        self.report(Report::Quarantined {
            id: row.entry.notification.id,
            timestamp: row.entry.stamp.time,
            clock: now.wall,
            initial: self.name_of(row.initial),
        });
        let share = row.share.replace(Vec::new());
        let out = QueueKey { class: 1, stamp: key.stamp };
        changes.push(Change::Record(Arc::clone(&row.entry)));
        self.pass_on(out, &row.entry.clone(), row.initial, Some(share.unwrap_or_default()), now, changes);
    }

    /// In the ledger, with nothing to learn from this copy.
    pub(super) fn holds(&self, entry: &Entry) -> bool {
        self.ledger.get(&entry.stamp).is_some_and(|held| held.notification.node <= entry.notification.node)
    }

    /// Entries of a merge: added to the inbox, unless they are known. They need no receipts.
    pub(super) fn absorb_entries(&mut self, from: NodeId, entries: Vec<Arc<Entry>>, now: Now, label: Label) -> u64 {
        let mut changes = Vec::new();
        let mut left_out = 0;
        for entry in entries {
            if let Err(problem) = check_entry(&entry) {
                self.report(Report::RefusedRecord { peer: self.name_of(from), stamp: entry.stamp, problem });
                continue;
            }
            // A node that has it offers it again, at the latest when its time has come.
            if self.inbox.quarantined() >= MAX_QUARANTINE && self.key_for(&entry, now).is_quarantine() {
                left_out += usize::from(self.inbox.key_of(&entry.stamp).is_none());
                continue;
            }
            let item = Item { entry, initial: NodeId::NONE, share: Vec::new(), gather: false };
            self.take_over(from, item, now, &mut changes, &mut BTreeSet::new());
        }
        if left_out > 0 {
            self.report(Report::QuarantineFull { peer: self.name_of(from), left_out, limit: MAX_QUARANTINE });
        }
        self.commit(label, changes)
    }

    /// Records the L of a message; one that is too far ahead is not believed.
    pub(super) fn learn_limit(&mut self, limit: Moment, now: Now) {
        if limit > self.ledger.limit() && !self.clock.is_early(limit, now) {
            let dropped = self.ledger.advance(limit);
            let mut changes: Vec<Change> = dropped.iter().map(|entry| Change::Drop(entry.stamp)).collect();
            changes.push(Change::Limit(limit));
            self.clock.see_limit(limit);
            self.commit(Label::Limit, changes);
            self.load(dropped.iter().flat_map(|entry| entry.notification.targets.iter().cloned()).collect());
        }
    }
}

#[cfg(test)]
mod tests;
