//! When a word is dead (docs/contract.md#dropping): a later word covers everything that it could ever state, or
//! it is over, whatever else may still arrive.
//!
//! The rule reads no local clock, only T = L − 2δ, and no configuration but δ and lapse, so that every node
//! keeps the same set. Killing is transitive: a word that kills another word's killer also kills that word. So
//! words can be dropped one by one, in any order, before or after a merge. This needs cancels that carry the
//! times, `restore` and criteria of their plan, as every node writes them: if a peer sends two cancels of one plan
//! that differ in these, the older one may return after the newer one has died.
//!
//! Versions may mix, so later versions are bound by this as well. The rule reads stamps, targets, `status`,
//! `cancels`, the two times, `restore`, the speaker and criteria, and every version must read these alike:
//! - Criteria are compared, never evaluated. Unknown kinds are equal if they are written alike, and every
//!   version writes them in one canonical form (the hash in the stamp ensures this). Equal criteria match the
//!   same requests on every version, so no word that counts is dropped.
//! - A `restore` other than `automatic` never dies by time. A version that gives such a value a meaning keeps
//!   these words until they are replaced: keeping them longer changes no verdict.
//! - The speaker of an unknown `source` follows from `reporter` ([`Speaker::of`]).
//! - An unknown `status`, or a target of another form, would need its own rules: such an entry is not admitted,
//!   and its sender offers it again.

use std::time::Duration;

use super::{Moment, Says, Speaker, Word};

/// Settings of the whole farm; compared at announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// δ, `farm.max_clock_skew`.
    pub max_clock_skew: Duration,
    /// How long a monitor's word counts without being repeated, `farm.lapse`.
    pub lapse: Duration,
}

impl Default for Rules {
    /// 60 s and 24 h.
    fn default() -> Self {
        Self { max_clock_skew: Duration::from_secs(60), lapse: Duration::from_secs(24 * 3600) }
    }
}

impl Rules {
    /// T = L − 2δ: what ended before T is over on every node.
    pub fn threshold(&self, limit: Moment) -> Moment {
        limit.before(self.max_clock_skew * 2)
    }

    /// The time of verdicts: max(now, L − 2δ).
    pub fn clock(&self, now: Moment, limit: Moment) -> Moment {
        now.max(self.threshold(limit))
    }

    /// Whether a monitor's word is older than lapse at `clock`. Operators' words never lapse.
    pub fn lapsed(&self, word: &Word, clock: Moment) -> bool {
        word.speaker != Speaker::Operators && word.stamp().time.after(self.lapse) < clock
    }

    /// The T at which time alone makes a word dead (rules 4 and 5). `None`: never.
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
