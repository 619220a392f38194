//! A node dies while it starts: between opening and replay, replay and merge, merge and ready; and
//! in each part of a merge, as the starting node and as the reference.

use crate::{
    book::Book,
    dying::{doom, expand},
    ledgers,
    support::Farm,
};

/// The points of a node that learns, while it starts, what it has missed.
const STARTING: &[&str] = &[
    "boot.open",
    "boot.identity",
    "boot.restore",
    "boot.restored",
    "*member",
    "repeater.reply.settled",
    "boot.replayed",
    "call.announce",
    "call.announce.answered",
    "call.announce.taken",
    "call.failed",
    "call.probe",
    "call.probe.answered",
    "call.probe.taken",
    "call.part",
    "call.part.answered",
    "*absorb",
    "*apply",
    "call.part.taken",
    "repeater.reply.asked",
    "boot.asked",
    "repeater.reply.settled:2",
    "boot.merged",
    "boot.listening",
    "boot.ready",
];
/// The points of a node that starts with something in its inbox.
const REPLAYING: &[&str] = &[
    "boot.restore",
    "boot.restored",
    "*apply",
    "repeater.load",
    "repeater.loaded",
    "repeater.reply.settled",
    "boot.replayed",
];
/// The points of a reference that learns from a starting node.
const REFERENCE: &[&str] = &[
    "peer.announce",
    "repeater.reply.announced",
    "peer.announce.answer",
    "*boot",
    "peer.merge",
    "peer.merge.answer",
    "peer.merge:2",
    "*merge",
    "*apply",
    "repeater.reply.merged",
    "repeater.reply.merged:2",
    "peer.merge.answer:2",
];
/// The points of a reference that has nothing to say.
const NOTHING: &[&str] = &["repeater.reply.nothing-to-merge"];
/// Of this file.
pub const ALL: &[&[&str]] = &[STARTING, REPLAYING, REFERENCE, NOTHING];

/// c was away; b knows what was said, and the initial node is gone: only a merge can tell c.
#[tokio::test]
async fn the_starting_node_dies() {
    let farm = Farm::new(3).start().await;
    let mut book = Book::default();
    for point in expand(STARTING) {
        eprintln!("· {point}");
        farm[2].terminate().await;
        book.say_much(&farm[0], 2).await;
        has_heard(&farm, 1, &book).await;
        farm[0].kill9().await;
        let doomed = doom(&farm[2], &point).await;
        doomed.died().await;
        farm[2].restart().await;
        // right from its first moment on
        book.node_has_all(&farm[2]).await;
        farm[0].restart().await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}

/// It dies with its inbox full, and again while it replays that.
#[tokio::test]
async fn the_replaying_node_dies() {
    let farm = Farm::new(3).start().await;
    let mut book = Book::default();
    for point in expand(REPLAYING) {
        eprintln!("· {point}");
        farm[0].terminate().await;
        let filled = doom(&farm[0], "writer.apply.before").await;
        filled.dies_of(book.say(&farm[0])).await;
        doom(&farm[0], &point).await.died().await;
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}

/// a missed what b said; c heard it from b, holds no row for a, and tells a when it starts.
#[tokio::test]
async fn the_reference_dies() {
    let farm = Farm::new(3).start().await;
    let mut book = Book::default();
    let points = expand(REFERENCE);
    let (mut at, mut spared) = (0, 0);
    while let Some(point) = points.get(at) {
        eprintln!("· {point}");
        farm[0].terminate().await;
        book.say_much(&farm[1], 2).await;
        has_heard(&farm, 2, &book).await;
        farm[1].kill9().await;
        farm[2].terminate().await;
        let doomed = doom(&farm[0], point).await;
        farm[2].start();
        // a may find c first and be the one that starts the merge
        let c_is_ready = async || farm[2].phase().await.is_some_and(|(status, _)| status == 200);
        if doomed.died_unless(c_is_ready).await {
            at += 1;
        } else {
            spared += 1;
            assert!(spared < 20, "a does not come to {point}");
        }
        farm[0].start();
        farm[2].wait_ready().await;
        farm[0].wait_ready().await;
        farm[1].restart().await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}

#[tokio::test]
async fn a_reference_without_news_dies() {
    let farm = Farm::new(3).start().await;
    let mut book = Book::default();
    book.say_much(&farm[1], 2).await;
    book.check(&farm).await;
    for point in expand(NOTHING) {
        eprintln!("· {point}");
        farm[0].terminate().await;
        let doomed = doom(&farm[0], &point).await;
        farm[2].kill9().await;
        farm[2].start();
        doomed.died().await;
        farm[0].restart().await;
        farm[2].wait_ready().await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}

/// Waits until this node has applied everything that was acknowledged.
async fn has_heard(farm: &Farm, node: usize, book: &Book) {
    crate::support::wait::poll_until("it has been heard", async || {
        for id in book.acknowledged.keys().rev().take(2) {
            if farm[node].get(&format!("/api/v1/notifications/{id}")).await.status != 200 {
                return false;
            }
        }
        true
    })
    .await;
}
