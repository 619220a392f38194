//! Figures, against real neighbours in the same run: `cargo bench --bench figures`.
//!
//! | what | against |
//! |---|---|
//! | durable submission to the last of three nodes having applied it | etcd of three members (put to last watcher), Redis with `appendfsync always` (publish to last subscriber) |
//! | durable submissions per second, 1, 16 and 128 submitters over HTTP with keep-alive | etcd's puts through its own HTTP gateway |
//! | restart to ready with 100,000 entries and 10,000 pending; memory per entry | |
//! | bytes and time of a merge against size and differences | |
//!
//! Wall-clock figures on a shared machine mean little by themselves; the ratios of one run say more.
//! etcd and Redis (Debian: etcd-server, redis-server) are skipped, and said to be, where they are not
//! installed. Results go to `docs/figures.md` and `docs/*.svg`.

#![allow(clippy::unwrap_used, missing_docs)]

mod http;
mod merging;
mod neighbours;
mod nodes;
mod restart;
mod svg;

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
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut report = String::from("# Figures\n\nMade by `cargo bench --bench figures`; see there for what is measured and how.\n");
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
    });
    if is_wanted("merging") {
        merging::measure(&mut report);
    }
    println!("{report}");
    if wanted.is_empty() {
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
    fs::create_dir_all("docs").unwrap();
    fs::write("docs/latency.svg", svg::bars("Submission to the last of three, median ms", &bars)).unwrap();
}

async fn throughput(report: &mut String) {
    report.push_str("\n## Durable submissions per second on one node, over HTTP with keep-alive\n\n| submitters | Forewarn | CPU µs each | etcd's gateway | CPU µs each | ratio |\n|---|---|---|---|---|---|\n");
    let mut bars = Vec::new();
    for submitters in [1, 16, 128] {
        let (own, own_cpu) = nodes::throughput(submitters).await;
        let etcd = neighbours::etcd_throughput(submitters).await;
        bars.push((format!("Forewarn, {submitters}"), own));
        match etcd {
            Some((puts, cpu)) => {
                bars.push((format!("etcd, {submitters}"), puts));
                writeln!(report, "| {submitters} | {own:.0} | {own_cpu:.0} | {puts:.0} | {cpu:.0} | {:.2} |", own / puts).unwrap();
            }
            None => writeln!(report, "| {submitters} | {own:.0} | {own_cpu:.0} | – | – | – |").unwrap(),
        }
    }
    fs::write("docs/throughput.svg", svg::bars("Durable submissions per second, by submitters", &bars)).unwrap();
}
