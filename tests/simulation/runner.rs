//! Many seeds on all cores: how far it has come, which of them fail and how to repeat them, and what
//! has happened in all of them together.

use std::{
    collections::BTreeMap,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How often what happened.
pub type Counts = BTreeMap<&'static str, u64>;

/// After so many failures no more seeds are tried.
const ENOUGH: usize = 20;
/// A long run says this often how far it has come.
const EVERY: Duration = Duration::from_secs(10);

/// Straight to standard error: the test harness would keep it until the end.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

struct Progress {
    began: Instant,
    said: Instant,
    done: u64,
    counts: Counts,
    digest: u64,
    failed: Vec<u64>,
}

impl Progress {
    fn line(&self, all: u64) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        let rate = self.done as f64 / seconds.max(0.001);
        let left = (all - self.done) as f64 / rate.max(0.001);
        format!(
            "{} of {all} seeds in {seconds:.0} s, {rate:.0} a second, {left:.0} s to go, {} failed, digest {:016x}",
            self.done,
            self.failed.len(),
            self.digest
        )
    }
}

/// Runs `farm` with each of the kept seeds and then with `first`, `first + 1` … until there are `count`.
/// With `loud` it says how far it has come.
///
/// # Panics
/// In the end, if a seed failed; each is named as soon as it does.
pub fn run(kept: &[u64], first: u64, count: u64, loud: bool, farm: impl Fn(u64) -> (Counts, u64) + Sync) -> Counts {
    let all = kept.len() as u64 + count;
    let seed_at = |at: u64| kept.get(at as usize).copied().unwrap_or_else(|| first + at - kept.len() as u64);
    let next = AtomicU64::new(0);
    let now = Instant::now();
    let progress =
        Mutex::new(Progress { began: now, said: now, done: 0, counts: Counts::new(), digest: 0, failed: Vec::new() });
    let worker = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= all {
                return;
            }
            let seed = seed_at(at);
            let result = catch_unwind(AssertUnwindSafe(|| farm(seed)));
            let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.done += 1;
            match result {
                Ok((more, digest)) => {
                    more.into_iter().for_each(|(what, n)| *progress.counts.entry(what).or_default() += n);
                    progress.digest = progress.digest.wrapping_add(digest);
                }
                Err(_) => {
                    progress.failed.push(seed);
                    say(&format!(
                        "seed {seed} FAILED; to repeat it: SIM_SEED={seed} SIM_TRACE=1 cargo test --test simulation farms -- --nocapture"
                    ));
                }
            }
            if progress.failed.len() >= ENOUGH {
                next.store(all, Ordering::Relaxed);
            }
            if loud && progress.said.elapsed() >= EVERY {
                progress.said = Instant::now();
                say(&progress.line(all));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(worker);
        }
    });
    let progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
    if loud {
        say(&progress.line(all));
    }
    assert!(
        progress.failed.is_empty(),
        "{} of {} seeds failed, repeat one with SIM_SEED=n: {:?}",
        progress.failed.len(),
        progress.done,
        progress.failed
    );
    progress.counts
}
