//! Monitors: one on each node of some farms, of which the targets flap until peace comes. Machine, voice and survey are
//! those that ship (`forewarn::monitor`); here is what the shell does around them (`actors/monitor`): it checks, hands
//! in, tries again, and begins anew after a crash. A node may return without its monitor: the word is taken back.
//!
//! In the end every monitor sees what is so, and its word stands on all nodes exactly if it has closed.

use std::time::Duration;

use forewarn::{
    availability::{Author, Ledger, Reasons, Word},
    monitor::{
        Check, Claim, FarmCheck, Finding, Health, Known, Machine, Orphan, Scope, Speak, Statement, TcpCheck, Voice,
        Watch, survey,
    },
    sync::{Submit, SubmitRefusal, Taken},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    node::{self, LAPSE},
    rng::Rng,
    workload::targets,
    world::{Event, World},
};

/// Between two checks, in milliseconds.
const EVERY: u64 = 2_000;
/// As in the shell: between two looks whether the word stands.
const VERIFY: Duration = Duration::from_secs(1);
/// Between two repeats of a word that does not stand.
const AGAIN: Duration = Duration::from_secs(60);

/// All monitors of a farm.
#[derive(Debug, Clone)]
pub struct Monitors {
    rng: Rng,
    all: Vec<Monitor>,
    /// Targets do not flap any more.
    steady: bool,
    /// Peace has not come before damped monitors have opened, which takes five minutes.
    until_calm: bool,
}

impl Default for Monitors {
    fn default() -> Self {
        Self { rng: Rng::new(0), all: Vec::new(), steady: false, until_calm: false }
    }
}

/// The monitor of a node.
#[derive(Debug, Clone)]
struct Monitor {
    voice: Voice,
    watch: Watch,
    /// What it watches is bad at the moment.
    is_bad: bool,
    /// It is not in the configuration any more.
    removed: bool,
    now: Option<Run>,
}

/// What it knows while its node runs.
#[derive(Debug, Clone)]
struct Run {
    /// Of the node.
    run: u64,
    machine: Machine,
    unsaid: Option<Unsaid>,
    /// It is handed in, and not answered yet.
    on_its_way: bool,
    verify_at: Duration,
    was_damped: bool,
}

/// What the node has not taken yet.
#[derive(Debug, Clone)]
struct Unsaid {
    id: Uuid,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Word(Speak),
    TakeBack(Orphan),
}

/// In some farms every node has a monitor. Chance comes from a generator of their own: other farms stay as they were.
pub fn draw(world: &mut World, seed: u64) {
    if seed / 8 % 20 != 1 {
        return;
    }
    let mut rng = Rng::new(seed ^ 0x0030_7175);
    let count = world.nodes.len();
    world.monitors.until_calm = rng.chance(30);
    world.monitors.all = world.nodes.iter().enumerate().map(|(at, node)| monitor(at, node)).collect();
    world.monitors.rng = rng;
    for node in 0..count {
        world.after(5_000 + 300 * node as u64, Event::Check { node });
    }
    if count >= 5 {
        world.count("farms of five nodes, with a monitor that flaps on each");
    }
}

/// Nodes 3 and 4 ask another farm, and are one reporter; of the others some speak for their own users only.
fn monitor(at: usize, node: &node::Node) -> Monitor {
    let check = match at {
        3 | 4 => Check::Farm(Box::new(FarmCheck {
            url: "http://partner.example/.forewarn/availability/mail".parse().unwrap(),
            events: "http://partner.example/.forewarn/events?application=mail".parse().unwrap(),
            roots: None,
            reasons: std::sync::Arc::new(Reasons::with([])),
        })),
        _ => Check::Tcp(TcpCheck { host: "127.0.0.1".to_owned(), port: 1 }),
    };
    let checks = [1, 2][at % 2].try_into().unwrap();
    let watch = Watch {
        name: "probe".parse().unwrap(),
        target: targets()[[1, 3, 1, 4, 4][at % 5]].clone(),
        check,
        upstream: None,
        scope: if at.is_multiple_of(3) { Scope::Node } else { Scope::Farm },
        reason: "unplanned-outage".parse().unwrap(),
        message: None,
        every: Duration::from_millis(EVERY),
        timeout: Duration::from_millis(EVERY),
        fail_after: checks,
        recover_after: checks,
        degraded_above: Some(Duration::from_millis(100)),
    };
    Monitor { voice: Voice::new(watch.clone(), node.name.clone()), watch, is_bad: false, removed: false, now: None }
}

impl Monitor {
    /// What a check finds; `dice` is chance.
    fn finding(&self, dice: u64) -> Finding {
        let is_partner = matches!(self.watch.check, Check::Farm(_));
        match (self.is_bad, dice % 10) {
            (_, 0) if is_partner => Finding::Away("The partner cannot be reached".to_owned()),
            (bad, _) if is_partner => {
                let claim = if bad { Claim::Unavailable } else { Claim::Available };
                Finding::Told(Statement { origins: vec!["b2".to_owned()], ..Statement::plain(claim, None) })
            }
            (_, 0) => Finding::Unknown("Too many open files".to_owned()),
            (true, n) => Finding::Bad(format!("Failure {n}")),
            (false, n) => Finding::Good { latency: Duration::from_millis(if n > 7 { 200 } else { 2 }) },
        }
    }
}

