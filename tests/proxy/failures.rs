//! Upstreams that cannot be reached, answer nonsense, or not at all.

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// An address at which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn ask(stage: &Stage, request: &str) -> String {
    let mut client = stage.client().await;
    client.send(request).await;
    client.rest().await
}

#[actix_web::test]
async fn refused_is_502_and_the_next_upstream_is_asked() {
    within(async {
        let gone = nobody().await;
        let only = gone.clone();
        let stage = Stage::with(Limits::default(), move |_| vec![only.clone()]).await;
        let answer = ask(&stage, GET).await;
        assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("all cannot be reached"), "{answer}");

        let stage = Stage::with(Limits::default(), move |own| vec![gone.clone(), own]).await;
        for _ in 0..2 {
            let upload = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
            let (answer, ()) = tokio::join!(ask(&stage, upload), async {
                let mut upstream = stage.accept().await;
                upstream.until("\r\n\r\nhi").await;
                upstream.send(OK).await;
                upstream.send("").await;
                drop(upstream);
            });
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        let stage = Stage::with(Limits::default(), |_| vec![]).await;
        assert!(ask(&stage, GET).await.starts_with("HTTP/1.1 502"));
    })
    .await;
}

/// An address that answers nothing: its queue of connections is full.
async fn silent() -> (TcpListener, Vec<TcpStream>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(one)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(one);
    }
    (listener, waiting)
}

#[actix_web::test]
async fn many_silent_upstreams_take_no_longer_than_one() {
    within(async {
        let (listener, _waiting) = silent().await;
        let silent = format!("http://{}", listener.local_addr().unwrap());
        let limits = Limits { connect: Duration::from_secs(1), ..Limits::default() };
        let only = silent.clone();
        let stage = Stage::with(limits, move |_| vec![only.clone(); 12]).await;
        let began = tokio::time::Instant::now();
        let answer = ask(&stage, GET).await;
        assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
        assert!(began.elapsed() < Duration::from_secs(6), "12 s if each had the whole limit");
        // The last one still gets its turn.
        let stage = Stage::with(limits, move |own| [vec![silent.clone(); 4], vec![own]].concat()).await;
        let (answer, ()) = tokio::join!(ask(&stage, GET), async {
            let mut upstream = stage.accept().await;
            upstream.head().await;
            upstream.send(OK).await;
        });
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    })
    .await;
}

#[actix_web::test]
async fn nonsense_is_502() {
    within(async {
        let stage = Stage::new().await;
        for nonsense in [
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nHalf: a he",
            "",
        ] {
            let (answer, ()) = tokio::join!(ask(&stage, GET), async {
                let mut upstream = stage.accept().await;
                upstream.head().await;
                upstream.send(nonsense).await;
            });
            assert!(answer.starts_with("HTTP/1.1 502"), "{nonsense:?}: {answer}");
        }
    })
    .await;
}

#[actix_web::test]
async fn silence_is_504() {
    within(async {
        let limits = Limits { upstream: Duration::from_millis(50), ..Limits::default() };
        let stage = Stage::with(limits, |own| vec![own]).await;
        let (answer, end) = tokio::join!(ask(&stage, GET), async {
            let mut upstream = stage.accept().await;
            upstream.head().await;
            upstream.rest().await
        });
        assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("upstream-timeout"), "{answer}");
        assert_eq!(end, "", "and the upstream's connection is closed");
    })
    .await;
}

#[actix_web::test]
async fn silence_within_bodies_ends_them() {
    within(async {
        let limits = Limits { body: Duration::from_millis(50), ..Limits::default() };
        let stage = Stage::with(limits, |own| vec![own]).await;
        // the upstream within its answer: it breaks off
        let (answer, ()) = tokio::join!(ask(&stage, GET), async {
            let mut upstream = stage.accept().await;
            upstream.head().await;
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart").await;
            upstream.rest().await;
        });
        assert!(answer.ends_with("\r\n\r\npart"), "{answer}");
        // the client within its upload: its own fault
        let (answer, _) =
            tokio::join!(ask(&stage, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\npart"), async {
                stage.accept().await.rest().await
            });
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    })
    .await;
}

#[actix_web::test]
async fn only_what_cannot_be_done_twice_is_sent_twice() {
    within(async {
        let stage = Stage::new().await;
        for (request, again) in [
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", true),
            ("DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n", true),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", false),
            ("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", false),
        ] {
            let mut client = stage.client().await;
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
            let mut first = stage.accept().await;
            first.head().await;
            first.send(OK).await;
            client.until("\r\n\r\nhi").await;
            // the second request comes on the used connection, which then closes unanswered
            client.send(request).await;
            let line = first.head().await.first_line().to_owned();
            drop(first);
            if again {
                let mut second = stage.accept().await;
                assert_eq!(second.head().await.first_line(), line);
                second.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi").await;
                assert_eq!(client.head().await.status(), 200, "{request}");
            } else {
                assert_eq!(client.head().await.status(), 502, "{request}");
            }
        }
    })
    .await;
}

#[actix_web::test]
async fn a_connection_that_closed_while_idle_is_not_used() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        let post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi";
        for _ in 0..3 {
            client.send(post).await;
            let mut upstream = stage.accept().await;
            upstream.until("\r\n\r\nhi").await;
            upstream.send(OK).await;
            client.until("\r\n\r\nhi").await;
            // closed in order: the gate's side of it ends too, which is what is waited for
            upstream.stream.shutdown().await.unwrap();
            assert_eq!(upstream.rest().await, "");
        }
    })
    .await;
}

#[actix_web::test]
async fn contradictions_are_refused() {
    within(async {
        let stage = Stage::new().await;
        for (fields, status) in [
            ("Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\r\n", 400),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding: gzip\r\n", 501),
        ] {
            let mut client = stage.client().await;
            client.send(&format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n")).await;
            assert_eq!(client.head().await.status(), status, "{fields}");
            client.rest().await;
        }
    })
    .await;
}
