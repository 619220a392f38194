//! A notification says one word on each of its targets (docs/contract.md#terms).

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use uuid::Uuid;

use super::{Criteria, Entry, Moment, Restore, Source, Stamp, Status};

/// Who speaks: the operators together, or one reporter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speaker {
    /// All operators are one speaker: the latest of their words counts.
    Operators,
    /// One monitor, token, alert or farm, by its name.
    Reporter(Arc<str>),
}

impl Speaker {
    /// The speaker of a record. Dropping depends on it, so all versions must agree on it, also for sources that
    /// only some of them know: there the presence of a `reporter` decides. A later version's source that speaks
    /// for the operators has no reporter; any other source has one.
    pub fn of(source: Source, reporter: Option<&str>) -> Self {
        match (source, reporter) {
            (Source::Operator, _) | (Source::Unread(_), None) => Self::Operators,
            (_, reporter) => Self::Reporter(reporter.unwrap_or_default().into()),
        }
    }
}

/// The statement of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Available.
    Opening,
    /// Unavailable.
    Closing,
    /// The plan with this id is cancelled.
    Cancel(Uuid),
}

/// When a word counts as said: its stamp, or the later of stamp and beginning for a plan and for
/// what cancels one. Ties are broken by the stamp, so the order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub Moment, pub Stamp);

/// The word of an entry, the same on each of its targets.
#[derive(Debug, Clone)]
pub struct Word {
    /// Opening, closing or cancel.
    pub says: Says,
    /// Whose word it is.
    pub speaker: Speaker,
    /// Its place among the words of its speaker.
    pub at: At,
    /// A closing that begins after it was made.
    pub plan: bool,
    /// Since when it holds.
    pub since: Moment,
    /// When it ends by itself; `None` for what does not.
    pub ends: Option<Moment>,
    /// An opening with an advisory.
    pub degraded: bool,
    /// Since when it turns newcomers away, for a plan with a last entry.
    pub last_entry: Option<Moment>,
    /// A hash of its criteria, 0 without: most criteria that are compared differ, and the hash shows this
    /// without reading them. Valid in this process only.
    digest: u64,
    /// Where it comes from.
    pub entry: Arc<Entry>,
}

impl Word {
    /// The word of an entry.
    pub fn of(entry: Arc<Entry>) -> Self {
        let n = &entry.notification;
        let says = match (n.cancels, n.status) {
            (Some(plan), _) => Says::Cancel(plan),
            (None, Some(Status::Unavailable)) => Says::Closing,
            (None, _) => Says::Opening,
        };
        let plan = n.is_plan();
        let since = n.since();
        let at = if plan || n.cancels.is_some() { since.max(entry.stamp.time) } else { entry.stamp.time };
        let speaker = Speaker::of(n.source, n.reporter.as_deref());
        let ends = if says != Says::Opening && n.restore == Restore::Automatic { n.expected_back_at } else { None };
        let digest = n.criteria.as_ref().map_or(0, |criteria| {
            let mut hasher = DefaultHasher::new();
            criteria.hash(&mut hasher);
            hasher.finish().max(1)
        });
        let (degraded, last_entry) = (n.degraded, n.last_entry());
        Self { says, speaker, at: At(at, entry.stamp), plan, since, ends, degraded, last_entry, digest, entry }
    }

    /// The stamp of the entry.
    pub fn stamp(&self) -> &Stamp {
        &self.entry.stamp
    }

    /// What limits it.
    pub fn criteria(&self) -> Option<&Criteria> {
        self.entry.notification.criteria.as_ref()
    }

    /// An opening, or a closing that is no plan: what replaces earlier words.
    pub fn immediate(&self) -> bool {
        !self.plan && !matches!(self.says, Says::Cancel(_))
    }

    /// `x ⊑ self`: this word has no criteria, or the same as `x`.
    pub fn covers(&self, x: &Self) -> bool {
        self.digest == 0 || (self.digest == x.digest && self.criteria() == x.criteria())
    }

    /// Whether this word replaces `x`, a word of the same speaker on the same target.
    pub fn replaces(&self, x: &Self) -> bool {
        self.immediate() && self.at > x.at && self.covers(x)
    }

    /// Whether this word cancels `x`, a word of the same speaker on the same target.
    pub fn takes_back(&self, x: &Self) -> bool {
        x.plan && self.says == Says::Cancel(x.entry.notification.id) && self.stamp() > x.stamp()
    }
}

/// All words on one target, by speaker, each speaker's in the order of arrival. Immutable once published: the
/// ledger makes a changed copy, caches keep what they were given.
#[derive(Debug, Clone, Default)]
pub struct TargetWords {
    speakers: BTreeMap<Speaker, Vec<(Arc<Word>, bool)>>,
}

impl TargetWords {
    /// The operators' words that are not dead.
    pub fn operators(&self) -> impl Iterator<Item = &Arc<Word>> + Clone {
        alive(self.group(&Speaker::Operators))
    }

    /// Every reporter with the words that are not dead.
    pub fn reporters(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &Arc<Word>> + Clone)> {
        self.speakers.iter().filter_map(|(speaker, words)| match speaker {
            Speaker::Reporter(name) => Some((&**name, alive(words))),
            Speaker::Operators => None,
        })
    }

    /// A reporter's words that are not dead.
    pub fn of(&self, reporter: &str) -> impl Iterator<Item = &Arc<Word>> + Clone {
        alive(self.group(&Speaker::Reporter(reporter.into())))
    }

    /// A reporter's latest word that is not dead.
    pub fn latest_of(&self, reporter: &str) -> Option<&Arc<Word>> {
        self.of(reporter).max_by_key(|word| word.at)
    }

    /// All words that are not dead, the operators' first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Word>> + Clone {
        self.speakers.values().flat_map(|words| alive(words))
    }

    /// There are no words.
    pub fn is_empty(&self) -> bool {
        self.speakers.is_empty()
    }

    /// The words of one speaker, and of each whether it is dead here.
    pub(super) fn group(&self, speaker: &Speaker) -> &[(Arc<Word>, bool)] {
        self.speakers.get(speaker).map_or(&[], Vec::as_slice)
    }

    pub(super) fn group_mut(&mut self, speaker: &Speaker) -> Option<&mut Vec<(Arc<Word>, bool)>> {
        self.speakers.get_mut(speaker)
    }

    pub(super) fn reporters_mut(&mut self) -> impl Iterator<Item = &mut Vec<(Arc<Word>, bool)>> {
        self.speakers.iter_mut().filter(|(speaker, _)| **speaker != Speaker::Operators).map(|(_, words)| words)
    }

    pub(super) fn push(&mut self, word: Arc<Word>, dead: bool) {
        self.speakers.entry(word.speaker.clone()).or_default().push((word, dead));
    }

    pub(super) fn remove(&mut self, speaker: &Speaker, stamp: &Stamp) {
        if let Some(words) = self.speakers.get_mut(speaker) {
            words.retain(|(word, _)| word.stamp() != stamp);
            if words.is_empty() {
                self.speakers.remove(speaker);
            }
        }
    }
}

fn alive(words: &[(Arc<Word>, bool)]) -> impl Iterator<Item = &Arc<Word>> + Clone {
    words.iter().filter(|(_, dead)| !dead).map(|(word, _)| word)
}
