//! `Expect: 100-continue`: the whole gate, as a node starts it, decides before it asks for the body.

use std::net::SocketAddr;

use actix_web::dev::ServerHandle;

use super::*;
use crate::gate::{fixtures, listener};

/// The gate of the fixtures before an upstream that the test plays.
async fn stage() -> (SocketAddr, TcpListener, ServerHandle) {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gate = fixtures::gate(&[format!("http://{}", upstream.local_addr().unwrap())]);
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    let server = listener::serve(socket, web::Data::new(gate), Limits::default(), 5, 100, |_| {}).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, upstream, handle)
}

async fn connect(gate: SocketAddr) -> Wire {
    Wire::new(TcpStream::connect(gate).await.unwrap())
}

fn request(path: &str, framing: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: farm\r\nAccept: text/plain\r\nExpect: 100-continue\r\n{framing}\r\n\r\n")
}

#[actix_web::test]
async fn who_is_turned_away_is_not_asked_for_the_body() {
    within(async {
        let (gate, _upstream, _) = stage().await;
        for (path, status) in [("/mail/send", 503), ("/nobody", 404), ("/mail%00", 400)] {
            for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
                let mut client = connect(gate).await;
                client.send(&request(path, framing)).await;
                let head = client.head().await;
                assert_eq!(head.status(), status, "{path} {framing}");
                assert_eq!(head.all("connection"), ["close"]);
                assert_eq!(head.all("content-type"), ["text/plain; charset=utf-8"]);
                if status == 503 {
                    assert_eq!(head.all("forewarn-application"), ["mail"]);
                }
                let length: usize = head.all("content-length")[0].parse().unwrap();
                assert_eq!(client.rest().await.len(), length, "the connection ends with the answer");
            }
        }
    })
    .await;
}

#[actix_web::test]
async fn who_is_let_through_is_asked_and_proxied() {
    within(async {
        let (gate, upstream, _) = stage().await;
        let mut client = connect(gate).await;
        client.send(&request("/phone", "Content-Length: 5")).await;
        assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hello").await;
        let mut upstream = Wire::new(upstream.accept().await.unwrap().0);
        let head = upstream.head().await;
        assert_eq!(head.first_line(), "POST /phone HTTP/1.1");
        assert!(head.all("expect").is_empty(), "answered here");
        assert_eq!(upstream.until("hello").await, "hello");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(client.head().await.status(), 200);
        assert_eq!(client.until("ok").await, "ok");
        // The connection goes on; and without Expect a denial leaves it open.
        client.send("GET /mail HTTP/1.1\r\nHost: farm\r\n\r\n").await;
        let head = client.head().await;
        assert_eq!((head.status(), head.all("connection").len()), (503, 0));
    })
    .await;
}

#[actix_web::test]
async fn the_reserved_paths_decide_for_themselves() {
    within(async {
        let (gate, _upstream, _) = stage().await;
        let mut client = connect(gate).await;
        client.send("GET /.forewarn/check/forward HTTP/1.1\r\nHost: farm\r\nX-Forwarded-Uri: /phone\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 204, "never 101");
    })
    .await;
}

#[actix_web::test]
async fn a_stop_ends_idle_connections_at_once() {
    within(async {
        let (gate, _upstream, server) = stage().await;
        let mut client = connect(gate).await;
        client.send("GET /mail HTTP/1.1\r\nHost: farm\r\nAccept: text/plain\r\n\r\n").await;
        let head = client.head().await;
        let body = head.all("content-length")[0].parse::<usize>().unwrap();
        let began = tokio::time::Instant::now();
        let (_, rest) = futures_util::future::join(server.stop(true), client.rest()).await;
        assert_eq!(rest.len(), body);
        assert!(began.elapsed() < Duration::from_secs(4), "sooner than keep-alive and grace end");
    })
    .await;
}
