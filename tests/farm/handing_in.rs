//! `[notifier]`: form and alerts hand in at another node (docs/contract.md#the-initial-node).

use std::net::SocketAddr;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    in_seconds,
    support::{Farm, Node, form::Form},
};

/// Three nodes; c hands in at these.
async fn farm(initial: &str, nodes: impl Fn(&Farm) -> Vec<SocketAddr>) -> Farm {
    let farm = Farm::new(3).build().await;
    let nodes: Vec<String> = nodes(&farm).iter().map(|address| format!("http://{address}")).collect();
    let config = std::fs::read_to_string(&farm[2].config).unwrap();
    let notifier = format!("[notifier]\ninitial = {initial:?}\nnodes = {nodes:?}\n");
    std::fs::write(&farm[2].config, config + &notifier).unwrap();
    farm.nodes.iter().for_each(Node::start);
    farm.wait_ready().await;
    farm.wait_met().await;
    farm
}

fn fires(fingerprint: &str, target: &str) -> Value {
    json!({"status": "firing", "labels": {"forewarn_target": target}, "startsAt": in_seconds(-1.0), "fingerprint": fingerprint})
}

/// The latest notification in a node's history.
async fn latest(node: &Node) -> Value {
    node.get("/api/v1/notifications?limit=1").await.json()["notifications"][0].clone()
}

#[tokio::test]
async fn the_first_node_that_answers_is_the_initial_one_and_otherwise_this_node_is() {
    let nobody = |farm: &Farm| crate::support::free_port(farm.address);
    let farm = farm("listed", |farm| vec![nobody(farm), farm[1].control]).await;
    let (a, b, c) = (&farm[0], &farm[1], &farm[2]);
    assert_eq!(c.alerts(&[fires("f1", "application:chat")]).await.expect(200).json()["closed"], 1);
    assert_eq!(c.gate_get("/chat", &[]).await.status, 503, "what b has taken is known here when it is answered");
    a.wait_available("chat", false).await;
    let taken = latest(c).await;
    assert_eq!(
        (&taken["node"], &taken["reporter"], &taken["source"]),
        (&json!("b"), &json!("alert/f1"), &json!("alert"))
    );
    b.wait_log(&["event=submitted", "by=alert/f1", "peer="]).await;

    // A form is handed in under the operator's name; what b refuses is refused.
    let form = Form::sign_in(c).await;
    let (id, now) = (forewarn::clock::new_id().to_string(), in_seconds(0.0));
    let fields = [("id", id.as_str()), ("timestamp", &now), ("targets", "application:mail"), ("status", "unavailable")];
    let reply = form.confirm(&fields).await.unwrap().expect(303);
    assert_eq!(reply.header("location"), Some(&*format!("/notify/{id}")));
    let taken = latest(c).await;
    assert_eq!((&taken["node"], &taken["operator"]), (&json!("b"), &json!("alice")));
    form.confirm(&fields).await.unwrap().expect(303);
    let other = [fields[0], fields[1], fields[2], ("status", "available")];
    form.confirm(&other).await.unwrap().expect(409);
    let nowhere =
        [("id", &*forewarn::clock::new_id().to_string()), fields[1], ("targets", "application:nowhere"), fields[3]];
    form.confirm(&nowhere).await.unwrap().expect(422);

    b.kill9().await;
    c.alerts(&[fires("f2", "application:directory")]).await.expect(200);
    assert_eq!(latest(c).await["node"], "c");
    a.wait_available("directory", false).await;
}

#[tokio::test]
async fn a_node_that_does_not_say_how_busy_it_is_is_not_the_least_loaded() {
    let farm = farm("least-loaded", |farm| vec![farm[0].control, farm[1].control, farm[2].control]).await;
    let c = &farm[2];
    farm[0].signal(Signal::STOP);
    c.alerts(&[fires("f1", "application:chat")]).await.expect(200);
    let taken = latest(c).await;
    farm[0].signal(Signal::CONT);
    assert_ne!(taken["node"], "a");
    farm[0].wait_available("chat", false).await;
}

#[tokio::test]
async fn only_nodes_of_the_farm_hand_in() {
    let farm = Farm::new(1).start().await;
    for (method, path) in [("POST", "/peer/v1/submit"), ("GET", "/peer/v1/load")] {
        let body =
            json!({"submission": {"targets": ["system"], "status": "unavailable"}, "author": {"source": "operator"}});
        let body = (method == "POST").then(|| body.to_string());
        let reply = farm[0].control(method, path, &[], body.as_ref().map(String::as_bytes)).await;
        assert_eq!(reply.status, 401, "{path}");
    }
}