impl World {
    /// From now on what is watched is good or bad for good.
    pub fn steady_monitors(&mut self) {
        self.monitors.steady = true;
        for (at, monitor) in self.monitors.all.iter_mut().enumerate() {
            monitor.is_bad = at % 3 == 1 && !matches!(monitor.watch.check, Check::Farm(_));
        }
    }

    /// It is time for a check.
    pub fn check_target(&mut self, at: usize) {
        self.after(EVERY, Event::Check { node: at });
        let Some(run) = self.nodes[at].running.as_ref().filter(|running| running.ready).map(|running| running.run)
        else {
            return;
        };
        self.begin_monitor(at, run);
        let (now, steady) = (self.nodes[at].now(self.time), self.monitors.steady);
        let Monitors { rng, all, .. } = &mut self.monitors;
        let (turns, dice) = (rng.chance(400), rng.next());
        let monitor = &mut all[at];
        let Some(run) = &mut monitor.now else { return };
        if monitor.removed {
            let known = [];
            let Some(replica) = self.nodes[at].replica() else { return };
            let surveyed = survey(replica.ledger(), &self.nodes[at].name, &known);
            if let (Some(orphan), None) = (surveyed.orphans.into_iter().next(), &run.unsaid) {
                let id = monitor.voice.id(Uuid::from_u128(rng.u128()));
                run.unsaid = Some(Unsaid { id, what: What::TakeBack(orphan) });
            }
            return self.hand_word_in(at);
        }
        monitor.is_bad ^= turns && !steady;
        // In the end everything is seen as it is.
        let finding = monitor.finding(if steady { 1 } else { dice });
        let Some(run) = &mut monitor.now else { return };
        let had_word = run.machine.has_word();
        let spoken = run.machine.step(finding, now);
        let is_damped = run.machine.is_damped();
        let turned = std::mem::replace(&mut run.was_damped, is_damped) != is_damped;
        let repeats = spoken.as_ref().is_some_and(|speak| speak.since.is_some());
        match spoken {
            Some(speak) => {
                let id = monitor.voice.id(Uuid::from_u128(rng.u128()));
                run.unsaid = Some(Unsaid { id, what: What::Word(speak) });
            }
            None if had_word && run.unsaid.is_none() && now.mono >= run.verify_at => {
                let Some(replica) = self.nodes[at].replica() else { return };
                let stands = survey::stands(replica.ledger(), monitor.voice.known());
                run.verify_at = now.mono + if stands { VERIFY } else { AGAIN };
                if !stands {
                    run.machine.lost();
                    self.count("words of a monitor that were not in the ledger any more");
                }
            }
            None => {}
        }
        if turned {
            self.count(if is_damped { "monitors that were damped" } else { "damped monitors that opened" });
        }
        if repeats {
            self.count("words that a monitor repeated");
        }
        self.hand_word_in(at);
    }

    /// The first check of a run: what was said in an earlier one is taken up again.
    fn begin_monitor(&mut self, at: usize, run: u64) {
        let Monitors { rng, all, steady, .. } = &mut self.monitors;
        let monitor = &mut all[at];
        if monitor.now.as_ref().is_some_and(|now| now.run == run) {
            return;
        }
        let is_first = monitor.now.is_none();
        monitor.removed |= !is_first && !*steady && rng.chance(150);
        let Some(replica) = self.nodes[at].replica() else { return };
        let known = [monitor.voice.known().clone()];
        let mut surveyed = survey(replica.ledger(), &self.nodes[at].name, &known);
        let standing = surveyed.standing.remove(0);
        let takes_up = standing.is_some() && !monitor.removed;
        let machine = Machine::new(monitor.watch.thresholds(Duration::from_millis(LAPSE)), standing);
        let (on_its_way, verify_at) = (false, Duration::ZERO);
        monitor.now = Some(Run { run, machine, unsaid: None, on_its_way, verify_at, was_damped: false });
        if takes_up {
            self.count("words that a monitor took up again");
        }
    }

    /// Hands in what is unsaid, unless an answer is still to come.
    fn hand_word_in(&mut self, at: usize) {
        let wall = self.nodes[at].wall(self.time);
        let monitor = &mut self.monitors.all[at];
        let Some(run) = monitor.now.as_mut().filter(|run| !run.on_its_way) else { return };
        let Some(Unsaid { id, what }) = run.unsaid.clone() else { return };
        run.on_its_way = true;
        let (submission, author) = match &what {
            What::Word(speak) => (monitor.voice.submission(speak, id, wall).unwrap(), monitor.voice.author()),
            What::TakeBack(Orphan { target, reporter, criteria }) => {
                let opening = json!({"id": id, "targets": [target], "status": "available", "criteria": criteria});
                let source = monitor.watch.source();
                let author = Author { operator: None, source, reporter: Some(reporter.clone()) };
                (forewarn::availability::Submission::parse(&opening).unwrap(), author)
            }
        };
        self.submit(at, id, Some(id), |known| Submit { submission, author, id, known });
    }

