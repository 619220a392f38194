//! Identity: announcements, membership, copied stores (docs/contract.md#announcement,
//! docs/contract.md#joining-and-forgetting).
//!
//! Membership merges like the ledger: for each id the record with the later change wins. Forgetting is
//! permanent and wins over every change, whatever a clock or a returning node reports.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{
    Defines, Notice, Replica, Ticket,
    roster::{MAX_BOOTS, MAX_MEMBERS, Run, stand_in},
};
use crate::{
    availability::{Name, NodeId, Target},
    sync::{
        Change, Conflict, ConflictKind, Label, Now, Report,
        bounds::{check_member, storable, text},
        message::{Announce, Member, Membership},
    },
};

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

impl Replica {
    /// Whether a request of this sender may be accepted: it is not forgotten, and no other store has used its
    /// identity more often.
    ///
    /// # Errors
    /// The 409 to answer with.
    pub fn check_sender(&mut self, id: NodeId, boot: u64, nonce: u64) -> Result<(), Stranger> {
        if self.roster.is_forgotten(&id) {
            return Err(Stranger::Forgotten { id });
        }
        if id == self.facts.me {
            return Err(Stranger::Copied { id });
        }
        match self.roster.run(id, boot, nonce) {
            Run::Known => {}
            Run::New => {
                self.commit(Label::Boot, vec![Change::Boot(id, boot, nonce)]);
            }
            Run::TooMany => {
                self.report(Report::TooManyNodes { limit: MAX_BOOTS, not_remembered: id });
            }
            Run::Old => return Err(Stranger::Copied { id }),
        }
        Ok(())
    }

    /// Answers with [`Reply::TurnedAway`](super::Reply::TurnedAway).
    pub fn turn_away(&mut self, stranger: &Stranger, ticket: Ticket) {
        let why = stranger.conflict();
        self.report(Report::TurnedAwayPeer { why: why.clone() });
        self.effects.push(super::Effect::Reply(ticket, super::Reply::TurnedAway(why)));
    }

    /// This node's announcement, with all members that it knows.
    pub fn announcement(&self, phase: &str) -> Announce {
        Announce { members: self.roster.list(), ..self.greeting(phase) }
    }

    /// The answer to this announcement. The members are in it if the other node knows others: their number would
    /// make each exchange dearer as the farm grows. What else is new in their records comes with a merge.
    pub(in crate::sync) fn answer_to(&self, announce: &Announce, phase: &str) -> Announce {
        let greeting = self.greeting(phase);
        let nodes = |membership: &Option<Membership>| membership.as_ref().map(|told| told.nodes.clone());
        if nodes(&announce.membership) == nodes(&greeting.membership) { greeting } else { self.announcement(phase) }
    }

    /// The members to tell a peer at the beginning of a merge: none if it knows the same.
    pub(in crate::sync) fn members_for(&self, peer: &NodeId) -> Vec<Member> {
        if self.roster.knows_the_same(peer) {
            return Vec::new();
        }
        std::iter::once(self.roster.own().clone()).chain(self.roster.list()).collect()
    }

    /// This node's announcement, with a digest of the members in place of them.
    pub(in crate::sync) fn greeting(&self, phase: &str) -> Announce {
        let (max_clock_skew, lapse) = self.rules_told();
        Announce {
            member: self.roster.own().clone(),
            members: Vec::new(),
            membership: Some(self.roster.membership()),
            max_clock_skew,
            lapse,
            phase: phase.to_owned(),
            fingerprint: format!("{:032x}", self.fingerprint()),
            limit: self.ledger.limit(),
            boot: self.facts.boot,
            boot_nonce: self.facts.boot_nonce,
        }
    }

    /// δ and lapse, in milliseconds.
    fn rules_told(&self) -> (u64, u64) {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        (millis(self.facts.rules.max_clock_skew), millis(self.facts.rules.lapse))
    }

