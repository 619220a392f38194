//! What happens to a farm: its nodes die, stop and go on, lose each other, get wrong clocks, full disks and disks that
//! fail, and read their configuration again. Everything is healed again.

use std::{cell::Cell, collections::BTreeMap, fs, path::PathBuf, time::Duration};

use rustix::process::Signal;
use tokio::{sync::Mutex, time::sleep};

use super::{clients::Recorder, wires::Wires};
use crate::support::{Farm, chance::Chance, tmpfs::fill};

/// The most by which a clock is set wrong, in milliseconds: less than half of what the farm takes.
pub const SKEW: i64 = 20_000;

/// Becomes the program behind its name in place of the one that follows, with the arguments of that one.
const INSTEAD: &str = "shift; exec \"$0\" \"$@\"";

/// What is done to a farm, and how often it was done.
pub struct Trouble<'f> {
    pub farm: &'f Farm,
    pub recorder: &'f Recorder<'f>,
    pub wires: &'f Wires,
    /// A file that fills the disk, where the disk is small.
    pub ballast: Option<PathBuf>,
    pub counts: std::cell::RefCell<BTreeMap<&'static str, u32>>,
    /// A disk in trouble and a process that dies or starts are not tried together: it need not start then.
    disk: Mutex<()>,
    stop: Cell<bool>,
    /// `FOREWARN_OTHER_BINARY`: nodes are upgraded and downgraded, too.
    other: Option<String>,
}

/// The files by which a node is told that its clock is wrong and that its disk fails.
pub fn switches(farm: &Farm) {
    for node in &farm.nodes {
        node.set_env("FOREWARN_CLOCK_WRONG_BY", &format!("{}.clock", node.config.display()));
        node.set_env("FOREWARN_DISK_FAILS", &format!("{}.fails", node.config.display()));
    }
}

fn switch(farm: &Farm, node: usize, kind: &str) -> PathBuf {
    PathBuf::from(format!("{}.{kind}", farm[node].config.display()))
}

impl<'f> Trouble<'f> {
    pub fn new(farm: &'f Farm, recorder: &'f Recorder<'f>, wires: &'f Wires, ballast: Option<PathBuf>) -> Self {
        let (counts, disk, stop) = (std::cell::RefCell::default(), Mutex::new(()), Cell::new(false));
        let other = std::env::var("FOREWARN_OTHER_BINARY").ok();
        Self { farm, recorder, wires, ballast, counts, disk, stop, other }
    }

    fn count(&self, what: &'static str) {
        *self.counts.borrow_mut().entry(what).or_default() += 1;
    }

    pub fn stop(&self) {
        self.stop.set(true);
    }

    pub fn go_on(&self) {
        self.stop.set(false);
    }

    fn lives(&self, node: usize) {
        let life = &self.recorder.lives[node];
        life.set(life.get() + 1);
    }

    async fn started(&self, node: usize) {
        // another binary, an older one as a rule, takes turns with this build's
        if let Some(other) = &self.other {
            let is_its_turn = self.recorder.lives[node].get() % 4 == 1;
            self.count(if is_its_turn { "started as another version" } else { "started as this version" });
            let words = ["sh", "-c", INSTEAD, other];
            self.farm[node].set_wrapper(if is_its_turn { &words } else { &[] });
        }
        self.farm[node].start();
        self.farm[node].wait_ready().await;
        self.lives(node);
    }

    /// One process after the other is in trouble.
    pub async fn processes(&self, mut chance: Chance) {
        while !self.stop.get() {
            sleep(Duration::from_millis(100 + chance.below(700))).await;
            let node = chance.below(3) as usize;
            match chance.below(10) {
                0..=3 => {
                    let _one = self.disk.lock().await;
                    self.count("kill -9");
                    self.lives(node);
                    self.farm[node].kill9().await;
                    sleep(Duration::from_millis(chance.below(400))).await;
                    self.started(node).await;
                }
                4..=5 => {
                    let _one = self.disk.lock().await;
                    self.count("restart");
                    self.lives(node);
                    self.farm[node].terminate().await;
                    self.started(node).await;
                }
                6..=7 => {
                    self.count("pause");
                    self.farm[node].signal(Signal::STOP);
                    sleep(Duration::from_millis(100 + chance.below(1_400))).await;
                    self.farm[node].signal(Signal::CONT);
                }
                8 => {
                    self.count("reload");
                    self.farm[node].signal(Signal::HUP);
                }
                _ => {
                    let _one = self.disk.lock().await;
                    self.count("kill -9 of all");
                    for node in 0..3 {
                        self.lives(node);
                        self.farm[node].kill9().await;
                    }
                    self.farm.nodes.iter().for_each(crate::support::Node::start);
                    for node in 0..3 {
                        self.farm[node].wait_ready().await;
                        self.lives(node);
                    }
                }
            }
        }
    }

    /// Network, clocks and disks are in trouble.
    pub async fn surroundings(&self, mut chance: Chance) {
        while !self.stop.get() {
            sleep(Duration::from_millis(100 + chance.below(600))).await;
            let (node, other) = (chance.below(3) as usize, chance.below(2) as usize);
            let other = (node + 1 + other) % 3;
            match chance.below(10) {
                0..=2 => {
                    self.count("one alone");
                    self.wires.cut((0..3).flat_map(|other| [(node, other), (other, node)]));
                    sleep(Duration::from_millis(300 + chance.below(2_000))).await;
                    self.wires.heal();
                }
                3..=5 => {
                    self.count("one way cut");
                    self.wires.cut([(node, other)]);
                    sleep(Duration::from_millis(300 + chance.below(2_000))).await;
                    self.wires.heal();
                }
                6..=7 => {
                    self.count("clock step");
                    let wrong = chance.below(2 * SKEW as u64 + 1) as i64 - SKEW;
                    fs::write(switch(self.farm, node, "clock"), wrong.to_string()).unwrap();
                }
                8 => {
                    let _one = self.disk.lock().await;
                    self.count("failing disk");
                    let fails = switch(self.farm, node, "fails");
                    fs::write(&fails, "").unwrap();
                    sleep(Duration::from_millis(100 + chance.below(900))).await;
                    fs::remove_file(&fails).unwrap();
                }
                _ => {
                    let Some(ballast) = &self.ballast else { continue };
                    let _one = self.disk.lock().await;
                    self.count("full disk");
                    fill(ballast);
                    sleep(Duration::from_millis(200 + chance.below(1_500))).await;
                    fs::remove_file(ballast).unwrap();
                }
            }
        }
        self.wires.heal();
        for node in 0..3 {
            fs::write(switch(self.farm, node, "clock"), "0").unwrap();
        }
    }
}