    /// What has become of a monitor's word.
    pub fn word_answered(&mut self, at: usize, id: Uuid, result: &Result<Taken, SubmitRefusal>) {
        let Monitors { rng, all, .. } = &mut self.monitors;
        let monitor = &mut all[at];
        let Some(run) = &mut monitor.now else { return };
        run.on_its_way = false;
        let Some(unsaid) = run.unsaid.as_mut().filter(|unsaid| unsaid.id == id) else { return };
        match (result, &unsaid.what) {
            (Ok(taken), What::Word(speak)) => {
                if speak.since.is_none() {
                    run.machine.stamped(taken.entry.notification.timestamp);
                }
                run.unsaid = None;
                self.count("words of a monitor that were taken");
            }
            (Ok(_), What::TakeBack(_)) => {
                run.unsaid = None;
                self.count("words of a monitor that is gone, taken back");
            }
            // Tried again at the next check. It may have been taken only if the store did not answer, which is a crash here.
            (Err(_), _) => unsaid.id = monitor.voice.id(Uuid::from_u128(rng.u128())),
        }
    }

    /// What a monitor has not said, or has said in vain.
    pub fn monitors_unwell(&self) -> Option<String> {
        for (monitor, node) in self.monitors.all.iter().zip(&self.nodes) {
            if node.burned || node.absent {
                continue;
            }
            let (name, replica) = (&node.name, node.replica()?);
            let known = monitor.voice.known();
            let run = node.running.as_ref().map(|running| running.run);
            let Some(now) = monitor.now.as_ref().filter(|now| Some(now.run) == run) else {
                return Some(format!("the monitor of {name} has not begun"));
            };
            if now.unsaid.is_some() {
                return Some(format!("the monitor of {name} has not said {:?}", now.unsaid));
            }
            if monitor.removed {
                let orphans = survey(replica.ledger(), name, &[]).orphans;
                if !orphans.is_empty() {
                    return Some(format!("{name} has not taken back {orphans:?}"));
                }
                continue;
            }
            let wanted = if monitor.is_bad { Health::Down } else { Health::Up };
            let is_as_it_should =
                now.machine.health() == wanted || now.machine.is_damped() && !self.monitors.until_calm;
            if !is_as_it_should {
                return Some(format!("the monitor of {name} is {:?} instead of {wanted:?}", now.machine.health()));
            }
            // Nodes that ask another farm are one reporter: one of them may still hold on to what another has lifted. A
            // word that its node has lost with its disk, and hears of after the monitor has begun, ends with its lapse.
            let is_alone = !matches!(monitor.watch.check, Check::Farm(_));
            if !is_alone && self.is_told_for_nothing(node, replica.ledger(), known) {
                return Some(format!(
                    "a word of the monitor of {name} stands that none of the partner's monitors holds"
                ));
            }
            if is_alone && survey::stands(replica.ledger(), known) != now.machine.closes() {
                return Some(format!(
                    "{name}: its monitor has closed: {}, but not in the ledger",
                    now.machine.closes()
                ));
            }
        }
        None
    }

    /// Whether a word about the partner stands, has not lapsed, and no monitor of the partner holds it.
    fn is_told_for_nothing(&self, node: &node::Node, ledger: &Ledger, known: &Known) -> bool {
        let now = node.wall(self.time).millis();
        let words = ledger.words(&known.target).into_iter().flat_map(|words| words.of(&known.reporter));
        let is_lapsed = |word: &Word| word.stamp().time.millis() + (LAPSE as i64) < now;
        let holds = |monitor: &Monitor| {
            let is_partners = matches!(monitor.watch.check, Check::Farm(_));
            is_partners && monitor.now.as_ref().is_some_and(|now| now.machine.closes())
        };
        survey::stands(ledger, known)
            && words.filter(|word| word.criteria() == known.scope.as_ref()).any(|word| !is_lapsed(word))
            && !self.monitors.all.iter().any(holds)
    }

    /// The end: monitors are right, and every ledger has their words.
    pub fn check_monitors(&self) {
        for (at, monitor) in self.monitors.all.iter().enumerate() {
            let node = &self.nodes[at];
            let Some(now) = monitor.now.as_ref().filter(|_| !(node.burned || node.absent || monitor.removed)) else {
                continue;
            };
            for other in self.nodes.iter().filter_map(|node| node.replica()) {
                let known = monitor.voice.known();
                match &monitor.watch.check {
                    Check::Farm(_) => assert!(
                        !self.is_told_for_nothing(node, other.ledger(), known),
                        "the partner is available, and {} was told so",
                        node.name
                    ),
                    _ => {
                        let stands = survey::stands(other.ledger(), known);
                        assert_eq!(stands, now.machine.closes(), "the word of {}'s monitor", node.name);
                    }
                }
            }
        }
    }
}
