//! Nodes among themselves: who is believed, and that doing it twice or out of order harms nothing.

use forewarn::{
    availability::{Moment, NodeId},
    clock,
};
use serde_json::{Value, json};

use crate::{
    closing,
    support::{Farm, Stranger, TOKEN},
};

/// An entry as a node of this name would have made it, with whatever members.
pub fn entry(id: NodeId, more: Value) -> Value {
    let mut record = json!({
        "id": clock::new_id(), "timestamp": clock::now(), "targets": ["application:mail"], "status": "unavailable",
        "reason": "unknown", "reason_code": 0, "source": "operator", "operator": "mallory", "node": "x",
    });
    for (member, value) in more.as_object().unwrap() {
        record[member] = value.clone();
    }
    let notification = serde_json::from_value(record).unwrap();
    serde_json::to_value(&*forewarn::availability::Entry::stamped(notification, 0, id)).unwrap()
}

/// A message that hands over entries.
pub fn deliver(from: NodeId, entries: &[Value]) -> Value {
    let items: Vec<Value> = entries.iter().map(|entry| json!({"entry": entry, "initial": from})).collect();
    json!({"limit": clock::now(), "items": items})
}

const DELIVER: &str = "/peer/v1/notifications";

#[tokio::test]
async fn what_is_not_signed_with_the_farms_secret_is_401_logged_and_not_applied() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let (member, stranger) = (Stranger::new(), Stranger::with_secret("another-secret-0123456789"));
    let message = deliver(member.id(), &[entry(member.id(), json!({}))]);
    let body = message.to_string();
    // no signature; somebody else's; another body, another path; too old
    let refused = async |headers: &[(&'static str, String)], path: &str, body: &[u8]| {
        let reply = member.send(node, path, headers, body).await;
        assert_eq!(reply.status, 401, "{}", reply.text());
        assert!(reply.header("forewarn-signature").is_none(), "a stranger gets no signature");
    };
    refused(&[], DELIVER, body.as_bytes()).await;
    refused(&stranger.sign(node, clock::now(), DELIVER, body.as_bytes()), DELIVER, body.as_bytes()).await;
    let good = || member.sign(node, clock::now(), DELIVER, body.as_bytes());
    refused(&good(), DELIVER, body.replace("mallory", "trudy").as_bytes()).await;
    let good = good();
    refused(&good, "/peer/v1/merge", body.as_bytes()).await;
    let old = clock::now().before(std::time::Duration::from_secs(301));
    refused(&member.sign(node, old, DELIVER, body.as_bytes()), DELIVER, body.as_bytes()).await;
    refused(
        &member.sign(node, Moment::from_millis(clock::now().millis() + 301_000), DELIVER, body.as_bytes()),
        DELIVER,
        body.as_bytes(),
    )
    .await;
    for line in ["missing", "wrong signature", "clock more than"] {
        node.wait_log(&["WARN", "event=peer_request_refused", line]).await;
    }
    assert_eq!(node.get("/api/v1/notifications").await.json()["notifications"], json!([]));
    // the same once, properly: believed; and once more: a replay
    let reply = member.send(node, DELIVER, &good, body.as_bytes()).await.expect(200);
    assert!(reply.header("forewarn-signature").is_some(), "answers are signed");
    assert_eq!(reply.json()["receipts"].as_array().unwrap().len(), 1, "{}", reply.text());
    node.wait_available("mail", false).await;
    refused(&good, DELIVER, body.as_bytes()).await;
    node.wait_log(&["WARN", "event=peer_request_refused", "received before"]).await;
    assert_eq!(node.get("/api/v1/notifications").await.json()["notifications"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn duplicates_and_disorder_change_nothing() {
    let farm = Farm::new(2).start().await;
    let stranger = Stranger::new();
    let one = entry(stranger.id(), json!({"message": "one"}));
    let two = entry(
        stranger.id(),
        json!({"message": "two", "timestamp": clock::now().after(std::time::Duration::from_millis(5))}),
    );
    for entries in [
        &[two.clone()][..],
        std::slice::from_ref(&one),
        &[one.clone(), two.clone()],
        &[two.clone(), one.clone(), one.clone()],
    ] {
        let told = stranger.post(&farm[0], DELIVER, &deliver(stranger.id(), entries)).await.expect(200).json();
        assert_eq!(told["receipts"].as_array().unwrap().len(), entries.len(), "{told}");
    }
    farm[0].wait_available("mail", false).await;
    assert_eq!(farm[0].gate_get("/mail", &[]).await.json()["message"], "two");
    assert!(farm[0].get("/api/v1/notifications").await.json()["notifications"].as_array().unwrap().len() <= 2);
    // what came from a repeater is not sent on
    let metrics = farm[0].control("GET", "/metrics", &[], None).await.text();
    assert!(metrics.contains("\nforewarn_items_sent_total 0\n"), "{metrics}");
    assert_eq!(farm[1].get("/api/v1/notifications").await.json()["notifications"], json!([]));
}

#[tokio::test]
async fn members_of_a_newer_version_and_unknown_names_are_kept_and_passed_on() {
    let farm = Farm::new(2).start().await;
    let stranger = Stranger::new();
    let newer = entry(
        stranger.id(),
        json!({"colour": {"deep": ["red", 1.5]}, "targets": ["application:mail", "application:nobody-has-it"], "reason": "weather", "reason_code": 4711}),
    );
    let id = newer["notification"]["id"].clone();
    let path = format!("/api/v1/notifications/{}", id.as_str().unwrap());
    // to a only; b gets it when it merges, at its next start
    stranger.post(&farm[0], DELIVER, &deliver(stranger.id(), std::slice::from_ref(&newer))).await.expect(200);
    farm[0].wait_available("mail", false).await;
    farm[1].terminate().await;
    farm[1].restart().await;
    for node in &farm.nodes {
        let kept = node.get(&path).await.expect(200).json();
        assert_eq!(
            (&kept["colour"], &kept["reason"], &kept["reason_code"]),
            (&json!({"deep": ["red", 1.5]}), &json!("weather"), &json!(4711)),
            "{}",
            node.name
        );
        let denied = node.gate_get("/mail", &[]).await.expect(503);
        assert_eq!(denied.header("forewarn-reason"), Some("weather"));
    }
    assert_eq!(farm[0].fingerprint().await, farm[1].fingerprint().await);
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_harms_nobody() {
    let farm = Farm::new(1).start().await;
    let (node, stranger) = (&farm[0], Stranger::new());
    for path in [DELIVER, "/peer/v1/merge", "/peer/v1/announce"] {
        for message in [json!(null), json!([]), json!({"limit": "x"}), json!({"limit": 1, "items": [1]})] {
            let reply = stranger.post(node, path, &message).await;
            assert_eq!(reply.status, 422, "{path} {message}: {}", reply.text());
        }
    }
    // records that break the rules of all records are refused one by one; the others are taken
    let (mut broken, good) = (entry(stranger.id(), json!({})), entry(stranger.id(), json!({})));
    broken["notification"]["targets"] = json!([]);
    let reply = stranger.post(node, DELIVER, &deliver(stranger.id(), &[broken, good])).await.expect(200).json();
    assert_eq!(
        (reply["refused"].as_array().map(Vec::len), reply["receipts"].as_array().map(Vec::len)),
        (Some(1), Some(1)),
        "{reply}"
    );
    node.wait_available("mail", false).await;
    // somebody else's announcement
    let mut announce = json!({"member": {"id": clock::new_node_id(), "name": "z", "address": "http://127.0.0.1:1", "changed": clock::now()}, "max_clock_skew": 60000, "lapse": 86_400_000, "limit": clock::now()});
    stranger.post(node, "/peer/v1/announce", &announce).await.expect(422);
    announce["member"]["id"] = json!(stranger.id());
    stranger.post(node, "/peer/v1/announce", &announce).await.expect(200);
}

#[tokio::test]
async fn a_merge_with_malformed_ranges_is_400_and_nothing_of_it_is_taken() {
    let farm = Farm::new(1).start().await;
    let (node, stranger) = (&farm[0], Stranger::new());
    for ranges in ["6g", "00", "616"] {
        let entry = entry(stranger.id(), json!({}));
        let merge = json!({"limit": clock::now(), "fingerprint": "", "count": 1, "entries": [entry], "ranges": ranges});
        let reply = stranger.post(node, "/peer/v1/merge", &merge).await.expect(400);
        assert!(reply.json()["detail"].as_str().unwrap().contains("ranges"), "{}", reply.text());
        assert!(reply.header("forewarn-signature").is_some());
    }
    assert_eq!(node.get("/api/v1/notifications").await.json()["notifications"], json!([]));
    node.gate_get("/mail", &[]).await.expect(200);
}

/// A node dies, and what is sent to its address comes to another node of the farm.
#[tokio::test]
async fn a_node_that_answers_at_anothers_address_does_not_answer_for_it() {
    let farm = Farm::new(3).start().await;
    farm[1].kill9().await;
    let listener = tokio::net::TcpListener::bind(farm[1].control).await.unwrap();
    let behind = farm[2].control;
    let forward = tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut to = tokio::net::TcpStream::connect(behind).await.unwrap();
                // either side may break off
                tokio::io::copy_bidirectional(&mut from, &mut to).await.ok();
            });
        }
    });
    let reply = farm[0].submit_with("?wait=all&timeout=3s", TOKEN, closing("application:mail", json!({}))).await;
    let told = reply.expect(202).json();
    assert_eq!(told["complete"], false, "{told}");
    let state = |name: &str| {
        let rows = told["delivery"].as_array().unwrap();
        rows.iter().find(|row| row["node"] == name).unwrap_or_else(|| panic!("{told}"))["state"].clone()
    };
    assert_eq!((state("a"), state("b"), state("c")), (json!("applied"), json!("waiting"), json!("applied")));
    farm[2].wait_log(&["WARN", "event=peer_request_refused", "this request is for"]).await;
    forward.abort();
    forward.await.ok();
    farm[1].restart().await;
    farm[1].wait_available("mail", false).await;
}

