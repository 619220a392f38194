//! What the gate counts for each application: rules and passive monitors read it, `/metrics` shows it.
//!
//! Counting costs a request a few atomic additions and no lock. The counters only grow; to know what
//! happened in a time, compare two readings.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::figures::Reading;

/// Upper bounds of the times until an upstream's answer begins, in seconds; one more is infinite.
const BOUNDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The counters of one application on this node.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Requests that were denied or passed on.
    requests: AtomicU64,
    denials: AtomicU64,
    /// Requests of clients that ask too often.
    limited: AtomicU64,
    /// Requests that were passed on and have ended.
    performed: AtomicU64,
    /// Of these: without a valid answer, or with a status from 500 on.
    errors: AtomicU64,
    /// Of the errors: an upstream was too slow.
    timeouts: AtomicU64,
    /// How many answers began within each bound, and later than that.
    seconds: [AtomicU64; BOUNDS.len() + 1],
    /// The sum of these times in microseconds.
    micros: AtomicU64,
}

/// How a request ended that was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream has answered with this status, so long after the request was passed on.
    Answered(u16, Duration),
    /// No upstream has given a valid answer.
    Failed,
    /// The upstream was too slow.
    TooSlow,
}

impl Traffic {
    /// A request was denied.
    pub fn denied(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.denials.fetch_add(1, Relaxed);
    }

    /// A request was refused, because its client asks too often.
    pub fn limited(&self) {
        self.limited.fetch_add(1, Relaxed);
    }

    /// A request is passed on.
    pub fn passed(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// A request that was passed on has ended. What ends because of its client is not counted.
    pub fn ended(&self, outcome: Outcome) {
        self.performed.fetch_add(1, Relaxed);
        let is_error = match outcome {
            Outcome::Answered(status, after) => {
                let bucket = BOUNDS.iter().position(|bound| after.as_secs_f64() <= *bound).unwrap_or(BOUNDS.len());
                self.seconds[bucket].fetch_add(1, Relaxed);
                self.micros.fetch_add(u64::try_from(after.as_micros()).unwrap_or(u64::MAX), Relaxed);
                status >= 500
            }
            Outcome::Failed | Outcome::TooSlow => true,
        };
        if is_error {
            self.errors.fetch_add(1, Relaxed);
        }
        if outcome == Outcome::TooSlow {
            self.timeouts.fetch_add(1, Relaxed);
        }
    }

    /// How many requests that were passed on have ended, and how many of them in an error.
    pub fn performed(&self) -> (u64, u64) {
        // In this order, so that the errors are never more than the requests.
        let errors = self.errors.load(Relaxed);
        (self.performed.load(Relaxed).max(errors), errors)
    }

    /// How many answers have begun, and the sum of the times until then.
    pub fn answers(&self) -> (u64, Duration) {
        let micros = self.micros.load(Relaxed);
        (self.seconds.iter().map(|bucket| bucket.load(Relaxed)).sum(), Duration::from_micros(micros))
    }

    /// The sum of the times in seconds, and how many answers began within each bound but not within the one before
    /// it; the last bound is infinite.
    pub fn histogram(&self) -> (f64, Vec<(f64, u64)>) {
        let bounds = BOUNDS.iter().copied().chain([f64::INFINITY]);
        let counts = self.seconds.iter().map(|count| count.load(Relaxed));
        (self.micros.load(Relaxed) as f64 / 1e6, bounds.zip(counts).collect())
    }

    /// A figure by the name that rules use ([`super::rule::COUNTERS`], [`super::rule::HISTOGRAMS`]).
    pub fn read(&self, figure: &str) -> Option<Reading> {
        let counter = match figure {
            "requests" => &self.requests,
            "denials" => &self.denials,
            "limited" => &self.limited,
            "upstream_errors" => &self.errors,
            "upstream_timeouts" => &self.timeouts,
            "upstream_seconds" => return Some(self.buckets()),
            _ => return None,
        };
        Some(Reading::Counter(counter.load(Relaxed)))
    }

    fn buckets(&self) -> Reading {
        let mut below = 0;
        let rows = self.histogram().1.into_iter().map(|(bound, count)| {
            below += count;
            (bound, below)
        });
        Reading::Buckets(rows.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::rule::{COUNTERS, HISTOGRAMS};

    #[test]
    fn every_figure_that_rules_know_is_counted() {
        let traffic = Traffic::default();
        assert!(COUNTERS.iter().chain(&HISTOGRAMS).all(|figure| traffic.read(figure).is_some()));
        assert_eq!(traffic.read("nothing"), None);
        traffic.denied();
        for outcome in [
            Outcome::Answered(200, Duration::from_millis(3)),
            Outcome::Answered(500, Duration::from_secs(60)),
            Outcome::Failed,
            Outcome::TooSlow,
        ] {
            traffic.passed();
            traffic.ended(outcome);
        }
        let count = |figure: &str| traffic.read(figure);
        assert_eq!(count("requests"), Some(Reading::Counter(5)));
        assert_eq!(count("denials"), Some(Reading::Counter(1)));
        assert_eq!(count("upstream_errors"), Some(Reading::Counter(3)));
        assert_eq!(count("upstream_timeouts"), Some(Reading::Counter(1)));
        assert_eq!(traffic.performed(), (4, 3));
        assert_eq!(traffic.answers(), (2, Duration::from_millis(60_003)));
        let Some(Reading::Buckets(rows)) = count("upstream_seconds") else { panic!("no buckets") };
        assert_eq!(rows[1], (0.0025, 0));
        assert_eq!(rows[2], (0.005, 1));
        assert_eq!(rows[14], (f64::INFINITY, 2));
    }
}
