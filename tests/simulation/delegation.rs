//! Who was asked to pass something on to whom, and what becomes of it when that comes to nothing.
//!
//! What must stay true (`docs/contract.md#receipts`), whichever node sends:
//! - when a child does not answer, the next of its share that can be reached is sent it in the same
//!   step;
//! - a row that was left to a child is sent directly after 2 s without progress, however it came to
//!   be left;
//! - a peer that does not answer is tried again after a back-off, and one that has not said what
//!   became of something is asked again after 10 s and more, not at once.
//!
//! The periodic merge would hide it if either were broken: all would agree in the end, but late.

use std::collections::{BTreeMap, BTreeSet};

use forewarn::{
    availability::{NodeId, Stamp},
    sync::{Deliver, LaneView, Receipt},
};

use crate::{
    node::{Carried, Running},
    world::World,
};

/// The 2 s of the contract, and a little for events of the same instant.
const NO_PROGRESS: u64 = 2_005;

/// The last that was done about one stamp for one node: a child was asked to pass it on.
#[derive(Debug, Clone, Copy)]
struct Left {
    to: NodeId,
    /// 0: it has said that it has it.
    request: u64,
    since: u64,
}

/// What one run of a node has left to others.
#[derive(Debug, Clone, Default)]
pub struct Delegations {
    left: BTreeMap<(Stamp, NodeId), Left>,
    /// Sent directly once, or heard of, if only that it is in quarantine there: a share that was drawn up before does not
    /// take that back.
    direct: BTreeSet<(Stamp, NodeId)>,
    /// When something was last heard of a stamp.
    progress: BTreeMap<Stamp, u64>,
    /// With whom each child was last asked to share.
    shares: BTreeMap<(Stamp, NodeId), Vec<NodeId>>,
    /// Left to children that have not answered, by child.
    orphans: BTreeMap<(Stamp, NodeId), BTreeSet<NodeId>>,
}

impl Delegations {
    /// A delivery goes out.
    pub fn sent(&mut self, to: NodeId, deliver: &Deliver, request: u64, since: u64) {
        for item in &deliver.items {
            let stamp = item.entry.stamp;
            self.left.remove(&(stamp, to));
            self.direct.insert((stamp, to));
            self.shares.insert((stamp, to), item.share.clone());
            for member in item.share.iter().filter(|member| !self.direct.contains(&(stamp, **member))) {
                self.left.insert((stamp, *member), Left { to, request, since });
            }
        }
    }

    /// Receipts have come in from a node.
    pub fn heard(&mut self, from: NodeId, receipts: &[Receipt], now: u64) {
        for receipt in receipts {
            self.progress.insert(receipt.stamp, now);
            self.left.remove(&(receipt.stamp, from));
            self.direct.insert((receipt.stamp, from));
            // It has it, even if its answer is lost: nobody is to take its place.
            let of_it = self.left.iter_mut().filter(|((stamp, _), left)| *stamp == receipt.stamp && left.to == from);
            of_it.for_each(|(_, left)| left.request = 0);
        }
    }

    /// A child has named those that it does not know: they are sent to directly.
    pub fn returned(&mut self, child: NodeId, unknown: &[NodeId]) {
        self.left.retain(|(_, member), left| left.to != child || !unknown.contains(member));
    }

    /// What this child was sent is no longer known: it is to get a merge instead.
    pub fn collapsed(&mut self, child: NodeId) {
        self.left.values_mut().filter(|left| left.to == child).for_each(|left| left.request = 0);
    }

    /// A child has not answered: from now on its share is left to the next, whenever that one can be sent to.
    pub fn failed(&mut self, child: NodeId, request: u64, now: u64) {
        for ((stamp, member), left) in
            self.left.iter_mut().filter(|(_, left)| left.to == child && left.request == request)
        {
            left.since = now;
            self.orphans.entry((*stamp, child)).or_default().insert(*member);
        }
    }
}

/// How long a node has to wait until it may try again, or ask again.
#[derive(Debug, Clone, Default)]
pub struct Silence {
    /// Deliveries that came to nothing since the peer was last heard of, and when the last one did.
    failed: BTreeMap<NodeId, (u32, u64)>,
    /// One's own notifications at a peer: how often it has answered, when it was last sent to, and
    /// whether it has answered that.
    sent: BTreeMap<(Stamp, NodeId), (u32, u64, bool)>,
}

