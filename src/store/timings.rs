//! How long steps take to become durable, and how many share a sync; for `/metrics`.

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// See the module. Clones of a histogram share their observations.
#[derive(Debug)]
pub struct Timings {
    /// From handing a step over until it is durable, in seconds. Observed by who hands over: this room
    /// knows no clock.
    pub commit_seconds: Histogram,
    /// Steps that share a sync.
    pub commit_steps: Histogram,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            // From a quarter of a millisecond to 8 s.
            commit_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
            commit_steps: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
        }
    }
}
