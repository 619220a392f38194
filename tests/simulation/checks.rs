//! What must be true: after every step, and when peace has come.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use forewarn::{
    availability::{Entry, Ledger, NodeId, Stamp},
    sync::LaneView,
};

use crate::{
    disk::CONSTANTS,
    mirror::{Seen, outcome},
    naive::Naive,
    node::Node,
    scenario::Kind,
    workload::{ASKS, applications},
    world::{Acknowledged, World},
};

/// Peace must come within this time, in milliseconds.
const PEACE: u64 = 3_000_000;

impl World {
    /// Memory and disk say the same after every step.
    pub fn check_step(&mut self, at: usize) {
        let node = &self.nodes[at];
        let Some(replica) = node.replica() else { return };
        let (disk, ledger) = (&node.disk.latest, replica.ledger());
        assert_eq!(ledger.len(), disk.ledger.len(), "{}: ledger in memory and on disk", node.name);
        assert_eq!(ledger.limit(), disk.limit, "{}: L in memory and on disk", node.name);
        let (waiting, quarantined) = replica.waiting();
        assert_eq!(waiting + quarantined, disk.pending.len(), "{}: inbox in memory and on disk", node.name);
        let peers: Vec<LaneView> = replica.lanes().collect();
        let rows: usize = peers.iter().map(|peer| peer.outbox).sum();
        assert_eq!(rows, disk.outbox.len(), "{}: outbox in memory and on disk", node.name);
        self.check_delegations(at, &peers);
        self.check_verdicts(at);
        let Some(running) = &mut self.nodes[at].running else { return };
        let (talks, phase) = (std::mem::take(&mut running.ended_talks), running.ended_phase.take());
        talks.iter().for_each(|(peer, held)| self.check_talk(at, *peer, held));
        if let Some((references, learned)) = phase {
            self.check_phase(at, &references, &learned);
        }
        if self.dice.chance(60) {
            self.check_deeply(at);
        }
    }

    fn check_deeply(&self, at: usize) {
        let node = &self.nodes[at];
        let Some(replica) = node.replica() else { return };
        let disk = &node.disk.latest;
        assert!(replica.ledger().iter().eq(disk.ledger.values()), "{}: ledger in memory and on disk", node.name);
        let sum = replica.digests().fold(0u128, |sum, (_, digest)| sum.wrapping_add(digest));
        assert_eq!(replica.fingerprint(), sum, "{}: the fingerprint is that of what it holds", node.name);
        let stamps: BTreeSet<Stamp> = replica.digests().map(|(stamp, _)| stamp).collect();
        assert!(replica.registry().iter().eq(disk.registry.values()), "{}: registry in memory and on disk", node.name);
        assert_eq!(stamps.len(), replica.holding(), "{}: nothing is held twice", node.name);
        for peer in replica.lanes() {
            let rows = disk.outbox.keys().filter(|(id, _)| *id == peer.id).count();
            assert_eq!(peer.outbox, rows, "{}: rows for {}", node.name, peer.id);
            assert_eq!(peer.merge_on_return, disk.merge_on_return.contains(&peer.id), "{}: merge on return", node.name);
        }
    }

    fn alive(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter(|(_, node)| !node.burned && !node.absent)
    }

    /// Faults stop, everybody returns, clocks are right.
    pub fn peace(&mut self) {
        self.faults = false;
        self.network = Default::default();
        self.steady_monitors();
        for at in 0..self.nodes.len() {
            self.nodes[at].skew = 0;
            self.nodes[at].backup = None;
            if let Some(running) = &mut self.nodes[at].running {
                running.crash_in = None;
            }
            self.start(at);
            self.with(at, |node, now| node.tick(now));
        }
    }

    /// Lets time pass until all is well; says what is not, if that does not come.
    pub fn settle(&mut self) {
        let end = self.time + PEACE;
        loop {
            let next = self.time + 5_000;
            self.run_until(next);
            for at in 0..self.nodes.len() {
                // Whoever is gone for good is forgotten by somebody, sooner or later.
                let gone = self.nodes.iter().filter(|node| node.burned);
                let names: Vec<String> = gone.flat_map(|node| [node.name.to_string(), node.address.clone()]).collect();
                for name in names {
                    self.with(at, |node, now| {
                        node.replica_mut().forget(&name, now);
                    });
                }
                if let Some(running) = &mut self.nodes[at].running {
                    running.crash_in = None;
                }
            }
            match self.unwell() {
                None => return,
                Some(what) => assert!(self.time < end, "no peace: {what}"),
            }
        }
    }

