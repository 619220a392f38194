//! What it costs to pass a notification on to a whole farm, by fan-out and by NATS: messages, time until the last node
//! has it, CPU time at the initial node and at a leaf; and what a farm costs that does nothing.
//!
//! All nodes share this machine, so the time until the last node has it is the machine's time for all of them. Bytes and
//! packets are those of the loopback interface, acknowledgements of TCP and the readers of this measurement included.
//! `FIGURES_NODES=20` takes another number of nodes than 50.

use std::{
    fmt::Write as _,
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{
    http::{Conn, cpu, port},
    nodes::{self, Node, TOKEN},
    quantiles,
};

/// So many notifications are passed on.
const ROUNDS: usize = 100;
/// So long a farm does nothing.
const IDLE: Duration = Duration::from_secs(20);
/// Longer than this nothing takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

pub async fn measure(report: &mut String) {
    let size = std::env::var("FIGURES_NODES").map_or(50, |text| text.parse().unwrap());
    write!(
        report,
        "\n## Passing a notification on to {size} nodes, by strategy\n\n\
         | strategy | until the last has it, median ms | p99 ms | sent between nodes | KB | packets | CPU ms of all nodes | of the initial node | of a leaf | CPU of an idle node, ms a minute |\n\
         |---|---|---|---|---|---|---|---|---|---|\n"
    )
    .unwrap();
    for fanout in ["\"all\"", "8", "2", "1"] {
        let row = farm(size, &format!("fanout = {fanout}\n"), "").await;
        writeln!(report, "| fan-out {} | {row} |", fanout.trim_matches('"')).unwrap();
    }
    match Broker::start() {
        Some(broker) => {
            let queue =
                format!("[farm.queue]\nkind = \"nats\"\nurl = \"nats://{}\"\nstream = \"figures\"\n", broker.address);
            let row = farm(size, "", &queue).await;
            writeln!(report, "| nats | {row} |").unwrap();
        }
        None => report.push_str("\nnats-server is not installed: left out.\n"),
    }
}

/// A `nats-server` with JetStream.
struct Broker {
    address: String,
    process: Child,
    _folder: TempDir,
}

impl Broker {
    fn start() -> Option<Self> {
        let (folder, port) = (tempfile::tempdir().unwrap(), port());
        let arguments = ["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"].map(str::to_owned);
        let process = Command::new("nats-server")
            .args(arguments)
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self { address: format!("127.0.0.1:{port}"), process, _folder: folder })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The columns of one strategy: `lines` are those of `[farm]`, `more` are further sections.
async fn farm(size: usize, lines: &str, more: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let nodes = start(&folder, size, lines, more).await;
    let pids: Vec<u32> = nodes.iter().map(|node| node.process.id()).collect();
    let times = || pids.iter().map(|pid| cpu(*pid)).collect::<Vec<f64>>();
    let spent = |from: &[f64], to: &[f64]| to.iter().zip(from).map(|(to, from)| to - from).collect::<Vec<f64>>();

    let (before, begun) = (times(), Instant::now());
    tokio::time::sleep(IDLE).await;
    let idle: f64 = spent(&before, &times()).iter().sum::<f64>() / size as f64 / 1e3;
    let idle = idle * 60.0 / begun.elapsed().as_secs_f64();

    let mut told = nodes::watch(&nodes).await;
    let mut submit = Conn::open(&nodes[0].control).await;
    // The first ones open connections.
    for round in 0..10 {
        pass_on(&mut submit, &mut told, size, round).await;
    }
    let (before, sent_before, net_before) = (times(), sent(&nodes).await, loopback());
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        took.push(pass_on(&mut submit, &mut told, size, round).await);
    }
    // Receipts come after that.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let net = loopback();
    let spent = spent(&before, &times());
    let each = |micros: f64| micros / 1e3 / ROUNDS as f64;
    let leaves = &spent[1..];
    let (median, late) = quantiles(took);
    format!(
        "{median:.1} | {late:.1} | {:.1} | {:.1} | {:.0} | {:.1} | {:.2} | {:.2} | {idle:.0}",
        (sent(&nodes).await - sent_before) / ROUNDS as f64,
        (net[0] - net_before[0]) / 1e3 / ROUNDS as f64,
        (net[1] - net_before[1]) / ROUNDS as f64,
        each(spent.iter().sum()),
        each(spent[0]),
        each(leaves.iter().sum::<f64>() / leaves.len() as f64),
    )
}

/// Nodes that have met each other.
async fn start(folder: &TempDir, size: usize, lines: &str, more: &str) -> Vec<Node> {
    let controls: Vec<String> = (0..size).map(|_| format!("127.0.0.1:{}", port())).collect();
    let mut nodes = Vec::new();
    for (at, control) in controls.iter().enumerate() {
        let others = controls.iter().filter(|other| *other != control);
        let peers: Vec<String> = others.map(|other| format!("\"http://{other}\"")).collect();
        let (gate, name) = (format!("127.0.0.1:{}", port()), format!("n{at}"));
        let data = folder.path().join(&name).display().to_string();
        let config = nodes::config(&name, &data, control, &gate, &peers.join(", "));
        let config = config.replace("[farm]\n", &format!("[farm]\n{lines}"));
        let file = folder.path().join(format!("{name}.toml"));
        fs::write(&file, config + more).unwrap();
        let mut process = nodes::serve(&file);
        // One after the other: together they would keep the processors, and each other, busy for minutes.
        tokio::select! {
            () = nodes::ready(control) => {}
            status = ended(&mut process) => panic!("{name} has ended: {status}\n{}", nodes::log(&file)),
        }
        nodes.push(Node { process, control: control.clone(), gate });
    }
    for node in &nodes {
        met(&node.control, size).await;
    }
    // Who listens to a broker is known within 3 s.
    tokio::time::sleep(Duration::from_secs(4)).await;
    nodes
}

/// Waits until the process has ended.
async fn ended(process: &mut Child) -> std::process::ExitStatus {
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until this node has met all others.
async fn met(control: &str, size: usize) {
    let (mut conn, begun) = (Conn::open(control).await, Instant::now());
    loop {
        assert!(begun.elapsed() < PATIENCE, "{control} does not meet all others");
        conn.send("GET", "/api/v1/nodes", TOKEN, "").await;
        let nodes: serde_json::Value = serde_json::from_slice(&conn.answer().await.1).unwrap();
        let nodes = nodes["nodes"].as_array().unwrap();
        if nodes.iter().filter(|node| !node["id"].is_null()).count() == size {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Submits, and waits until all have it; how long that took.
async fn pass_on(
    submit: &mut Conn,
    told: &mut mpsc::UnboundedReceiver<Instant>,
    size: usize,
    round: usize,
) -> Duration {
    let status = if round.is_multiple_of(2) { "unavailable" } else { "available" };
    let body = format!(r#"{{"targets":["application:mail"],"status":"{status}"}}"#);
    let begun = Instant::now();
    assert_eq!(submit.post("/api/v1/notifications", TOKEN, &body).await.0, 202);
    let mut last = begun;
    for at in 0..size {
        let next = tokio::time::timeout(PATIENCE, told.recv()).await;
        last = last.max(next.unwrap_or_else(|_| panic!("after {PATIENCE:?} only {at} nodes have it")).unwrap());
    }
    last - begun
}

/// Notifications that nodes have sent to others.
async fn sent(nodes: &[Node]) -> f64 {
    let mut all = 0.0;
    for node in nodes {
        let mut conn = Conn::open(&node.control).await;
        conn.send("GET", "/metrics", "", "").await;
        let text = String::from_utf8(conn.answer().await.1).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("forewarn_items_sent_total "));
        all += line.map_or(0.0, |value| value.parse::<f64>().unwrap());
    }
    all
}

/// Bytes and packets that the loopback interface has carried.
fn loopback() -> [f64; 2] {
    let text = fs::read_to_string("/proc/net/dev").unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("lo:")).unwrap();
    let mut fields = line.split_whitespace().map(|field| field.parse::<f64>().unwrap());
    [fields.next().unwrap(), fields.next().unwrap()]
}
