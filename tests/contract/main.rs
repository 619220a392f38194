//! One suite for every implementation of the queue: what `forewarn::actors::queue` promises, kept by
//! sled on a real disk and by memory alike. A message broker's will be a third line in `contract!`.
#![allow(clippy::unwrap_used)]

mod place;
mod suite;

use std::time::Duration;

use forewarn::{
    availability::{Moment, Stamp},
    store::records,
    sync::{Change, DeliveryState},
};

use place::{Disk, Memory, Place, Run, chain, entry, key, node, seen};

macro_rules! contract {
    ($($test:ident),* $(,)?) => {
        mod embedded {
            $(#[test] fn $test() { crate::suite::$test(&crate::Disk::new()) })*
        }
        mod memory {
            $(#[test] fn $test() { crate::suite::$test(&crate::Memory::default()) })*
        }
    };
}

contract!(
    steps_become_durable_in_order,
    what_was_reported_durable_is_found_and_before_it_everything,
    every_kind_of_change_survives_and_so_does_its_end,
    critical_before_normal_before_quarantine_and_then_by_stamp,
    steps_that_are_handed_over_before_the_start_are_kept,
    another_run_counts_from_the_beginning,
    pruning_takes_what_is_old_out_of_the_history_and_nothing_else,
    closing_makes_durable_what_was_handed_over,
);

#[test]
fn a_queue_that_was_stopped_keeps_what_it_is_handed_and_goes_on_in_order() {
    let disk = Disk::new();
    let mut run = Run::start(&disk);
    run.hand_over(chain(1..=3));
    run.wait(|progress| progress.durable == 3);
    disk.store().set_reserve(u64::MAX);
    run.hand_over(chain(4..=6));
    let stopped = run.wait(|progress| progress.stopped.is_some());
    assert!(!stopped.writable && stopped.durable == 3, "{stopped:?}");
    run.hand_over(chain(7..=40));
    assert!(!run.queue.progress().writable);
    disk.store().set_reserve(1);
    run.wait(|progress| progress.durable == 40 && progress.writable);
    run.hand_over(chain(41..=42));
    run.wait(|progress| progress.durable == 42);
    drop(run);
    assert_eq!(place::length(&disk), 42);
}

#[test]
fn a_queue_that_is_closed_while_it_is_stopped_says_so() {
    let disk = Disk::new();
    let mut run = Run::start(&disk);
    run.hand_over(chain(1..=1));
    run.wait(|progress| progress.durable == 1);
    disk.store().set_reserve(u64::MAX);
    run.hand_over(chain(2..=2));
    run.wait(|progress| progress.stopped.is_some());
    assert!(!run.queue.close(Duration::from_secs(30)));
    drop(run);
    assert_eq!(place::length(&disk), 1);
}

#[test]
fn both_hold_the_same_after_any_steps() {
    use proptest::{prelude::*, test_runner::TestRunner};
    let config = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    let steps =
        prop::collection::vec(prop::collection::vec(place::change(), 1..6).prop_map(|changes| changes.concat()), 1..40);
    let compare = |steps: Vec<Vec<Change>>| {
        let (disk, memory) = (Disk::new(), Memory::default());
        for place in [&disk as &dyn Place, &memory] {
            let mut run = Run::start(place);
            let count = steps.len() as u64;
            run.hand_over((1..).zip(steps.clone()));
            run.wait(|progress| progress.durable == count);
        }
        prop_assert_eq!(seen(&disk), seen(&memory));
        Ok(())
    };
    TestRunner::new(config).run(&steps, compare).unwrap();
}

/// The store's side that pages read.
#[test]
fn the_history_is_read_back_newest_first_with_its_receipts() {
    let disk = Disk::new();
    let mut run = Run::start(&disk);
    let (old, new) = (entry(1, 10), entry(2, 20));
    let receipt = |stamp| Change::Receipt {
        stamp,
        node: node(9),
        name: "i".to_owned(),
        state: DeliveryState::Applied,
        at: Moment::from_millis(30),
    };
    run.hand_over([(1, vec![Change::Record(new.clone()), Change::Record(old.clone()), receipt(old.stamp)])]);
    run.wait(|progress| progress.durable == 1);
    let store = disk.store();
    let read = |before: Option<Stamp>, most: usize| {
        let mut found = Vec::new();
        records::history(&store, before, |entry| {
            found.push(entry);
            found.len() < most
        })
        .unwrap();
        found
    };
    assert_eq!(read(None, 9), [new.clone(), old.clone()]);
    assert_eq!(read(None, 1), std::slice::from_ref(&new));
    assert_eq!(read(Some(new.stamp), 9), std::slice::from_ref(&old));
    assert_eq!(records::recorded(&store, &new.stamp).unwrap(), Some(new.clone()));
    assert_eq!(records::recorded_by_id(&store, &old.notification.id).unwrap(), Some(old.clone()));
    let receipts = records::receipts(&store, &old.stamp).unwrap();
    assert_eq!(
        receipts.iter().map(|(node, row)| (*node, row.state)).collect::<Vec<_>>(),
        [(node(9), DeliveryState::Applied)]
    );
    assert!(records::receipts(&store, &new.stamp).unwrap().is_empty());
    assert_eq!(records::recorded(&store, &key(1, 3, 30).stamp).unwrap(), None);
}
