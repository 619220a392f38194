//! What a shell does around a node: it starts the process, hands in what peers ask and what became of
//! calls, and waits between the phases of a start. The protocol itself is the one that ships
//! (`forewarn::sync::Node`); here it is only observed.

use forewarn::{
    availability::NodeId,
    sync::{Answer, Ask, Asker, Failure, Node as Protocol, Plan, Receipt},
};

use crate::{
    mirror::Touched,
    network::given_up,
    node::{Carried, Phase, Running, Waiter, rules},
    promises::Entrusted,
    world::{Event, Request, World},
};

/// The merge phase takes no longer, in milliseconds.
const PHASE: u64 = 5_000;

impl World {
    pub fn start(&mut self, at: usize) {
        let (time, run, nonce, seed) = (self.time, self.next_run(), self.rng.next(), self.rng.next());
        let node = &mut self.nodes[at];
        if node.running.is_some() || node.absent || node.burned {
            return;
        }
        node.disk.boot += 1;
        let line = format!("{} {} starts", node.name, node.id);
        let restored = node.disk.synced.restored(rules());
        let now = forewarn::sync::Now { wall: node.wall(time), mono: std::time::Duration::ZERO };
        let plan = Plan {
            references: node.references,
            random: node.random_order,
            series: node.series,
            timeout: std::time::Duration::from_millis(PHASE),
            small: if self.ranges { 2 } else { Plan::default().small },
            ..Plan::default()
        };
        let mut running = Running {
            node: Protocol::restore(node.facts(nonce), plan, restored, seed, now),
            run,
            nonce,
            boot: node.disk.boot,
            since: time,
            ready: false,
            phase: None,
            tickets: Default::default(),
            next_ticket: 0,
            asked: Default::default(),
            held: Default::default(),
            learned: Default::default(),
            syncing: false,
            timer: None,
            crash_in: None,
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

    /// What was pending is applied: the merge phase begins.
    pub fn begin_phase(&mut self, node: usize) {
        let (time, now) = (self.time, self.nodes[node].now(self.time));
        let Some(running) = &mut self.nodes[node].running else { return };
        running.phase = Some(Phase { since: time, ..Phase::default() });
        let ticket = running.ticket(Waiter::Asked);
        running.node.merge_at_start(ticket, now);
    }

    /// The merge phase is over: what it has brought is applied before the node is ready.
    pub fn end_phase(&mut self, node: usize) {
        let (time, now) = (self.time, self.nodes[node].now(self.time));
        let Some(running) = &mut self.nodes[node].running else { return };
        let ticket = running.ticket(Waiter::Merged);
        running.node.replica_mut().settle(ticket, now);
        let Some(mut phase) = running.phase.take() else { return };
        // One that has turned out to be forgotten is told nothing.
        let replica = running.node.replica();
        phase.references.retain(|reference| replica.address_of(*reference).is_some());
        if time < phase.since + PHASE {
            running.ended_phase = Some((phase.references, phase.learned));
        } else {
            self.count("merge phases that ran out of time");
        }
    }

    pub fn ready(&mut self, node: usize) {
        let now = self.nodes[node].now(self.time);
        let Some(running) = &mut self.nodes[node].running else { return };
        running.ready = true;
        running.node.ready(now);
    }

    /// A merge begins: what both sides hold now, both must hold in the end.
    pub fn talk_begins(&mut self, node: usize, peer: NodeId) {
        let held = self.before_merge(node, peer);
        let replica = self.nodes[node].replica();
        let returns =
            replica.is_some_and(|replica| replica.lanes().any(|known| known.id == peer && known.merge_on_return));
        if returns {
            self.count("merges on return");
        }
        let Some(running) = &mut self.nodes[node].running else { return };
        running.held.insert(peer, Box::new(held));
        running.learned.remove(&peer);
    }

    /// A merge has come to its end.
    pub fn talk_ends(&mut self, node: usize, peer: NodeId, at_start: bool) {
        let Some(running) = &mut self.nodes[node].running else { return };
        let held = running.held.remove(&peer).expect("a merge that ends has begun");
        running.ended_talks.push((peer, held));
        let learned = running.learned.remove(&peer).unwrap_or_default();
        if let Some(phase) = running.phase.as_mut().filter(|_| at_start) {
            phase.references.push(peer);
            phase.learned.extend(learned);
        }
    }

    /// Whether a node has to turn this one away: two nodes with one id, a copy, one that is forgotten.
    fn turns_away(&self, at: usize, asker: Asker) -> bool {
        let node = &self.nodes[at];
        let rows = &node.disk.latest;
        let known = rows.boots.get(&asker.id).copied().unwrap_or_default();
        asker.id == node.id
            || rows.members.get(&asker.id).is_some_and(|member| member.forgotten)
            || asker.boot < known.0
            || asker.boot == known.0 && asker.nonce != known.1
    }

    /// A peer's request has come in.
    pub fn asked(&mut self, to: usize, request: Request) {
        let (time, now, me) = (self.time, self.nodes[to].now(self.time), self.nodes[to].id);
        let Request { from, asker, run, call, ask } = request;
        let turned_away = self.turns_away(to, asker);
        if self.exploring && self.nodes[to].running.is_none() {
            return self.after(0, given_up(from, run, call));
        }
        let Some(running) = &mut self.nodes[to].running else { return };
        if turned_away {
            self.count("requests that were turned away");
        } else {
            running.silence.heard(asker.id);
            if running.replaying {
                self.count("requests before the replay was over");
            }
        }
        let Some(running) = &mut self.nodes[to].running else { return };
        let mut entrusted = Entrusted::default();
        let limit = match &ask {
            Ask::Announce(announce) => announce.limit,
            Ask::Deliver(deliver) => {
                if !turned_away {
                    running.delegations.heard(asker.id, &deliver.receipts, time);
                    // Others bring their receipts to the initial node.
                    for told in deliver.gathered.iter().filter(|told| told.initial == me) {
                        let receipt = [Receipt { stamp: told.stamp, state: told.state }];
                        told.nodes.iter().for_each(|node| running.delegations.heard(*node, &receipt, time));
                    }
                }
                entrusted.items.clone_from(&deliver.items);
                deliver.limit
            }
            Ask::Merge(merge) => {
                entrusted.entries.clone_from(&merge.entries);
                merge.limit
            }
        };
        let is_announcement = matches!(ask, Ask::Announce(_));
        let ticket = running.ticket(Waiter::Request { node: from, run, call, entrusted, limit, turned_away });
        running.node.asked(asker, ask, ticket, now);
        if !turned_away && !is_announcement {
            self.check_limit(to, limit);
        }
        self.perform(to);
    }

    /// A call of a node has been answered, or has failed.
    pub fn answered(&mut self, node: usize, call: u64, result: Result<Answer, Failure>) {
        let (time, now) = (self.time, self.nodes[node].now(self.time));
        let believed = match &result {
            Ok(Answer::Announced(announce)) => {
                let asker = Asker { id: announce.member.id, boot: announce.boot, nonce: announce.boot_nonce };
                (!self.turns_away(node, asker)).then_some(announce.limit)
            }
            Ok(Answer::Delivered(delivered)) => Some(delivered.limit),
            _ => None,
        };
        let mut failed = Vec::new();
        let Some(running) = &mut self.nodes[node].running else { return };
        let Some(asked) = running.asked.remove(&call) else { return };
        let mut is_peer = true;
        match (&asked, &result) {
            (Carried::Announce, Ok(Answer::Announced(announce))) => running.silence.heard(announce.member.id),
            (Carried::Deliver { peer, stamps }, Ok(Answer::Delivered(delivered))) => {
                running.silence.heard(*peer);
                running.delegations.heard(*peer, &delivered.receipts, time);
                stamps.iter().for_each(|stamp| running.silence.answered(*peer, *stamp));
                running.delegations.returned(*peer, &delivered.unknown);
                is_peer = running.node.replica().address_of(*peer).is_some();
            }
            (Carried::Deliver { peer, stamps }, Err(_)) => {
                running.delegations.failed(*peer, call, time);
                running.silence.failed(*peer, time);
                failed.clone_from(stamps);
            }
            (Carried::Merge { peer, purpose }, Ok(Answer::Merged(merged))) => {
                running.silence.heard(*peer);
                if matches!(purpose, forewarn::sync::Purpose::Probe | forewarn::sync::Purpose::Part) {
                    let entries = merged.iter().flat_map(|merged| merged.entries.iter().cloned());
                    running.learned.entry(*peer).or_default().extend(entries);
                }
            }
            (Carried::Merge { peer, purpose: forewarn::sync::Purpose::FollowUp }, Err(_)) => {
                running.phase.iter_mut().for_each(|phase| phase.references.retain(|known| known != peer));
            }
            (_, Err(_)) => {}
            (what, answer) => panic!("{what:?} is answered with {answer:?}"),
        }
        let failure = result.is_err();
        running.node.answered(call, result, now);
        for stamp in failed {
            self.sends.entry(stamp).or_default().failed += 1;
        }
        if failure {
            self.count("requests that failed");
        }
        if let Some(limit) = believed.filter(|_| is_peer) {
            self.check_limit(node, limit);
        }
        self.perform(node);
    }
}
