//! Restores a replica from the store's rows: everything is as it was, except rows of peers that no longer
//! exist, and this node's own record, which is made anew. Nothing is applied here.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{Clock, Due, Effect, Facts, Holds, Inbox, Outbox, Replica, Roster, Schedules, roster::stand_in};
use crate::{
    availability::{Entry, Ledger, NodeId, Record, Registry, ZONE_DATA},
    sync::{
        Change, Conflict, Label, Now, OutboxRow, PendingRow, QueueKey, bounds::storable, gathering::Gatherings,
        message::Member,
    },
};

/// The content of the store.
#[derive(Debug, Default)]
pub struct Restored {
    /// The ledger with its L.
    pub ledger: Ledger,
    /// The inbox.
    pub pending: Vec<(QueueKey, PendingRow)>,
    /// The outbox, with bodies from ledger or history.
    pub outbox: Vec<(NodeId, QueueKey, OutboxRow, Arc<Entry>)>,
    /// Rows of the outbox whose bodies are neither in the ledger nor, any more, in the history.
    pub bodiless: Vec<(NodeId, QueueKey)>,
    /// Members, this node's own record included.
    pub members: Vec<Member>,
    /// The highest boot seen of each node.
    pub boots: Vec<(NodeId, u64, u64)>,
    /// Peers that get a merge.
    pub merge_on_return: Vec<NodeId>,
    /// Its peers have turned this node away.
    pub conflict: Option<Conflict>,
    /// The registry.
    pub records: Vec<Arc<Record>>,
}

impl Replica {
    /// Continues from the store's rows. Nothing is applied yet: that is [`Replica::replay`].
    pub fn restore(facts: Facts, restored: Restored, now: Now) -> Self {
        let own = Member {
            id: facts.me,
            name: facts.name.clone(),
            address: facts.address.clone(),
            changed: now.wall,
            since: now.wall,
            forgotten: false,
            definitions: facts.definitions.clone(),
            zone_data: ZONE_DATA.to_owned(),
        };
        let clock = Clock::new(restored.ledger.limit(), facts.rules.max_clock_skew);
        let mut replica = Self {
            ledger: restored.ledger,
            registry: Registry::default(),
            schedules: Schedules::default(),
            clock,
            inbox: Inbox::default(),
            outbox: Outbox::new(facts.me),
            gatherings: Gatherings::default(),
            roster: Roster::new(own, restored.boots),
            holds: Holds::default(),
            conflict: restored.conflict,
            effects: Vec::new(),
            due: Due::default(),
            replaying: true,
            facts,
        };
        replica.restore_registry(restored.records);
        for member in restored.members {
            if member.id == replica.facts.me {
                // Later than every change that was ever sent, also if the clock went back.
                replica.roster.succeed(&member);
            } else if member.forgotten {
                replica.roster.bury(member);
            } else {
                replica.outbox.open(member.id, true);
                replica.roster.admit(member);
            }
        }
        for address in &replica.facts.peers {
            if let Some(stand_in) = replica.roster.expect(address) {
                replica.outbox.open(stand_in, false);
            }
        }
        for (key, mut row) in restored.pending {
            if row.share.is_none() {
                // Accepted here, perhaps under an id that `store renew` has replaced since.
                row.initial = replica.facts.me;
            }
            replica.clock.see(&row.entry.stamp, now);
            replica.inbox.put(key, row);
        }
        let collapsed = replica.without_bodies(restored.bodiless);
        replica.restore_lanes(restored.outbox, restored.merge_on_return.into_iter().chain(collapsed).collect(), now);
        replica.restore_own();
        if let Some(conflict) = replica.conflict.clone() {
            replica.effects.push(Effect::Fence(conflict));
        }
        replica
    }

    /// The registry, without removals that were forgotten meanwhile.
    fn restore_registry(&mut self, records: Vec<Arc<Record>>) {
        self.registry.advance(self.ledger.limit());
        let forgotten = records.iter().filter(|record| !self.registry.offer(record));
        let changes = forgotten.map(|record| Change::Unregister(record.key())).collect();
        self.commit(Label::Restored, changes);
    }

    /// Peers that were away for longer than the history is kept: their rows cannot be sent one by one any more,
    /// but a merge brings what still counts. Returns the peers that get one.
    fn without_bodies(&mut self, rows: Vec<(NodeId, QueueKey)>) -> BTreeSet<NodeId> {
        let peers: BTreeSet<NodeId> = rows.iter().map(|(peer, _)| *peer).collect();
        let mut changes: Vec<Change> = rows.into_iter().map(|(peer, key)| Change::Unpost(peer, key)).collect();
        changes.extend(peers.iter().map(|peer| Change::MergeOnReturn(*peer, true)));
        self.commit(Label::Restored, changes);
        peers
    }

    /// Rows find their peer again: the node that was met behind a stand-in, or none, if it has
    /// been forgotten or has left the configuration.
    fn restore_lanes(
        &mut self,
        outbox: Vec<(NodeId, QueueKey, OutboxRow, Arc<Entry>)>,
        merge_on_return: Vec<NodeId>,
        now: Now,
    ) {
        let met: HashMap<NodeId, NodeId> =
            self.roster.members().skip(1).map(|member| (stand_in(&member.address), member.id)).collect();
        let mut changes = Vec::new();
        for (peer, key, row, entry) in outbox {
            let to = met.get(&peer).copied().unwrap_or(peer);
            if to != peer || !self.roster.has(&to) {
                changes.push(Change::Unpost(peer, key));
            }
            if to != peer {
                changes.push(Change::Post(to, key, row));
            }
            self.outbox.restore(to, key, &entry, row.initial, now.wall);
        }
        for peer in merge_on_return {
            let to = met.get(&peer).copied().unwrap_or(peer);
            if to != peer || !self.roster.has(&to) {
                changes.push(Change::MergeOnReturn(peer, false));
            }
            if to != peer {
                changes.push(Change::MergeOnReturn(to, true));
            }
            self.outbox.restore_collapsed(to);
        }
        self.commit(Label::Restored, changes);
    }

    /// This node's own record, later than any that was ever spread. Its former self, from before
    /// `store renew`, is no member any more.
    fn restore_own(&mut self) {
        for mut member in self.roster.former(self.roster.own(), None) {
            self.roster.succeed(&member);
            member.forgotten = true;
            self.remove(member);
        }
        let own = storable(self.roster.own());
        self.commit(Label::Member, vec![Change::Member(own)]);
    }
}
