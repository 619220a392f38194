//! A sync fails, and then the power: what was acknowledged before and after must be on the disk.
//!
//! `strace` lets the n-th `fdatasync`, `fsync` or `sync_file_range` of each thread fail with EIO, for one n
//! after the other, until something has failed. The node keeps beside its store what a disk would hold
//! (`src/store/disk.rs`): what was synced, less the pages that a failed sync has lost, which the kernel
//! takes for written from then on. Then the power goes: the store is replaced by what the disk holds,
//! and a node starts on it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    book::{Book, poll},
    support::{Farm, FarmBuilder, Node, has_strace, wait::poll_until},
};

const SYNCS: [&str; 3] = ["fdatasync", "fsync", "sync_file_range"];

/// The first so many calls of a thread are tried.
const CALLS: usize = 5;

/// A node that may write where the platter is, which is outside of its folder.
fn alone() -> FarmBuilder {
    Farm::new(1).node("sandbox = \"off\"")
}

/// A node whose syncs fail.
struct Failing<'a> {
    farm: &'a Farm,
    trace: PathBuf,
    book: Book,
    ids: Vec<String>,
}

impl Failing<'_> {
    fn node(&self) -> &Node {
        &self.farm[0]
    }

    /// Whether a sync has failed. Then no other does: sled's threads come and go, and each would fail once.
    fn has_failed(&self) -> bool {
        let failed = fs::read_to_string(&self.trace).is_ok_and(|trace| trace.contains("INJECTED"));
        if failed && self.node().is_running() {
            let status = fs::read_to_string(format!("/proc/{}/status", self.node().pid())).unwrap();
            let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")?.trim().parse().ok());
            if let Some(tracer) = tracer.and_then(Pid::from_raw) {
                kill_process(tracer, Signal::KILL).ok();
            }
        }
        failed
    }

    /// Says something until it is acknowledged.
    async fn say(&mut self) {
        let mut said = self.book.next();
        // over several pages: a page that a failed sync has lost is written again by what goes on in it
        said["message"] = "x".repeat(2_000).into();
        let taken = async || {
            let reply = self.node().try_submit(&said).await;
            self.has_failed();
            reply.is_ok_and(|reply| reply.status < 300)
        };
        assert!(poll(taken).await, "{said} is not taken\n{}", self.node().log_end());
        self.ids.push(said["id"].as_str().unwrap().to_owned());
    }

    async fn say_much(&mut self) {
        for _ in 0..3 {
            self.say().await;
        }
    }

    /// The power goes, and comes again.
    async fn power_cut(&self, platter: &Path) {
        let node = self.node();
        node.kill9().await;
        node.set_wrapper(&[]);
        node.set_env("FOREWARN_PLATTER", "");
        let disk = platter.join("disk").join(node.data.strip_prefix("/").unwrap());
        fs::remove_dir_all(&node.data).unwrap();
        assert!(disk.exists(), "nothing was ever synced");
        fs::rename(&disk, &node.data).unwrap();
        node.restart().await;
        for id in &self.ids {
            let reply = node.get(&format!("/api/v1/notifications/{id}")).await;
            assert_eq!(reply.status, 200, "{id} is lost, which was acknowledged; {:?}\n{}", self.ids, node.log_end());
        }
        let log = node.log();
        assert!(!log.contains("store_damaged"), "{}", node.log_end());
    }
}

/// One case. False if the call was never made, so that nothing has failed.
async fn fail(sync: &str, call: usize, dies: bool) -> bool {
    let farm = alone().build().await;
    let node = &farm[0];
    let platter = farm.folder.path().join("platter");
    let trace = farm.folder.path().join("trace");
    // The failure comes late, when a flush already waits for it and must be woken.
    let inject = format!("inject={sync}:error=EIO:delay_enter=100ms:when={call}");
    node.set_env("FOREWARN_PLATTER", platter.to_str().unwrap());
    let wrapper = [
        "strace",
        "-D",
        "-f",
        "-q",
        "-I2",
        "-o",
        trace.to_str().unwrap(),
        "-e",
        &format!("trace={sync}"),
        "-e",
        &inject,
    ];
    node.set_wrapper(&wrapper);
    node.start();
    let mut failing = Failing { farm: &farm, trace, book: Book::default(), ids: Vec::new() };
    poll_until("it is ready, or has ended", async || {
        failing.has_failed();
        !node.is_running() || node.phase().await.is_some_and(|(status, _)| status == 200)
    })
    .await;
    if node.is_running() {
        failing.say_much().await;
        failing.say_much().await;
    }
    let failed = failing.has_failed();
    if dies || !node.is_running() {
        // another process starts on what the page cache holds
        node.kill9().await;
        node.set_wrapper(&[]);
        node.restart().await;
        failing.say_much().await;
    }
    failing.power_cut(&platter).await;
    failed
}

#[tokio::test]
async fn what_is_acknowledged_around_a_failed_sync_survives_a_power_cut() {
    if !has_strace() {
        return;
    }
    for sync in SYNCS {
        let mut failed = 0;
        for call in 1..=CALLS {
            for dies in [false, true] {
                eprintln!("· {sync} {call}{}", if dies { ", and the process dies" } else { "" });
                failed += usize::from(fail(sync, call, dies).await);
            }
        }
        assert!(failed > 2, "{sync} has failed {failed} times only");
    }
}

/// Without a failed sync a power cut costs nothing either.
#[tokio::test]
async fn what_is_acknowledged_survives_a_power_cut() {
    let farm = alone().build().await;
    let platter = farm.folder.path().join("platter");
    farm[0].set_env("FOREWARN_PLATTER", platter.to_str().unwrap());
    farm[0].restart().await;
    let mut running = Failing { farm: &farm, trace: PathBuf::new(), book: Book::default(), ids: Vec::new() };
    for _ in 0..5 {
        running.say_much().await;
    }
    let before: Value = farm[0].get("/api/v1/availability").await.json();
    running.power_cut(&platter).await;
    assert_eq!(farm[0].get("/api/v1/availability").await.json(), before);
}
