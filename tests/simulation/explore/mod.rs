//! Everything that can happen in a small farm: not by chance, but all of it.
//!
//! The nodes, disks and messages are those of the simulation. Time stands still; at each step one of the things
//! that may come next is chosen, and in the end every choice has been tried in every state. What may come next:
//! any message, in any order; a disk's sync; a load of the caches; a submission; the start of a node. As often as
//! the scenario allows besides: a message is lost, or comes twice; a node ends, between two events or between two
//! effects of one, and any number of its commits that are not durable survives.
//! When nothing is left the clocks go on to the next timer, [`Scenario::rounds`] times; then there is peace.
//!
//! What must stay true in every state is what the simulation checks after every step: nothing acknowledged is lost
//! or forgotten, nothing is called durable or applied that is not, what was dropped does not return, every verdict
//! is the naive one. After every end: all have the same ledger and the same verdicts.
//!
//! Two states are the same if nodes, disks, messages and what was promised are written alike; each is tried
//! once. `EXPLORE_MORE=1` tries larger scenarios, which take minutes; `docs/figures.md` has their sizes.

mod state;
mod sum;

use std::{collections::HashSet, time::Instant};

use forewarn::{
    availability::{Author, Moment, NodeId},
    sync::Fanout,
};
use serde_json::{Value, json};
use uuid::Uuid;

use self::state::{Faults, State};
use crate::{
    node::{EPOCH, fanout, plain},
    rng::Rng,
    workload::Handed,
    world::{Event, World},
};

/// What is handed in: the node, the content, and the plan that must be known there first.
type Handing = (usize, Value, Option<u128>);

/// What is handed in, and what may go wrong.
struct Scenario {
    nodes: usize,
    /// The last node is new: it starts meanwhile.
    join: bool,
    handed: Vec<Handing>,
    faults: Faults,
    /// Loads of the caches take their time; otherwise each is over before anything else happens.
    slow_caches: bool,
    /// How often the clocks may go on to the next timer.
    rounds: usize,
    fanout: Fanout,
}

/// What was tried.
#[derive(Debug, Default)]
struct Tried {
    states: usize,
    moves: usize,
    ends: usize,
    /// Ends before which everything was handed in.
    said: usize,
    deepest: usize,
}

impl Scenario {
    /// The farm after its start, with what is to be handed in.
    fn begin(&self) -> State {
        let mut world = World::new(1);
        for at in 0..self.nodes {
            let mut rng = Rng::new(at as u64 + 1);
            let mut node = plain(at, self.nodes, 0, &mut rng);
            node.id = NodeId(Uuid::from_u128(at as u128 + 1));
            node.fanout = self.fanout;
            world.nodes.push(node);
            let joins = self.join && at + 1 == self.nodes;
            if !joins {
                world.after(10, Event::Start(at));
            }
        }
        world.run_until(20_000);
        // Of the past only timers may be left.
        world.queue.retain(|_, event| matches!(event, Event::Tick { .. }));
        world.exploring = true;
        if self.join {
            world.after(0, Event::Start(self.nodes - 1));
        }
        for (number, (node, body, after)) in self.handed.iter().enumerate() {
            let own = body["id"].as_str().map(|id| id.parse().expect("an id"));
            let id = own.unwrap_or(Uuid::from_u128(0x1000 + number as u128));
            let author = Author::operator(&format!("operator-{node}"));
            let handed = Box::new(Handed { body: body.clone(), author, id, portable: false });
            world.after(0, Event::Hand { node: *node, handed, after: after.map(Uuid::from_u128) });
        }
        State {
            world,
            faults: self.faults,
            slow_caches: self.slow_caches,
            rounds: self.rounds,
            path: None,
            sums: Vec::new(),
        }
    }

    /// Tries everything.
    fn explore(&self) -> Tried {
        let mut tried = Tried::default();
        let mut first = self.begin();
        let mut seen = HashSet::from([first.sum(None)]);
        let mut open = vec![(first, 0)];
        while let Some((state, depth)) = open.pop() {
            tried.states += 1;
            tried.deepest = tried.deepest.max(depth);
            let moves = state.moves();
            if moves.is_empty() {
                match state.later() {
                    Some(mut later) => {
                        if seen.insert(later.sum(None)) {
                            open.push((later, depth + 1));
                        }
                    }
                    None => {
                        tried.ends += 1;
                        tried.said += usize::from(state.all_said());
                        state.end();
                    }
                }
                continue;
            }
            for chosen in moves {
                let at = state.place(chosen);
                for mut next in state.after(chosen) {
                    tried.moves += 1;
                    if seen.insert(next.sum(at)) {
                        open.push((next, depth + 1));
                    }
                }
            }
        }
        tried
    }
}

fn closing() -> Value {
    json!({"targets": ["application:mail"], "status": "unavailable", "reason": "unplanned-outage"})
}

fn opening() -> Value {
    json!({"targets": ["application:mail"], "status": "available"})
}

fn plan(id: u128) -> Value {
    let begins = Moment::from_millis(EPOCH + 600_000);
    json!({"id": Uuid::from_u128(id), "targets": ["application:mail"], "status": "unavailable",
        "goes_down_at": begins, "duration_seconds": 60, "restore": "automatic"})
}

fn cancel(id: u128) -> Value {
    json!({"cancels": Uuid::from_u128(id)})
}

