//! Who is who: announcements, membership, copied stores (`docs/contract.md#announcement`).
//!
//! Membership merges like the ledger: for each id the record with the later change wins. Being
//! forgotten is for good and wins over every change, whatever a clock or a returning node says.

use std::{collections::HashMap, time::Duration};

use super::{Notice, Peer, Replica, Ticket, stand_in};
use crate::{
    availability::{Moment, Name, NodeId, Target},
    sync::{
        Change, Conflict, ConflictKind, Now,
        bounds::{check_member, following, storable, text, word},
        message::{Announce, Member},
    },
};

/// Most members of a farm.
const MAX_MEMBERS: usize = 2_000;
/// Most nodes whose boots are remembered, those that have never become members included.
const MAX_BOOTS: usize = 4 * MAX_MEMBERS;

/// Why a peer's request is answered with 409.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// A store that was copied, or restored from a backup.
    #[error(
        "a node with the id {id} has been started more often than this one: its store is a copy, or was restored from a backup; stop it and run `forewarn store renew`"
    )]
    Copied {
        /// The id both claim.
        id: NodeId,
    },
    /// A node that was removed for good.
    #[error("the node {id} has been forgotten; to join again, stop it and run `forewarn store renew`")]
    Forgotten {
        /// Its id.
        id: NodeId,
    },
    /// Two nodes with one name.
    #[error(
        "the name {name} belongs to the node {id} at {address}; give this node another name, or, if that one is gone for good, run `forewarn node forget {name}`"
    )]
    NameTaken {
        /// The name both claim.
        name: Name,
        /// Who has it.
        id: NodeId,
        /// Where that one is.
        address: String,
    },
}

impl Stranger {
    /// What it is told.
    pub fn conflict(&self) -> Conflict {
        let kind = match self {
            Self::Copied { .. } => ConflictKind::Copied,
            Self::Forgotten { .. } => ConflictKind::Forgotten,
            Self::NameTaken { .. } => ConflictKind::NameTaken,
        };
        Conflict { kind, why: self.to_string() }
    }
}

/// Whether `one` has the better right to the name that both go by.
fn comes_first(one: &Member, other: &Member) -> bool {
    (one.since, one.id) < (other.since, other.id)
}

/// Of two records of one member the one with the greater rank stays.
fn rank(member: &Member) -> (bool, Moment) {
    (member.forgotten, member.changed)
}

impl Replica {
    /// Whether a request of this sender may be taken: it is not forgotten, and nobody has used its
    /// identity more often than it has.
    ///
    /// # Errors
    /// The 409 to answer with.
    pub fn check_sender(&mut self, id: NodeId, boot: u64, nonce: u64) -> Result<(), Stranger> {
        if self.forgotten.contains_key(&id) {
            return Err(Stranger::Forgotten { id });
        }
        if id == self.facts.me {
            return Err(Stranger::Copied { id });
        }
        let known = self.boots.get(&id).copied().unwrap_or_default();
        if boot < known.0 || (boot == known.0 && nonce != known.1) {
            return Err(Stranger::Copied { id });
        }
        if known == (0, 0) && self.boots.len() >= MAX_BOOTS {
            self.warn(format!("event=too_many_nodes limit={MAX_BOOTS} not_remembered={id}"));
        } else if boot > known.0 {
            self.boots.insert(id, (boot, nonce));
            self.commit("boot", vec![Change::Boot(id, boot, nonce)]);
        }
        Ok(())
    }

    /// Answers with [`Reply::TurnedAway`](super::Reply::TurnedAway).
    pub fn turn_away(&mut self, stranger: &Stranger, ticket: Ticket) {
        self.warn(format!("event=turned_away_peer why={stranger}"));
        self.effects.push(super::Effect::Reply(ticket, super::Reply::TurnedAway(stranger.conflict())));
    }

    /// What this node says of itself.
    pub fn announcement(&self, phase: &str) -> Announce {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Announce {
            member: self.own.clone(),
            members: self
                .peers
                .values()
                .filter_map(|peer| peer.member.clone())
                .chain(self.forgotten.values().cloned())
                .collect(),
            max_clock_skew: millis(self.facts.rules.max_clock_skew),
            lapse: millis(self.facts.rules.lapse),
            phase: phase.to_owned(),
            fingerprint: format!("{:032x}", self.fingerprint()),
            limit: self.ledger.limit(),
            boot: self.facts.boot,
            boot_nonce: self.facts.boot_nonce,
        }
    }

