//! Receipts: who has it, as the initial node and as the others tell it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    closing,
    support::{Farm, TOKEN, free_port, own_address},
};

fn states(json: &Value) -> Vec<(String, String)> {
    let rows = json["delivery"].as_array().unwrap_or_else(|| panic!("{json}"));
    rows.iter()
        .map(|row| (row["node"].as_str().unwrap().to_owned(), row["state"].as_str().unwrap().to_owned()))
        .collect()
}

fn applied(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), "applied".to_owned())).collect()
}

#[tokio::test]
async fn waiting_for_all_ends_with_every_nodes_receipt_which_every_node_can_tell() {
    let farm = Farm::new(3).start().await;
    let reply = farm[0].submit_with("?wait=all", TOKEN, closing("application:mail", json!({}))).await.expect(200);
    let json = reply.json();
    assert_eq!((states(&json), &json["complete"]), (applied(&["a", "b", "c"]), &json!(true)));
    assert!(json["delivery"].as_array().unwrap().iter().all(|row| row["at"].is_string()), "{json}");
    let path = format!("/api/v1/notifications/{}", json["id"].as_str().unwrap());
    for node in &farm.nodes {
        let told = node.get(&path).await.expect(200).json();
        assert_eq!((states(&told), &told["complete"]), (applied(&["a", "b", "c"]), &json!(true)), "{}", node.name);
        assert_eq!((&told["targets"], &told["node"]), (&json!(["application:mail"]), &json!("a")));
    }
    farm[1].get("/api/v1/notifications/0190b5c4-0000-7000-8000-000000000000").await.expect(404);
    farm[1].get("/api/v1/notifications/no-id").await.expect(404);
    // the initial node is away: the others tell only of themselves, and say that it is not all
    farm[0].kill9().await;
    let told = farm[2].get(&path).await.expect(200).json();
    assert_eq!((states(&told), &told["complete"]), (applied(&["c"]), &json!(false)));
}

#[tokio::test]
async fn a_peer_that_is_down_is_outstanding_until_it_is_back() {
    let farm = Farm::new(3).start().await;
    farm[2].kill9().await;
    let began = Instant::now();
    let reply =
        farm[0].submit_with("?wait=all&timeout=1s", TOKEN, closing("application:mail", json!({}))).await.expect(202);
    assert!(
        began.elapsed() >= Duration::from_secs(1) && began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    let json = reply.json();
    assert_eq!(json["complete"], false);
    assert_eq!(states(&json), [applied(&["a", "b"]), vec![("c".to_owned(), "waiting".to_owned())]].concat(), "{json}");
    assert!(reply.header("location").is_some());
    let path = format!("/api/v1/notifications/{}", json["id"].as_str().unwrap());
    farm[2].start();
    farm[0].wait_until("c has confirmed", async || farm[0].get(&path).await.json()["complete"] == true).await;
    let told = farm[1].get(&path).await.json();
    assert_eq!(states(&told), applied(&["a", "b", "c"]));
}

#[tokio::test]
async fn a_peer_that_nobody_has_met_is_outstanding_too() {
    let nobody = format!("http://{}", free_port(own_address()));
    let farm = Farm::new(1)
        .peers_of(0, std::slice::from_ref(&nobody))
        .merge("timeout = \"500ms\"\nevery = \"1h\"")
        .build()
        .await;
    farm[0].start();
    farm[0].wait_ready().await;
    let json = farm[0]
        .submit_with("?wait=all&timeout=300ms", TOKEN, closing("application:mail", json!({})))
        .await
        .expect(202)
        .json();
    assert_eq!(json["complete"], false, "{json}");
    assert_eq!(states(&json)[0], ("a".to_owned(), "applied".to_owned()));
    assert_eq!(states(&json)[1].0, nobody, "{json}");
    let nodes = farm[0].get("/api/v1/nodes").await.json();
    assert_eq!(
        (&nodes["nodes"][1]["name"], &nodes["nodes"][1]["id"], &nodes["nodes"][1]["phase"]),
        (&json!(nobody), &Value::Null, &json!("unknown")),
        "{nodes}"
    );
}

#[tokio::test]
async fn events_tell_of_each_receipt() {
    let farm = Farm::new(2).start().await;
    let mut events = farm[0].events().await;
    let id = farm[0].submit(closing("application:mail", json!({}))).await.expect(202).json()["id"].clone();
    let mut kinds = Vec::new();
    let path = format!("/api/v1/notifications/{}", id.as_str().unwrap());
    tokio::time::timeout(Duration::from_secs(10), async {
        let told = |kinds: &[String]| {
            ["notification", "availability", "delivery"].iter().all(|kind| kinds.iter().any(|known| known == kind))
        };
        while !(told(&kinds) && farm[0].get(&path).await.json()["complete"] == true) {
            let (kind, data) = events.next().await.unwrap();
            if kind == "delivery" || kind == "notification" {
                assert_eq!(data["id"], id);
            }
            kinds.push(kind);
        }
    })
    .await
    .unwrap();
    assert!(kinds.contains(&"notification".to_owned()) && kinds.contains(&"availability".to_owned()), "{kinds:?}");
}
