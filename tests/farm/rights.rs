//! What tokens and operators may do: roles, targets, ends.

use std::time::Duration;

use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::support::{
    Farm, MONITOR_TOKEN, Node, PASSWORD, TOKEN,
    http::{self, Body},
};

const SCOPED: &str = "fw_scoped-token";
const VIEWER: &str = "fw_viewer-token";
const EXPIRED: &str = "fw_expired-token";
const WATCHDOG: &str = "fw_watchdog-token";

fn tokens() -> String {
    let hash = |text: &str| hex::encode(forewarn::config::secrets::token_sha256(text));
    let token = |name: &str, role: &str, text: &str, more: &str| {
        format!("[[token]]\nname = \"{name}\"\nrole = \"{role}\"\nsha256 = \"{}\"\n{more}\n", hash(text))
    };
    [
        token("scoped", "operator", SCOPED, "targets = [\"application:ma*\"]"),
        token("wall", "viewer", VIEWER, ""),
        token("old", "operator", EXPIRED, "expires = \"2020-01-01T00:00:00Z\""),
        token("watchdog", "monitor", WATCHDOG, "targets = [\"system\", \"resource:*\"]"),
    ]
    .concat()
}

fn closes(target: &str) -> Value {
    json!({ "targets": [target], "status": "unavailable" })
}

#[tokio::test]
async fn tokens_make_statements_about_their_targets_only() {
    let farm = Farm::new(1).more(0, &tokens()).start().await;
    let node = &farm[0];
    for (token, target, status) in [
        (MONITOR_TOKEN, "application:mail", 202),
        (MONITOR_TOKEN, "system", 403),
        (WATCHDOG, "system", 202),
        (WATCHDOG, "application:mail", 403),
        (SCOPED, "application:mail", 202),
        (SCOPED, "application:chat", 403),
        (SCOPED, "system", 403),
        (VIEWER, "application:mail", 403),
        (EXPIRED, "application:mail", 401),
    ] {
        let reply = node.submit_with("", token, closes(target)).await;
        assert_eq!(reply.status, status, "{token} {target}: {}", reply.text());
    }
    let refused = node.submit_with("", SCOPED, closes("application:chat")).await.json();
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("the token scoped may not make statements about application:chat"), "{detail}");

    // A cancel is a statement about what the plan closes.
    let tomorrow = (forewarn::clock::now().to_datetime() + chrono::Duration::days(1)).to_rfc3339();
    let mut plan = closes("application:chat");
    plan["goes_down_at"] = json!(tomorrow);
    let plan = node.submit_with("", TOKEN, plan).await.json()["id"].clone();
    let cancel = json!({ "cancels": plan });
    assert_eq!(node.submit_with("", SCOPED, cancel.clone()).await.status, 403);
    let mut moved = closes("application:mail");
    moved["replaces"] = plan;
    assert_eq!(node.submit_with("", SCOPED, moved).await.status, 403);
    assert_eq!(node.submit_with("", TOKEN, cancel).await.status, 202);

    let read =
        node.control("GET", "/api/v1/availability", &[("authorization", &format!("Bearer {VIEWER}"))], None).await;
    assert_eq!(read.status, 200, "a viewer reads");
    let forget =
        node.control("DELETE", "/api/v1/nodes/b", &[("authorization", &format!("Bearer {VIEWER}"))], None).await;
    assert_eq!(forget.status, 403);
}

/// Signs in; the session's cookie.
async fn sign_in(node: &Node) -> String {
    let fields = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let body = format!("name=alice&password={PASSWORD}");
    let reply = node.control("POST", "/login", &fields, Some(body.as_bytes())).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_stream_of_events_ends_with_the_session() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let cookie = sign_in(node).await;
    let stream = http::open(node.control, "GET", "/api/v1/events", &[("cookie", &cookie)], Body::Empty).await.unwrap();
    assert_eq!(stream.status(), 200);
    let mut stream = stream.into_body();
    assert!(stream.frame().await.is_some(), "the greeting");

    let page = node.control("GET", "/", &[("cookie", &cookie)], None).await.text();
    let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
        ("cookie", cookie.as_str()),
    ];
    let left = node.control("POST", "/logout", &fields, Some(format!("csrf={token}").as_bytes())).await;
    assert_eq!(left.status, 303);
    let rest = async { while stream.frame().await.is_some_and(|frame| frame.is_ok()) {} };
    tokio::time::timeout(Duration::from_secs(10), rest).await.expect("the stream goes on after signing out");
    let again = http::open(node.control, "GET", "/api/v1/events", &[("cookie", &cookie)], Body::Empty).await.unwrap();
    assert_eq!(again.status(), 401);
}
