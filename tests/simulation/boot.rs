//! A node's life as SPEC 5 has it: open, restore, replay, merge, ready; then merges now and then.

use forewarn::{
    availability::NodeId,
    sync::{
        Replica,
        merge::{Next, Session, Talk, follow_ups},
    },
};

use crate::{
    mirror::Touched,
    node::{Asked, Phase, Running, Waiter, rules},
    promises::Entrusted,
    world::{Answer, Body, Event, Request, World},
};

/// The merge phase takes no longer.
const PHASE: u64 = 5_000;

impl World {
    pub fn start(&mut self, at: usize) {
        let (time, run, nonce) = (self.time, self.next_run(), self.rng.next());
        let node = &mut self.nodes[at];
        if node.running.is_some() || node.absent || node.burned {
            return;
        }
        node.disk.boot += 1;
        let line = format!("{} {} starts", node.name, node.id);
        let restored = node.disk.synced.restored(rules());
        let now = forewarn::sync::Now { wall: node.wall(time), mono: std::time::Duration::ZERO };
        let replica = Replica::restore(node.facts(nonce), restored, now).with_max_rows(node.max_rows);
        let mut running = Running {
            replica,
            run,
            nonce,
            boot: node.disk.boot,
            since: time,
            ready: false,
            phase: None,
            tickets: Default::default(),
            next_ticket: 0,
            asked: Default::default(),
            merging: Default::default(),
            syncing: false,
            timer: None,
            crash_in: None,
            announce_wait: 500,
            told: Default::default(),
            renewing: false,
            touched: Touched { all: true, ..Touched::default() },
            applied_in: Default::default(),
            loading: Default::default(),
            delegations: Default::default(),
            silence: Default::default(),
            replaying: true,
            ended_talks: Vec::new(),
            ended_phase: None,
        };
        if node.disk.boot > 1 && self.faults && self.rng.chance(60) {
            running.crash_in = Some(self.rng.below(12));
            self.count("crashes planned during a boot");
        }
        self.trace(|| line);
        self.nodes[at].running = Some(running);
        self.perform(at);
        // Loading the caches takes its time; meanwhile peers are answered.
        let wait = if self.faults && self.rng.chance(300) { self.rng.range(1, 3_000) } else { 0 };
        self.after(wait, Event::Replay { node: at, run });
    }

    /// A new identity for a store that was copied, restored or forgotten.
    pub fn renew(&mut self, node: usize) {
        if self.nodes[node].replica().is_none_or(|replica| replica.conflict().is_none()) {
            // Crashed meanwhile; the conflict is seen again when it is back.
            return;
        }
        self.crash(node, None);
        let id = self.rng.u128();
        let node_ = &mut self.nodes[node];
        node_.id = NodeId(uuid::Uuid::from_u128(id));
        node_.disk.boot = 0;
        node_.disk.synced.conflict = None;
        node_.disk.latest.conflict = None;
        self.start(node);
    }

    /// It announces itself to everybody, then merges.
    pub fn begin_phase(&mut self, node: usize) {
        let Some(running) = &mut self.nodes[node].running else { return };
        running.phase = Some(Phase::default());
        let run = running.run;
        self.after(PHASE, Event::PhaseOver { node, run });
        self.announce_to_all(node);
        self.go_on(node);
    }

    /// To everybody who is known and has not been told, those included whom the answers name.
    fn announce_to_all(&mut self, node: usize) {
        let Some(running) = &mut self.nodes[node].running else { return };
        let known = running.replica.peers().into_iter().map(|peer| peer.address);
        let new: Vec<String> = known.filter(|address| running.told.insert(address.clone())).collect();
        if let Some(phase) = &mut running.phase {
            phase.announcing += new.len();
        }
        for address in new {
            self.announce(node, address);
        }
    }

