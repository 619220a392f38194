//! Closings for some requests only, and `why`: at the gate, with real requests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    closing, opening,
    support::{Farm, MONITOR_TOKEN, Node, TOKEN},
};

async fn closed(node: &Node, criteria: Value) -> String {
    let told = node.submit_wait_all(closing("application:mail", json!({"criteria": criteria}))).await;
    told["id"].as_str().unwrap().to_owned()
}

async fn open_again(node: &Node) {
    node.submit_wait_all(opening("application:mail")).await;
    node.gate_get("/mail/inbox", &[]).await.expect(200);
}

#[tokio::test]
async fn criteria_single_out_requests() {
    let farm = Farm::new(2).start().await;
    let node = &farm[0];
    let id = closed(node, json!({"methods": ["POST", "put"]})).await;
    node.gate_get("/mail/inbox", &[]).await.expect(200);
    let denied = node.gate_send("POST", "/mail/inbox", &[], Some(b"x")).await.expect(503);
    assert_eq!(denied.header("forewarn-notification"), Some(id.as_str()));
    node.gate_send("PUT", "/mail/inbox", &[], Some(b"x")).await.expect(503);
    // partial closings are no general verdict, and are shown beside it
    assert_eq!(node.gate_get("/.forewarn/availability/mail", &[]).await.json()["available"], true);
    let board = node.get("/api/v1/availability/mail").await.json();
    assert_eq!((&board["available"], &board["partial"][0]["id"]), (&json!(true), &json!(id)));
    open_again(node).await;
    node.gate_send("POST", "/mail/inbox", &[], Some(b"x")).await.expect(200);

    closed(node, json!({"paths": ["/mail/*/attachments", "/mail/big?"], "methods": ["GET"]})).await;
    node.gate_get("/mail/7/8/attachments", &[]).await.expect(503);
    node.gate_get("/mail/7//8/%61ttachments?x=1", &[]).await.expect(503);
    node.gate_get("/mail/big1", &[]).await.expect(503);
    node.gate_get("/mail/big", &[]).await.expect(200);
    node.gate_send("POST", "/mail/big1", &[], Some(b"")).await.expect(200);
    open_again(node).await;

    closed(node, json!({"headers": {"User-Agent": "*MSIE*", "x-beta": "yes"}})).await;
    node.gate_get("/mail", &[("user-agent", "Mozilla (compatible; msie 6)"), ("X-Beta", "YES")]).await.expect(503);
    node.gate_get("/mail", &[("user-agent", "MSIE")]).await.expect(200);
    open_again(node).await;

    closed(node, json!({"query": {"folder": "arch*"}})).await;
    node.gate_get("/mail?a=1&folder=archive", &[]).await.expect(503);
    node.gate_get("/mail?folder=inbox", &[]).await.expect(200);
    open_again(node).await;

    // criteria mean what their author sees in the address bar, and non-ASCII header values match
    closed(node, json!({"paths": ["/mail//caf\u{e9}/*", "/mail/%7Eann"]})).await;
    node.gate_get("/mail/caf%c3%a9/x", &[]).await.expect(503);
    node.gate_get("/mail/~ann", &[]).await.expect(503);
    node.gate_get("/mail/cafe/x", &[]).await.expect(200);
    open_again(node).await;
    closed(node, json!({"headers": {"x-town": "*z\u{fc}rich*"}})).await;
    node.gate_get("/mail", &[("x-town", "Z\u{fc}rich, Schweiz")]).await.expect(503);
    node.gate_get("/mail", &[("x-town", "Zurich")]).await.expect(200);
    open_again(node).await;

    // by a cookie, and all but testers
    closed(node, json!({"cookies": {"beta": "yes"}, "except": [{"paths": ["/mail/help*"]}]})).await;
    node.gate_get("/mail", &[("cookie", "a=b; beta=yes")]).await.expect(503);
    node.gate_get("/mail/help", &[("cookie", "a=b; beta=yes")]).await.expect(200);
    node.gate_get("/mail", &[("cookie", "a=b; beta=no")]).await.expect(200);
    open_again(node).await;

    closed(node, json!({"clients": ["::ffff:127.0.0.0/104"]})).await;
    node.gate_get("/mail", &[]).await.expect(503);
    node.gate_get("/mail", &[("x-forwarded-for", "198.51.100.1")]).await.expect(503);
    open_again(node).await;
    closed(node, json!({"clients": ["10.0.0.0/8", "::/0"]})).await;
    node.gate_get("/mail", &[]).await.expect(200);
    open_again(node).await;

    closed(node, json!({"nodes": ["b"]})).await;
    farm[0].gate_get("/mail", &[]).await.expect(200);
    farm[1].gate_get("/mail", &[]).await.expect(503);
    assert_eq!(farm[1].gate_get("/.forewarn/availability/mail", &[]).await.json()["available"], false);
}

