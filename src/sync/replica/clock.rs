//! This node's time: the stamps that it makes, and how far ahead other nodes' times are believed
//! (docs/contract.md#stamps, docs/contract.md#clock-skew-and-quarantine).
//!
//! Must stay true: no stamp is lower than one that was seen before; a time that is not believed changes
//! nothing.

use std::time::Duration;

use crate::{
    availability::{Entry, Moment, Stamp, StampClock},
    sync::Now,
};

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    stamps: StampClock,
    /// δ.
    skew: Duration,
}

impl Clock {
    /// A clock that goes on from `limit`, the greatest stamp time ever admitted.
    pub(super) fn new(limit: Moment, skew: Duration) -> Self {
        let mut stamps = StampClock::default();
        stamps.see_time(limit);
        Self { stamps, skew }
    }

    /// The latest time of a submission: now + δ.
    pub(super) fn latest_submitted(&self, now: Now) -> Moment {
        now.wall.after(self.skew)
    }

    /// The latest time that is believed of a peer: now + 2δ.
    fn latest_believed(&self, now: Now) -> Moment {
        now.wall.after(self.skew * 2)
    }

    /// Whether this time, told by a peer, is too far ahead to be believed yet.
    pub(super) fn is_early(&self, time: Moment, now: Now) -> bool {
        time > self.latest_believed(now)
    }

    /// When an entry that is too far ahead will be believed.
    pub(super) fn admissible_at(&self, entry: &Entry) -> Moment {
        entry.stamp.time.before(self.skew * 2)
    }

    /// Records a stamp, unless it is too far ahead: it would drag this node's own stamps along.
    pub(super) fn see(&mut self, stamp: &Stamp, now: Now) {
        if !self.is_early(stamp.time, now) {
            self.stamps.see(stamp);
        }
    }

    /// Records a stamp of the ledger.
    pub(super) fn admit(&mut self, stamp: &Stamp) {
        self.stamps.see(stamp);
    }

    /// Records another node's L.
    pub(super) fn see_limit(&mut self, limit: Moment) {
        self.stamps.see_time(limit);
    }

    /// The time and the counter of the next stamp.
    pub(super) fn next(&mut self, now: Now) -> (Moment, u32) {
        self.stamps.next(now.wall)
    }

    /// The time that the next stamp would have.
    pub(super) fn peek(&self, now: Now) -> Moment {
        self.stamps.peek(now.wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::availability::NodeId;

    const NOW: Now = Now { wall: Moment::ZERO, mono: Duration::ZERO };

    fn stamp(millis: i64) -> Stamp {
        Stamp { time: Moment::from_millis(millis), counter: 0, node: NodeId::NONE, hash: [0; 16] }
    }

    #[test]
    fn what_is_too_far_ahead_moves_no_stamp() {
        let mut clock = Clock::new(Moment::ZERO, Duration::from_millis(10));
        assert!(!clock.is_early(Moment::from_millis(20), NOW) && clock.is_early(Moment::from_millis(21), NOW));
        clock.see(&stamp(21), NOW);
        assert!(clock.peek(NOW) < Moment::from_millis(2));
        clock.see(&stamp(20), NOW);
        assert_eq!(clock.next(NOW), (Moment::from_millis(20), 1));
        clock.admit(&stamp(30));
        assert_eq!(clock.peek(NOW), Moment::from_millis(30), "what the ledger has counts in any case");
        assert_eq!(clock.latest_submitted(NOW), Moment::from_millis(10));
    }
}
