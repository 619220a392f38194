//! When a monitor changes its word: rise, fall, slowness and damping.
//!
//! A pure machine. It is told what each check found and at what time, and answers with a word to submit,
//! or with nothing. It knows no probe, no network and no clock.
//!
//! What must stay true:
//! - A monitor speaks when its word changes, and repeats a standing word once every quarter of `lapse`, so that
//!   its word does not lapse while it lives. A repeat carries the beginning of the first word; it is not news.
//! - It never speaks before it has something to take back or to report: the first good checks say nothing.
//! - A monitor that keeps changing its mind keeps its closing until everything has been good for a while.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::{availability::Moment, sync::Now};

/// This many changes of mind within [`FLAP_WINDOW`] make a monitor hold on to its closing.
const FLAP_CHANGES: usize = 6;
/// How far back changes of mind count.
const FLAP_WINDOW: Duration = Duration::from_secs(10 * 60);
/// How long a damped monitor must find everything good before it opens again.
const CALM: Duration = Duration::from_secs(5 * 60);

/// What is said of a closing that is held on to.
pub const HELD: &str = "It changed too often: it stays closed until every check has been good for 5 minutes.";

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The check passed and took this long.
    Good {
        /// From the start of the check to its result.
        latency: Duration,
    },
    /// The check failed; the text says how, for people.
    Bad(String),
    /// Nothing can be said (the check itself could not be made): counts neither as good nor as bad.
    Unknown(String),
    /// Nothing was to be seen, for nobody asked. Unknown, but for a standing closing of the monitor itself: that
    /// keeps away what could show more, so it counts as good there.
    Silent(String),
    /// Another farm has told its own verdict. It is believed at once, without counting.
    Told(Statement),
}

/// What a statement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It can be used.
    Available,
    /// It can be used, but not as it should be.
    Degraded,
    /// It cannot be used.
    Unavailable,
}

/// What a monitor says of its target, beside since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Open, closed or open with an advisory.
    pub claim: Claim,
    /// The reason's name; absent: the monitor's own.
    pub reason: Option<String>,
    /// For users.
    pub message: Option<String>,
    /// When it should be back.
    pub expected_back_at: Option<Moment>,
    /// A closing that the monitor holds on to, because it has changed its mind too often.
    pub held: bool,
    /// The farms that it was derived from, the nearest first.
    pub origins: Vec<String>,
}

impl Statement {
    /// Nothing but a claim and a message.
    pub fn plain(claim: Claim, message: Option<String>) -> Self {
        Self { claim, reason: None, message, expected_back_at: None, held: false, origins: Vec::new() }
    }
}

/// How many checks it takes, and when a standing word is repeated.
#[derive(Debug, Clone)]
pub struct Thresholds {
    /// Bad checks in a row until the target counts as down.
    pub fail_after: NonZeroU32,
    /// Good checks in a row until it counts as up again.
    pub recover_after: NonZeroU32,
    /// A good check that takes longer is a slow one; absent: none is.
    pub degraded_above: Option<Duration>,
    /// A quarter of `farm.lapse`.
    pub repeat_every: Duration,
}

/// What a monitor sees at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Too few checks so far, or checks that say nothing.
    Unknown,
    /// Good.
    Up,
    /// Good, but slow.
    Slow,
    /// Bad.
    Down,
}

/// A word to submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speak {
    /// What it says.
    pub statement: Statement,
    /// The first word's time, on a repeat or an update of a standing word.
    pub since: Option<Moment>,
}

/// The word that stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What it says.
    pub statement: Statement,
    /// Since when.
    pub since: Moment,
}

/// See the module.
#[derive(Debug)]
pub struct Machine {
    thresholds: Thresholds,
    health: Health,
    /// Since when the health is what it is.
    health_since: Option<Moment>,
    detail: Option<String>,
    bad: u32,
    good: u32,
    slow: u32,
    fast: u32,
    /// Since when every check has been good, on the clock that never goes back.
    good_since: Option<Duration>,
    /// When it changed its mind, the latest last, [`FLAP_CHANGES`] at most.
    changes: VecDeque<Duration>,
    is_damped: bool,
    /// The standing closing says that it is held on to.
    told_damped: bool,
    standing: Option<Standing>,
    /// When the standing word was last said; absent: in an earlier run.
    said: Option<Duration>,
}

