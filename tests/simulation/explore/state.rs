//! A farm in a certain state: what may come next, and what comes of it.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
};

use forewarn::sync::Ask;

use crate::{
    network::given_up,
    node::Waiter,
    rng::Rng,
    scenario::Kind,
    world::{Event, World},
};

/// How many faults are left.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    pub crashes: usize,
    pub losses: usize,
    pub twice: usize,
}

/// One of the things that may come next.
#[derive(Debug, Clone, Copy)]
pub enum Move {
    Happen((u64, u64)),
    /// A message does not arrive; its sender learns that there is no answer.
    Lose((u64, u64)),
    /// A message arrives, and will arrive again.
    Twice((u64, u64)),
    /// A node ends before this effect of an event; so many of a thousand parts of its commits survive.
    Break((u64, u64), usize),
    /// A node ends, likewise.
    Crash(usize, usize),
}

/// A farm in a certain state, and how it came to it.
#[derive(Clone)]
pub struct State {
    pub world: World,
    pub faults: Faults,
    pub slow_caches: bool,
    pub rounds: usize,
    pub path: Option<Rc<Step>>,
    /// See `sum`.
    pub sums: Vec<u128>,
}

pub struct Step {
    what: String,
    before: Option<Rc<Step>>,
}

/// The node at which an event happens.
fn place(event: &Event) -> Option<usize> {
    match event {
        Event::Request(node, _)
        | Event::Answer { node, .. }
        | Event::Sync { node, .. }
        | Event::Loaded { node, .. }
        | Event::Tick { node, .. }
        | Event::Replay { node, .. }
        | Event::Start(node)
        | Event::Check { node }
        | Event::Renew(node)
        | Event::Hand { node, .. } => Some(*node),
        Event::Act(_) => None,
    }
}

fn is_message(event: &Event) -> bool {
    matches!(event, Event::Request(..) | Event::Answer { result: Ok(_), .. })
}

/// An event in few words, for a path.
fn words(event: &Event) -> String {
    match event {
        Event::Request(to, request) => {
            let what = match &request.ask {
                Ask::Announce(_) => "announce",
                Ask::Deliver(_) => "deliver",
                Ask::Merge(_) => "merge",
            };
            format!("n{} asks n{to}: {what} (call {})", request.from, request.call)
        }
        Event::Answer { node, call, result, .. } => {
            format!("n{node} gets the answer to call {call}: {}", if result.is_ok() { "it is there" } else { "none" })
        }
        Event::Hand { node, handed, .. } => format!("n{node} is handed {}", handed.body),
        other => format!("{other:?}"),
    }
}

impl World {
    /// Calls whose request or answer ended with a node: their senders will learn that there is no answer.
    pub fn give_up_lost_calls(&mut self) {
        let under_way: BTreeSet<(usize, u64, u64)> = self
            .queue
            .values()
            .filter_map(|event| match event {
                Event::Request(to, request) if self.nodes[*to].running.is_some() => {
                    Some((request.from, request.run, request.call))
                }
                Event::Answer { node, run, call, .. } => Some((*node, *run, *call)),
                _ => None,
            })
            .collect();
        let held: BTreeSet<(usize, u64, u64)> = self
            .nodes
            .iter()
            .filter_map(|node| node.running.as_ref())
            .flat_map(|running| running.tickets.values())
            .filter_map(|waiter| match waiter {
                Waiter::Request { node, run, call, .. } => Some((*node, *run, *call)),
                _ => None,
            })
            .collect();
        let mut lost = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let Some(running) = &node.running else { continue };
            let open = running.asked.keys().map(|call| (at, running.run, *call));
            lost.extend(open.filter(|call| !under_way.contains(call) && !held.contains(call)));
        }
        // What was on its way to the node finds nobody there.
        self.queue.retain(|_, event| match event {
            Event::Request(to, _) => self.nodes[*to].running.is_some(),
            _ => true,
        });
        for (node, run, call) in lost {
            self.after(0, given_up(node, run, call));
        }
    }
}

