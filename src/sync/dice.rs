//! Randomness for the protocol: the next node to ask, and the jitter of waits. The shell gives the seed, so
//! that the same inputs always lead to the same steps.

use std::time::Duration;

/// A seeded random number generator: splitmix64 (Steele, Lea, Flood, 2014).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, but not including, `end`; 0 for an empty range.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or(0)
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Between half and one and a half of `whole`, so that nodes do not act in step.
    pub(super) fn about(&mut self, whole: Duration) -> Duration {
        whole.mul_f64(0.5 + (self.next() % 1_000) as f64 / 1_000.0)
    }
}
