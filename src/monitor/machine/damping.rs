//! Flap damping: a monitor that changes its mind too often keeps its closing until everything has been good for a while.
//!
//! Pure: each verb gets the time of the clock that never goes back.

use std::collections::VecDeque;
use std::time::Duration;

/// This many changes of mind within [`WINDOW`] damp a monitor.
const CHANGES: usize = 6;
/// How far back changes of mind count.
const WINDOW: Duration = Duration::from_secs(10 * 60);
/// How long a damped monitor must find everything good before it opens again.
const CALM: Duration = Duration::from_secs(5 * 60);

/// What is told of a closing that is kept.
pub const HELD: &str = "It changed too often: it stays closed until every check has been good for 5 minutes.";

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Damping {
    /// Since when every check has been good.
    good_since: Option<Duration>,
    /// When it changed its mind, the latest last, [`CHANGES`] at most.
    changes: VecDeque<Duration>,
    is_damped: bool,
    /// The standing closing tells that it is kept.
    is_told: bool,
}

impl Damping {
    pub(super) fn is_damped(&self) -> bool {
        self.is_damped
    }

    /// A check was good.
    pub(super) fn good(&mut self, now: Duration) {
        self.good_since.get_or_insert(now);
    }

    /// A check was bad.
    pub(super) fn bad(&mut self) {
        self.good_since = None;
    }

    /// The monitor has changed from down to good, or back.
    pub(super) fn changed(&mut self, now: Duration) {
        self.changes.push_back(now);
        if self.changes.len() > CHANGES {
            self.changes.pop_front();
        }
    }

    /// The monitor is about to close its target; `is_change`: it was not down until now.
    pub(super) fn closing(&mut self, is_change: bool, now: Duration) {
        self.is_damped |= self.lately(now) + usize::from(is_change) >= CHANGES;
    }

    /// A new closing is told, with what is known of damping.
    pub(super) fn told(&mut self) {
        self.is_told = self.is_damped;
    }

    /// Whether the monitor may change from down to good. One change of mind too many damps it; a damped monitor opens
    /// when every check has been good for [`CALM`].
    pub(super) fn may_open(&mut self, now: Duration) -> bool {
        self.closing(true, now);
        let calm_since = self.good_since.unwrap_or(now);
        if self.is_damped && now.saturating_sub(calm_since) < CALM {
            return false;
        }
        if self.is_damped {
            (self.is_damped, self.is_told) = (false, false);
            self.changes.clear();
        }
        true
    }

    /// Whether the standing closing has yet to tell that it is kept: true once for each damping.
    pub(super) fn has_to_tell(&mut self) -> bool {
        !std::mem::replace(&mut self.is_told, true)
    }

    fn lately(&self, now: Duration) -> usize {
        self.changes.iter().filter(|at| now.saturating_sub(**at) < WINDOW).count()
    }
}
