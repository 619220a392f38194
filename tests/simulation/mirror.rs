//! Every drop and every verdict of every node against the naive reference, at each step that
//! changes its ledger.
//!
//! A node's mirror is the plain set of all that it has ever applied, and L: nothing is dropped from
//! it, nothing is indexed. It is fed by what leaves the inbox, not by what the ledger says of it, so
//! that an entry which is wrongly admitted, refused, kept or dropped shows in the same step.
//!
//! What must stay true: after every commit the ledger on disk is what the dropping rule leaves of the
//! mirror; verdicts by the ledger, by the mirror, and by the mirror with the dead taken out are the
//! same. Verdicts are asked of the applications that a change touches: every kind of request now, and
//! some around the instants at which the words in question begin, end and lapse; once in a while all
//! of them at all of these instants.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use forewarn::{
    availability::{
        Entry, Ledger, Moment, Stamp, Target, Weighed,
        verdict::{Definition, Use, View},
    },
    sync::Change,
};

use crate::{
    disk::Rows,
    naive::{Application, Ask, Outcome},
    node::LAPSE,
    rng::Rng,
    workload::{ASKS, applications},
    world::World,
};

/// So many of a thousand changes are followed by asking everything.
const WHOLE: u64 = 15;
/// So many instants are tried beside now.
const SAMPLES: usize = 4;

/// What a commit did to a ledger.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    /// L has grown, or everything was read from the disk.
    pub all: bool,
    pub entries: Vec<Arc<Entry>>,
}

impl Touched {
    /// Of these changes, which are about to be made to these rows.
    pub fn by(changes: &[Change], rows: &Rows) -> Self {
        let mut touched = Self::default();
        for change in changes {
            match change {
                Change::Unqueue(key) => touched.entries.extend(rows.pending.get(key).map(|row| Arc::clone(&row.entry))),
                Change::Admit(entry) => touched.entries.push(Arc::clone(entry)),
                Change::Drop(stamp) => touched.entries.extend(rows.ledger.get(stamp).cloned()),
                Change::Limit(_) => touched.all = true,
                _ => {}
            }
        }
        touched
    }

    pub fn is_nothing(&self) -> bool {
        !self.all && self.entries.is_empty()
    }

    pub fn and(&mut self, more: Self) {
        self.all |= more.all;
        self.entries.extend(more.entries);
    }
}

/// When what an entry says may begin, end or lapse, and the instants beside.
fn around(entry: &Arc<Entry>) -> impl Iterator<Item = i64> + use<> {
    let n = &entry.notification;
    let stamp = entry.stamp.time.millis();
    let ends = [n.goes_down_at, n.expected_back_at].into_iter().flatten().map(Moment::millis);
    ends.chain([stamp, stamp + LAPSE as i64]).flat_map(|instant| [instant - 1, instant, instant + 1])
}

/// Half of the samples from all of these instants.
fn some<I: Iterator<Item = i64>>(dice: &mut Rng, all: impl Fn() -> I) -> Vec<i64> {
    let count = all().count();
    (0..SAMPLES / 2).filter(|_| count > 0).filter_map(|_| all().nth(dice.below(count))).collect()
}

impl World {
    /// Every drop: the ledger on disk is what the rule leaves.
    pub fn check_drops(&mut self, at: usize) {
        let node = &self.nodes[at];
        let (mirror, rows) = (&node.disk.mirror, &node.disk.latest);
        assert_eq!(
            rows.limit.millis(),
            mirror.limit(),
            "{}: L is the greatest stamp time that it has heard of",
            node.name
        );
        let retained = mirror.retained();
        let stamps = |entries: &[Arc<Entry>]| entries.iter().map(|entry| entry.stamp).collect::<Vec<Stamp>>();
        assert!(
            retained.iter().eq(rows.ledger.values()),
            "{}: the rule leaves {:?}, the ledger has {:?}",
            node.name,
            stamps(&retained),
            rows.ledger.keys().collect::<Vec<_>>()
        );
        self.count("ledgers compared with the naive one");
    }

