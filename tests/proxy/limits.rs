//! What a client may make the gate hold or wait for, each limit broken by a real client.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Resident memory of this process, gate included, in bytes.
fn memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// Sends `text` again and again until the gate takes no more; says how many bytes it took.
async fn flood(stream: &mut TcpStream, text: &[u8], most: usize) -> usize {
    let mut sent = 0;
    while let Ok(written) = tokio::time::timeout(MS(500), stream.write(text)).await {
        match written {
            Ok(n) => sent += n,
            Err(_) => break,
        }
        if sent > most {
            break;
        }
    }
    sent
}

#[actix_web::test]
async fn each_head_has_a_time_limit_not_only_the_first() {
    within(async {
        let stage = Stage::with(Limits { header: MS(100), ..Limits::default() }, |own| vec![own]).await;
        let mut client = stage.client().await;
        for _ in 0..2 {
            client.send("GET /mail HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\n\r\n").await;
            let head = client.head().await;
            let length: usize = head.all("content-length")[0].parse().unwrap();
            while client.seen.len() < length {
                client.stream.read_buf(&mut client.seen).await.unwrap();
            }
            client.seen.clear();
        }
        client.send("GET /mail HTT").await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("request-timeout"), "{answer}");
    })
    .await;
}

#[actix_web::test]
async fn a_head_that_trickles_is_ended_although_something_always_comes() {
    within(async {
        let stage = Stage::with(Limits { header: MS(200), ..Limits::default() }, |own| vec![own]).await;
        let client = stage.client().await;
        let (mut reading, mut writing) = client.stream.into_split();
        let trickle = actix_web::rt::spawn(async move {
            while writing.write_all(b"X").await.is_ok() {
                tokio::time::sleep(MS(5)).await;
            }
        });
        let mut answer = Vec::new();
        while reading.read_buf(&mut answer).await.is_ok_and(|n| n > 0) {}
        assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
        trickle.await.unwrap();
    })
    .await;
}

#[actix_web::test]
async fn an_idle_connection_ends_without_a_word() {
    within(async {
        let stage = Stage::with(Limits { idle: MS(50), ..Limits::default() }, |own| vec![own]).await;
        assert_eq!(stage.client().await.rest().await, "");
    })
    .await;
}

#[actix_web::test]
async fn a_client_that_does_not_read_is_let_go() {
    within(async {
        let stage = Stage::with(Limits { body: MS(200), ..Limits::default() }, |own| vec![own]).await;
        // denials that nobody reads
        let mut client = stage.client().await;
        let request = "GET /mail HTTP/1.1\r\nHost: h\r\n\r\n".repeat(100);
        while client.stream.write_all(request.as_bytes()).await.is_ok() {}
        // an answer that nobody reads; its upstream is let go with it
        let (_client, mut upstream) = stage.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await;
        let piece = vec![b'x'; 256 * 1024];
        while upstream.stream.write_all(&piece).await.is_ok() {}
    })
    .await;
}

#[actix_web::test]
async fn reading_stops_while_a_request_is_performed() {
    within(async {
        let stage = Stage::new().await;
        let (mut client, mut upstream) = stage.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let before = memory();
        let request = b"GET /mail HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1000);
        let sent = flood(&mut client.stream, &request, 64 << 20).await;
        assert!(sent < 32 << 20, "the gate has taken {sent} bytes behind a request that is being performed");
        assert!(memory() < before + (16 << 20), "memory does not grow with what a client sends");
        // and what it has taken is answered in order
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
        assert_eq!(client.head().await.status(), 200);
        assert_eq!(client.until("hi").await, "hi");
        assert_eq!(client.head().await.status(), 503);
    })
    .await;
}

