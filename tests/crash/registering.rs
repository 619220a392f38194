//! A node dies while it takes a schedule, or makes what follows from it.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    dying::{doom, expand},
    support::{Farm, Node, Reply, TOKEN},
};

/// The points of a change of the registry.
const REGISTERING: &[&str] = &["*register", "*schedule"];
/// Of this file.
pub const ALL: &[&[&str]] = &[REGISTERING];

/// A request with the operator's token; `None` where the connection breaks.
async fn ask(node: &Node, method: &str, path: &str, body: &Value) -> Option<Reply> {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = (method == "PUT").then(|| body.to_string());
    node.try_control(method, path, &headers, body.as_ref().map(String::as_bytes)).await.ok()
}

/// The plans for mail that a node knows.
async fn plans(node: &Node) -> Vec<Value> {
    let mail = node.get("/api/v1/availability/mail").await.expect(200).json();
    mail["upcoming"].as_array().unwrap().iter().map(|plan| plan["id"].clone()).collect()
}

#[tokio::test]
async fn a_node_dies_while_it_takes_a_schedule() {
    let farm = Farm::new(2).start().await;
    let (node, other) = (&farm[0], &farm[1]);
    let starts = forewarn::clock::now().after(Duration::from_secs(3_600)).to_datetime();
    let value = json!({
        "title": "Backup", "targets": ["application:mail"], "time_zone": "UTC", "rule": "FREQ=DAILY",
        "starts": starts.format("%Y-%m-%dT%H:%M").to_string(), "duration_seconds": 600,
    });
    for point in expand(REGISTERING) {
        eprintln!("· {point}");
        let place = format!("/api/v1/schedules/{}", Uuid::new_v4());
        node.terminate().await;
        other.kill9().await;
        let doomed = doom(node, &point).await;
        let answer = doomed.dies_of(ask(node, "PUT", &place, &value)).await;
        node.restart().await;
        if answer.is_some_and(|answer| answer.status == 201) {
            ask(node, "GET", &place, &value).await.unwrap().expect(200);
        }
        // The same again is the same, whether it was taken or not.
        let again = ask(node, "PUT", &place, &value).await.unwrap();
        assert!([200, 201].contains(&again.status), "{}", again.text());
        node.wait_until("it has the plans", async || plans(node).await.len() == 14).await;
        other.restart().await;
        let expected = plans(node).await;
        other.wait_until("the other node has them", async || plans(other).await == expected).await;
        ask(node, "DELETE", &place, &value).await.unwrap().expect(204);
        for node in &farm.nodes {
            node.wait_until("they are cancelled", async || plans(node).await.is_empty()).await;
        }
    }
}
