//! Heads, lengths and framing of single messages.

use super::*;

#[actix_web::test]
async fn headers_of_one_hop_end_and_the_rest_travels() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client
            .send(
                "GET /chat//x/../%70hone?q=%41&b HTTP/1.1\r\nHost: mail.example:8080\r\nConnection: keep-alive, X-Hop\r\n\
                 X-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nTrailer: X\r\nProxy-Authorization: Basic eA==\r\n\
                 Proxy-Connection: close\r\nUpgrade: h2c\r\nVia: 1.1 front\r\nX-Forwarded-For: 6.6.6.6\r\n\
                 X_Forwarded_For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForewarn-Reason: x\r\nCookie: a=1\r\n\
                 Accept-Encoding: gzip\r\n\r\n",
            )
            .await;
        let mut upstream = stage.accept().await;
        let seen = upstream.head().await;
        assert_eq!(seen.first_line(), "GET /chat//x/../%70hone?q=%41&b HTTP/1.1", "byte for byte");
        let mut names: Vec<_> =
            seen.0.lines().skip(1).filter_map(|l| Some(l.split_once(": ")?.0.to_lowercase())).collect();
        names.sort();
        let expected = [
            "accept-encoding", "cookie", "forwarded", "host", "via", "via", "x-forwarded-for",
            "x-forwarded-host", "x-forwarded-proto",
        ];
        assert_eq!(names, expected);
        assert_eq!(seen.all("host"), ["mail.example:8080"]);
        assert_eq!(seen.all("via"), ["1.1 front", "1.1 forewarn"]);
        assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);

        upstream
            .send(
                "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\
                 Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
                 Content-Encoding: gzip\r\nContent-Length: 4\r\nProxy-Authenticate: Basic\r\n\r\n\x1f\x0b12",
            )
            .await;
        let hints = client.head().await;
        assert_eq!((hints.status(), hints.all("link")), (103, vec!["</x>"]));
        let answer = client.head().await;
        assert_eq!(answer.status(), 302, "followed by nobody");
        assert_eq!(answer.all("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(answer.all("content-length"), ["4"]);
        assert_eq!(answer.all("via"), ["1.1 forewarn"]);
        for gone in ["x-hop", "keep-alive", "proxy-authenticate", "transfer-encoding"] {
            assert!(answer.all(gone).is_empty(), "{gone}");
        }
        assert_eq!(client.until("12").await, "\x1f\x0b12", "not decompressed");
    })
    .await;
}

#[actix_web::test]
async fn connections_are_used_again() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        client.send(request).await;
        let mut upstream = stage.accept().await;
        // each of these answers leaves the connection fit for the next request
        for (answer, body) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "0\r\n\r\n"),
            ("HTTP/1.1 204 No Content\r\n\r\n", ""),
            ("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 9\r\n\r\n", ""),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
        ] {
            upstream.head().await;
            upstream.send(answer).await;
            let head = client.head().await;
            if head.status() == 304 {
                assert_eq!(head.all("content-length"), ["9"], "what GET would have had");
            }
            if !body.is_empty() {
                client.until(body).await;
            }
            client.send(request).await;
        }
        upstream.head().await;
    })
    .await;
}

#[actix_web::test]
async fn head_has_the_headers_of_get_and_no_body() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let mut upstream = stage.accept().await;
        assert_eq!(upstream.head().await.first_line(), "HEAD / HTTP/1.1");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
        assert_eq!(client.head().await.all("content-length"), ["1234"]);
        client.send("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
        upstream.head().await;
        upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        assert!(client.head().await.all("content-length").is_empty());
        assert_eq!(client.rest().await, "");
    })
    .await;
}

#[actix_web::test]
async fn lengths_stay_known() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello").await;
        let mut upstream = stage.accept().await;
        let seen = upstream.head().await;
        assert_eq!(seen.all("content-length"), ["5"]);
        assert!(seen.all("transfer-encoding").is_empty());
        assert_eq!(upstream.until("hello").await, "hello");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 200);

        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(upstream.head().await.all("content-length"), ["0"]);
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        client.head().await;

        // a body of unknown length on GET is unusual, and still a body
        client.send("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
        assert_eq!(upstream.head().await.all("transfer-encoding"), ["chunked"]);
        assert_eq!(upstream.until("0\r\n\r\n").await, "3\r\nabc\r\n0\r\n\r\n");
    })
    .await;
}

#[actix_web::test]
async fn the_end_of_a_connection_can_be_the_end_of_a_body() {
    within(async {
        let stage = Stage::new().await;
        for (version, framed) in [("1.1", "5\r\nhello\r\n0\r\n\r\n"), ("1.0", "hello")] {
            let (mut client, mut upstream) =
                stage.exchange(&format!("GET / HTTP/{version}\r\nHost: h\r\nConnection: close\r\n\r\n")).await;
            upstream.send("HTTP/1.0 200 OK\r\n\r\nhello").await;
            drop(upstream);
            let head = client.head().await;
            assert_eq!(head.all("via"), ["1.0 forewarn"]);
            assert_eq!(head.all("transfer-encoding").len(), usize::from(version == "1.1"));
            assert_eq!(client.rest().await, framed);
        }
    })
    .await;
}

#[actix_web::test]
async fn trailers_are_passed_on_both_ways_but_for_those_that_mislead() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        let body =
            "3\r\none\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nX_Forwarded_For: 6.6.6.6\r\nServer-Timing: a\r\n\r\n";
        let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n";
        client.send(&format!("{head}Connection: TE\r\nTE: trailers, deflate\r\nTrailer: X-Sum\r\n\r\n{body}")).await;
        let mut upstream = stage.accept().await;
        let seen = upstream.head().await;
        assert_eq!((seen.all("te"), seen.all("connection")), (vec!["trailers"], vec!["te"]));
        assert_eq!(upstream.until("\r\n\r\n").await, "3\r\none\r\n0\r\nX-Sum: 1\r\nServer-Timing: a\r\n\r\n");
        upstream.send(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}")).await;
        client.head().await;
        assert_eq!(client.until("\r\n\r\n").await, "3\r\none\r\n0\r\nX-Sum: 1\r\nServer-Timing: a\r\n\r\n");
        // What Connection names ends here, also behind the body.
        client.send(&format!("{head}Connection: X-Sum\r\n\r\n{body}")).await;
        let seen = upstream.head().await;
        assert!(seen.all("te").is_empty() && seen.all("connection").is_empty());
        assert_eq!(upstream.until("0\r\n\r\n").await, "3\r\none\r\n0\r\n\r\n");
    })
    .await;
}

#[actix_web::test]
async fn what_is_degraded_is_told_on_its_answers() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        for (path, advisory) in [("/slow/x", &["unplanned-outage"][..]), ("/x", &[])] {
            client.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")).await;
            let mut upstream = stage.accept().await;
            assert!(upstream.head().await.all("forewarn-advisory").is_empty(), "it is for the client");
            upstream
                .send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .await;
            assert!(client.head().await.all("forewarn-advisory").is_empty(), "{path}: with the final answer");
            assert_eq!(client.head().await.all("forewarn-advisory"), advisory, "{path}");
            client = stage.client().await;
        }
        // A proxy that asks is told as well.
        client.send("GET /.forewarn/check/envoy/slow HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(client.head().await.all("forewarn-advisory"), ["unplanned-outage"]);
    })
    .await;
}
