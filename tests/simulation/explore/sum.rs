//! What tells a state from others: two are the same if all that counts in them is written alike.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::state::State;
use crate::world::Event;

impl State {
    /// What tells this state from others, as 128 bits.
    pub fn sum(&self) -> u128 {
        let mut sum = Sum::default();
        let world = &self.world;
        let mut queue: Vec<String> = world
            .queue
            .iter()
            .map(|((time, _), event)| match event {
                Event::Tick { .. } => format!("{time} {event:?}"),
                other => format!("{other:?}"),
            })
            .collect();
        queue.sort_unstable();
        let _ = write!(sum, "{} {:?} {} {queue:?}", world.time, self.faults, self.rounds);
        for node in &world.nodes {
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
        }
        let _ = write!(sum, "{:?}", world.acknowledged);
        sum.value()
    }
}

/// Hashes what is written to it twice.
#[derive(Default)]
struct Sum {
    one: DefaultHasher,
    other: DefaultHasher,
}

impl Sum {
    fn value(mut self) -> u128 {
        1u8.hash(&mut self.other);
        u128::from(self.one.finish()) << 64 | u128::from(self.other.finish())
    }
}

impl fmt::Write for Sum {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.one.write(text.as_bytes());
        self.other.write(text.as_bytes());
        self.other.write_u8(text.len() as u8);
        Ok(())
    }
}