    fn announce(&mut self, node: usize, address: String) {
        let Some(running) = &self.nodes[node].running else { return };
        let announcement = running.replica.announcement(if running.ready { "ready" } else { "merge" });
        self.ask(node, &address.clone(), Body::Announce(Box::new(announcement)), Asked::Announce { address });
    }

    /// The next step of the merge phase, when the last one is over.
    fn go_on(&mut self, at: usize) {
        let (references, series, random) =
            (self.nodes[at].references, self.nodes[at].series, self.nodes[at].random_order);
        let Some(running) = &mut self.nodes[at].running else { return };
        let Some(phase) = &mut running.phase else { return };
        if phase.announcing > 0 {
            return;
        }
        if !std::mem::replace(&mut phase.begun, true) {
            phase.session = Session::new(series);
            phase.rest =
                running.replica.peers().into_iter().filter(|peer| peer.member.is_some()).map(|peer| peer.id).collect();
            phase.wanted = references;
            if random {
                let turn = self.rng.below(phase.rest.len());
                phase.rest.rotate_left(turn);
            }
        }
        loop {
            let Some(phase) = self.nodes[at].running.as_mut().and_then(|running| running.phase.as_mut()) else {
                return;
            };
            let most = if series { 1 } else { phase.wanted };
            if phase.follow_ups || phase.wanted == 0 || phase.rest.is_empty() || phase.open >= most {
                break;
            }
            let reference = phase.rest.remove(0);
            phase.open += 1;
            if !self.begin_talk(at, reference, true) {
                self.talk_over(at, false);
            }
        }
        let Some(running) = &mut self.nodes[at].running else { return };
        let Some(phase) = &mut running.phase else { return };
        if phase.open > 0 {
            return;
        }
        if !std::mem::replace(&mut phase.follow_ups, true) {
            let missed = phase.session.missed();
            let mut asks = Vec::new();
            for (peer, entries) in missed {
                for merge in follow_ups(&running.replica, &entries) {
                    phase.open += 1;
                    asks.push((peer, merge));
                }
            }
            for (peer, merge) in asks {
                self.count("follow-ups of a merge");
                let Some(address) = self.nodes[at].replica().and_then(|replica| replica.address_of(peer)) else {
                    continue;
                };
                self.ask(at, &address, Body::Merge(Box::new(merge)), Asked::FollowUp { peer });
            }
        }
        let over = self.nodes[at].running.as_ref().and_then(|r| r.phase.as_ref()).filter(|phase| phase.open == 0);
        if let Some((references, learned)) = over.map(|phase| (phase.references.clone(), phase.learned.clone())) {
            if let Some(running) = &mut self.nodes[at].running {
                running.ended_phase = Some((references, learned));
            }
            self.phase_over(at);
        }
    }

    pub fn phase_over(&mut self, node: usize) {
        let now = self.nodes[node].now(self.time);
        let Some(running) = &mut self.nodes[node].running else { return };
        running.phase = None;
        let ticket = running.ticket(Waiter::Merged);
        running.replica.settle(ticket, now);
    }

    fn talk_over(&mut self, node: usize, well: bool) {
        let phase = self.nodes[node].running.as_mut().and_then(|running| running.phase.as_mut());
        if let Some(phase) = phase {
            phase.open = phase.open.saturating_sub(1);
            if well {
                phase.wanted = phase.wanted.saturating_sub(1);
            }
        }
    }

    pub fn ready(&mut self, node: usize) {
        let Some(running) = &mut self.nodes[node].running else { return };
        running.ready = true;
        let run = running.run;
        let wait = self.rng.range(20_000, 40_000);
        self.after(wait, Event::Periodic { node, run });
        self.after(500, Event::Strangers { node, run });
    }