#[tokio::test]
async fn what_is_degraded_is_open_and_told() {
    let farm = Farm::new(2).start().await;
    let node = &farm[0];
    node.submit_wait_all(closing("application:mail", json!({}))).await;
    let slow = json!({"targets": ["application:mail"], "status": "degraded", "message": "slow", "reason": "testing"});
    let told = node.submit_wait_all(slow.clone()).await;
    for node in &farm.nodes {
        node.gate_get("/mail", &[]).await.expect(200);
        let public = node.gate_get("/.forewarn/availability/mail", &[]).await.json();
        assert_eq!((&public["available"], &public["advisories"][0]["message"]), (&json!(true), &json!("slow")));
        let row = node.get("/api/v1/availability/mail").await.json();
        assert_eq!((&row["available"], &row["advisories"][0]["id"]), (&json!(true), &told["id"]));
        let why = node.get("/api/v1/availability/mail/why").await.json();
        assert_eq!(
            (&why["advisories"][0]["reason"], &why["considered"][0]["said"]),
            (&json!("testing"), &json!("degraded"))
        );
        let record = node.get(&format!("/api/v1/notifications/{}", told["id"].as_str().unwrap())).await.json();
        assert_eq!((&record["status"], &record["degraded"]), (&json!("degraded"), &Value::Null), "{record}");
    }
    node.submit_wait_all(opening("application:mail")).await;
    assert_eq!(node.get("/api/v1/availability/mail").await.json()["advisories"], json!([]));
    let mut later = slow;
    later["goes_down_at"] = json!(crate::in_seconds(60.0));
    assert_eq!(node.submit(later).await.expect(422).fields(), ["goes_down_at"]);
}

#[tokio::test]
async fn a_probe_never_lifts_what_a_person_has_closed() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    node.submit_wait_all(closing("application:mail", json!({}))).await;
    node.submit_with("?wait=all", MONITOR_TOKEN, opening("application:mail")).await.expect(200);
    node.gate_get("/mail", &[]).await.expect(503);
    node.submit_with("?wait=all", MONITOR_TOKEN, closing("application:mail", json!({}))).await.expect(200);
    node.submit_wait_all(opening("application:mail")).await;
    node.gate_get("/mail", &[]).await.expect(200);
    // until it finds something new
    node.submit_with("?wait=all", MONITOR_TOKEN, closing("application:mail", json!({"reason": 2}))).await.expect(200);
    assert_eq!(node.gate_get("/mail", &[]).await.expect(503).json()["reason"], "unplanned-outage");
    let board = node.get("/api/v1/availability/mail").await.json();
    assert_eq!(
        (&board["causes"][0]["source"], &board["causes"][0]["reporter"]),
        (&json!("monitor"), &json!("token/probe"))
    );
    node.submit_with("?wait=all", MONITOR_TOKEN, opening("application:mail")).await.expect(200);
    node.gate_get("/mail", &[]).await.expect(200);
}

