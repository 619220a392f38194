//! Handles the answers to this node's calls: merges, step by step, and the merge phase of a start.

use super::{
    Node,
    errand::{Errand, Setback, Then},
    start::Move,
};
use crate::{
    availability::NodeId,
    sync::{
        Answer, Ask, Effect, Failure, Now, PeerView, Purpose, Reply, Report, Ticket,
        merge::{Next, Talk, follow_ups},
        message::{Merge, Merged},
    },
};

/// To how many peers the entries of a merge are sent.
const TELL: usize = 3;

impl Node {
    /// Merges with a peer, unless a merge with it is in flight: first finds out which node is at its address.
    pub(super) fn merge_with(&mut self, peer: NodeId) {
        let Some(address) = self.replica.address_of(peer) else { return };
        if self.merging.insert(peer) {
            // From now on rows are written for it again, although it gets a merge.
            self.replica.merging(peer);
            self.announce([address], Then::Merge(Some(peer)));
        }
    }

    /// The result of an announcement.
    pub(super) fn heard_back(&mut self, address: &str, then: Then, result: Result<Answer, Failure>, now: Now) {
        let met = match result {
            Ok(Answer::Announced(announce)) => match self.replica.announced(&announce, Some(address), now) {
                Ok(()) => Ok((announce.member.id, announce.member.name)),
                Err(stranger) => {
                    self.report(Report::RefusedAnswer { address: address.to_owned(), why: stranger.conflict() });
                    Err(Setback::Refused(stranger))
                }
            },
            result => Err(Setback::of(result)),
        };
        if met.is_err() {
            let there = self.met().into_iter().filter(|(id, at)| at == address && then != Then::Merge(Some(*id)));
            for (id, _) in there.collect::<Vec<_>>() {
                let chance = self.dice.next();
                self.replica.unreachable(id, chance, now);
            }
        }
        let is_self = met.as_ref().is_ok_and(|(id, _)| *id == self.replica.facts().me);
        match then {
            Then::Nothing => {}
            Then::Show(ticket) => self.looked(ticket),
            Then::Start => {
                let Some(start) = &mut self.start else { return };
                if let Err(why) = &met {
                    let report = Report::NoReference { node: address.to_owned(), why: why.to_string() };
                    self.effects.push(Effect::Report(report));
                }
                start.announced(address, met.ok().map(|(id, _)| id).filter(|_| !is_self));
                self.announce_to_new_members();
                self.go_on();
            }
            Then::Merge(expected) => {
                let id = met.ok().map(|(id, name)| {
                    if expected.is_none() {
                        self.report(Report::Met { address: address.to_owned(), node: name });
                    }
                    id
                });
                if let Some(expected) = expected.filter(|expected| id != Some(*expected)) {
                    self.broken_off(expected, &Setback::OtherNode, now);
                }
                let id = id.filter(|id| !is_self && (expected == Some(*id) || !self.merging.contains(id)));
                if let Some(id) = id {
                    self.talk(id, address.to_owned());
                }
            }
        }
    }

    fn looked(&mut self, ticket: Ticket) {
        let Some(left) = self.looking.get_mut(&ticket) else { return };
        *left -= 1;
        if *left == 0 {
            self.looking.remove(&ticket);
            self.effects.push(Effect::Reply(ticket, Reply::Looked));
        }
    }

    pub(super) fn talk(&mut self, peer: NodeId, address: String) {
        self.merging.insert(peer);
        self.replica.merging(peer);
        let (talk, ask) = Talk::begin(&self.replica, peer, self.plan.small);
        self.part(peer, address, Box::new(talk), Box::new(ask), Purpose::Probe);
    }

    fn part(&mut self, peer: NodeId, address: String, talk: Box<Talk>, ask: Box<Merge>, purpose: Purpose) {
        let errand = Errand::Talk { peer, address: address.clone(), talk };
        self.call(Some(peer), address, purpose, Ask::Merge(ask), errand);
    }

    /// A reference has answered one step of a merge.
    pub(super) fn talk_on(
        &mut self,
        peer: NodeId,
        address: String,
        mut talk: Box<Talk>,
        merged: Option<Merged>,
        now: Now,
    ) {
        match talk.answer(&mut self.replica, merged, now) {
            Ok(Next::Ask(ask)) => self.part(peer, address, talk, ask, Purpose::Part),
            Ok(Next::Done) => {
                self.merging.remove(&peer);
                self.replica.merged_with(peer, now);
                let start = self.start.as_mut().filter(|start| start.is_open(peer));
                self.effects.push(Effect::Merged { peer, at_start: start.is_some() });
                match start {
                    Some(start) => start.ended(peer, Some(*talk)),
                    None => self.tell_some(peer, *talk),
                }
                self.go_on();
            }
            Err(error) => {
                let why = Setback::Talk(error);
                self.report(Report::MergeBrokenOff { address, why: why.to_string() });
                self.broken_off(peer, &why, now);
            }
        }
    }

