//! What the configuration of the gate changes: where it listens, what it forwards and to whom, how long it
//! waits.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream, UnixStream},
};

use crate::{
    closing,
    support::{Farm, FarmBuilder, Node, http::raw_status, own_address, wait::poll_until},
};

/// A farm of one node with one application, which has these lines beside its name.
fn farm_with(application: &str) -> FarmBuilder {
    Farm::new(1).applications(&format!("[[application]]\nname = \"shop\"\ntitle = \"Shop\"\n{application}\n"))
}

async fn close(node: &Node) {
    node.submit_wait_all(closing("application:shop", json!({}))).await;
}

#[tokio::test]
async fn exempt_paths_are_never_turned_away() {
    let farm = farm_with(
        "routes = [\"shop.example.com/\"]\nupstream = [\"UPSTREAM\"]\nexempt = [\"/robots.txt\", \"/static/*\"]",
    )
    .start()
    .await;
    close(&farm[0]).await;
    let ask = async |path: &str| farm[0].gate_get(path, &[("host", "shop.example.com")]).await.status;
    for path in ["/robots.txt", "/%72obots.txt", "/static/a/b.css?x=1"] {
        assert_eq!(ask(path).await, 200, "{path}");
    }
    for path in ["/", "/robots.txt/x", "/static", "/x/../robots.txt", "/static/../cart"] {
        assert_eq!(ask(path).await, 503, "{path}");
    }
    let asked = [("x-forwarded-host", "shop.example.com"), ("x-forwarded-uri", "/robots.txt")];
    farm[0].gate_get("/.forewarn/check/forward", &asked).await.expect(204);
}

#[tokio::test]
async fn a_prefix_is_stripped_and_the_rest_is_as_it_was_sent() {
    let farm = farm_with("routes = [\"/shop\"]\nupstream = [\"UPSTREAM\"]\nstrip_prefix = true").start().await;
    for (sent, got) in [
        ("/shop/cart//x/%2f?a=%2f", "/cart//x/%2f?a=%2f"),
        ("/shop", "/"),
        ("/shop?x=1", "/?x=1"),
        ("/shop/", "/"),
        ("//shop/a/../b", "/a/../b"),
    ] {
        farm.upstream.forget();
        let request = format!("GET {sent} HTTP/1.1\r\nHost: farm\r\nConnection: close\r\n\r\n");
        assert_eq!(raw_status(&farm[0].gate_raw(&request).await), 200, "{sent}");
        assert_eq!(farm.upstream.seen()[0].path, got, "{sent}");
    }
    farm.upstream.forget();
    let request = "GET /shop/../shop/x HTTP/1.1\r\nHost: farm\r\nConnection: close\r\n\r\n";
    assert_eq!(raw_status(&farm[0].gate_raw(request).await), 400);
    assert_eq!(farm.upstream.count(), 0);
}

