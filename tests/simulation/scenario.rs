//! What happens to a farm: drawn from the seed before it begins, some 20 to 40 events, then peace.

use std::sync::Arc;

use forewarn::{
    availability::{Entry, NodeId},
    sync::{Fanout, Submit, SubmitRefusal, Taken},
};
use uuid::Uuid;

use crate::{
    disk::Disk,
    monitors,
    node::{self, Node, Waiter},
    schedules,
    workload::{self, Handed},
    world::{Acknowledged, Event, World},
};

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// So many submissions at once, at one node.
    Submit(usize),
    /// Something that was handed in before, at another node.
    Retry,
    /// A monitor of this node cannot make up its mind: it closes and opens the same target, so many
    /// times more.
    Flap {
        node: usize,
        times: usize,
    },
    /// Somebody looks at the page of all nodes.
    Look,
    /// A process ends, between two events or between two effects; for so long. Its clock may have
    /// been set back by so much when it returns.
    Crash {
        between_effects: bool,
        away: u64,
        back: i64,
    },
    Cut {
        one_way: bool,
    },
    Heal,
    Weather {
        loss: u64,
        twice: u64,
        slow: u64,
    },
    /// A clock that is so far off.
    Clock(i64),
    Join,
    /// A member is forgotten, whether it is there or not.
    Forget,
    Backup,
    /// A store is replaced by its backup.
    Restore,
    /// A store is copied to a new node.
    Copy,
    /// A node and its disk are gone for good.
    Burn,
    /// Somebody changes or removes this schedule; how follows from the seed.
    Schedule {
        which: u128,
        seed: u64,
    },
}

/// How much goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: every body goes over the wire N − 1 times.
    Calm,
    /// Crashes, losses, partitions.
    Rough,
    /// And clocks, long absences, people who restore and copy stores.
    Wild,
}

/// Builds the farm of a seed and draws what will happen to it.
pub fn farm(seed: u64) -> (World, Kind, u64) {
    let mut world = World::new(seed);
    let kind = match seed % 8 {
        0 => Kind::Calm,
        1..=4 => Kind::Rough,
        _ => Kind::Wild,
    };
    let nodes = if seed % 50 == 7 { 8 } else { 3 + world.rng.below(3) };
    let joins = kind == Kind::Wild && world.rng.chance(700);
    let fanout = [Fanout::All, node::fanout(1), node::fanout(2)][world.rng.below(3)];
    let addresses: Vec<String> = (0..nodes).map(|i| format!("http://n{i}")).collect();
    for i in 0..nodes {
        let joiner = joins && i == nodes - 1;
        let peers = match i {
            0 => addresses[1..nodes - usize::from(joins)].to_vec(),
            _ if joiner => vec![addresses[1].clone()],
            _ if world.rng.chance(500) => vec![addresses[0].clone()],
            _ => addresses[..nodes - usize::from(joins)].iter().filter(|a| **a != addresses[i]).cloned().collect(),
        };
        let id = NodeId(Uuid::from_u128(world.rng.u128()));
        let off =
            if kind == Kind::Calm { 0 } else { world.rng.below(node::DELTA as usize) as i64 - node::DELTA as i64 / 2 };
        let critical = if world.rng.chance(500) {
            workload::targets()[1..2].iter().cloned().collect()
        } else {
            Default::default()
        };
        world.nodes.push(Node {
            id,
            name: format!("n{i}").parse().unwrap(),
            address: addresses[i].clone(),
            peers,
            disk: Disk::default(),
            running: None,
            skew: off,
            fanout,
            references: if world.rng.chance(500) { None } else { Some(1 + world.rng.below(2)) },
            series: world.rng.chance(500),
            random_order: world.rng.chance(500),
            max_rows: if world.rng.chance(300) && kind != Kind::Calm { 3 + world.rng.below(4) } else { 10_000 },
            absent: joiner,
            burned: false,
            lost_disk: false,
            copied: false,
            backup: None,
            critical,
        });
        let wait = world.rng.range(0, 3_000);
        if !joiner {
            world.after(wait, Event::Start(i));
        }
    }
    world.faults = kind != Kind::Calm;
    world.ranges = world.rng.chance(400);
    let end = draw(&mut world, kind, joins);
    schedules::draw(&mut world, seed, end);
    monitors::draw(&mut world, seed);
    (world, kind, end)
}