    /// Every verdict that what has happened since the last call may have changed.
    pub fn check_verdicts(&mut self, at: usize) {
        let Some(running) = &mut self.nodes[at].running else { return };
        let touched = std::mem::take(&mut running.touched);
        if touched.is_nothing() {
            return;
        }
        let whole = self.dice.chance(WHOLE);
        let node = &self.nodes[at];
        let Some(replica) = node.replica() else { return };
        let (rows, mirror, ledger) = (&node.disk.latest, &node.disk.mirror, replica.ledger());
        assert!(ledger.iter().eq(rows.ledger.values()), "{}: ledger in memory and on disk", node.name);
        let without_dead = mirror.only(rows.ledger.values());
        let now = node.wall(self.time).millis();
        let old = || rows.applied.values().flat_map(around);
        let chosen: Vec<i64> = if whole {
            old().collect()
        } else {
            let new = || touched.entries.iter().flat_map(around);
            let mut chosen = some(&mut self.dice, new);
            chosen.extend(some(&mut self.dice, old));
            chosen
        };
        let mut verdicts = 0;
        for application in applications() {
            let on = |target: &Target| {
                *target == Target::System
                    || *target == application.name
                    || application.uses.iter().any(|(r, _)| r == target)
            };
            if !touched.all && !whole && !touched.entries.iter().any(|entry| entry.notification.targets.iter().any(on))
            {
                continue;
            }
            let seen = Seen::of(ledger, &application);
            let (about, about_living) = (mirror.about(&application), without_dead.about(&application));
            let expected = ASKS.map(|ask| (about.asked(&ask), about_living.asked(&ask)));
            let mut check = |weighed: &Weighed, number: usize, now: i64| {
                let (ask, (asked, asked_living)) = (&ASKS[number], &expected[number]);
                let expected = asked.verdict(now);
                let who = || format!("{}: {:?}, {ask:?} at {now}", node.name, application.name);
                assert_eq!(outcome(weighed, ask), expected, "the verdict is not the naive one, {}", who());
                assert_eq!(asked_living.verdict(now), expected, "dropping has changed a verdict, {}", who());
                verdicts += 1;
            };
            let weighed_now = seen.weighed(now);
            (0..ASKS.len()).for_each(|ask| check(&weighed_now, ask, now));
            for instant in &chosen {
                let (one, weighed) = (self.dice.below(ASKS.len()), seen.weighed(*instant));
                (0..ASKS.len()).filter(|ask| whole || *ask == one).for_each(|ask| check(&weighed, ask, *instant));
            }
            let upcoming: Vec<Stamp> = weighed_now.upcoming().iter().map(|entry| entry.stamp).collect();
            assert_eq!(
                upcoming,
                mirror.upcoming(&application, now),
                "{}: plans for {:?} at {now}",
                node.name,
                application.name
            );
        }
        *self.counts.entry("verdicts compared with the naive one").or_default() += verdicts;
        if whole {
            self.count("ledgers of which everything was asked");
        }
    }
}

/// One application as a node's ledger has it.
pub struct Seen {
    limit: Moment,
    view: View,
    weighed: RefCell<Vec<Rc<Weighed>>>,
}

impl Seen {
    pub fn of(ledger: &Ledger, application: &Application) -> Self {
        let name = |target: &Target| match target {
            Target::Application(name) | Target::Resource(name) => name.clone(),
            Target::System => unreachable!("has no name"),
        };
        let uses = application.uses.iter().map(|(resource, agree)| Use { resource: name(resource), agree: *agree });
        let definition = Definition { name: name(&application.name), uses: uses.collect(), agree: application.agree };
        Self { limit: ledger.limit(), view: View::of(ledger, &definition), weighed: RefCell::default() }
    }

    /// What it has at this instant. As at the gate, it is weighed anew only when what was weighed before does not hold.
    pub fn weighed(&self, now: i64) -> Rc<Weighed> {
        let clock = self.view.rules.clock(Moment::from_millis(now), self.limit);
        let mut weighed = self.weighed.borrow_mut();
        if let Some(known) = weighed.iter().find(|known| known.holds_at(clock)) {
            return Rc::clone(known);
        }
        weighed.push(Rc::new(self.view.weigh(clock)));
        Rc::clone(&weighed[weighed.len() - 1])
    }
}

/// The verdict, as the naive reference words it.
pub fn outcome(weighed: &Weighed, ask: &Ask) -> Outcome {
    let verdict = weighed.decide(&ask.facts());
    Outcome {
        causes: verdict.causes.iter().map(|c| (c.target.clone(), c.entry.stamp, c.since.millis())).collect(),
        since: verdict.since().map(Moment::millis),
        back: verdict.expected_back_at().map(Moment::millis),
        advisories: verdict.advisories.iter().map(|c| (c.target.clone(), c.entry.stamp)).collect(),
    }
}
