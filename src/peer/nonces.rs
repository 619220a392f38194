//! The memory of accepted requests, so that none can be replayed.
//!
//! A request is acceptable while the clocks differ by at most [`WINDOW`], so its nonce is kept until its own
//! time is further back than that. The signature covers the time, so a replay carries the same time: nonces are
//! filed by it, in generations that are dropped whole.
//!
//! Must stay true: within the window nothing that was admitted is admitted again, whatever this
//! node's clock does; memory is bounded, and when it is full new requests are refused rather than
//! old ones forgotten. Only requests whose signature holds may come here.
//!
//! Kept in memory only: after a restart, replays from the last minutes pass once more. They change
//! nothing, for what peers send is idempotent.
//!
//! Pure: time is an argument. Its user wraps it in a mutex and never holds that across an await.

use std::collections::{BTreeMap, HashSet};

use super::signature::{Nonce, Refusal, WINDOW};
use crate::availability::Moment;

/// Length of a generation, in milliseconds: at most this much longer than needed is remembered.
const GENERATION: i64 = 30_000;

/// How many nonces are remembered unless told otherwise: 12,000 requests a second for the whole
/// window, at most some 80 MB. A farm in ordinary use stays below a thousand in all.
pub(crate) const LIMIT: usize = 4_000_000;

/// The memory of replays.
#[derive(Debug)]
pub(crate) struct Nonces {
    /// By the requests' times; of a nonce, 64 bits are enough to tell it from its contemporaries.
    generations: BTreeMap<i64, HashSet<u64>>,
    /// How many there are in all generations.
    count: usize,
    /// How many there may be.
    limit: usize,
    /// Up to here nonces have been forgotten. Matters only when this node's clock is put back:
    /// then these times come into the window once more.
    forgotten: Option<Moment>,
}

impl Default for Nonces {
    fn default() -> Self {
        Self::new(LIMIT)
    }
}

impl Nonces {
    /// Remembers at most `limit` nonces.
    pub(crate) fn new(limit: usize) -> Self {
        Self { generations: BTreeMap::new(), count: 0, limit, forgotten: None }
    }

    /// Records a request whose signature and time have been checked.
    ///
    /// # Errors
    /// [`Refusal::Replayed`] when it was here before, or may have been; [`Refusal::Busy`] when
    /// there is no room to remember it. Nothing is changed then.
    pub(crate) fn admit(&mut self, nonce: Nonce, time: Moment, now: Moment) -> Result<(), Refusal> {
        self.forget(now);
        if self.forgotten.is_some_and(|until| time <= until) {
            return Err(Refusal::Replayed);
        }
        // both halves are random
        let short = (nonce.0 >> 64) as u64 ^ nonce.0 as u64;
        let index = time.millis() / GENERATION;
        if self.generations.get(&index).is_some_and(|generation| generation.contains(&short)) {
            return Err(Refusal::Replayed);
        }
        if self.count >= self.limit {
            return Err(Refusal::Busy);
        }
        self.generations.entry(index).or_default().insert(short);
        self.count += 1;
        Ok(())
    }

    /// How many nonces are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Drops the generations that lie wholly before the window.
    fn forget(&mut self, now: Moment) {
        let oldest = now.before(WINDOW).millis() / GENERATION;
        while let Some(generation) = self.generations.first_entry().filter(|entry| *entry.key() < oldest) {
            let (index, nonces) = generation.remove_entry();
            self.count -= nonces.len();
            self.forgotten = self.forgotten.max(Some(Moment::from_millis((index + 1) * GENERATION - 1)));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn admit(nonces: &mut Nonces, nonce: u128, time: i64, now: i64) -> Result<(), Refusal> {
        nonces.admit(Nonce(nonce), Moment::from_millis(time), Moment::from_millis(now))
    }

    #[test]
    fn a_replay_is_refused_as_long_as_it_would_be_accepted() {
        let mut nonces = Nonces::default();
        // signed by a clock that is 300 s ahead: valid for 600 s
        admit(&mut nonces, 1, 1_300_000, 1_000_000).unwrap();
        assert_eq!(admit(&mut nonces, 1, 1_300_000, 1_000_000), Err(Refusal::Replayed));
        assert_eq!(admit(&mut nonces, 1, 1_300_000, 1_600_000), Err(Refusal::Replayed));
        admit(&mut nonces, 2, 1_300_000, 1_600_000).unwrap();
        assert_eq!(nonces.len(), 2);
        // later, both are gone from memory, but their time is not open again when the clock goes back
        admit(&mut nonces, 3, 2_000_000, 2_000_000).unwrap();
        assert_eq!(nonces.len(), 1);
        assert_eq!(admit(&mut nonces, 1, 1_300_000, 1_400_000), Err(Refusal::Replayed));
        admit(&mut nonces, 4, 1_400_000, 1_400_000).unwrap();
    }

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing_too_early() {
        let mut nonces = Nonces::new(3);
        for nonce in 0..3 {
            admit(&mut nonces, nonce, 1_000_000, 1_000_000).unwrap();
        }
        assert_eq!(admit(&mut nonces, 3, 1_000_000, 1_000_000), Err(Refusal::Busy));
        assert_eq!(admit(&mut nonces, 0, 1_000_000, 1_000_000), Err(Refusal::Replayed));
        assert_eq!(admit(&mut nonces, 3, 1_300_000, 1_300_000), Err(Refusal::Busy));
        admit(&mut nonces, 3, 1_340_000, 1_340_000).unwrap();
        assert_eq!(nonces.len(), 1);
    }

    #[test]
    fn a_long_life_keeps_only_the_window() {
        let mut nonces = Nonces::default();
        for second in 0..10_000_i64 {
            admit(&mut nonces, second.unsigned_abs().into(), second * 1_000, second * 1_000).unwrap();
            assert!(nonces.len() <= 331, "{} at {second}", nonces.len());
        }
    }

    proptest! {
        /// Against a memory that forgets nothing: whatever the clock does, nothing is admitted
        /// twice, and with a clock that only goes on, nothing new is refused.
        #[test]
        fn nothing_passes_twice(
            steps in prop::collection::vec((-400_000..400_000_i64, -300_000..=300_000_i64, 0..6_u128), 1..200),
            goes_back in any::<bool>(),
        ) {
            let (mut nonces, mut seen, mut now) = (Nonces::new(1_000), HashSet::new(), 10_000_000_i64);
            for (step, skew, nonce) in steps {
                now += if goes_back { step } else { step.abs() };
                // few different times, so that replays do happen
                let time = (now + skew).max(0) / 200_000 * 200_000;
                if (time - now).abs() > 300_000 {
                    continue;
                }
                let fresh = seen.insert((nonce, time));
                match admit(&mut nonces, nonce, time, now) {
                    Ok(()) => prop_assert!(fresh, "{nonce} at {time} passed twice"),
                    Err(_) => prop_assert!(!fresh || goes_back, "{nonce} at {time} is new"),
                }
                prop_assert_eq!(nonces.len(), nonces.generations.values().map(HashSet::len).sum::<usize>());
            }
        }

        #[test]
        fn odd_times_never_panic(calls in prop::collection::vec((any::<u128>(), any::<i64>(), any::<i64>()), 0..50)) {
            let mut nonces = Nonces::new(20);
            for (nonce, time, now) in calls {
                let _ = admit(&mut nonces, nonce, time, now);
                prop_assert!(nonces.len() <= 20);
            }
        }
    }
}
