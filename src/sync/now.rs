//! Two clocks, read once per input: the wall clock orders and dates, the monotonic clock measures waits.

use std::time::Duration;

use crate::availability::Moment;

/// The time of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The node's clock; may jump either way.
    pub wall: Moment,
    /// Since some fixed instant of this run; never goes back. Back-offs and time-outs go by it.
    pub mono: Duration,
}
