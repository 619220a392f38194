//! What tells a state from others: two are the same if all that counts in them is written alike.
//!
//! A step changes one node and what is on its way. So a state keeps the sums of its nodes, and only that node is
//! written again.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use super::state::State;
use crate::{node::Node, world::Event};

impl State {
    /// What tells this state from others, as 128 bits. These nodes have changed since it was last asked; none: all.
    pub fn sum(&mut self, changed: Option<usize>) -> u128 {
        let world = &self.world;
        self.sums.resize(world.nodes.len(), 0);
        for (at, node) in world.nodes.iter().enumerate().filter(|(at, _)| changed.is_none_or(|changed| changed == *at))
        {
            self.sums[at] = sum_of(node);
        }
        let mut queue: Vec<String> = world
            .queue
            .iter()
            .map(|((time, _), event)| match event {
                Event::Tick { .. } => format!("{time} {event:?}"),
                other => format!("{other:?}"),
            })
            .collect();
        queue.sort_unstable();
        let mut sum = Sum::default();
        let _ = write!(sum, "{} {:?} {} {queue:?}", world.time, self.faults, self.rounds);
        let _ = write!(sum, "{:?} {:?}", self.sums, world.acknowledged);
        sum.value()
    }
}

fn sum_of(node: &Node) -> u128 {
    let mut sum = Sum::default();
    let _ = write!(sum, "{} {:?} {:?}", node.disk.boot, node.disk.latest, node.disk.unsynced);
    if let Some(running) = &node.running {
        let tickets: BTreeMap<_, _> = running.tickets.iter().collect();
        let _ = write!(
            sum,
            "{:?} {} {} {tickets:?} {:?} {:?} {:?} {} {:?} {:?}",
            running.node,
            running.ready,
            running.syncing,
            running.asked,
            running.delegations,
            running.silence,
            running.replaying,
            running.timer,
            running.loading
        );
    }
    sum.value()
}

/// Hashes what is written to it, eight bytes at a time, in two ways: multiplied with two numbers, of which both halves
/// of the product count. Texts are whatever a node holds, nobody chooses them so that they collide.
#[derive(Default)]
struct Sum {
    one: u64,
    other: u64,
    /// Bytes that wait for eight, and how many they are.
    rest: u64,
    held: u32,
}

fn mix(sum: u64, word: u64, by: u64) -> u64 {
    let product = u128::from(sum ^ word) * u128::from(by);
    (product as u64) ^ ((product >> 64) as u64)
}

impl Sum {
    fn word(&mut self, word: u64) {
        self.one = mix(self.one.rotate_left(23).wrapping_add(1), word, 0x9e37_79b9_7f4a_7c15);
        self.other = mix(self.other.rotate_left(41).wrapping_add(3), !word, 0xd6e8_feb8_6659_fd93);
    }

    fn value(mut self) -> u128 {
        self.word(self.rest);
        self.word(u64::from(self.held));
        u128::from(self.one) << 64 | u128::from(self.other)
    }
}

impl fmt::Write for Sum {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.rest = self.rest << 8 | u64::from(byte);
            self.held += 1;
            if self.held.is_multiple_of(8) {
                self.word(self.rest);
                self.rest = 0;
            }
        }
        Ok(())
    }
}
