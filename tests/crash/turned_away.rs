//! A node dies while it is told that its store is a copy, or while it refuses something.

use std::{fs, path::Path};

use serde_json::json;

use crate::{
    book::Book,
    dying::{doom, expand},
    ledgers,
    support::{Farm, wait::poll_until},
};

/// The points of a node with a copied store.
const COPIED: &[&str] = &["call.turned-away", "*conflict"];
/// The points of a refusal.
const REFUSED: &[&str] = &["repeater.reply.refused"];
/// Of this file.
pub const ALL: &[&[&str]] = &[COPIED, REFUSED];

fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}

#[tokio::test]
async fn a_copy_dies_while_it_is_turned_away() {
    let farm = Farm::new(3).merge("every = \"300ms\"").start().await;
    let mut book = Book::default();
    let saved = farm.folder.path().join("saved");
    farm[2].terminate().await;
    copy(&farm[2].data, &saved);
    for _ in 0..8 {
        farm[2].restart().await;
        farm[2].terminate().await;
    }
    book.say_much(&farm[0], 2).await;
    for point in expand(COPIED) {
        eprintln!("· {point}");
        copy(&saved, &farm[2].data);
        let doomed = doom(&farm[2], &point).await;
        doomed.died().await;
        farm[2].start();
        farm[2].wait_fenced().await;
        let refused = farm[2].submit(book.next()).await;
        assert_eq!(refused.status, 503, "a copied store takes submissions: {}", refused.text());
        farm[2].terminate().await;
    }
    // without its store it is a new node at the old place
    fs::remove_dir_all(&farm[2].data).unwrap();
    farm[2].restart().await;
    let late = book.next();
    book.arrives_by_merge();
    assert!(book.hand_in(&farm[2], late).await);
    for node in &farm.nodes {
        // nothing waits for its former self any more
        poll_until("the new c has taken the old one's place", async || {
            let nodes = node.get("/api/v1/nodes").await.json();
            nodes["nodes"].as_array().unwrap().len() == 3
        })
        .await;
    }
    book.check(&farm).await;
    ledgers::compare(&farm, &book).await;
}

#[tokio::test]
async fn a_node_dies_while_it_refuses() {
    let farm = Farm::new(3).start().await;
    let mut book = Book::default();
    for point in expand(REFUSED) {
        eprintln!("· {point}");
        farm[0].terminate().await;
        let doomed = doom(&farm[0], &point).await;
        book.say_much(&farm[0], 2).await;
        let mut wrong = book.next();
        wrong["targets"] = json!(["application:unheard-of"]);
        let answer = doomed.dies_of(farm[0].try_submit(&wrong)).await;
        assert!(answer.is_err());
        farm[0].restart().await;
        assert_eq!(farm[0].submit(wrong).await.status, 422);
        book.node_has_all(&farm[0]).await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}