    pub fn periodic(&mut self, node: usize) {
        let Some(running) = &self.nodes[node].running else { return };
        let run = running.run;
        let met: Vec<NodeId> =
            running.replica.peers().into_iter().filter(|peer| peer.member.is_some()).map(|peer| peer.id).collect();
        if let Some(peer) = self.rng.pick(&met).copied() {
            self.begin_talk(node, peer, false);
            self.perform(node);
        }
        let wait = self.rng.range(20_000, 40_000);
        self.after(wait, Event::Periodic { node, run });
    }

    pub fn meet_strangers(&mut self, node: usize) {
        let Some(running) = &mut self.nodes[node].running else { return };
        let strangers = running.replica.strangers();
        running.announce_wait = if strangers.is_empty() { 5_000 } else { (running.announce_wait * 2).min(20_000) };
        let (run, wait) = (running.run, running.announce_wait);
        for address in strangers {
            self.announce(node, address);
        }
        self.after(wait, Event::Strangers { node, run });
    }

    /// Begins a merge with a peer, unless one is under way.
    pub fn begin_talk(&mut self, node: usize, peer: NodeId, phase: bool) -> bool {
        let Some(running) = &mut self.nodes[node].running else { return false };
        let Some(address) = running.replica.address_of(peer) else { return false };
        if !running.merging.insert(peer) {
            return false;
        }
        running.replica.merging(peer);
        let (mut talk, ask) = Talk::begin(&running.replica, peer);
        if self.ranges {
            talk = talk.with_small(2);
        }
        let held = Box::new(self.before_merge(node, peer));
        self.ask(node, &address, Body::Merge(Box::new(ask)), Asked::Talk { peer, talk, phase, held });
        true
    }

    /// A peer's request has come in.
    pub fn asked(&mut self, to: usize, request: Request) {
        let (time, now) = (self.time, self.nodes[to].now(self.time));
        let Request { from, id, run, request, body, boot, nonce } = request;
        let Some(running) = &mut self.nodes[to].running else { return };
        if let Err(stranger) = running.replica.check_sender(id, boot, nonce) {
            self.count("requests that were turned away");
            self.answer(to, from, run, request, Answer::Refused(stranger.conflict()));
            return;
        }
        running.silence.heard(id);
        if running.replaying {
            self.count("requests before the replay was over");
        }
        let Some(running) = &mut self.nodes[to].running else { return };
        let limit = match &body {
            Body::Announce(announce) => announce.limit,
            Body::Deliver(deliver) => deliver.limit,
            Body::Merge(merge) => merge.limit,
        };
        match body {
            Body::Announce(announce) => {
                let answer = match running.replica.announced(&announce, None, now) {
                    Ok(()) => Answer::Announced(Box::new(running.replica.announcement(if running.ready {
                        "ready"
                    } else {
                        "merge"
                    }))),
                    Err(stranger) => {
                        self.answer(to, from, run, request, Answer::Refused(stranger.conflict()));
                        return self.perform(to);
                    }
                };
                self.answer(to, from, run, request, answer);
            }
            Body::Deliver(deliver) => {
                running.delegations.heard(id, &deliver.receipts, time);
                let entrusted = Entrusted { items: deliver.items.clone(), ..Entrusted::default() };
                let ticket = running.ticket(Waiter::Request { node: from, run, request, entrusted });
                running.replica.deliver(id, deliver, ticket, now);
            }
            Body::Merge(merge) => {
                let entrusted = Entrusted { entries: merge.entries.clone(), ..Entrusted::default() };
                let ticket = running.ticket(Waiter::Request { node: from, run, request, entrusted });
                running.replica.merge(id, *merge, ticket, now);
            }
        }
        self.check_limit(to, limit);
        self.perform(to);
    }

