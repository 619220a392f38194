//! Other proxies ask the gate, as they are: with handshakes, odd addresses, every method and lists.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    closing,
    support::{Farm, Node, http::raw_status},
};

const WEBSOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Sends this and nothing more; the status, and how long its head took.
async fn answered(node: &Node, request: &str) -> (u16, Duration) {
    let mut stream = TcpStream::connect(node.gate).await.unwrap();
    let began = Instant::now();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let head = async {
        while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{request:?}: closed unanswered");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), head).await.expect("no answer");
    (raw_status(&answer), began.elapsed())
}

#[tokio::test]
async fn no_answer_waits_for_a_body_that_does_not_come() {
    let farm = Farm::new(1).start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({}))).await;
    let asked = |who: &str, path: &str, more: &str| {
        format!(
            "GET /.forewarn/check/{who} HTTP/1.1\r\nHost: farm\r\nX-Forwarded-Uri: {path}\r\nX-Original-URI: {path}\r\n{more}\r\n"
        )
    };
    let posted = |path: &str, more: &str| format!("POST {path} HTTP/1.1\r\nHost: farm\r\n{more}\r\n");
    for (request, status) in [
        (asked("forward", "/chat", WEBSOCKET), 204),
        (asked("forward", "/mail", WEBSOCKET), 503),
        (asked("nginx", "/chat", WEBSOCKET), 204),
        (asked("nginx", "/mail", WEBSOCKET), 403),
        (asked("forward", "/nobody", "Content-Length: 100000\r\n"), 204),
        (asked("forward", "/mail", "Transfer-Encoding: chunked\r\n"), 503),
        (asked("nginx", "/", "Content-Length: 5\r\n"), 204),
        (format!("GET /.forewarn/check/envoy/chat HTTP/1.1\r\nHost: farm\r\n{WEBSOCKET}\r\n"), 200),
        (format!("GET /mail HTTP/1.1\r\nHost: farm\r\n{WEBSOCKET}\r\n"), 101),
        (posted("/mail", "Content-Length: 100000\r\n"), 503),
        (posted("/mail", "Transfer-Encoding: chunked\r\n"), 503),
        (posted("/nobody", "Content-Length: 100000\r\n"), 404),
        (posted("/chat%00", "Transfer-Encoding: chunked\r\n"), 400),
    ] {
        let (seen, took) = answered(&farm[0], &request).await;
        assert_eq!(seen, status, "{request}");
        assert!(took < Duration::from_secs(2), "{took:?}: {request}");
    }
    let (status, took) = answered(&farm[0], "CONNECT farm:443 HTTP/1.1\r\nHost: farm:443\r\n\r\n").await;
    assert!((400..=501).contains(&status) && took < Duration::from_secs(2), "{status} after {took:?}");
}

#[tokio::test]
async fn a_refused_form_keeps_its_connection() {
    let farm = Farm::new(1).start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({}))).await;
    let request = "POST /mail HTTP/1.1\r\nHost: farm\r\nContent-Length: 5\r\n\r\nhello\
                   GET /chat HTTP/1.1\r\nHost: farm\r\nConnection: close\r\n\r\n";
    let answer = String::from_utf8(farm[0].gate_raw(request).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn what_no_route_can_match_is_let_through_however_odd() {
    let farm = Farm::new(1).start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({}))).await;
    let long = "x".repeat(20_000);
    let ask = async |method: &str, who: &str, path: &str| {
        let request = format!(
            "{method} /.forewarn/check/{who} HTTP/1.1\r\nHost: farm\r\nConnection: close\r\nX-Forwarded-Uri: {path}\r\n\r\n"
        );
        raw_status(&farm[0].gate_raw(&request).await)
    };
    let odd =
        ["/%zz", "/%", "/nobody/%00", "/caf\u{e9}?\u{e9}", "/a b", "*", "nobody", "/x%2f..%2fnobody", "/mailbox/%"];
    for path in odd.iter().copied().chain([format!("/{long}").as_str(), &format!("/nobody?{long}")]) {
        assert_eq!(ask("GET", "forward", path).await, 204, "{path}");
        assert_eq!(ask("GET", "nginx", path).await, 204, "{path}");
    }
    // what one of its readings may bring to an application that is known here is another matter
    for path in ["/mail/%zz", "/x%2f..%2fmail", "/mail%00", "mail"] {
        assert_eq!(ask("GET", "forward", path).await, 400, "{path}");
        assert_eq!(ask("GET", "nginx", path).await, 403, "{path}");
    }
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "HEAD"] {
        assert_eq!(ask(method, "forward", "/chat").await, 204, "{method}");
        assert_eq!(ask(method, "forward", "/mail").await, 503, "{method}");
        assert_eq!(ask(method, "envoy/mail", "/").await, 403, "{method}");
        assert_eq!(ask(method, "envoy/nobody/%zz", "/").await, 200, "{method}");
    }
}

#[tokio::test]
async fn the_first_of_several_hosts_counts() {
    let applications =
        "[[application]]\nname = \"mail\"\nroutes = [\"mail.example.com/\"]\nupstream = [\"UPSTREAM\"]\n";
    let farm = Farm::new(1).applications(applications).start().await;
    farm[0].submit_wait_all(closing("application:mail", json!({}))).await;
    for (hosts, status, of_nginx) in [
        ("mail.example.com, inner.example.com", 503, 403),
        ("outer.example.com, mail.example.com", 204, 204),
        (" , mail.example.com", 503, 403),
    ] {
        let headers = [("x-forwarded-host", hosts), ("x-forwarded-uri", "/")];
        farm[0].gate_get("/.forewarn/check/forward", &headers).await.expect(status);
        farm[0].gate_get("/.forewarn/check/nginx", &headers).await.expect(of_nginx);
    }
}

#[tokio::test]
async fn events_of_an_application_that_nobody_has_are_404() {
    let farm = Farm::new(1).start().await;
    farm[0].gate_get("/.forewarn/events?application=nope", &[]).await.expect(404);
    farm[0].get("/api/v1/events?application=nope").await.expect(404);
}
