//! Restart to ready with 100,000 entries in the ledger and 10,000 pending.

use std::{
    fmt::Write as _,
    fs,
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};

use forewarn::{
    availability::{Author, Entry, Moment, Name, NodeId, Submission},
    clock,
    store::{Options, Store, records},
    sync::{Change, PendingRow, QueueKey},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    http::port,
    nodes::{Node, config, ready},
};

/// Entries that do not replace each other: closings of many applications for many kinds of requests.
pub fn entries(from: usize, count: usize) -> Vec<Arc<Entry>> {
    let node: Name = "n0".parse().unwrap();
    let start = clock::now().millis() - 3_600_000;
    let make = |at: usize| {
        let submission = Submission::parse(&json!({
            "targets": [format!("application:app-{}", at % 2_000)],
            "status": "unavailable",
            "reason": "unplanned-outage",
            "message": "The disk of the store is full; we are making room.",
            "criteria": {"paths": [format!("/part-{}/*", at / 2_000)]},
        }));
        let time = Moment::from_millis(start + at as i64);
        let made =
            submission.unwrap().statement(Uuid::from_u128(at as u128 + 1), time, &Author::operator("alice"), &node);
        Entry::stamped(made, 0, NodeId(Uuid::from_u128(7)))
    };
    (from..from + count).map(make).collect()
}

pub async fn measure(report: &mut String) {
    report.push_str(
        "\n## Restart to ready\n\n| ledger | pending | ms | resident MiB | bytes per entry |\n|---|---|---|---|---|\n",
    );
    let mut empty = 0.0;
    for (ledger, pending) in [(0, 0), (10_000, 1_000), (100_000, 10_000)] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("n0");
        fill(&data, ledger, pending);
        let (control, gate) = (format!("127.0.0.1:{}", port()), format!("127.0.0.1:{}", port()));
        let file = folder.path().join("n0.toml");
        fs::write(&file, config("n0", &data.display().to_string(), &control, &gate, "")).unwrap();
        let begun = Instant::now();
        let process = Command::new(env!("CARGO_BIN_EXE_forewarn"))
            .args(["serve", "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let node = Node { process, control: control.clone(), gate };
        ready(&control).await;
        let took = begun.elapsed().as_millis();
        let resident = resident(node.process.id());
        if ledger == 0 {
            empty = resident;
        }
        let each = if ledger == 0 {
            "–".to_owned()
        } else {
            format!("{:.0}", (resident - empty) / (ledger + pending) as f64)
        };
        writeln!(report, "| {ledger} | {pending} | {took} | {:.0} | {each} |", resident / 1_048_576.0).unwrap();
    }
    report.push_str("\nBytes per entry: resident memory beyond that of an empty node, what reading the store has left behind included.\n");
}

fn fill(data: &std::path::Path, ledger: usize, pending: usize) {
    let store = Store::open(data, Options::default()).unwrap();
    let admitted = entries(0, ledger).into_iter().map(Change::Admit);
    let queued = entries(ledger, pending).into_iter().map(|entry| {
        Change::Queue(
            QueueKey::new(entry.notification.priority, entry.stamp),
            PendingRow { entry, initial: NodeId(Uuid::from_u128(7)), share: None },
        )
    });
    let changes: Vec<Change> = admitted.chain(queued).collect();
    for group in changes.chunks(2_000) {
        let mut writes = Vec::new();
        group.iter().for_each(|change| records::encode(change, &mut writes));
        store.write_sync(writes).unwrap();
    }
}

/// Resident memory of a process, in bytes.
pub fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() * 1024.0
}