fn draw(world: &mut World, kind: Kind, joins: bool) -> u64 {
    let mut at = 12_000;
    let events = 18 + world.rng.below(14);
    if kind != Kind::Calm && world.rng.chance(300) {
        let (loss, twice, slow) = (world.rng.range(0, 250), world.rng.range(0, 200), world.rng.range(0, 200));
        world.after(4_000, Event::Act(Action::Weather { loss, twice, slow }));
    }
    if joins {
        let wait = world.rng.range(8_000, 60_000);
        let action = if world.rng.chance(800) { Action::Join } else { Action::Copy };
        world.after(wait, Event::Act(action));
    }
    // More than is let on its way to the disk at once: some of it has to wait.
    let burst = world.rng.chance(15).then(|| world.rng.below(events));
    for event in 0..events {
        let away = if world.rng.chance(250) { world.rng.range(10_000, 60_000) } else { world.rng.range(10, 3_000) };
        let skew = world.rng.range(0, 24_000) as i64 - 12_000;
        let one_way = world.rng.chance(500);
        let back = if world.rng.chance(400) { world.rng.range(1, 30_000) as i64 } else { 0 };
        let weather = Action::Weather {
            loss: world.rng.range(0, 300),
            twice: world.rng.range(0, 300),
            slow: world.rng.range(0, 300),
        };
        let many = if burst == Some(event) {
            40
        } else if world.rng.chance(150) {
            2 + world.rng.below(8)
        } else {
            1
        };
        let flap = Action::Flap { node: world.rng.below(world.nodes.len()), times: 3 + world.rng.below(8) };
        let action = match (kind, world.rng.below(100)) {
            (Kind::Calm, 0..12) => Action::Retry,
            (Kind::Calm, 12..15) => flap,
            (Kind::Calm, 15..20) => Action::Look,
            (Kind::Calm, _) => Action::Submit(many),
            (_, 0..3) => flap,
            (_, 3..7) => Action::Look,
            (_, 7..50) => Action::Submit(many),
            (_, 50..57) => Action::Retry,
            (_, 57..65) => {
                Action::Crash { between_effects: false, away, back: if kind == Kind::Wild { back } else { 0 } }
            }
            (_, 65..75) => Action::Crash { between_effects: true, away, back: 0 },
            (_, 75..81) => Action::Cut { one_way },
            (_, 81..85) => Action::Heal,
            (Kind::Rough, 85..90) => weather,
            (Kind::Rough, _) => Action::Submit(many),
            (_, 85..87) => weather,
            (_, 87..91) => Action::Clock(skew),
            (_, 91..93) => Action::Forget,
            (_, 93..95) => Action::Backup,
            (_, 95..97) => Action::Restore,
            (_, 97) => Action::Burn,
            (_, _) => Action::Submit(many),
        };
        at += if world.rng.chance(600) { world.rng.range(0, 400) } else { world.rng.range(400, 8_000) };
        let wait = at.saturating_sub(world.time);
        world.after(wait, Event::Act(action));
    }
    at + 1_000
}

impl World {
    /// A running node by chance.
    fn somebody(&mut self, ready: bool) -> Option<usize> {
        let all: Vec<usize> = (0..self.nodes.len())
            .filter(|i| self.nodes[*i].running.as_ref().is_some_and(|running| running.ready || !ready))
            .collect();
        self.rng.pick(&all).copied()
    }

