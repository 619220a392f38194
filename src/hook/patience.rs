//! How long a hook waits after a failure, and when it gives an event up.
//!
//! Must stay true: a receiver that is down is asked for as long as it takes, at least every five minutes; only one that
//! refuses an event again and again is spared that event.

use std::time::Duration;

/// The first pause after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How often an event is tried that its receiver refuses.
const TRIES: u32 = 10;

/// The attempts at one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Patience {
    failures: u32,
    refused: u32,
}

impl Patience {
    /// An attempt has failed, `lasting` if the receiver refuses this event: how long to wait before the next one; `None`
    /// gives the event up.
    pub fn failed(&mut self, lasting: bool) -> Option<Duration> {
        self.failures += 1;
        self.refused += u32::from(lasting);
        (self.refused < TRIES).then(|| PAUSES.0.saturating_mul(1 << self.failures.min(16) >> 1).min(PAUSES.1))
    }

    /// How many attempts have failed.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_receiver_that_is_down_for_an_hour_is_asked_until_it_is_back() {
        let (mut patience, mut clock) = (Patience::default(), Duration::ZERO);
        while clock < Duration::from_secs(3_600) {
            let pause = patience.failed(false).unwrap();
            assert!(pause <= PAUSES.1, "{clock:?}");
            clock += pause;
        }
        // Not once a second, and back within five minutes.
        assert_eq!((patience.failures(), clock < Duration::from_secs(3_900)), (20, true));
    }

    #[test]
    fn an_event_that_is_refused_ten_times_is_given_up() {
        let mut patience = Patience::default();
        assert_eq!(patience.failed(false), Some(PAUSES.0));
        let pauses: Vec<_> = (0..10).map(|_| patience.failed(true)).collect();
        assert!(pauses[..9].iter().all(Option::is_some) && pauses[9].is_none());
    }
}
