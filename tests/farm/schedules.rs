//! Schedules and templates over HTTP: every node has them, and the plans that follow, also after restarts.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Farm, Node, Reply, TOKEN};

/// A request with the operator's token and a body.
async fn ask(node: &Node, method: &str, path: &str, body: Option<Value>) -> Reply {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let text = body.map(|body| body.to_string());
    node.control(method, path, &headers, text.as_ref().map(String::as_bytes)).await
}

/// A daily window at an hour that is not now, in UTC.
fn daily(title: &str) -> Value {
    let now = forewarn::clock::now();
    let starts = now.after(Duration::from_secs(3_600)).to_datetime().format("%Y-%m-%dT%H:%M").to_string();
    json!({
        "title": title, "targets": ["application:mail"], "reason": "planned-maintenance", "time_zone": "UTC",
        "starts": starts, "duration_seconds": 600, "rule": "FREQ=DAILY",
    })
}

/// The ids of a node's plans for mail, in the order of their beginnings.
async fn upcoming(node: &Node) -> Vec<Value> {
    let mail = node.get("/api/v1/availability/mail").await.expect(200).json();
    mail["upcoming"].as_array().unwrap().iter().map(|plan| plan["id"].clone()).collect()
}

/// Waits until a node has so many plans for mail; their ids.
async fn wait_plans(node: &Node, count: usize) -> Vec<Value> {
    node.wait_until("it has the plans", async || upcoming(node).await.len() == count).await;
    upcoming(node).await
}

#[tokio::test]
async fn every_node_makes_the_same_plans_and_cancels_them_with_the_schedule() {
    let farm = Farm::new(3).start().await;
    let (a, b, c) = (&farm[0], &farm[1], &farm[2]);
    let made = ask(a, "POST", "/api/v1/schedules", Some(daily("Backup"))).await.expect(201);
    let place = made.header("location").unwrap().to_owned();
    let made = made.json();
    assert_eq!(made["next"].as_array().unwrap().len(), 10);
    let plans = wait_plans(a, 14).await;
    for node in [b, c] {
        assert_eq!(wait_plans(node, 14).await, plans, "the same ids on every node");
        assert_eq!(node.get(&place).await.expect(200).json(), made);
    }
    let first = b.get(&format!("/api/v1/notifications/{}", plans[0].as_str().unwrap())).await.expect(200).json();
    assert_eq!(first["schedule"]["id"], made["id"]);
    assert_eq!((&first["schedule"]["version"], &first["restore"]), (&made["version"], &json!("automatic")));

    // One occurrence is taken back like any plan, and does not return with a restart.
    b.submit_wait_all(json!({"cancels": plans[0]})).await;
    c.kill9().await;
    c.start();
    c.wait_ready().await;
    assert_eq!(wait_plans(c, 13).await, plans[1..]);

    // A change at another node takes the place of everything; the value that is shown can be put.
    let mut value = made["value"].clone();
    value["duration_seconds"] = json!(900);
    let changed = ask(c, "PUT", &place, Some(value.clone())).await.expect(200).json();
    assert_ne!(changed["version"], made["version"]);
    assert_eq!(ask(c, "PUT", &place, Some(value)).await.expect(200).json()["version"], changed["version"]);
    for node in &farm.nodes {
        node.wait_until("the new version's plans are there", async || {
            let ids = upcoming(node).await;
            ids.len() == 14 && ids.iter().all(|id| !plans.contains(id))
        })
        .await;
    }
    ask(b, "DELETE", &place, None).await.expect(204);
    for node in &farm.nodes {
        wait_plans(node, 0).await;
        node.wait_until("it is gone", async || node.get(&place).await.status == 404).await;
    }
    ask(a, "DELETE", &place, None).await.expect(404);
}

