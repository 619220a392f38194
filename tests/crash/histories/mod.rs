//! Histories: what clients did and saw while a farm was in trouble, checked by a program of its own.
//!
//! ```text
//! history.rs    what was done and seen, as data
//! law.rs        the verdict, once more, for these words
//! checker.rs    judges a history; knows nothing of the program
//! bad.rs        histories made by hand that it must find, and one that it must not
//! clients.rs    those who hand in and look, and write the history
//! wires.rs      the network between the nodes, which can be cut
//! trouble.rs    everything that happens to the farm
//! soak.rs       all of it at once, for as long as one likes, with memory, descriptors and disk watched
//! ```
//!
//! The checker is tried on the program itself: with each of [`SEEDED`] built in, it must find something wrong.

mod bad;
mod checker;
mod clients;
mod history;
mod law;
mod soak;
mod trouble;
mod wires;

use std::time::Duration;

use rustix::process::Signal;

use self::{checker::check, clients::Recorder, wires::Wires};
use crate::support::{Farm, chance::Chance};

/// The faults that the program can be built with (`src/store/seeded.rs`), and what finds them.
const SEEDED: [(&str, &[&str]); 6] = [
    ("acknowledged-not-kept", &["lost", "unseen"]),
    ("cancel-not-kept", &["returned", "lost"]),
    ("arrival-order", &["changed"]),
    ("receipt-too-early", &["unseen", "returned"]),
    ("cache-not-loaded", &["unseen", "returned", "verdict"]),
    ("published-late", &["unseen", "returned"]),
];

/// So often, each for two seconds; a fault ends them when it is found.
const ROUNDS: usize = 6;
const ROUNDS_WITH_A_FAULT: usize = 20;

/// Some seconds of clients, pauses and cuts, on a farm of three with this fault; the rules that are broken.
async fn rules_broken_by(fault: &str) -> Vec<&'static str> {
    let wires = Wires::new(3).await;
    let farm = wires.farm(Farm::new(3).env("FOREWARN_SEEDED_FAULT", fault), |_farm| {}).await;
    let recorder = Recorder::new(&farm, 50);
    let mut chance = Chance::new(forewarn::clock::random());
    let mut found = Vec::new();
    for _round in 0..if fault.is_empty() { ROUNDS } else { ROUNDS_WITH_A_FAULT } {
        recorder.stop.set(false);
        let (one, two, three, four) = (chance.part(), chance.part(), chance.part(), chance.part());
        let trouble = async {
            for node in [1, 2, 0] {
                farm[node].signal(Signal::STOP);
                tokio::time::sleep(Duration::from_millis(150)).await;
                farm[node].signal(Signal::CONT);
                // it answers its clients, and hears nothing from its peers
                wires.cut((0..3).flat_map(|other| [(node, other), (other, node)]));
                tokio::time::sleep(Duration::from_millis(200)).await;
                wires.heal();
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
            recorder.stop.set(true);
        };
        futures_util::join!(
            recorder.write(one),
            recorder.write(two),
            recorder.look(three),
            recorder.look(four),
            trouble
        );
        let end = recorder.end().await;
        let faults = check(&recorder.history.borrow(), Some(&end));
        found = faults.into_iter().map(|fault| fault.rule).collect();
        found.dedup();
        if !found.is_empty() {
            break;
        }
    }
    found
}

async fn finds(which: usize) {
    let (fault, rules) = SEEDED[which];
    let found = rules_broken_by(fault).await;
    assert!(found.iter().any(|rule| rules.contains(rule)), "{fault} breaks {rules:?}; found: {found:?}");
}

#[tokio::test]
async fn a_submission_that_is_acknowledged_and_forgotten_is_found() {
    finds(0).await;
}

#[tokio::test]
async fn a_cancel_that_is_acknowledged_and_forgotten_is_found() {
    finds(1).await;
}

#[tokio::test]
async fn a_time_that_is_not_the_clients_is_found() {
    finds(2).await;
}

#[tokio::test]
async fn a_receipt_that_comes_too_early_is_found() {
    finds(3).await;
}

#[tokio::test]
async fn a_cache_that_is_not_loaded_is_found() {
    finds(4).await;
}

#[tokio::test]
async fn a_change_that_is_visible_too_late_is_found() {
    finds(5).await;
}

/// The same without a fault: nothing is wrong.
#[tokio::test]
async fn without_a_fault_nothing_is_found() {
    assert_eq!(rules_broken_by("").await, [""; 0]);
}
