//! A farm changes its secret node by node.

use serde_json::json;

use crate::{closing, opening, support::Farm};

const OLD: &str = "the secret of the first year";
const NEW: &str = "the secret of the second year";

/// Every node hears of every other one's words.
async fn all_are_heard(farm: &Farm) {
    for node in &farm.nodes {
        node.submit_wait_all(closing("application:chat", json!({"message": node.name}))).await;
        node.submit_wait_all(opening("application:chat")).await;
    }
}

#[tokio::test]
async fn a_farm_changes_its_secret_node_by_node_and_nothing_is_lost_or_refused() {
    let farm = Farm::new(3).secret(OLD).start().await;
    let before = format!("secret = {OLD:?}\n");
    let both = format!("secret = {NEW:?}\nprevious_secret = {OLD:?}\n");
    let after = format!("secret = {NEW:?}\n");
    for (from, to) in [(&before, &both), (&both, &after)] {
        for (index, node) in farm.nodes.iter().enumerate() {
            let file = std::fs::read_to_string(&node.config).unwrap();
            assert!(file.contains(from.as_str()), "{file}");
            std::fs::write(&node.config, file.replace(from.as_str(), to)).unwrap();
            node.terminate().await;
            // Its peers keep for it what is said meanwhile.
            let other = &farm[(index + 1) % farm.nodes.len()];
            let word =
                other.submit(closing("application:mail", json!({"message": node.name}))).await.expect(202).json();
            node.restart().await;
            let path = format!("/api/v1/notifications/{}", word["id"].as_str().unwrap());
            other
                .wait_until("the word is everywhere", async || other.get(&path).await.json()["complete"] == true)
                .await;
            assert_eq!(node.gate_get("/mail", &[]).await.expect(503).json()["message"], json!(node.name));
            all_are_heard(&farm).await;
        }
    }
    for node in &farm.nodes {
        let log = node.log();
        let refused = ["peer_request_refused", "wrong signature", "cannot be believed", "fenced"];
        let line = log.lines().find(|line| refused.iter().any(|word| line.contains(word)));
        assert_eq!(line, None, "{}", node.name);
    }
}