#[tokio::test]
async fn a_node_that_was_away_finds_what_has_changed() {
    let farm = Farm::new(2).start().await;
    let (a, b) = (&farm[0], &farm[1]);
    let place = "/api/v1/schedules/01936f5e-0000-7000-8000-000000000001";
    ask(a, "PUT", place, Some(daily("Backup"))).await.expect(201);
    wait_plans(b, 14).await;
    b.kill9().await;
    ask(a, "DELETE", place, None).await.expect(204);
    ask(
        a,
        "POST",
        "/api/v1/templates",
        Some(json!({"title": "Upgrade", "targets": ["system"], "status": "unavailable"})),
    )
    .await
    .expect(201);
    // Which nodes are still to be told was known in memory only: the merge brings it all the same.
    a.kill9().await;
    a.start();
    a.wait_ready().await;
    b.start();
    b.wait_ready().await;
    wait_plans(b, 0).await;
    b.wait_until("it has the template", async || {
        b.get("/api/v1/templates").await.json()["templates"][0]["value"]["title"] == "Upgrade"
    })
    .await;
    assert_eq!(b.get("/api/v1/schedules").await.json(), json!({"schedules": [], "next": null}));
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_field() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    for (change, field) in [
        (json!({"rule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}), "rule"),
        (json!({"rule": "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=31"}), "rule"),
        (json!({"rule": "FREQ=SECONDLY"}), "rule"),
        (json!({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}), "rule"),
        (json!({"rule": format!("FREQ=DAILY;BYMONTH=1{}", ",1".repeat(250))}), "rule"),
        (json!({"time_zone": "Mars/Olympus"}), "time_zone"),
        (json!({"time_zone": ""}), "time_zone"),
        (json!({"starts": "2027-02-29T02:00"}), "starts"),
        (json!({"starts": "2026-12-06T02:00:00Z"}), "starts"),
        (json!({"title": "x".repeat(201)}), "title"),
        (json!({"duration_seconds": 86_401}), "duration_seconds"),
        (json!({"targets": ["application:unknown"]}), "targets[0]"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let mut value = daily("Wrong");
        value.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = ask(node, "POST", "/api/v1/schedules", Some(value)).await.expect(422);
        assert_eq!(refused.fields(), [field], "{}", refused.text());
    }
    // Four daily schedules have 56 occurrences in 14 days; a fifth one would have the 65th.
    for _ in 0..4 {
        ask(node, "POST", "/api/v1/schedules", Some(daily("Daily"))).await.expect(201);
    }
    ask(node, "POST", "/api/v1/schedules", Some(daily("Daily"))).await.expect(429);
    for (method, path, status) in [
        ("GET", "/api/v1/schedules/none", 404),
        ("GET", "/api/v1/templates/01936f5e-0000-7000-8000-000000000001", 404),
        ("PATCH", "/api/v1/schedules", 405),
        ("GET", "/api/v1/schedules?limit=0", 422),
        ("GET", "/api/v1/templates?limit=1001", 422),
        ("GET", "/api/v1/templates?after=last", 422),
        ("GET", "/api/v1/schedules/01936f5e-0000-7000-8000-000000000001?limit=1", 422),
    ] {
        ask(node, method, path, None).await.expect(status);
    }
    // The 29th of February is a day of every fourth year, and no other day stands in for it.
    let leap = json!({"rule": "FREQ=YEARLY", "starts": "2028-02-29T02:00", "targets": ["application:chat"]});
    let mut value = daily("Leap");
    value.as_object_mut().unwrap().extend(leap.as_object().unwrap().clone());
    let leap = ask(node, "POST", "/api/v1/schedules", Some(value)).await.expect(201).json();
    assert_eq!(leap["next"][1]["begins"], "2032-02-29T02:00:00Z");
    let nobody = node.control("GET", "/api/v1/schedules", &[], None).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn the_registry_is_listed_by_pages_and_has_its_bounds() {
    let farm = Farm::new(1).start().await;
    let node = &farm[0];
    let template =
        |message: String| json!({"title": "T", "targets": ["system"], "status": "unavailable", "message": message});
    // Control characters take six bytes each in JSON: a message that is short enough can be too large.
    let large = ask(node, "POST", "/api/v1/templates", Some(template("\u{1}".repeat(1_500)))).await.expect(422);
    assert!(large.text().contains("8192"), "{}", large.text());
    let mut made = Vec::new();
    for at in 0..7 {
        let one = ask(node, "POST", "/api/v1/templates", Some(template(format!("{at}")))).await.expect(201);
        made.push(one.json()["id"].as_str().unwrap().to_owned());
    }
    made.sort();
    let (mut listed, mut after) = (Vec::new(), String::new());
    loop {
        let page = node.get(&format!("/api/v1/templates?limit=3{after}")).await.expect(200).json();
        let ids = page["templates"].as_array().unwrap();
        assert!((1..=3).contains(&ids.len()));
        listed.extend(ids.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(listed, made);
    assert_eq!(node.get("/api/v1/templates?limit=7").await.json()["next"], Value::Null, "exactly full");
    // Up to 2,000 keys have a value.
    let fill = (made.len()..2_000).map(|_| ask(node, "POST", "/api/v1/templates", Some(template("x".to_owned()))));
    let mut fill = futures_util::StreamExt::buffer_unordered(futures_util::stream::iter(fill), 64);
    while let Some(filled) = futures_util::StreamExt::next(&mut fill).await {
        filled.expect(201);
    }
    let full = ask(node, "POST", "/api/v1/templates", Some(template("one more".to_owned()))).await.expect(429);
    assert!(full.text().contains("2000"), "{}", full.text());
    ask(node, "PUT", &format!("/api/v1/templates/{}", made[0]), Some(template("a change".to_owned())))
        .await
        .expect(200);
    ask(node, "DELETE", &format!("/api/v1/templates/{}", made[1]), None).await.expect(204);
    ask(node, "POST", "/api/v1/templates", Some(template("again".to_owned()))).await.expect(201);
    let all = node.get("/api/v1/templates?limit=1000").await.expect(200).json();
    assert_eq!(all["templates"].as_array().unwrap().len(), 1_000);
}
