//! 10,000 pages of a closed application wait at one node, as browsers let them wait (`static/gate/page.js`): what they
//! cost it, and how they return when the application opens. `FOREWARN_WAITING=1000` tries fewer.
//!
//! A node follows changes with 1,000 pages at most; the others are refused the stream, and ask by themselves.

use std::{cell::RefCell, fmt::Write as _, fs, net::SocketAddr, rc::Rc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinSet, LocalSet},
    time::{Instant, sleep},
};

use super::{
    http::{Conn, cpu, port},
    nodes::{self, Node},
    restart::resident,
};

/// How long the application has been down when it opens; pages return within a tenth of it.
const DOWN: Duration = Duration::from_secs(600);
/// For so long the waiting itself is measured.
const QUIET: Duration = Duration::from_secs(20);

/// When requests came to the application, and when pages had it again.
#[derive(Default)]
struct Seen {
    asked: RefCell<Vec<Instant>>,
    back: RefCell<Vec<Instant>>,
    streams: RefCell<usize>,
    refused: RefCell<usize>,
}

pub async fn measure(report: &mut String) {
    let pages: usize = std::env::var("FOREWARN_WAITING").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    LocalSet::new().run_until(wait(report, pages)).await;
}

async fn wait(report: &mut String, pages: usize) {
    let seen = Rc::new(Seen::default());
    let upstream = upstream(Rc::clone(&seen)).await;
    let folder = tempfile::tempdir().unwrap();
    let (gate, control) = (format!("127.0.0.1:{}", port()), format!("127.0.0.1:{}", port()));
    let limits = "[gate.per_client]\nconnections = 20000\nstreams = 20000\n[control]";
    let data = folder.path().join("node").display().to_string();
    let config = nodes::config("figures", &data, &control, &gate, "")
        .replace("[control]", limits)
        .replace("routes = [\"/mail\"]\n", &format!("routes = [\"/mail\"]\nupstream = [\"http://{upstream}\"]\n"));
    let file = folder.path().join("node.toml");
    fs::write(&file, config).unwrap();
    let node = Node { process: nodes::serve(&file), control, gate };
    nodes::ready(&node.control).await;
    let pid = node.process.id();
    let since = forewarn::clock::now().before(DOWN);
    say(&node, &format!(r#"{{"targets":["application:mail"],"status":"unavailable","goes_down_at":"{since}"}}"#)).await;

    let before = resident(pid);
    let mut tasks = JoinSet::new();
    for number in 0..pages {
        tasks.spawn_local(page(node.gate.clone(), Rc::clone(&seen)));
        // As tabs are opened, not all in one instant.
        if number % 50 == 49 {
            sleep(Duration::from_millis(20)).await;
        }
    }
    while *seen.streams.borrow() + *seen.refused.borrow() < pages {
        sleep(Duration::from_millis(50)).await;
    }
    let (streams, memory) = (*seen.streams.borrow(), resident(pid) - before);
    let began = cpu(pid);
    sleep(QUIET).await;
    let quiet = (cpu(pid) - began) / QUIET.as_secs_f64() / 1e4;
    let began = cpu(pid);
    let opened = Instant::now();
    say(&node, r#"{"targets":["application:mail"],"status":"available"}"#).await;
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let returning = (cpu(pid) - began) / 1e3;
    let mut back: Vec<Duration> = seen.back.borrow().iter().map(|at| *at - opened).collect();
    back.sort();
    let mut seconds = vec![0_usize; 120];
    for at in seen.asked.borrow().iter() {
        if let Some(second) = seconds.get_mut((*at - opened).as_secs() as usize) {
            *second += 1;
        }
    }
    let half = back[back.len() / 2].as_secs_f64();
    let (last, most) = (back[back.len() - 1].as_secs_f64(), seconds.iter().max().unwrap());
    write!(report, "\n## Waiting pages of a closed application at one node\n\n| what | |\n|---|---|\n").unwrap();
    let mut row = |what: String, found: String| writeln!(report, "| {what} | {found} |").unwrap();
    row(format!("of {pages} pages, followed by event streams; the others ask by themselves"), streams.to_string());
    row("resident memory of all of them".to_owned(), format!("{:.1} MiB", memory / f64::from(1 << 20)));
    row("CPU of the node while all wait".to_owned(), format!("{quiet:.1} % of a core"));
    row(
        format!("the application is back after {} min: half, and all, have it again after", DOWN.as_secs() / 60),
        format!("{half:.0} s, {last:.0} s"),
    );
    row("the most requests that the application gets in one second (each page sends two)".to_owned(), most.to_string());
    row("CPU time of the node for all returns".to_owned(), format!("{returning:.0} ms"));
    assert_eq!(back.len(), pages);
}

/// A page: the denial, then the event stream, or questions of its own; at last the application.
async fn page(gate: String, seen: Rc<Seen>) {
    let chance = || forewarn::clock::random() as f64 / u64::MAX as f64;
    assert_eq!(ask(&gate, "GET").await, 503);
    let mut stream = TcpStream::connect(&gate).await.unwrap();
    let follow = "GET /.forewarn/events?application=mail HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n";
    stream.write_all(follow.as_bytes()).await.unwrap();
    let mut told = Vec::new();
    while !told.windows(4).any(|four| four == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut told).await.unwrap() > 0);
    }
    let mut wait = 5.0;
    if told.starts_with(b"HTTP/1.1 200") {
        *seen.streams.borrow_mut() += 1;
        while !told.windows(19).any(|part| part == b"event: availability") {
            assert!(stream.read_buf(&mut told).await.unwrap() > 0);
        }
        sleep(Duration::from_secs_f64(0.2 + chance() * (DOWN.as_secs_f64() / 10.0).clamp(0.8, 30.0))).await;
    } else {
        *seen.refused.borrow_mut() += 1;
        drop(stream);
        sleep(Duration::from_secs_f64(wait * (0.75 + chance() / 2.0))).await;
    }
    while ask(&gate, "HEAD").await != 200 {
        wait = f64::min(wait * 1.3, 30.0);
        sleep(Duration::from_secs_f64(wait * (0.75 + chance() / 2.0))).await;
    }
    assert_eq!(ask(&gate, "GET").await, 200);
    seen.back.borrow_mut().push(Instant::now());
}

/// The status of an answer.
async fn ask(gate: &str, method: &str) -> u16 {
    let mut stream = TcpStream::connect(gate).await.unwrap();
    let asked = format!("{method} /mail HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap()
}

async fn say(node: &Node, notification: &str) {
    let mut conn = Conn::open(&node.control).await;
    assert_eq!(conn.post("/api/v1/notifications?wait=all", nodes::TOKEN, notification).await.0, 200);
}

/// The application: answers everything with nothing, and knows when it was asked.
async fn upstream(seen: Rc<Seen>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = Rc::clone(&seen);
            tokio::task::spawn_local(async move {
                let mut head = Vec::new();
                while stream.read_buf(&mut head).await.is_ok_and(|n| n > 0) {
                    if head.ends_with(b"\r\n\r\n") {
                        head.clear();
                        seen.asked.borrow_mut().push(Instant::now());
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