    /// A peer has announced itself, or has answered this node's announcement at `address`.
    ///
    /// # Errors
    /// When it is not what it says it is: it has this node's identity, or an older run of another's,
    /// or its name belongs to another.
    pub fn announced(&mut self, announce: &Announce, address: Option<&str>, now: Now) -> Result<(), Stranger> {
        let member = &announce.member;
        let run = (announce.boot, announce.boot_nonce);
        if run.0 > 0 && (member.id, run) != (self.facts.me, (self.facts.boot, self.facts.boot_nonce)) {
            // An answer is no better than a request: a copy must not be met at its own address either.
            self.check_sender(member.id, run.0, run.1)?;
        }
        if member.id == self.facts.me {
            // A configured address that is this node's own.
            if let Some(address) = address {
                self.met_at.insert(address.to_owned(), self.facts.me);
                self.drop_stand_in(address);
            }
            return Ok(());
        }
        self.check_name(member)?;
        self.give_way_to(member);
        self.learn_member(member, now);
        self.learn_members(&announce.members, now);
        if self.peers.contains_key(&member.id) {
            // Who was here before is no more, whichever of their clocks was ahead.
            let is_former = |peer: &Peer| {
                peer.member
                    .as_ref()
                    .is_some_and(|m| m.id != member.id && m.name == member.name && m.address == member.address)
            };
            let former: Vec<NodeId> =
                self.peers.iter().filter(|(_, peer)| is_former(peer)).map(|(id, _)| *id).collect();
            for id in former {
                self.forget_id(id, now);
            }
        }
        if let Some(address) = address {
            self.met_at.insert(address.to_owned(), member.id);
        }
        for address in [address, Some(&*member.address)].into_iter().flatten() {
            self.rename(stand_in(address), member.id, now);
        }
        let ours = self.announcement("");
        if (announce.max_clock_skew, announce.lapse) != (ours.max_clock_skew, ours.lapse) {
            self.warn(format!("event=rules_differ peer={} its_max_clock_skew_ms={} own={} its_lapse_ms={} own={} they must be the same in the whole farm",
                member.name, announce.max_clock_skew, ours.max_clock_skew, announce.lapse, ours.lapse));
        }
        if let Some(peer) = self.peers.get_mut(&member.id) {
            peer.met = true;
            let changed = peer.phase != word(&announce.phase);
            word(&announce.phase).clone_into(&mut peer.phase);
            word(&announce.fingerprint).clone_into(&mut peer.fingerprint);
            if changed {
                self.notice(Notice::Nodes);
            }
        }
        self.heard(member.id, now);
        self.learn_limit(announce.limit, now);
        Ok(())
    }

    fn check_name(&self, member: &Member) -> Result<(), Stranger> {
        let holder = self.members().find(|other| other.name == member.name && other.id != member.id);
        match holder {
            // The same place under a new identity: its store was renewed.
            Some(other) if other.address == member.address && other.id != self.facts.me => Ok(()),
            // It had the name before; whoever else has it gives way ([`Replica::give_way_to`]).
            Some(other) if comes_first(member, other) => Ok(()),
            Some(other) => {
                Err(Stranger::NameTaken { name: member.name.clone(), id: other.id, address: other.address.clone() })
            }
            None => Ok(()),
        }
    }

    /// Two parts of a farm that did not know each other may have a node of the same name each. When
    /// they hear of each other, be it from a third, the one that took the name later is turned away.
    fn give_way_to(&mut self, member: &Member) {
        let is_namesake = member.name == self.own.name && member.id != self.own.id && !member.forgotten;
        if is_namesake && member.address != self.own.address && comes_first(member, &self.own) {
            let taken =
                Stranger::NameTaken { name: member.name.clone(), id: member.id, address: member.address.clone() };
            self.turned_away(&taken.conflict());
        }
    }

