//! A node dies while it gets to know another, or forgets one for good.

use crate::{
    book::Book,
    dying::{doom, expand},
    ledgers,
    support::{Farm, TOKEN, wait::poll_until},
};

/// The points of a first meeting with rows waiting: the other's record, then the rows' new name.
const MEETING: &[&str] = &["*member:2", "*met"];
/// The points of a start that finds rows for an address that is no longer configured.
const CHANGED: &[&str] = &["*restored"];
/// The points of forgetting a node for which rows wait.
const FORGETTING: &[&str] = &["*forgotten"];
/// Of this file.
pub const ALL: &[&[&str]] = &[MEETING, CHANGED, FORGETTING];

#[tokio::test]
async fn a_node_dies_at_a_first_meeting() {
    for point in expand(MEETING) {
        eprintln!("· {point}");
        let farm = Farm::new(2).build().await;
        let mut book = Book::default();
        let doomed = doom(&farm[0], &point).await;
        book.say_much(&farm[0], 2).await;
        farm[1].start();
        doomed.died().await;
        farm[0].restart().await;
        farm[1].wait_ready().await;
        book.node_has_all(&farm[0]).await;
        book.check(&farm).await;
        farm.wait_met().await;
        ledgers::compare(&farm, &book).await;
    }
}

#[tokio::test]
async fn a_node_dies_while_it_tidies_up_after_a_changed_configuration() {
    for point in expand(CHANGED) {
        eprintln!("· {point}");
        let farm = Farm::new(2).build().await;
        let mut book = Book::default();
        book.arrives_by_merge();
        farm[0].restart().await;
        book.say_much(&farm[0], 2).await;
        farm[0].terminate().await;
        let configuration = std::fs::read_to_string(&farm[0].config).unwrap();
        let without = configuration.lines().map(|line| if line.starts_with("peers =") { "peers = []" } else { line });
        std::fs::write(&farm[0].config, without.collect::<Vec<_>>().join("\n")).unwrap();
        doom(&farm[0], &point).await.died().await;
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
        farm[0].terminate().await;
        std::fs::write(&farm[0].config, configuration).unwrap();
        farm[0].start();
        farm[1].start();
        farm.wait_ready().await;
        book.check(&farm).await;
        ledgers::compare(&farm, &book).await;
    }
}

#[tokio::test]
async fn a_node_dies_while_it_forgets_another() {
    for point in expand(FORGETTING) {
        eprintln!("· {point}");
        let mut farm = Farm::new(3).start().await;
        let mut book = Book::default();
        farm[0].terminate().await;
        farm[2].kill9().await;
        let doomed = doom(&farm[0], &point).await;
        book.say_much(&farm[0], 2).await;
        let bearer = format!("Bearer {TOKEN}");
        let headers = [("authorization", bearer.as_str())];
        let forget = async || farm[0].try_control("DELETE", "/api/v1/nodes/c", &headers, None).await;
        doomed.dies_of(forget()).await.ok();
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
        // whoever asked does not know, and asks again
        let again = forget().await.unwrap();
        assert!([204, 404].contains(&again.status), "{}", again.text());
        drop(farm.nodes.pop());
        farm[1].terminate().await;
        farm[1].restart().await;
        for node in &farm.nodes {
            poll_until("c is forgotten", async || {
                let nodes = node.get("/api/v1/nodes").await.json();
                nodes["nodes"].as_array().unwrap().len() == 2
            })
            .await;
        }
        book.check(&farm).await;
        ledgers::compare(&farm, &book).await;
    }
}
