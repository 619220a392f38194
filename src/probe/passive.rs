//! `passive = true`: what users meet. Of the requests that the gate of this node has passed on since the last
//! check, the share that failed.
//!
//! While the monitor keeps the application closed there are no such requests. Then a check connects to the
//! application's upstreams: an upstream that is away keeps the closing, instead of letting users in to find that out.

use std::{cell::Cell, sync::Arc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, select_ok},
};

use super::{Probe, tcp};
use crate::monitor::{Finding, PassiveCheck, TcpCheck, Traffic};

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

/// Whether one of them accepts a connection; otherwise why one does not.
async fn accepted(upstreams: Vec<TcpCheck>) -> Result<(), String> {
    let connects = upstreams.into_iter().map(|upstream| tcp::connect(upstream).boxed_local());
    select_ok(connects).await.map(|_first| ())
}

impl Probe for Passive {
    fn check(&self, closed: bool) -> LocalBoxFuture<'static, Finding> {
        let finding = self.look();
        let asks = closed && matches!(finding, Finding::Silent(_)) && !self.check.upstreams.is_empty();
        let upstreams = if asks { self.check.upstreams.clone() } else { Vec::new() };
        async move {
            match asks.then(|| accepted(upstreams)) {
                Some(accepted) => accepted.await.map_or_else(Finding::Bad, |()| finding),
                None => finding,
            }
        }
        .boxed_local()
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
        let check = PassiveCheck { fail_ratio: 0.5, min_requests: 20.try_into().unwrap(), upstreams: Vec::new() };
        let passive = Passive::new(check, Arc::clone(&traffic));
        assert!(matches!(passive.look(), Finding::Silent(_)), "what was before does not count");
        some(19, 0);
        assert!(matches!(passive.look(), Finding::Silent(_)));
        some(10, 10);
        assert_eq!(passive.look(), Finding::Bad("10 of 20 requests failed".to_owned()));
        some(9, 11);
        assert_eq!(passive.look(), Finding::Good { latency: Duration::from_millis(30) });
    }
    #[test]
    fn an_upstream_that_is_away_keeps_the_closing() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = |port| TcpCheck { host: "127.0.0.1".to_owned(), port };
        let there = upstream(listener.local_addr().unwrap().port());
        let away = upstream(std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
        let found = |upstreams: Vec<TcpCheck>, closed| {
            let check = PassiveCheck { fail_ratio: 0.5, min_requests: 20.try_into().unwrap(), upstreams };
            let passive = Passive::new(check, Arc::default());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(passive.check(closed))
        };
        let refused = found(vec![away.clone()], true);
        assert!(matches!(&refused, Finding::Bad(text) if text.contains("Connection refused")), "{refused:?}");
        assert!(matches!(found(vec![away.clone(), there], true), Finding::Silent(_)), "one of them is enough");
        assert!(matches!(found(vec![away], false), Finding::Silent(_)), "open: only what users meet counts");
        assert!(matches!(found(Vec::new(), true), Finding::Silent(_)));
    }
}
