//! etcd and Redis, started here, on the same disk and in the same run.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::mpsc,
};

use super::{
    Throughput,
    http::{Conn, port, up},
    nodes::pressure,
};

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn spawn(program: &str, args: &[String]) -> Option<Process> {
    Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok().map(Process)
}

/// An etcd cluster; the client addresses of its members.
async fn etcd(folder: &TempDir, size: usize) -> Option<(Vec<Process>, Vec<String>)> {
    let ports: Vec<(u16, u16)> = (0..size).map(|_| (port(), port())).collect();
    let cluster: Vec<String> =
        ports.iter().enumerate().map(|(at, (_, peer))| format!("m{at}=http://127.0.0.1:{peer}")).collect();
    let mut processes = Vec::new();
    for (at, (client, peer)) in ports.iter().enumerate() {
        let flag = |name: &str, value: String| format!("--{name}={value}");
        let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        processes.push(spawn(
            "etcd",
            &[
                flag("name", format!("m{at}")),
                flag("data-dir", folder.path().join(format!("m{at}")).display().to_string()),
                flag("listen-client-urls", client.clone()),
                flag("advertise-client-urls", client),
                flag("listen-peer-urls", peer.clone()),
                flag("initial-advertise-peer-urls", peer),
                flag("initial-cluster", cluster.join(",")),
            ],
        )?);
    }
    let clients: Vec<String> = ports.iter().map(|(client, _)| format!("127.0.0.1:{client}")).collect();
    for client in &clients {
        up(client).await;
    }
    // A leader is there when a put goes through.
    let mut conn = Conn::open(&clients[0]).await;
    for _ in 0..500 {
        if conn.post("/v3/kv/put", "", PUT).await.0 == 200 {
            return Some((processes, clients));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("etcd has no leader");
}

/// A key and a value of a notification's size, in base64.
const PUT: &str =
    r#"{"key":"bWFpbA==","value":"eyJ0YXJnZXRzIjpbImFwcGxpY2F0aW9uOm1haWwiXSwic3RhdHVzIjoidW5hdmFpbGFibGUifQ=="}"#;

pub async fn etcd_latency(rounds: usize) -> Option<Vec<Duration>> {
    let folder = tempfile::tempdir().unwrap();
    let (_processes, clients) = etcd(&folder, 3).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    for client in &clients {
        let mut watch = Conn::open(client).await;
        watch.send("POST", "/v3/watch", "", r#"{"create_request":{"key":"bWFpbA=="}}"#).await;
        assert_eq!(watch.head().await.0, 200);
        let (tell, (created, ready)) = (tell.clone(), tokio::sync::oneshot::channel());
        tokio::spawn(async move {
            let mut created = Some(created);
            while let Some(line) = watch.next_line().await {
                if line.contains("\"created\":true") {
                    created.take().map(|created| created.send(()));
                } else if line.contains("\"events\"") {
                    tell.send(Instant::now()).ok();
                }
            }
        });
        ready.await.unwrap();
    }
    let mut put = Conn::open(&clients[0]).await;
    let mut samples = Vec::new();
    for round in 0..rounds + 20 {
        let begun = Instant::now();
        assert_eq!(put.post("/v3/kv/put", "", PUT).await.0, 200);
        let mut last = Instant::now();
        for _ in 0..3 {
            last = last.max(told.recv().await.unwrap());
        }
        if round >= 20 {
            samples.push(last - begun);
        }
    }
    Some(samples)
}

pub async fn etcd_throughput(submitters: usize, members: usize) -> Option<Throughput> {
    let folder = tempfile::tempdir().unwrap();
    let (processes, clients) = etcd(&folder, members).await?;
    let pids: Vec<u32> = processes.iter().map(|process| process.0.id()).collect();
    Some(pressure(&clients[0], &pids, submitters, ("/v3/kv/put", "", 200), |_| PUT.to_owned()).await)
}

pub async fn redis_latency(rounds: usize) -> Option<Vec<Duration>> {
    let folder = tempfile::tempdir().unwrap();
    let port = port();
    let dir = folder.path().display().to_string();
    let args =
        ["--port", &port.to_string(), "--dir", &dir, "--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    let _process = spawn("redis-server", &args.map(str::to_owned))?;
    let address = format!("127.0.0.1:{port}");
    up(&address).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    for _ in 0..3 {
        let mut stream = BufReader::new(TcpStream::connect(&address).await.unwrap());
        stream.get_mut().write_all(b"SUBSCRIBE mail\r\n").await.unwrap();
        let mut line = String::new();
        // *3 $9 subscribe $4 mail :1
        for _ in 0..6 {
            stream.read_line(&mut line).await.unwrap();
        }
        let tell = tell.clone();
        tokio::spawn(async move {
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap() == 0 {
                    return;
                }
                if line.trim_end() == "message" {
                    tell.send(Instant::now()).ok();
                }
            }
        });
    }
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut samples = Vec::new();
    for round in 0..rounds + 20 {
        let begun = Instant::now();
        stream.write_all(b"SET mail unavailable\r\nPUBLISH mail unavailable\r\n").await.unwrap();
        let mut answer = Vec::new();
        while answer.iter().filter(|byte| **byte == b'\n').count() < 2 {
            let mut part = [0; 64];
            let read = stream.read(&mut part).await.unwrap();
            answer.extend_from_slice(&part[..read]);
        }
        let mut last = Instant::now();
        for _ in 0..3 {
            last = last.max(told.recv().await.unwrap());
        }
        if round >= 20 {
            samples.push(last - begun);
        }
    }
    Some(samples)
}
