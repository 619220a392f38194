//! A node dies while it merges of its own accord: now and then, after a lane has collapsed, and when
//! it tells references what they missed.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::json;
use uuid::Uuid;

use crate::{
    book::Book,
    dying::{doom, expand},
    ledgers,
    support::{Farm, wait::poll_until},
};

/// The points of a merge now and then.
const NOW_AND_THEN: &[&str] =
    &["call.announce:5", "call.announce.taken:5", "call.probe:3", "call.probe.answered:3", "call.probe.taken:3"];
/// The points of telling a reference what a later one had.
const FOLLOW_UP: &[&str] = &["call.follow-up", "call.follow-up.answered", "call.follow-up.taken"];
/// The points of telling others what a merge has brought.
const TELLING: &[&str] = &["call.tell", "call.tell.answered", "call.tell.taken"];
/// The points after a lane has collapsed.
const ON_RETURN: &[&str] = &["call.probe", "*merged", "call.probe.taken"];
/// Of this file.
pub const ALL: &[&[&str]] = &[NOW_AND_THEN, FOLLOW_UP, TELLING, ON_RETURN];

#[tokio::test]
async fn a_node_dies_in_a_merge_now_and_then() {
    let farm = Farm::new(3).merge("every = \"200ms\"").start().await;
    let mut book = Book::default();
    for point in expand(NOW_AND_THEN) {
        eprintln!("· {point}");
        farm[0].terminate().await;
        let doomed = doom(&farm[0], &point).await;
        doomed.dies_of(book.say(&farm[0])).await;
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}

/// a and b do not know each other; c knows both, and asks a before b.
#[tokio::test]
async fn the_starting_node_dies_as_it_tells_what_was_missed() {
    for point in expand(FOLLOW_UP) {
        eprintln!("· {point}");
        let farm = Farm::new(3).peers_of(0, &[]).peers_of(1, &[]).build().await;
        let mut book = Book::default();
        book.arrives_by_merge();
        for node in [0, 1] {
            farm[node].restart().await;
            book.say_much(&farm[node], 2).await;
        }
        doom(&farm[2], &point).await.died().await;
        farm[2].restart().await;
        book.node_has_all(&farm[2]).await;
        book.check(&farm).await;
        ledgers::compare(&farm, &book).await;
    }
}

/// b knows nobody and has something to say; a introduces itself to b, and tells c, which knows b
/// from nobody but a and cannot have been there first.
#[tokio::test]
async fn a_node_dies_as_it_tells_what_a_merge_has_brought() {
    let points = expand(TELLING);
    let (mut at, mut spared) = (0, 0);
    while let Some(point) = points.get(at) {
        eprintln!("· {point}");
        let farm = Farm::new(3).peers_of(1, &[]).peers_of(2, &[]).build().await;
        let mut book = Book::default();
        book.arrives_by_merge();
        farm[1].restart().await;
        book.say_much(&farm[1], 2).await;
        farm[1].terminate().await;
        farm[2].restart().await;
        let doomed = doom(&farm[0], point).await;
        farm[1].start();
        // whom a finds first is up to the machine: once more then
        let begin = std::time::Instant::now();
        if doomed.died_unless(async || begin.elapsed().as_secs() >= 3).await {
            at += 1;
        } else {
            spared += 1;
            assert!(spared < 10, "a does not come to {point}");
        }
        farm[0].restart().await;
        farm[1].wait_ready().await;
        book.node_has_all(&farm[0]).await;
        book.check(&farm).await;
        ledgers::compare(&farm, &book).await;
    }
}

/// More rows than a lane holds wait for b, which gets a merge when it returns.
#[tokio::test]
async fn a_node_dies_after_a_merge_on_return() {
    const MANY: usize = 10_020;
    let farm = Farm::new(2).start().await;
    farm[1].terminate().await;
    let (said, begin) = (AtomicUsize::new(0), chrono::Utc::now() - chrono::Duration::seconds(30));
    let ids: Vec<Uuid> = (0..MANY).map(|_| Uuid::now_v7()).collect();
    let client = async || loop {
        let turn = said.fetch_add(1, Ordering::Relaxed);
        if turn >= MANY {
            return;
        }
        let time = begin + chrono::Duration::milliseconds(turn as i64);
        let said = json!({"id": ids[turn], "timestamp": time.to_rfc3339(), "targets": ["application:chat"], "status": if turn % 2 == 0 { "unavailable" } else { "available" }});
        assert_eq!(farm[0].submit(said).await.status, 202);
    };
    futures_util::future::join_all((0..64).map(|_| client())).await;
    let nodes = farm[0].get("/api/v1/nodes").await.json();
    assert_eq!(nodes["nodes"][1]["merge_on_return"], true, "{nodes}");
    farm[0].terminate().await;
    let saved: Vec<_> = farm.nodes.iter().map(|node| node.data.with_extension("saved")).collect();
    for (node, saved) in farm.nodes.iter().zip(&saved) {
        fs::rename(&node.data, saved).unwrap();
    }
    for point in expand(ON_RETURN) {
        eprintln!("· {point}");
        for (node, saved) in farm.nodes.iter().zip(&saved) {
            fs::remove_dir_all(&node.data).ok();
            fs::create_dir(&node.data).unwrap();
            for entry in fs::read_dir(saved).unwrap() {
                let entry = entry.unwrap();
                assert!(
                    entry.file_type().unwrap().is_file() || fs::read_dir(entry.path()).unwrap().next().is_none(),
                    "{:?}",
                    entry.path()
                );
                if entry.file_type().unwrap().is_file() {
                    fs::copy(entry.path(), node.data.join(entry.file_name())).unwrap();
                }
            }
        }
        let doomed = doom(&farm[0], &point).await;
        farm[1].start();
        doomed.died().await;
        farm[0].restart().await;
        farm[1].wait_ready().await;
        for id in [ids[0], ids[MANY / 2], ids[MANY - 1]] {
            poll_until("the receipt is complete", async || {
                farm[0].get(&format!("/api/v1/notifications/{id}")).await.json()["complete"] == true
            })
            .await;
        }
        Book::default().check(&farm).await;
        ledgers::compare(&farm, &Book::default()).await;
    }
}