impl Machine {
    /// A monitor that begins to watch. `standing` is its own word in the ledger from an earlier run.
    pub fn new(thresholds: Thresholds, standing: Option<Standing>) -> Self {
        Self {
            thresholds,
            health: Health::Unknown,
            health_since: None,
            detail: None,
            bad: 0,
            good: 0,
            slow: 0,
            fast: 0,
            good_since: None,
            changes: VecDeque::new(),
            is_damped: false,
            told_damped: false,
            standing: standing.filter(|word| word.statement.claim != Claim::Available),
            said: None,
        }
    }

    /// What it sees.
    pub fn health(&self) -> Health {
        self.health
    }

    /// Since when.
    pub fn health_since(&self) -> Option<Moment> {
        self.health_since
    }

    /// What the latest bad or unknown check said, and whether the monitor is damped; for people.
    pub fn detail(&self) -> Option<String> {
        match (&self.detail, self.is_damped) {
            (Some(detail), true) => Some(format!("{detail}. {HELD}")),
            (None, true) => Some(HELD.to_owned()),
            (detail, false) => detail.clone(),
        }
    }

    /// Whether its word stands in the ledger, as far as it knows.
    pub fn has_word(&self) -> bool {
        self.standing.is_some()
    }

    /// The first word of a new claim got this time from the node that took it: repeats carry it.
    pub fn stamped(&mut self, at: Moment) {
        if let Some(word) = &mut self.standing {
            word.since = at;
        }
    }

    /// Its word is not in the ledger any more: an operator has opened the target, or it has lapsed. The next check
    /// that confirms the word repeats it. After an opening that is no news, and keeps the word's beginning known,
    /// so that a restart does not make it news.
    pub fn lost(&mut self) {
        self.said = None;
    }

    /// Takes what a check found; the word to submit, if there is one.
    pub fn step(&mut self, finding: Finding, now: Now) -> Option<Speak> {
        let wanted = match finding {
            Finding::Good { latency } => self.good(latency, now),
            Finding::Bad(detail) => self.bad(detail, now),
            Finding::Unknown(detail) => self.unknown(detail, now),
            Finding::Silent(_) if self.stands(Claim::Unavailable) => self.good(Duration::ZERO, now),
            Finding::Silent(detail) => self.unknown(detail, now),
            Finding::Told(statement) => Some(self.told(statement, now)),
        };
        match wanted {
            Some(statement) => self.say(statement, now),
            None => self.repeat(now),
        }
    }

    fn unknown(&mut self, detail: String, now: Now) -> Option<Statement> {
        self.detail = Some(detail);
        // Once something stands, it stands: what is not known changes no word.
        if self.standing.is_none() {
            self.turn(Health::Unknown, now);
        }
        None
    }

    fn good(&mut self, latency: Duration, now: Now) -> Option<Statement> {
        let is_slow = self.thresholds.degraded_above.is_some_and(|limit| latency > limit);
        let recover_after = self.thresholds.recover_after.get();
        self.bad = 0;
        self.good = self.good.saturating_add(1);
        self.slow = if is_slow { self.slow.saturating_add(1) } else { 0 };
        self.fast = if is_slow { 0 } else { self.fast.saturating_add(1) };
        self.good_since.get_or_insert(now.mono);
        if matches!(self.health, Health::Unknown | Health::Down) && self.good < recover_after {
            return None;
        }
        if self.health == Health::Down && !self.may_open(now) {
            return self.standing_with_detail();
        }
        if self.slow >= self.thresholds.fail_after.get() {
            let message = format!("Answers take {} ms.", latency.as_millis());
            self.detail = Some(message.clone());
            self.turn(Health::Slow, now);
            return Some(self.keep_or(Statement::plain(Claim::Degraded, Some(message))));
        }
        if (self.health == Health::Slow || self.stands(Claim::Degraded)) && self.fast < recover_after {
            return None;
        }
        self.detail = None;
        self.turn(Health::Up, now);
        Some(Statement::plain(Claim::Available, None))
    }

    /// Whether it may change from down to good. One change of mind too many damps it; a damped monitor opens
    /// when every check has been good for [`CALM`].
    fn may_open(&mut self, now: Now) -> bool {
        self.is_damped |= self.changes_lately(now) + 1 >= FLAP_CHANGES;
        let calm_since = self.good_since.unwrap_or(now.mono);
        if self.is_damped && now.mono.saturating_sub(calm_since) < CALM {
            return false;
        }
        if self.is_damped {
            (self.is_damped, self.told_damped) = (false, false);
            self.changes.clear();
        }
        true
    }

