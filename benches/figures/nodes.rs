//! Forewarn's own nodes, as processes.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{
    Throughput,
    http::{Conn, cpu, port},
    quantiles,
};

pub const TOKEN: &str = "fw_figures_token_0123456789abcdef0123456789";
/// How long each throughput is measured.
pub const MEASURE: Duration = Duration::from_secs(4);

pub struct Node {
    pub process: Child,
    pub control: String,
    pub gate: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// So many nodes that know each other, ready.
pub async fn farm(folder: &TempDir, size: usize) -> Vec<Node> {
    let controls: Vec<String> = (0..size).map(|_| format!("127.0.0.1:{}", port())).collect();
    let mut nodes = Vec::new();
    for (at, control) in controls.iter().enumerate() {
        let peers: Vec<String> =
            controls.iter().filter(|other| *other != control).map(|other| format!("\"http://{other}\"")).collect();
        let gate = format!("127.0.0.1:{}", port());
        let file = folder.path().join(format!("n{at}.toml"));
        fs::write(
            &file,
            config(
                &format!("n{at}"),
                &folder.path().join(format!("n{at}")).display().to_string(),
                control,
                &gate,
                &peers.join(", "),
            ),
        )
        .unwrap();
        nodes.push(Node { process: serve(&file), control: control.clone(), gate });
    }
    for node in &nodes {
        ready(&node.control).await;
    }
    nodes
}

pub fn config(name: &str, data: &str, control: &str, gate: &str, peers: &str) -> String {
    let sha = hex::encode(forewarn::config::secrets::token_sha256(TOKEN));
    format!(
        "[node]\nname = \"{name}\"\ndata = \"{data}\"\n[gate]\nlisten = \"{gate}\"\n[control]\nlisten = \"{control}\"\n\
         [farm]\nsecret = \"a secret for figures only\"\npeers = [{peers}]\n\
         [[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\n\
         [[token]]\nname = \"figures\"\nrole = \"operator\"\nsha256 = \"{sha}\"\n"
    )
}

/// A node with the configuration in this file.
pub fn serve(file: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_forewarn"))
        .args(["serve", "--config"])
        .arg(file)
        .env("FOREWARN_LOG", "warn")
        .stdout(Stdio::null())
        .stderr(fs::File::create(file.with_extension("log")).unwrap())
        .spawn()
        .unwrap()
}

/// What the node with the configuration in this file has written to its log.
pub fn log(file: &Path) -> String {
    fs::read_to_string(file.with_extension("log")).unwrap_or_default()
}

pub async fn ready(control: &str) {
    super::http::up(control).await;
    let mut conn = Conn::open(control).await;
    loop {
        conn.send("GET", "/readyz", "", "").await;
        if conn.answer().await.0 == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Tells whenever the gate of a node has published a change.
pub async fn watch(nodes: &[Node]) -> mpsc::UnboundedReceiver<Instant> {
    let (tell, told) = mpsc::unbounded_channel();
    for node in nodes {
        let mut watch = Conn::open(&node.gate).await;
        watch.send("GET", "/.forewarn/events?application=mail", "", "").await;
        assert_eq!(watch.head().await.0, 200);
        let tell = tell.clone();
        tokio::spawn(async move {
            while let Some(line) = watch.next_line().await {
                if line == "event: availability" {
                    tell.send(Instant::now()).ok();
                }
            }
        });
    }
    told
}

/// From handing in a notification until the gates of all three nodes have published it.
pub async fn latency(rounds: usize) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let nodes = farm(&folder, 3).await;
    let mut told = watch(&nodes).await;
    let mut submit = Conn::open(&nodes[0].control).await;
    let mut samples = Vec::new();
    for round in 0..rounds + 20 {
        let status = if round % 2 == 0 { "unavailable" } else { "available" };
        let begun = Instant::now();
        let (code, _) = submit
            .post("/api/v1/notifications", TOKEN, &format!(r#"{{"targets":["application:mail"],"status":"{status}"}}"#))
            .await;
        assert_eq!(code, 202);
        let durable = Instant::now();
        let mut last = durable;
        for _ in 0..3 {
            last = last.max(told.recv().await.unwrap());
        }
        if round >= 20 {
            samples.push(last - begun);
        }
    }
    samples
}

/// Submissions on one node of a farm of so many.
pub async fn throughput(submitters: usize, members: usize) -> Throughput {
    let folder = tempfile::tempdir().unwrap();
    let nodes = farm(&folder, members).await;
    let pids: Vec<u32> = nodes.iter().map(|node| node.process.id()).collect();
    let body = |n: usize| {
        format!(
            r#"{{"targets":["application:mail"],"status":"{}"}}"#,
            if n.is_multiple_of(2) { "unavailable" } else { "available" }
        )
    };
    pressure(&nodes[0].control, &pids, submitters, ("/api/v1/notifications", TOKEN, 202), body).await
}

/// So many connections, each with one request under way at a time.
pub async fn pressure(
    address: &str,
    pids: &[u32],
    connections: usize,
    (path, token, expect): (&'static str, &'static str, u16),
    body: impl Fn(usize) -> String + Copy + 'static,
) -> Throughput {
    let all = || pids.iter().map(|pid| cpu(*pid)).sum::<f64>();
    let before = all();
    let begun = Instant::now();
    let local = tokio::task::LocalSet::new();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let address = address.to_owned();
        tasks.push(local.spawn_local(async move {
            let mut conn = Conn::open(&address).await;
            let mut took = Vec::new();
            while begun.elapsed() < MEASURE {
                let begun = Instant::now();
                let (code, answer) = conn.post(path, token, &body(took.len())).await;
                assert_eq!(code, expect, "{}", String::from_utf8_lossy(&answer));
                took.push(begun.elapsed());
            }
            took
        }));
    }
    let took = local.run_until(async {
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all
    });
    let took = took.await;
    let (count, seconds) = (took.len() as f64, begun.elapsed().as_secs_f64());
    Throughput { per_second: count / seconds, cpu: (all() - before) / count, took: quantiles(took) }
}