#[tokio::test]
async fn what_does_not_give_the_hash_in_its_stamp_is_left_out_and_the_rest_is_taken() {
    let farm = Farm::new(1).start().await;
    let (node, stranger) = (&farm[0], Stranger::new());
    let forge = |mut entry: Value| {
        entry["notification"]["message"] = json!("forged");
        entry
    };
    let (good, forged) = (entry(stranger.id(), json!({"message": "good"})), forge(entry(stranger.id(), json!({}))));
    let told =
        stranger.post(node, DELIVER, &deliver(stranger.id(), &[forged.clone(), good.clone()])).await.expect(200).json();
    assert_eq!(
        (told["refused"][0][0].clone(), told["refused"].as_array().map(Vec::len)),
        (forged["stamp"].clone(), Some(1)),
        "{told}"
    );
    assert_eq!(
        (told["receipts"][0]["stamp"].clone(), told["receipts"].as_array().map(Vec::len)),
        (good["stamp"].clone(), Some(1)),
        "{told}"
    );
    node.wait_log(&["WARN", "event=refused_record", &stranger.id().to_string(), "hash"]).await;
    // by a merge as well, and under the stamp of one that is known
    let (other, both) = (forge(entry(stranger.id(), json!({"targets": ["application:chat"]}))), forge(good.clone()));
    let chat = entry(stranger.id(), json!({"targets": ["application:chat"], "message": "good"}));
    let merge =
        json!({"limit": clock::now(), "fingerprint": "", "count": 3, "entries": [other, both, chat], "whole": true});
    stranger.post(node, "/peer/v1/merge", &merge).await.expect(204);
    for application in ["mail", "chat"] {
        node.wait_available(application, false).await;
        assert_eq!(node.gate_get(&format!("/{application}"), &[]).await.expect(503).json()["message"], "good");
    }
    // handed in at two nodes it is the same content: shown once, under the name that sorts first
    let mut joined = good.clone();
    joined["notification"]["node"] = json!("a-node");
    let told = stranger.post(node, DELIVER, &deliver(stranger.id(), &[joined])).await.expect(200).json();
    assert_eq!((told["refused"].clone(), told["receipts"].as_array().map(Vec::len)), (Value::Null, Some(1)), "{told}");
    node.terminate().await;
    node.restart().await;
    let list = node.get("/api/v1/notifications").await.expect(200).json();
    let list = list["notifications"].as_array().unwrap();
    assert_eq!(list.len(), 2, "{list:?}");
    for one in list {
        assert_eq!(one["message"], "good");
    }
}

#[tokio::test]
async fn what_lies_too_far_ahead_waits_in_quarantine() {
    let farm = Farm::new(1).farm("max_clock_skew = \"1s\"").start().await;
    let (node, stranger) = (&farm[0], Stranger::new());
    let ahead = clock::now().after(std::time::Duration::from_millis(4_000));
    let early = entry(stranger.id(), json!({"timestamp": ahead}));
    let reply = stranger.post(node, DELIVER, &deliver(stranger.id(), &[early])).await.expect(200).json();
    assert_eq!(reply["receipts"][0]["state"], "quarantined", "{reply}");
    node.gate_get("/mail", &[]).await.expect(200);
    node.wait_available("mail", false).await;
    assert!(node.log().contains("WARN"));
}