    /// The standing closing. Once for each damping it is told that it is held on to.
    fn standing_with_detail(&mut self) -> Option<Statement> {
        let standing = self.standing.as_ref()?.statement.clone();
        match std::mem::replace(&mut self.told_damped, true) {
            true => Some(standing),
            false => Some(Statement { held: true, ..standing }),
        }
    }

    fn stands(&self, claim: Claim) -> bool {
        self.standing.as_ref().is_some_and(|word| word.statement.claim == claim)
    }

    /// The standing statement, if it has the same claim: how a check fails, or how slow it is, differs from
    /// check to check, and is no reason to speak again.
    fn keep_or(&self, statement: Statement) -> Statement {
        let standing = self.standing.as_ref().filter(|word| word.statement.claim == statement.claim);
        standing.map_or(statement, |word| word.statement.clone())
    }

    fn bad(&mut self, detail: String, now: Now) -> Option<Statement> {
        (self.good, self.slow, self.fast) = (0, 0, 0);
        self.good_since = None;
        self.bad = self.bad.saturating_add(1);
        self.detail = Some(detail);
        if self.bad < self.thresholds.fail_after.get() {
            return None;
        }
        if self.changes_lately(now) + usize::from(self.health != Health::Down) >= FLAP_CHANGES {
            self.is_damped = true;
        }
        self.turn(Health::Down, now);
        if !self.stands(Claim::Unavailable) {
            self.told_damped = self.is_damped;
        }
        let held = self.is_damped;
        Some(self.keep_or(Statement { held, ..Statement::plain(Claim::Unavailable, self.detail.clone()) }))
    }

    fn told(&mut self, statement: Statement, now: Now) -> Statement {
        (self.bad, self.good, self.slow, self.fast) = (0, 0, 0, 0);
        self.detail = statement.message.clone();
        let health = match statement.claim {
            Claim::Available => Health::Up,
            Claim::Degraded => Health::Slow,
            Claim::Unavailable => Health::Down,
        };
        self.turn(health, now);
        statement
    }

    fn turn(&mut self, health: Health, now: Now) {
        if self.health == health {
            return;
        }
        // The first look is no change of mind; neither is becoming slow or fast.
        let is_change = self.health != Health::Unknown && (self.health == Health::Down) != (health == Health::Down);
        if is_change {
            self.changes.push_back(now.mono);
            if self.changes.len() > FLAP_CHANGES {
                self.changes.pop_front();
            }
        }
        self.health = health;
        self.health_since = Some(now.wall);
    }

    fn changes_lately(&self, now: Now) -> usize {
        self.changes.iter().filter(|at| now.mono.saturating_sub(**at) < FLAP_WINDOW).count()
    }

    /// Says this, unless it stands already and is not due for a repeat.
    fn say(&mut self, statement: Statement, now: Now) -> Option<Speak> {
        let since = match &self.standing {
            None if statement.claim == Claim::Available => return None,
            Some(word) if word.statement == statement => return self.repeat(now),
            // The same word with other details is no news.
            Some(word) if word.statement.claim == statement.claim => Some(word.since),
            _ => None,
        };
        self.said = Some(now.mono);
        self.standing = (statement.claim != Claim::Available)
            .then(|| Standing { statement: statement.clone(), since: since.unwrap_or(now.wall) });
        Some(Speak { statement, since })
    }

