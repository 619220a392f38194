//! Real programs of others: Caddy's `forward_auth` and nginx's `auth_request` ask the gate (docs/contract.md#http);
//! Prometheus and Alertmanager submit alerts (docs/contract.md#alertmanager); `xmllint` reads the schema of XML
//! submissions (docs/contract.md#xml-and-soap); `openssl`, `nghttp`, `h2load` and `curl` are clients of its TLS and HTTP/2. Each runs as a child process with a configuration of the test. Without
//! the program its tests are skipped with a plain message, but never where `CI` is set.

#![allow(clippy::unwrap_used)]

mod alerting;
mod beside;
mod encrypted;
mod proxy;
mod schema;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use proxy::Proxy;
use support::{
    Farm,
    http::{self, Body, Reply},
};

const HANDSHAKE: &str = "Host: farm.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// An application behind the other proxy that accepts every handshake.
async fn accepting(address: std::net::IpAddr) -> std::net::SocketAddr {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let bound = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
                    if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                              Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
                stream.write_all(agreed.as_bytes()).await.ok();
                // stays open until the client goes
                while stream.read(&mut [0; 64]).await.unwrap_or(0) > 0 {}
            });
        }
    });
    bound
}

async fn get(proxy: &Proxy, path: &str, headers: &[(&str, &str)]) -> Reply {
    http::send(proxy.address, "GET", path, headers, Body::Empty).await.unwrap()
}

/// The status of a WebSocket's handshake, and how long it took.
async fn handshake(proxy: &Proxy, path: &str) -> (u16, Duration) {
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    let began = Instant::now();
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{HANDSHAKE}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{path}: closed unanswered");
    }
    (http::raw_status(&answer), began.elapsed())
}

#[tokio::test]
async fn caddy_asks_before_it_serves() {
    let Some(program) = proxy::find("caddy") else { return };
    let farm = Farm::new(1).start().await;
    farm[0].submit_wait_all(json!({"targets": ["application:mail"], "status": "unavailable"})).await;
    let (upstream, sockets) = (farm.upstream.address, accepting(farm.address).await);
    let caddy = Proxy::caddy(program, &farm, &format!(
        "forward_auth {} {{\n uri /.forewarn/check/forward\n }}\n @socket header Upgrade websocket\n reverse_proxy @socket {sockets}\n reverse_proxy {upstream}\n",
        farm[0].gate
    ))
    .await;
    assert_eq!(get(&caddy, "/chat/x", &[]).await.expect(200).text(), "performed /chat/x");
    get(&caddy, "/nobody/knows", &[]).await.expect(200);
    for odd in ["/caf%c3%a9", "/nobody//x?a=%zz", "/x%2fy"] {
        get(&caddy, odd, &[]).await.expect(200);
    }
    let denied = get(&caddy, "/mail/inbox", &[("accept", "text/html")]).await.expect(503);
    assert_eq!(denied.header("forewarn-application"), Some("mail"));
    assert!(denied.text().contains("Mail is unavailable"));
    for (path, expected) in [("/chat/socket", 101), ("/nobody/socket", 101), ("/mail/socket", 503)] {
        let (status, took) = handshake(&caddy, path).await;
        assert_eq!(status, expected, "{path}");
        assert!(took < Duration::from_secs(2), "{path}: {took:?}");
    }
}

#[tokio::test]
async fn nginx_asks_before_it_serves() {
    let Some(program) = proxy::find("nginx") else { return };
    let farm = Farm::new(1).start().await;
    farm[0]
        .submit_wait_all(json!({"targets": ["application:mail"], "status": "unavailable", "duration_seconds": 600}))
        .await;
    let (gate, upstream, sockets) = (farm[0].gate, farm.upstream.address, accepting(farm.address).await);
    let nginx = Proxy::nginx(
        program,
        &farm,
        &format!(
            "location / {{ auth_request /_asked; error_page 403 = @denied; proxy_http_version 1.1; \
           proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; \
           if ($http_upgrade) {{ proxy_pass http://{sockets}; }} proxy_pass http://{upstream}; }}\n\
         location = /_asked {{ internal; proxy_pass http://{gate}/.forewarn/check/nginx; proxy_pass_request_body off; \
           proxy_set_header Content-Length ''; proxy_set_header X-Original-URI $request_uri; \
           proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-Host $host; }}\n\
         location @denied {{ proxy_pass http://{gate}; }}\n"
        ),
    )
    .await;
    assert_eq!(get(&nginx, "/chat/x", &[]).await.expect(200).text(), "performed /chat/x");
    get(&nginx, "/nobody/knows", &[]).await.expect(200);
    let long = format!("/nobody?{}", "x".repeat(6_000));
    for odd in ["/caf%c3%a9", "/nobody//x?a=%zz", "/x%2fy", &long] {
        get(&nginx, odd, &[]).await.expect(200);
    }
    let denied = get(&nginx, "/mail/inbox", &[("accept", "text/html")]).await.expect(503);
    assert_eq!(denied.header("forewarn-application"), Some("mail"));
    for (path, expected) in [("/chat/socket", 101), ("/mail/socket", 503)] {
        let (status, took) = handshake(&nginx, path).await;
        assert_eq!(status, expected, "{path}");
        assert!(took < Duration::from_secs(2), "{path}: {took:?}");
    }
}
