//! What has been promised, checked whenever it could have been broken: at every commit, whenever
//! something becomes durable, after every crash, and at every answer.
//!
//! What must stay true at each of these steps (`docs/contract.md#what-must-never-happen`):
//! - what a submitter was told is accepted is durable, and either every node that the initial one
//!   knew has it on stable storage, or a durable row (or *merge on return*) still owes it to them;
//! - who acknowledges a delivery has it durable, and somebody besides the sender owes it to each of
//!   the share; who answers a merge keeps what it was given; who ends a merge has all of the other's;
//! - what is called applied is durable in that node's ledger and visible at its gate;
//! - a stamp of one's own is above everything that one has seen, also after a restart;
//! - what lies too far ahead goes into quarantine, and nothing else does.
//!
//! Not held to it are nodes whose disk was replaced or burned, or of which there are two: what they
//! said before was said by another.

use std::sync::Arc;

use forewarn::{
    availability::{Entry, Moment, NodeId, Priority, Stamp},
    sync::{Change, Delivered, DeliveryState, Item, Label, QueueKey},
};
use uuid::Uuid;

use crate::{
    node::{DELTA, Holdings, Node},
    world::World,
};

/// What a peer has handed over and waits to be told is kept.
#[derive(Debug, Clone, Default)]
pub struct Entrusted {
    pub items: Vec<Item>,
    pub entries: Vec<Arc<Entry>>,
}

/// The ids under which rows may wait for a node: its own, and the one that stands for its address.
fn called(node: &Node) -> [NodeId; 2] {
    [node.id, NodeId(Uuid::new_v5(&Uuid::NAMESPACE_URL, node.address.as_bytes()))]
}

