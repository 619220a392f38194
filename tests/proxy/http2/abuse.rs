//! What a client may not make the gate do by HTTP/2.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

#[actix_web::test]
async fn requests_that_are_taken_back_again_and_again_end_the_connection() {
    within(async {
        let stage = Stage::new().await;
        let cancel = |stream| frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
        // All at once: before they were looked at.
        let frames: Vec<u8> = (0..500).flat_map(|n| [get(2 * n + 1), cancel(2 * n + 1)].concat()).collect();
        let mut client = stage.http2(b"", &frames).await;
        assert_eq!(client.frame_of(&[GOAWAY]).await.unwrap().code(), ENHANCE_YOUR_CALM);
        // One by one: each has begun when the PING behind it is acknowledged. A hundred are allowed.
        let mut client = stage.http2(b"", b"").await;
        for n in 0..101 {
            let request = [post(2 * n + 1), frame(PING, 0, 0, b"01234567")].concat();
            client.stream.write_all(&request).await.unwrap();
            assert_eq!(client.frame_of(&[PING, GOAWAY]).await.unwrap().kind, PING);
            client.stream.write_all(&cancel(2 * n + 1)).await.unwrap();
        }
        assert_eq!(client.frame_of(&[GOAWAY]).await.unwrap().code(), ENHANCE_YOUR_CALM);
    })
    .await;
}

#[actix_web::test]
async fn floods_end_the_connection_or_cost_only_their_sender() {
    within(async {
        let stage = Stage::new().await;
        // A header block without an end.
        let begin = frame(HEADERS, 0, 1, &block(&GET));
        let more: Vec<u8> = (0..2_000).flat_map(|_| frame(CONTINUATION, 0, 1, &block(&[("x", "1")]))).collect();
        let mut client = stage.http2(b"", &[begin, more].concat()).await;
        assert_eq!(client.frame_of(&[GOAWAY]).await.unwrap().code(), ENHANCE_YOUR_CALM);
        // A list of fields beyond the limit is answered; a much larger one ends the connection.
        let long = "x".repeat(8_000);
        let fields: Vec<(&str, &str)> = GET.into_iter().chain((0..5).map(|_| ("x", long.as_str()))).collect();
        let list = block(&fields);
        let (first, rest) = list.split_at(16_000);
        let (second, third) = rest.split_at(16_000);
        let frames = [
            frame(HEADERS, END_STREAM, 1, first),
            frame(CONTINUATION, 0, 1, second),
            frame(CONTINUATION, END_HEADERS, 1, third),
        ];
        let mut client = stage.http2(b"", &frames.concat()).await;
        let answer = client.frame_of(&[HEADERS, RST_STREAM, GOAWAY]).await.unwrap();
        // 431, as the compression of HTTP/2 has it.
        assert!(answer.kind == HEADERS && answer.payload.windows(3).any(|w| w == [0x69, 0x90, 0xff]), "{answer:?}");
        // PING and SETTINGS are acknowledged one by one, as long as their sender reads.
        let frames: Vec<u8> =
            (0..5_000).flat_map(|_| [frame(PING, 0, 0, b"01234567"), frame(SETTINGS, 0, 0, b"")].concat()).collect();
        let mut client = stage.http2(b"", &frames).await;
        for _ in 0..5_000 {
            assert_eq!(client.frame_of(&[PING]).await.unwrap().flags, ACK);
        }
        client.stream.write_all(&get(1)).await.unwrap();
        assert_eq!(client.frame_of(&[HEADERS]).await.unwrap().stream, 1);
    })
    .await;
}

#[actix_web::test]
async fn acknowledgements_that_are_not_read_are_not_piled_up() {
    within(async {
        let stage = Stage::new().await;
        let client = stage.http2(b"", b"").await;
        let frames: Vec<u8> = (0..1_000).flat_map(|_| frame(PING, 0, 0, b"01234567")).collect();
        let mut sent = 0;
        let mut stream = client.stream;
        while let Ok(Ok(n)) = tokio::time::timeout(MS(500), stream.write(&frames)).await {
            sent += n;
            assert!(sent < 64 << 20, "it goes on reading");
        }
    })
    .await;
}

#[actix_web::test]
async fn there_are_as_many_requests_at_a_time_as_a_client_may_have() {
    within(async {
        let stage = Stage::new().await;
        let frames: Vec<u8> = (0..101).flat_map(|n| post(2 * n + 1)).collect();
        let mut client = stage.http2(b"", &frames).await;
        let refused = client.frame_of(&[RST_STREAM, GOAWAY]).await.unwrap();
        assert_eq!((refused.kind, refused.code(), refused.stream), (RST_STREAM, REFUSED_STREAM, 201));
        // All connections of a client together: 11 times 100 are more than 1,024.
        let mut clients = Vec::new();
        for _ in 0..10 {
            let frames: Vec<u8> = (0..100).flat_map(|n| post(2 * n + 1)).collect();
            clients.push(stage.http2(b"", &frames).await);
        }
        let refusals = clients.iter_mut().map(|client| Box::pin(client.frame_of(&[RST_STREAM])));
        let refused = futures_util::future::select_all(refusals).await.0.unwrap();
        assert_eq!(refused.code(), REFUSED_STREAM);
    })
    .await;
}

