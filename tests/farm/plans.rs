//! Plans: they begin and end by themselves, are taken back and moved. Times are short; what is
//! waited for is the node's own event, not the time.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{closing, in_seconds, opening, support::Farm};

#[tokio::test]
async fn a_plan_begins_and_ends_by_itself_on_every_node() {
    let farm = Farm::new(2).start().await;
    let (begins, ends) = (in_seconds(1.5), in_seconds(3.0));
    let plan = closing(
        "application:mail",
        json!({"goes_down_at": begins, "expected_back_at": ends, "restore": "automatic", "reason": "planned-maintenance"}),
    );
    let told = farm[0].submit_wait_all(plan).await;
    let accepted = Instant::now();
    for node in &farm.nodes {
        node.gate_get("/mail", &[]).await.expect(200);
        let mail = node.gate_get("/.forewarn/availability/mail", &[]).await.json();
        assert_eq!(mail["upcoming"].as_array().unwrap().len(), 1, "{mail}");
        assert_eq!((&mail["available"], &mail["since"]), (&json!(true), &json!(null)));
        let board = node.get("/api/v1/availability/mail").await.json();
        assert_eq!(board["upcoming"][0]["id"], told["id"]);
    }
    for node in &farm.nodes {
        node.wait_available("mail", false).await;
        let denied = node.gate_get("/mail", &[]).await.expect(503);
        assert_eq!(denied.json()["since"].as_str().unwrap()[..19], begins[..19]);
        assert!(["1", "2"].contains(&denied.header("retry-after").unwrap()));
        assert_eq!(node.gate_get("/.forewarn/availability/mail", &[]).await.json()["upcoming"], json!([]));
    }
    assert!(accepted.elapsed() > Duration::from_millis(900), "not before its time: {:?}", accepted.elapsed());
    for node in &farm.nodes {
        node.wait_available("mail", true).await;
        node.gate_get("/mail", &[]).await.expect(200);
    }
    assert!(
        accepted.elapsed() > Duration::from_millis(2_400) && accepted.elapsed() < Duration::from_secs(5),
        "{:?}",
        accepted.elapsed()
    );
}

#[tokio::test]
async fn overdue_and_manual_stays_closed_and_says_when_to_come_again() {
    let farm = Farm::new(1).start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({"expected_back_at": in_seconds(1.0)}))).await;
    assert_eq!(farm[0].gate_get("/mail", &[]).await.expect(503).header("retry-after"), Some("1"));
    farm[0]
        .wait_until("it is overdue", async || {
            let denied = farm[0].gate_get("/mail", &[]).await.expect(503);
            denied.header("retry-after") == Some("60")
                && denied.json()["detail"].as_str().unwrap().contains("was expected back")
        })
        .await;
}

#[tokio::test]
async fn a_plan_can_be_taken_back_and_moved_until_it_begins() {
    let farm = Farm::new(2).start().await;
    let (a, b) = (&farm[0], &farm[1]);
    let plan = a
        .submit_wait_all(closing("application:mail", json!({"goes_down_at": in_seconds(2.0), "duration_seconds": 60})))
        .await;
    // moved, at the other node
    let moved = b
        .submit_wait_all(closing(
            "application:mail",
            json!({"goes_down_at": in_seconds(3600.0), "replaces": plan["id"]}),
        ))
        .await;
    for node in &farm.nodes {
        let mail = node.get("/api/v1/availability/mail").await.json();
        let upcoming: Vec<_> = mail["upcoming"].as_array().unwrap().iter().map(|plan| plan["id"].clone()).collect();
        assert_eq!(upcoming, [moved["id"].clone()], "{mail}");
    }
    // once only
    let again = a.submit(json!({"targets": ["application:mail"], "cancels": plan["id"]})).await.expect(422);
    assert_eq!(again.fields(), ["cancels"], "{}", again.text());
    a.submit_wait_all(json!({"targets": ["application:mail"], "cancels": moved["id"]})).await;
    for node in &farm.nodes {
        let mail = node.get("/api/v1/availability/mail").await.json();
        assert_eq!((&mail["upcoming"], &mail["available"]), (&json!([]), &json!(true)), "{mail}");
    }
    // what was taken back does not begin: a later plan has begun, and that one still has not
    b.submit_wait_all(closing("application:chat", json!({"goes_down_at": in_seconds(2.2)}))).await;
    a.wait_available("chat", false).await;
    a.gate_get("/mail", &[]).await.expect(200);
    // what has begun cannot be taken back, what nobody knows neither
    let begun = a.submit_wait_all(closing("application:directory", json!({}))).await;
    for id in [begun["id"].clone(), json!("0190b5c4-0000-7000-8000-000000000000")] {
        assert_eq!(b.submit(json!({"cancels": id})).await.expect(422).fields(), ["cancels"]);
    }
}

#[tokio::test]
async fn a_plan_is_not_lost_because_somebody_opens_the_application_in_between() {
    let farm = Farm::new(1).start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({"goes_down_at": in_seconds(1.0)}))).await;
    farm[0].submit_wait_all(opening("application:mail")).await;
    farm[0].gate_get("/mail", &[]).await.expect(200);
    farm[0].wait_available("mail", false).await;
}
