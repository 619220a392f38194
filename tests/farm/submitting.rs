//! What a submission is answered: taken, repeated, and every way to be refused.

use serde_json::{Value, json};

use crate::{
    closing, in_seconds, opening,
    support::{Farm, MONITOR_TOKEN, Node, Reply, TOKEN},
};

async fn post(node: &Node, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let bearer = format!("Bearer {TOKEN}");
    let mut all = vec![("authorization", bearer.as_str())];
    all.extend_from_slice(headers);
    node.control("POST", "/api/v1/notifications", &all, Some(body)).await
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn taken_repeated_and_contradicted() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let notification = closing(
        "application:mail",
        json!({"id": "0190b5c4-1111-7000-8000-000000000001", "timestamp": in_seconds(0.0), "message": "one"}),
    );
    let first = node.submit(notification.clone()).await.expect(202);
    assert_eq!(first.header("location"), Some("/api/v1/notifications/0190b5c4-1111-7000-8000-000000000001"));
    let json = first.json();
    assert_eq!(
        (&json["id"], &json["timestamp"], &json["node"]),
        (&notification["id"], &notification["timestamp"], &json!("a"))
    );
    assert_eq!(json["delivery"][0]["node"], "a");
    let second = node.submit(notification.clone()).await.expect(200).json();
    assert_eq!((&second["id"], &second["timestamp"]), (&json["id"], &json["timestamp"]));
    let mut other = notification.clone();
    other["message"] = json!("two");
    let conflict = node.submit(other).await.expect(409);
    assert_eq!(conflict.header("content-type"), Some("application/problem+json"));
    assert_eq!(node.get("/api/v1/notifications").await.json()["notifications"].as_array().unwrap().len(), 1);
    assert_eq!(node.gate_get("/mail", &[]).await.json()["message"], "one");
    // no id, no timestamp: the node makes them; a time without a timestamp of its own is now
    let made = node.submit(opening("application:mail")).await.expect(202).json();
    assert_eq!(made["id"].as_str().unwrap().as_bytes()[14], b'7', "a v7 UUID: {made}");
}

