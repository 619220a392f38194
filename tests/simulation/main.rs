//! Whole farms in one thread: the real protocol core on a virtual clock, virtual disks and a virtual
//! network, with everything that can go wrong (issue 3, "What shows that it works", 1).
//!
//! Each seed is one farm and all that happens to it. `SIM_SEEDS=1000000 cargo test --test
//! simulation` tries so many, `SIM_SEED=7` repeats one, `SIM_TRACE=1` shows the warnings of its
//! nodes. A seed that fails is printed; put it into `regressions.rs` with what it has found.
#![allow(clippy::unwrap_used)]

mod boot;
mod checks;
mod delegation;
mod disk;
mod event;
mod mirror;
#[allow(dead_code)] // shared with the laws, which ask more of it
#[path = "../laws/naive.rs"]
mod naive;
mod network;
mod node;
mod promises;
mod regressions;
mod relay;
mod rng;
mod scenario;
mod workload;
mod world;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError, atomic::{AtomicU64, Ordering}},
};

/// So many seeds, unless `SIM_SEEDS` says otherwise.
const SEEDS: u64 = 4_000;

/// What must have happened in a full run, each at least once.
const MUST_HAPPEN: &[&str] = &[
    "answers that were lost",
    "bodies sent exactly N - 1 times",
    "clocks beyond what is believed",
    "clocks that jumped ahead",
    "clocks that jumped back",
    "crashes before a commit",
    "crashes before a reply",
    "crashes before loading",
    "crashes before sending",
    "crashes between events",
    "crashes planned during a boot",
    "crashes that kept a part",
    "disks that returned to their last synced state",
    "follow-ups of a merge",
    "long absences",
    "merges on return",
    "messages into a partition",
    "messages that were slow",
    "nodes that burned down",
    "nodes that joined",
    "nodes that were forgotten",
    "notifications in quarantine",
    "notifications with complete receipts",
    "one-way partitions",
    "outboxes that collapsed",
    "partitions that healed",
    "references that did not answer",
    "requests that came twice",
    "requests that failed",
    "requests that were lost",
    "requests that were turned away",
    "rounds of a comparison by ranges",
    "stores that had to be renewed",
    "stores that were copied to a second node",
    "stores that were restored from a backup",
    "submissions handed in again",
    "submissions refused: the clock was ahead",
    "submissions that were known",
    "two-way partitions",
];

type Counts = BTreeMap<&'static str, u64>;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// One farm from its beginning to its peaceful end.
fn run(seed: u64) -> Counts {
    let (mut world, kind, end) = scenario::farm(seed);
    world.run_until(end);
    world.peace();
    world.settle();
    world.check_end(kind);
    world.counts
}

#[test]
fn farms_lose_nothing_and_agree_in_the_end() {
    if let Some(seed) = number("SIM_SEED") {
        println!("{:#?}", run(seed));
        return;
    }
    let count = number("SIM_SEEDS").unwrap_or(SEEDS);
    let first = number("SIM_FIRST").unwrap_or(0);
    let seeds: Vec<u64> = regressions::SEEDS.iter().map(|(seed, _)| *seed).chain(first..first + count).collect();
    let (next, counts, failed) = (AtomicU64::new(0), Mutex::new(Counts::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    match catch_unwind(AssertUnwindSafe(|| run(*seed))) {
                        Ok(more) => {
                            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                            more.into_iter().for_each(|(what, n)| *counts.entry(what).or_default() += n);
                        }
                        Err(_) => {
                            eprintln!("SIM_SEED={seed} fails, see above");
                            failed.lock().unwrap_or_else(PoisonError::into_inner).push(*seed);
                        }
                    }
                    if failed.lock().unwrap_or_else(PoisonError::into_inner).len() >= 20 {
                        return;
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failed.is_empty(), "repeat with SIM_SEED=n: {failed:?}");
    let counts = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (what, times) in &counts {
        println!("{times:>9} {what}");
    }
    if count >= SEEDS {
        for what in MUST_HAPPEN {
            assert!(counts.contains_key(what), "never happened: {what}");
        }
    }
}
