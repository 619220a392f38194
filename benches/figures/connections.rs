//! What connections cost the gate that do nothing, or nearly nothing: memory of idle ones, and what 5,000 that send a
//! byte of a head each second do to the others. Seen from outside: resident memory, and the time of an answer.

use std::{fmt::Write as _, fs, net::SocketAddr, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::{
    http::{Conn, port},
    nodes::{self, Node},
    restart::resident,
};

/// Idle connections.
const IDLE: usize = 10_000;
/// Slow ones.
const SLOW: usize = 5_000;
/// How long they are slow.
const TIME: Duration = Duration::from_secs(8);

const DENIED: &[u8] = b"HEAD /mail/x HTTP/1.1\r\nHost: h\r\n\r\n";

pub async fn measure(report: &mut String) {
    let upstream = upstream().await;
    report.push_str("\n## Connections that do little\n\n| what | |\n|---|---|\n");
    for (name, request) in [("a denial", DENIED), ("a proxied request", b"GET /app/x HTTP/1.1\r\nHost: h\r\n\r\n")] {
        let (node, _folder) = node(upstream).await;
        let before = resident(node.process.id());
        let mut idle = Vec::new();
        for _ in 0..IDLE {
            let mut stream = TcpStream::connect(&node.gate).await.unwrap();
            ask(&mut stream, request).await;
            idle.push(stream);
        }
        let each = (resident(node.process.id()) - before) / IDLE as f64 / 1024.0;
        writeln!(report, "| resident memory of each of {IDLE} idle connections after {name} | {each:.1} KiB |")
            .unwrap();
    }

    let (node, _folder) = node(upstream).await;
    let before = resident(node.process.id());
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        let mut stream = TcpStream::connect(&node.gate).await.unwrap();
        stream.write_all(b"GET /mail/x HTTP/1.1\r\nHost: h\r\nX-Slow: ").await.unwrap();
        slow.push(stream);
    }
    let begun = Instant::now();
    let mut waits = Vec::new();
    let trickle = async {
        while begun.elapsed() < TIME {
            let second = Instant::now();
            for (n, stream) in slow.iter_mut().enumerate() {
                stream.write_all(b"x").await.unwrap();
                // Spread over the second.
                if n.is_multiple_of(50) {
                    tokio::time::sleep_until(second + Duration::from_secs(1) * (n as u32) / (SLOW as u32)).await;
                }
            }
        }
    };
    let others = async {
        let mut stream = TcpStream::connect(&node.gate).await.unwrap();
        while begun.elapsed() < TIME {
            let asked = Instant::now();
            ask(&mut stream, DENIED).await;
            waits.push(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(trickle, others);
    let each = (resident(node.process.id()) - before) / SLOW as f64 / 1024.0;
    let (median, late) = super::quantiles(waits);
    writeln!(report, "| another client's denial while {SLOW} connections send a byte of a head each second | median {median:.2} ms, 99th percentile {late:.2} ms |").unwrap();
    writeln!(report, "| resident memory of each of those | {each:.1} KiB |").unwrap();
}

/// A node, fresh for each figure, for memory that was freed is not given back at once. Mail is down, `app` is open.
async fn node(upstream: SocketAddr) -> (Node, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (gate, control) = (format!("127.0.0.1:{}", port()), format!("127.0.0.1:{}", port()));
    let data = folder.path().join("node").display().to_string();
    let limits = "[gate.per_client]\nconnections = 20000\n[gate.timeouts]\nheader = \"60s\"\n[control]";
    let mut config = nodes::config("figures", &data, &control, &gate, "").replace("[control]", limits);
    write!(config, "[[application]]\nname = \"app\"\nroutes = [\"/app\"]\nupstream = [\"http://{upstream}\"]\n")
        .unwrap();
    let file = folder.path().join("node.toml");
    fs::write(&file, config).unwrap();
    let node = Node { process: nodes::serve(&file), control, gate };
    nodes::ready(&node.control).await;
    let closing = r#"{"targets":["application:mail"],"status":"unavailable"}"#;
    let mut conn = Conn::open(&node.control).await;
    assert_eq!(conn.post("/api/v1/notifications?wait=all", nodes::TOKEN, closing).await.0, 200);
    (node, folder)
}

/// Asks, and reads the head of the answer; the answers here have no body.
async fn ask(stream: &mut TcpStream, request: &[u8]) {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
    }
}

/// An upstream that answers everything with nothing.
async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while stream.read_buf(&mut head).await.is_ok_and(|n| n > 0) {
                    if head.ends_with(b"\r\n\r\n") {
                        head.clear();
                        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.is_err() {
                            break;
                        }
                    }
                }
            });
        }
    });
    address
}
