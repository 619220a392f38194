//! Schedules: changed on any node, also on both sides of a partition and with clocks that differ. What must be true
//! in the end: the registries are equal, and every node has the plans of the last versions and no others.

use std::{collections::BTreeMap, sync::Arc};

use forewarn::{
    availability::{Author, Entry, Kind, Moment, Record, Schedule, schedule::cancel},
    sync::{Register, RegisterRefusal, SubmitRefusal},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    node::{self, EPOCH, Waiter},
    rng::Rng,
    scenario::Action,
    workload::targets,
    world::{Event, World},
};

/// As on the nodes: occurrences that begin within this time are plans. Milliseconds.
const AHEAD: i64 = 14 * 24 * 3_600_000;

/// Draws changes of schedules for some seeds, from a generator of their own: other seeds stay as they were.
pub fn draw(world: &mut World, seed: u64, end: u64) {
    let mut rng = Rng::new(seed ^ 0x5c4e_d01e);
    if !seed.is_multiple_of(3) {
        return;
    }
    for _ in 0..2 + rng.below(6) {
        let at = rng.range(10_000, end.max(10_001));
        let (which, seed) = (rng.below(3) as u128, rng.next());
        world.after(at.saturating_sub(world.time), Event::Act(Action::Schedule { which, seed }));
    }
}

/// The value of a schedule, at a node whose clock shows `now`: its first occurrence begins soon, and may have ended
/// before the simulation does.
fn value(rng: &mut Rng, now: Moment) -> Value {
    let starts = Moment::from_millis(now.millis() + rng.range(1_000, 90_000) as i64).to_datetime();
    let all = targets();
    let (target, rule) =
        (&all[rng.below(all.len())], ["FREQ=DAILY", "FREQ=DAILY;COUNT=2", "FREQ=DAILY;INTERVAL=5"][rng.below(3)]);
    json!({
        "title": "recurring", "targets": [target], "time_zone": "UTC",
        "starts": starts.format("%Y-%m-%dT%H:%M:%S").to_string(), "duration_seconds": 1 + rng.below(60),
        "rule": rule,
    })
}

impl World {
    /// Somebody changes or removes one of a few schedules, at a running node by chance.
    pub fn change_schedule(&mut self, which: u128, seed: u64) {
        let mut rng = Rng::new(seed);
        let ready = |at: &usize| self.nodes[*at].running.as_ref().is_some_and(|running| running.ready);
        let all: Vec<usize> = (0..self.nodes.len()).filter(ready).collect();
        let Some(at) = rng.pick(&all).copied() else { return };
        let value = if rng.chance(250) { None } else { Some(value(&mut rng, self.nodes[at].wall(self.time))) };
        self.register(at, which, value);
    }

    pub fn register(&mut self, at: usize, which: u128, value: Option<Value>) {
        let now = self.nodes[at].now(self.time);
        let Some(running) = &mut self.nodes[at].running else { return };
        let ticket = running.ticket(Waiter::Registered);
        let id = Uuid::from_u128(which);
        let register = Register { kind: Kind::Schedule, id, value, author: Author::operator("alice") };
        running.node.replica_mut().register(register, ticket, now);
        self.perform(at);
    }

    /// The answer: what was taken is on stable storage.
    pub fn registered(&mut self, at: usize, result: Result<Arc<Record>, RegisterRefusal>) {
        match result {
            Ok(record) => {
                let node = &self.nodes[at];
                let held = node.disk.synced.registry.get(&record.key());
                assert!(
                    held.is_some_and(|held| held.stamp >= record.stamp),
                    "{}: {record:?} is not durable",
                    node.name
                );
                self.count(if record.value.is_some() {
                    "schedules that were changed"
                } else {
                    "schedules that were removed"
                });
                self.registered.push((at, record));
            }
            Err(RegisterRefusal::NotThere) => {}
            Err(RegisterRefusal::Submit(SubmitRefusal::ClockWasAhead { .. } | SubmitRefusal::Fenced(_))) => {
                self.count("schedules that were refused")
            }
            Err(other) => panic!("a schedule is refused: {other:?}"),
        }
    }