#[tokio::test]
async fn a_wildcard_is_any_one_label() {
    let toml = "[[application]]\nname = \"shop\"\nroutes = [\"*.example.com/\"]\nupstream = [\"UPSTREAM\"]\n\
                [[application]]\nname = \"blog\"\nroutes = [\"blog.example.com/\"]\nupstream = [\"UPSTREAM\"]\n";
    let farm = Farm::new(1).applications(toml).start().await;
    close(&farm[0]).await;
    for (host, status) in [
        ("a.example.com", 503),
        ("A.Example.Com:8080", 503),
        ("blog.example.com", 200),
        ("a.b.example.com", 404),
        ("example.com", 404),
    ] {
        assert_eq!(farm[0].gate_get("/", &[("host", host)]).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn an_upstream_that_fails_is_left_out_and_tried_again() {
    // One that closes every connection without a word, and counts them.
    let failing = TcpListener::bind((own_address(), 0)).await.unwrap();
    let address = failing.local_addr().unwrap();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = failing.accept().await {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            drop(stream);
        }
    });
    let farm = farm_with(&format!("routes = [\"/\"]\nupstream = [\"http://{address}\", \"UPSTREAM\"]")).start().await;
    let mut failures = 0;
    for _ in 0..20 {
        match farm[0].gate_get("/x", &[]).await.status {
            200 => {}
            502 => failures += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((failures, asked.load(std::sync::atomic::Ordering::SeqCst)), (3, 3), "left out after the third");
    poll_until("one request tries it", async || {
        farm[0].gate_get("/x", &[]).await;
        asked.load(std::sync::atomic::Ordering::SeqCst) > 3
    })
    .await;
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let farm = farm_with("routes = [\"/\"]\nupstream = [\"UPSTREAM\"]").gate("max_body = \"1kB\"").start().await;
    farm[0].gate_send("POST", "/echo", &[], Some(&[b'a'; 1_000])).await.expect(200);
    let reply =
        farm[0].gate_send("POST", "/echo", &[("accept", "application/json")], Some(&[b'a'; 1_001])).await.expect(413);
    assert_eq!(reply.json()["type"], "/.forewarn/problems/body-too-large");
    let chunk = "a".repeat(1_001);
    let request = format!(
        "POST /echo HTTP/1.1\r\nHost: farm\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3e9\r\n{chunk}\r\n0\r\n\r\n"
    );
    assert_eq!(raw_status(&farm[0].gate_raw(&request).await), 413);
}

#[tokio::test]
async fn each_wait_has_its_limit() {
    // Never answers.
    let silent = TcpListener::bind((own_address(), 0)).await.unwrap();
    let address = silent.local_addr().unwrap();
    let farm = farm_with(&format!("routes = [\"/\"]\nupstream = [\"http://{address}\"]"))
        .more(0, "[gate.timeouts]\nheader = \"300ms\"\nbody = \"400ms\"\nidle = \"500ms\"\nupstream = \"600ms\"")
        .start()
        .await;
    for (sent, status) in [
        ("GET / HTTP/1.1\r\nHost: fa", Some(408)),
        ("POST / HTTP/1.1\r\nHost: farm\r\nContent-Length: 5\r\n\r\nhe", Some(408)),
        ("GET / HTTP/1.1\r\nHost: farm\r\nConnection: close\r\n\r\n", Some(504)),
        ("", None),
    ] {
        let mut stream = TcpStream::connect(farm[0].gate).await.unwrap();
        let began = Instant::now();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!((!answer.is_empty()).then(|| raw_status(&answer)), status, "{sent:?}");
        assert!(began.elapsed() < Duration::from_secs(8), "{sent:?}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_client_has_as_many_places_as_configured() {
    let farm = Farm::new(1).more(0, "[gate.per_client]\nconnections = 3\nstreams = 1").start().await;
    let follow = async || {
        let mut stream = TcpStream::connect(farm[0].gate).await.unwrap();
        stream.write_all(b"GET /.forewarn/events HTTP/1.1\r\nHost: farm\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 4_096];
        let n = stream.read(&mut answer).await.unwrap_or(0);
        ((n > 0).then(|| raw_status(&answer[..n])), stream)
    };
    let (first, _held) = follow().await;
    let (second, held) = follow().await;
    let (third, also_held) = follow().await;
    assert_eq!((first, second, third), (Some(200), Some(429), Some(429)));
    poll_until("the fourth connection is closed", async || follow().await.0.is_none()).await;
    drop((held, also_held));
}

/// A port that is free at every address. It lies below those that the system gives to connections, which other
/// tests open meanwhile: of those, a port that is free now may be taken a moment later.
fn port_of_all_addresses() -> u16 {
    let system = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let end: u16 = system.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768);
    let is_free = |port: &u16| std::net::TcpListener::bind(("::", *port)).is_ok();
    (end - 8_000..end).rev().find(is_free).expect("a free port below the system's own")
}

#[tokio::test]
async fn the_gate_listens_at_several_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let port = port_of_all_addresses();
    let listen = format!("[\"[::]:{port}\", \"unix:{}\"]", path.display());
    let farm = Farm::new(1).listen(&listen).start().await;
    let request = b"GET /.forewarn/availability/mail HTTP/1.1\r\nHost: farm\r\nConnection: close\r\n\r\n";
    for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(raw_status(&answer), 200, "{address}");
    }
    let local = async || {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        raw_status(&answer)
    };
    assert_eq!(local().await, 200);
    farm[0].kill9().await;
    assert!(path.exists(), "a kill leaves the file behind");
    farm[0].restart().await;
    assert_eq!(local().await, 200, "which is no obstacle");
    farm[0].terminate().await;
    assert!(!path.exists(), "an orderly end removes it");
}

#[tokio::test]
async fn a_dead_address_is_504_soon() {
    // Nobody accepts here: once the queue is full, further connections hang as those to a dead machine do.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((own_address(), 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(connected) = tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address)).await {
        held.push(connected.unwrap());
        assert!(held.len() < 16, "the queue has no end");
    }
    let farm = farm_with(&format!("routes = [\"/\"]\nupstream = [\"http://{address}\"]"))
        .more(0, "[gate.timeouts]\nconnect = \"300ms\"")
        .start()
        .await;
    let began = Instant::now();
    let reply = farm[0].gate_send("POST", "/x", &[("accept", "text/plain")], Some(b"hello")).await.expect(504);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(reply.text().contains("was not"), "it is known that nothing arrived: {}", reply.text());
}
