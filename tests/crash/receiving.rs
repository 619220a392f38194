//! A node dies while it takes over what a peer hands to it.

use std::time::Duration;

use forewarn::{availability::Entry, clock};
use serde_json::json;

use crate::{
    book::Book,
    dying::{doom, expand},
    ledgers,
    support::{Farm, Stranger, wait::poll_until},
};

/// The points of a receiver.
const RECEIVER: &[&str] = &[
    "peer.deliver",
    "*limit",
    "*receive",
    "*apply",
    "repeater.load",
    "repeater.loaded",
    "repeater.reply.delivered",
    "peer.deliver.answer",
];
/// The points of a node that relays and gives receipts of its own accord.
const RELAY: &[&str] =
    &["*receive", "*apply", "*acknowledged", "call.deliver", "call.deliver.answered", "call.deliver.taken"];
/// The points of an initial node that gets a receipt from a node that it has not sent to.
const RECEIPTS: &[&str] = &["*receipts"];
/// The points of what was too far ahead of the node's clock.
const QUARANTINE: &[&str] = &["*receive", "peer.deliver.answer", "*release"];
/// Of this file.
pub const ALL: &[&[&str]] = &[RECEIVER, RELAY, RECEIPTS, QUARANTINE];

#[tokio::test]
async fn the_receiver_dies() {
    let farm = Farm::new(3).start().await;
    let mut book = Book::default();
    for (turn, point) in expand(RECEIVER).into_iter().enumerate() {
        eprintln!("· {point}");
        let victim = &farm[1 + turn % 2];
        victim.terminate().await;
        let doomed = doom(victim, &point).await;
        assert!(doomed.dies_of(book.say(&farm[0])).await, "a dead peer stops nobody");
        victim.restart().await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}

/// A chain: a hands to b, and b to c.
#[tokio::test]
async fn the_relay_dies() {
    let farm = Farm::new(3).farm("fanout = 1").start().await;
    let mut book = Book::default();
    for point in expand(RELAY) {
        eprintln!("· {point}");
        // whoever comes first in the order of ids is the relay: the one that has a row for the other
        let relay = relay(&farm, &mut book).await;
        farm[relay].terminate().await;
        let doomed = doom(&farm[relay], &point).await;
        assert!(doomed.dies_of(book.say(&farm[0])).await, "a dead peer stops nobody");
        farm[relay].restart().await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}

/// The last of the chain sends its receipt straight to a.
#[tokio::test]
async fn the_initial_node_dies_of_a_receipt() {
    let farm = Farm::new(3).farm("fanout = 1").start().await;
    let mut book = Book::default();
    for point in expand(RECEIPTS) {
        eprintln!("· {point}");
        farm[0].terminate().await;
        let doomed = doom(&farm[0], &point).await;
        // sending may run ahead of the disk, so a receipt may come before it is acknowledged
        doomed.dies_of(book.say(&farm[0])).await;
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}

/// Which node is first in a's chain.
async fn relay(farm: &Farm, book: &mut Book) -> usize {
    book.check(farm).await;
    let nodes = farm[0].get("/api/v1/nodes").await.json();
    let id = |name: &str| {
        nodes["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    if id("b") < id("c") { 1 } else { 2 }
}

/// What a peer with a clock that is ahead has sent: acknowledged as quarantined, so it must not be
/// lost, and is admitted when its time has come.
#[tokio::test]
async fn a_node_dies_with_something_in_quarantine() {
    // The stranger's entries go to b alone: the others learn of them by merging.
    let farm = Farm::new(3).farm("max_clock_skew = \"500ms\"").merge("every = \"300ms\"").start().await;
    let mut book = Book::default();
    let (stranger, initial) = (Stranger::new(), Stranger::new().id());
    for (turn, point) in expand(QUARANTINE).into_iter().enumerate() {
        eprintln!("· {point}");
        farm[1].terminate().await;
        let doomed = doom(&farm[1], &point).await;
        let ahead = clock::now().after(Duration::from_millis(2_500));
        let notification = json!({
            "id": uuid::Uuid::now_v7(), "timestamp": ahead, "targets": ["application:mail"], "status": if turn % 2 == 0 { "unavailable" } else { "available" },
            "source": "operator", "operator": "x", "node": "x",
        });
        let notification = serde_json::from_value(notification).unwrap();
        let entry = Entry::stamped(notification, 0, stranger.id());
        let item = json!({"entry": *entry, "initial": initial});
        let message = json!({"limit": clock::now(), "items": [item]});
        let send = async || {
            let body = message.to_string();
            let headers = stranger.sign(&farm[1], clock::now(), "/peer/v1/notifications", body.as_bytes());
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            farm[1].try_control("POST", "/peer/v1/notifications", &headers, Some(body.as_bytes())).await
        };
        let reply = doomed.dies_of(send()).await;
        farm[1].restart().await;
        if let Ok(reply) = reply {
            assert_eq!(reply.json()["receipts"][0]["state"], "quarantined", "{}", reply.text());
        } else {
            send().await.unwrap().expect(200);
        }
        let path = format!("/api/v1/notifications/{}", entry.notification.id);
        for node in &farm.nodes {
            poll_until("what was in quarantine is applied everywhere", async || {
                let reply = node.get(&path).await;
                reply.status == 200 && reply.json()["delivery"][0]["state"] == "applied"
            })
            .await;
        }
        book.check(&farm).await;
    }
    ledgers::compare(&farm, &book).await;
}
