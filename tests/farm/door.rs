//! Turning users away at the door: what a closed application answers, on every node.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    closing, opening,
    support::{Farm, Reply, http::raw_status, wait::Events},
};

#[tokio::test]
async fn what_one_node_is_told_every_gate_says_within_a_second() {
    let farm = Farm::new(3).start().await;
    for node in &farm.nodes {
        let reply = node.gate_get("/mail/inbox", &[]).await.expect(200);
        assert_eq!(reply.text(), "performed /mail/inbox");
    }
    let began = Instant::now();
    farm[0].submit(json!({"targets": ["application:mail"], "status": "unavailable", "reason": "planned-maintenance", "message": "Disk upgrade", "duration_seconds": 7200})).await.expect(202);
    for node in &farm.nodes {
        node.wait_available("mail", false).await;
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    farm.upstream.forget();
    for node in &farm.nodes {
        node.gate_get("/mail/inbox", &[]).await.expect(503);
    }
    assert_eq!(farm.upstream.count(), 0, "a closed application is not asked");
    let began = Instant::now();
    farm[2].submit(json!({"targets": ["application:mail"], "status": "available"})).await.expect(202);
    for node in &farm.nodes {
        node.wait_available("mail", true).await;
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    for node in &farm.nodes {
        node.gate_get("/mail/inbox", &[]).await.expect(200);
    }
    assert_eq!(farm.upstream.count(), 3);
}

/// The headers that every denial has, whatever its shape.
fn has_headers_of_a_denial(reply: &Reply, id: &str) {
    assert_eq!(reply.status, 503, "{}", reply.text());
    let retry: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((7_190..=7_230).contains(&retry), "spread by at most 30 s: {retry}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("vary"), Some("Accept, Accept-Language"));
    assert_eq!(reply.header("forewarn-application"), Some("mail"));
    assert_eq!(reply.header("forewarn-reason"), Some("planned-maintenance"));
    assert_eq!(reply.header("forewarn-notification"), Some(id));
}

#[tokio::test]
async fn a_denial_has_four_shapes_and_head_has_their_headers() {
    let farm = Farm::new(2).start().await;
    let told = farm[0]
        .submit_wait_all(closing(
            "application:mail",
            json!({"reason": 1, "message": "Disk upgrade", "duration_seconds": 7200}),
        ))
        .await;
    let id = told["id"].as_str().unwrap();
    let cases = [
        (None, "application/json"),
        (Some("application/json"), "application/json"),
        (Some("application/problem+json"), "application/problem+json"),
        (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), "text/html; charset=utf-8"),
        (Some("text/plain"), "text/plain; charset=utf-8"),
        (Some("image/png"), "application/json"),
        (Some("text/html;q=0, application/json;q=0.1"), "application/json"),
    ];
    for (accept, content_type) in cases {
        let headers: Vec<(&str, &str)> = accept.iter().map(|accept| ("accept", *accept)).collect();
        let whole = farm[1].gate_get("/mail/inbox", &headers).await;
        has_headers_of_a_denial(&whole, id);
        assert_eq!(whole.header("content-type"), Some(content_type), "{accept:?}");
        assert!(whole.text().contains("Disk upgrade"), "{}", whole.text());
        let head = farm[1].gate_send("HEAD", "/mail/inbox", &headers, None).await;
        has_headers_of_a_denial(&head, id);
        assert_eq!(head.header("content-type"), Some(content_type), "{accept:?}");
        assert!(head.body.is_empty());
        let length = |reply: &Reply| reply.header("content-length").unwrap().parse::<i64>().unwrap();
        assert!(
            (length(&head) - length(&whole)).abs() <= 2,
            "HEAD announces GET's length, give or take a digit of the seconds"
        );
        if content_type.contains("json") {
            let json = whole.json();
            assert_eq!(
                (&json["status"], &json["instance"], &json["node"]),
                (&json!(503), &json!("/mail/inbox"), &json!("b"))
            );
            assert_eq!(
                (&json["type"], &json["title"]),
                (&json!("/.forewarn/problems/unavailable"), &json!("Mail is unavailable"))
            );
            assert_eq!(
                (&json["reason"], &json["reason_code"], &json["message"]),
                (&json!("planned-maintenance"), &json!(1), &json!("Disk upgrade"))
            );
            assert_eq!((&json["causes"], &json["notification"]), (&json!(["application:mail"]), &json!(id)));
            assert_eq!(json["retry_after"].as_u64(), whole.header("retry-after").unwrap().parse().ok());
        }
    }
    // what sends something is told the same, and nothing of it arrives
    let posted = farm[1].gate_send("POST", "/mail/send", &[("accept", "text/html")], Some(&vec![b'x'; 300_000])).await;
    has_headers_of_a_denial(&posted, id);
    assert_eq!(farm.upstream.count(), 0);
}

#[tokio::test]
async fn a_message_is_text_wherever_it_is_shown_and_never_a_header() {
    let farm = Farm::new(1).start().await;
    let message = "<script>alert(1)</script>\r\nSet-Cookie: x=1\u{1b}[31m\u{7f} \u{202e} ä 💾 \"quoted\" & 'so'";
    farm[0]
        .submit(closing("application:mail", json!({"message": message, "component": "<img src=x>\r\nX-Injected: 1"})))
        .await
        .expect(202);
    farm[0].wait_available("mail", false).await;
    for accept in ["text/html", "application/json", "application/problem+json", "text/plain"] {
        let reply = farm[0].gate_get("/mail", &[("accept", accept)]).await.expect(503);
        assert!(
            !reply.headers.contains_key("set-cookie") && !reply.headers.contains_key("x-injected"),
            "{:?}",
            reply.headers
        );
        for (name, value) in &reply.headers {
            assert!(value.as_bytes().iter().all(|byte| (0x20..0x7f).contains(byte)), "{name}: {value:?}");
        }
        match accept {
            "text/html" => {
                assert!(
                    !reply.text().contains("<script>alert") && !reply.text().contains("<img src"),
                    "{}",
                    reply.text()
                );
                assert!(
                    reply.text().contains("&lt;script&gt;") || reply.text().contains("&#60;script&#62;"),
                    "{}",
                    reply.text()
                );
                assert!(reply.header("content-security-policy").is_some());
                assert!(!reply.text().contains('\u{1b}'));
            }
            "text/plain" => assert!(!reply.text().contains('\u{1b}'), "{}", reply.text()),
            _ => assert_eq!(reply.json()["message"], message),
        }
    }
}

#[tokio::test]
async fn other_spellings_of_a_path_do_not_slip_past() {
    let farm = Farm::new(1).start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({}))).await;
    let status = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n\r\n");
        raw_status(&farm[0].gate_raw(&request).await)
    };
    for path in [
        "/mail",
        "/mail/",
        "//mail",
        "///mail//inbox",
        "/%6dail",
        "/%6D%61il/inbox",
        "/chat/../mail",
        "/chat/%2e%2e/mail",
        "/chat/.%2E/mail/x",
        "/./mail",
        "/%2e/mail",
        "/mail/.",
        "/mail/x/..",
        "/mail?x=/chat",
        "/mail;x=1",
        "/chat/..//mail",
        "http://gate.example/mail",
        "http://other.example//%6dail",
    ] {
        let answer = status(path).await;
        // "/mail;x=1" is another segment than "mail": no route of its own, so it is nobody's
        let expected: &[u16] = if path == "/mail;x=1" { &[404, 503] } else { &[503] };
        assert!(expected.contains(&answer), "{path}: {answer}");
    }
    for path in ["/mailbox", "/mail%20", "/Mail", "/"] {
        assert_eq!(status(path).await, 404, "{path}");
    }
    for path in [
        "/mail%2fx",
        "/mail%5cx",
        "/chat%2f..%2fmail",
        "/chat/..%2fmail",
        "/chat/..%5cmail",
        "/%00mail",
        "/mail/%zz",
        "/chat/\\../mail",
    ] {
        let answer = status(path).await;
        assert!([400, 404, 503].contains(&answer), "{path}: {answer}");
    }
    assert_eq!(farm.upstream.count(), 0, "{:?}", farm.upstream.seen());
    assert_eq!(status("/chat").await, 200);
    // an upstream that leaves dot segments alone reads it as a path of mail
    assert_eq!(status("/mail/../chat").await, 503);
}

