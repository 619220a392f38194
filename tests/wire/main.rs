//! Everything that a peer can send, thrown at the pure core: messages shaped like and unlike those of
//! the protocol, broken in one place or in many, answers that have nothing to do with the question.
//!
//! `dice` makes chance that shrinks; `values` makes valid messages and breaks them; `host` performs a
//! replica's effects and looks, after each message, at what must hold whatever was sent:
//!
//! - no panic; every question is answered, once;
//! - a record that is refused is nowhere, a message that is refused has changed nothing;
//! - what is in memory and what is on disk are the same: no step was made by halves;
//! - every step fits into the store, everything that is sent is read by its receiver again;
//! - what is held grows by no more than the message brought; members that this version does not know
//!   are passed on as they came.
//!
//! Some seconds as it is. A long run: `FOREWARN_CASES=500 cargo test --test wire --features
//! crash-points` (five hundred times as many). A case that fails is printed, made small, and its seed
//! kept in `tests/wire/proptest-regressions/`, which belongs in the commit.
#![allow(clippy::unwrap_used)]

mod dice;
mod host;
mod messages;
mod talks;
mod values;

use proptest::{
    prelude::*,
    test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner},
};

use dice::Dice;

/// Runs a test so many times, times `FOREWARN_CASES`.
fn run(cases: u32, seeds: &'static str, test: fn(Dice)) {
    let times: u32 =
        std::env::var("FOREWARN_CASES").map_or(1, |text| text.parse().expect("FOREWARN_CASES is a number"));
    let config = Config {
        cases: cases.saturating_mul(times),
        max_shrink_iters: 5_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        ..Config::default()
    };
    let rolls = prop::collection::vec(any::<u32>(), 0..300);
    let test = |rolls: Vec<u32>| -> Result<(), TestCaseError> {
        test(Dice::of(&rolls));
        Ok(())
    };
    TestRunner::new(config).run(&rolls, test).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn whatever_a_peer_sends() {
    run(1_500, "tests/wire/proptest-regressions/messages.txt", messages::whatever_a_peer_sends);
}

#[test]
fn whatever_a_reference_answers() {
    run(600, "tests/wire/proptest-regressions/talks.txt", talks::whatever_a_reference_answers);
}

#[test]
fn whatever_ranges_say() {
    run(600, "tests/wire/proptest-regressions/ranges.txt", talks::whatever_ranges_say);
}

/// Fractions of many digits in members that this version does not know: read with the last bit
/// wrong, they would be written as others, and differ from node to node under one stamp.
#[test]
fn any_fraction_is_passed_on_as_it_came() {
    for i in 1..10_000 {
        let text = (f64::from(i) / 7e3).to_string();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read.to_string().trim_end_matches(".0"), text);
    }
}
