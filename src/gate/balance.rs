//! Chooses the upstream for a request: balances among upstreams, and remembers those that fail.
//!
//! An upstream that fails [`FAILURES`] times within [`WINDOW`] is left out for [`PENALTY`]. Then one request
//! tries it: if that is answered, the upstream is used again; if not, it is left out once more. If all are left
//! out, all are used: a try is cheap, and the memory may be wrong. An upstream that a monitor finds down is left out as
//! long as that lasts.
//!
//! What must stay true: an abandoned try never extends an upstream's penalty; an application with a single
//! upstream pays nothing for any of this. Pure: the time, on the process's own clock, is an argument.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::vocabulary::Balance;

/// This many failures …
const FAILURES: usize = 3;
/// … within this time …
const WINDOW: Duration = Duration::from_secs(10);
/// … leave an upstream out for this long.
const PENALTY: Duration = Duration::from_secs(10);

/// The balancing state and failure memory of one application's upstreams; shared by all workers.
#[derive(Debug)]
pub(super) struct Balancer {
    by: Balance,
    turn: AtomicUsize,
    upstreams: Box<[State]>,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that it performs now.
    open: AtomicUsize,
    /// A monitor finds it down.
    is_down: Arc<AtomicBool>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    standing: Standing,
    /// When it failed last, the latest at the end.
    failures: [Option<Duration>; FAILURES],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    #[default]
    In,
    /// Left out until then.
    Out(Duration),
    /// One request is trying it.
    Tried,
}

impl State {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A memory is whole after every step, also where another holder of the lock has panicked.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request may be sent to it now. Claims the one try of an upstream whose penalty is over.
    fn admits(&self, now: Duration) -> bool {
        if self.is_down.load(Ordering::Relaxed) {
            return false;
        }
        let mut memory = self.memory();
        match memory.standing {
            Standing::In => true,
            Standing::Out(until) if until <= now => {
                memory.standing = Standing::Tried;
                true
            }
            Standing::Out(_) | Standing::Tried => false,
        }
    }
}

impl Balancer {
    /// For this many upstreams.
    pub(super) fn new(by: Balance, count: usize) -> Self {
        Self { by, turn: AtomicUsize::new(0), upstreams: (0..count).map(|_| State::default()).collect() }
    }

    /// Monitors set these flags, in the order of the upstreams.
    pub(super) fn watch(&mut self, flags: impl IntoIterator<Item = Arc<AtomicBool>>) {
        for (state, flag) in self.upstreams.iter_mut().zip(flags) {
            state.is_down = flag;
        }
    }

    /// The upstreams in the order in which to try them, each once, without those that are left out. An upstream
    /// that is taken from the iterator counts as in use.
    pub(super) fn attempts(&self, now: Duration) -> impl Iterator<Item = Attempt<'_>> {
        let count = self.upstreams.len();
        // One upstream is the usual case and needs no counting.
        let first = if count < 2 { 0 } else { self.turn.fetch_add(1, Ordering::Relaxed) % count };
        let mut order: Vec<usize> = match count {
            0 | 1 => Vec::new(),
            _ => (first..count).chain(0..first).collect(),
        };
        if self.by == Balance::LeastConnections {
            // Stable: among equals the turn decides.
            order.sort_by_key(|index| self.upstreams[*index].open.load(Ordering::Relaxed));
        }
        let single = (count == 1).then_some(0);
        let all_out = count > 1 && !order.iter().any(|index| self.may_be_tried(*index, now));
        let tried = order.into_iter().filter(move |index| all_out || self.upstreams[*index].admits(now));
        single.into_iter().chain(tried).map(|index| self.attempt(index))
    }

    /// Whether [`State::admits`] would, without a claim.
    fn may_be_tried(&self, index: usize, now: Duration) -> bool {
        let state = &self.upstreams[index];
        match state.memory().standing {
            _ if state.is_down.load(Ordering::Relaxed) => false,
            Standing::In => true,
            Standing::Out(until) => until <= now,
            Standing::Tried => false,
        }
    }

    fn attempt(&self, index: usize) -> Attempt<'_> {
        self.upstreams[index].open.fetch_add(1, Ordering::Relaxed);
        Attempt { balancer: self, index, settled: false }
    }
}

/// One request at one upstream, from the connection to the end of the answer.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    balancer: &'a Balancer,
    /// Which upstream, in the order of the configuration.
    pub(super) index: usize,
    settled: bool,
}

