//! A disk that is full: submissions are refused, the gate goes on, and it all works again when there
//! is space. On a small tmpfs of its own, which only root can mount.

use std::fs::File;

use serde_json::json;

use crate::{
    closing, opening,
    support::{
        Farm,
        tmpfs::{Tmpfs, fill},
        wait::poll_until,
    },
};

/// What another program gives back: less than a quarter of the reserve, which a node wants for its own
/// record at its start, and enough for the storage engine, which wants a segment (8 MiB) to open.
const SPARE: u64 = 12 << 20;

#[tokio::test]
async fn a_full_disk_refuses_submissions_and_nothing_else() {
    let mounted_at = tempfile::tempdir().unwrap();
    let Some(tmpfs) = Tmpfs::mount(mounted_at.path(), "112m") else { return };
    let farm = Farm::new(2).node("reserve = \"56MiB\"").data(&tmpfs.0).start().await;
    let node = &farm[0];
    node.submit_wait_all(closing("application:mail", json!({"message": "before"}))).await;
    let alert = [json!({"status": "resolved", "labels": {"forewarn_target": "application:chat"},
        "startsAt": crate::in_seconds(-1.0), "fingerprint": "a1"})];
    assert_eq!(node.alerts(&alert).await.expect(200).json()["opened"], 1);
    let ballast = tmpfs.0.join("ballast");
    fill(&ballast);
    poll_until("submissions are refused", async || {
        node.submit(closing("application:chat", json!({}))).await.status == 503
    })
    .await;
    let refused = node
        .submit(closing(
            "application:chat",
            json!({"id": "0190b5c4-2222-7000-8000-000000000001", "timestamp": crate::in_seconds(0.0)}),
        ))
        .await
        .expect(503);
    assert!(refused.header("retry-after").is_some(), "{:?}", refused.headers);
    // Not even a repeat is acknowledged: what is in memory may not be on the disk.
    assert!(node.alerts(&alert).await.expect(503).header("retry-after").is_some());
    assert!(refused.json()["detail"].as_str().unwrap().contains("store"), "{}", refused.text());
    for node in &farm.nodes {
        assert_eq!(node.gate_get("/mail", &[]).await.expect(503).json()["message"], "before");
        node.gate_get("/directory", &[]).await.expect(200);
        node.get("/api/v1/availability").await.expect(200);
        node.control("GET", "/healthz", &[], None).await.expect(200);
        node.control("GET", "/readyz", &[], None).await.expect(200);
    }
    assert!(node.control("GET", "/metrics", &[], None).await.text().contains("\nforewarn_store_writable 0\n"));
    // one that starts on a disk that is nearly full answers from what it knows as well
    farm[1].kill9().await;
    File::options()
        .write(true)
        .open(&ballast)
        .unwrap()
        .set_len(std::fs::metadata(&ballast).unwrap().len() - SPARE)
        .unwrap();
    farm[1].restart().await;
    farm[1].wait_log(&["ERROR", "boot_number_not_written"]).await;
    assert_eq!(farm[1].gate_get("/mail", &[]).await.expect(503).json()["message"], "before");
    farm[1].submit(opening("application:mail")).await.expect(503);
    std::fs::remove_file(&ballast).unwrap();
    for node in &farm.nodes {
        poll_until("submissions are taken again", async || {
            node.submit(opening("application:mail")).await.status == 202
        })
        .await;
    }
    farm[0].submit_wait_all(closing("application:directory", json!({}))).await;
    farm[1].submit_wait_all(opening("application:mail")).await;
    for node in &farm.nodes {
        node.gate_get("/mail", &[]).await.expect(200);
        node.gate_get("/directory", &[]).await.expect(503);
        assert!(!node.log().contains("panicked"), "{}", node.log());
    }
    assert_eq!(farm[0].fingerprint().await, farm[1].fingerprint().await);
    for node in &farm.nodes {
        node.kill9().await;
        node.start();
    }
    farm.wait_ready().await;
    farm[0].gate_get("/directory", &[]).await.expect(503);
    // the start without a number of its own has made no copy of it
    farm[1].submit_wait_all(opening("application:directory")).await;
    drop(farm);
    drop(tmpfs);
}
