//! One node's whole part of the protocol: the [`Replica`], and the calls that the node makes by itself. It
//! announces itself and merges at its start, sends its outbox to its peers, merges periodically and with peers
//! that return, introduces itself to unknown members, and asks all of them for their state.
//!
//! Pure, like the replica: the inputs are peers' requests ([`Node::asked`]), results of this node's calls
//! ([`Node::answered`]) and time; [`Node::take_effects`] returns what the shell must do. The repeater performs
//! that on a real disk and real connections, the simulation on virtual ones.
//!
//! Must stay true: a 409 to any call fences this node; at most one merge runs with each peer; a fenced or
//! unsure node answers no 409; nothing is sent before the replay is over.

mod answers;
mod errand;
mod rhythm;
mod start;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use self::{
    errand::{Errand, Setback, Then},
    rhythm::Rhythm,
    start::Start,
};
use super::{
    Answer, Ask, Asker, Call, CallId, Defines, Effect, Facts, Failure, Now, Phase, Purpose, Replica, Reply, Report,
    Restored, Ticket, dice::Dice, merge::SMALL, message::Announce, replica::Due,
};
use crate::availability::NodeId;

/// With how many nodes this one merges when it may have missed something.
const MERGE_SOON: usize = 3;

/// How this node merges (`docs/contract.md#merge`, `[farm.merge]`).
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many references to ask at start; `None`: all.
    pub references: Option<usize>,
    /// In random order rather than as they are listed.
    pub random: bool,
    /// One after the other rather than all at once.
    pub series: bool,
    /// How long the whole phase may take at start.
    pub timeout: Duration,
    /// How often to merge with a random peer afterwards.
    pub every: Duration,
    /// Ledgers of up to this many entries are sent whole; larger ones are compared by ranges.
    pub small: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            references: None,
            random: false,
            series: true,
            timeout: Duration::from_secs(5),
            every: Duration::from_secs(30),
            small: SMALL,
        }
    }
}

/// See the module. A clone goes on from the same state: so all that may happen next is tried in turn
/// (`tests/simulation/explore`).
#[derive(Debug, Clone)]
pub struct Node {
    replica: Replica,
    plan: Plan,
    phase: Phase,
    dice: Dice,
    calls: BTreeMap<CallId, Errand>,
    last_call: CallId,
    /// The peers with which a merge is in flight, including its announcement.
    merging: BTreeSet<NodeId>,
    start: Option<Start>,
    rhythm: Option<Rhythm>,
    /// For each caller that asked for the state of all nodes: how many have not answered yet.
    looking: BTreeMap<Ticket, usize>,
    effects: Vec<Effect>,
}

impl Node {
    /// Continues from the restored state. `seed` is random.
    pub fn restore(facts: Facts, plan: Plan, restored: Restored, seed: u64, now: Now) -> Self {
        Self {
            replica: Replica::restore(facts, restored, now),
            plan,
            phase: Phase::Restore,
            dice: Dice::new(seed),
            calls: BTreeMap::new(),
            last_call: 0,
            merging: BTreeSet::new(),
            start: None,
            rhythm: None,
            looking: BTreeMap::new(),
            effects: Vec::new(),
        }
    }

    /// The replica, for reading.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The replica, for inputs that concern no other node: submissions, the progress of disk and caches.
    pub fn replica_mut(&mut self) -> &mut Replica {
        &mut self.replica
    }

    /// Applies everything that was pending; [`Reply::Settled`] when that is durable and visible.
    pub fn replay(&mut self, ticket: Ticket, now: Now) {
        self.phase = Phase::Replay;
        self.replica.replay(ticket, now);
    }

    /// The merge phase: announces this node everywhere, and merges with references. [`Reply::Asked`] when
    /// it is over; what was received is applied and durable after a [`Replica::settle`].
    pub fn merge_at_start(&mut self, ticket: Ticket, now: Now) {
        self.phase = Phase::Merge;
        let mut start = Start::new(&self.plan, ticket, now.mono);
        // Configured addresses first, then the other members.
        let own = &self.replica.own().address;
        let mut addresses = self.replica.facts().peers.clone();
        addresses.extend(self.met().into_iter().map(|(_, address)| address));
        addresses.retain(|address| address != own);
        if self.plan.random {
            self.dice.shuffle(&mut addresses);
        }
        let new = start.add(addresses);
        self.start = Some(start);
        self.announce(new, Then::Start);
        self.go_on();
        // Rows for peers were not sent during the replay.
        self.replica.tick(now);
    }

