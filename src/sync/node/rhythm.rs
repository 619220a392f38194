//! When a ready node acts by itself: it merges periodically with a random peer, so that a healed partition
//! converges without a restart, and introduces itself to unknown members.

use std::time::Duration;

use crate::sync::dice::Dice;

/// The first introduction comes so soon after a start; the wait doubles each time.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait between two introductions.
const LONGEST: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Rhythm {
    every: Duration,
    merge_at: Duration,
    introduce_at: Duration,
    wait: Duration,
}

impl Rhythm {
    pub(super) fn new(every: Duration, mono: Duration, dice: &mut Dice) -> Self {
        Self { every, merge_at: mono + dice.about(every), introduce_at: mono + FIRST, wait: FIRST }
    }

    /// Whether a merge is due; if so, sets the next time.
    pub(super) fn is_merge_due(&mut self, mono: Duration, dice: &mut Dice) -> bool {
        let due = mono >= self.merge_at;
        if due {
            self.merge_at = mono + dice.about(self.every);
        }
        due
    }

    /// Whether introductions are due; if so, sets the next time.
    pub(super) fn is_introduction_due(&mut self, mono: Duration) -> bool {
        let due = mono >= self.introduce_at;
        if due {
            self.wait = (self.wait * 2).min(LONGEST).min(self.every);
            self.introduce_at = mono + self.wait;
        }
        due
    }

    /// When one of both is due.
    pub(super) fn next(&self) -> Duration {
        self.merge_at.min(self.introduce_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_are_jittered_and_introductions_become_rarer() {
        let (every, mut dice) = (Duration::from_secs(20), Dice::new(7));
        let mut rhythm = Rhythm::new(every, Duration::ZERO, &mut dice);
        let (mut merges, mut introductions) = (vec![Duration::ZERO], vec![Duration::ZERO]);
        while merges.len() < 100 || introductions.len() < 20 {
            let now = rhythm.next();
            if rhythm.is_merge_due(now, &mut dice) {
                merges.push(now);
            }
            if rhythm.is_introduction_due(now) {
                introductions.push(now);
            }
            assert!(rhythm.next() > now);
        }
        let waits = |times: &[Duration]| times.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
        assert!(waits(&merges).iter().all(|wait| (every / 2..every * 3 / 2).contains(wait)));
        assert!(waits(&merges).windows(2).any(|pair| pair[0] != pair[1]));
        let waits = waits(&introductions);
        assert_eq!((waits[0], waits[1], waits[2]), (FIRST, FIRST * 2, FIRST * 4));
        assert_eq!(waits.last(), Some(&every), "no rarer than merges");
    }
}