    /// A peer has turned this node away, or the node has found out by itself that it is not what it
    /// claims to be. From now on it is fenced: what it knows stays in force, but it takes no
    /// submissions, for peers would not accept them from it.
    pub fn turned_away(&mut self, conflict: &Conflict) {
        // A lasting conflict is not replaced by one that may pass.
        if self.conflict.as_ref().is_none_or(|known| conflict.kind.is_lasting() && !known.kind.is_lasting()) {
            let conflict = Conflict { kind: conflict.kind, why: text(&conflict.why).to_owned() };
            self.commit("conflict", vec![Change::Conflict(conflict.clone())]);
            self.effects.push(super::Effect::Fence(conflict.clone()));
            self.conflict = Some(conflict);
            self.notice(Notice::Nodes);
        }
    }

    /// A message of this peer has come in: it is there, so no back-off holds it up.
    pub(super) fn heard(&mut self, id: NodeId, now: Now) {
        if let Some(peer) = self.peers.get_mut(&id) {
            if peer.link.is_down() {
                self.effects.push(super::Effect::Notice(Notice::Nodes));
            }
            peer.link.heard();
            peer.last_contact = Some(now.wall);
            self.wake(id, now);
        }
    }

    /// Takes over what a peer knows of the members.
    pub(super) fn learn_members(&mut self, members: &[Member], now: Now) {
        for member in members.iter().take(MAX_MEMBERS) {
            if member.id == self.facts.me {
                if !member.forgotten {
                    self.outdo(member);
                } else {
                    self.turned_away(&Stranger::Forgotten { id: member.id }.conflict());
                }
            } else {
                self.give_way_to(member);
                self.learn_member(member, now);
            }
        }
    }

    /// The farm has a later record of this node than it has itself: from before its disk lost some,
    /// or its clock went back. What it says now must win.
    fn outdo(&mut self, member: &Member) {
        if member.changed >= self.own.changed
            && *member != self.own
            && let Some(changed) = following(member.changed)
        {
            self.own.changed = changed;
            let own = storable(&self.own);
            self.commit("member", vec![Change::Member(own)]);
        }
    }

    /// The records of which these members' sender has none, or an earlier one.
    pub(super) fn members_beyond(&self, members: &[Member]) -> Vec<Member> {
        let told: HashMap<NodeId, (bool, Moment)> = members.iter().map(|member| (member.id, rank(member))).collect();
        let is_news = |member: &&Member| told.get(&member.id).is_none_or(|told| *told < rank(member));
        self.members().chain(self.forgotten.values()).filter(is_news).cloned().collect()
    }

    fn learn_member(&mut self, member: &Member, now: Now) {
        let known =
            self.peers.get(&member.id).and_then(|peer| peer.member.as_ref()).or_else(|| self.forgotten.get(&member.id));
        if known.is_some_and(|known| rank(known) >= rank(member)) {
            return;
        }
        if known.is_none() && self.peers.len() + self.forgotten.len() >= MAX_MEMBERS {
            self.warn(format!("event=too_many_members limit={MAX_MEMBERS} refused={}", member.name));
            return;
        }
        if let Err(problem) = check_member(member) {
            self.warn(format!("event=refused_member name={} id={} problem={problem:?}", member.name, member.id));
            return;
        }
        if member.forgotten {
            self.remove(member.clone());
        } else {
            self.commit("member", vec![Change::Member(storable(member))]);
            let successor_of = self.peers.iter().find(|(id, peer)| {
                **id != member.id
                    && peer.member.as_ref().is_some_and(|m| {
                        m.name == member.name && m.address == member.address && m.changed < member.changed
                    })
            });
            if let Some(id) = successor_of.map(|(id, _)| *id) {
                self.forget_id(id, now);
            }
            let peer = self.peers.entry(member.id).or_default();
            peer.address.clone_from(&member.address);
            peer.member = Some(member.clone());
            self.rename(stand_in(&member.address), member.id, now);
        }
        self.notice(Notice::Nodes);
    }