    /// The gate listens: from now on this node merges periodically and introduces itself.
    pub fn ready(&mut self, now: Now) {
        self.phase = Phase::Ready;
        self.rhythm = Some(Rhythm::new(self.plan.every, now.mono, &mut self.dice));
        let met = self.met();
        self.announce(met.into_iter().map(|(_, address)| address), Then::Nothing);
    }

    /// Something may have been missed: merges with some nodes, if this one is ready.
    pub fn merge_soon(&mut self, ticket: Ticket) {
        if self.phase == Phase::Ready {
            let mut met = self.met();
            self.dice.shuffle(&mut met);
            met.into_iter().take(MERGE_SOON).for_each(|(peer, _)| self.merge_with(peer));
        }
        self.effects.push(Effect::Reply(ticket, Reply::Settled));
    }

    /// The configuration was read again: what this node defines. The others are told.
    pub fn redefine(&mut self, defines: Defines, now: Now) {
        if self.replica.redefine(defines, now) && self.phase == Phase::Ready {
            let met = self.met();
            self.announce(met.into_iter().map(|(_, address)| address), Then::Nothing);
        }
    }

    /// Asks the nodes that can be reached for their state; [`Reply::Looked`] when all have answered or failed.
    pub fn look_around(&mut self, ticket: Ticket) {
        let there: Vec<String> = self
            .replica
            .peers()
            .into_iter()
            .filter(|peer| peer.member.is_some() && !peer.down)
            .map(|p| p.address)
            .collect();
        if there.is_empty() || self.phase < Phase::Merge {
            self.effects.push(Effect::Reply(ticket, Reply::Looked));
            return;
        }
        self.looking.insert(ticket, there.len());
        self.announce(there, Then::Show(ticket));
    }

    /// Lets time pass. Call it at [`Node::next_timer`], or any time.
    pub fn tick(&mut self, now: Now) {
        self.replica.tick(now);
        if self.start.as_ref().is_some_and(|start| now.mono >= start.until) {
            self.end_start();
        }
        let (mono, dice) = (now.mono, &mut self.dice);
        let Some(rhythm) = &mut self.rhythm else { return };
        let (merge, introduce) = (rhythm.is_merge_due(mono, dice), rhythm.is_introduction_due(mono));
        if merge {
            let met = self.met();
            if let Some((id, _)) = met.get(self.dice.below(met.len())) {
                self.merge_with(*id);
            }
        }
        if introduce {
            let mut strangers = self.replica.strangers();
            let is_asked = |to: &String| {
                self.calls.values().any(|errand| matches!(errand, Errand::Announce(address, _) if address == to))
            };
            strangers.retain(|address| !is_asked(address));
            self.announce(strangers, Then::Merge(None));
        }
    }

    /// When [`Node::tick`] is to be called at the latest, on the monotonic clock.
    pub fn next_timer(&self, now: Now) -> Option<Duration> {
        let start = self.start.as_ref().map(|start| start.until);
        let rhythm = self.rhythm.as_ref().map(Rhythm::next);
        self.replica.next_timer(now).into_iter().chain(start).chain(rhythm).min()
    }

    /// The effects since the last call, in order. Messages to one peer that belong together are sent as one.
    pub fn take_effects(&mut self, now: Now) -> Vec<Effect> {
        let Due { send, merge } = self.replica.take_due();
        if self.phase >= Phase::Merge {
            merge.into_iter().for_each(|peer| self.merge_with(peer));
            for peer in send {
                let Some(address) = self.replica.address_of(peer) else { continue };
                if let Some(deliver) = self.replica.poll_send(peer, now) {
                    self.call(Some(peer), address, Purpose::Deliver, Ask::Deliver(deliver), Errand::Deliver(peer));
                }
            }
        }
        let mut effects = self.replica.take_effects();
        effects.append(&mut self.effects);
        effects
    }

