//! The verdict once more (docs/contract.md#the-rules), by the book and for the words of these histories alone: no
//! criteria, one monitor's token beside the operators.
//!
//! Uses nothing of the crate.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::history::{Says, Word};

/// What applications depend on, beside `application:NAME` and `system`.
pub fn resources(application: &str) -> &'static [&'static str] {
    if application == "mail" { &["resource:mail-store"] } else { &[] }
}

impl Word {
    pub fn is_plan(&self) -> bool {
        self.says == Says::Closes && self.begins.is_some_and(|begins| begins > self.time)
    }

    pub fn is_immediate(&self) -> bool {
        !matches!(self.says, Says::Cancels(_)) && !self.is_plan()
    }

    /// When it takes its place among the others.
    pub fn at(&self) -> (i64, i64) {
        (if self.is_plan() { self.begins.unwrap_or(self.time) } else { self.time }, self.time)
    }

    pub fn since(&self) -> i64 {
        self.begins.unwrap_or(self.time)
    }

    fn is_over(&self, now: i64) -> bool {
        self.says == Says::Closes && self.ends.is_some_and(|ends| ends <= now)
    }

    fn has_begun(&self, now: i64) -> bool {
        self.since() <= now
    }
}

/// `says` of one speaker: the words are those on one target.
fn says<'w>(words: &[&'w Word], now: i64) -> Option<&'w Word> {
    let cancelled = |word: &Word| words.iter().any(|other| other.says == Says::Cancels(word.id));
    let replaced = |word: &Word| words.iter().any(|other| other.is_immediate() && other.at() > word.at());
    let left = words.iter().copied().filter(|word| {
        !matches!(word.says, Says::Cancels(_))
            && !(word.is_plan() && (cancelled(word) || !word.has_begun(now)))
            && !replaced(word)
            && !word.is_over(now)
    });
    left.max_by_key(|word| word.at())
}

/// The newest opening by operators on a target.
fn opened(words: &[Word], target: &str) -> Option<(i64, i64)> {
    let openings = words.iter().filter(|word| word.target == target && word.says == Says::Opens && !word.by_monitor);
    openings.map(Word::at).max()
}

/// The causes that close an application; none: it is open.
pub fn causes(words: &[Word], application: &str, now: i64) -> BTreeSet<Uuid> {
    let own = format!("application:{application}");
    let floor = opened(words, &own);
    let mut causes = BTreeSet::new();
    let others = resources(application).iter().map(|name| ((*name).to_owned(), None));
    for (target, floor) in [(own, None), ("system".to_owned(), floor)].into_iter().chain(others) {
        let on = |by_monitor: bool| -> Vec<&Word> {
            words.iter().filter(|word| word.target == target && word.by_monitor == by_monitor).collect()
        };
        let operators = says(&on(false), now).filter(|word| floor.is_none_or(|floor| word.at() > floor));
        let open = opened(words, &target).max(floor).map(|(time, _)| time);
        let monitor = says(&on(true), now).filter(|word| open.is_none_or(|open| word.since() > open));
        let closing = operators.into_iter().chain(monitor).filter(|word| word.says == Says::Closes);
        causes.extend(closing.map(|word| word.id));
    }
    causes
}