    /// An answer has come in.
    pub fn answered(&mut self, node: usize, asked: Asked, answer: Answer) {
        let (time, now) = (self.time, self.nodes[node].now(self.time));
        let Some(running) = &mut self.nodes[node].running else { return };
        if let Some(peer) = asked.peer(&answer) {
            running.silence.heard(peer);
        }
        match (asked, answer) {
            (Asked::Announce { address }, Answer::Announced(announce)) => {
                // A name that is taken is the other side's affair.
                let is_taken = running.replica.announced(&announce, Some(&address), now).is_err();
                if !is_taken && announce.member.id != self.nodes[node].id {
                    self.check_limit(node, announce.limit);
                }
                self.announced(node);
            }
            (Asked::Deliver { peer, stamps, .. }, Answer::Delivered(delivered)) => {
                running.delegations.heard(peer, &delivered.receipts, time);
                stamps.iter().for_each(|stamp| running.silence.answered(peer, *stamp));
                running.delegations.returned(peer, &delivered.unknown);
                let is_peer = running.replica.address_of(peer).is_some();
                running.replica.answered(peer, &delivered, now);
                if is_peer {
                    self.check_limit(node, delivered.limit);
                }
            }
            (Asked::Talk { peer, mut talk, phase, held }, Answer::Merged(merged)) => {
                match talk.answer(&mut running.replica, merged, now) {
                    Ok(Next::Ask(ask)) => {
                        let ranges = ask.ranges.is_some();
                        let Some(address) = running.replica.address_of(peer) else {
                            self.failed(node, Asked::Talk { peer, talk, phase, held });
                            return;
                        };
                        if ranges {
                            self.count("rounds of a comparison by ranges");
                        }
                        self.ask(node, &address, Body::Merge(ask), Asked::Talk { peer, talk, phase, held });
                    }
                    Ok(Next::Done) => {
                        running.merging.remove(&peer);
                        running.ended_talks.push((peer, held));
                        running.replica.merged_with(peer, now);
                        if let Some(phase_) = running.phase.as_mut().filter(|_| phase) {
                            phase_.references.push(peer);
                            phase_.learned.extend(talk.learned.iter().cloned());
                            phase_.session.ended(talk);
                            self.talk_over(node, true);
                            self.go_on(node);
                        }
                    }
                    Err(problem) => panic!("a talk between two of this version is broken off: {problem}"),
                }
            }
            (Asked::FollowUp { .. }, Answer::Merged(_)) => {
                self.talk_over(node, false);
                self.go_on(node);
            }
            (asked, Answer::Refused(why)) => {
                running.replica.turned_away(&why);
                self.failed(node, asked);
            }
            (asked, Answer::Busy) => self.failed(node, asked),
            (asked, answer) => panic!("{asked:?} is answered with {answer:?}"),
        }
    }

    fn announced(&mut self, node: usize) {
        let phase = self.nodes[node].running.as_mut().and_then(|running| running.phase.as_mut());
        if let Some(phase) = phase.filter(|phase| phase.announcing > 0) {
            phase.announcing -= 1;
        }
        self.announce_to_all(node);
        self.go_on(node);
    }

    /// No answer, or none that counts.
    pub fn failed(&mut self, node: usize, asked: Asked) {
        let (time, now, chance) = (self.time, self.nodes[node].now(self.time), self.rng.next());
        let Some(running) = &mut self.nodes[node].running else { return };
        match asked {
            Asked::Announce { .. } => self.announced(node),
            Asked::Deliver { peer, stamps, request } => {
                running.delegations.failed(peer, request, time);
                running.silence.failed(peer, time);
                running.replica.failed(peer, chance, now);
                for stamp in stamps {
                    self.sends.entry(stamp).or_default().failed += 1;
                }
            }
            Asked::Talk { peer, phase, .. } => {
                running.merging.remove(&peer);
                running.replica.merge_failed(peer, chance, now);
                if phase {
                    self.count("references that did not answer");
                    self.talk_over(node, false);
                    self.go_on(node);
                }
            }
            Asked::FollowUp { peer } => {
                if let Some(phase) = &mut running.phase {
                    phase.references.retain(|reference| *reference != peer);
                }
                self.talk_over(node, false);
                self.go_on(node);
            }
        }
    }
}
