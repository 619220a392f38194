//! Whether a peer answers, and when to try again: back-off with jitter, 100 ms up to 30 s.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// The state of the connection to one peer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Link {
    failures: u32,
    again: Duration,
    in_flight: bool,
}

impl Link {
    /// Whether a message may be sent now.
    pub(crate) fn is_free(&self, mono: Duration) -> bool {
        !self.in_flight && mono >= self.again
    }

    /// The last attempt failed.
    pub(crate) fn is_down(&self) -> bool {
        self.failures > 0
    }

    /// When the next attempt is due, while the peer is down.
    pub(crate) fn due(&self) -> Option<Duration> {
        (self.failures > 0 && !self.in_flight).then_some(self.again)
    }

    /// A message is in flight and not yet answered.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight
    }

    /// A message was sent.
    pub(crate) fn sent(&mut self) {
        self.in_flight = true;
    }

    /// The peer answered.
    pub(crate) fn answered(&mut self) {
        *self = Self::default();
    }

    /// It did not answer. `chance` is random: the wait is between half and the whole of the back-off, so that
    /// nodes that lost the same peer do not return in step.
    pub(crate) fn failed(&mut self, mono: Duration, chance: u64) {
        self.in_flight = false;
        let whole = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        let half = whole / 2;
        self.again = mono + half + half.mul_f64((chance % 1_000) as f64 / 1_000.0);
        self.failures = self.failures.saturating_add(1);
    }

    /// The peer has announced itself: the back-off ends.
    pub(crate) fn heard(&mut self) {
        self.failures = 0;
        self.again = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_100_ms_to_30_s_and_end_when_the_peer_is_heard() {
        let mut link = Link::default();
        let mut waits = Vec::new();
        for _ in 0..12 {
            link.failed(Duration::ZERO, 999);
            waits.push(link.due().unwrap_or_default());
        }
        assert!(waits[0] <= FIRST && waits[0] >= FIRST / 2);
        assert!(waits[11] <= LONGEST && waits[11] > LONGEST / 2);
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(!link.is_free(Duration::from_secs(1)));
        link.heard();
        assert!(link.is_free(Duration::ZERO) && !link.is_down());
    }
}