    pub fn act(&mut self, action: Action) {
        self.trace(|| format!("{action:?}"));
        match action {
            Action::Submit(many) => {
                let Some(node) = self.somebody(true) else { return };
                for _ in 0..many {
                    let wall = self.nodes[node].wall(self.time);
                    let Some(replica) = self.nodes[node].replica() else {
                        return;
                    };
                    let handed = workload::something(&mut self.rng, replica, wall);
                    self.handed.push(handed.clone());
                    self.hand_in(node, handed);
                }
            }
            Action::Retry => {
                let portable: Vec<Handed> = self.handed.iter().filter(|handed| handed.portable).cloned().collect();
                // More often than not at once, while the first one is still on its way.
                let last = if self.rng.chance(600) { portable.len().saturating_sub(2) } else { 0 };
                let (Some(handed), Some(node)) = (self.rng.pick(&portable[last..]).cloned(), self.somebody(true))
                else {
                    return;
                };
                self.count("submissions handed in again");
                self.hand_in(node, handed);
            }
            Action::Flap { node, times } => self.flap(node, times),
            Action::Schedule { which, seed } => self.change_schedule(which, seed),
            Action::Look => {
                let Some(node) = self.somebody(false) else { return };
                let Some(running) = &mut self.nodes[node].running else { return };
                let ticket = running.ticket(Waiter::Look);
                running.node.look_around(ticket);
                self.perform(node);
            }
            Action::Crash { between_effects, away, back } => {
                let Some(node) = self.somebody(false) else { return };
                if between_effects {
                    let effects = self.rng.below(20);
                    if let Some(running) = &mut self.nodes[node].running {
                        running.crash_in = Some(effects);
                    }
                } else {
                    self.count(if away > 9_000 { "long absences" } else { "crashes between events" });
                    self.crash(node, Some(away));
                    if back > 0 {
                        self.count("clocks that went back while their node was away");
                        self.nodes[node].skew -= back;
                    }
                }
            }
            Action::Cut { one_way } => {
                self.count(if one_way { "one-way partitions" } else { "two-way partitions" });
                let side: Vec<bool> = (0..self.nodes.len()).map(|_| self.rng.chance(400)).collect();
                for a in 0..side.len() {
                    for b in (0..side.len()).filter(|b| side[a] && !side[*b]) {
                        self.network.cut.insert((a, b));
                        if !one_way {
                            self.network.cut.insert((b, a));
                        }
                    }
                }
                let wait = self.rng.range(500, 30_000);
                self.after(wait, Event::Act(Action::Heal));
            }
            Action::Heal => {
                if !self.network.cut.is_empty() {
                    self.count("partitions that healed");
                }
                self.network.cut.clear();
            }
            Action::Weather { loss, twice, slow } => {
                (self.network.loss, self.network.twice, self.network.slow) = (loss, twice, slow);
            }
            Action::Clock(skew) => {
                let Some(node) = self.somebody(false) else { return };
                let jump = skew - self.nodes[node].skew;
                self.count(match jump {
                    ..0 => "clocks that jumped back",
                    _ => "clocks that jumped ahead",
                });
                if skew.unsigned_abs() > 2 * node::DELTA {
                    self.count("clocks beyond what is believed");
                }
                self.nodes[node].skew = skew;
                self.with(node, |node, now| node.tick(now));
            }
            Action::Join => {
                let node = self.nodes.len() - 1;
                if std::mem::replace(&mut self.nodes[node].absent, false) {
                    self.count("nodes that joined");
                    self.start(node);
                }
            }
            Action::Copy => self.copy(),
            Action::Forget => self.forget_somebody(),
            Action::Backup => {
                let Some(node) = self.somebody(false) else { return };
                self.nodes[node].backup = Some(self.nodes[node].disk.copy());
            }
            Action::Restore => {
                let Some(node) = (0..self.nodes.len()).find(|i| self.nodes[*i].backup.is_some()) else { return };
                self.count("stores that were restored from a backup");
                self.crash(node, None);
                if let Some(backup) = self.nodes[node].backup.take() {
                    self.nodes[node].disk = backup;
                }
                self.lost_disk(node);
                self.start(node);
            }
            Action::Burn => {
                let alive = self.nodes.iter().filter(|node| !node.burned && !node.absent).count();
                // Not those whose address others were given: they would need a new configuration.
                let Some(node) = self.somebody(false).filter(|node| alive > 2 && *node > 1) else { return };
                self.count("nodes that burned down");
                self.crash(node, None);
                self.nodes[node].burned = true;
                self.nodes[node].disk = Disk::default();
                self.lost_disk(node);
            }
        }
    }

    /// A monitor's next word, and when the one after it is due.
    fn flap(&mut self, node: usize, times: usize) {
        self.count("words of a monitor that flaps");
        if self.nodes[node].running.as_ref().is_some_and(|running| running.ready) {
            let id = Uuid::from_u128(self.rng.u128());
            let handed = workload::flapping(node, times, id);
            self.handed.push(handed.clone());
            self.hand_in(node, handed);
        }
        if times > 0 {
            let wait = self.rng.range(50, 2_500);
            self.after(wait, Event::Act(Action::Flap { node, times: times - 1 }));
        }
    }

