//! Alertmanager's webhook (docs/contract.md#alertmanager): firing closes, resolved opens, repeats are no news, and
//! nothing is acknowledged that could be lost.

use serde_json::{Value, json};

use crate::{
    in_seconds, opening,
    support::{Farm, MONITOR_TOKEN, Node, TOKEN, http, wait::poll_until},
};

const RULE: &str = "[[alert]]\nmatch = { alertname = \"MailDown\", severity = \"\" }\ntarget = \"application:mail\"\n\
                    reason = \"unplanned-outage\"\n";

fn alert(fingerprint: &str, labels: Value, more: Value) -> Value {
    let mut alert = json!({
        "status": "firing", "labels": labels, "annotations": {"summary": "Mail is down", "description": "No answer"},
        "startsAt": "2026-11-23T18:00:00.5+01:00", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://p/",
        "fingerprint": fingerprint
    });
    for (member, value) in more.as_object().unwrap() {
        alert[member] = value.clone();
    }
    alert
}

fn mail(more: Value) -> Value {
    alert("a1b2c3", json!({"alertname": "MailDown"}), more)
}

fn about(fingerprint: &str, target: &str) -> Value {
    alert(fingerprint, json!({"forewarn_target": target}), json!({}))
}

async fn history(node: &Node) -> Vec<Value> {
    node.get("/api/v1/notifications?source=alert&limit=1000").await.json()["notifications"].as_array().unwrap().clone()
}

#[tokio::test]
async fn firing_closes_resolved_opens_and_repeats_are_no_news() {
    let farm = Farm::new(2).more(0, RULE).start().await;
    let taken = farm[0].alerts(&[mail(json!({})), about("ff", "application:nobody"), about("fe", "x")]).await;
    let taken = taken.expect(200).json();
    assert_eq!((&taken["closed"], &taken["unmatched"], &taken["repeated"]), (&json!(1), &json!(2), &json!(0)));
    let named: Vec<&str> = taken["problems"].as_array().unwrap().iter().map(|p| p["field"].as_str().unwrap()).collect();
    assert_eq!(named, ["alerts[2].labels.forewarn_target", "alerts[1]"]);
    for node in &farm.nodes {
        node.wait_available("mail", false).await;
    }
    let denied = farm[1].gate_get("/mail", &[("accept", "application/json")]).await.expect(503).json();
    assert_eq!(denied["reason"], "unplanned-outage");
    assert_eq!(
        (&denied["message"], &denied["since"]),
        (&json!("Mail is down\nNo answer"), &json!("2026-11-23T17:00:00.500Z"))
    );

    let again = farm[0].alerts(&[mail(json!({})), mail(json!({"unknown": 1}))]).await.expect(200).json();
    assert_eq!((&again["closed"], &again["repeated"]), (&json!(0), &json!(1)));
    let closed = history(&farm[0]).await;
    assert_eq!(closed.len(), 1, "{closed:?}");
    assert_eq!((&closed[0]["source"], &closed[0]["reporter"]), (&json!("alert"), &json!("alert/a1b2c3")));

    // A mixed body: this one ends, another one begins.
    let resolved = mail(json!({"status": "resolved", "endsAt": in_seconds(0.0)}));
    let mixed = farm[0].alerts(&[resolved.clone(), about("dd", "resource:mail-store")]).await.expect(200).json();
    assert_eq!((&mixed["closed"], &mixed["opened"]), (&json!(1), &json!(1)));
    let causes = farm[0].get("/api/v1/availability/mail").await.json()["causes"].clone();
    assert_eq!(causes.as_array().unwrap().len(), 1, "{causes}");
    assert_eq!(farm[0].alerts(&[resolved]).await.expect(200).json()["repeated"], 1);
    let other = alert("dd", json!({"forewarn_target": "resource:mail-store"}), json!({"status": "resolved"}));
    farm[0].alerts(&[other]).await.expect(200);
    farm[1].wait_available("mail", true).await;
}

