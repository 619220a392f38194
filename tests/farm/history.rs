//! What people and programs can look up: the history, the nodes, the figures.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::{
    closing, opening,
    support::{Farm, MONITOR_TOKEN},
};

fn ids(page: &Value) -> Vec<String> {
    page["notifications"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_history_is_listed_newest_first_filtered_and_by_pages() {
    let farm = Farm::new(2).start().await;
    let mut said = Vec::new();
    for target in ["application:mail", "application:chat", "resource:mail-store", "system", "application:directory"] {
        said.push(farm[0].submit_wait_all(closing(target, json!({}))).await["id"].as_str().unwrap().to_owned());
    }
    let monitor = farm[1]
        .submit_with("?wait=all", MONITOR_TOKEN, closing("application:chat", json!({})))
        .await
        .expect(200)
        .json();
    said.push(monitor["id"].as_str().unwrap().to_owned());
    said.reverse();
    for node in &farm.nodes {
        let list = async |query: &str| node.get(&format!("/api/v1/notifications{query}")).await.expect(200).json();
        assert_eq!(ids(&list("").await), said);
        assert_eq!(list("").await["next"], Value::Null);
        assert_eq!(ids(&list("?application=mail").await), [said[2].clone(), said[3].clone(), said[5].clone()]);
        assert_eq!(ids(&list("?application=chat&source=operator").await), [said[2].clone(), said[4].clone()]);
        assert_eq!(ids(&list("?source=monitor").await), [said[0].clone()]);
        assert_eq!(ids(&list("?operator=ci").await), said[1..]);
        assert_eq!(ids(&list("?operator=alice").await), Vec::<String>::new());
        let (mut all, mut next) = (Vec::new(), String::new());
        loop {
            let page = list(&format!("?limit=4{next}")).await;
            all.extend(ids(&page));
            match page["next"].as_str() {
                Some(cursor) => next = format!("&before={cursor}"),
                None => break,
            }
        }
        assert_eq!(all, said);
        for (query, field) in [
            ("?limit=0", "limit"),
            ("?limit=1001", "limit"),
            ("?source=me", "source"),
            ("?before=x", "before"),
            ("?colour=red", "colour"),
        ] {
            assert_eq!(
                node.get(&format!("/api/v1/notifications{query}")).await.expect(422).fields(),
                [field],
                "{query}"
            );
        }
    }
}

#[tokio::test]
async fn what_one_said_is_still_listed_after_it_has_been_superseded() {
    let farm = Farm::new(1).start().await;
    let told = farm[0].submit_wait_all(closing("application:mail", json!({"message": "gone"}))).await;
    farm[0].submit_wait_all(opening("application:mail")).await;
    let path = format!("/api/v1/notifications/{}", told["id"].as_str().unwrap());
    assert_eq!(farm[0].get(&path).await.expect(200).json()["message"], "gone");
    farm[0].kill9().await;
    farm[0].restart().await;
    assert_eq!(farm[0].get(&path).await.expect(200).json()["message"], "gone");
    assert_eq!(ids(&farm[0].get("/api/v1/notifications").await.json()).len(), 2);
}

#[tokio::test]
async fn the_nodes_page_tells_who_is_there_and_whose_definitions_differ() {
    let farm = Farm::new(2)
        .applications_of(1, "[[application]]\nname = \"mail\"\ntitle = \"Mail\"\nroutes = [\"/mail\"]\nagree = 2\n")
        .start()
        .await;
    let told = farm[0].submit_wait_all(closing("application:chat", json!({}))).await;
    assert_eq!(told["delivery"].as_array().unwrap().len(), 2, "a node that does not run it keeps it as well");
    let nodes = farm[0].get("/api/v1/nodes").await.expect(200).json();
    let (a, b) = (&nodes["nodes"][0], &nodes["nodes"][1]);
    assert_eq!((&a["name"], &a["this"], &a["phase"]), (&json!("a"), &json!(true), &json!("ready")));
    assert_eq!((&b["name"], &b["phase"], &b["outbox"]), (&json!("b"), &json!("ready"), &json!(0)));
    assert_eq!(b["address"], format!("http://{}", farm[1].control));
    assert!(b["definitions"].to_string().contains("mail"), "{b}");
    assert!(
        b["last_contact"].is_string() && a["ledger_fingerprint"].as_str().is_some_and(|text| text.len() == 32),
        "{nodes}"
    );
    assert_eq!(farm[0].fingerprint().await, farm[1].fingerprint().await);
    // b does not run chat, but knows of it
    assert_eq!(
        farm[1].get("/api/v1/availability").await.json()["applications"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["application"] == "chat")
            .count(),
        1
    );
    farm[1].submit(opening("application:chat")).await.expect(202);
    farm[1].kill9().await;
    farm[0].submit(closing("application:mail", json!({}))).await.expect(202);
    farm[0]
        .wait_until("b is away", async || {
            let b = farm[0].get("/api/v1/nodes").await.json()["nodes"][1].clone();
            b["phase"] == "away" && b["outbox"] == 1
        })
        .await;
}

/// The samples of a Prometheus text, by what stands before the value.
fn samples(text: &str) -> std::collections::HashMap<String, f64> {
    let mut typed = HashSet::new();
    let mut samples = std::collections::HashMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(typed.insert(name.to_owned()), "{name} stands twice");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            let of_histogram = ["_bucket", "_count", "_sum"].into_iter().find_map(|end| family.strip_suffix(end));
            let is_typed = [Some(family), of_histogram].into_iter().flatten().any(|family| typed.contains(family));
            assert!(is_typed, "a sample without its type: {line}");
            assert!(samples.insert(name.to_owned(), value.parse().unwrap()).is_none(), "{line}");
        }
    }
    samples
}

#[tokio::test]
async fn metrics_can_be_read_and_count() {
    let farm = Farm::new(2).start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({}))).await;
    farm[0].submit(json!({})).await.expect(422);
    farm[0].gate_get("/mail", &[]).await.expect(503);
    farm[0].gate_get("/chat", &[]).await.expect(200);
    let reply = farm[0].control("GET", "/metrics", &[], None).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let samples = samples(&reply.text());
    for (name, value) in [
        ("forewarn_ledger_entries", 1.0),
        ("forewarn_pending", 0.0),
        ("forewarn_submissions_total", 1.0),
        ("forewarn_denials_total", 1.0),
        ("forewarn_proxied_total", 1.0),
        ("forewarn_store_writable", 1.0),
        ("forewarn_submission_seconds_count", 1.0),
        ("forewarn_submission_seconds_bucket{le=\"+Inf\"}", 1.0),
        ("forewarn_application_available{application=\"mail\"}", 0.0),
        ("forewarn_application_available{application=\"chat\"}", 1.0),
        ("forewarn_outbox_rows{peer=\"b\"}", 0.0),
        ("forewarn_peer_up{peer=\"b\"}", 1.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name}\n{}", reply.text());
    }
    assert!(samples["forewarn_store_commit_seconds_count"] > 1.0, "{}", reply.text());
}
