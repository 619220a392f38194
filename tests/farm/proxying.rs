//! What the gate does with a request whose application is open: passes it on as it is, and says so
//! when nobody performs it.

use serde_json::json;

use crate::{
    closing, opening,
    support::{Farm, http},
};

#[tokio::test]
async fn answers_come_back_whole() {
    let farm = Farm::new(1).start().await;
    let reply = farm[0].gate_get("/mail/cookies", &[]).await.expect(200);
    assert_eq!(reply.all("set-cookie"), ["one=1; Path=/", "two=2; Path=/"]);
    let body = vec![b'a'; 3_000_000];
    let reply = farm[0]
        .gate_send("POST", "/chat/echo?x=1&y=%2f", &[("content-type", "text/plain")], Some(&body))
        .await
        .expect(200);
    assert_eq!(reply.body.len(), body.len());
    let seen = farm.upstream.seen();
    assert_eq!((seen[1].method.as_str(), seen[1].path.as_str()), ("POST", "/chat/echo?x=1&y=%2f"));
    let head = farm[0].gate_send("HEAD", "/mail/x", &[], None).await.expect(200);
    assert!(head.body.is_empty());
    assert_eq!(farm.upstream.seen()[2].method, "HEAD");
}

#[tokio::test]
async fn hop_by_hop_fields_stay_on_their_hop_and_forwarding_fields_are_the_gates_own() {
    let farm = Farm::new(1).start().await;
    let request = "GET /mail/hop HTTP/1.1\r\nHost: gate.example:8080\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nX-Yours: 2\r\nKeep-Alive: timeout=1\r\n\
                   Proxy-Authorization: Basic xyz\r\nTE: gzip\r\nX-Forwarded-For: 203.0.113.9\r\nX_Forwarded_For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n\
                   X-Forwarded-Host: evil.example\r\nCookie: a=1\r\n\r\n";
    let answer = String::from_utf8(farm[0].gate_raw(request).await).unwrap();
    assert_eq!(http::raw_status(answer.as_bytes()), 200, "{answer}");
    let head = answer.to_ascii_lowercase();
    assert!(
        head.contains("x-kept: yes") && !head.contains("proxy-authenticate") && !head.contains("timeout=9"),
        "{answer}"
    );
    let seen = &farm.upstream.seen()[0];
    for gone in ["x-mine", "keep-alive", "proxy-authorization", "te", "x_forwarded_for"] {
        assert_eq!(seen.all(gone), Vec::<&str>::new(), "{gone}");
    }
    assert_eq!((seen.all("x-yours"), seen.all("cookie")), (vec!["2"], vec!["a=1"]));
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.all("x-forwarded-host"), ["gate.example:8080"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["http"]);
    assert!(!format!("{seen:?}").contains("203.0.113.9"), "{seen:?}");
    assert_eq!(seen.all("via").len(), 1);
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let farm = Farm::new(1).gate("trusted_proxies = [\"127.0.0.1/32\"]").start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({"criteria": {"clients": ["203.0.113.0/24"]}}))).await;
    farm[0].gate_get("/mail", &[("x-forwarded-for", "203.0.113.9")]).await.expect(503);
    farm[0].gate_get("/mail", &[("x-forwarded-for", "203.0.113.9, 198.51.100.1")]).await.expect(200);
    farm[0].gate_get("/mail", &[]).await.expect(200);
    assert_eq!(farm.upstream.seen()[0].all("x-forwarded-for"), ["203.0.113.9, 198.51.100.1, 127.0.0.1"]);
}