#[tokio::test]
async fn an_alert_lifts_only_its_own_word_and_a_person_silences_it_until_it_fires_anew() {
    let farm = Farm::new(1).more(0, RULE).start().await;
    let node = &farm[0];
    let available = async || node.gate_get("/.forewarn/availability/mail", &[]).await.json()["available"] == true;
    node.submit_wait_all(json!({"targets": ["application:mail"], "status": "unavailable"})).await;
    node.alerts(&[mail(json!({}))]).await.expect(200);
    node.alerts(&[mail(json!({"status": "resolved"}))]).await.expect(200);
    assert!(!available().await, "what a person has closed");

    node.alerts(&[mail(json!({}))]).await.expect(200);
    node.submit_wait_all(opening("application:mail")).await;
    assert!(available().await);
    node.alerts(&[mail(json!({}))]).await.expect(200);
    assert!(available().await, "it has found nothing new");
    node.alerts(&[mail(json!({"startsAt": in_seconds(1.0)}))]).await.expect(200);
    assert!(!available().await, "it fires anew, by a clock that is ahead");
}

#[tokio::test]
async fn a_word_that_is_repeated_does_not_lapse() {
    let farm = Farm::new(1).more(0, RULE).farm("lapse = \"2s\"").start().await;
    poll_until("the closing is renewed", async || {
        farm[0].alerts(&[mail(json!({}))]).await.expect(200);
        let closed = history(&farm[0]).await;
        assert!(closed.iter().all(|word| word["goes_down_at"] == "2026-11-23T17:00:00.500Z"), "{closed:?}");
        assert_eq!(farm[0].gate_get("/mail", &[]).await.status, 503);
        closed.len() >= 7
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_is_not_half_done() {
    let viewer = "[[token]]\nname = \"chat-only\"\nrole = \"monitor\"\ntargets = [\"application:chat\"]\nsha256 = \"";
    let hash = hex::encode(forewarn::config::secrets::token_sha256("fw_chat"));
    let farm = Farm::new(1).more(0, RULE).more(0, &format!("{viewer}{hash}\"\n")).start().await;
    let node = &farm[0];
    let chat = about("c1", "application:chat");
    for (token, alerts, status) in [
        ("fw_wrong", vec![chat.clone()], 401),
        ("fw_chat", vec![chat.clone(), mail(json!({}))], 403),
        (MONITOR_TOKEN, vec![chat.clone(), about("s", "system")], 403),
        (TOKEN, vec![chat.clone(), json!({"status": "firing"})], 422),
        (TOKEN, vec![chat.clone(), mail(json!({"status": "burning"}))], 422),
        (TOKEN, vec![chat.clone(); 1_001], 422),
    ] {
        let reply = node.alerts_with(token, &alerts).await.expect(status);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    }
    let bearer = format!("Bearer {TOKEN}");
    let json = ("content-type", "application/json");
    let post = async |headers: &[(&str, &str)], body: &[u8]| {
        let all = [&[("authorization", bearer.as_str())], headers].concat();
        node.control("POST", "/api/v1/alerts", &all, Some(body)).await.status
    };
    assert_eq!(post(&[json], b"{").await, 400);
    assert_eq!(post(&[json], b"{\"version\": \"4\", \"version\": \"4\", \"alerts\": []}").await, 400);
    assert_eq!(post(&[json], b"{\"version\": \"3\", \"alerts\": []}").await, 422);
    assert_eq!(post(&[("content-type", "text/plain")], b"{}").await, 415);
    let head = format!(
        "POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        4 * 1024 * 1024 + 1
    );
    assert_eq!(http::raw_status(&http::raw(node.control, head.as_bytes()).await), 413);
    assert!(history(node).await.is_empty());

    // More than 64 KiB, and the most alerts that are taken: one too many reporters for one target is for later.
    let many: Vec<Value> = (0..200).map(|at| about(&format!("f{at}"), "application:chat")).collect();
    let large: Vec<Value> = (0..800).map(|_| about("f0", "application:chat")).chain(many).collect();
    assert_eq!(node.alerts(&large).await.expect(200).json()["closed"], 200);
    let more: Vec<Value> = (0..300).map(|at| about(&format!("g{at}"), "application:chat")).collect();
    let refused = node.alerts(&more).await.expect(503);
    assert!(refused.header("retry-after").is_some() && refused.text().contains("256 reporters"), "{}", refused.text());
    assert_eq!(history(node).await.len(), 256);
}
