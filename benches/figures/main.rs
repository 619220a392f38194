//! Figures, against real neighbours in the same run: `cargo bench --bench figures`.
//!
//! | what | against |
//! |---|---|
//! | durable submission to the last of three nodes having applied it | etcd of three members (put to last watcher), Redis with `appendfsync always` (publish to last subscriber) |
//! | durable submissions per second, 1, 16 and 128 submitters over HTTP with keep-alive | etcd's puts through its own HTTP gateway |
//! | restart to ready with 100,000 entries and 10,000 pending; memory per entry | |
//! | bytes and time of a merge against size and differences | |
//! | CPU time of a denial, of a proxied request, of 1 MiB each way | nginx, HAProxy (with wrk and taskset) |
//! | CPU time of a TLS handshake, and of requests under TLS by HTTP/1.1 and HTTP/2 | nginx (with wrk, h2load, openssl and taskset) |
//! | memory of 10,000 idle connections; 5,000 that send a byte a second | |
//! | 10,000 waiting pages of a closed application: memory, CPU time, how they return | |
//! | CPU time of 200 monitors, each with a check every second | |
//! | a notification to 50 nodes: time, messages, bytes, CPU time by fan-out and by NATS (only if asked for by name) | |
//!
//! Only some of it: `cargo bench --bench figures -- latency throughput restart merging gate tls connections waiting monitors strategies`.
//!
//! Wall-clock figures on a shared machine mean little by themselves; the ratios of one run say more.
//! etcd and Redis (Debian: etcd-server, redis-server) are skipped, and said to be, where they are not
//! installed. Results go to `docs/figures.md` and `docs/*.svg`.

#![allow(clippy::unwrap_used, missing_docs)]

mod connections;
mod gate;
mod http;
mod merging;
mod monitors;
mod neighbours;
mod nodes;
mod restart;
mod strategies;
mod svg;
mod tls;
mod waiting;

use std::{fmt::Write as _, fs, time::Duration};

/// Median, 99th percentile, in milliseconds.
pub fn quantiles(mut samples: Vec<Duration>) -> (f64, f64) {
    samples.sort();
    let at = |q: f64| samples[((samples.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e3;
    (at(0.5), at(0.99))
}

fn main() {
    // `cargo test --benches` and `cargo bench -- --list` ask for other things.
    if std::env::args().any(|arg| arg == "--list" || arg == "--test") {
        return;
    }
    let wanted = wanted();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut report =
        String::from("# Figures\n\nMade by `cargo bench --bench figures`; see there for what is measured and how.\n");
    runtime.block_on(async {
        if is_wanted("latency") {
            latency(&mut report).await;
        }
        if is_wanted("throughput") {
            throughput(&mut report).await;
        }
        if is_wanted("restart") {
            restart::measure(&mut report).await;
        }
        if is_wanted("gate") {
            gate::measure(&mut report).await;
        }
        if is_wanted("tls") {
            tls::measure(&mut report).await;
        }
        if is_wanted("connections") {
            connections::measure(&mut report).await;
        }
        if is_wanted("waiting") {
            waiting::measure(&mut report).await;
        }
        if is_wanted("monitors") {
            monitors::measure(&mut report).await;
        }
        // So many nodes are more than most machines want to run by the way.
        if wanted.iter().any(|name| name == "strategies") {
            strategies::measure(&mut report).await;
        }
    });
    if is_wanted("merging") {
        merging::measure(&mut report);
    }
    println!("{report}");
    if wanted.is_empty() {
        report.push_str(include_str!("remains.md"));
        fs::create_dir_all("docs").unwrap();
        fs::write("docs/figures.md", &report).unwrap();
    }
}

async fn latency(report: &mut String) {
    let rounds = 400;
    let mut rows = vec![("Forewarn, 3 nodes", quantiles(nodes::latency(rounds).await))];
    match neighbours::etcd_latency(rounds).await {
        Some(samples) => rows.push(("etcd, 3 members", quantiles(samples))),
        None => report.push_str("\netcd is not installed: left out.\n"),
    }
    match neighbours::redis_latency(rounds).await {
        Some(samples) => rows.push(("Redis, appendfsync always", quantiles(samples))),
        None => report.push_str("\nRedis is not installed: left out.\n"),
    }
    report.push_str("\n## From a durable submission to the last of three having it\n\n| | median ms | p99 ms | median, ratio |\n|---|---|---|---|\n");
    for (name, (median, p99)) in &rows {
        writeln!(report, "| {name} | {median:.2} | {p99:.2} | {:.2} |", median / rows[0].1.0).unwrap();
    }
    let bars: Vec<(String, f64)> = rows.iter().map(|(name, (median, _))| ((*name).to_owned(), *median)).collect();
    picture("latency", &svg::bars("Submission to the last of three, median ms", &bars));
}

async fn throughput(report: &mut String) {
    let mut bars = Vec::new();
    for members in [1, 3] {
        let title = if members == 1 {
            "by itself"
        } else {
            "of a farm of three (etcd: the leader or a follower of three members, as it comes)"
        };
        write!(report, "\n## Durable submissions per second on one node {title}, over HTTP with keep-alive\n\n\
            | submitters | Forewarn per s | median ms | p99 ms | CPU µs each | etcd's gateway per s | median ms | p99 ms | CPU µs each | per s, ratio | CPU, ratio |\n\
            |---|---|---|---|---|---|---|---|---|---|---|\n").unwrap();
        for submitters in [1, 16, 128] {
            let own = nodes::throughput(submitters, members).await;
            let etcd = neighbours::etcd_throughput(submitters, members).await;
            if members == 1 {
                bars.push((format!("Forewarn, {submitters}"), own.per_second));
            }
            match etcd {
                Some(etcd) => {
                    if members == 1 {
                        bars.push((format!("etcd, {submitters}"), etcd.per_second));
                    }
                    writeln!(
                        report,
                        "| {submitters} | {own} | {etcd} | {:.2} | {:.2} |",
                        own.per_second / etcd.per_second,
                        own.cpu / etcd.cpu
                    )
                    .unwrap();
                }
                None => writeln!(report, "| {submitters} | {own} | – | – | – | – | – | – |").unwrap(),
            }
        }
    }
    picture("throughput", &svg::bars("Durable submissions per second, by submitters", &bars));
}

/// What so many submitters came to.
pub struct Throughput {
    /// Submissions per second.
    pub per_second: f64,
    /// How long one took, median and 99th percentile, in milliseconds.
    pub took: (f64, f64),
    /// CPU time of all nodes for each, in microseconds.
    pub cpu: f64,
}

impl std::fmt::Display for Throughput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} | {:.2} | {:.2} | {:.0}", self.per_second, self.took.0, self.took.1, self.cpu)
    }
}

/// Draws a picture, if all of them are drawn: a part of a run is for whoever looks at it.
pub fn picture(name: &str, svg: &str) {
    if wanted().is_empty() {
        fs::create_dir_all("docs").unwrap();
        fs::write(format!("docs/{name}.svg"), svg).unwrap();
    }
}

/// The parts that were asked for by name; all if there are none.
fn wanted() -> Vec<String> {
    std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect()
}