#[tokio::test]
async fn the_same_retry_at_two_nodes_is_one_entry_shown_once() {
    let farm = Farm::new(3).start().await;
    let notification = closing(
        "application:mail",
        json!({"id": "0190b5c4-1111-7000-8000-000000000002", "timestamp": in_seconds(0.0)}),
    );
    let (one, two) = tokio::join!(farm[0].submit(notification.clone()), farm[1].submit(notification.clone()));
    assert!([200, 202].contains(&one.status) && [200, 202].contains(&two.status), "{} {}", one.text(), two.text());
    // whatever came first where, something later tells that it has arrived everywhere
    farm[0].submit_wait_all(closing("application:chat", json!({}))).await;
    farm[1].submit_wait_all(closing("application:directory", json!({}))).await;
    crate::support::wait::poll_until("fingerprints are equal", async || {
        let (a, b, c) = (farm[0].fingerprint().await, farm[1].fingerprint().await, farm[2].fingerprint().await);
        a == b && b == c
    })
    .await;
    for node in &farm.nodes {
        let list = node.get("/api/v1/notifications").await.json();
        assert_eq!(list["notifications"].as_array().unwrap().len(), 3, "{} {list}", node.name);
        assert_eq!(node.get("/api/v1/availability/mail").await.json()["causes"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let mail = |more: Value| closing("application:mail", more);
    let cases = [
        (json!({}), &["targets", "status"][..]),
        (
            mail(json!({"colour": "red", "operator": "me", "node": "b", "source": "x", "reporter": "y"})),
            &["colour", "node", "operator", "reporter", "source"],
        ),
        (mail(json!({"id": "no"})), &["id"]),
        (mail(json!({"id": 7})), &["id"]),
        (mail(json!({"timestamp": "yesterday"})), &["timestamp"]),
        (mail(json!({"timestamp": in_seconds(120.0)})), &["timestamp"]),
        (closing("application:nothing", json!({})), &["targets[0]"]),
        (closing("mail", json!({})), &["targets[0]"]),
        (json!({"targets": [], "status": "available"}), &["targets"]),
        (json!({"targets": vec!["system"; 101], "status": "available"}), &["targets"]),
        (json!({"targets": "system", "status": "available"}), &["targets"]),
        (json!({"targets": ["system"], "status": "down"}), &["status"]),
        (mail(json!({"reason": "weather"})), &["reason"]),
        (mail(json!({"reason": 99})), &["reason"]),
        (mail(json!({"component": "x".repeat(201)})), &["component"]),
        (mail(json!({"message": "x".repeat(2_001)})), &["message"]),
        (mail(json!({"goes_down_at": "2026-13-01T00:00:00Z"})), &["goes_down_at"]),
        (mail(json!({"expected_back_at": in_seconds(-60.0)})), &["expected_back_at"]),
        (mail(json!({"goes_down_at": in_seconds(60.0), "expected_back_at": in_seconds(30.0)})), &["expected_back_at"]),
        (mail(json!({"duration_seconds": -1})), &["duration_seconds"]),
        (mail(json!({"duration_seconds": 60, "expected_back_at": in_seconds(60.0)})), &["duration_seconds"]),
        (mail(json!({"restore": "automatic"})), &["restore"]),
        (mail(json!({"restore": "maybe"})), &["restore"]),
        (mail(json!({"priority": "high"})), &["priority"]),
        (mail(json!({"cancels": "no", "status": null})), &["cancels"]),
        (mail(json!({"criteria": {"methods": []}})), &["criteria.methods"]),
        (mail(json!({"criteria": {"paths": ["[a"]}})), &["criteria.paths[0]"]),
        (mail(json!({"criteria": {"clients": ["localhost"]}})), &["criteria.clients[0]"]),
        (mail(json!({"criteria": {"colour": 1}})), &["criteria.colour"]),
        // what could never count: a window that is over, and criteria that match no request
        (
            mail(
                json!({"goes_down_at": in_seconds(-9.0), "expected_back_at": in_seconds(-1.0), "restore": "automatic"}),
            ),
            &["expected_back_at"],
        ),
        (mail(json!({"goes_down_at": in_seconds(-9.0), "duration_seconds": 8})), &["duration_seconds"]),
        (
            mail(json!({"timestamp": in_seconds(-9.0), "duration_seconds": 8, "restore": "automatic"})),
            &["duration_seconds"],
        ),
        (
            mail(json!({"criteria": {"paths": ["mail/x", "/mail?q=1", "/a b", "/a/[/]", "/ok/*"]}})),
            &["criteria.paths[0]", "criteria.paths[1]", "criteria.paths[2]", "criteria.paths[3]"],
        ),
        (mail(json!({"criteria": {"headers": {"x-a": "a ", "X-B": "b*"}}})), &["criteria.headers.x-a"]),
        (mail(json!({"criteria": {"headers": {"x-a": "a", "X-A": "b"}}})), &["criteria.headers.x-a"]),
        (mail(json!({"criteria": {"nodes": ["a", "nobody"]}})), &["criteria.nodes"]),
        (mail(json!({"criteria": {"paths": ["*a*b*c*d*e*f*g*h*"]}})), &["criteria.paths[0]"]),
        (mail(json!({"criteria": {"query": {"q": "x".repeat(257)}}})), &["criteria.query.q"]),
        (
            mail(json!({"criteria": {"paths": many(40, |n| format!("/{n}")), "methods": ["GET"],
                "query": (0..25).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>()}})),
            &["criteria"],
        ),
        (json!([1]), &[""]),
    ];
    for (wrong, fields) in cases {
        let reply = node.submit(wrong.clone()).await;
        assert_eq!(reply.status, 422, "{wrong}: {}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        let mut named = reply.fields();
        named.sort();
        let mut fields: Vec<&str> = fields.to_vec();
        fields.sort_unstable();
        assert_eq!(named, fields, "{wrong}: {}", reply.text());
    }
    assert_eq!(node.get("/api/v1/notifications").await.json()["notifications"], json!([]), "nothing is half done");
    for (query, field) in
        [("?wait=some", "wait"), ("?timeout=5s", "timeout"), ("?wait=all&timeout=5", "timeout"), ("?x=1", "x")]
    {
        assert_eq!(node.submit_with(query, TOKEN, opening("system")).await.expect(422).fields(), [field]);
    }
}

fn many(count: usize, one: impl Fn(usize) -> String) -> Vec<String> {
    (0..count).map(one).collect()
}

#[tokio::test]
async fn bodies_of_the_wrong_form_size_and_type() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let good = opening("system").to_string();
    for (headers, body, status) in [
        (&[JSON][..], b"{\"targets\":" as &[u8], 400),
        (&[JSON], b"\xff\xfe{}", 400),
        (&[JSON], b"", 400),
        (&[JSON], b"\xff\xfe{\0}\0", 400),
        (&[], good.as_bytes(), 415),
        (&[("content-type", "text/plain")], good.as_bytes(), 415),
        (&[("content-type", "application/json; charset=latin1")], good.as_bytes(), 415),
        (&[JSON, ("content-encoding", "gzip")], good.as_bytes(), 415),
        (&[JSON], &vec![b' '; 64 * 1024 + 1], 413),
        (&[JSON], &vec![b' '; 900 * 1024], 413),
        (&[JSON], &[b"[".repeat(60_000), b"]".repeat(5)].concat(), 400),
    ] {
        let reply = post(node, headers, body).await;
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert!(reply.json()["detail"].is_string());
    }
    // what stands twice is named, at any depth, and nothing is done
    for (twice, named) in [
        (r#"{"targets": ["system"], "status": "available", "status": "unavailable"}"#, "status"),
        (
            r#"{"targets": ["system"], "status": "available", "criteria": {"query": {"q": "1", "q": "2"}}}"#,
            "criteria.query.q",
        ),
    ] {
        let reply = post(node, &[JSON], twice.as_bytes()).await.expect(400);
        assert!(reply.json()["detail"].as_str().unwrap().contains(&format!("{named:?}")), "{}", reply.text());
    }
    assert_eq!(node.get("/api/v1/notifications").await.json()["notifications"], json!([]));
    let marked = [
        b"\xef\xbb\xbf".as_slice(),
        closing("system", json!({"duration_seconds": 1})).to_string().replace(":1", ":1.0").as_bytes(),
    ]
    .concat();
    post(node, &[JSON], &marked).await.expect(202);
    let mut padded = good.clone().into_bytes();
    padded.resize(64 * 1024, b' ');
    post(node, &[("content-type", "application/json; charset=utf-8")], &padded).await.expect(202);
    let reply = node
        .control("PUT", "/api/v1/notifications", &[("authorization", &format!("Bearer {TOKEN}"))], None)
        .await
        .expect(405);
    assert!(reply.header("allow").unwrap().contains("POST"));
}

#[tokio::test]
async fn who_may_do_what() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let body = opening("system").to_string();
    let none = node.control("POST", "/api/v1/notifications", &[JSON], Some(body.as_bytes())).await.expect(401);
    assert!(none.header("www-authenticate").unwrap().starts_with("Bearer"));
    node.submit_with("", "fw_wrong", opening("system")).await.expect(401);
    node.wait_log(&["event=token_refused", "/api/v1/notifications"]).await;
    for path in [
        "/api/v1/notifications",
        "/api/v1/availability",
        "/api/v1/nodes",
        "/api/v1/events",
        "/api/v1/availability/mail/why",
    ] {
        node.control("GET", path, &[], None).await.expect(401);
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        node.control("GET", path, &[], None).await.expect(200);
    }
    let monitor = format!("Bearer {MONITOR_TOKEN}");
    node.control("DELETE", "/api/v1/nodes/b", &[("authorization", &monitor)], None).await.expect(403);
    node.submit_with("", MONITOR_TOKEN, closing("application:mail", json!({}))).await.expect(202);
    let said = node.get("/api/v1/notifications").await.json()["notifications"][0].clone();
    assert_eq!(
        (&said["source"], &said["reporter"], &said["operator"]),
        (&json!("monitor"), &json!("token/probe"), &Value::Null)
    );
    node.submit(closing("application:mail", json!({}))).await.expect(202);
    let said = node.get("/api/v1/notifications").await.json()["notifications"][0].clone();
    assert_eq!((&said["source"], &said["operator"]), (&json!("operator"), &json!("ci")));
}

#[tokio::test]
async fn bounds_are_429_and_an_immediate_word_without_criteria_is_always_taken() {
    let farm = Farm::new(2).start().await;
    let node = &farm[0];
    let some = |n: usize| closing("application:mail", json!({"criteria": {"paths": [format!("/mail/{n}")]}}));
    for n in 0..64 {
        node.submit(some(n)).await.expect(202);
    }
    let refused = node.submit(some(64)).await.expect(429);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("64"), "{}", refused.text());
    node.submit(some(7)).await.expect(202);
    node.submit(closing("application:chat", json!({"criteria": {"paths": ["/chat/1"]}}))).await.expect(202);
    node.submit_wait_all(closing("application:mail", json!({}))).await;
    // that one speaks of the same requests and more, so the others are dead, and there is room again
    node.submit_wait_all(opening("application:mail")).await;
    node.submit(some(64)).await.expect(202);
    for n in 0..64 {
        node.submit(closing("application:directory", json!({"goes_down_at": in_seconds(3_600.0 + f64::from(n))})))
            .await
            .expect(202);
    }
    node.submit(closing("application:directory", json!({"goes_down_at": in_seconds(9_000.0)}))).await.expect(429);
    node.submit_wait_all(closing("application:directory", json!({}))).await;
}
