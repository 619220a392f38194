//! What the log has: one line for each thing that people and programs do, a bounded number for what
//! strangers do, and the name of what keeps a node from starting.

use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::{
    closing, opening,
    starting::silent,
    support::{Farm, TOKEN, wait::poll_until},
};

#[tokio::test]
async fn submissions_and_forgotten_nodes_are_one_line_each() {
    let farm = Farm::new(2).start().await;
    let told = farm[0].submit_wait_all(closing("application:mail", json!({"message": "not for the log"}))).await;
    let id = told["id"].as_str().unwrap();
    let line = farm[0].wait_log(&["INFO event=submitted", id]).await;
    let from = "from=127.0.0.1";
    for part in ["by=ci", "targets=application:mail", "repeated=false", from] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!farm[0].log().contains("not for the log") && !farm[1].log().contains("event=submitted"));
    farm[1].terminate().await;
    farm[0].control("DELETE", "/api/v1/nodes/b", &[("authorization", &format!("Bearer {TOKEN}"))], None).await;
    let line = farm[0].wait_log(&["INFO event=node_forgotten", "name=b"]).await;
    assert!(line.contains("by=ci") && line.contains(from), "{line}");
}

#[tokio::test]
async fn strangers_fill_no_log() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    for _ in 0..300 {
        node.submit_with("", "fw_wrong", opening("system")).await.expect(401);
    }
    let held_back = node.wait_log(&["event=held_back", "kind=token_refused"]).await;
    let written = node.log().lines().filter(|line| line.contains("event=token_refused")).count();
    let counts: u64 = node
        .log()
        .lines()
        .filter(|line| line.contains("event=held_back"))
        .map(|line| line.split("lines=").nth(1).unwrap().split(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert!((10..=60).contains(&written), "{written} lines");
    assert!(counts > 200, "{held_back}");
}

/// Two processes can both take a port before either listens; the second one to listen is refused.
#[tokio::test]
async fn a_port_that_is_taken_late_is_named() {
    let (_listener, nobody) = silent();
    let farm = Farm::new(1).peers_of(0, &[nobody]).merge("timeout = \"3s\"\nevery = \"1h\"").build().await;
    let other = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    other.set_reuse_address(true).unwrap();
    other.bind(&farm[0].gate.into()).unwrap();
    farm[0].start();
    poll_until("it merges, with the port taken", async || farm[0].phase().await == Some((503, "merge".to_owned())))
        .await;
    other.listen(1).unwrap();
    assert_eq!(farm[0].wait_exit().await.code(), Some(1));
    let line = farm[0].wait_log(&["ERROR", "gate.listen", &farm[0].gate.to_string()]).await;
    assert!(line.to_lowercase().contains("in use"), "{line}");
}
