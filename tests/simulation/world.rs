//! Time and the performing of effects: what a real shell does with a disk and actors happens here on
//! virtual ones, one event after the other. What it does with sockets is in `network`.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use forewarn::{
    availability::{Entry, NodeId, Record, Stamp},
    sync::{Answer, Away, Change, Effect, Failure, Label, Node as Protocol, Now, Reply, Report},
};

pub use crate::event::{Event, Request};
use crate::{
    disk::Left,
    mirror::Touched,
    monitors::Monitors,
    network::Network,
    node::{Carried, Node, Running, Waiter},
    rng::Rng,
    workload::Handed,
};

/// How often one notification's body was sent, and how many of these sends came to nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sends {
    pub bodies: u64,
    pub failed: u64,
}

/// A submission that was answered with 202.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    pub entry: Arc<Entry>,
    pub node: usize,
    /// How many other nodes the initial one knew when it was handed in, and which.
    pub recipients: usize,
    pub to: Vec<(usize, NodeId)>,
    /// Every node knew every other one then.
    pub met: bool,
    /// It knew it already: another node, perhaps, is the initial one.
    pub repeated: bool,
}

/// More events than any farm here has in a second.
const MANY: u64 = 500_000;

/// The whole farm.
#[derive(Clone)]
pub struct World {
    pub time: u64,
    /// What is to happen, by its time.
    pub queue: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    pub rng: Rng,
    /// Chance for what is checked: it has no part in what happens.
    pub dice: Rng,
    pub nodes: Vec<Node>,
    pub network: Network,
    /// Disks and caches may be slow, and crashes may happen.
    pub faults: bool,
    pub counts: BTreeMap<&'static str, u64>,
    pub acknowledged: Vec<Acknowledged>,
    /// Changes of the registry that were answered, and by which node.
    pub registered: Vec<(usize, Arc<Record>)>,
    pub handed: Vec<Handed>,
    pub monitors: Monitors,
    pub sends: BTreeMap<Stamp, Sends>,
    pub restarts: u64,
    pub duplicates: u64,
    pub messages: u64,
    pub collapsed: bool,
    /// Merges compare by ranges, however small the ledgers are.
    pub ranges: bool,
    /// Time stands still, and what happens next is chosen (`explore`).
    pub exploring: bool,
    /// So many of a thousand parts of what is not durable survive the next crash; by chance, if not said.
    pub kept: Option<usize>,
    traced: bool,
    runs: u64,
    spin: (u64, usize, u32),
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            time: 1_000,
            queue: BTreeMap::new(),
            sequence: 0,
            rng: Rng::new(seed),
            dice: Rng::new(!seed),
            nodes: Vec::new(),
            network: Network::default(),
            faults: false,
            counts: BTreeMap::new(),
            acknowledged: Vec::new(),
            registered: Vec::new(),
            handed: Vec::new(),
            monitors: Monitors::default(),
            sends: BTreeMap::new(),
            restarts: 0,
            duplicates: 0,
            messages: 0,
            collapsed: false,
            ranges: false,
            exploring: false,
            kept: None,
            traced: std::env::var_os("SIM_TRACE").is_some(),
            runs: 0,
            spin: (0, 0, 0),
        }
    }

    /// What tells this farm and its past from others.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.time, self.sequence, self.messages, self.runs, &self.counts).hash(&mut hasher);
        (self.rng.clone().next(), self.dice.clone().next()).hash(&mut hasher);
        for node in &self.nodes {
            (node.disk.boot, node.replica().map(|replica| (replica.fingerprint(), replica.ledger().limit())))
                .hash(&mut hasher);
        }
        hasher.finish()
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// A line for whoever repeats a seed.
    pub fn trace(&self, line: impl FnOnce() -> String) {
        if self.traced {
            eprintln!("{:>7} {}", self.time, line());
        }
    }

    pub fn after(&mut self, wait: u64, event: Event) {
        let wait = if self.exploring && !matches!(event, Event::Tick { .. }) { 0 } else { wait };
        self.sequence += 1;
        self.queue.insert((self.time + wait, self.sequence), event);
    }

    pub fn next_run(&mut self) -> u64 {
        self.runs += 1;
        self.runs
    }

    /// Everything that happens until then.
    ///
    /// # Panics
    /// If the nodes do not rest: a machine that is always due would never let time pass.
    pub fn run_until(&mut self, end: u64) {
        let (mut second, mut events) = (0, 0);
        while let Some((key, _)) = self.queue.first_key_value() {
            let key = *key;
            if key.0 > end {
                break;
            }
            let Some(event) = self.queue.remove(&key) else { break };
            self.time = self.time.max(key.0);
            events = if self.time / 1_000 == second { events + 1 } else { 0 };
            second = self.time / 1_000;
            assert!(events < MANY, "no rest: {MANY} events in one second");
            self.happen(event);
        }
        self.time = end;
    }

    /// The run of a node, if it is still that one.
    pub fn run(&mut self, node: usize, run: u64) -> Option<&mut Running> {
        self.nodes[node].running.as_mut().filter(|running| running.run == run)
    }

    pub fn happen(&mut self, event: Event) {
        match event {
            Event::Request(to, request) => self.asked(to, request),
            Event::Answer { node, run, call, result } => {
                if self.run(node, run).is_some() {
                    self.answered(node, call, result);
                }
            }
            Event::Sync { node, run, upto } => {
                let Some(running) = self.run(node, run) else { return };
                running.syncing = false;
                self.nodes[node].disk.sync(upto);
                self.check_promises(node);
                self.with(node, |node, now| node.replica_mut().durable(upto, now));
            }
            Event::Loaded { node, run, step } => {
                if let Some(running) = self.run(node, run) {
                    running.loading.remove(&step);
                    self.with(node, |node, now| node.replica_mut().loaded(step, now));
                }
            }
            Event::Tick { node, run } => self.tick(node, run),
            Event::Replay { node, run } => {
                if let Some(running) = self.run(node, run) {
                    running.replaying = false;
                    let ticket = running.ticket(Waiter::Replayed);
                    self.with(node, |node, now| node.replay(ticket, now));
                }
            }
            Event::Start(node) => self.start(node),
            Event::Renew(node) => self.renew(node),
            Event::Act(action) => self.act(action),
            Event::Check { node } => self.check_target(node),
            Event::Hand { node, handed, .. } => {
                self.handed.push((*handed).clone());
                self.hand_in(node, *handed);
            }
        }
    }

    /// Does something to a node and performs what follows.
    pub fn with(&mut self, node: usize, change: impl FnOnce(&mut Protocol, Now)) {
        let now = self.nodes[node].now(self.time);
        if let Some(running) = &mut self.nodes[node].running {
            change(&mut running.node, now);
            self.perform(node);
        }
    }

    fn tick(&mut self, node: usize, run: u64) {
        let time = self.time;
        let Some(running) = self.run(node, run) else { return };
        if running.timer != Some(time) {
            return;
        }
        running.timer = None;
        self.spin =
            if (self.spin.0, self.spin.1) == (time, node) { (time, node, self.spin.2 + 1) } else { (time, node, 0) };
        assert!(self.spin.2 < 50, "{} spins: next_timer lies in the past after every tick", self.nodes[node].name);
        self.with(node, |node, now| node.tick(now));
    }

    /// Performs the effects of a node, in order, and crashes between two of them if it is time to.
    pub fn perform(&mut self, node: usize) {
        loop {
            let now = self.nodes[node].now(self.time);
            let Some(running) = &mut self.nodes[node].running else { return };
            let effects = running.node.take_effects(now);
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                if let Some(running) = &mut self.nodes[node].running
                    && let Some(left) = &mut running.crash_in
                {
                    if *left == 0 {
                        self.count(match &effect {
                            Effect::Commit { .. } => "crashes before a commit",
                            Effect::Reply(..) => "crashes before a reply",
                            Effect::Call(_) => "crashes before sending",
                            Effect::Load { .. } => "crashes before loading",
                            _ => "crashes elsewhere",
                        });
                        let back = self.rng.range(100, 20_000);
                        self.crash(node, Some(back));
                        return;
                    }
                    *left -= 1;
                }
                self.effect(node, effect);
            }
        }
        self.check_step(node);
        self.flush(node);
        self.arm(node);
        let Some(running) = &mut self.nodes[node].running else { return };
        if running.node.replica().conflict().is_some() && !std::mem::replace(&mut running.renewing, true) {
            self.count("stores that had to be renewed");
            let wait = self.rng.range(500, 5_000);
            self.after(wait, Event::Renew(node));
        }
    }

    fn flush(&mut self, node: usize) {
        let slow = self.faults && self.rng.chance(30);
        let wait = if slow { self.rng.range(100, 1_200) } else { self.rng.range(1, 5) };
        let (clean, upto) = (self.nodes[node].disk.is_clean(), self.nodes[node].disk.last_step());
        let Some(running) = &mut self.nodes[node].running else { return };
        if !clean && !std::mem::replace(&mut running.syncing, true) {
            let run = running.run;
            self.after(wait, Event::Sync { node, run, upto });
        }
    }

    fn arm(&mut self, node: usize) {
        let (time, now) = (self.time, self.nodes[node].now(self.time));
        let Some(running) = &mut self.nodes[node].running else { return };
        let Some(due) = running.node.next_timer(now) else { return };
        let due = (running.since + due.as_nanos().div_ceil(1_000_000) as u64).max(time);
        if running.timer.is_none_or(|timer| timer > due || timer < time) {
            running.timer = Some(due);
            let run = running.run;
            self.after(due - time, Event::Tick { node, run });
        }
    }

    fn effect(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Commit { step, label, changes } => self.commit(node, step, label, changes),
            Effect::Load { step, .. } => {
                let slow = self.faults && self.rng.chance(50);
                let wait = if slow { self.rng.range(50, 800) } else { self.rng.range(0, 3) };
                let Some(running) = &mut self.nodes[node].running else { return };
                running.loading.insert(step);
                let run = running.run;
                self.after(wait, Event::Loaded { node, run, step });
            }
            Effect::Reply(ticket, reply) => {
                let Some(running) = &mut self.nodes[node].running else { return };
                let waiter = running.tickets.remove(&ticket).expect("one reply to a ticket");
                self.reply(node, waiter, reply);
            }
            Effect::Call(call) => self.carry(node, call),
            Effect::Merged { peer, at_start } => self.talk_ends(node, peer, at_start),
            Effect::Fence(_) | Effect::Notice(_) => {}
            Effect::Report(report) => {
                self.trace(|| format!("{} {report:?}", self.nodes[node].name));
                match report {
                    Report::OutboxCollapsed { .. } => {
                        self.collapsed = true;
                        self.count("outboxes that collapsed");
                    }
                    Report::Quarantined { .. } => self.count("notifications in quarantine"),
                    Report::NoReference { .. } => self.count("references that did not answer"),
                    _ => {}
                }
            }
        }
    }

    fn commit(&mut self, node: usize, step: u64, label: Label, changes: Vec<Change>) {
        self.check_commit(node, label, &changes);
        let touched = Touched::by(&changes, &self.nodes[node].disk.latest);
        let known = &self.nodes[node].disk.latest.applied;
        // What was applied before is visible; that it comes again under another name changes nothing.
        let first = |change: &Change| {
            if let Change::Unqueue(key) = change {
                Some(key.stamp).filter(|stamp| !known.contains_key(stamp))
            } else {
                None
            }
        };
        let applied: Vec<Stamp> = changes.iter().filter_map(first).collect();
        if let Some(running) = &mut self.nodes[node].running {
            for stamp in applied {
                running.applied_in.entry(stamp).or_insert(step);
            }
            for change in &changes {
                if let Change::MergeOnReturn(peer, true) = change {
                    running.delegations.collapsed(*peer);
                }
            }
            running.touched.and(touched.clone());
        }
        self.nodes[node].disk.commit(step, changes);
        if !touched.is_nothing() {
            self.check_drops(node);
        }
    }

    fn reply(&mut self, node: usize, waiter: Waiter, reply: Reply) {
        match (waiter, reply) {
            (Waiter::Request { node: to, run, call, entrusted, limit, turned_away }, reply) => {
                let refused = matches!(reply, Reply::TurnedAway(_));
                let result = match reply {
                    Reply::Announced(own) => {
                        self.check_limit(node, limit);
                        Ok(Answer::Announced(own))
                    }
                    Reply::Delivered(delivered) => {
                        for receipt in &delivered.receipts {
                            self.check_receipt(node, &receipt.stamp, receipt.state);
                        }
                        self.check_kept(node, to, &entrusted, &delivered);
                        Ok(Answer::Delivered(delivered))
                    }
                    Reply::Merged(merged) => {
                        self.check_merged(node, &entrusted);
                        Ok(Answer::Merged(merged))
                    }
                    Reply::TurnedAway(conflict) => Err(Failure::TurnedAway(conflict)),
                    Reply::Busy => {
                        self.count("requests that were put off");
                        Err(Failure::Away(Away::TooManyCalls))
                    }
                    other => panic!("a peer's request is answered with {other:?}"),
                };
                assert!(
                    refused == turned_away || result.is_err(),
                    "{}: has to turn a request away ({turned_away}), and answers {result:?}",
                    self.nodes[node].name
                );
                self.answer(node, to, run, call, result);
            }
            (Waiter::Submission { recipients, to, met, word }, Reply::Submitted(result)) => {
                if let Some(id) = word {
                    self.word_answered(node, id, &result);
                }
                self.submitted(node, recipients, (to, met), result)
            }
            (Waiter::Replayed, Reply::Settled) => self.begin_phase(node),
            (Waiter::Asked, Reply::Asked(_)) => self.end_phase(node),
            (Waiter::Merged, Reply::Settled) => self.ready(node),
            (Waiter::Registered, Reply::Registered(result)) => self.registered(node, result),
            (Waiter::Look, Reply::Looked) => self.count("looks at all nodes"),
            (waiter, reply) => panic!("{waiter:?} is answered with {reply:?}"),
        }
    }

    /// The process is gone; it comes back after `back`, if at all.
    pub fn crash(&mut self, node: usize, back: Option<u64>) {
        let Some(running) = self.nodes[node].running.take() else { return };
        self.trace(|| format!("{} crashes, back after {back:?}", self.nodes[node].name));
        for asked in running.asked.into_values() {
            if let Carried::Deliver { stamps, .. } = asked {
                for stamp in stamps {
                    self.sends.entry(stamp).or_default().failed += 1;
                }
            }
        }
        let kept = self.kept.take().unwrap_or_else(|| match self.rng.below(3) {
            0 => 0,
            1 => 1_000,
            _ => self.rng.below(1_000),
        });
        match self.nodes[node].disk.crash(kept) {
            Left::Everything => self.count("crashes that lost nothing"),
            Left::Part => self.count("crashes that kept a part"),
            Left::Synced => self.count("disks that returned to their last synced state"),
        }
        self.restarts += 1;
        if let Some(back) = back {
            self.after(back, Event::Start(node));
        }
        if self.exploring {
            self.give_up_lost_calls();
        }
        self.check_promises(node);
    }
}
