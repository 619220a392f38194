//! A disk damages the store of a node that was killed: the node says so, puts the damaged database aside,
//! and has everything that its living peer knows before it is ready.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt as _,
};

use crate::{
    book::Book,
    ledgers,
    support::{Farm, Node},
};

/// What the disk does to a file, of which so many bytes are written.
type Damage = fn(&File, u64);

/// The files that a store consists of: sled's log, and that of the steps that sled does not have yet.
const FILES: [&str; 2] = ["db", "intents-0"];

const DAMAGES: &[(&str, Damage)] = &[
    ("flipped bytes", |file, written| {
        for at in [written / 3, written / 2, written * 3 / 4] {
            let mut bytes = [0; 8];
            file.read_exact_at(&mut bytes, at).unwrap();
            file.write_all_at(&bytes.map(|byte| !byte), at).unwrap();
        }
    }),
    ("a truncated file", |file, written| file.set_len(written / 2).unwrap()),
    ("a zeroed page", |file, written| file.write_all_at(&[0; 4_096], written / 2 / 4_096 * 4_096).unwrap()),
    // the last group of steps is gone
    ("a zeroed tail", |file, written| file.write_all_at(&[0; 600], written - 599).unwrap()),
    ("a file of zeroes", |file, written| {
        file.write_all_at(&vec![0; usize::try_from(written).unwrap() + 1], 0).unwrap()
    }),
];

fn damage(node: &Node, file: &str, by: Damage) {
    let path = node.data.join(file);
    let content = fs::read(&path).unwrap();
    let written = content.iter().rposition(|&byte| byte != 0).unwrap() as u64;
    by(&OpenOptions::new().read(true).write(true).open(path).unwrap(), written);
}

#[tokio::test]
async fn damage_is_named_and_made_good_by_a_living_peer() {
    for (at, (what, by)) in DAMAGES.iter().chain(DAMAGES).enumerate() {
        let file = FILES[at / DAMAGES.len()];
        eprintln!("· {what}: {file}");
        // periodic merges are an hour apart: nothing but the start makes it good
        let farm = Farm::new(2).start().await;
        let mut book = Book::default();
        book.say_much(&farm[0], 30).await;
        book.say_much(&farm[1], 10).await;
        book.check(&farm).await;
        // sled has what was said until now
        farm[0].terminate().await;
        farm[0].restart().await;
        book.say_much(&farm[0], 10).await;
        book.check(&farm).await;
        farm[0].kill9().await;
        damage(&farm[0], file, *by);
        farm[0].restart().await;
        assert_eq!(
            farm[0].fingerprint().await,
            farm[1].fingerprint().await,
            "{what}: it is ready without what b knows"
        );
        let log = farm[0].log();
        let error = |words: &[&str]| {
            log.lines().any(|line| line.contains("ERROR") && words.iter().all(|word| line.contains(word)))
        };
        assert!(error(&["store_damaged", "set_aside"]), "{what}: {}", farm[0].log_end());
        let kinds = ["records lost", "nothing of it can be read", "groups of steps that were durable are gone"];
        assert!(kinds.iter().any(|kind| error(&["store_damaged", kind])), "{what}: {log}");
        assert!(!log.contains("panicked"), "{what}: {log}");
        assert!(farm[0].data.join("damaged-1/db").exists(), "{what}");
        // neither of them takes it for a copy, and both go on
        book.arrives_by_merge();
        book.say_much(&farm[0], 3).await;
        book.say_much(&farm[1], 3).await;
        book.check(&farm).await;
        // it was made good once and for all
        farm[0].kill9().await;
        let before = farm[0].log().len();
        farm[0].restart().await;
        assert!(!farm[0].log()[before..].contains("store_damaged"), "{what}: {}", farm[0].log_end());
        book.check(&farm).await;
        ledgers::compare(&farm, &book).await;
    }
}

#[tokio::test]
async fn a_node_without_peers_says_what_it_has_lost_and_goes_on() {
    let farm = Farm::new(1).start().await;
    let mut book = Book::default();
    book.say_much(&farm[0], 20).await;
    farm[0].terminate().await;
    farm[0].restart().await;
    farm[0].kill9().await;
    damage(&farm[0], FILES[0], DAMAGES[1].1);
    farm[0].restart().await;
    farm[0].wait_log(&["ERROR", "store_damaged", "records lost"]).await;
    assert!(book.say(&farm[0]).await);
}

#[tokio::test]
async fn a_store_that_was_killed_and_is_whole_is_taken_as_it_is() {
    let farm = Farm::new(1).start().await;
    let mut book = Book::default();
    for _ in 0..3 {
        book.say_much(&farm[0], 5).await;
        farm[0].kill9().await;
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
    }
    let log = farm[0].log();
    assert!(!log.contains("store_damaged") && !log.contains("store_written_anew"), "{log}");
    assert!(!farm[0].data.join("damaged-1").exists() && !farm[0].data.join("unchecked").exists());
}