    /// Repeats a standing word that is due. A word of an earlier run is repeated as soon as a check confirms it.
    fn repeat(&mut self, now: Now) -> Option<Speak> {
        let word = self.standing.as_ref()?;
        let is_due = self.said.is_none_or(|said| now.mono.saturating_sub(said) >= self.thresholds.repeat_every);
        let is_confirmed = matches!(
            (word.statement.claim, self.health),
            (Claim::Unavailable, Health::Down) | (Claim::Degraded, Health::Slow)
        );
        if !is_due || !is_confirmed {
            return None;
        }
        self.said = Some(now.mono);
        Some(Speak { statement: word.statement.clone(), since: Some(word.since) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A monitor that checks once a second, and everything that it has said.
    struct Watch {
        machine: Machine,
        second: u64,
    }

    impl Watch {
        fn new(standing: Option<Standing>) -> Self {
            let thresholds = Thresholds {
                fail_after: NonZeroU32::new(3).unwrap(),
                recover_after: NonZeroU32::new(2).unwrap(),
                degraded_above: Some(Duration::from_millis(800)),
                repeat_every: Duration::from_secs(6 * 3600),
            };
            Self { machine: Machine::new(thresholds, standing), second: 0 }
        }

        fn now(&self) -> Now {
            Now { wall: at(self.second), mono: Duration::from_secs(self.second) }
        }

        /// The same finding so many times, a second apart.
        fn see(&mut self, finding: &Finding, times: u64) -> Vec<(u64, Speak)> {
            let mut said = Vec::new();
            for _ in 0..times {
                self.second += 1;
                let spoken = self.machine.step(finding.clone(), self.now());
                said.extend(spoken.map(|speak| (self.second, speak)));
            }
            said
        }
    }

    fn at(second: u64) -> Moment {
        Moment::ZERO.after(Duration::from_secs(1_000_000 + second))
    }

    fn good() -> Finding {
        Finding::Good { latency: Duration::from_millis(5) }
    }

    fn slow() -> Finding {
        Finding::Good { latency: Duration::from_millis(900) }
    }

    fn bad() -> Finding {
        Finding::Bad("answered 500".to_owned())
    }

    fn claims(said: &[(u64, Speak)]) -> Vec<(u64, Claim)> {
        said.iter().map(|(second, speak)| (*second, speak.statement.claim)).collect()
    }

    #[test]
    fn closes_after_three_bad_checks_and_opens_after_two_good_ones() {
        let mut watch = Watch::new(None);
        assert_eq!(watch.see(&good(), 10), [], "good from the start is nothing to report");
        assert_eq!(watch.see(&bad(), 2), []);
        assert_eq!(watch.see(&good(), 1), [], "two bad checks are not three");
        let closed = watch.see(&bad(), 10);
        assert_eq!(claims(&closed), [(16, Claim::Unavailable)]);
        assert_eq!(closed[0].1.statement.message.as_deref(), Some("answered 500"));
        assert_eq!(watch.machine.health_since(), Some(at(16)));
        assert_eq!(claims(&watch.see(&good(), 5)), [(25, Claim::Available)]);
        assert_eq!(watch.machine.detail(), None);
    }

    #[test]
    fn slow_answers_are_an_advisory_and_fast_ones_end_it() {
        let mut watch = Watch::new(None);
        watch.see(&good(), 3);
        assert_eq!(claims(&watch.see(&slow(), 5)), [(6, Claim::Degraded)]);
        assert_eq!(watch.machine.health(), Health::Slow);
        watch.see(&good(), 1);
        assert_eq!(watch.see(&slow(), 1), [], "one fast answer ends nothing");
        assert_eq!(claims(&watch.see(&good(), 3)), [(12, Claim::Available)]);
        watch.see(&bad(), 3);
        let back = watch.see(&slow(), 5);
        assert_eq!(claims(&back), [(18, Claim::Available), (19, Claim::Degraded)], "slow is better than down");
    }

    #[test]
    fn a_standing_closing_is_repeated_with_its_first_time() {
        let mut watch = Watch::new(None);
        let first = watch.see(&bad(), 3);
        assert_eq!((first[0].0, first[0].1.since), (3, None));
        let repeats = watch.see(&Finding::Bad("refused".to_owned()), 6 * 3600 * 2);
        let seconds: Vec<u64> = repeats.iter().map(|(second, _)| *second).collect();
        assert_eq!(seconds, [3 + 6 * 3600, 3 + 2 * 6 * 3600]);
        assert!(repeats.iter().all(|(_, speak)| speak.since == Some(at(3))));
        assert!(repeats.iter().all(|(_, speak)| speak.statement == first[0].1.statement), "with its first message");
    }

    #[test]
    fn a_word_of_an_earlier_run_is_confirmed_or_taken_back() {
        let standing =
            Standing { statement: Statement::plain(Claim::Unavailable, Some("refused".to_owned())), since: at(0) };
        let mut watch = Watch::new(Some(standing.clone()));
        let confirmed = watch.see(&bad(), 5);
        assert_eq!((confirmed.len(), confirmed[0].0, confirmed[0].1.since), (1, 3, Some(at(0))));
        let mut watch = Watch::new(Some(standing));
        assert_eq!(claims(&watch.see(&good(), 5)), [(2, Claim::Available)]);
    }

    #[test]
    fn what_cannot_be_checked_changes_no_word() {
        let unknown = Finding::Unknown("too many open files".to_owned());
        let mut watch = Watch::new(None);
        watch.see(&good(), 2);
        assert_eq!(watch.see(&unknown, 20), []);
        assert_eq!(watch.machine.health(), Health::Unknown);
        watch.see(&bad(), 3);
        assert_eq!(watch.see(&unknown, 20), []);
        assert_eq!(watch.machine.health(), Health::Down, "what stands is not forgotten");
    }

    #[test]
    fn a_monitor_that_keeps_changing_its_mind_stays_closed_until_it_has_been_good_for_a_while() {
        let mut watch = Watch::new(None);
        watch.see(&good(), 2);
        let mut said = Vec::new();
        for _ in 0..20 {
            said.extend(watch.see(&bad(), 3));
            said.extend(watch.see(&good(), 5));
        }
        let opened = said.iter().filter(|(_, speak)| speak.statement.claim == Claim::Available).count();
        assert_eq!(opened, 2, "closed, opened, closed, opened, closed; the sixth change is withheld");
        let last = &said.last().unwrap().1;
        assert_eq!(last.statement.claim, Claim::Unavailable);
        assert!(last.statement.held, "{last:?}");
        assert!(watch.machine.detail().unwrap().contains("changed too often"));
        assert!(last.since.is_some(), "an update of the closing that stands");
        let quiet = watch.see(&good(), 400);
        assert_eq!(claims(&quiet), [(watch.second - 400 + 296, Claim::Available)], "good for 5 minutes");
        // It begins anew afterwards.
        watch.see(&bad(), 3);
        assert_eq!(claims(&watch.see(&good(), 3)).len(), 1);
    }

    #[test]
    fn a_closing_that_keeps_requests_away_is_lifted_when_nothing_is_seen() {
        let silent = Finding::Silent("no requests".to_owned());
        let mut watch = Watch::new(None);
        watch.see(&good(), 2);
        assert_eq!(watch.see(&silent, 5), []);
        assert_eq!(watch.machine.health(), Health::Unknown, "without its own closing, silence is not health");
        watch.see(&bad(), 3);
        assert_eq!(claims(&watch.see(&silent, 5)), [(12, Claim::Available)]);
        let standing = Standing { statement: Statement::plain(Claim::Unavailable, None), since: at(0) };
        let mut watch = Watch::new(Some(standing));
        assert_eq!(claims(&watch.see(&silent, 5)), [(2, Claim::Available)], "the closing of an earlier run, too");
    }

    #[test]
    fn a_word_that_is_gone_from_the_ledger_is_repeated_with_its_beginning() {
        let mut watch = Watch::new(None);
        watch.see(&bad(), 3);
        watch.machine.stamped(at(100));
        assert_eq!(watch.see(&bad(), 5), []);
        watch.machine.lost();
        let again = watch.see(&bad(), 5);
        assert_eq!((again.len(), again[0].1.since), (1, Some(at(100))));
    }

    #[test]
    fn a_standing_advisory_is_confirmed_without_a_word_between() {
        let standing = Standing { statement: Statement::plain(Claim::Degraded, Some("slow".to_owned())), since: at(0) };
        let mut watch = Watch::new(Some(standing.clone()));
        let said = watch.see(&slow(), 10);
        assert_eq!((said.len(), said[0].1.statement.claim, said[0].1.since), (1, Claim::Degraded, Some(at(0))));
        let mut watch = Watch::new(Some(standing));
        assert_eq!(claims(&watch.see(&good(), 5)), [(2, Claim::Available)]);
    }

    #[test]
    fn a_damped_monitor_tells_so_once_however_its_checks_fail() {
        let mut watch = Watch::new(None);
        watch.see(&good(), 2);
        let mut said = Vec::new();
        for round in 0..20 {
            said.extend(watch.see(&Finding::Bad(format!("failure {round}")), 3));
            said.extend(watch.see(&good(), 5));
        }
        assert_eq!(said.len(), 6, "{said:?}");
    }

    #[test]
    fn another_farms_word_is_believed_at_once_and_followed() {
        let told = |back| {
            Finding::Told(Statement {
                claim: Claim::Unavailable,
                reason: Some("planned-maintenance".to_owned()),
                message: Some("Disk upgrade".to_owned()),
                expected_back_at: Some(at(back)),
                held: false,
                origins: Vec::new(),
            })
        };
        let mut watch = Watch::new(None);
        let first = watch.see(&told(100), 3);
        assert_eq!((first.len(), first[0].1.since), (1, None));
        let update = watch.see(&told(200), 3);
        assert_eq!((update.len(), update[0].1.since), (1, Some(at(1))), "an update is no news");
        assert_eq!(claims(&watch.see(&Finding::Told(Statement::plain(Claim::Available, None)), 2)).len(), 1);
    }
}