    fn unwell(&self) -> Option<String> {
        let ids: BTreeSet<NodeId> = self.alive().map(|(_, node)| node.id).collect();
        if ids.len() < self.alive().count() {
            return Some("two nodes with one identity".to_owned());
        }
        if let Some(what) = self.monitors_unwell() {
            return Some(what);
        }
        let mut first: Option<(&Node, &Ledger)> = None;
        for (_, node) in self.alive() {
            let name = &node.name;
            let Some(running) = node.running.as_ref().filter(|running| running.ready) else {
                return Some(format!("{name} is not ready"));
            };
            let replica = running.node.replica();
            if let Some(conflict) = replica.conflict() {
                return Some(format!("{name}: {}", conflict.why));
            }
            if replica.waiting() != (0, 0) {
                return Some(format!("{name} has {:?} waiting", replica.waiting()));
            }
            for peer in replica.peers() {
                if peer.outbox > 0 || peer.merge_on_return || peer.member.is_none() {
                    return Some(format!(
                        "{name} has {} rows for {}, merge on return: {}, {:?}",
                        peer.outbox, peer.address, peer.merge_on_return, peer.member
                    ));
                }
            }
            if replica.unconfirmed() > 0 {
                let open: Vec<_> = self
                    .acknowledged
                    .iter()
                    .filter_map(|a| Some((a.entry.stamp, replica.told(&a.entry.stamp)?)))
                    .collect();
                return Some(format!("{name} waits for receipts: {open:?}"));
            }
            let members: BTreeSet<NodeId> = replica.members().map(|member| member.id).collect();
            if members != ids {
                return Some(format!("{name} knows {members:?}, the farm is {ids:?}"));
            }
            if !node.disk.is_clean() {
                return Some(format!("{name} has not synced"));
            }
            match first {
                None => first = Some((node, replica.ledger())),
                Some((other, ledger)) => {
                    if let Some(what) = self.schedules_unwell() {
                        return Some(what);
                    }
                    if ledger.limit() != replica.ledger().limit() {
                        return Some(format!(
                            "L of {} is {}, of {name} {}",
                            other.name,
                            ledger.limit(),
                            replica.ledger().limit()
                        ));
                    }
                    if ledger.fingerprint() != replica.ledger().fingerprint() {
                        return Some(format!(
                            "the ledgers of {} ({}) and {name} ({}) differ",
                            other.name,
                            ledger.len(),
                            replica.ledger().len()
                        ));
                    }
                }
            }
        }
        None
    }

    /// The end: nothing lost, everybody agrees, with each other and with the naive reference.
    pub fn check_end(&mut self, kind: Kind) {
        let heard = self.heard();
        for acknowledged in &self.acknowledged {
            let stamp = &acknowledged.entry.stamp;
            assert!(heard.contains_key(stamp), "acknowledged by n{} and lost: {stamp:?}", acknowledged.node);
        }
        let ledgers: Vec<&Ledger> =
            self.alive().filter_map(|(_, node)| node.replica()).map(|replica| replica.ledger()).collect();
        let Some(ledger) = ledgers.first() else { return };
        let limit = ledger.limit();
        let entries: Vec<Arc<Entry>> = heard.into_values().collect();
        let naive = Naive::new(CONSTANTS, limit.millis(), &entries);
        assert_eq!(naive.limit(), limit.millis(), "L is the greatest stamp time");
        let retained = naive.retained();
        for ledger in &ledgers {
            assert!(
                ledger.iter().map(|e| e.stamp).eq(retained.iter().map(|e| e.stamp)),
                "the ledger is what the dropping rule leaves"
            );
            assert!(ledger.iter().eq(ledgers[0].iter()), "ledgers are equal, entry by entry");
        }
        let now = self.nodes[0].wall(self.time).millis();
        for application in applications() {
            let seen: Vec<Seen> = ledgers.iter().map(|ledger| Seen::of(ledger, &application)).collect();
            for now in [0, 20_000, 60_000, 200_000].map(|later| now + later) {
                let weighed: Vec<_> = seen.iter().map(|seen| seen.weighed(now)).collect();
                for ask in &ASKS {
                    let expected = naive.verdict(&application, ask, now);
                    for weighed in &weighed {
                        assert_eq!(outcome(weighed, ask), expected, "the verdict on {:?} at {now}", application.name);
                    }
                }
            }
        }
        self.check_schedules();
        self.check_monitors();
        self.check_receipts();
        self.check_calm(kind);
        for at in 0..self.nodes.len() {
            self.check_deeply(at);
        }
    }

