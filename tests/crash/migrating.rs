//! A node dies while its store gets another layout. The fourth one exists for tests only.

use std::{ffi::OsString, path::PathBuf};

use crate::{
    book::Book,
    dying::{doom, expand},
    ledgers,
    support::{Farm, Node},
};

/// The points of the layouts that are made in an empty folder.
const FIRST: &[&str] = &[
    "migration.1.begun",
    "migration.1.before-version",
    "migration.1.after-version",
    "migration.2.begun",
    "migration.2.before-version",
    "migration.2.after-version",
    "migration.3.begun",
    "migration.3.before-version",
    "migration.3.after-version",
];
/// The points of the fourth one, over a store with content.
const FOURTH: &[&str] = &[
    "migration.4.before-backup",
    "migration.4.after-backup",
    "migration.4.begun",
    "migration.4.middle",
    "migration.4.middle:2",
    "migration.4.before-version",
    "migration.4.after-version",
];
/// Of this file.
pub const ALL: &[&[&str]] = &[FIRST, FOURTH];

#[tokio::test]
async fn a_node_dies_while_its_first_layout_is_made() {
    for point in expand(FIRST) {
        eprintln!("· {point}");
        let farm = Farm::new(1).build().await;
        let mut book = Book::default();
        doom(&farm[0], &point).await.died().await;
        farm[0].restart().await;
        book.say_much(&farm[0], 3).await;
        farm[0].kill9().await;
        farm[0].restart().await;
        book.check(&farm).await;
        ledgers::compare(&farm, &book).await;
    }
}

/// In the store's folder, for the node may write nowhere else; beside it, where the kernel has no sandbox.
fn backup(node: &Node) -> PathBuf {
    let mut beside = OsString::from(&node.data);
    beside.push(".backup-v3");
    let inside = node.data.join("backup-v3");
    if inside.exists() { inside } else { beside.into() }
}

#[tokio::test]
async fn a_node_dies_while_its_store_gets_another_layout() {
    let points = expand(FOURTH);
    for points in points.chunks(3) {
        let farm = Farm::new(3).start().await;
        let mut book = Book::default();
        book.say_much(&farm[1], 9).await;
        book.check(&farm).await;
        for (node, point) in farm.nodes.iter().zip(points) {
            eprintln!("· {point}");
            let print = node.fingerprint().await;
            node.terminate().await;
            let (store, before) = ledgers::read(&node.data);
            assert!(before.ledger.len() > 2);
            drop(store);
            node.set_env("FOREWARN_TEST_MIGRATION", "4");
            doom(node, point).await.died().await;
            // what happened meanwhile comes with the merge
            let other = farm.nodes.iter().find(|other| other.name != node.name).unwrap();
            node.restart().await;
            assert_eq!(node.fingerprint().await, print, "{point}");
            book.say_much(other, 1).await;
            book.say_much(node, 1).await;
            book.check(&farm).await;
            let (_, kept) = ledgers::read(&backup(node));
            assert!(kept.ledger.iter().eq(before.ledger.iter()), "the backup is not what was there before");
        }
    }
}
