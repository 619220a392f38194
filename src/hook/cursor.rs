//! Which events of one origin a hook has been told.
//!
//! Must stay true: an event that was told is never forgotten to be so while it may come again; merging two nodes'
//! cursors gives what either of them knows. Bounded: events of the last ten minutes, at most 1,000; all before
//! them count as told, since a hook is told its events by time.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Event;
use crate::availability::Moment;

/// How long single events are remembered beyond the last one that was told.
const KEPT: Duration = Duration::from_secs(600);
/// How many at most.
const MOST: usize = 1_000;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything before this has been told.
    floor: Moment,
    told: BTreeSet<(Moment, Uuid)>,
}

impl Cursor {
    /// Nothing from this time on has been told.
    pub fn new(floor: Moment) -> Self {
        Self { floor, told: BTreeSet::new() }
    }

    /// Whether the event has been told.
    pub fn has(&self, event: &Event) -> bool {
        event.at < self.floor || self.told.contains(&(event.at, event.id))
    }

    /// The event has been told.
    pub fn add(&mut self, event: &Event) {
        self.told.insert((event.at, event.id));
        self.floor = self.floor.max(event.at.before(KEPT));
        self.trim();
    }

    /// Adds what another node knows.
    pub fn merge(&mut self, other: &Self) {
        self.floor = self.floor.max(other.floor);
        self.told.extend(other.told.iter().copied());
        self.trim();
    }

    fn trim(&mut self) {
        while self.told.len() > MOST {
            if let Some((at, _)) = self.told.pop_first() {
                self.floor = self.floor.max(at.after(Duration::from_millis(1)));
            }
        }
        self.told.retain(|(at, _)| *at >= self.floor);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::event, *};

    fn events(count: u128) -> Vec<Event> {
        let entries: Vec<_> =
            (0..count).map(|i| event::tests::entry(i + 1, i as i64 * 1_000, json!({"status": "available"}))).collect();
        event::events(&entries)
    }

    #[test]
    fn what_was_told_stays_told() {
        let events = events(3_000);
        let mut cursor = Cursor::new(Moment::ZERO);
        for (at, event) in events.iter().enumerate() {
            assert!(!cursor.has(event), "{at}");
            cursor.add(event);
            assert!(cursor.has(event) && cursor.told.len() <= MOST, "{at}");
        }
        assert!(events.iter().all(|event| cursor.has(event)));
    }

    #[test]
    fn two_cursors_make_one_that_knows_what_either_knew() {
        let events = events(40);
        let (mut one, mut other) = (Cursor::new(Moment::ZERO), Cursor::new(Moment::ZERO));
        events.iter().step_by(2).for_each(|event| one.add(event));
        events.iter().skip(10).take(10).for_each(|event| other.add(event));
        let mut both = one.clone();
        both.merge(&other);
        assert!(events.iter().all(|event| both.has(event) == (one.has(event) || other.has(event))));
        let mut again = both.clone();
        again.merge(&one);
        assert_eq!(again, both);
    }
}
