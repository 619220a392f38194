//! The laws of docs/contract.md#the-verdict, tried on thousands of generated farms.
//!
//! `farm` makes what a farm could have said; `naive` is a second implementation of the verdict and
//! of the dropping rule, slow and straight from the page; the other modules compare. Times lie on a
//! coarse grid, so that ties and boundaries occur all the time rather than once in a while.
//!
//! `FOREWARN_CASES=20 cargo test --test laws` tries twenty times as many. A case that fails is
//! printed, made small, and its seed kept in `proptest-regressions/`, which belongs in the commit.
#![allow(clippy::unwrap_used)]

mod because;
mod bounds;
#[path = "../support/chance.rs"]
mod chance;
mod farm;
mod globs;
mod merging;
#[allow(dead_code)] // shared with the simulation, which asks for parts
mod naive;
mod registry;
mod rehearsals;
mod sentences;
mod stamps;
mod verdicts;

use proptest::test_runner::{Config, FileFailurePersistence};

/// So many cases, times `FOREWARN_CASES`.
pub fn cases(count: u32, seeds: &'static str) -> Config {
    let times: u32 =
        std::env::var("FOREWARN_CASES").map_or(1, |text| text.parse().expect("FOREWARN_CASES is a number"));
    Config {
        cases: count.saturating_mul(times),
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        ..Config::default()
    }
}
