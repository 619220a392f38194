//! The read-only view of a replica for pages, metrics and the shell. Changes nothing.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::{Facts, Replica, Told, roster::Peer};
use crate::{
    availability::{Entry, Ledger, Moment, NodeId, Stamp, Target},
    sync::{Conflict, DeliveryState, Now, message::Member},
};

/// One peer, for pages and metrics.
#[derive(Debug, Clone)]
pub struct PeerView {
    /// Its id; a stand-in for one that has not been met.
    pub id: NodeId,
    /// Its record, if it has been met.
    pub member: Option<Member>,
    /// Where it is.
    pub address: String,
    /// Rows that wait for it.
    pub outbox: usize,
    /// When the oldest of their notifications was made.
    pub oldest: Option<Moment>,
    /// It gets a merge instead.
    pub merge_on_return: bool,
    /// When it was last heard of.
    pub last_contact: Option<Moment>,
    /// The last attempt to reach it failed.
    pub down: bool,
    /// The phase it last told.
    pub phase: String,
    /// The fingerprint it last told.
    pub fingerprint: String,
}

/// What one peer is still owed, without its record.
#[derive(Debug, Clone, Copy)]
pub struct LaneView {
    /// As in [`PeerView`].
    pub id: NodeId,
    /// It has been met.
    pub met: bool,
    /// Rows that wait for it.
    pub outbox: usize,
    /// It gets a merge instead.
    pub merge_on_return: bool,
    /// The last attempt to reach it failed.
    pub down: bool,
}

impl Replica {
    /// The ledger, to read.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What this node is.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// This node's own record, as others know it.
    pub fn own(&self) -> &Member {
        self.roster.own()
    }

    /// Why this node takes no submissions, if its peers have turned it away.
    pub fn conflict(&self) -> Option<&Conflict> {
        self.conflict.as_ref()
    }

    /// Number of notifications that wait to be applied, and of those in quarantine.
    pub fn waiting(&self) -> (usize, usize) {
        (self.inbox.waiting(), self.inbox.quarantined())
    }

    /// A time for a submission that follows everything seen here: later than L, and not before now. Its stamp belongs
    /// to no node, so the counter cannot set it apart.
    pub fn next_time(&self, now: Now) -> Moment {
        let (next, limit) = (self.clock.peek(now), self.ledger.limit());
        if next > limit { next } else { limit.after(Duration::from_millis(1)) }
    }

    /// Number of own notifications that are unconfirmed.
    pub fn unconfirmed(&self) -> usize {
        self.outbox.unconfirmed()
    }

    /// An entry that is in the ledger or waits for it.
    pub fn find(&self, id: &Uuid) -> Option<Arc<Entry>> {
        self.inbox.find(id).or_else(|| self.ledger.by_id(id)).cloned()
    }

    /// The receipts of an own notification that is not confirmed by everybody yet.
    pub fn told(&self, stamp: &Stamp) -> Option<Vec<Told>> {
        let told = |(node, (state, at)): (&NodeId, &(DeliveryState, Moment))| Told {
            node: *node,
            name: self.name_of(*node),
            state: *state,
            at: *at,
        };
        Some(self.outbox.receipts(stamp)?.iter().map(told).collect())
    }

    /// The state of an entry on this node.
    pub fn state_here(&self, stamp: &Stamp) -> DeliveryState {
        self.state_of(stamp)
    }

    /// The name of a node for people: its name; the address of one that has not been met; its id.
    pub fn name_of(&self, node: NodeId) -> String {
        self.roster.name_of(&node)
    }

    /// Whether some member of the farm has this target in its configuration.
    pub fn knows(&self, target: &Target) -> bool {
        *target == Target::System || self.members().any(|member| member.definitions.contains_key(target))
    }

    /// All members, this node first.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.roster.members()
    }

    /// The members other than this node, with their addresses.
    pub(in crate::sync) fn met(&self) -> impl Iterator<Item = (NodeId, &str)> {
        self.roster.peers().filter(|(_, peer)| peer.member.is_some()).map(|(id, peer)| (*id, peer.address.as_str()))
    }

    /// All other nodes, configured ones that have not been met included.
    pub fn peers(&self) -> Vec<PeerView> {
        let view = |(id, peer): (&NodeId, &Peer)| {
            let lane = self.outbox.lane(id);
            PeerView {
                id: *id,
                member: peer.member.clone(),
                address: peer.address.clone(),
                outbox: lane.rows,
                oldest: lane.oldest,
                merge_on_return: lane.merge_on_return,
                last_contact: peer.last_contact,
                down: lane.down,
                phase: peer.phase.clone(),
                fingerprint: peer.fingerprint.clone(),
            }
        };
        self.roster.peers().map(view).collect()
    }

    /// What each other node is still owed, in the order of [`Replica::peers`]. Copies no records.
    pub fn lanes(&self) -> impl Iterator<Item = LaneView> {
        self.roster.peers().map(|(id, peer)| {
            let lane = self.outbox.lane(id);
            let (met, outbox) = (peer.member.is_some(), lane.rows);
            LaneView { id: *id, met, outbox, merge_on_return: lane.merge_on_return, down: lane.down }
        })
    }

    /// Of everything this node holds, in the ledger or on the way there.
    pub fn fingerprint(&self) -> u128 {
        // Computed anew each time: an entry that the ledger drops may still wait here, and would have to be
        // counted again. Usually few entries wait.
        let waiting = self.inbox.entries().filter(|entry| self.ledger.get(&entry.stamp).is_none());
        let held = self.ledger.fingerprint().wrapping_add(self.registry.fingerprint());
        waiting.fold(held, |sum, entry| sum.wrapping_add(entry.digest()))
    }
}
