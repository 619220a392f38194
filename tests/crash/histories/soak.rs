//! Everything at once on a farm of three: submissions, monitors' words, kills, pauses, restarts, partitions, clocks that
//! are set, full and failing disks, configurations that are read again. In episodes: after each one everything is
//! healed, the nodes must come to agree, and the checker judges what all clients have seen.
//!
//! Half a minute as it is; `./tests/run --soak MINUTES` goes on for longer. `SOAK_SEED` repeats the troubles of a run
//! (what falls between them is up to the machine); `FOREWARN_OTHER_BINARY` names a program of another version that takes
//! turns with this one when nodes are started.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use super::{
    checker::check,
    clients::Recorder,
    history::Outcome,
    trouble::{SKEW, Trouble, switches},
    wires::Wires,
};
use crate::support::{Farm, chance::Chance, tmpfs::Tmpfs};

/// Of the default run.
const SECONDS: u64 = 25;
/// An episode.
const EPISODE: Duration = Duration::from_secs(10);
/// What a node may use at any time.
const MOST_MEMORY: u64 = 512 << 20;
const MOST_DESCRIPTORS: u64 = 1_000;
/// What all stores may use together.
const MOST_DISK: u64 = 300 << 20;
/// After so many episodes a farm has grown as far as it should: from then on memory and descriptors stay
/// what they are. A run of the default length does not come so far.
const SETTLED: u32 = 5;

/// What a farm uses.
#[derive(Debug, Clone, Copy, Default)]
struct Use {
    memory: u64,
    descriptors: u64,
    disk: u64,
}

impl Use {
    fn of(farm: &Farm) -> Self {
        let mut all = Self::default();
        for node in farm.nodes.iter().filter(|node| node.is_running()) {
            let place = format!("/proc/{}", node.pid());
            let status = fs::read_to_string(format!("{place}/status")).unwrap_or_default();
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().split(' ').next());
            all.memory =
                all.memory.max(resident.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) << 10);
            let descriptors = fs::read_dir(format!("{place}/fd")).map_or(0, Iterator::count);
            all.descriptors = all.descriptors.max(descriptors as u64);
        }
        all.disk = farm.nodes.iter().map(|node| size(&node.data)).sum();
        all
    }

    fn most(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            descriptors: self.descriptors.max(other.descriptors),
            disk: self.disk.max(other.disk),
        }
    }
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

#[tokio::test]
async fn everything_at_once() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(SECONDS, |seconds| seconds.parse().unwrap());
    let seed = std::env::var("SOAK_SEED").map_or_else(|_| forewarn::clock::random(), |seed| seed.parse().unwrap());
    eprintln!("SOAK_SEED={seed} seconds={seconds}");
    let mut chance = Chance::new(seed);
    let mounted_at = tempfile::tempdir().unwrap();
    let tmpfs = Tmpfs::mount(mounted_at.path(), "400m");
    let wires = Wires::new(3).await;
    let mut builder = Farm::new(3).merge("every = \"2s\"").node("reserve = \"64MiB\"");
    if let Some(tmpfs) = &tmpfs {
        builder = builder.data(&tmpfs.0);
    }
    let farm = wires.farm(builder, switches).await;
    let recorder = Recorder::new(&farm, SKEW + 100);
    let ballast = tmpfs.as_ref().map(|tmpfs| tmpfs.0.join("ballast"));
    let trouble = Trouble::new(&farm, &recorder, &wires, ballast);
    let began = Instant::now();
    let (mut most, mut episodes, mut taken, mut unknown, mut reads) = (Use::default(), 0_u32, 0, 0, 0);
    let (mut settled, mut last) = (None, Use::default());
    while began.elapsed() < Duration::from_secs(seconds) {
        recorder.begin_anew().await;
        recorder.stop.set(false);
        trouble.go_on();
        let watching = async {
            let until = Instant::now() + EPISODE;
            while Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(500)).await;
                most = most.most(Use::of(&farm));
            }
            trouble.stop();
            recorder.stop.set(true);
        };
        futures_util::join!(
            recorder.write(chance.part()),
            recorder.write(chance.part()),
            recorder.write(chance.part()),
            recorder.look(chance.part()),
            recorder.look(chance.part()),
            trouble.processes(chance.part()),
            trouble.surroundings(chance.part()),
            watching,
        );
        let end = recorder.end().await;
        let history = recorder.history.borrow();
        let faults = check(&history, Some(&end));
        assert!(faults.is_empty(), "SOAK_SEED={seed}, episode {episodes}: {faults:#?}");
        for node in &farm.nodes {
            assert!(!node.log().contains("panicked"), "{}\n{}", node.name, node.log_end());
        }
        episodes += 1;
        taken += history.submissions.iter().filter(|one| matches!(one.outcome, Outcome::Taken { .. })).count();
        unknown += history.submissions.iter().filter(|one| one.outcome == Outcome::Unknown).count();
        reads += history.reads.len();
        let now = Use::of(&farm);
        (settled, last) = (settled.or((episodes == SETTLED).then_some(now)), now);
        eprintln!(
            "{:>5} s  episode {episodes}: {taken} taken, {unknown} unknown, {reads} reads; \
             a node has at most {} MiB and {} descriptors, all stores {} MiB",
            began.elapsed().as_secs(),
            mib(now.memory),
            now.descriptors,
            mib(now.disk),
        );
    }
    eprintln!(
        "SOAK_SEED={seed}: {episodes} episodes, {taken} acknowledged, {unknown} unknown, {reads} reads, nothing wrong; \
         at most {} MiB and {} descriptors a node, {} MiB of stores; {:?}",
        mib(most.memory),
        most.descriptors,
        mib(most.disk),
        trouble.counts.borrow(),
    );
    assert!(most.memory < MOST_MEMORY, "a node had {} MiB", mib(most.memory));
    assert!(most.descriptors < MOST_DESCRIPTORS, "a node had {} descriptors", most.descriptors);
    assert!(most.disk < MOST_DISK, "the stores had {} MiB", mib(most.disk));
    if let Some(settled) = settled {
        assert!(last.memory < settled.memory * 3 / 2 + (32 << 20), "memory grows: {settled:?}, {last:?}");
        assert!(last.descriptors < settled.descriptors * 3 / 2 + 50, "descriptors grow: {settled:?}, {last:?}");
    }
    assert!(taken > 20 && reads > 100, "{taken} {reads}");
    assert!(wires.parted() > 0, "no cut has met a connection");
    drop(farm);
}