    /// A merge with a peer was broken off.
    pub(super) fn broken_off(&mut self, peer: NodeId, why: &Setback, now: Now) {
        self.merging.remove(&peer);
        let chance = self.dice.next();
        self.replica.merge_failed(peer, chance, now);
        if let Some(start) = self.start.as_mut().filter(|start| start.is_open(peer)) {
            start.ended(peer, None);
            self.no_reference(peer, why);
            self.go_on();
        }
    }

    fn no_reference(&mut self, peer: NodeId, why: &Setback) {
        self.report(Report::NoReference { node: peer.to_string(), why: why.to_string() });
    }

    /// Passes the entries of a merge on to a few nodes that may also lack them, so that news from the other
    /// side of a healed partition does not wait for every node's next merge.
    fn tell_some(&mut self, from: NodeId, talk: Talk) {
        if talk.learned.is_empty() {
            return;
        }
        let is_there = |peer: &PeerView| peer.member.is_some() && !peer.down && peer.id != from;
        let mut others: Vec<_> = self.replica.peers().into_iter().filter(is_there).collect();
        self.dice.shuffle(&mut others);
        let parts = follow_ups(&self.replica, &talk.learned);
        for peer in others.into_iter().take(TELL) {
            self.tell_next(peer.id, peer.address, parts.clone().into_iter(), Purpose::Tell);
        }
    }

    /// Sends the next part; false if there is none.
    fn tell_next(
        &mut self,
        peer: NodeId,
        address: String,
        mut rest: std::vec::IntoIter<Merge>,
        purpose: Purpose,
    ) -> bool {
        let Some(part) = rest.next() else { return false };
        let errand = Errand::Tell { peer, address: address.clone(), rest, purpose };
        self.call(Some(peer), address, purpose, Ask::Merge(Box::new(part)), errand);
        true
    }

    /// A part was accepted: sends the next one, or ends.
    pub(super) fn tell(&mut self, peer: NodeId, address: String, rest: std::vec::IntoIter<Merge>, purpose: Purpose) {
        if !self.tell_next(peer, address, rest, purpose) {
            self.told(peer, purpose);
        }
    }

    /// Everything was sent, or the peer cannot be reached any more.
    pub(super) fn told(&mut self, peer: NodeId, purpose: Purpose) {
        if purpose == Purpose::FollowUp {
            if let Some(start) = &mut self.start {
                start.told(peer);
            }
            self.go_on();
        }
    }

    /// Announces this node to members that the answers have named and the merge phase does not know yet.
    pub(super) fn announce_to_new_members(&mut self) {
        let mut addresses: Vec<String> = self.met().into_iter().map(|(_, address)| address).collect();
        if self.plan.random {
            self.dice.shuffle(&mut addresses);
        }
        let Some(start) = &mut self.start else { return };
        let new = start.add(addresses);
        self.announce(new, Then::Start);
    }

    /// The next moves of the merge phase.
    pub(super) fn go_on(&mut self) {
        while let Some(next) = self.start.as_mut().and_then(|start| start.next()) {
            match next {
                // A merge with it is in flight already, because the peer has returned. That one suffices.
                Move::Talk(peer, _) if self.merging.contains(&peer) => {
                    if let Some(start) = &mut self.start {
                        start.overlap();
                    }
                }
                Move::Talk(peer, address) => self.talk(peer, address),
                Move::Tell(peer, entries) => {
                    let parts = follow_ups(&self.replica, &entries).into_iter();
                    let address = self.replica.address_of(peer);
                    if !address.is_some_and(|address| self.tell_next(peer, address, parts, Purpose::FollowUp))
                        && let Some(start) = &mut self.start
                    {
                        start.told(peer);
                    }
                }
                Move::Over => return self.end_start(),
            }
        }
    }

    /// The merge phase is over, or its time is. Merges in flight continue in the background.
    pub(super) fn end_start(&mut self) {
        let Some(start) = self.start.take() else { return };
        for peer in start.open() {
            self.no_reference(peer, &Setback::TimeIsUp);
        }
        let peers = self.replica.facts().peers.len();
        if start.reached == 0 && peers > 0 {
            self.report(Report::NoReferenceAnswered { peers });
        } else {
            self.report(Report::Merged { references: start.reached });
        }
        self.effects.push(Effect::Reply(start.ticket, Reply::Asked(start.reached)));
    }
}