    /// Whether the registries of two nodes differ, or a node is behind with what follows from its own.
    pub fn schedules_unwell(&self) -> Option<String> {
        let mut first = None;
        for node in &self.nodes {
            let Some(replica) = node.replica() else { continue };
            let fingerprint = replica.registry().fingerprint();
            if *first.get_or_insert(fingerprint) != fingerprint {
                return Some(format!("the registry of {} differs", node.name));
            }
        }
        None
    }

    /// The end: nothing that was acknowledged is lost, and the plans are those of the last versions.
    pub fn check_schedules(&mut self) {
        let lost =
            ["nodes that burned down", "stores that were restored from a backup", "stores that had to be renewed"];
        let may_lose = lost.iter().any(|what| self.counts.contains_key(what));
        let mut plans_of: BTreeMap<usize, Vec<Arc<Entry>>> = BTreeMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let Some(replica) = node.replica() else { continue };
            let (registry, ledger) = (replica.registry(), replica.ledger());
            for (_, record) in self.registered.iter().filter(|_| !may_lose) {
                let held = registry.get(&record.key());
                assert!(held.is_some_and(|held| held.stamp >= record.stamp), "{} has lost {record:?}", node.name);
            }
            let now = node.wall(self.time);
            for record in registry.iter() {
                for entry in ledger.iter() {
                    assert!(
                        cancel(&entry.notification, record).is_none(),
                        "{} has a plan that version {:?} takes back: {entry:?}",
                        node.name,
                        record.stamp
                    );
                }
                let Some(schedule) = Schedule::of(record).expect("readable") else { continue };
                let until = Moment::from_millis(now.millis() + AHEAD);
                for begins in schedule.begins(record.stamp.time).take_while(|begins| *begins <= until) {
                    let plan = schedule.plan(record, begins);
                    let is_over = schedule.ends(begins) <= now;
                    assert!(is_over || ledger.has_outlived(&plan), "{} lacks the plan of {begins}", node.name);
                }
            }
            plans_of.insert(at, ledger.iter().filter(|entry| entry.notification.schedule.is_some()).cloned().collect());
        }
        let mut all = plans_of.values();
        let first = all.next().cloned().unwrap_or_default();
        assert!(all.all(|plans| *plans == first), "all nodes have the same plans");
        if !first.is_empty() {
            self.count("farms that end with plans of schedules");
        }
        if first.iter().any(|entry| entry.notification.cancels.is_some()) {
            self.count("farms that end with cancels of earlier versions");
        }
    }
}

/// Three nodes, with clocks that differ; one of them is away for a month, in which the others change and remove
/// schedules on two sides of a partition.
#[test]
fn a_node_that_was_away_for_a_month_has_the_plans_of_the_others() {
    const MONTH: i64 = 30 * 24 * 3_600_000;
    for seed in 0..12 {
        let mut world = World::new(seed);
        for i in 0..3 {
            let skew = [0, 900, -900][i];
            world.nodes.push(node::plain(i, 3, skew, &mut world.rng));
            world.start(i);
        }
        world.run_until(20_000);
        let mut rng = Rng::new(seed);
        let mut weekly = |which: u128, at: usize, world: &mut World| {
            let mut changed = value(&mut rng, world.nodes[at].wall(world.time));
            changed["rule"] = json!("FREQ=WEEKLY");
            world.register(at, which, Some(changed));
        };
        (0..3).for_each(|which| weekly(which, which as usize, &mut world));
        world.run_until(30_000);
        world.crash(2, None);
        // The clocks go on by a month, which is shorter to simulate than to live through.
        world.nodes.iter_mut().for_each(|node| node.skew += MONTH);
        world.run_until(40_000);
        world.network.cut.extend([(0, 1), (1, 0)]);
        weekly(0, 0, &mut world);
        weekly(0, 1, &mut world);
        weekly(1, 1, &mut world);
        world.register(0, 2, None);
        world.run_until(50_000);
        world.network.cut.clear();
        world.start(2);
        world.settle();
        assert!(world.nodes[0].wall(0).millis() > EPOCH + MONTH - 10_000);
        world.check_schedules();
        assert_eq!(world.counts["schedules that were removed"], 1);
        assert!(world.counts.contains_key("farms that end with plans of schedules"));
    }
}
