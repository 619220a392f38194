//! WebSocket handshakes and what follows them.

use super::*;

const ASK: &str = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Both ends of a tunnel that has just been opened.
async fn tunnel(stage: &Stage) -> (Wire, Wire) {
    let (mut client, mut upstream) = stage.exchange(ASK).await;
    upstream.send(AGREE).await;
    client.head().await;
    (client, upstream)
}

#[actix_web::test]
async fn bytes_are_spliced_both_ways() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send(ASK).await;
        let mut upstream = stage.accept().await;
        let seen = upstream.head().await;
        assert_eq!(seen.all("upgrade"), ["websocket"]);
        assert_eq!(seen.all("connection"), ["upgrade"]);
        assert_eq!(seen.all("sec-websocket-version"), ["13"]);
        // the upstream may speak at once, in the same packet
        upstream.send(&format!("{AGREE}hello")).await;
        let head = client.head().await;
        assert_eq!(head.status(), 101);
        assert_eq!(head.all("upgrade"), ["websocket"]);
        assert_eq!(head.all("connection"), ["upgrade"]);
        assert_eq!(head.all("sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
        assert!(head.all("transfer-encoding").is_empty() && head.all("content-length").is_empty());
        assert_eq!(client.until("hello").await, "hello");
        for n in 0..3 {
            client.send(&format!("ping {n}\r\n")).await;
            assert_eq!(upstream.until("\r\n").await, format!("ping {n}\r\n"));
            upstream.send(&format!("pong {n}\r\n")).await;
            assert_eq!(client.until("\r\n").await, format!("pong {n}\r\n"));
        }
        // more than any buffer, in both directions at once, neither waiting for the other
        let (big, half) = ("x".repeat(8 << 20), "END");
        let (up, down) = (format!("{big}{half}"), format!("{big}{half}"));
        let (mut client_in, mut client_out) = client.stream.split();
        let (mut upstream_in, mut upstream_out) = upstream.stream.split();
        let (mut got_up, mut got_down) = (vec![0; up.len()], vec![0; down.len()]);
        let (a, b, c, d) = tokio::join!(
            client_out.write_all(up.as_bytes()),
            upstream_out.write_all(down.as_bytes()),
            upstream_in.read_exact(&mut got_up),
            client_in.read_exact(&mut got_down),
        );
        a.and(b).unwrap();
        c.and(d).unwrap();
        assert!(got_up == up.as_bytes() && got_down == down.as_bytes());
    })
    .await;
}

#[actix_web::test]
async fn either_end_ends_it() {
    within(async {
        let stage = Stage::new().await;
        for client_first in [true, false] {
            let (mut client, mut upstream) = tunnel(&stage).await;
            if client_first {
                drop(client);
                assert_eq!(upstream.rest().await, "");
            } else {
                upstream.send("bye").await;
                drop(upstream);
                assert_eq!(client.rest().await, "bye");
            }
        }
    })
    .await;
}

#[actix_web::test]
async fn silence_ends_it() {
    within(async {
        let limits = Limits { tunnel: Duration::from_millis(50), ..Limits::default() };
        let stage = Stage::with(limits, |own| vec![own]).await;
        let (mut client, mut upstream) = tunnel(&stage).await;
        assert_eq!(client.rest().await, "");
        assert_eq!(upstream.rest().await, "");
    })
    .await;
}

#[actix_web::test]
async fn each_half_ends_for_itself() {
    within(async {
        let stage = Stage::new().await;
        let (mut client, mut upstream) = tunnel(&stage).await;
        client.send("last words").await;
        client.stream.shutdown().await.unwrap();
        assert_eq!(upstream.rest().await, "last words");
        upstream.send("answered").await;
        assert_eq!(client.until("answered").await, "answered");
        drop(upstream);
        assert_eq!(client.rest().await, "");
    })
    .await;
}

#[actix_web::test]
async fn a_tunnel_may_begin_behind_a_body() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send(&ASK.replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nhello")).await;
        let mut upstream = stage.accept().await;
        upstream.until("hello").await;
        upstream.send(AGREE).await;
        assert_eq!(client.head().await.status(), 101);
        client.send("raw").await;
        assert_eq!(upstream.until("raw").await, "raw");
    })
    .await;
}

#[actix_web::test]
async fn a_refusal_is_an_answer_like_any_other() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send(ASK).await;
        let mut upstream = stage.accept().await;
        for (framing, body) in [
            ("Content-Length: 2\r\n\r\nno", "no"),
            ("Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", "2\r\nno\r\n0\r\n\r\n"),
        ] {
            upstream.head().await;
            upstream.send(&format!("HTTP/1.1 403 Forbidden\r\n{framing}")).await;
            assert_eq!(client.head().await.status(), 403);
            assert_eq!(client.until(body).await, body);
            // nothing was taken for a tunnel: the connection goes on
            client.send(ASK).await;
        }
    })
    .await;
}

#[actix_web::test]
async fn what_only_looks_like_a_handshake_opens_nothing() {
    within(async {
        let stage = Stage::new().await;
        for fields in ["Upgrade: websocket", "Connection: upgrade", "Connection: upgrade\r\nUpgrade: h2c"] {
            let mut client = stage.client().await;
            let hidden = "GET /mail/hidden HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
            client.send(&format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n{hidden}")).await;
            let mut upstream = stage.accept().await;
            let seen = upstream.head().await;
            assert!(seen.all("upgrade").is_empty() && seen.all("connection").is_empty(), "{fields}");
            // what follows is a request, and decided
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").await;
            let both = client.rest().await;
            assert!(both.contains("\r\n\r\nhiHTTP/1.1 503 "), "{both}");
            assert_eq!(upstream.rest().await, "");
        }
    })
    .await;
}