#[tokio::test]
async fn a_request_that_needs_several_applications_needs_all_of_them() {
    let farm = Farm::new(1)
        .applications(
            r#"
[[application]]
name = "shop"
title = "Shop"
routes = ["/shop", "/cart"]
upstream = ["UPSTREAM"]
[[application]]
name = "payments"
title = "Payments"
routes = ["/cart", "pay.example.com/"]
uses = ["bank"]
[[resource]]
name = "bank"
"#,
        )
        .start()
        .await;
    let node = &farm[0];
    node.gate_get("/cart", &[]).await.expect(200);
    node.submit_wait_all(closing("resource:bank", json!({"reason": "unplanned-outage", "duration_seconds": 600})))
        .await;
    node.gate_get("/shop", &[]).await.expect(200);
    let reply = node.gate_get("/cart", &[]).await.expect(503);
    assert_eq!(reply.header("forewarn-application"), Some("payments"));
    assert_eq!(reply.json()["causes"], json!(["resource:bank"]));
    node.submit_wait_all(closing("application:shop", json!({}))).await;
    let reply = node.gate_get("/cart", &[]).await.expect(503);
    assert_eq!(reply.header("forewarn-application"), Some("shop"));
    assert_eq!(reply.header("retry-after"), None, "one of the causes has no end");
    assert_eq!(reply.json()["causes"], json!(["application:shop", "resource:bank"]));
    // payments has no upstream of its own: nobody performs it where it stands alone
    node.submit_wait_all(opening("resource:bank")).await;
    node.gate_get("/", &[("host", "pay.example.com")]).await.expect(502);
    node.submit_wait_all(closing("system", json!({"reason": 2}))).await;
    for path in ["/cart", "/shop"] {
        node.gate_get(path, &[]).await.expect(503);
    }
    node.submit_wait_all(opening("application:shop")).await;
    node.gate_get("/shop", &[]).await.expect(200);
    node.gate_get("/cart", &[]).await.expect(503);
}

