//! A node dies while it takes a submission: with its peers there, and with its peers away.

use crate::{
    book::Book,
    dying::{doom, expand},
    ledgers,
    support::Farm,
};

/// The points of the initial node, peers there.
const WITH_PEERS: &[&str] = &[
    "*submit",
    "*apply",
    "*acknowledged",
    "repeater.reply.submitted",
    "desk.submitted",
    "repeater.load",
    "repeater.loaded",
    "call.deliver",
    "call.deliver.answered",
    "call.deliver.taken",
];
/// The points of the initial node, peers away.
const ALONE: &[&str] = &[
    "*submit",
    "*apply",
    "repeater.reply.submitted",
    "desk.submitted",
    "repeater.load",
    "repeater.loaded",
    "call.deliver",
    "call.deliver.failed",
    "call.deliver.taken",
];
/// The points of an orderly stop.
const STOPPING: &[&str] = &["repeater.close", "repeater.closed"];
/// Of this file.
pub const ALL: &[&[&str]] = &[WITH_PEERS, ALONE, STOPPING];

#[tokio::test]
async fn the_initial_node_dies_with_its_peers_there() {
    let farm = Farm::new(3).start().await;
    let mut book = Book::default();
    for point in expand(WITH_PEERS) {
        eprintln!("· {point}");
        for round in 1.. {
            farm[0].terminate().await;
            let doomed = doom(&farm[0], &point).await;
            book.say(&farm[0]).await;
            // The receipts may come after the answers, by themselves: then the answers acknowledge nothing.
            let died = doomed.died_unless(async || book.is_confirmed_at(&farm[0]).await).await;
            farm[0].restart().await;
            book.node_has_all(&farm[0]).await;
            book.check(&farm).await;
            if died {
                break;
            }
            assert!(round < 10, "{point} is never reached");
        }
    }
    ledgers::compare(&farm, &book).await;
}

#[tokio::test]
async fn the_initial_node_dies_with_its_peers_away() {
    let farm = Farm::new(3).start().await;
    let mut book = Book::default();
    for point in expand(ALONE) {
        eprintln!("· {point}");
        farm[0].terminate().await;
        farm[1].kill9().await;
        farm[2].kill9().await;
        let doomed = doom(&farm[0], &point).await;
        doomed.dies_of(book.say(&farm[0])).await;
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
        farm[1].start();
        farm[2].restart().await;
        farm[1].wait_ready().await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}

#[tokio::test]
async fn a_node_dies_while_it_stops() {
    let farm = Farm::new(3).start().await;
    let mut book = Book::default();
    for point in expand(STOPPING) {
        eprintln!("· {point}");
        farm[0].terminate().await;
        let doomed = doom(&farm[0], &point).await;
        book.say_much(&farm[0], 3).await;
        doomed.dies_of(async { farm[0].signal(rustix::process::Signal::TERM) }).await;
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}

/// `kill -9` right after the 202, peers away: it restarts, replays, merges; later the peers have it.
#[tokio::test]
async fn killed_right_after_its_202() {
    let farm = Farm::new(3).start().await;
    let mut book = Book::default();
    for round in 0..5 {
        farm[1].kill9().await;
        farm[2].kill9().await;
        assert!(book.say(&farm[0]).await);
        farm[0].kill9().await;
        if round % 2 == 0 {
            // by itself first: nobody else can have told it
            farm[0].restart().await;
            book.node_has_all(&farm[0]).await;
            farm[1].start();
            farm[2].start();
        } else {
            farm.nodes.iter().for_each(crate::support::Node::start);
        }
        farm.wait_ready().await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}
