//! When a word is dead (docs/contract.md#dropping): what it could ever say has been
//! said by a later one, or is over, whatever else may still arrive.
//!
//! No node's own clock enters, only T = L − 2δ, and no configuration but δ and lapse, so that every
//! node keeps the same set. Being dead is transitive: whatever kills a word's killer kills the word
//! too. That is why words can be dropped one by one, in any order, before or after a merge.
//!
//! Versions mix, so later ones are bound by this as well. The rule looks at stamps, targets, `status`,
//! `cancels`, the two times, `restore`, the speaker and criteria, and these are read alike everywhere:
//! - criteria are compared, never judged: those of an unknown kind are equal where they are written
//!   alike, and every version writes them in one canonical form (the hash in the stamp sees to that);
//!   equal ones match the same requests on whichever version, so nothing is dropped that counted;
//! - `restore` that is not `automatic` lets nothing die by time. A version that gives it a meaning of
//!   its own keeps such words until they are replaced: keeping longer changes no verdict;
//! - the speaker of an unknown `source` follows from `reporter` ([`Speaker::of`]);
//! - a `status` that is neither of the two, or a target of another form, would need rules of its own:
//!   such an entry is not taken in at all, and its sender offers it again.

use std::time::Duration;

use super::{Moment, Says, Speaker, Word};

/// What the whole farm has in common; compared at announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// δ, `farm.max_clock_skew`.
    pub max_clock_skew: Duration,
    /// How long a monitor's word stands that is not repeated, `farm.lapse`.
    pub lapse: Duration,
}

impl Default for Rules {
    /// 60 s and 24 h.
    fn default() -> Self {
        Self { max_clock_skew: Duration::from_secs(60), lapse: Duration::from_secs(24 * 3600) }
    }
}

impl Rules {
    /// T = L − 2δ: what has ended before is over on every node.
    pub fn threshold(&self, limit: Moment) -> Moment {
        limit.before(self.max_clock_skew * 2)
    }

    /// The time that verdicts go by: max(now, L − 2δ).
    pub fn clock(&self, now: Moment, limit: Moment) -> Moment {
        now.max(self.threshold(limit))
    }

    /// Whether a monitor's word is older than lapse at `clock`. Operators' words never lapse.
    pub fn lapsed(&self, word: &Word, clock: Moment) -> bool {
        word.speaker != Speaker::Operators && word.stamp().time.after(self.lapse) < clock
    }

    /// When time alone makes a word dead: T has come this far (rules 4 and 5). `None`: never.
    pub(super) fn dies_at(&self, word: &Word) -> Option<Moment> {
        let over = if word.plan || matches!(word.says, Says::Cancel(_)) { word.ends } else { None };
        // Rule 5 says *older*: one millisecond later.
        let lapses = (word.speaker != Speaker::Operators)
            .then(|| word.stamp().time.after(self.lapse).after(Duration::from_millis(1)));
        match (over, lapses) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

/// Rules 1 and 3: `y` kills `x`, a word of the same speaker on the same target.
pub(super) fn kills(y: &Word, x: &Word) -> bool {
    let opening_of_operators = x.speaker == Speaker::Operators && x.says == Says::Opening;
    let replaced = y.replaces(x) && (!opening_of_operators || y.says == Says::Opening);
    let cancelled_twice = matches!(x.says, Says::Cancel(_)) && y.says == x.says && y.stamp() > x.stamp();
    replaced || y.takes_back(x) || cancelled_twice
}

/// Rule 2: `y`, a word of the operators, kills `x`, a monitor's word on the same target.
pub(super) fn silences(y: &Word, x: &Word) -> bool {
    y.says == Says::Opening && y.at > x.at && y.covers(x)
}
