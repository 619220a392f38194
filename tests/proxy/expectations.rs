//! `Expect: 100-continue`: decided before the body is asked for, and asked for when the upstream does.

use super::*;

fn request(path: &str, framing: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: farm\r\nAccept: text/plain\r\nExpect: 100-continue\r\n{framing}\r\n\r\n")
}

#[actix_web::test]
async fn who_is_turned_away_is_not_asked_for_the_body() {
    within(async {
        let stage = Stage::new().await;
        for (path, status) in [("/mail/send", 503), ("/x%00", 400)] {
            for framing in ["Content-Length: 1000000", "Content-Length: 1", "Transfer-Encoding: chunked"] {
                let mut client = stage.client().await;
                client.send(&request(path, framing)).await;
                let head = client.head().await;
                assert_eq!(head.status(), status, "{path} {framing}");
                assert_eq!(head.all("connection"), ["close"]);
                assert_eq!(head.all("content-type"), ["text/plain; charset=utf-8"]);
                let length: usize = head.all("content-length")[0].parse().unwrap();
                assert_eq!(client.rest().await.len(), length, "the connection ends with the answer");
            }
        }
    })
    .await;
}

#[actix_web::test]
async fn who_is_let_through_is_asked_when_the_upstream_agrees() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send(&request("/phone", "Content-Length: 5")).await;
        let mut upstream = stage.accept().await;
        let head = upstream.head().await;
        assert_eq!(head.first_line(), "POST /phone HTTP/1.1");
        assert_eq!(head.all("expect"), ["100-continue"]);
        upstream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hello").await;
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
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client
            .send(
                "GET /.forewarn/check/forward HTTP/1.1\r\nHost: farm\r\nX-Forwarded-Uri: /phone\r\n\
                 Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            )
            .await;
        assert_eq!(client.head().await.status(), 204, "never 101");
    })
    .await;
}

#[actix_web::test]
async fn a_stop_ends_idle_connections_at_once() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send("GET /mail HTTP/1.1\r\nHost: farm\r\nAccept: text/plain\r\n\r\n").await;
        let head = client.head().await;
        let body = head.all("content-length")[0].parse::<usize>().unwrap();
        let began = tokio::time::Instant::now();
        let (_, rest) = futures_util::future::join(stage.server.stop(true), client.rest()).await;
        assert_eq!(rest.len(), body);
        assert!(began.elapsed() < Duration::from_secs(4), "sooner than idle and grace end");
    })
    .await;
}

#[actix_web::test]
async fn a_stop_waits_for_what_is_performed() {
    within(async {
        let stage = Stage::new().await;
        let (mut client, mut upstream) = stage.exchange("GET /x HTTP/1.1\r\nHost: farm\r\n\r\n").await;
        let mut others = Vec::new();
        for _ in 0..2 * std::thread::available_parallelism().unwrap().get() {
            let mut other = stage.client().await;
            other.send("HEAD /mail HTTP/1.1\r\nHost: farm\r\n\r\n").await;
            other.head().await;
            others.push(other);
        }
        let stopped = actix_web::rt::spawn(stage.server.stop(true));
        // Every worker has learned of it.
        for other in &mut others {
            other.ask_until_last().await;
        }
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let head = client.head().await;
        assert_eq!((head.status(), head.all("connection")), (200, vec!["close"]));
        assert_eq!(client.rest().await, "ok");
        stopped.await.unwrap();
    })
    .await;
}

#[actix_web::test]
async fn a_request_that_was_on_its_way_at_a_stop_is_answered() {
    within(async {
        let stage =
            Stage::with(Limits { parting: Duration::from_secs(10), ..Limits::default() }, |own| vec![own]).await;
        let mut client = stage.client().await;
        client.send("HEAD /mail HTTP/1.1\r\nHost: farm\r\n\r\n").await;
        assert!(client.head().await.all("connection").is_empty());
        let stopped = actix_web::rt::spawn(stage.server.stop(true));
        while TcpStream::connect(stage.gate).await.is_ok() {
            tokio::task::yield_now().await;
        }
        client.ask_until_last().await;
        assert_eq!(client.rest().await, "");
        stopped.await.unwrap();
    })
    .await;
}