impl State {
    /// What may come next.
    pub fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        let world = &self.world;
        let load = world.queue.iter().find(|(_, event)| matches!(event, Event::Loaded { .. }));
        if let Some((key, _)) = load.filter(|_| !self.slow_caches) {
            return vec![Move::Happen(*key)];
        }
        for (key, event) in world.queue.range(..=(world.time, u64::MAX)) {
            let Some(at) = place(event).filter(|_| self.may_happen(event)) else { continue };
            moves.push(Move::Happen(*key));
            if is_message(event) && self.faults.losses > 0 {
                moves.push(Move::Lose(*key));
            }
            if matches!(event, Event::Request(..)) && self.faults.twice > 0 {
                moves.push(Move::Twice(*key));
            }
            if self.faults.crashes > 0 && world.nodes[at].running.is_some() {
                moves.extend([0, 1_000].map(|kept| Move::Break(*key, kept)));
            }
        }
        for (at, node) in world.nodes.iter().enumerate() {
            if self.faults.crashes > 0 && node.running.is_some() {
                let commits = node.disk.unsynced.len();
                moves.extend((0..=commits).map(|kept| Move::Crash(at, (kept * 1_000).div_ceil(commits.max(1)))));
            }
        }
        moves
    }

    fn may_happen(&self, event: &Event) -> bool {
        let Event::Hand { node, after, .. } = event else { return true };
        let Some(running) = self.world.nodes[*node].running.as_ref().filter(|running| running.ready) else {
            return false;
        };
        after.is_none_or(|plan| running.node.replica().holdings().any(|entry| entry.notification.id == plan))
    }

    /// The only node that a move changes; none: it changes more.
    pub fn place(&self, chosen: Move) -> Option<usize> {
        match chosen {
            Move::Happen(key) | Move::Lose(key) | Move::Twice(key) | Move::Break(key, _) => {
                place(&self.world.queue[&key])
            }
            Move::Crash(at, _) => Some(at),
        }
    }

    /// The states to which a move leads: one; of a node that ends within an event as many as that has effects.
    pub fn after(&self, chosen: Move) -> Vec<Self> {
        let mut states = Vec::new();
        let mut effects = 0;
        loop {
            let mut next = self.clone();
            let (what, broken) = next.describe(chosen, effects);
            next.path = Some(Rc::new(Step { what, before: self.path.clone() }));
            let done = catch_unwind(AssertUnwindSafe(|| next.perform(chosen, effects)));
            match done {
                Ok(whole) => {
                    if !broken || !whole {
                        states.push(next);
                    }
                    // All effects have been performed: the node did not end.
                    if !broken || whole {
                        return states;
                    }
                }
                Err(panic) => {
                    next.tell();
                    resume_unwind(panic);
                }
            }
            effects += 1;
        }
    }

    fn describe(&self, chosen: Move, effects: usize) -> (String, bool) {
        let event = |key| words(&self.world.queue[&key]);
        match chosen {
            Move::Happen(key) => (event(key), false),
            Move::Lose(key) => (format!("LOST: {}", event(key)), false),
            Move::Twice(key) => (format!("TWICE: {}", event(key)), false),
            Move::Break(key, kept) => (format!("{}, BREAKS OFF at effect {effects}, {kept} ‰ kept", event(key)), true),
            Move::Crash(at, kept) => (format!("n{at} ENDS, {kept} ‰ kept"), false),
        }
    }

    /// Performs a move; whether all effects of it were performed.
    fn perform(&mut self, chosen: Move, effects: usize) -> bool {
        let world = &mut self.world;
        world.dice = Rng::new(world.messages);
        match chosen {
            Move::Happen(key) => self.happen(key),
            Move::Twice(key) => {
                self.faults.twice -= 1;
                let again = world.queue[&key].clone();
                world.duplicates += 1;
                self.happen(key);
                self.world.after(0, again);
            }
            Move::Lose(key) => {
                self.faults.losses -= 1;
                match world.queue.remove(&key) {
                    Some(Event::Request(_, request)) => {
                        world.after(0, given_up(request.from, request.run, request.call));
                    }
                    Some(Event::Answer { node, run, call, .. }) => world.after(0, given_up(node, run, call)),
                    _ => {}
                }
            }
            Move::Break(key, kept) => {
                self.faults.crashes -= 1;
                let at = place(&world.queue[&key]).unwrap_or_default();
                let Some(running) = &mut world.nodes[at].running else { return true };
                let run = running.run;
                running.crash_in = Some(effects);
                world.kept = Some(kept);
                self.happen(key);
                return self.world.nodes[at].running.as_ref().is_some_and(|running| running.run == run);
            }
            Move::Crash(at, kept) => {
                self.faults.crashes -= 1;
                world.kept = Some(kept);
                world.crash(at, Some(0));
            }
        }
        true
    }

    fn happen(&mut self, key: (u64, u64)) {
        let world = &mut self.world;
        let Some(event) = world.queue.remove(&key) else { return };
        // Chance is the same however this state was reached; but no two starts have the same nonce.
        let at = place(&event).unwrap_or_default();
        world.rng = Rng::new(at as u64 * 1_000 + world.nodes[at].disk.boot);
        world.happen(event);
    }

    /// Nothing is left: the clocks go on to the next timer, if that may be.
    pub fn later(&self) -> Option<Self> {
        let rounds = self.rounds.checked_sub(1)?;
        let (time, _) = *self.world.queue.keys().next()?;
        let mut later = self.clone();
        later.rounds = rounds;
        later.world.time = time;
        later.path = Some(Rc::new(Step { what: format!("the clocks go on to {time}"), before: self.path.clone() }));
        Some(later)
    }

    /// Whether everything was handed in.
    pub fn all_said(&self) -> bool {
        !self.world.queue.values().any(|event| matches!(event, Event::Hand { .. }))
    }

    /// There is peace: all agree.
    pub fn end(mut self) {
        let path = self.path.take();
        let world = &mut self.world;
        world.exploring = false;
        world.queue.retain(|_, event| !matches!(event, Event::Hand { .. }));
        world.rng = Rng::new(1);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            world.peace();
            world.settle();
            world.check_end(Kind::Rough);
        }));
        if let Err(panic) = ended {
            self.path = path;
            self.tell();
            resume_unwind(panic);
        }
    }

    /// How it came to this.
    fn tell(&self) {
        let mut steps = Vec::new();
        let mut at = self.path.clone();
        while let Some(step) = at {
            steps.push(step.what.clone());
            at = step.before.clone();
        }
        eprintln!("what happened, step by step:");
        steps.iter().rev().for_each(|step| eprintln!("  {step}"));
    }
}
