//! Those whom a closing treats differently: who is inside when a last entry ends, and testers with a pass.

use serde_json::json;

use crate::{
    closing, in_seconds,
    support::{Farm, TOKEN},
};

const ACCEPT: (&str, &str) = ("accept", "application/json");

#[tokio::test]
async fn whoever_is_inside_may_finish_and_newcomers_are_told() {
    let farm = Farm::new(2).start().await;
    let (a, b) = (&farm[0], &farm[1]);
    let begins = in_seconds(9.0);
    let plan = json!({"goes_down_at": begins, "duration_seconds": 600, "last_entry_seconds": 5, "reason": "planned-maintenance"});
    let plan = a.submit_wait_all(closing("application:mail", plan)).await;

    // Announced, and everybody who is served gets the cookie.
    let served = a.gate_get("/mail", &[]).await.expect(200);
    let next = served.header("forewarn-next").unwrap();
    assert_eq!(next, format!("{}Z; reason=planned-maintenance", &begins[..19]));
    let cookie = served.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("forewarn-inside=mail~") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    let again = b.gate_get("/mail", &[("cookie", cookie)]).await.expect(200);
    assert_eq!((again.header("set-cookie"), again.header("forewarn-next")), (None, Some(next)));
    let other = a.gate_get("/chat", &[]).await.expect(200);
    assert_eq!((other.header("set-cookie"), other.header("forewarn-next")), (None, None));

    // The last entry is over: newcomers are turned away on every node, those inside are not.
    for node in [a, b] {
        node.wait_until("newcomers are turned away", async || node.gate_get("/mail", &[ACCEPT]).await.status == 503)
            .await;
        node.gate_get("/mail", &[("cookie", cookie)]).await.expect(200);
        let denied = node.gate_get("/mail", &[ACCEPT, ("cookie", "forewarn-inside=mail~1~00")]).await.expect(503);
        assert_eq!(denied.json()["notification"], plan["id"]);
        assert_eq!(denied.header("forewarn-reason"), Some("planned-maintenance"));
        assert!(
            denied.json()["detail"].as_str().unwrap().contains("lets nobody new in until then"),
            "{}",
            denied.text()
        );
        // Everything else says the same.
        let public = node.gate_get("/.forewarn/availability/mail", &[]).await.json();
        assert_eq!((&public["available"], &public["admits_newcomers"]), (&json!(true), &json!(false)));
        assert_eq!(public["upcoming"].as_array().unwrap().len(), 1, "{public}");
        let why = |query: &'static str| async move {
            node.get(&format!("/api/v1/availability/mail/why{query}")).await.json()
        };
        assert_eq!(why("").await["available"], false);
        assert_eq!(why("?inside=true").await["available"], true);
        let board = node.get("/api/v1/availability/mail").await.json();
        assert_eq!((&board["available"], &board["partial"][0]["id"]), (&json!(true), &plan["id"]), "{board}");
    }
    // When it begins it is closed for all.
    for node in [a, b] {
        node.wait_until("it is closed", async || node.gate_get("/mail", &[("cookie", cookie)]).await.status == 503)
            .await;
        let denied = node.gate_get("/mail", &[ACCEPT]).await.expect(503).json();
        assert_eq!(denied["since"].as_str().unwrap()[..19], begins[..19]);
    }
}

#[tokio::test]
async fn a_pass_lets_testers_through_on_every_node() {
    let farm = Farm::new(2).start().await;
    let (a, b) = (&farm[0], &farm[1]);
    a.submit_wait_all(closing("application:mail", json!({"reason": "planned-maintenance"}))).await;
    a.submit_wait_all(closing("application:chat", json!({"reason": "planned-maintenance"}))).await;
    let make = |body: serde_json::Value| async move {
        let bearer = format!("Bearer {TOKEN}");
        let fields = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        a.control("POST", "/api/v1/passes", &fields, Some(body.to_string().as_bytes())).await
    };
    let pass = make(json!({"applications": ["mail"], "expires_at": in_seconds(3_600.0)})).await.expect(201).json();
    let link = pass["link"].as_str().unwrap();

    // The link works at the other node, and leads to the application and nowhere else.
    let opened = b.gate_get(link, &[]).await.expect(303);
    assert_eq!(opened.header("location"), Some("/mail"));
    assert_eq!(
        (opened.header("referrer-policy"), opened.header("cache-control")),
        (Some("no-referrer"), Some("no-store"))
    );
    let cookie = opened.header("set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax") && cookie.contains("; Max-Age=3"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    for node in [a, b] {
        node.gate_get("/mail", &[]).await.expect(503);
        node.gate_get("/mail", &[("cookie", cookie)]).await.expect(200);
        node.gate_get("/chat", &[("cookie", cookie)]).await.expect(503);
        node.gate_get("/mail", &[("cookie", &format!("{cookie}0"))]).await.expect(503);
        node.gate_get("/.forewarn/pass?t=mail~9999999999~00", &[]).await.expect(400);
    }
    // The application hears of it, and only from the gate.
    let seen = farm.upstream.seen();
    let passed = seen.iter().filter(|one| one.path == "/mail").collect::<Vec<_>>();
    assert!(!passed.is_empty() && passed.iter().all(|one| one.all("forewarn-pass") == ["1"]));
    a.gate_get("/directory", &[("forewarn-pass", "1"), ("cookie", cookie)]).await.expect(200);
    assert!(farm.upstream.seen().last().unwrap().all("forewarn-pass").is_empty());
    assert_eq!(
        make(json!({"applications": ["nobody"], "expires_at": in_seconds(9.0)})).await.expect(422).fields(),
        ["applications[0]"]
    );
}