    /// The phase that this node reports: a fenced node is never called ready.
    fn phase(&self) -> &'static str {
        let is_fenced = self.phase == Phase::Ready && self.replica.conflict().is_some();
        if is_fenced { Phase::Fenced.name() } else { self.phase.name() }
    }

    /// Members other than this node, with their addresses.
    fn met(&self) -> Vec<(NodeId, String)> {
        self.replica.met().map(|(id, address)| (id, address.to_owned())).collect()
    }

    fn call(&mut self, peer: Option<NodeId>, address: String, purpose: Purpose, ask: Ask, errand: Errand) {
        self.last_call += 1;
        self.calls.insert(self.last_call, errand);
        self.effects.push(Effect::Call(Call { id: self.last_call, peer, address, purpose, ask }));
    }

    fn announce(&mut self, addresses: impl IntoIterator<Item = String>, then: Then) {
        let mut addresses = addresses.into_iter().peekable();
        if addresses.peek().is_none() {
            return;
        }
        let own = Arc::new(self.replica.greeting(self.phase()));
        for address in addresses {
            let ask = Ask::Announce(Arc::clone(&own));
            self.call(None, address.clone(), Purpose::Announce, ask, Errand::Announce(address, then));
        }
    }

    /// A peer has sent a request. The answer comes with [`Reply::Announced`], [`Reply::Delivered`],
    /// [`Reply::Merged`], [`Reply::TurnedAway`] or [`Reply::Busy`].
    pub fn asked(&mut self, from: Asker, ask: Ask, ticket: Ticket, now: Now) {
        if let Ask::Announce(announce) = ask {
            return self.hear_announcement(from, &announce, ticket, now);
        }
        if let Err(stranger) = self.replica.check_sender(from.id, from.boot, from.nonce) {
            return self.replica.turn_away(&stranger, ticket);
        }
        match ask {
            Ask::Deliver(deliver) => self.replica.deliver(from.id, deliver, ticket, now),
            Ask::Merge(merge) => self.replica.merge(from.id, *merge, ticket, now),
            Ask::Announce(_) => {} // answered above
        }
    }

    /// A peer, or this node itself, has announced itself here.
    fn hear_announcement(&mut self, from: Asker, announce: &Announce, ticket: Ticket, now: Now) {
        let own = self.replica.facts();
        // A node whose own address is in its list of peers calls itself.
        let is_self = (from.id, from.boot, from.nonce) == (own.me, own.boot, own.boot_nonce);
        // Two nodes with one id, or one name: a node that is fenced, or that has not yet asked the others whether
        // it is a copy, must not fence the other one. Its identity may not be its own.
        let is_unsure = self.replica.conflict().is_some() || from.id == own.me && self.phase < Phase::Ready;
        if !is_self && is_unsure {
            return self.effects.push(Effect::Reply(ticket, Reply::Busy));
        }
        let mut taken = if is_self { Ok(()) } else { self.replica.check_sender(from.id, from.boot, from.nonce) };
        if taken.is_ok() {
            taken = self.replica.announced(announce, None, now);
        }
        match taken {
            Ok(()) => {
                let own = Box::new(self.replica.answer_to(announce, self.phase()));
                self.effects.push(Effect::Reply(ticket, Reply::Announced(own)));
            }
            Err(stranger) => self.replica.turn_away(&stranger, ticket),
        }
    }

    /// The result of a call.
    pub fn answered(&mut self, call: CallId, result: Result<Answer, Failure>, now: Now) {
        let Some(errand) = self.calls.remove(&call) else { return };
        if let Err(Failure::TurnedAway(conflict)) = &result {
            self.replica.turned_away(conflict);
        }
        match (errand, result) {
            (Errand::Deliver(peer), Ok(Answer::Delivered(delivered))) => self.replica.answered(peer, &delivered, now),
            (Errand::Deliver(peer), _) => {
                let chance = self.dice.next();
                self.replica.failed(peer, chance, now);
            }
            (Errand::Announce(address, then), result) => self.heard_back(&address, then, result, now),
            (Errand::Talk { peer, address, talk }, Ok(Answer::Merged(merged))) => {
                self.talk_on(peer, address, talk, merged, now);
            }
            (Errand::Talk { peer, .. }, result) => self.broken_off(peer, &Setback::of(result), now),
            (Errand::Tell { peer, address, rest, purpose }, Ok(Answer::Merged(_))) => {
                self.tell(peer, address, rest, purpose);
            }
            (Errand::Tell { peer, purpose, .. }, result) => {
                self.report(Report::NoFollowUp { peer, why: Setback::of(result).to_string() });
                self.told(peer, purpose);
            }
        }
    }

    fn report(&mut self, report: Report) {
        self.effects.push(Effect::Report(report));
    }
}
