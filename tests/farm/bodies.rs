//! What bodies cost a node, whoever sends them: no memory for strangers, no waiting for what does not
//! come.

use std::{net::SocketAddr, time::Duration};

use forewarn::clock;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use crate::support::{Farm, MONITOR_TOKEN, Node, Stranger, http::raw_status};

const MIB: usize = 1 << 20;
/// Longer than anything here may take, on however busy a machine.
const LONG: Duration = Duration::from_secs(60);

/// A request's head with these header fields, whose body is to follow.
fn head(path: &str, length: usize, fields: &[(&str, String)]) -> String {
    let mut head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n");
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    head + "\r\n"
}

/// Sends a head and as much of a body as is taken, and reads the answer meanwhile; its status.
async fn send(address: SocketAddr, head: String, length: usize) -> u16 {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reads, mut writes) = stream.into_split();
    writes.write_all(head.as_bytes()).await.unwrap();
    let writing = tokio::spawn(async move {
        let piece = vec![b'x'; MIB];
        for _ in 0..length / MIB {
            if writes.write_all(&piece).await.is_err() {
                break;
            }
        }
        // not closed: that would be an end
        writes
    });
    let mut answer = Vec::new();
    let reading = async {
        let mut piece = [0; 4_096];
        while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
            match reads.read(&mut piece).await {
                Ok(count) if count > 0 => answer.extend_from_slice(&piece[..count]),
                _ => break,
            }
        }
    };
    tokio::time::timeout(LONG, reading).await.unwrap();
    writing.abort();
    raw_status(&answer)
}

/// The most memory that a node had since the last look, in MiB.
fn peak(node: &Node) -> usize {
    let pid = node.pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1_024
}

#[tokio::test]
async fn strangers_make_a_node_buffer_nothing() {
    let farm = Farm::new(1).start().await;
    let (node, stranger) = (&farm[0], Stranger::with_secret("another-secret-0123456789"));
    let before = peak(node);
    let length = 48 * MIB;
    let paths = ["/peer/v1/notifications", "/peer/v1/merge", "/peer/v1/announce"];
    let sending = (0..24).map(|i| {
        let path = paths[i % 3];
        let fields = match i % 2 {
            0 => Vec::new(),
            _ => stranger.sign(node, clock::now(), path, &vec![b'x'; length]),
        };
        tokio::spawn(send(node.control, head(path, length, &fields), length))
    });
    for sent in sending.collect::<Vec<_>>() {
        assert_eq!(sent.await.unwrap(), 401);
    }
    let grown = peak(node) - before;
    assert!(grown < 48, "{grown} MiB for 24 bodies of strangers");
}

#[tokio::test]
async fn an_answer_does_not_wait_for_a_body_that_does_not_come() {
    let farm = Farm::new(1).start().await;
    let form = ("content-type", "application/x-www-form-urlencoded".to_owned());
    let cases = [
        (401, "/api/v1/notifications", vec![]),
        (401, "/api/v1/notifications", vec![("authorization", "Bearer wrong".to_owned())]),
        (403, "/api/v1/nodes/b", vec![("authorization", format!("Bearer {MONITOR_TOKEN}"))]),
        (403, "/login", vec![("sec-fetch-site", "cross-site".to_owned()), form.clone()]),
        (415, "/login", vec![("sec-fetch-site", "same-origin".to_owned())]),
        (401, "/peer/v1/merge", vec![]),
        (404, "/nowhere", vec![]),
    ];
    for (status, path, fields) in cases {
        let mut head = head(path, 100, &fields);
        if path.contains("nodes") {
            head = head.replacen("POST", "DELETE", 1);
        }
        let began = Instant::now();
        assert_eq!(send(farm[0].control, head, 0).await, status, "{path}");
        assert!(began.elapsed() < Duration::from_secs(2), "{path}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn an_unfinished_form_is_given_up_after_ten_seconds() {
    let farm = Farm::new(1).start().await;
    let fields = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("sec-fetch-site", "same-origin".to_owned()),
    ];
    let sending = (0..60).map(|_| tokio::spawn(send(farm[0].control, head("/login", 100, &fields), 0)));
    let mut statuses = Vec::new();
    for sent in sending.collect::<Vec<_>>() {
        statuses.push(sent.await.unwrap());
    }
    let with = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    // Strangers share fifty places; those beyond are told at once.
    assert_eq!((with(408), with(429)), (50, 10), "{statuses:?}");
}
