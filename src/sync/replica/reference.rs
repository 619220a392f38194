//! The reference role of a merge, and the effects of the starting role on the ledger (docs/contract.md#merge).
//! [`crate::sync::merge`] has the starting node's conversation.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Effect, Held, Replica, Reply, Ticket};
use crate::{
    availability::{Entry, NodeId, Record, Stamp},
    sync::{
        Label, Now, Report,
        message::{MAX_ENTRIES, Merge, Merged},
        ranges,
    },
};

/// Whether a merge message follows the protocol. Changes nothing.
fn check(message: &Merge) -> Result<(), String> {
    let (entries, need) = (message.entries.len() + message.records.len(), message.need.len());
    if entries.max(need) > MAX_ENTRIES {
        return Err(format!("{entries} entries and {need} needed ones: at most {MAX_ENTRIES} each"));
    }
    let ranges = message.ranges.as_deref().map_or(Ok(()), ranges::check);
    ranges.map_err(|why| format!("the ranges are malformed: {why}"))
}

impl Replica {
    /// Everything this node holds: the ledger and the pending entries.
    pub fn holdings(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let waiting = self.inbox.entries().filter(|entry| self.ledger.get(&entry.stamp).is_none());
        self.ledger.iter().chain(waiting)
    }

    /// How many entries that are, and records of the registry.
    pub fn holding(&self) -> usize {
        self.holdings().count() + self.registry.len()
    }

    /// The stamps and digests of all of it.
    pub fn digests(&self) -> impl Iterator<Item = (Stamp, u128)> {
        let records = self.registry.iter().map(|record| (record.stamp, record.digest()));
        self.holdings().map(|entry| (entry.stamp, entry.digest())).chain(records)
    }

    /// One step of a merge, as the reference: keeps the entries that it lacked, and answers with those that the
    /// starting node lacks, once the step is durable ([`Reply::Merged`]; `None` for none).
    pub fn merge(&mut self, from: NodeId, message: Merge, ticket: Ticket, now: Now) {
        self.heard(from, now);
        if let Err(why) = check(&message) {
            self.refuse_message(from, ticket, why);
            return;
        }
        if !message.entries.is_empty() && self.inbox_is_full() {
            self.report_full(from);
            self.effects.push(Effect::Reply(ticket, Reply::Busy));
            return;
        }
        self.learn_members(&message.members, now);
        self.learn_limit(message.limit, now);
        self.roster.said_fingerprint(&from, &message.fingerprint);
        let told: HashSet<(Stamp, &str)> =
            message.entries.iter().map(|entry| (entry.stamp, entry.notification.node.as_str())).collect();
        let mut lacked: Vec<Arc<Entry>> = Vec::new();
        let mut records: Vec<Arc<Record>> = Vec::new();
        if message.whole {
            // These include what killed the offered entries that are dead here.
            let unknown = |entry: &&Arc<Entry>| !told.contains(&(entry.stamp, entry.notification.node.as_str()));
            lacked = self.holdings().filter(unknown).take(MAX_ENTRIES).cloned().collect();
            let told: HashSet<Stamp> = message.records.iter().map(|record| record.stamp).collect();
            let unknown = |record: &&Arc<Record>| !told.contains(&record.stamp);
            records = self.registry.iter().filter(unknown).take(MAX_ENTRIES - lacked.len()).cloned().collect();
        }
        drop(told);
        if !message.need.is_empty() {
            let by_digest: HashMap<String, &Arc<Entry>> =
                self.holdings().map(|entry| (ranges::name(entry.digest()), entry)).collect();
            lacked
                .extend(message.need.iter().filter_map(|digest| by_digest.get(digest)).map(|entry| Arc::clone(entry)));
        }
        if !message.need.is_empty() {
            let need: HashSet<&str> = message.need.iter().map(String::as_str).collect();
            let is_needed = |record: &&Arc<Record>| need.contains(ranges::name(record.digest()).as_str());
            records.extend(self.registry.iter().filter(is_needed).cloned());
        }
        let members = if message.members.is_empty() { Vec::new() } else { self.roster.beyond(&message.members) };
        let probe = message.entries.is_empty()
            && message.records.is_empty()
            && !message.whole
            && message.ranges.is_none()
            && message.need.is_empty();
        self.take_records(None, message.records, now, Label::Merge);
        let mut step = self.absorb_entries(from, message.entries, now, Label::Merge);
        let before = self.holds.step();
        self.work(now);
        if self.holds.step() > before {
            // Usually it is applied at once, and the starting node may report it as applied.
            step = self.holds.step();
        }
        // It was read once already, before anything was applied.
        let reply_ranges = message.ranges.as_deref().and_then(|hex| ranges::answer(self.digests(), hex).ok());
        let fingerprint = format!("{:032x}", self.fingerprint());
        let limit = self.ledger.limit();
        let equal = fingerprint == message.fingerprint && limit == message.limit;
        let nothing_to_say = lacked.is_empty()
            && records.is_empty()
            && members.is_empty()
            && reply_ranges.is_none()
            && limit <= message.limit
            && (equal || !probe);
        let merged = (!nothing_to_say).then(|| Merged {
            limit,
            fingerprint,
            count: self.holding(),
            entries: lacked,
            records,
            ranges: reply_ranges,
            members,
        });
        self.holds.hold(step, step, Held::Reply(ticket, Reply::Merged(merged)));
        self.poke(now);
    }

    /// A peer's message is put off.
    pub(super) fn report_full(&mut self, from: NodeId) {
        let (pending, quarantine) = (self.inbox.waiting(), self.inbox.quarantined());
        self.report(Report::InboxFull { peer: self.name_of(from), pending, quarantine });
    }

    /// Refuses a message that breaks a rule of the protocol; nothing in it was applied.
    pub(super) fn refuse_message(&mut self, from: NodeId, ticket: Ticket, why: String) {
        self.report(Report::MessageRefused { peer: self.name_of(from), problem: why.clone() });
        self.effects.push(Effect::Reply(ticket, Reply::Malformed(why)));
    }

    /// Accepts the entries that a reference returned; durable before [`Reply::Settled`] is given.
    pub fn absorb(&mut self, from: NodeId, merged: Merged, now: Now) {
        self.heard(from, now);
        self.learn_members(&merged.members, now);
        self.learn_limit(merged.limit, now);
        self.roster.said_fingerprint(&from, &merged.fingerprint);
        self.take_records(None, merged.records, now, Label::Absorb);
        self.absorb_entries(from, merged.entries, now, Label::Absorb);
        self.work(now);
        self.poke(now);
    }
}
