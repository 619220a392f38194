//! Bodies while they flow.

use super::*;

#[actix_web::test]
async fn both_directions_at_once() {
    within(async {
        let stage = Stage::new().await;
        let (mut client, mut upstream) =
            stage.exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await;
        upstream.until("one\r\n").await;
        // the answer begins, and its first piece arrives, while the upload goes on
        upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
        assert_eq!(client.head().await.status(), 200);
        client.until("first\r\n").await;
        client.send("3\r\ntwo\r\n").await;
        upstream.until("two\r\n").await;
        upstream.send("6\r\nsecond\r\n").await;
        client.until("second\r\n").await;
        client.send("0\r\n\r\n").await;
        upstream.until("0\r\n\r\n").await;
        upstream.send("0\r\n\r\n").await;
        client.until("0\r\n\r\n").await;
    })
    .await;
}

#[actix_web::test]
async fn an_early_answer_arrives_during_the_upload() {
    within(async {
        let stage = Stage::new().await;
        let client = stage.client().await;
        let (mut reading, mut writing) = client.stream.into_split();
        writing.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n").await.unwrap();
        // far more than all buffers hold: it can only go on because somebody takes it
        let upload = actix_web::rt::spawn(async move {
            let piece = vec![b'x'; 64 * 1024];
            while writing.write_all(&piece).await.is_ok() {}
        });
        let mut upstream = stage.accept().await;
        upstream.head().await;
        upstream.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await;
        let mut answer = Vec::new();
        while !answer.ends_with(b"big") {
            assert!(reading.read_buf(&mut answer).await.unwrap() > 0);
        }
        assert!(answer.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&answer));
        // and the upload is stopped, on both sides of the gate
        upload.await.unwrap();
        let mut sink = vec![0; 1 << 20];
        while upstream.stream.read(&mut sink).await.is_ok_and(|n| n > 0) {}
    })
    .await;
}

#[actix_web::test]
async fn the_slower_end_sets_the_pace() {
    within(async {
        let stage = Stage::new().await;
        let (_client, mut upstream) = stage.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        upstream.send("HTTP/1.1 200 OK\r\n\r\n").await;
        // The client reads nothing: after what sockets and buffers hold, the upstream must stand
        // still. A slow machine can only make this test pass, never fail.
        let piece = vec![b'x'; 256 * 1024];
        let mut sent = 0;
        while let Ok(n) = tokio::time::timeout(Duration::from_millis(500), upstream.stream.write(&piece)).await {
            sent += n.unwrap();
            assert!(sent < 64 << 20, "the gate keeps {sent} bytes for a client that does not read");
        }
    })
    .await;
}

#[actix_web::test]
async fn a_client_that_is_gone_stops_the_upstream() {
    within(async {
        let stage = Stage::new().await;
        // before the answer, during the upload, during the answer; a client that only closes may wait for its answer,
        // one that is gone resets
        for (request, answer) in [
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", ""),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345", ""),
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"),
        ] {
            let (mut client, mut upstream) = stage.exchange(request).await;
            upstream.send(answer).await;
            if !answer.is_empty() {
                client.until("x\r\n").await;
            }
            client.reset();
            // the end is seen without another byte from anybody
            let seen = upstream.rest().await;
            assert!(seen == "12345" || seen.is_empty(), "{seen:?}");
        }
    })
    .await;
}

#[actix_web::test]
async fn an_upload_that_breaks_off_does_not_look_complete() {
    within(async {
        let stage = Stage::new().await;
        let (mut client, mut upstream) =
            stage.exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await;
        upstream.until("one\r\n").await;
        client.send("no chunk").await;
        assert_eq!(upstream.rest().await, "", "no last chunk");
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("a chunk size is not a number"), "{answer}");
    })
    .await;
}

#[actix_web::test]
async fn an_answer_that_breaks_off_does_not_look_complete() {
    within(async {
        let stage = Stage::new().await;
        for head in ["Content-Length: 9\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\n"] {
            let (mut client, mut upstream) = stage.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
            upstream.send(&format!("HTTP/1.1 200 OK\r\n{head}part")).await;
            drop(upstream);
            client.head().await;
            assert!(!client.rest().await.contains("0\r\n\r\n"));
        }
    })
    .await;
}