    /// A peer has announced itself, or has answered this node's announcement at `address`.
    ///
    /// # Errors
    /// When its identity is refused: it has this node's identity, or an older run of another node's, or another
    /// node's name.
    pub fn announced(&mut self, announce: &Announce, address: Option<&str>, now: Now) -> Result<(), Stranger> {
        let member = &announce.member;
        let run = (announce.boot, announce.boot_nonce);
        if run.0 > 0 && (member.id, run) != (self.facts.me, (self.facts.boot, self.facts.boot_nonce)) {
            // Answers are checked like requests: a copy is refused at its own address too.
            self.check_sender(member.id, run.0, run.1)?;
        }
        if member.id == self.facts.me {
            // A configured address is this node's own.
            if let Some(address) = address {
                self.roster.answered_at(address, self.facts.me);
                self.drop_stand_in(address);
            }
            return Ok(());
        }
        self.check_name(member)?;
        self.give_way_to(member);
        self.learn_member(member, now);
        self.learn_members(&announce.members, now);
        if self.roster.has(&member.id) {
            // The former node at this place is gone, whichever clock was ahead.
            for former in self.roster.former(member, None) {
                self.forget_id(former.id, now);
            }
        }
        if let Some(address) = address {
            self.roster.answered_at(address, member.id);
        }
        for address in [address, Some(&*member.address)].into_iter().flatten() {
            self.rename(stand_in(address), member.id, now);
        }
        self.roster.told(&member.id, announce.membership.as_ref());
        let ours = self.rules_told();
        if (announce.max_clock_skew, announce.lapse) != ours {
            self.report(Report::RulesDiffer {
                peer: member.name.clone(),
                its_max_clock_skew: announce.max_clock_skew,
                own_max_clock_skew: ours.0,
                its_lapse: announce.lapse,
                own_lapse: ours.1,
            });
        }
        self.roster.said_fingerprint(&member.id, &announce.fingerprint);
        if self.roster.announced(&member.id, &announce.phase) {
            self.notice(Notice::Nodes);
        }
        self.heard(member.id, now);
        self.learn_limit(announce.limit, now);
        Ok(())
    }

    fn check_name(&self, member: &Member) -> Result<(), Stranger> {
        match self.roster.holder_before(member) {
            Some(other) => {
                Err(Stranger::NameTaken { name: member.name.clone(), id: other.id, address: other.address.clone() })
            }
            None => Ok(()),
        }
    }

    /// Two parts of a farm that did not know each other may each have a node with the same name. When the two
    /// learn of each other, even from a third node, the one that took the name later is fenced.
    fn give_way_to(&mut self, member: &Member) {
        if self.roster.must_give_way_to(member) {
            let taken =
                Stranger::NameTaken { name: member.name.clone(), id: member.id, address: member.address.clone() };
            self.turned_away(&taken.conflict());
        }
    }

    /// A peer has refused this node's identity, or the node has itself found that it is not valid. From now on
    /// it is fenced: what it knows stays in force, but it accepts no submissions, because peers would not
    /// accept them from it.
    pub fn turned_away(&mut self, conflict: &Conflict) {
        // A lasting conflict is not replaced by one that may pass.
        if self.conflict.as_ref().is_none_or(|known| conflict.kind.is_lasting() && !known.kind.is_lasting()) {
            let conflict = Conflict { kind: conflict.kind, why: text(&conflict.why).to_owned() };
            self.commit(Label::Conflict, vec![Change::Conflict(conflict.clone())]);
            self.effects.push(super::Effect::Fence(conflict.clone()));
            self.conflict = Some(conflict);
            self.notice(Notice::Nodes);
        }
    }

    /// A message of this peer has arrived: the peer is reachable, so its back-off ends.
    pub(super) fn heard(&mut self, id: NodeId, now: Now) {
        if self.outbox.heard(id) {
            self.notice(Notice::Nodes);
        }
        self.roster.heard(&id, now.wall);
        self.wake(id, now);
    }

    /// Merges a peer's member records.
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

    /// The farm has a later record of this node than the node itself: from before its disk lost some, or its
    /// clock was set back. This node's present record must win.
    fn outdo(&mut self, member: &Member) {
        if self.roster.outdo(member) {
            let own = storable(self.roster.own());
            self.commit(Label::Member, vec![Change::Member(own)]);
        }
    }