/// Two operators at two nodes, who say the opposite.
fn opposite() -> Vec<Handing> {
    vec![(0, closing(), None), (1, opening(), None)]
}

/// A plan, and at another node its cancel as soon as the plan is known there.
fn cancelled() -> Vec<Handing> {
    vec![(0, plan(7), None), (1, cancel(7), Some(7))]
}

fn farm(nodes: usize, handed: Vec<Handing>) -> Scenario {
    let (join, faults, slow_caches, rounds) = (false, Faults::default(), false, 1);
    Scenario { nodes, join, handed, faults, slow_caches, rounds, fanout: Fanout::All }
}

impl Scenario {
    /// So many nodes may end, messages be lost, and requests come twice.
    fn faults(self, crashes: usize, losses: usize, twice: usize) -> Self {
        Self { faults: Faults { crashes, losses, twice }, ..self }
    }

    /// The last node joins meanwhile.
    fn joining(self) -> Self {
        Self { join: true, ..self }
    }

    /// Nodes send to so many others, who pass it on and gather the receipts.
    fn fanout(self, children: usize) -> Self {
        Self { fanout: fanout(children), ..self }
    }

    fn slow_caches(self) -> Self {
        Self { slow_caches: true, ..self }
    }

    /// Tries all of it, and says how much that was.
    fn run(&self, name: &str) {
        let began = Instant::now();
        let Tried { states, moves, ends, said, deepest } = self.explore();
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{name}: {states} states, {moves} steps between them, {ends} ends, {deepest} steps deep, {seconds:.1} s"
        );
        assert!(said > 0, "{name}: it comes to an end at which everything was handed in");
    }
}

#[test]
fn two_nodes_that_say_the_opposite_agree_whatever_comes_first() {
    farm(2, opposite()).slow_caches().run("2 nodes, opposite words, slow caches");
    farm(2, opposite()).faults(0, 1, 1).run("2 nodes, opposite words, a message lost, one twice");
}

#[test]
fn a_plan_stays_cancelled_whatever_comes_first() {
    farm(2, cancelled()).faults(0, 1, 1).run("2 nodes, a plan and its cancel, a message lost, one twice");
}

#[test]
fn a_node_may_end_at_any_step() {
    farm(2, vec![(0, closing(), None)]).faults(1, 0, 0).run("2 nodes, a closing, a crash");
}

#[test]
fn a_node_may_join_at_any_step() {
    farm(2, vec![(0, closing(), None)]).joining().run("1 node and one that joins, a closing");
    farm(3, vec![(0, closing(), None)]).faults(0, 1, 1).run("3 nodes, a closing, a message lost, one twice");
}

#[test]
fn a_relay_gathers_receipts_whatever_comes_first() {
    let one = || farm(4, vec![(0, closing(), None)]).fanout(2);
    one().run("4 nodes by way of a relay, a closing");
}

/// Larger ones: only with `EXPLORE_MORE=1`, each in minutes.
fn larger(name: &str, scenario: Scenario) {
    if std::env::var_os("EXPLORE_MORE").is_some() {
        scenario.run(name);
    }
}

fn one_closing() -> Vec<Handing> {
    vec![(0, closing(), None)]
}

#[test]
fn larger_three_nodes_with_opposite_words() {
    larger("3 nodes, opposite words", farm(3, opposite()));
    larger("3 nodes, opposite words, a message lost", farm(3, opposite()).faults(0, 1, 0));
}

#[test]
fn larger_two_nodes_with_opposite_words_and_a_crash() {
    larger("2 nodes, opposite words, a crash", farm(2, opposite()).faults(1, 0, 0));
}

#[test]
fn larger_two_nodes_with_every_fault() {
    larger("2 nodes, a closing, a crash, a message lost, one twice", farm(2, one_closing()).faults(1, 1, 1));
}

#[test]
fn larger_two_nodes_with_a_plan_and_its_cancel_and_a_crash() {
    larger("2 nodes, a plan and its cancel, a crash", farm(2, cancelled()).faults(1, 0, 0));
}

#[test]
fn larger_three_nodes_with_a_plan_and_its_cancel() {
    larger("3 nodes, a plan and its cancel", farm(3, cancelled()));
}

#[test]
fn larger_three_nodes_with_a_crash() {
    larger("3 nodes, a closing, a crash", farm(3, one_closing()).faults(1, 0, 0));
}

#[test]
fn larger_a_node_joins_two() {
    larger("2 nodes and one that joins, a closing", farm(3, one_closing()).joining());
}

#[test]
fn larger_a_node_joins_while_one_crashes() {
    larger("1 node and one that joins, a closing, a crash", farm(2, one_closing()).joining().faults(1, 0, 0));
}

#[test]
fn larger_a_node_joins_while_one_crashes_and_a_plan_is_cancelled() {
    let scenario = farm(2, cancelled()).joining().faults(1, 0, 0);
    larger("1 node and one that joins, a plan and its cancel, a crash", scenario);
}

#[test]
fn larger_four_nodes_by_way_of_a_relay() {
    let relayed = || farm(4, one_closing()).fanout(2);
    larger("4 nodes by way of a relay, a closing, a message lost, one twice", relayed().faults(0, 1, 1));
    larger("4 nodes by way of a relay, a closing, a crash", relayed().faults(1, 0, 0));
}
