//! A node dies while notifications go through a broker (docs/contract.md#the-queue): the initial node, and
//! receivers. JetStream's acknowledgement completes nothing: an acknowledged notification has the receipts of
//! all nodes in the end, and all nodes have it.

use std::path::Path;

use async_nats::jetstream;
use futures_util::future::join_all;

use crate::{
    book::Book,
    broker::{self, Server},
    dying::{doom, expand},
    ledgers,
    support::{Farm, Node, wait::poll_until},
};

/// The points of the initial node: receipts come by themselves, not with the answer to a delivery.
const INITIAL: &[&str] = &[
    "*submit",
    "*apply",
    "repeater.reply.submitted",
    "desk.submitted",
    "repeater.load",
    "repeater.loaded",
    "call.deliver",
    "call.deliver.answered",
    "call.deliver.taken",
    "*receipts",
];
/// The points of a receiver: what comes from the stream is no request of a peer.
const RECEIVER: &[&str] =
    &["*limit", "*receive", "*apply", "repeater.load", "repeater.loaded", "repeater.reply.delivered"];
/// Of this file.
pub const ALL: &[&[&str]] = &[INITIAL, RECEIVER];

/// So many nodes, and their broker.
async fn start(size: usize, folder: &Path) -> (Farm, Server) {
    let server = Server::start(folder, &[]).await;
    let queue = Server::toml(&[&server]);
    let farm = (0..size).fold(Farm::new(size), |farm, node| farm.more(node, &queue)).start().await;
    for node in &farm.nodes {
        connected(node, 0).await;
    }
    (farm, server)
}

fn sessions(node: &Node) -> usize {
    node.log().matches("event=broker_connected").count()
}

/// Waits for a session after so many.
async fn connected(node: &Node, before: usize) {
    poll_until("the broker is there", async || !node.is_running() || sessions(node) > before).await;
}

/// How many messages were ever in the stream.
async fn published(context: &jetstream::Context) -> u64 {
    context.get_stream("test-farm").await.unwrap().get_info().await.unwrap().state.last_sequence
}

#[tokio::test]
async fn the_initial_node_dies_with_a_broker_between() {
    if !broker::is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (farm, server) = start(3, folder.path()).await;
    let context = server.client().await;
    let mut book = Book::default();
    let before = published(&context).await;
    for point in expand(INITIAL) {
        eprintln!("· {point}");
        farm[0].terminate().await;
        let known = sessions(&farm[0]);
        let doomed = doom(&farm[0], &point).await;
        connected(&farm[0], known).await;
        doomed.dies_of(book.say(&farm[0])).await;
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
        book.check(&farm).await;
    }
    // What was published before it died; the rest went to each peer after the restart.
    let after = published(&context).await;
    assert!(after > before, "nothing went through the broker");
    ledgers::compare(&farm, &book).await;
}

#[tokio::test]
async fn receivers_die_with_a_broker_between() {
    if !broker::is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Four die in each round, each at a point of its own.
    let (farm, server) = start(5, folder.path()).await;
    let context = server.client().await;
    let mut book = Book::default();
    let initial = &farm[0];
    let restart = async || {
        let known = sessions(initial);
        initial.terminate().await;
        initial.restart().await;
        connected(initial, known).await;
    };
    for points in expand(RECEIVER).chunks(4) {
        eprintln!("· {points:?}");
        let doomed = join_all(farm.nodes[1..].iter().zip(points).map(async |(victim, point)| {
            victim.terminate().await;
            let known = sessions(victim);
            let doomed = doom(victim, point).await;
            connected(victim, known).await;
            doomed
        }));
        let doomed = doomed.await;
        // It finds out who listens when it connects.
        restart().await;
        let before = published(&context).await;
        assert!(book.say(initial).await, "dead peers stop nobody");
        join_all(doomed.into_iter().map(|one| one.died())).await;
        assert!(published(&context).await > before, "it went another way than through the broker");
        if points.iter().all(|point| point.starts_with("writer.")) {
            // JetStream has acknowledged it; no node but the initial one has said that it is durable there.
            let id = book.acknowledged.keys().next_back().unwrap();
            let row = initial.get(&format!("/api/v1/notifications/{id}")).await.json();
            assert_eq!(row["complete"], false, "{row}");
        }
        join_all(farm.nodes[1..].iter().zip(points).map(|(victim, _)| victim.restart())).await;
        // Its rows are still there, whatever JetStream has acknowledged; it asks at once, not after a while.
        restart().await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}