    /// Everything that was ever said and is on some disk, the initial node's name that sorts first.
    fn heard(&self) -> BTreeMap<Stamp, Arc<Entry>> {
        let mut heard: BTreeMap<Stamp, Arc<Entry>> = BTreeMap::new();
        for entry in self.alive().flat_map(|(_, node)| node.disk.latest.heard()) {
            let known = heard.entry(entry.stamp).or_insert_with(|| Arc::clone(entry));
            if entry.notification.node < known.notification.node {
                *known = Arc::clone(entry);
            }
        }
        heard
    }

    /// Every receipt is complete, on disk as well, whatever crashed in between. Not where a lane
    /// collapsed or somebody became another: then the history may have gaps (`docs/contract.md#sending`).
    fn check_receipts(&mut self) {
        let gaps = [
            "stores that were restored from a backup",
            "stores that had to be renewed",
            "nodes that joined",
            "nodes that were forgotten",
            "nodes that burned down",
        ];
        if self.collapsed || gaps.iter().any(|gap| self.counts.contains_key(gap)) {
            return;
        }
        let all = self.nodes.len() - 1;
        let own =
            self.acknowledged.iter().filter(|acknowledged| !acknowledged.repeated && acknowledged.recipients == all);
        for acknowledged in own {
            let initial = &self.nodes[acknowledged.node];
            for node in &self.nodes {
                let state = initial.disk.latest.receipts.get(&(acknowledged.entry.stamp, node.id));
                let complete = state.is_some_and(|state| state.is_final());
                assert!(
                    complete,
                    "{} has no receipt of {:?} from {}: {state:?}",
                    initial.name, acknowledged.entry.stamp, node.name
                );
            }
        }
        let receipts = self.acknowledged.len();
        (0..receipts).for_each(|_| self.count("notifications with complete receipts"));
    }

    /// Every node knows every other one.
    pub fn have_all_met(&self) -> bool {
        let others = self.nodes.len() - 1;
        let known = |node: &Node| node.replica().map_or(0, |replica| replica.lanes().filter(|peer| peer.met).count());
        self.nodes.iter().all(|node| known(node) >= others)
    }

    /// Calm: each body goes over the wire once for each other node. Where a node does not know the initial one yet, its
    /// receipt comes late, and it is sent the body once more.
    fn check_calm(&mut self, kind: Kind) {
        if kind != Kind::Calm {
            return;
        }
        let others = self.nodes.len() as u64 - 1;
        for (stamp, sends) in self.sends.clone() {
            let mut by = self.initials(&stamp);
            if let (Some(first), None) = (by.next(), by.next()) {
                let (recipients, met) = (first.recipients as u64, first.met);
                let (sent, is_once) = (sends.bodies, sends.bodies == recipients);
                assert!(is_once || !met && sent > recipients, "{sent} bodies of {stamp:?} for {recipients} nodes");
                drop(by);
                self.count(if met && recipients == others {
                    "bodies sent exactly N - 1 times"
                } else {
                    "bodies sent before all had met"
                });
            }
        }
    }

    /// The first acknowledgement of each node that took it from outside.
    fn initials(&self, stamp: &Stamp) -> impl Iterator<Item = &Acknowledged> {
        let mut seen = BTreeSet::new();
        self.acknowledged.iter().filter(move |a| a.entry.stamp == *stamp && seen.insert(a.node))
    }

    /// No storms, at each send. Every initial node, every restart and every doubled message may repeat
    /// what one plan sends, the 2 s without progress may once more, each further question doubles its
    /// wait, and failed sends are tried again.
    pub fn check_sends(&self, stamp: &Stamp) {
        let Some(sends) = self.sends.get(stamp) else { return };
        let others = self.nodes.len() as u64 - 1;
        let plans = 2 * self.initials(stamp).count().max(1) as u64 + self.restarts + self.duplicates;
        let most = others * (plans + 8) + sends.failed;
        assert!(sends.bodies <= most, "a storm: {} bodies of {stamp:?}, at most {most} are explained", sends.bodies);
    }
}