    /// Rows that waited for a configured address now wait for the node that answers there.
    fn rename(&mut self, old: NodeId, new: NodeId, now: Now) {
        if old == new || !self.peers.contains_key(&new) {
            return;
        }
        let Some(mut stranger) = self.peers.remove(&old) else { return };
        let mut changes = Vec::new();
        let collapsed = stranger.lane.collapsed;
        let rows = stranger.lane.clear();
        for (key, row) in &rows {
            changes.push(Change::Unpost(old, *key));
            changes.push(Change::Post(new, *key, crate::sync::OutboxRow { initial: row.initial }));
        }
        if collapsed {
            changes.push(Change::MergeOnReturn(old, false));
            changes.push(Change::MergeOnReturn(new, true));
        }
        if let Some(peer) = self.peers.get_mut(&new) {
            peer.lane.absorb(rows);
            peer.lane.collapsed |= collapsed;
        }
        self.tracks.rename(old, Some(new));
        self.commit("met", changes);
        self.notice(Notice::Nodes);
        self.wake(new, now);
    }

    fn drop_stand_in(&mut self, address: &str) {
        let id = stand_in(address);
        if let Some(mut peer) = self.peers.remove(&id) {
            let mut changes: Vec<Change> = peer.lane.clear().into_keys().map(|key| Change::Unpost(id, key)).collect();
            if peer.lane.collapsed {
                changes.push(Change::MergeOnReturn(id, false));
            }
            self.tracks.rename(id, None);
            self.commit("met", changes);
        }
    }

    /// Removes a node for good; false if there is none of this name (or address, for one that was
    /// never met).
    pub fn forget(&mut self, name: &str, now: Now) -> bool {
        let goes_by = |(_, peer): &(&NodeId, &Peer)| {
            peer.member.as_ref().map_or(peer.address == name, |member| member.name.as_str() == name)
        };
        // Of several the one that took the name last.
        let since = |(_, peer): &(&NodeId, &Peer)| peer.member.as_ref().map(|member| (member.since, member.id));
        let found = self.peers.iter().filter(goes_by).max_by_key(since);
        let Some(id) = found.map(|(id, _)| *id) else { return false };
        self.forget_id(id, now);
        true
    }

    fn forget_id(&mut self, id: NodeId, now: Now) {
        match self.peers.get(&id).and_then(|peer| peer.member.clone()) {
            Some(mut member) => {
                member.changed = now.wall.max(member.changed.after(Duration::from_millis(1)));
                member.forgotten = true;
                self.remove(member);
            }
            None => {
                let address = self.peers.get(&id).map(|peer| peer.address.clone()).unwrap_or_default();
                self.drop_stand_in(&address);
            }
        }
        self.notice(Notice::Nodes);
    }

    /// Takes a forgotten member and its rows away, in one step: rows of nobody would stay for ever.
    pub(super) fn remove(&mut self, member: Member) {
        let id = member.id;
        let mut changes = vec![Change::Member(storable(&member))];
        if let Some(mut peer) = self.peers.remove(&id) {
            changes.extend(peer.lane.clear().into_keys().map(|key| Change::Unpost(id, key)));
            if peer.lane.collapsed {
                changes.push(Change::MergeOnReturn(id, false));
            }
            self.tracks.rename(id, None);
        }
        self.commit("forgotten", changes);
        self.forgotten.insert(id, member);
    }

    /// Where this node has still to announce itself: at configured addresses at which no member has
    /// been met, or none that was not forgotten since (two nodes that forgot each other must not stay
    /// apart for ever), and at members that are known by hearsay only (they may not know this node,
    /// and could not send it a receipt).
    pub fn strangers(&self) -> Vec<String> {
        let is_member =
            |id: &NodeId| *id == self.facts.me || self.peers.get(id).is_some_and(|peer| peer.member.is_some());
        let has_member = |address: &String| {
            *address == self.facts.address
                || self.met_at.get(address).is_some_and(is_member)
                || self.peers.values().any(|peer| peer.member.is_some() && peer.address == *address)
        };
        let configured = self.facts.peers.iter().filter(|address| !has_member(address));
        let hearsay = self.peers.values().filter(|peer| peer.member.is_some() && !peer.met).map(|peer| &peer.address);
        configured.chain(hearsay).cloned().collect()
    }

    /// Names of applications and resources that this member defines in another way than this node.
    pub fn differing_definitions(&self, member: &Member) -> Vec<Target> {
        let differs = |(target, digest): (&Target, &String)| {
            self.own.definitions.get(target).filter(|own| *own != digest).map(|_| target.clone())
        };
        member.definitions.iter().filter_map(differs).collect()
    }
}
