//! Processes that die: a child runs this very test binary, aborts, and the store it left is read.
//!
//! With the feature `crash-points` it also dies at each point of the writer and of a migration.

use std::process::{Command, Stdio};

use super::*;
use crate::sync::Label;

const CHILD: &str = "FOREWARN_STORE_CHILD";

/// Not a test of its own: what the child does. It reports what is durable on standard output.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let store = open(Path::new(&dir));
    let boot = store.get(Tree::Meta, b"boot").unwrap().map_or(0, |value| value[0]) + 1;
    store.write_sync(vec![Write::put(Tree::Meta, b"boot", [boot])]).unwrap();
    println!("boot {boot}");
    let writer = store.writer(|event| {
        let WriterEvent::Durable { upto } = event else { panic!("{event:?}") };
        println!("durable {upto}");
        if upto >= 300 {
            std::process::abort();
        }
    });
    let writer = writer.unwrap();
    let mut step = 0;
    loop {
        let put = |tree| Write::put(tree, (step + 1_u64).to_be_bytes(), value(step, 700));
        match writer.commit(step + 1, Label::Submit, Tree::ALL.map(put).to_vec(), Haste::Now) {
            Ok(()) => step += 1,
            Err(StoreError::Full { .. }) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Runs the child until it dies; what it said last was durable, and its boot number.
fn run_child(dir: &Path, environment: &[(&str, &str)]) -> (u64, u8) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["store::tests::aborts::child", "--exact", "--nocapture"])
        .env(CHILD, dir)
        .envs(environment.iter().copied())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success(), "the child was to die");
    let text = String::from_utf8(output.stdout).unwrap();
    let last = |word: &str| text.lines().rev().find_map(|line| line.split_once(word));
    (
        last("durable ").map_or(0, |(_, number)| number.parse().unwrap()),
        last("boot ").map_or(0, |(_, number)| number.parse().unwrap()),
    )
}

/// Reads what a child left: the number of first steps that are there, each wholly.
fn whole_steps(store: &Store) -> u64 {
    let steps = all(store, Tree::Pending).len() as u64;
    for tree in Tree::ALL {
        let mut records = all(store, tree);
        records.retain(|(key, _)| key.len() == 8);
        let expected: Vec<_> = (0..steps).map(|step| ((step + 1).to_be_bytes().to_vec(), value(step, 700))).collect();
        assert!(records == expected, "{tree} does not hold the first {steps} steps");
    }
    steps
}

#[test]
fn what_was_reported_durable_survives_an_abort() {
    let dir = tempfile::tempdir().unwrap();
    for boot in 1..=3 {
        let (durable, booted) = run_child(dir.path(), &[]);
        assert!(durable >= 300);
        let store = open(dir.path());
        assert!(whole_steps(&store) >= durable);
        assert_eq!((store.get(Tree::Meta, b"boot").unwrap().unwrap(), booted), (vec![boot], boot));
    }
}

#[cfg(feature = "crash-points")]
#[test]
fn every_point_of_the_writer_leaves_whole_steps() {
    for (moment, at_least) in [("before", 0), ("written", 0), ("durable", 40)] {
        let dir = tempfile::tempdir().unwrap();
        let point = format!("writer.submit.{moment}:40");
        let (durable, boot) = run_child(dir.path(), &[("FOREWARN_CRASH_AT", &point)]);
        let steps = whole_steps(&open(dir.path()));
        assert!(boot == 1 && steps >= durable.max(at_least), "{point}: {steps} of {durable}");
    }
}

#[cfg(feature = "crash-points")]
#[test]
fn every_point_of_a_migration_leaves_a_store_that_opens() {
    let first = ["begun", "before-version", "after-version"].map(|moment| (1, moment));
    let second = ["begun", "before-version", "after-version"].map(|moment| (2, moment));
    let third = ["begun", "before-version", "after-version"].map(|moment| (3, moment));
    let fourth = ["before-backup", "after-backup", "begun", "middle", "before-version", "after-version"];
    for (number, moment) in first.into_iter().chain(second).chain(third).chain(fourth.map(|moment| (4, moment))) {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("s");
        if number == 4 {
            let store = open(&dir);
            let put = |key| Write::put(Tree::Ledger, [key], [1, key]);
            store.write_sync((0..9).map(put).collect()).unwrap();
        }
        let point = format!("migration.{number}.{moment}");
        let text = number.to_string();
        let crash = [("FOREWARN_CRASH_AT", &*point), ("FOREWARN_TEST_MIGRATION", &*text)];
        assert_eq!(run_child(&dir, &crash), (0, 0), "{point} was not reached");
        let known = [migrations::all(), migrations::test_only()].concat();
        let known = &known[..number.max(3)];
        let store = Store::open_with(&dir, options(), known, Fault::default()).unwrap();
        let records = all(&store, Tree::Ledger);
        if number == 4 {
            let expected: Vec<_> = (0..9).map(|key| (vec![key], vec![1, key, b' '])).collect();
            assert_eq!(records, expected, "{point}");
            let backup = open(&outer.path().join("s.backup-v3"));
            assert_eq!(all(&backup, Tree::Ledger).len(), 9);
        }
    }
}

/// The files of intents are small while a point is armed, so that there are many checkpoints. A start that finds
/// everything in sled has nothing to put in: then it does not come to the point, and its child goes on.
#[cfg(feature = "crash-points")]
#[test]
fn every_point_of_a_checkpoint_and_of_a_start_after_it_leaves_whole_steps() {
    let mut died_at = std::collections::BTreeSet::new();
    for moment in ["begun", "applied", "durable"] {
        for count in [1, 3] {
            let dir = tempfile::tempdir().unwrap();
            let point = format!("checkpoint.{moment}:{count}");
            let (durable, boot) = run_child(dir.path(), &[("FOREWARN_CRASH_AT", &point)]);
            assert!(boot == 1 && durable > 0, "{point}");
            // and the starts after it die
            for again in ["replay.begun", "replay.applied", "replay.durable"] {
                match run_child(dir.path(), &[("FOREWARN_CRASH_AT", again)]) {
                    (0, 0) => {
                        died_at.insert(again);
                    }
                    (durable, boot) => assert!(durable >= 300 && boot >= 2, "{again} after {point}: {durable} {boot}"),
                }
            }
            let steps = whole_steps(&open(dir.path()));
            assert!(steps >= durable, "{point}: {steps} of {durable}");
        }
    }
    assert_eq!(died_at.len(), 3, "{died_at:?}");
}