    fn copy(&mut self) {
        let copy = self.nodes.len() - 1;
        let Some(node) = self.somebody(false).filter(|_| self.nodes[copy].absent) else { return };
        self.count("stores that were copied to a second node");
        let (disk, id) = (self.nodes[node].disk.copy(), self.nodes[node].id);
        (self.nodes[copy].disk, self.nodes[copy].id, self.nodes[copy].absent) = (disk, id, false);
        (self.nodes[node].copied, self.nodes[copy].copied) = (true, true);
        self.start(copy);
    }

    fn forget_somebody(&mut self) {
        let Some(node) = self.somebody(true) else { return };
        let Some(replica) = self.nodes[node].replica() else { return };
        let names: Vec<String> =
            replica.peers().into_iter().filter_map(|peer| peer.member).map(|member| member.name.to_string()).collect();
        let Some(name) = self.rng.pick(&names).cloned() else { return };
        self.count("nodes that were forgotten");
        self.with(node, |node, now| assert!(node.replica_mut().forget(&name, now), "a member can be forgotten"));
    }

    /// What only this disk knew is gone with it: nobody can be blamed for that.
    fn lost_disk(&mut self, node: usize) {
        self.nodes[node].lost_disk = true;
        let nodes = &self.nodes;
        let before = self.acknowledged.len();
        self.acknowledged
            .retain(|a| !nodes[a.node].lost_disk || nodes.iter().any(|other| other.disk.synced.knows(&a.entry.stamp)));
        if self.acknowledged.len() < before {
            self.count("notifications that burned with the only disk");
        }
    }

    pub fn hand_in(&mut self, at: usize, handed: Handed) {
        self.submit(at, handed.id, None, |known| handed.submit(known));
    }

    /// Hands something in under this id; `word`: for whom the answer is, if it is a monitor.
    pub fn submit(
        &mut self,
        at: usize,
        id: Uuid,
        word: Option<Uuid>,
        submit: impl FnOnce(Option<Arc<Entry>>) -> Submit,
    ) {
        let now = self.nodes[at].now(self.time);
        let known = self.nodes[at].disk.latest.history.values().find(|entry| entry.notification.id == id).cloned();
        let (to, met) = (self.recipients(at), self.have_all_met());
        let Some(running) = &mut self.nodes[at].running else { return };
        let submit = submit(known);
        let recipients = running.node.replica().lanes().count();
        let ticket = running.ticket(Waiter::Submission { recipients, to, met, word });
        running.node.replica_mut().submit(submit, ticket, now);
        let had_to_wait = running.node.replica().waiting().0 > 0;
        if had_to_wait {
            self.count("submissions that had to wait for the disk");
        }
        self.perform(at);
    }

    pub fn submitted(
        &mut self,
        node: usize,
        recipients: usize,
        (to, met): (Vec<(usize, NodeId)>, bool),
        result: Result<Taken, SubmitRefusal>,
    ) {
        match result {
            Ok(Taken { entry, repeated, .. }) => {
                let fenced = self.nodes[node].replica().and_then(|replica| replica.conflict());
                assert!(fenced.is_none(), "{} is fenced and has taken {:?}", self.nodes[node].name, entry.stamp);
                self.count(if repeated { "submissions that were known" } else { "submissions taken" });
                let made = if repeated { vec![entry] } else { self.made_of(node, &entry) };
                self.acknowledged.extend(made.into_iter().map(|entry| Acknowledged {
                    entry,
                    node,
                    recipients,
                    to: to.clone(),
                    met,
                    repeated,
                }));
                self.check_promises(node);
            }
            Err(SubmitRefusal::ClockWasAhead { .. }) => self.count("submissions refused: the clock was ahead"),
            Err(SubmitRefusal::Fenced(_)) => self.count("submissions refused: the node is fenced"),
            Err(SubmitRefusal::Conflict(_)) => self.count("submissions refused: another content"),
            Err(SubmitRefusal::Invalid(_)) => self.count("submissions refused: invalid"),
            Err(other) => panic!("refused with {other:?}"),
        }
    }
}
