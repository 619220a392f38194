//! What one client may take, and what is kept when users have taken all that they may.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::{
    closing,
    support::{Farm, Node, http::raw_status, tls::output, wait::poll_until},
};

const GET: &[u8] = b"GET /.forewarn/availability/mail HTTP/1.1\r\nHost: farm\r\n\r\n";

/// A connection to the gate from this address.
async fn connect(node: &Node, from: IpAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    socket.connect(node.gate).await.unwrap()
}

/// What is answered to a request on this connection; nothing, if it is closed.
async fn ask(stream: &mut TcpStream) -> Option<u16> {
    stream.write_all(GET).await.ok()?;
    let mut answer = vec![0; 4_096];
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut answer)).await.expect("no answer");
    read.ok().filter(|n| *n > 0).map(|n| raw_status(&answer[..n]))
}

/// Another loopback address than the farm's.
fn other(farm: &Farm) -> IpAddr {
    let IpAddr::V4(address) = farm.address else { panic!("{}", farm.address) };
    let [a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b ^ 0x40, c, d).into()
}

#[tokio::test]
async fn a_client_follows_64_streams_and_others_are_not_hurt() {
    let farm = Farm::new(1).gate("trusted_proxies = [\"127.0.0.0/8\"]").start().await;
    let follow = async |client: &str| {
        let mut stream = TcpStream::connect(farm[0].gate).await.unwrap();
        let request = format!("GET /.forewarn/events HTTP/1.1\r\nHost: farm\r\nX-Forwarded-For: {client}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4_096];
        let n = stream.read(&mut answer).await.unwrap();
        (raw_status(&answer[..n]), String::from_utf8_lossy(&answer[..n]).to_lowercase(), stream)
    };
    let mut streams = Vec::new();
    for number in 0..64 {
        let (status, answer, stream) = follow(&format!("2001:db8:0:1::{number:x}")).await;
        assert_eq!(status, 200, "{number}: {answer}");
        streams.push(stream);
    }
    let (status, answer, _) = follow("2001:db8:0:1:ffff::1").await;
    assert_eq!(status, 429);
    assert!(answer.contains("retry-after: 10") && answer.contains("64 event streams"), "{answer}");
    assert_eq!(follow("2001:db8:0:2::1").await.0, 200, "another client");
    streams.pop();
    poll_until("the place of a stream that has ended is free", async || follow("2001:db8:0:1::1").await.0 == 200).await;
}

#[tokio::test]
async fn streams_of_nobody_are_not_silence() {
    let farm = Farm::new(1).start().await;
    farm[0].gate_get("/.forewarn/events?application=nope", &[]).await.expect(404);
    let head = farm[0].gate_send("HEAD", "/.forewarn/events", &[], None).await.expect(200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    let reply = farm[0].gate_send("POST", "/.forewarn/events", &[], None).await.expect(405);
    assert_eq!(reply.header("allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn a_client_has_1024_connections() {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < 8_192) {
        eprintln!("SKIPPED: fewer than 8,192 files may be open here, so that 1,024 connections were NOT tried");
        return;
    }
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let farm = Farm::new(1).start().await;
    let mut held = Vec::new();
    for number in 0..1_024 {
        let mut stream = connect(&farm[0], farm.address).await;
        // the last ones are asked: what is accepted is answered, so all before them are in
        if number >= 1_020 {
            assert_eq!(ask(&mut stream).await, Some(200), "{number}");
        }
        held.push(stream);
    }
    // several threads accept: those before may still be on their way in
    poll_until("the 1,025th is closed", async || {
        let mut one_more = connect(&farm[0], farm.address).await;
        ask(&mut one_more).await.is_none()
    })
    .await;
    assert_eq!(ask(&mut connect(&farm[0], other(&farm)).await).await, Some(200), "another client");
    drop(held);
    poll_until("there is room again", async || ask(&mut connect(&farm[0], farm.address).await).await.is_some()).await;
}

#[tokio::test]
async fn users_cannot_take_what_operators_and_peers_need() {
    let farm = Farm::new(2).build().await;
    for node in &farm.nodes {
        node.set_wrapper(&["sh", "-c", "ulimit -n 400 && exec \"$0\" \"$@\""]);
        node.start();
    }
    farm.wait_ready().await;
    farm.wait_met().await;
    let mut held = Vec::new();
    for _ in 0..450 {
        held.push(connect(&farm[0], farm.address).await);
    }
    let (status, phase) = farm[0].phase().await.unwrap();
    assert_eq!((status, phase.as_str()), (200, "ready"));
    farm[0].submit_wait_all(closing("application:mail", json!({}))).await;
    farm[1].wait_available("mail", false).await;
    drop(held);
    poll_until("the gate lets users in again", async || {
        farm[0].try_gate("GET", "/mail", &[], None).await.is_ok_and(|r| r.status == 503)
    })
    .await;
}

#[tokio::test]
async fn a_client_asks_an_application_as_often_as_it_may() {
    let limited = "[[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\nupstream = [\"UPSTREAM\"]\nexempt = [\"/mail/health\"]\n\
                   rate_limit = \"2/h\"\nrate_burst = 3\n\
                   [[application]]\nname = \"chat\"\nroutes = [\"/chat\"]\nupstream = [\"UPSTREAM\"]\n";
    let gate = "trusted_proxies = [\"127.0.0.0/8\"]\nh2c = true";
    let farm = Farm::new(1).applications(limited).gate(gate).start().await;
    let node = &farm[0];
    let ask = async |client: &str, path: &str| node.gate_get(path, &[("x-forwarded-for", client)]).await;
    for _ in 0..3 {
        ask("192.0.2.1", "/mail").await.expect(200);
    }
    let refused = ask("192.0.2.1", "/mail").await.expect(429);
    let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1_790..=1_800).contains(&seconds), "{seconds}");
    assert_eq!(refused.json()["title"], "Too many requests");
    for (client, path) in [("192.0.2.1", "/mail/health"), ("192.0.2.1", "/chat"), ("192.0.2.2", "/mail")] {
        ask(client, path).await.expect(200);
    }
    // A trusted proxy that speaks for itself is no client.
    for _ in 0..5 {
        node.gate_get("/mail", &[]).await.expect(200);
    }
    // A real client, by both versions of HTTP.
    let url = format!("http://{}/mail", node.gate);
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let seen = [
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{http_version}",
            version,
            "-H",
            "X-Forwarded-For: 192.0.2.1",
        ];
        let Some(said) = output("curl", &[&seen[..], &[&url]].concat()).await else { break };
        assert!(said.starts_with("429 ") && said.ends_with(if version == "--http1.1" { "1.1" } else { "2" }), "{said}");
    }
    let metrics = node.control("GET", "/metrics", &[], None).await.text();
    let counted =
        metrics.lines().find(|line| line.starts_with("forewarn_application_limited_total{application=\"mail\"}"));
    assert!(counted.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
    node.wait_log(&["WARN", "event=rate_limited", "application=mail", "client=192.0.2.1"]).await;
    // Read again: another limit knows what was asked before, none lets everybody in.
    let file = std::fs::read_to_string(&node.config).unwrap();
    std::fs::write(&node.config, file.replace("rate_limit = \"2/h\"\nrate_burst = 3\n", "")).unwrap();
    crate::reloading::reload(node, crate::support::TOKEN).await.expect(200);
    ask("192.0.2.1", "/mail").await.expect(200);
}