#[tokio::test]
async fn what_nobody_is_asked_for_is_404_and_the_reserved_prefix_stays_reserved() {
    let farm = Farm::new(1).start().await;
    for (accept, content_type) in [
        ("text/html", "text/html; charset=utf-8"),
        ("application/json", "application/json"),
        ("text/plain", "text/plain; charset=utf-8"),
    ] {
        let reply = farm[0].gate_get("/nothing", &[("accept", accept)]).await.expect(404);
        assert_eq!(reply.header("content-type"), Some(content_type));
    }
    assert_eq!(farm[0].gate_get("/nothing", &[]).await.json()["type"], "/.forewarn/problems/no-such-application");
    farm[0].gate_get("/.forewarn/nothing", &[]).await.expect(404);
    farm[0].gate_get("/.forewarn/availability/nothing", &[]).await.expect(404);
    let all = farm[0].gate_get("/.forewarn/availability", &[]).await.expect(200).json();
    let names: Vec<&str> =
        all["applications"].as_array().unwrap().iter().map(|one| one["application"].as_str().unwrap()).collect();
    assert_eq!(names, ["mail", "directory", "chat"]);
    let mail = farm[0].gate_get("/.forewarn/availability/mail", &[]).await.json();
    let mut members: Vec<&String> = mail.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(
        members,
        [
            "admits_newcomers",
            "advisories",
            "application",
            "available",
            "causes",
            "expected_back_at",
            "farm",
            "message",
            "reason",
            "since",
            "title",
            "upcoming"
        ]
    );
    // pages and API are not the public's
    for path in ["/api/v1/availability", "/login", "/metrics", "/peer/v1/merge", "/readyz"] {
        farm[0].gate_get(path, &[]).await.expect(404);
    }
}

#[tokio::test]
async fn the_public_stream_tells_of_changes_and_of_nothing_else() {
    let farm = Farm::new(1).start().await;
    let mut events = Events::open(farm[0].gate, "/.forewarn/events?application=mail", "").await.unwrap();
    farm[0].submit(closing("application:chat", json!({}))).await.expect(202);
    farm[0].submit(closing("resource:mail-store", json!({"message": "secret"}))).await.expect(202);
    let (event, data) = tokio::time::timeout(Duration::from_secs(5), events.next()).await.unwrap().unwrap();
    assert_eq!((event.as_str(), &data["application"]), ("availability", &json!("mail")));
    assert!(!data.to_string().contains("secret"));
}
