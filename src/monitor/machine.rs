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

mod damping;

use std::num::NonZeroU32;
use std::time::Duration;

pub use damping::HELD;

use self::damping::Damping;
use super::{Health, Serving};
use crate::{availability::Moment, sync::Now};

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
    /// Another farm did not answer: a bad check, and until there are enough of them nothing is known.
    Away(String),
    /// Nothing can be said (the check itself could not be made): counts neither as good nor as bad.
    Unknown(String),
    /// There was nothing to see, because there were no requests. Unknown, but for a standing closing of the monitor
    /// itself: that keeps away what could show more, so it counts as good there.
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
#[derive(Debug, Clone)]
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
    damping: Damping,
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
            damping: Damping::default(),
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
        match (&self.detail, self.is_damped()) {
            (Some(detail), true) => Some(format!("{detail}. {HELD}")),
            (None, true) => Some(HELD.to_owned()),
            (detail, false) => detail.clone(),
        }
    }

    /// Whether its word stands in the ledger, as far as it knows.
    pub fn has_word(&self) -> bool {
        self.standing.is_some()
    }

    /// Whether it has closed its target, as far as it knows.
    pub fn closes(&self) -> bool {
        self.stands(Claim::Unavailable)
    }

    /// Whether it holds on to its closing, because it has changed its mind too often.
    pub fn is_damped(&self) -> bool {
        self.damping.is_damped()
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
        let wanted = self.look(finding, now);
        self.speak(wanted, now)
    }

    /// Takes what a check found; what it wants to say, if that is clear now.
    pub fn look(&mut self, finding: Finding, now: Now) -> Option<Statement> {
        match finding {
            Finding::Good { latency } => self.good(latency, now),
            Finding::Bad(detail) => self.bad(detail, now),
            Finding::Away(detail) => self.away(detail, now),
            Finding::Unknown(detail) => self.unknown(detail, now),
            Finding::Silent(_) if self.closes() => self.good(Duration::ZERO, now),
            Finding::Silent(detail) => self.unknown(detail, now),
            Finding::Told(statement) => Some(self.told(statement, now)),
        }
    }

    /// The word to submit where it wants to say this, if there is one.
    pub fn speak(&mut self, wanted: Option<Statement>, now: Now) -> Option<Speak> {
        match wanted {
            Some(statement) => self.say(statement, now),
            None => self.repeat(now),
        }
    }

    /// The same for a monitor of one upstream: it closes the application only when no upstream serves, and takes that
    /// back as soon as one does. While that is not known, as after a start, it says nothing new.
    pub fn speak_beside(&mut self, wanted: Option<Statement>, serving: Serving, now: Now) -> Option<Speak> {
        let closes = wanted.as_ref().is_some_and(|wanted| wanted.claim == Claim::Unavailable);
        let wanted = match serving {
            Serving::Some if closes || self.closes() => Some(Statement::plain(Claim::Available, None)),
            Serving::None if self.health == Health::Down => {
                let closing =
                    Statement { held: self.is_damped(), ..Statement::plain(Claim::Unavailable, self.detail.clone()) };
                wanted.or_else(|| Some(self.keep_or(closing)))
            }
            Serving::Unknown if closes && !self.closes() => return None,
            _ => wanted,
        };
        self.speak(wanted, now)
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
        self.damping.good(now.mono);
        if matches!(self.health, Health::Unknown | Health::Down) && self.good < recover_after {
            return None;
        }
        if self.health == Health::Down && !self.damping.may_open(now.mono) {
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

    /// The standing closing. Once for each damping it is told that it is held on to.
    fn standing_with_detail(&mut self) -> Option<Statement> {
        let standing = self.standing.as_ref()?.statement.clone();
        Some(if self.damping.has_to_tell() { Statement { held: true, ..standing } } else { standing })
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
        self.damping.bad();
        self.bad = self.bad.saturating_add(1);
        self.detail = Some(detail);
        if self.bad < self.thresholds.fail_after.get() {
            return None;
        }
        self.damping.closing(self.health != Health::Down, now.mono);
        self.turn(Health::Down, now);
        if !self.stands(Claim::Unavailable) {
            self.damping.told();
        }
        let held = self.is_damped();
        Some(self.keep_or(Statement { held, ..Statement::plain(Claim::Unavailable, self.detail.clone()) }))
    }

    /// What the other farm said last is not known to be so any more. Its word stands until there are enough bad checks.
    fn away(&mut self, detail: String, now: Now) -> Option<Statement> {
        let wanted = self.bad(detail, now);
        if wanted.is_none() {
            self.turn(Health::Unknown, now);
        }
        wanted
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
        // The first look is no change of mind; neither is becoming slow or fast, or not to know.
        let is_known = self.health != Health::Unknown && health != Health::Unknown;
        let is_change = is_known && (self.health == Health::Down) != (health == Health::Down);
        if is_change {
            self.damping.changed(now.mono);
        }
        self.health = health;
        self.health_since = Some(now.wall);
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
mod tests;