impl Attempt<'_> {
    fn state(&self) -> &State {
        &self.balancer.upstreams[self.index]
    }

    /// The upstream has answered.
    pub(super) fn answered(&mut self) {
        self.settled = true;
        if self.balancer.upstreams.len() > 1 {
            let mut memory = self.state().memory();
            if memory.standing != Standing::In {
                *memory = Memory::default();
            }
        }
    }

    /// The upstream has failed: no connection, no answer in time, or none that could be passed on.
    pub(super) fn failed(&mut self, now: Duration) {
        self.settled = true;
        if self.balancer.upstreams.len() < 2 {
            return;
        }
        let mut memory = self.state().memory();
        memory.failures.rotate_left(1);
        memory.failures[FAILURES - 1] = Some(now);
        let often = memory.failures[0].is_some_and(|first| now.saturating_sub(first) <= WINDOW);
        if often || memory.standing == Standing::Tried {
            memory.standing = Standing::Out(now + PENALTY);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let state = self.state();
        state.open.fetch_sub(1, Ordering::Relaxed);
        if !self.settled && self.balancer.upstreams.len() > 1 {
            // Given up before anything was known, for the client has gone: the next request may try.
            let mut memory = state.memory();
            if memory.standing == Standing::Tried {
                memory.standing = Standing::Out(Duration::ZERO);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn order(balancer: &Balancer, now: Duration) -> Vec<usize> {
        balancer
            .attempts(now)
            .map(|mut attempt| {
                attempt.settled = true;
                attempt.index
            })
            .collect()
    }

    /// The first upstream that is tried fails, and so on until `index` has.
    fn fail(balancer: &Balancer, index: usize, now: Duration) {
        let mut attempts = balancer.attempts(now);
        let mut attempt = attempts.find(|attempt| attempt.index == index).expect("it is not left out");
        attempt.failed(now);
    }

    #[test]
    fn turns_go_round() {
        let balancer = Balancer::new(Balance::RoundRobin, 3);
        assert_eq!(order(&balancer, at(0)), [0, 1, 2]);
        assert_eq!(order(&balancer, at(0)), [1, 2, 0]);
        assert_eq!(order(&balancer, at(0)), [2, 0, 1]);
        assert_eq!(order(&balancer, at(0)), [0, 1, 2]);
        assert!(order(&Balancer::new(Balance::RoundRobin, 0), at(0)).is_empty());
        assert_eq!(order(&Balancer::new(Balance::RoundRobin, 1), at(0)), [0]);
    }

    #[test]
    fn the_one_with_the_least_to_do_comes_first() {
        let balancer = Balancer::new(Balance::LeastConnections, 3);
        let held: Vec<_> = [0, 0, 1].map(|index| balancer.attempt(index)).into();
        assert_eq!(order(&balancer, at(0)), [2, 1, 0]);
        drop(held);
        assert_eq!(order(&balancer, at(0)), [1, 2, 0], "among equals the turn decides");
    }

    #[test]
    fn three_failures_in_ten_seconds_leave_out_for_ten() {
        let balancer = Balancer::new(Balance::RoundRobin, 2);
        fail(&balancer, 0, at(0));
        fail(&balancer, 0, at(5));
        assert_eq!(order(&balancer, at(5)).len(), 2);
        fail(&balancer, 0, at(11));
        assert_eq!(order(&balancer, at(11)).len(), 2, "the first was more than ten seconds ago");
        fail(&balancer, 0, at(15));
        for now in [15, 20, 24] {
            assert_eq!(order(&balancer, at(now)), [1]);
        }
    }

    #[test]
    fn one_request_tries_it_then() {
        let balancer = Balancer::new(Balance::RoundRobin, 2);
        for _ in 0..3 {
            fail(&balancer, 0, at(0));
        }
        let tries = |now| balancer.attempts(at(now)).find(|attempt| attempt.index == 0);
        let trying = tries(10).expect("the penalty is over");
        assert_eq!(order(&balancer, at(10)), [1], "one is enough");
        drop(trying);
        let mut trying = tries(10).expect("the client had gone; the next one tries");
        trying.failed(at(11));
        drop(trying);
        assert_eq!(order(&balancer, at(20)), [1], "one failure more and it is left out again");
        let mut trying = tries(21).expect("the penalty is over");
        trying.answered();
        drop(trying);
        fail(&balancer, 0, at(21));
        assert_eq!(order(&balancer, at(21)).len(), 2, "it begins anew");
    }

    #[test]
    fn where_all_are_left_out_none_is() {
        let balancer = Balancer::new(Balance::RoundRobin, 2);
        for index in [0, 1] {
            for _ in 0..3 {
                fail(&balancer, index, at(0));
            }
        }
        let mut seen = order(&balancer, at(1));
        seen.sort_unstable();
        assert_eq!(seen, [0, 1]);
    }

    #[test]
    fn one_that_a_monitor_finds_down_is_left_out_as_long_as_that_lasts() {
        let mut balancer = Balancer::new(Balance::RoundRobin, 2);
        let flags: [Arc<AtomicBool>; 2] = Default::default();
        balancer.watch(flags.clone());
        flags[0].store(true, Ordering::Relaxed);
        for now in [0, 1, 1_000] {
            assert_eq!(order(&balancer, at(now)), [1]);
        }
        flags[1].store(true, Ordering::Relaxed);
        assert_eq!(order(&balancer, at(1_000)).len(), 2, "where all are out, all are used");
        flags[0].store(false, Ordering::Relaxed);
        assert_eq!(order(&balancer, at(1_000)), [0]);
    }

    #[test]
    fn a_single_one_is_never_left_out() {
        let balancer = Balancer::new(Balance::RoundRobin, 1);
        for _ in 0..9 {
            fail(&balancer, 0, at(0));
        }
        assert_eq!(order(&balancer, at(0)), [0]);
    }
}