#[actix_web::test]
async fn a_reader_that_takes_nothing_is_ended_and_a_slow_one_served() {
    within(async {
        let limits = Limits { body: MS(300), drain: MS(100), ..Limits::default() };
        let stage = Stage::with(limits, |own| vec![own]).await;
        // INITIAL_WINDOW_SIZE is 0: nothing may be sent.
        let mut client = stage.http2(&[0, 4, 0, 0, 0, 0], &get(1)).await;
        assert_eq!(client.frame_of(&[HEADERS]).await.unwrap().stream, 1);
        let ended = client.frame_of(&[DATA, RST_STREAM]).await.unwrap();
        assert_eq!((ended.kind, ended.stream), (RST_STREAM, 1));
        // The connection goes on.
        let window = |by: u32| frame(WINDOW_UPDATE, 0, 3, &by.to_be_bytes());
        client.stream.write_all(&[get(3), window(1)].concat()).await.unwrap();
        let (mut seen, mut over) = (Vec::new(), false);
        while !over {
            let frame = client.frame_of(&[DATA, RST_STREAM]).await.unwrap();
            assert_eq!((frame.kind, frame.stream), (DATA, 3), "{}", String::from_utf8_lossy(&seen));
            over = frame.flags & END_STREAM > 0;
            seen.extend_from_slice(&frame.payload);
            client.stream.write_all(&window(64)).await.unwrap();
        }
        let denial: serde_json::Value = serde_json::from_slice(&seen).unwrap();
        assert_eq!(denial["status"], 503);
    })
    .await;
}

#[actix_web::test]
async fn a_client_that_is_silent_or_never_begins_is_ended() {
    within(async {
        let stage = Stage::with(Limits { idle: MS(200), header: MS(200), ..Limits::default() }, |own| vec![own]).await;
        let mut client = stage.http2(b"", b"").await;
        assert_eq!(client.frame_of(&[GOAWAY]).await.unwrap().code(), 0);
        assert!(client.frame_of(&[HEADERS]).await.is_none(), "it is closed");
        // Settings that never come.
        let mut client = stage.client().await;
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        while client.frame().await.is_some() {}
    })
    .await;
}

#[actix_web::test]
async fn a_client_that_leaves_ends_its_upstream_request_and_a_stop_says_goaway() {
    within(async {
        let stage = Stage::new().await;
        let open = [&POST[..3], &[(":path", "/open"), ("content-length", "9")]].concat();
        let head = |stream| frame(HEADERS, END_HEADERS, stream, &block(&open));
        let mut client = stage.http2(b"", &head(1)).await;
        let mut upstream = stage.accept().await;
        assert!(upstream.head().await.all("via")[0] == "2.0 forewarn");
        client.stream.write_all(&frame(RST_STREAM, 0, 1, &CANCEL.to_be_bytes())).await.unwrap();
        assert_eq!(upstream.rest().await, "");
        // A request under way is answered at a stop.
        client.stream.write_all(&[head(3), frame(DATA, END_STREAM, 3, b"123456789")].concat()).await.unwrap();
        let mut upstream = stage.accept().await;
        upstream.head().await;
        upstream.until("123456789").await;
        let stopping = actix_web::rt::spawn(stage.server.stop(true));
        assert_eq!(client.frame_of(&[GOAWAY]).await.unwrap().code(), 0);
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let data = client.frame_of(&[DATA]).await.unwrap();
        assert_eq!((data.stream, &data.payload[..], data.flags), (3, &b"ok"[..], END_STREAM));
        stopping.await.unwrap();
    })
    .await;
}

#[actix_web::test]
async fn a_call_of_grpc_may_be_silent_where_an_upload_may_not() {
    within(async {
        let stage = Stage::with(Limits { body: MS(200), ..Limits::default() }, |own| vec![own]).await;
        let grpc =
            frame(HEADERS, END_HEADERS, 1, &block(&[&POST[..], &[("content-type", "application/grpc")]].concat()));
        let mut client = stage.http2(b"", &grpc).await;
        let mut upstream = stage.accept().await;
        assert_eq!(upstream.head().await.all("content-type"), ["application/grpc"]);
        // Later, an upload; it is ended when it has been silent for too long.
        client.stream.write_all(&post(3)).await.unwrap();
        let ended = client.frame_of(&[HEADERS, RST_STREAM]).await.unwrap();
        assert_eq!(ended.stream, 3, "{ended:?}");
        client.stream.write_all(&frame(DATA, END_STREAM, 1, b"hello")).await.unwrap();
        upstream.until("hello").await;
    })
    .await;
}
