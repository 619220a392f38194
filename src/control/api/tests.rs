//! The API from outside, without a desk: a request that passes every check in front of the desk ends in the 503
//! of a node that is still opening its store.
#![allow(clippy::unwrap_used)]

use actix_web::{
    App,
    http::{Method, StatusCode, header},
    test as http,
    web::Data,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::control::{
    auth::{Token, Tokens},
    configure,
    rights::{Rights, Role},
};

const OPERATOR: &str = "0perator";
const MONITOR: &str = "m0nitor";
const GOOD: &str = r#"{"targets":["application:mail"],"status":"unavailable"}"#;

/// What came back: status, header fields, and the body as JSON where it is some.
struct Answer {
    status: u16,
    headers: header::HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn fields(&self) -> Vec<&str> {
        self.body["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect()
    }
}

async fn ask(method: Method, uri: &str, token: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    let token_of = |name: &str, role, text: &str| Token {
        name: name.into(),
        rights: Rights::new(role, None),
        expires: None,
        sha256: Sha256::digest(text).into(),
        ended: tokio_util::sync::CancellationToken::new(),
    };
    let tokens = Tokens::new(vec![token_of("ci", Role::Operator, OPERATOR), token_of("probe", Role::Monitor, MONITOR)]);
    let app = http::init_service(App::new().app_data(Data::new(tokens)).configure(configure)).await;
    let mut request = http::TestRequest::with_uri(uri).method(method).set_payload(body.into());
    if !token.is_empty() {
        request = request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
    }
    if !content_type.is_empty() {
        request = request.insert_header((header::CONTENT_TYPE, content_type));
    }
    let response = http::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = serde_json::from_slice(&http::read_body(response).await).unwrap_or_default();
    Answer { status, headers, body }
}

async fn get(uri: &str) -> Answer {
    ask(Method::GET, uri, MONITOR, "", "").await
}

async fn post(body: impl Into<Vec<u8>>) -> Answer {
    ask(Method::POST, "/api/v1/notifications", OPERATOR, "application/json", body).await
}

#[actix_web::test]
async fn nothing_is_reached_without_credentials() {
    for (method, uri) in [
        (Method::GET, "/api/v1/notifications"),
        (Method::POST, "/api/v1/notifications"),
        (Method::GET, "/api/v1/notifications/x"),
        (Method::GET, "/api/v1/availability"),
        (Method::GET, "/api/v1/availability/mail/why"),
        (Method::DELETE, "/api/v1/nodes/b"),
        (Method::GET, "/api/v1/events"),
        (Method::GET, "/api/v1/nothing"),
        (Method::PATCH, "/api/v1/nodes"),
    ] {
        for token in ["", "wrong"] {
            let answer = ask(method.clone(), uri, token, "application/json", GOOD).await;
            assert_eq!(answer.status, 401, "{method} {uri}");
            assert!(answer.header("www-authenticate").starts_with("Bearer "), "{method} {uri}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.body["status"], 401);
        }
    }
}

#[actix_web::test]
async fn roles_are_kept_apart() {
    let delete = async |token| ask(Method::DELETE, "/api/v1/nodes/b", token, "", "").await.status;
    assert_eq!((delete(MONITOR).await, delete(OPERATOR).await), (403, 503));
    let submit = ask(Method::POST, "/api/v1/notifications", MONITOR, "application/json", GOOD).await;
    assert_eq!(submit.status, 503);
}

#[actix_web::test]
async fn good_requests_get_as_far_as_the_desk() {
    assert_eq!(post(GOOD).await.header("retry-after"), "1");
    for uri in [
        "/api/v1/notifications?limit=5&source=operator",
        "/api/v1/notifications/00000000-0000-0000-0000-000000000000",
        "/api/v1/availability",
        "/api/v1/availability/mail",
        "/api/v1/availability/mail/why?path=/mail&header=accept:x",
        "/api/v1/nodes",
        "/api/v1/events?application=mail",
    ] {
        let answer = get(uri).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{uri}");
    }
}

#[actix_web::test]
async fn bad_submissions_get_what_they_deserve() {
    for content_type in ["", "text/plain", "application/x-www-form-urlencoded"] {
        let answer = ask(Method::POST, "/api/v1/notifications", OPERATOR, content_type, GOOD).await;
        assert_eq!(answer.status, 415, "{content_type}");
    }
    assert_eq!(post(vec![b' '; 64 * 1024 + 1]).await.status, 413);
    let malformed = post("{\"targets\": [}").await;
    assert_eq!(malformed.status, 400);
    assert!(malformed.body["detail"].as_str().unwrap().contains("line 1 column 14"), "{}", malformed.body);
    assert_eq!(post("").await.status, 400);
    let wrong = post(r#"{"targets":["mail"],"status":"unavailable","colour":1,"node":"a"}"#).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(wrong.fields(), ["colour", "node", "targets[0]"]);
    assert_eq!(post("[]").await.fields(), [""]);
    let timeout =
        ask(Method::POST, "/api/v1/notifications?wait=all&timeout=2h", OPERATOR, "application/json", GOOD).await;
    assert_eq!((timeout.status, timeout.fields()), (422, vec!["timeout"]));
}

#[actix_web::test]
async fn wrong_parameters_and_addresses_are_told() {
    assert_eq!(get("/api/v1/notifications?limit=0&colour=red").await.fields(), ["limit", "colour"]);
    for uri in ["/api/v1/availability?x=", "/api/v1/nodes?x=", "/api/v1/events?x=", "/api/v1/availability/mail?x="] {
        assert_eq!(get(uri).await.fields(), ["x"], "{uri}");
    }
    for uri in ["/api/v1/notifications/7", "/api", "/api/", "/api/v2/nodes", "/api/v1/notifications/"] {
        let answer = get(uri).await;
        assert_eq!((answer.status, answer.body["status"].as_u64()), (404, Some(404)), "{uri}");
    }
    assert_eq!(get(&format!("/api/v1/availability/{}", "x".repeat(9_000))).await.status, 414);
}

#[actix_web::test]
async fn other_methods_are_told_which_ones_go() {
    for (uri, allow) in [
        ("/api/v1/notifications", "GET, HEAD, POST"),
        ("/api/v1/nodes/b", "DELETE"),
        ("/healthz", "GET, HEAD"),
        ("/metrics", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
    ] {
        let answer = ask(Method::PUT, uri, OPERATOR, "", "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, allow), "{uri}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[actix_web::test]
async fn what_machines_ask_needs_no_token() {
    let head = async |uri: &str| ask(Method::HEAD, uri, "", "", "").await;
    let ask = async |uri: &str| ask(Method::GET, uri, "", "", "").await;
    let healthz = ask("/healthz").await;
    assert_eq!((healthz.status, &healthz.body["status"]), (StatusCode::OK.as_u16(), &Value::from("ok")));
    let readyz = ask("/readyz").await;
    assert_eq!((readyz.status, readyz.header("retry-after"), &readyz.body["phase"]), (503, "1", &Value::from("open")));
    assert_eq!(ask("/metrics").await.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(head("/healthz").await.status, 200);
    assert!(ask("/openapi.json").await.body["paths"].is_object());
}

/// Sends uploads of these sizes over one real connection, each when the last one has been answered;
/// returns all that came back. What in-process requests cannot show: whether an answer survives a
/// body that nobody wanted.
async fn over_tcp(sizes: &[usize]) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let app = || App::new().wrap(actix_web::middleware::from_fn(crate::body::answer_first)).configure(configure);
    let server = actix_web::HttpServer::new(app).workers(1).disable_signals();
    let server = server.bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let (mut reader, mut writer) = tokio::net::TcpStream::connect(address).await.unwrap().into_split();
    let (mut all, mut buffer) = (String::new(), [0; 4096]);
    for size in sizes {
        let head = format!(
            "POST /api/v1/notifications HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
        );
        let request = [head.into_bytes(), vec![b' '; *size]].concat();
        let sending = actix_web::rt::spawn(async move {
            let _ = writer.write_all(&request).await; // the node may close before everything is sent
            writer
        });
        let mut answer = String::new();
        while !answer.ends_with('}') {
            match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.push_str(&String::from_utf8_lossy(&buffer[..read])),
            }
        }
        all.push_str(&answer);
        writer = sending.await.unwrap();
    }
    handle.stop(false).await;
    all.to_ascii_lowercase()
}

#[actix_web::test]
async fn who_has_sent_all_may_go_on_after_a_refusal() {
    let answers = over_tcp(&[1_000, 1_000]).await;
    assert_eq!(answers.matches("http/1.1 401 ").count(), 2, "{answers}");
    assert!(!answers.contains("connection: close"), "{answers}");
}

#[actix_web::test]
async fn who_is_still_sending_is_answered_and_cut_off() {
    for size in [1_000_000, 20_000_000] {
        let answers = over_tcp(&[size]).await;
        assert_eq!(answers.matches("http/1.1 401 ").count(), 1, "{answers}");
        assert!(answers.contains("connection: close"), "{answers}");
    }
}