#[tokio::test]
async fn why_names_every_word_and_why_it_counts_or_not() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let old = node.submit_wait_all(closing("application:mail", json!({"criteria": {"methods": ["POST"]}}))).await;
    let store = node.submit_wait_all(closing("resource:mail-store", json!({}))).await;
    let system = node.submit_wait_all(closing("system", json!({}))).await;
    let own = node.submit_wait_all(opening("application:mail")).await;
    let why = node.get("/api/v1/availability/mail/why?method=POST&path=/mail").await.expect(200).json();
    assert_eq!(why["available"], false);
    let considered = why["considered"].as_array().unwrap();
    let find = |id: &Value| considered.iter().find(|one| one["id"] == *id);
    assert!(find(&old["id"]).is_none(), "a dead word is dropped: {why}");
    for (told, layer, said) in
        [(&own, "own", "available"), (&system, "system", "unavailable"), (&store, "resource:mail-store", "unavailable")]
    {
        let one = find(&told["id"]).unwrap_or_else(|| panic!("{why}"));
        assert_eq!(
            (&one["layer"], &one["said"], &one["reporter"]),
            (&json!(layer), &json!(said), &json!("operators")),
            "{why}"
        );
        assert!(!one["because"].as_str().unwrap().is_empty());
    }
    assert_eq!(node.get("/api/v1/availability/nothing/why").await.status, 404);
    assert_eq!(node.get("/api/v1/availability/mail/why?colour=red").await.expect(422).fields(), ["colour"]);
}

/// What each application is closed by: the ids of its causes, as the board shows them.
async fn causes(node: &Node) -> BTreeMap<String, BTreeSet<String>> {
    let board = node.get("/api/v1/availability").await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = board["applications"].as_array().unwrap().iter();
    let ids = |row: &Value| row["causes"].as_array().unwrap().iter().map(|cause| text(&cause["id"])).collect();
    rows.map(|row| (text(&row["application"]), ids(row))).collect()
}

#[tokio::test]
async fn what_a_preview_foretells_is_what_becomes_of_every_application() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let names = |value: &Value, member: &str| -> BTreeSet<String> {
        let name = |one: &Value| if member.is_empty() { one } else { &one[member] }.as_str().unwrap().to_owned();
        value.as_array().unwrap().iter().map(name).collect()
    };
    for (token, statement) in [
        (TOKEN, closing("resource:mail-store", json!({}))),
        (TOKEN, closing("application:mail", json!({}))),
        (MONITOR_TOKEN, closing("application:chat", json!({}))),
        (TOKEN, opening("application:mail")),
        (TOKEN, closing("system", json!({}))),
        // A monitor lifts only its own, and the system stays closed.
        (MONITOR_TOKEN, opening("application:chat")),
        // Opens one application of a closed system, but not its resource.
        (TOKEN, opening("application:mail")),
        (TOKEN, opening("resource:mail-store")),
        // Later than that: it closes mail again.
        (TOKEN, closing("system", json!({"message": "again"}))),
        (TOKEN, opening("system")),
        (TOKEN, json!({"targets": ["application:mail"], "status": "degraded", "message": "slow"})),
    ] {
        let (path, body) = ("/api/v1/preview", statement.to_string());
        let headers = [("authorization", &*format!("Bearer {token}")), ("content-type", "application/json")];
        let foretold = node.control("POST", path, &headers, Some(body.as_bytes())).await.expect(200).json();
        let before = causes(node).await;
        let id = node.submit_with("?wait=all", token, statement.clone()).await.expect(200).json()["id"].clone();
        let after = causes(node).await;

        let closed = after.iter().filter(|(_, ids)| ids.contains(id.as_str().unwrap()));
        let closed: BTreeSet<String> = closed.map(|(name, _)| name.clone()).collect();
        assert_eq!(names(&foretold["closes"], "application"), closed, "{statement}: {foretold}");
        let opened = after.iter().filter(|(name, ids)| ids.is_empty() && !before[*name].is_empty());
        let opened: BTreeSet<String> = opened.map(|(name, _)| name.clone()).collect();
        assert_eq!(names(&foretold["opens"], ""), opened, "{statement}: {foretold}");
        let degraded = if statement["status"] == "degraded" { vec!["mail"] } else { Vec::new() };
        assert_eq!(foretold["degrades"], json!(degraded), "{statement}: {foretold}");
        let all = |of: &BTreeMap<String, BTreeSet<String>>| of.values().flatten().cloned().collect::<BTreeSet<_>>();
        // An application that opens while the system stays closed replaces nothing.
        let gone: BTreeSet<String> = all(&before).difference(&all(&after)).cloned().collect();
        assert_eq!(names(&foretold["replaces"], ""), gone, "{statement}: {foretold}");
    }
    assert!(causes(node).await.values().all(BTreeSet::is_empty));
}