impl World {
    /// The node with this id, if what it has said must still hold.
    pub fn reliable(&self, id: NodeId) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id && node.is_reliable())
    }

    /// Changes that a node is about to make.
    pub fn check_commit(&mut self, at: usize, label: Label, changes: &[Change]) {
        let node = &self.nodes[at];
        let (rows, wall) = (&node.disk.latest, node.wall(self.time));
        let (believed, accepted) =
            (Moment::from_millis(wall.millis() + 2 * DELTA as i64), Moment::from_millis(wall.millis() + DELTA as i64));
        let mut newest = rows.applied.last_key_value().map(|(stamp, _)| (stamp.time, stamp.counter));
        let believed_waiting = rows.pending.iter().filter(|(key, _)| key.class < QueueKey::QUARANTINE);
        newest = newest.max(believed_waiting.map(|(key, _)| (key.stamp.time, key.stamp.counter)).max());
        for change in changes {
            match change {
                Change::Queue(key, row) if !rows.pending.contains_key(key) => {
                    let (early, stamp) = (key.class == QueueKey::QUARANTINE, key.stamp);
                    assert_eq!(
                        early,
                        stamp.time > believed,
                        "{}: {stamp:?} is put into class {} at {wall} ({label})",
                        node.name,
                        key.class
                    );
                    let n = &row.entry.notification;
                    let critical = n.priority == Priority::Critical
                        || n.targets.iter().any(|target| node.critical.contains(target));
                    assert!(
                        early || (key.class == 0) == critical,
                        "{}: {stamp:?} is put into class {}",
                        node.name,
                        key.class
                    );
                    if label == Label::Submit {
                        assert!(stamp.time <= accepted, "{}: {stamp:?} is accepted at {wall}", node.name);
                        if stamp.node == node.id {
                            let own = Some((stamp.time, stamp.counter));
                            assert!(own > newest, "{}: the stamp {stamp:?} is not above {newest:?}", node.name);
                            newest = own;
                        }
                    }
                }
                Change::Limit(limit) if label == Label::Limit => {
                    assert!(*limit <= believed, "{}: L is {limit} at {wall}", node.name)
                }
                Change::Receipt { stamp, node: of, state, .. } if *of != node.id && *state > DeliveryState::Waiting => {
                    let Some(other) = self.reliable(*of).filter(|_| node.is_reliable()) else { continue };
                    let there = &self.nodes[other].disk.synced;
                    // After a merge it is enough that the other one holds it, or what makes it dead.
                    let entry = rows.applied.get(stamp).or_else(|| rows.waiting(stamp).map(|row| &row.entry));
                    let holds = match label {
                        Label::Merged => entry.is_none_or(|entry| there.needs_no(entry) || !rows.holds(stamp)),
                        _ if state.is_final() => there.applied.contains_key(stamp),
                        _ => there.knows(stamp),
                    };
                    assert!(
                        holds,
                        "{} notes that {stamp:?} is {state:?} at {}, but it is not ({label})",
                        node.name, self.nodes[other].name
                    );
                }
                _ => {}
            }
        }
    }

    /// Nothing is called durable that is not, nor applied that is not visible.
    pub fn check_receipt(&self, at: usize, stamp: &Stamp, state: DeliveryState) {
        let node = &self.nodes[at];
        let (synced, latest) = (&node.disk.synced, &node.disk.latest);
        let running = node.running.as_ref();
        let is_visible = || {
            running.is_none_or(|running| {
                let step = running.applied_in.get(stamp).copied().unwrap_or_default();
                running.loading.first().is_none_or(|loading| *loading > step)
            })
        };
        let holds = match state {
            DeliveryState::Waiting => false,
            DeliveryState::Queued | DeliveryState::Quarantined => synced.knows(stamp),
            DeliveryState::Applied => synced.applied.contains_key(stamp) && is_visible(),
            // Dropped from the ledger, which is as the rule has it.
            DeliveryState::Superseded => {
                synced.applied.contains_key(stamp) && !latest.ledger.contains_key(stamp) && is_visible()
            }
        };
        assert!(holds, "{} calls {stamp:?} {state:?}, but that is not durable, or not visible", node.name);
    }

    /// A delivery is being acknowledged: it is durable, and so is the share of each item.
    pub fn check_kept(&self, at: usize, from: usize, entrusted: &Entrusted, delivered: &Delivered) {
        let node = &self.nodes[at];
        assert_eq!(delivered.receipts.len(), entrusted.items.len(), "{}: one receipt for each item", node.name);
        if !node.is_reliable() || !self.nodes[from].is_reliable() {
            return;
        }
        // Who has lost its disk meanwhile may have taken it over; then the initial node's own row counts.
        let is_lost = self.nodes.iter().any(|node| !node.is_reliable());
        for item in &entrusted.items {
            let stamp = &item.entry.stamp;
            // If it waits once more, by a merge, somebody has been told already.
            let row = node.disk.synced.waiting(stamp).filter(|_| !node.disk.synced.applied.contains_key(stamp));
            assert!(
                row.is_none_or(|row| row.initial != NodeId::NONE),
                "{} will tell nobody that it has applied {stamp:?}",
                node.name
            );
            for member in &item.share {
                // Whoever it was handed on to may have known that the member is no more.
                let is_gone = |node: &Node| node.disk.latest.members.get(member).is_some_and(|member| member.forgotten);
                if self.nodes.iter().any(is_gone)
                    || delivered.unknown.contains(member)
                    || *member == node.id
                    || *member == self.nodes[from].id
                {
                    continue;
                }
                let Some(other) = self.reliable(*member).map(|other| &self.nodes[other]) else { continue };
                let ids = called(other);
                // Whoever it is: the one that acknowledges, or another whom it has passed it on to.
                let owes = |(i, holder): (usize, &Node)| {
                    let rows = &holder.disk.synced;
                    let will = rows
                        .waiting(stamp)
                        .is_some_and(|row| row.share.as_ref().is_none_or(|share| share.contains(member)));
                    let is_initial = holder.id == item.initial;
                    (i == at || i != from && !is_initial || is_lost && is_initial) && (will || rows.owes(&ids, stamp))
                };
                let owed = self.nodes.iter().enumerate().any(owes) || other.disk.synced.needs_no(&item.entry);
                assert!(
                    owed,
                    "{} acknowledges {stamp:?} of {}, but nobody durably owes it to {}",
                    node.name, self.nodes[from].name, other.name
                );
            }
        }
    }

    /// A merge is being answered: what came with it is kept, or is dead here.
    pub fn check_merged(&self, at: usize, entrusted: &Entrusted) {
        let node = &self.nodes[at];
        for entry in &entrusted.entries {
            assert!(
                node.disk.synced.needs_no(entry),
                "{} answers a merge, but has not kept {:?}",
                node.name,
                entry.stamp
            );
        }
    }

    /// A message has come in: L travels with it, unless it is not to be believed.
    pub fn check_limit(&self, at: usize, limit: Moment) {
        let node = &self.nodes[at];
        let believed = limit.millis() <= node.wall(self.time).millis() + 2 * DELTA as i64;
        let known = node.replica().is_none_or(|replica| replica.ledger().limit() >= limit);
        assert!(known || !believed, "{} was told that L is {limit}, and does not know", node.name);
    }

    /// What both sides of a merge hold when it begins.
    pub fn before_merge(&self, at: usize, peer: NodeId) -> Holdings {
        let holdings = |node: &Node| {
            let rows = &node.disk.synced;
            rows.ledger.values().chain(rows.pending.values().map(|row| &row.entry)).cloned().collect()
        };
        (holdings(&self.nodes[at]), self.reliable(peer).map(|other| holdings(&self.nodes[other])).unwrap_or_default())
    }

    /// A merge has come to its end: each has what the other had, but for what has died meanwhile.
    pub fn check_talk(&self, at: usize, peer: NodeId, (ours, theirs): &Holdings) {
        let Some(other) = self.reliable(peer).map(|other| &self.nodes[other]) else { return };
        let node = &self.nodes[at];
        for entry in ours.iter().filter(|entry| node.disk.latest.holds(&entry.stamp)) {
            assert!(
                other.disk.synced.needs_no(entry),
                "{} has merged with {}, which lacks {:?}",
                node.name,
                other.name,
                entry.stamp
            );
        }
        for entry in
            theirs.iter().filter(|entry| other.disk.synced.holds(&entry.stamp) && other.disk.latest.holds(&entry.stamp))
        {
            assert!(
                node.disk.latest.needs_no(entry),
                "{} has merged with {} and lacks {:?}",
                node.name,
                other.name,
                entry.stamp
            );
        }
    }

    /// A merge phase has come to its end: each of these references has all that any of them gave.
    pub fn check_phase(&self, at: usize, references: &[NodeId], learned: &[Arc<Entry>]) {
        let node = &self.nodes[at];
        for other in references.iter().filter_map(|id| self.reliable(*id)).map(|other| &self.nodes[other]) {
            for entry in learned.iter().filter(|entry| node.disk.latest.holds(&entry.stamp)) {
                assert!(
                    other.disk.synced.needs_no(entry),
                    "{} was not told {:?}, which {} has learned elsewhere",
                    other.name,
                    entry.stamp,
                    node.name
                );
            }
        }
    }

    /// What is on this node's disk has changed: nothing that was acknowledged is lost, and everything
    /// that is not everywhere is still owed.
    pub fn check_promises(&self, at: usize) {
        let node = &self.nodes[at];
        let rows = &node.disk.synced;
        for acknowledged in &self.acknowledged {
            let stamp = &acknowledged.entry.stamp;
            if self.nodes[acknowledged.node].lost_disk {
                let kept = self.nodes.iter().any(|node| node.disk.synced.knows(stamp));
                assert!(kept, "acknowledged by {}, and now on no disk: {stamp:?}", self.nodes[acknowledged.node].name);
                continue;
            }
            if acknowledged.node != at {
                continue;
            }
            assert!(rows.knows(stamp), "{} has acknowledged {stamp:?} and lost it", node.name);
            if acknowledged.repeated || node.copied || rows.waiting(stamp).is_some() {
                continue;
            }
            for (to, id) in &acknowledged.to {
                let other = &self.nodes[*to];
                let forgotten = rows.members.get(id).is_some_and(|member| member.forgotten);
                if !other.is_reliable()
                    || other.id != *id
                    || forgotten
                    || other.disk.synced.knows(stamp)
                    || rows.owes(&called(other), stamp)
                {
                    continue;
                }
                // A merge brings what makes it dead.
                let is_dead = rows.collapsed && !rows.ledger.contains_key(stamp);
                let has = is_dead || other.disk.synced.needs_no(&acknowledged.entry);
                assert!(
                    has,
                    "{} has acknowledged {stamp:?}, but {} lacks it and is owed it no more",
                    node.name, other.name
                );
            }
        }
    }

    /// Who is to get what is handed in at a node: all that it knows, by index and id.
    pub fn recipients(&self, at: usize) -> Vec<(usize, NodeId)> {
        let Some(replica) = self.nodes[at].replica() else { return Vec::new() };
        let find = |peer: forewarn::sync::PeerView| {
            let other = self.nodes.iter().position(|node| match &peer.member {
                Some(member) => node.id == member.id,
                None => node.address == peer.address,
            })?;
            (other != at).then(|| (other, self.nodes[other].id))
        };
        replica.peers().into_iter().filter_map(find).collect()
    }

    /// What one submission has become: a statement, a cancel, or a plan in the place of another.
    pub fn made_of(&self, at: usize, entry: &Arc<Entry>) -> Vec<Arc<Entry>> {
        let mut made = vec![Arc::clone(entry)];
        if entry.notification.replaces.is_some() {
            let id = Uuid::new_v5(&entry.notification.id, b"replaces");
            let rows = &self.nodes[at].disk.synced;
            let cancel = rows.heard().find(|heard| heard.notification.id == id);
            made.push(Arc::clone(cancel.expect("what replaces a plan cancels it in the same step")));
        }
        made
    }
}
