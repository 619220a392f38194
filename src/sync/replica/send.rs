//! The courier's side: what goes out next to a peer, and what its answer or its silence means.

use std::collections::HashSet;

use super::{Notice, Peer, Replica};
use crate::{
    availability::NodeId,
    sync::{
        Change, DeliveryState, Now, QueueKey,
        bounds::text,
        lane::Row,
        message::{Deliver, Delivered, MAX_ITEMS, Receipt},
    },
};

impl Replica {
    /// What to send to this peer now; none if there is nothing, if something is on its way already,
    /// or if its back-off is not over. Must be followed by [`Replica::answered`] or
    /// [`Replica::failed`].
    pub fn poll_send(&mut self, peer: NodeId, now: Now) -> Option<Deliver> {
        let limit = self.ledger.limit();
        let peer = self.peers.get_mut(&peer).filter(|peer| peer.member.is_some())?;
        if !peer.link.is_free(now.mono) || !peer.lane.has_work() || peer.lane.collapsed {
            return None;
        }
        let (items, receipts) = peer.lane.take_batch();
        peer.link.sent();
        let receipts = receipts.into_iter().map(|(stamp, state)| Receipt { stamp, state }).collect();
        Some(Deliver { limit, items, receipts })
    }

    /// Where a peer is.
    pub fn address_of(&self, peer: NodeId) -> Option<String> {
        self.peers.get(&peer).map(|peer| peer.address.clone())
    }