#[tokio::test]
async fn both_forms_of_forwarding_fields_say_the_same() {
    let farm = Farm::new(1).gate("trusted_proxies = [\"127.0.0.1/8\"]").start().await;
    farm[0]
        .gate_get("/mail", &[("x-forwarded-for", "203.0.113.9, ,"), ("x-forwarded-proto", "https")])
        .await
        .expect(200);
    let seen = &farm.upstream.seen()[0];
    assert_eq!(seen.all("x-forwarded-for"), ["203.0.113.9, 127.0.0.1"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["https"]);
    let forwarded = seen.all("forwarded").concat();
    assert!(forwarded.starts_with("for=203.0.113.9;") && forwarded.contains("proto=https"), "{forwarded}");
    assert!(!forwarded.contains("proto=http,") && forwarded.matches("proto=").count() == 1, "{forwarded}");
}

#[tokio::test]
async fn what_frameworks_take_for_the_address_comes_from_trusted_proxies_only() {
    let fields = [("proxy", "http://192.0.2.1/"), ("x-original-url", "/admin"), ("x-rewrite-url", "/admin")];
    let smuggled = [("content_length", "5"), ("transfer_encoding", "chunked"), ("x_forwarded_for", "192.0.2.1")];
    let all: Vec<_> = fields.into_iter().chain(smuggled).chain([("user_id", "7")]).collect();
    for (gate, kept) in [("", false), ("trusted_proxies = [\"127.0.0.0/8\"]", true)] {
        let farm = Farm::new(1).gate(gate).start().await;
        farm[0].gate_get("/mail", &all).await.expect(200);
        let seen = &farm.upstream.seen()[0];
        for (name, value) in fields {
            assert_eq!(seen.all(name), if kept { vec![value] } else { vec![] }, "{name}");
        }
        for (name, _) in smuggled {
            assert_eq!(seen.all(name), Vec::<&str>::new(), "{name}");
        }
        assert_eq!(seen.all("user_id"), ["7"]);
    }
}

#[tokio::test]
async fn the_head_of_an_answer_has_one_limit_which_is_named() {
    let farm = Farm::new(1).start().await;
    let request = "GET /mail/fields?n=150 HTTP/1.1\r\nHost: farm\r\nConnection: close\r\n\r\n";
    let answer = String::from_utf8(farm[0].gate_raw(request).await).unwrap().to_lowercase();
    assert_eq!((http::raw_status(answer.as_bytes()), answer.matches("set-cookie:").count()), (200, 150));
    let reply = farm[0].gate_get("/mail/fields?n=1500", &[]).await.expect(502);
    assert!(reply.json()["detail"].as_str().unwrap().contains("256 header fields"), "{}", reply.text());
    farm[0].wait_log(&["upstream_failed", "256 header fields"]).await;
}

#[tokio::test]
async fn what_never_left_is_known_not_to_have_arrived() {
    let farm = Farm::new(1);
    let nobody = crate::support::free_port(crate::support::own_address());
    let toml = format!("[[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\nupstream = [\"http://{nobody}\"]\n");
    let farm = farm.applications(&toml).start().await;
    let reply = farm[0].gate_send("POST", "/mail", &[("accept", "text/plain")], Some(b"hello")).await.expect(502);
    assert!(reply.text().contains("What you sent was not accepted"), "{}", reply.text());
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_502_in_every_shape_and_nothing_is_closed_by_it() {
    let farm = Farm::new(1);
    let nobody = crate::support::free_port(crate::support::own_address());
    let farm = farm
        .applications(&format!(
            "[[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\nupstream = [\"http://{nobody}\"]\n"
        ))
        .start()
        .await;
    for (accept, content_type) in [
        ("text/html", "text/html; charset=utf-8"),
        ("application/json", "application/json"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("application/problem+json", "application/problem+json"),
    ] {
        let reply = farm[0].gate_get("/mail", &[("accept", accept)]).await.expect(502);
        assert_eq!(
            (reply.header("content-type"), reply.header("cache-control")),
            (Some(content_type), Some("no-store"))
        );
    }
    assert_eq!(farm[0].gate_get("/.forewarn/availability/mail", &[]).await.json()["available"], true);
    farm[0].submit_wait_all(closing("application:mail", json!({}))).await;
    farm[0].gate_get("/mail", &[]).await.expect(503);
    farm[0].submit_wait_all(opening("application:mail")).await;
    farm[0].gate_get("/mail", &[]).await.expect(502);
}
