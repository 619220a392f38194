//! `passive = true`: what users meet. Of the requests that the gate of this node has passed on since the last
//! check, the share that failed.

use std::{cell::Cell, sync::Arc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};

use super::Probe;
use crate::monitor::{Finding, PassiveCheck, Traffic};

/// See the module.
pub(super) struct Passive {
    check: PassiveCheck,
    traffic: Arc<Traffic>,
    before: Cell<Counted>,
}

/// What had happened at an instant.
#[derive(Clone, Copy, Default)]
struct Counted {
    requests: u64,
    failures: u64,
    answers: u64,
    waited: Duration,
}

impl Counted {
    fn of(traffic: &Traffic) -> Self {
        let (requests, failures) = traffic.performed();
        let (answers, waited) = traffic.answers();
        Self { requests, failures, answers, waited }
    }
}

impl Passive {
    pub(super) fn new(check: PassiveCheck, traffic: Arc<Traffic>) -> Self {
        let before = Cell::new(Counted::of(&traffic));
        Self { check, traffic, before }
    }

    fn look(&self) -> Finding {
        let now = Counted::of(&self.traffic);
        let before = self.before.replace(now);
        let requests = now.requests.saturating_sub(before.requests);
        let failures = now.failures.saturating_sub(before.failures).min(requests);
        if requests < u64::from(self.check.min_requests.get()) {
            return Finding::Silent(format!("{requests} requests, too few to tell"));
        }
        if failures as f64 / requests as f64 >= self.check.fail_ratio {
            return Finding::Bad(format!("{failures} of {requests} requests failed"));
        }
        let answers = u32::try_from(now.answers.saturating_sub(before.answers)).unwrap_or(u32::MAX);
        Finding::Good { latency: now.waited.saturating_sub(before.waited) / answers.max(1) }
    }
}

impl Probe for Passive {
    fn check(&self) -> LocalBoxFuture<'static, Finding> {
        ready(self.look()).boxed_local()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::monitor::traffic::Outcome;

    #[test]
    fn the_share_of_failures_counts_above_a_floor() {
        let traffic = Arc::new(Traffic::default());
        let some = |failed: usize, good: usize| {
            (0..failed).for_each(|_| traffic.ended(Outcome::Failed));
            (0..good).for_each(|_| traffic.ended(Outcome::Answered(200, Duration::from_millis(30))));
        };
        some(100, 0);
        let check = PassiveCheck { fail_ratio: 0.5, min_requests: 20.try_into().unwrap() };
        let passive = Passive::new(check, Arc::clone(&traffic));
        assert!(matches!(passive.look(), Finding::Silent(_)), "what was before does not count");
        some(19, 0);
        assert!(matches!(passive.look(), Finding::Silent(_)));
        some(10, 10);
        assert_eq!(passive.look(), Finding::Bad("10 of 20 requests failed".to_owned()));
        some(9, 11);
        assert_eq!(passive.look(), Finding::Good { latency: Duration::from_millis(30) });
    }
}
