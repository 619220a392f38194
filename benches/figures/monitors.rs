//! What monitors cost a node that does nothing else: 200 of them, a check every second each, as a part of one core.
//! Seen from outside, in `/proc/PID/stat`. A program that a monitor runs is not the node; the time of those that have
//! ended is given separately.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{
    http::{Conn, cpu, port},
    nodes::{self, Node},
};

/// So many monitors.
const MONITORS: usize = 200;
/// They settle for this long.
const SETTLE: Duration = Duration::from_secs(3);
/// So long they are measured.
const TIME: Duration = Duration::from_secs(10);

pub async fn measure(report: &mut String) {
    let server = server().await;
    write!(
        report,
        "\n## {MONITORS} monitors, each with a check every second\n\n\
         | what each check does | checks per second | part of a core | of that without any monitor | CPU µs each | programs that were run |\n\
         |---|---|---|---|---|---|\n"
    )
    .unwrap();
    let idle = load(None).await.0;
    for (name, check) in [
        ("asks a web server (`http`)", format!("http = \"http://{server}/health\"")),
        ("connects (`tcp`)", format!("tcp = \"{server}\"")),
        ("looks at the requests of users (`passive`)", "passive = true".to_owned()),
        ("runs a program (`command = [\"true\"]`)", "command = [\"true\"]".to_owned()),
    ] {
        let (own, programs, checks) = load(Some(&check)).await;
        writeln!(
            report,
            "| {name} | {checks:.0} | {:.1} % | {:.1} % | {:.0} | {} |",
            own * 100.0,
            idle * 100.0,
            (own - idle) * 1e6 / checks,
            if programs > 0.0 { format!("{:.1} %", programs * 100.0) } else { "–".to_owned() }
        )
        .unwrap();
    }
    let (rules, _, checks) = load(Some("when = 'count(\"upstream_errors\", \"30s\") > 5.0 && cpu() > 0.5'")).await;
    writeln!(
        report,
        "| evaluates a rule over a counter and the processors | {checks:.0} | {:.1} % | {:.1} % | {:.0} | – |",
        rules * 100.0,
        idle * 100.0,
        (rules - idle) * 1e6 / checks
    )
    .unwrap();
}

/// The part of a core that a node takes with these monitors, that of the programs that it has run, and how many checks
/// it has made per second.
async fn load(check: Option<&str>) -> (f64, f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let (gate, control) = (format!("127.0.0.1:{}", port()), format!("127.0.0.1:{}", port()));
    let mut config = nodes::config("figures", &folder.path().join("node").display().to_string(), &control, &gate, "");
    for at in 0..check.map_or(0, |_| MONITORS) {
        let check = check.unwrap_or_default();
        let section = if check.starts_with("when") { "rule" } else { "monitor" };
        write!(config, "[[{section}]]\nname = \"m{at}\"\ntarget = \"application:mail\"\nevery = \"1s\"\n{check}\n")
            .unwrap();
    }
    let file = folder.path().join("node.toml");
    fs::write(&file, config).unwrap();
    let node = Node { process: nodes::serve(&file), control, gate };
    nodes::ready(&node.control).await;
    tokio::time::sleep(SETTLE).await;
    let pid = node.process.id();
    let (before, programs, counted, begun) = (cpu(pid), of_children(pid), checks(&node).await, Instant::now());
    tokio::time::sleep(TIME).await;
    let (after, programs_after, counted_after) = (cpu(pid), of_children(pid), checks(&node).await);
    let seconds = begun.elapsed().as_secs_f64();
    let part = |from: f64, to: f64| (to - from) / 1e6 / seconds;
    (part(before, after), part(programs, programs_after), (counted_after - counted) / seconds)
}

/// Checks of all monitors so far.
async fn checks(node: &Node) -> f64 {
    let mut conn = Conn::open(&node.control).await;
    conn.send("GET", "/metrics", "", "").await;
    let text = String::from_utf8(conn.answer().await.1).unwrap();
    let counts = text.lines().filter(|line| line.starts_with("forewarn_monitor_checks_total{"));
    counts.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

/// CPU time of the ended children of a process so far, in microseconds.
fn of_children(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(13) + ticks(14)) * 10_000.0
}

/// A web server that answers everything with 200 and closes.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while stream.read_buf(&mut head).await.is_ok_and(|n| n > 0) {
                    if head.ends_with(b"\r\n\r\n") {
                        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.ok();
                        break;
                    }
                }
            });
        }
    });
    address
}