#[actix_web::test]
async fn a_body_that_nobody_wants_is_read_on_within_bounds() {
    within(async {
        let stage = Stage::with(Limits { drain: MS(200), ..Limits::default() }, |own| vec![own]).await;
        for framing in ["Content-Length: 60000", "Transfer-Encoding: chunked"] {
            // it does not come: the connection ends soon, answered
            let mut client = stage.client().await;
            client.send(&format!("POST /mail HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\n{framing}\r\n\r\n")).await;
            let answer = client.rest().await;
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        }
        // it is large: the answer says that the connection ends, and arrives although the client sends on
        let client = stage.client().await;
        let (mut reading, mut writing) = client.stream.into_split();
        writing.write_all(b"POST /mail HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n").await.unwrap();
        let upload = actix_web::rt::spawn(async move {
            let piece = vec![b'x'; 64 * 1024];
            while writing.write_all(&piece).await.is_ok() {}
        });
        let mut answer = Vec::new();
        while reading.read_buf(&mut answer).await.is_ok_and(|n| n > 0) {}
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
        upload.await.unwrap();
    })
    .await;
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_413() {
    within(async {
        let stage = Stage::with(Limits { max_body: 10, ..Limits::default() }, |own| vec![own]).await;
        let mut client = stage.client().await;
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 413);
        let mut client = stage.client().await;
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
        let mut upstream = stage.accept().await;
        upstream.until("hello").await;
        client.send("6\r\n world\r\n0\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 413);
        assert!(!upstream.rest().await.contains("0\r\n\r\n"), "it does not look complete");
    })
    .await;
}

#[actix_web::test]
async fn a_busy_direction_does_not_keep_a_dead_one_alive() {
    within(async {
        let stage = Stage::with(Limits { body: MS(200), ..Limits::default() }, |own| vec![own]).await;
        let mut client = stage.client().await;
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello").await;
        let mut upstream = stage.accept().await;
        upstream.until("hello").await;
        upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        // The answer goes on and on, the upload has stopped.
        while upstream.stream.write_all(b"1\r\nx\r\n").await.is_ok() {
            tokio::time::sleep(MS(10)).await;
        }
    })
    .await;
}

#[actix_web::test]
async fn heads_that_come_slowly_cost_little_and_delay_nobody() {
    within(async {
        let stage = Stage::new().await;
        let before = memory();
        let mut slow = Vec::new();
        for _ in 0..800 {
            let mut client = stage.client().await;
            client.send("GET /mail HTTP/1.1\r\nHost: h\r\nX-Slow: ").await;
            slow.push(client);
        }
        let mut other = stage.client().await;
        for client in &mut slow {
            client.send("x").await;
            other.send("HEAD /mail HTTP/1.1\r\nHost: h\r\n\r\n").await;
            assert_eq!(other.head().await.status(), 503);
        }
        let each = memory().saturating_sub(before) / slow.len() as u64;
        assert!(each < 32 * 1024, "{each} bytes for each");
    })
    .await;
}

#[actix_web::test]
async fn who_asks_too_often_is_told_when_to_come_back_and_keeps_the_connection() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        let mut upstream = None;
        for _ in 0..2 {
            client.send("POST /few HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc").await;
            let upstream: &mut Wire = match &mut upstream {
                Some(upstream) => upstream,
                none => none.insert(stage.accept().await),
            };
            upstream.until("abc").await;
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
            client.until("hi").await;
        }
        // Its body is read over, and nothing of it reaches the upstream.
        client.send("POST /few HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc").await;
        let head = client.head().await;
        assert_eq!((head.status(), head.all("retry-after"), head.all("connection")), (429, vec!["30"], vec![]));
        let length: usize = head.all("content-length")[0].parse().unwrap();
        while client.seen.len() < length {
            client.stream.read_buf(&mut client.seen).await.unwrap();
        }
        let told: serde_json::Value = serde_json::from_slice(&std::mem::take(&mut client.seen)).unwrap();
        assert_eq!((&told["retry_after"], &told["application"]), (&30.into(), &"few".into()));
        assert!(told["type"].as_str().unwrap().ends_with("/too-often"), "{told}");
        // Another application has nothing to do with it.
        client.send("GET /mail HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 503);
        // The same client by HTTP/2.
        let get = [(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/few")];
        let mut client = stage.http2(b"", &http2::frame(http2::HEADERS, 5, 1, &http2::block(&get))).await;
        let answer = client.frame_of(&[http2::HEADERS]).await.unwrap();
        // 429, as the compression of HTTP/2 has it.
        assert!(answer.payload.windows(3).any(|w| w == [0x68, 0x4f, 0xff]), "{answer:x?}");
    })
    .await;
}
