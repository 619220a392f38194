//! Nodes that were away: what they are right about, and from when on.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    closing, opening,
    support::{Farm, Node, Reply},
};

/// Asks the gate again and again until somebody lets the connection in; that answer.
async fn first_answer(node: &Node, path: &str) -> Reply {
    let asking = async {
        loop {
            if let Ok(reply) = node.try_gate("GET", path, &[], None).await {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.unwrap()
}

async fn five(farm: &Farm) {
    farm[0].submit(closing("application:mail", json!({"message": "one"}))).await.expect(202);
    farm[1].submit(closing("application:chat", json!({}))).await.expect(202);
    farm[0].submit(opening("application:chat")).await.expect(202);
    farm[1].submit(closing("resource:mail-store", json!({}))).await.expect(202);
    farm[0]
        .submit(closing("application:directory", json!({"criteria": {"methods": ["GET"]}, "message": "five"})))
        .await
        .expect(202);
    farm[1]
        .wait_until("b has all five", async || {
            farm[1].get("/api/v1/notifications").await.json()["notifications"].as_array().unwrap().len() == 5
        })
        .await;
    // an opening at a must not overtake the closing from b on b's own way
    farm[1].wait_available("chat", true).await;
}

#[tokio::test]
async fn a_node_that_was_down_is_right_before_it_is_ready() {
    let farm = Farm::new(3).start().await;
    farm[2].kill9().await;
    five(&farm).await;
    farm[2].start();
    // whoever is let in first is told right, on each path
    let (mail, chat, directory) = tokio::join!(
        first_answer(&farm[2], "/mail"),
        first_answer(&farm[2], "/chat"),
        first_answer(&farm[2], "/directory")
    );
    assert_eq!(
        (mail.status, chat.status, directory.status),
        (503, 200, 503),
        "{} {} {}",
        mail.text(),
        chat.text(),
        directory.text()
    );
    assert_eq!(mail.json()["message"], "one");
    assert_eq!(mail.json()["causes"], json!(["application:mail", "resource:mail-store"]));
    assert_eq!(directory.json()["message"], "five");
    farm[2].wait_ready().await;
    assert_eq!(farm[2].fingerprint().await, farm[0].fingerprint().await);
    // and it gets what it missed into its history
    farm[2]
        .wait_until("its history is complete", async || {
            farm[2].get("/api/v1/notifications").await.json()["notifications"].as_array().unwrap().len() == 5
        })
        .await;
}

#[tokio::test]
async fn alone_it_starts_after_its_time_out_and_serves_what_it_knows() {
    let farm = Farm::new(3).merge("timeout = \"1s\"\nevery = \"1h\"").start().await;
    five(&farm).await;
    farm[2].wait_until("c has all five", async || farm[2].fingerprint().await == farm[0].fingerprint().await).await;
    for node in &farm.nodes {
        node.kill9().await;
    }
    let began = Instant::now();
    farm[2].start();
    assert_eq!(first_answer(&farm[2], "/mail").await.expect(503).json()["message"], "one");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    farm[2].gate_get("/chat", &[]).await.expect(200);
    farm[2].gate_get("/directory", &[]).await.expect(503);
    // it takes news, which the others get when they are back
    farm[2].submit(closing("system", json!({"message": "six"}))).await.expect(202);
    farm[0].start();
    farm[1].start();
    for node in [&farm[0], &farm[1]] {
        first_answer(node, "/chat").await.expect(503);
        node.wait_ready().await;
    }
    assert_eq!(farm[0].get("/api/v1/availability").await.json()["system"][0]["message"], "six");
}

#[tokio::test]
async fn what_was_acknowledged_alone_survives_kill_9_and_reaches_the_others() {
    let farm = Farm::new(3).merge("timeout = \"1s\"\nevery = \"1h\"").start().await;
    farm[1].kill9().await;
    farm[2].kill9().await;
    let id =
        farm[0].submit(closing("application:mail", json!({"message": "kept"}))).await.expect(202).json()["id"].clone();
    farm[0].kill9().await;
    farm[0].start();
    assert_eq!(first_answer(&farm[0], "/mail").await.expect(503).json()["message"], "kept");
    farm[0].wait_ready().await;
    for node in [&farm[1], &farm[2]] {
        node.start();
        assert_eq!(first_answer(node, "/mail").await.expect(503).json()["notification"], id);
        node.wait_ready().await;
    }
    let path = format!("/api/v1/notifications/{}", id.as_str().unwrap());
    farm[0].wait_until("all have confirmed", async || farm[0].get(&path).await.json()["complete"] == true).await;
}

#[tokio::test]
async fn a_partition_heals_by_itself() {
    // a and b do not list each other's c: c learns of them, and they of c, by the same merge
    let farm = Farm::new(3).merge("timeout = \"1s\"\nevery = \"300ms\"").build().await;
    farm[0].restart().await;
    farm[1].restart().await;
    farm[0].submit(closing("application:mail", json!({}))).await.expect(202);
    farm[1].wait_available("mail", false).await;
    farm[2].restart().await;
    farm.wait_met().await;
    for node in &farm.nodes {
        node.gate_get("/mail", &[]).await.expect(503);
    }
}

#[tokio::test]
async fn a_joining_node_needs_one_address_only() {
    let farm = Farm::new(3).build().await;
    let a = format!("http://{}", farm[0].control);
    for node in 0..3 {
        let config = std::fs::read_to_string(&farm[node].config).unwrap();
        let peers = if node == 0 { "peers = []".to_owned() } else { format!("peers = [{a:?}]") };
        let lines: Vec<String> = config
            .lines()
            .map(|line| if line.starts_with("peers = ") { peers.clone() } else { line.to_owned() })
            .collect();
        std::fs::write(&farm[node].config, lines.join("\n")).unwrap();
        farm[node].restart().await;
    }
    farm.wait_met().await;
    let told = farm[1].submit_wait_all(closing("application:mail", json!({}))).await;
    assert_eq!(told["delivery"].as_array().unwrap().len(), 3, "{told}");
    farm[2].gate_get("/mail", &[]).await.expect(503);
}
