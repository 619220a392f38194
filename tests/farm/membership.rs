//! Who belongs to the farm: forgotten nodes that return, restored backups (docs/contract.md#life-of-a-node).

use serde_json::{Value, json};

use crate::{
    closing, opening,
    support::{Farm, Node, TOKEN, binary},
};

/// A subcommand of `forewarn store` for a node that is not running.
fn store(node: &Node, verb: &str, more: &[&str]) {
    let done = std::process::Command::new(binary())
        .args(["store", verb, "--config"])
        .arg(&node.config)
        .args(more)
        .output()
        .unwrap();
    assert!(done.status.success(), "{verb}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Id, phase and outbox of the node of this name, as another one tells.
async fn told(node: &Node, name: &str) -> Option<Value> {
    let nodes = node.get("/api/v1/nodes").await.expect(200).json();
    nodes["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).cloned()
}

async fn same_fingerprints(farm: &Farm) {
    let first = &farm[0];
    first
        .wait_until("all ledgers are the same", async || {
            let mut fingerprints = Vec::new();
            for node in &farm.nodes {
                fingerprints.push(node.fingerprint().await);
            }
            fingerprints.iter().all(|fingerprint| *fingerprint == fingerprints[0])
        })
        .await;
}

#[tokio::test]
async fn a_forgotten_node_joins_again_under_a_new_id_with_what_it_had_to_say() {
    let farm = Farm::new(3).merge("timeout = \"1s\"\nevery = \"1s\"").start().await;
    farm[0].submit_wait_all(closing("application:chat", json!({}))).await;
    let before = told(&farm[0], "c").await.unwrap()["id"].clone();
    // c says something that nobody hears, and goes
    farm[0].terminate().await;
    farm[1].terminate().await;
    farm[2].submit(closing("application:mail", json!({"message": "undelivered"}))).await.expect(202);
    farm[2].kill9().await;
    for node in [0, 1] {
        farm[node].start();
    }
    for node in [0, 1] {
        farm[node].wait_ready().await;
    }
    let token = format!("Bearer {TOKEN}");
    farm[0].control("DELETE", "/api/v1/nodes/c", &[("authorization", &token)], None).await.expect(204);
    farm[1]
        .wait_until("b has forgotten c, too", async || told(&farm[1], "c").await.is_none_or(|c| c["id"].is_null()))
        .await;
    // it returns, and is told so
    farm[2].start();
    farm[2].wait_log(&["ERROR", "event=fenced", "forgotten"]).await;
    farm[2].wait_fenced().await;
    let refused = farm[2].submit(closing("application:directory", json!({}))).await.expect(503);
    assert!(refused.json()["detail"].as_str().unwrap().contains("store renew"), "{}", refused.text());
    farm[0].gate_get("/mail", &[]).await.expect(200);
    // under a new id it is a member like any other, and what it had said arrives
    farm[2].terminate().await;
    store(&farm[2], "renew", &[]);
    farm[2].restart().await;
    for node in &farm.nodes {
        node.wait_available("mail", false).await;
        node.wait_available("chat", false).await;
    }
    let after = told(&farm[0], "c").await.unwrap()["id"].clone();
    assert!(after.is_string() && after != before, "{before} {after}");
    farm[2].submit_wait_all(opening("application:chat")).await;
    same_fingerprints(&farm).await;
}

#[tokio::test]
async fn a_restored_backup_loses_nothing() {
    let farm = Farm::new(3).merge("timeout = \"1s\"\nevery = \"1s\"").start().await;
    farm[2].submit_wait_all(closing("application:chat", json!({"message": "delivered before"}))).await;
    // what c holds for the others goes into the backup with it
    farm[0].terminate().await;
    farm[1].terminate().await;
    farm[2].submit(closing("application:mail", json!({"message": "undelivered"}))).await.expect(202);
    farm[2].terminate().await;
    let kept = farm.folder.path().join("kept");
    store(&farm[2], "backup", &[&kept.display().to_string()]);
    // life goes on: c delivers that, says more, and hears more
    for node in &farm.nodes {
        node.start();
    }
    for node in &farm.nodes {
        node.wait_ready().await;
    }
    farm[2].submit_wait_all(opening("application:chat")).await;
    farm[0].submit_wait_all(closing("application:directory", json!({"message": "after the backup"}))).await;
    // its disk is lost, and the backup takes its place
    farm[2].kill9().await;
    std::fs::remove_dir_all(&farm[2].data).unwrap();
    std::fs::rename(&kept, &farm[2].data).unwrap();
    farm[2].start();
    farm[2].wait_fenced().await;
    farm[2].wait_log(&["ERROR", "event=fenced", "store renew"]).await;
    farm[2].submit(opening("application:mail")).await.expect(503);
    farm[2].terminate().await;
    store(&farm[2], "renew", &[]);
    farm[2].restart().await;
    for node in &farm.nodes {
        node.wait_available("mail", false).await;
        node.wait_available("directory", false).await;
        node.wait_available("chat", true).await;
    }
    farm[2].submit_wait_all(opening("application:mail")).await;
    same_fingerprints(&farm).await;
}
