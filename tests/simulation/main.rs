//! Whole farms in one thread: the real protocol core on a virtual clock, virtual disks and a virtual
//! network, with everything that can go wrong.
//!
//! Each seed is one farm and all that happens to it. A million of them, on all cores, with a line
//! every ten seconds and at the end a failure if a single one failed:
//!
//! ```text
//! SIM_SEEDS=1000000 cargo test --release --test simulation farms
//! ```
//!
//! `SIM_FIRST=n` begins with seed n instead of 0. `SIM_SEED=7` repeats one (`-- --nocapture` shows
//! what happened how often), `SIM_TRACE=1` shows every event of it. A seed that fails is printed at
//! once with the command that repeats it; put it into `regressions.rs` with what it has found. The digest of a long run
//! is the same as before if a change has left alone what happens in these farms.
//!
//! `explore` tries everything that can happen in farms of two or three nodes, instead of something by chance.
//! `crowd` measures what farms of many nodes cost.
//!
//! Checked after every step: memory against disk (`checks`), each drop and each verdict against the
//! naive reference of the contract (`mirror`), what was promised to submitters and peers (`promises`), whom
//! a relay has left to whom (`delegation`), how often a body was sent (`checks`). At the end: all are
//! equal, nothing waits, nothing is lost.
#![allow(clippy::unwrap_used)]

mod boot;
mod checks;
mod crowd;
mod delegation;
mod disk;
mod event;
mod explore;
mod mirror;
mod monitors;
#[allow(dead_code, unused_imports)] // shared with the laws, which ask more of it
#[path = "../laws/naive/mod.rs"]
mod naive;
mod network;
mod node;
mod promises;
mod regressions;
mod relay;
mod rng;
mod runner;
mod scenario;
mod schedules;
mod workload;
mod world;

use runner::Counts;

/// So many seeds, unless `SIM_SEEDS` says otherwise.
const SEEDS: u64 = 3_600;

/// What must have happened in a full run, each at least once.
const MUST_HAPPEN: &[&str] = &[
    "answers that were lost",
    "bodies sent exactly N - 1 times",
    "receipts that a relay has passed on",
    "ledgers compared with the naive one",
    "ledgers of which everything was asked",
    "verdicts compared with the naive one",
    "clocks beyond what is believed",
    "clocks that jumped ahead",
    "clocks that went back while their node was away",
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
    "news of a merge that others were told",
    "words of a monitor that flaps",
    "farms of five nodes, with a monitor that flaps on each",
    "monitors that were damped",
    "damped monitors that opened",
    "words of a monitor that were taken",
    "words of a monitor that were not in the ledger any more",
    "words of a monitor that is gone, taken back",
    "words that a monitor repeated",
    "words that a monitor took up again",
    "looks at all nodes",
    "requests that were put off",
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
    "requests before the replay was over",
    "requests that came twice",
    "requests that failed",
    "requests that were lost",
    "requests that were turned away",
    "rounds of a comparison by ranges",
    "farms that end with cancels of earlier versions",
    "farms that end with plans of schedules",
    "schedules that were changed",
    "schedules that were removed",
    "stores that had to be renewed",
    "stores that were copied to a second node",
    "stores that were restored from a backup",
    "submissions handed in again",
    "submissions that had to wait for the disk",
    "submissions refused: the clock was ahead",
    "submissions that were known",
    "two-way partitions",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// One farm from its beginning to its peaceful end: what happened, and the digest of its end.
fn run(seed: u64) -> (Counts, u64) {
    let (mut world, kind, end) = scenario::farm(seed);
    world.run_until(end);
    world.peace();
    world.settle();
    world.check_end(kind);
    let digest = world.digest();
    (world.counts, digest)
}

#[test]
fn farms_lose_nothing_and_agree_in_the_end() {
    if let Some(seed) = number("SIM_SEED") {
        println!("{:#?}", run(seed));
        return;
    }
    let asked = number("SIM_SEEDS");
    let count = asked.unwrap_or(SEEDS);
    let kept: Vec<u64> = regressions::SEEDS.iter().map(|(seed, _)| *seed).collect();
    let counts = runner::run(&kept, number("SIM_FIRST").unwrap_or(0), count, asked.is_some(), run);
    for (what, times) in &counts {
        println!("{times:>9} {what}");
    }
    if count >= SEEDS {
        for what in MUST_HAPPEN {
            assert!(counts.contains_key(what), "never happened: {what}");
        }
    }
}