impl Silence {
    pub fn failed(&mut self, peer: NodeId, now: u64) {
        let (times, at) = self.failed.entry(peer).or_default();
        (*times, *at) = (*times + 1, now);
    }

    pub fn heard(&mut self, peer: NodeId) {
        self.failed.remove(&peer);
    }

    /// Whether a delivery may be tried now: back-off doubles from 100 ms to 30 s, of which half may be
    /// chance.
    pub fn may_try(&self, peer: NodeId, now: u64) -> bool {
        self.failed.get(&peer).is_none_or(|(times, at)| now + 1 >= at + (100 << (*times - 1).min(16)).min(30_000) / 2)
    }

    pub fn answered(&mut self, peer: NodeId, stamp: Stamp) {
        if let Some((times, _, answered)) = self.sent.get_mut(&(stamp, peer)) {
            (*times, *answered) = (*times + 1, true);
        }
    }

    /// Asks a peer (again) what became of something; whether that may be. If it has answered before:
    /// after 10 s, then after twice as long each time, six times.
    pub fn may_ask(&mut self, peer: NodeId, stamp: Stamp, now: u64) -> bool {
        let (times, sent, answered) = self.sent.get(&(stamp, peer)).copied().unwrap_or_default();
        self.sent.insert((stamp, peer), (times, now, false));
        !answered || now + 1 >= sent + (10_000 << (times - 1).min(6))
    }
}

/// Whether a delivery to this peer is on its way.
fn is_sending(running: &Running, to: NodeId) -> bool {
    running.asked.values().any(|asked| matches!(asked, Carried::Deliver { peer, .. } if *peer == to))
}

impl World {
    /// After each step of a node: what it has left to others is in good hands.
    pub fn check_delegations(&mut self, at: usize, peers: &[LaneView]) {
        let time = self.time;
        let node = &mut self.nodes[at];
        let Some(running) = &mut node.running else { return };
        let rows = &node.disk.latest.outbox;
        let mut delegations = std::mem::take(&mut running.delegations);
        if delegations.left.is_empty() && delegations.orphans.is_empty() {
            running.delegations = delegations;
            return;
        }
        let keys = |stamp: Stamp| (0..2).map(move |class| forewarn::sync::QueueKey { class, stamp });
        delegations.left.retain(|(stamp, member), _| keys(*stamp).any(|key| rows.contains_key(&(*member, key))));
        let is_up =
            |id: &NodeId| peers.iter().any(|peer| peer.id == *id && peer.met && !peer.down && !peer.merge_on_return);
        for ((stamp, child), members) in std::mem::take(&mut delegations.orphans) {
            let is_waiting =
                |member: &&NodeId| delegations.left.get(&(stamp, **member)).is_some_and(|left| left.to == child);
            let waiting: Vec<NodeId> =
                members.iter().filter(is_waiting).filter(|member| is_up(member)).copied().collect();
            // Where its successor gets a merge instead of rows, nothing is sent before that ends: the 2 s count.
            let share = delegations.shares.get(&(stamp, child)).cloned().unwrap_or_default();
            let merges = |id: &NodeId| peers.iter().any(|peer| peer.id == *id && peer.merge_on_return);
            let is_member = peers.iter().any(|peer| peer.id == child);
            let excused = !is_member || share.iter().any(merges);
            let taken = excused || waiting.is_empty() || share.iter().any(|member| is_sending(running, *member));
            assert!(
                taken,
                "{}: {child} does not answer, and nobody of its share is sent {stamp:?} in its place: {waiting:?}",
                node.name
            );
        }
        for ((stamp, member), left) in &delegations.left {
            let last = delegations.progress.get(stamp).copied().unwrap_or_default().max(left.since);
            if time > last + NO_PROGRESS && is_up(member) {
                assert!(
                    is_sending(running, *member),
                    "{} has left {stamp:?} for {member} to {} {} ms ago, nothing was heard since",
                    node.name,
                    left.to,
                    time - last
                );
            }
        }
        running.delegations = delegations;
    }
}
