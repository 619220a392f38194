//! From the store's rows to a replica: everything is where it was, but for rows of peers that are no
//! more, and for this node's own record, which is made anew. Nothing is applied here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{Due, Effect, Facts, Peer, Replica, stand_in};
use crate::{
    availability::{Entry, Ledger, NodeId, StampClock},
    sync::{Change, Conflict, Now, OutboxRow, PendingRow, QueueKey, bounds::storable, message::Member, track::Tracks},
};

/// What the store held.
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
}

impl Replica {
    /// Takes up where the store left off. Nothing is applied yet: that is [`Replica::replay`].
    pub fn restore(facts: Facts, restored: Restored, now: Now) -> Self {
        let own = Member {
            id: facts.me,
            name: facts.name.clone(),
            address: facts.address.clone(),
            changed: now.wall,
            since: now.wall,
            forgotten: false,
            definitions: facts.definitions.clone(),
        };
        let mut clock = StampClock::default();
        clock.see_time(restored.ledger.limit());
        let mut replica = Self {
            ledger: restored.ledger,
            clock,
            pending: BTreeMap::new(),
            pending_ids: HashMap::new(),
            quarantined: 0,
            peers: BTreeMap::new(),
            met_at: HashMap::new(),
            forgotten: BTreeMap::new(),
            own,
            boots: restored.boots.into_iter().map(|(node, boot, nonce)| (node, (boot, nonce))).collect(),
            conflict: restored.conflict,
            tracks: Tracks::default(),
            progress: HashMap::new(),
            unsettled: HashSet::new(),
            settling: Vec::new(),
            step: 0,
            durable: 0,
            unloaded: BTreeSet::new(),
            held_durable: BTreeMap::new(),
            held_loaded: BTreeMap::new(),
            effects: Vec::new(),
            due: Due::default(),
            replaying: true,
            facts,
        };
        for member in restored.members {
            if member.id == replica.facts.me {
                // A later change than any that was ever spread, whatever the clock says now.
                replica.own.changed = replica.own.changed.max(member.changed.after(Duration::from_millis(1)));
                if member.name == replica.own.name {
                    replica.own.since = member.since;
                }
            } else if member.forgotten {
                replica.forgotten.insert(member.id, member);
            } else {
                replica.peers.insert(
                    member.id,
                    Peer { address: member.address.clone(), member: Some(member), ..Peer::default() },
                );
            }
        }
        for address in replica.facts.peers.clone() {
            let known = replica
                .peers
                .values()
                .map(|peer| &peer.address)
                .chain([&replica.facts.address])
                .any(|known| *known == address);
            // At a forgotten node's address somebody may be met again ([`Replica::strangers`]), but
            // nothing waits for it.
            if !known && replica.forgotten.values().all(|member| member.address != address) {
                replica.peers.insert(stand_in(&address), Peer { address, ..Peer::default() });
            }
        }
        for (key, mut row) in restored.pending {
            if row.share.is_none() {
                // Accepted here, be it under an id that `store renew` has replaced since.
                row.initial = replica.facts.me;
            }
            replica.clock_sees(&row.entry, now);
            replica.enqueue(key, row);
        }
        let collapsed = replica.without_bodies(restored.bodiless);
        replica.restore_lanes(restored.outbox, restored.merge_on_return.into_iter().chain(collapsed).collect(), now);
        replica.restore_own();
        if let Some(conflict) = replica.conflict.clone() {
            replica.effects.push(Effect::Fence(conflict));
        }
        replica
    }

    /// A peer was away for longer than the history is kept: what waits for it cannot be sent one by
    /// one any more, but a merge brings what of it still counts. Those that get one.
    fn without_bodies(&mut self, rows: Vec<(NodeId, QueueKey)>) -> BTreeSet<NodeId> {
        let peers: BTreeSet<NodeId> = rows.iter().map(|(peer, _)| *peer).collect();
        let mut changes: Vec<Change> = rows.into_iter().map(|(peer, key)| Change::Unpost(peer, key)).collect();
        changes.extend(peers.iter().map(|peer| Change::MergeOnReturn(*peer, true)));
        self.commit("restored", changes);
        peers
    }

    /// Rows find their peer again: the node that was met behind a stand-in, or nobody, if it has
    /// been forgotten or has left the configuration.
    fn restore_lanes(
        &mut self,
        outbox: Vec<(NodeId, QueueKey, OutboxRow, Arc<Entry>)>,
        merge_on_return: Vec<NodeId>,
        now: Now,
    ) {
        let met: HashMap<NodeId, NodeId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.member.is_some())
            .map(|(id, peer)| (stand_in(&peer.address), *id))
            .collect();
        let mut changes = Vec::new();
        for (peer, key, row, entry) in outbox {
            let to = met.get(&peer).copied().unwrap_or(peer);
            if to != peer || !self.peers.contains_key(&to) {
                changes.push(Change::Unpost(peer, key));
            }
            let Some(known) = self.peers.get_mut(&to) else { continue };
            if to != peer {
                changes.push(Change::Post(to, key, row));
            }
            known.lane.post(key, Arc::clone(&entry), row.initial, Vec::new());
            if row.initial == self.facts.me {
                self.tracks.begin(key.stamp, entry.notification.id, to, now.wall);
            }
        }
        for peer in merge_on_return {
            let to = met.get(&peer).copied().unwrap_or(peer);
            if to != peer || !self.peers.contains_key(&to) {
                changes.push(Change::MergeOnReturn(peer, false));
            }
            let Some(known) = self.peers.get_mut(&to) else { continue };
            known.lane.collapsed = true;
            if to != peer {
                changes.push(Change::MergeOnReturn(to, true));
            }
        }
        self.commit("restored", changes);
    }

    /// This node's own record, later than any that was ever spread. Its former self, from before
    /// `store renew`, is no member any more.
    fn restore_own(&mut self) {
        let (name, address) = (&self.facts.name, &self.facts.address);
        let is_self =
            |peer: &Peer| peer.member.as_ref().is_some_and(|member| member.name == *name && member.address == *address);
        let former: Vec<Member> =
            self.peers.values().filter(|peer| is_self(peer)).filter_map(|peer| peer.member.clone()).collect();
        for mut member in former {
            self.own.changed = self.own.changed.max(member.changed.after(Duration::from_millis(1)));
            member.forgotten = true;
            self.remove(member);
        }
        let own = storable(&self.own);
        self.commit("member", vec![Change::Member(own)]);
    }
}