    fn learn_member(&mut self, member: &Member, now: Now) {
        if !self.roster.is_news(member) {
            return;
        }
        if self.roster.is_full_for(&member.id) {
            self.report(Report::TooManyMembers { limit: MAX_MEMBERS, refused: member.name.clone() });
            return;
        }
        if let Err(problem) = check_member(member) {
            self.report(Report::RefusedMember { name: member.name.clone(), id: member.id, problem });
            return;
        }
        if member.forgotten {
            self.remove(member.clone());
        } else {
            self.commit(Label::Member, vec![Change::Member(storable(member))]);
            if let Some(former) = self.roster.former(member, Some(member.changed)).first() {
                self.forget_id(former.id, now);
            }
            self.outbox.open(member.id, true);
            self.roster.admit(member.clone());
            self.rename(stand_in(&member.address), member.id, now);
        }
        self.notice(Notice::Nodes);
    }

    /// Rows that waited for a configured address now wait for the node that answers there.
    fn rename(&mut self, old: NodeId, new: NodeId, now: Now) {
        if old == new || !self.roster.has(&new) || !self.roster.remove(&old) {
            return;
        }
        let changes = self.outbox.rename(old, new);
        self.commit(Label::Met, changes);
        self.notice(Notice::Nodes);
        self.wake(new, now);
    }

    fn drop_stand_in(&mut self, address: &str) {
        let id = stand_in(address);
        if self.roster.remove(&id) {
            let changes = self.outbox.close(id);
            self.commit(Label::Met, changes);
        }
    }

    /// Removes a node for good; false if there is none of this name (or address, for one that was
    /// never met).
    pub fn forget(&mut self, name: &str, now: Now) -> bool {
        let Some((id, _)) = self.roster.find(name) else { return false };
        self.forget_id(id, now);
        true
    }

    fn forget_id(&mut self, id: NodeId, now: Now) {
        match self.roster.member(&id).cloned() {
            Some(mut member) => {
                member.changed = now.wall.max(member.changed.after(Duration::from_millis(1)));
                member.forgotten = true;
                self.remove(member);
            }
            None => {
                let address = self.address_of(id).unwrap_or_default();
                self.drop_stand_in(&address);
            }
        }
        self.notice(Notice::Nodes);
    }

    /// Removes a forgotten member and its rows, in one step: rows without a member would never be removed.
    pub(super) fn remove(&mut self, member: Member) {
        let mut changes = vec![Change::Member(storable(&member))];
        changes.extend(self.outbox.close(member.id));
        self.commit(Label::Forgotten, changes);
        self.roster.bury(member);
    }

    /// The configuration was read again. Returns whether the other nodes should be told: this node's record has
    /// changed.
    pub fn redefine(&mut self, defines: Defines, now: Now) -> bool {
        let Defines { reasons, critical, definitions, together } = defines;
        let is_news = definitions != self.facts.definitions;
        self.facts.definitions.clone_from(&definitions);
        (self.facts.reasons, self.facts.critical, self.facts.together) = (reasons, critical, together);
        if is_news {
            self.roster.redefine(definitions, now.wall);
            let own = storable(self.roster.own());
            self.commit(Label::Member, vec![Change::Member(own)]);
            self.notice(Notice::Nodes);
        }
        is_news
    }

    /// The addresses at which this node must still announce itself.
    pub fn strangers(&self) -> Vec<String> {
        self.roster.strangers(&self.facts.peers)
    }

    /// The version of this member's zone data, if it is known and differs from this node's.
    pub fn differing_zone_data(&self, member: &Member) -> Option<String> {
        let theirs = &member.zone_data;
        (!theirs.is_empty() && *theirs != self.roster.own().zone_data).then(|| theirs.clone())
    }

    /// Names of applications and resources that this member defines in another way than this node.
    pub fn differing_definitions(&self, member: &Member) -> Vec<Target> {
        let differs = |(target, digest): (&Target, &String)| {
            self.roster.own().definitions.get(target).filter(|own| *own != digest).map(|_| target.clone())
        };
        member.definitions.iter().filter_map(differs).collect()
    }
}