    /// The peer has taken over what was sent.
    pub fn answered(&mut self, id: NodeId, answer: &Delivered, now: Now) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.link.answered();
        peer.last_contact = Some(now.wall);
        let flight = peer.lane.landed();
        self.learn_limit(answer.limit, now);
        let mut changes = Vec::new();
        let unknown: HashSet<NodeId> = answer.unknown.iter().copied().collect();
        for key in flight {
            // A row that was changed meanwhile is sent again, with what it says now.
            if !self.peers.get(&id).is_some_and(|peer| peer.lane.is_in_flight(&key)) {
                continue;
            }
            let Some(row) = self.peers.get(&id).and_then(|peer| peer.lane.get(&key)).cloned() else { continue };
            let receipt = answer.receipts.iter().take(MAX_ITEMS).find(|receipt| receipt.stamp == key.stamp);
            if let Some((_, problem)) = answer.refused.iter().take(MAX_ITEMS).find(|(stamp, _)| *stamp == key.stamp) {
                self.warn(format!(
                    "event=refused_by_peer peer={} stamp={:?} problem={:?}",
                    self.name_of(id),
                    key.stamp,
                    text(problem)
                ));
                self.hand_over(
                    id,
                    &key,
                    &row,
                    DeliveryState::Superseded,
                    &row.share.iter().copied().collect(),
                    now,
                    &mut changes,
                );
            } else if let Some(receipt) = receipt {
                self.hand_over(id, &key, &row, receipt.state, &unknown, now, &mut changes);
            } else if let Some(peer) = self.peers.get_mut(&id) {
                // It said nothing about it: nothing has happened.
                peer.lane.queued(&key, now.mono);
            }
        }
        self.commit("acknowledged", changes);
        self.wake(id, now);
        self.poke(now);
    }

    /// One row that a peer has acknowledged. At the initial node it stays until the peer's own
    /// receipt says what became of it; at a relay it ends, and so do those of the peer's share.
    #[allow(clippy::too_many_arguments)] // one call, two callers, all of it needed
    fn hand_over(
        &mut self,
        id: NodeId,
        key: &QueueKey,
        row: &Row,
        state: DeliveryState,
        unknown: &HashSet<NodeId>,
        now: Now,
        changes: &mut Vec<Change>,
    ) {
        let own = row.initial == self.facts.me;
        for member in &row.share {
            let Some(peer) = self.peers.get_mut(member) else { continue };
            if peer.lane.delegated_to(key) != Some(id) {
                continue;
            }
            if unknown.contains(member) {
                peer.lane.direct(key, Vec::new());
                self.wake(*member, now);
            } else if !own && peer.lane.remove(key).is_some() {
                changes.push(Change::Unpost(*member, *key));
            }
        }
        if own {
            self.progress.insert((*key, id), now.mono);
            // Not to be delegated again, should it have to be sent once more.
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.lane.direct(key, Vec::new());
                peer.lane.queued(key, now.mono);
            }
            self.receipt_from(id, &key.stamp, state, now, changes);
        } else if let Some(peer) = self.peers.get_mut(&id) {
            peer.lane.remove(key);
            changes.push(Change::Unpost(id, *key));
        }
    }

    /// The peer did not answer a delivery ([`Replica::merge_failed`] is for merges): it is tried again after a back-off, and the next of each share that
    /// it was to pass on takes its place at once. `chance` is random, for the jitter.
    pub fn failed(&mut self, id: NodeId, chance: u64, now: Now) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.link.failed(now.mono, chance);
        for key in peer.lane.crashed() {
            let Some(row) = self.peers.get(&id).and_then(|peer| peer.lane.get(&key)).cloned() else { continue };
            if row.share.is_empty() {
                continue;
            }
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.lane.direct(&key, Vec::new());
            }
            // Those that have not got it in the meantime.
            let is_waiting =
                |member: &&NodeId| self.peers.get(member).is_some_and(|peer| peer.lane.delegated_to(&key) == Some(id));
            let waiting: Vec<NodeId> = row.share.iter().filter(is_waiting).copied().collect();
            let is_up = |member: &NodeId| {
                self.peers
                    .get(member)
                    .is_some_and(|peer| peer.member.is_some() && !peer.link.is_down() && !peer.lane.collapsed)
            };
            let (up, down): (Vec<NodeId>, Vec<NodeId>) = waiting.into_iter().partition(is_up);
            for member in down {
                self.send_directly(member, &key, Vec::new(), now);
            }
            if let Some((next, rest)) = up.split_first() {
                for member in rest {
                    if let Some(peer) = self.peers.get_mut(member) {
                        peer.lane.delegate(key, row.entry.clone(), row.initial, *next, now.mono);
                    }
                }
                self.send_directly(*next, &key, rest.to_vec(), now);
            }
        }
    }

    fn send_directly(&mut self, id: NodeId, key: &QueueKey, share: Vec<NodeId>, now: Now) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.lane.direct(key, share);
            self.wake(id, now);
        }
    }

    /// A merge with this peer begins: call it before the first fingerprint is taken. What is accepted
    /// from now on gets rows again, also in a collapsed lane, which waits for the end.
    pub fn merging(&mut self, id: NodeId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.merging = true;
            peer.merge_again = false;
        }
    }

    /// A merge with this peer was broken off. `chance` is random, for the jitter.
    pub fn merge_failed(&mut self, id: NodeId, chance: u64, now: Now) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.merging = false;
        // A delivery that is on its way will tell by itself whether the peer answers.
        if !peer.link.is_busy() {
            peer.link.failed(now.mono, chance);
        }
    }

    /// This peer does not answer an announcement: it counts as down, if it did not before.
    pub(in crate::sync) fn unreachable(&mut self, id: NodeId, chance: u64, now: Now) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !peer.link.is_busy() && !peer.link.is_down() {
            peer.link.failed(now.mono, chance);
            self.notice(Notice::Nodes);
        }
    }

    /// A merge with this peer has come to its end: it holds all that this node held when it began
    /// ([`Replica::merging`]).
    pub fn merged_with(&mut self, id: NodeId, now: Now) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let complete = std::mem::take(&mut peer.merging) && !peer.merge_again;
        peer.link.heard();
        peer.last_contact = Some(now.wall);
        if peer.lane.collapsed && complete {
            peer.lane.collapsed = false;
            let mut changes = vec![Change::MergeOnReturn(id, false)];
            for stamp in self.tracks.unfinished(id) {
                // A row of one's own has been written since; one that is only relayed brings no receipt.
                let own = |peer: &Peer| {
                    peer.lane
                        .key_of(&stamp)
                        .and_then(|key| peer.lane.get(&key))
                        .is_some_and(|row| row.initial == self.facts.me)
                };
                if !self.peers.get(&id).is_some_and(own) {
                    let state = if self.ledger.get(&stamp).is_some() {
                        DeliveryState::Applied
                    } else {
                        DeliveryState::Superseded
                    };
                    self.receipt_from(id, &stamp, state, now, &mut changes);
                }
            }
            self.commit("merged", changes);
        }
        self.wake(id, now);
    }
}
