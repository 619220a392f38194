//! Turning users away at the door: what a closed application answers, on every node.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::Farm;

#[tokio::test]
async fn what_one_node_is_told_every_gate_says_within_a_second() {
    let farm = Farm::new(3).start().await;
    for node in &farm.nodes {
        let reply = node.gate_get("/mail/inbox", &[]).await.expect(200);
        assert_eq!(reply.text(), "performed /mail/inbox");
    }
    let began = Instant::now();
    farm[0].submit(json!({"targets": ["application:mail"], "status": "unavailable", "reason": "planned-maintenance", "message": "Disk upgrade", "duration_seconds": 7200})).await.expect(202);
    for node in &farm.nodes {
        node.wait_available("mail", false).await;
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    farm.upstream.forget();
    for node in &farm.nodes {
        node.gate_get("/mail/inbox", &[]).await.expect(503);
    }
    assert_eq!(farm.upstream.count(), 0, "a closed application is not asked");
    let began = Instant::now();
    farm[2].submit(json!({"targets": ["application:mail"], "status": "available"})).await.expect(202);
    for node in &farm.nodes {
        node.wait_available("mail", true).await;
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    for node in &farm.nodes {
        node.gate_get("/mail/inbox", &[]).await.expect(200);
    }
    assert_eq!(farm.upstream.count(), 3);
}
