//! The starting role of a merge (`docs/contract.md#merge`): one [`Talk`] with each reference, all of them in a
//! [`Session`], which sends the earlier references what later ones added.
//!
//! A talk begins with fingerprints; equal ones end it. Small ledgers are sent whole; large ones are first
//! compared by ranges, and the entries that differ are exchanged. The result is the union, whatever the order
//! of the talks, because admitting is commutative and idempotent. A talk ends, because the number of its steps
//! is bounded ([`MAX_STEPS`]).

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    Now, Replica,
    message::{MAX_ENTRIES, Merge, Merged},
    ranges::{self, Index},
};
use crate::availability::{Entry, NodeId, Record, Stamp};

/// Most records of the registry in one message of the exchange.
const MAX_RECORDS: usize = 250;
/// The most entries in one answer: those that the starting node lacks, and those it requested.
const MAX_ANSWER: usize = 2 * MAX_ENTRIES;
/// Ledgers up to this size are sent whole.
pub const SMALL: usize = 128;
/// Most messages of one talk; far more than 2^31 entries need.
const MAX_STEPS: usize = 10_000;
/// Most rounds of range messages. Each divides every range by 16, so that differences are found in
/// a handful, but listing a million entries that the other side lacks takes some 60 frames.
const MAX_ROUNDS: usize = 1_000;

/// How many times a talk starts again because the reference no longer had a requested entry.
const MAX_AGAIN: usize = 4;

/// What a talk does next.
#[derive(Debug)]
pub enum Next {
    /// Send this.
    Ask(Box<Merge>),
    /// The reference holds what this node held, and the other way round.
    Done,
}

/// Why a talk was broken off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TalkError {
    /// The reference sent an invalid range message.
    #[error("a broken range message: {0}")]
    Ranges(String),
    /// It sent more entries than a reference may send at once.
    #[error("{0} entries in one answer, more than {MAX_ANSWER}")]
    TooLarge(usize),
    /// It did not end within the bounds.
    #[error("it does not come to an end")]
    Endless,
}

#[derive(Debug, Clone)]
enum Stage {
    Probe,
    Whole,
    Ranges(Box<ranges::Initiator>),
    Exchange { have: Vec<Arc<Entry>>, records: Vec<Arc<Record>>, need: Vec<String> },
}

/// The conversation with one reference.
#[derive(Debug, Clone)]
pub struct Talk {
    reference: NodeId,
    stage: Stage,
    steps: usize,
    /// A ledger of up to this many entries is sent whole.
    small: usize,
    /// Requested digests that the reference has not sent.
    open: BTreeSet<String>,
    /// How many times it has begun anew.
    again: usize,
    /// What the reference gave.
    pub learned: Vec<Arc<Entry>>,
}

impl Talk {
    /// Begins with fingerprints. Up to `small` entries are sent whole ([`SMALL`]).
    pub fn begin(replica: &Replica, reference: NodeId, small: usize) -> (Self, Merge) {
        let ask = Merge { members: replica.members_for(&reference), ..empty(replica) };
        (
            Self {
                reference,
                stage: Stage::Probe,
                steps: 0,
                small,
                open: BTreeSet::new(),
                again: 0,
                learned: Vec::new(),
            },
            ask,
        )
    }

    /// A talk that has ended without bringing anything.
    #[cfg(test)]
    pub(super) fn over(reference: NodeId) -> Self {
        Self {
            reference,
            stage: Stage::Probe,
            steps: 0,
            small: SMALL,
            open: BTreeSet::new(),
            again: 0,
            learned: Vec::new(),
        }
    }

    /// Takes the reference's answer (`None` is 204).
    ///
    /// # Errors
    /// When the answer is invalid or the talk does not end; entries learned so far are kept.
    pub fn answer(&mut self, replica: &mut Replica, answer: Option<Merged>, now: Now) -> Result<Next, TalkError> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(TalkError::Endless);
        }
        let Some(merged) = answer else {
            return Ok(match &self.stage {
                Stage::Exchange { .. } => self.exchange(replica),
                Stage::Probe | Stage::Whole => Next::Done,
                // It could not read the request: nothing has been compared.
                Stage::Ranges(_) => return Err(TalkError::Ranges("no answer".to_owned())),
            });
        };
        let size = merged.entries.len() + merged.records.len();
        if size > MAX_ANSWER {
            return Err(TalkError::TooLarge(size));
        }
        let (count, fingerprint, range_message) = (merged.count, merged.fingerprint.clone(), merged.ranges.clone());
        let told = merged.entries.clone();
        if !self.open.is_empty() {
            let records = merged.records.iter().map(|record| record.digest());
            let digests = told.iter().map(|entry| entry.digest()).chain(records);
            digests.for_each(|digest| _ = self.open.remove(&ranges::name(digest)));
        }
        replica.absorb(self.reference, merged, now);
        // Only entries that were admitted and are still alive are passed on.
        self.learned.extend(
            told.into_iter()
                .filter(|entry| replica.find(&entry.notification.id).is_some_and(|held| held.stamp == entry.stamp)),
        );
        match &mut self.stage {
            Stage::Probe => {
                if fingerprint == format!("{:032x}", replica.fingerprint()) {
                    return Ok(Next::Done);
                }
                if count <= self.small && replica.holding() <= self.small {
                    self.stage = Stage::Whole;
                    let entries = replica.holdings().cloned().collect();
                    let records = replica.registry().iter().cloned().collect();
                    return Ok(Next::Ask(Box::new(Merge { entries, records, whole: true, ..empty(replica) })));
                }
                let (initiator, first) =
                    ranges::Initiator::begin(Index::of(replica.digests())).map_err(TalkError::Ranges)?;
                self.stage = Stage::Ranges(Box::new(initiator));
                Ok(Next::Ask(Box::new(Merge { ranges: Some(first), ..empty(replica) })))
            }
            Stage::Ranges(initiator) => {
                let message = range_message.ok_or_else(|| TalkError::Ranges("none in the answer".to_owned()))?;
                if self.steps > MAX_ROUNDS {
                    return Err(TalkError::Endless);
                }
                if let Some(next) = initiator.answer(&message).map_err(TalkError::Ranges)? {
                    return Ok(Next::Ask(Box::new(Merge { ranges: Some(next), ..empty(replica) })));
                }
                let (have, need) = initiator.differences();
                let lacks: HashSet<Stamp> = have.into_iter().collect();
                let have = replica.holdings().filter(|entry| lacks.contains(&entry.stamp)).cloned().collect();
                let records =
                    replica.registry().iter().filter(|record| lacks.contains(&record.stamp)).cloned().collect();
                self.stage = Stage::Exchange { have, records, need };
                Ok(self.exchange(replica))
            }
            Stage::Whole => Ok(Next::Done),
            Stage::Exchange { .. } => Ok(self.exchange(replica)),
        }
    }

    /// The next part of what is to be exchanged.
    fn exchange(&mut self, replica: &Replica) -> Next {
        let Stage::Exchange { have, records, need } = &mut self.stage else { return Next::Done };
        if have.is_empty() && records.is_empty() && need.is_empty() {
            // A requested entry may have changed meanwhile (a second node had accepted it too), or died. If it
            // does not arrive, compare again: that finds the entry or what killed it.
            let is_whole = self.open.is_empty() || self.again == MAX_AGAIN;
            self.open.clear();
            if is_whole {
                return Next::Done;
            }
            self.again += 1;
            self.stage = Stage::Probe;
            return Next::Ask(Box::new(empty(replica)));
        }
        let entries = have.split_off(have.len().saturating_sub(MAX_ENTRIES / 2));
        let records = records.split_off(records.len().saturating_sub(MAX_RECORDS));
        let need = need.split_off(need.len().saturating_sub(MAX_ENTRIES / 2));
        self.open.extend(need.iter().cloned());
        Next::Ask(Box::new(Merge { entries, records, need, ..empty(replica) }))
    }
}

/// Messages that send a reference these entries, for follow-ups.
pub fn follow_ups(replica: &Replica, entries: &[Arc<Entry>]) -> Vec<Merge> {
    let part = |part: &[Arc<Entry>]| Merge { entries: part.to_vec(), ..empty(replica) };
    entries.chunks(MAX_ENTRIES / 2).map(part).collect()
}

fn empty(replica: &Replica) -> Merge {
    Merge {
        limit: replica.ledger().limit(),
        fingerprint: format!("{:032x}", replica.fingerprint()),
        count: replica.holding(),
        entries: Vec::new(),
        records: Vec::new(),
        whole: false,
        ranges: None,
        need: Vec::new(),
        members: Vec::new(),
    }
}

/// The entries that each reference missed, over all talks of one merge phase.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// In the order in which the talks ended.
    talks: Vec<(NodeId, Vec<Arc<Entry>>)>,
    series: bool,
}

impl Session {
    /// In series, a reference misses only what later ones gave; in parallel, what any other gave.
    pub fn new(series: bool) -> Self {
        Self { talks: Vec::new(), series }
    }

    /// A talk began before an earlier one of the series had ended: from now on each reference gets what any other
    /// gave, as in parallel. A reference that receives what it has already ignores it.
    pub fn overlap(&mut self) {
        self.series = false;
    }

    /// A talk has ended.
    pub fn ended(&mut self, talk: Talk) {
        self.talks.push((talk.reference, talk.learned));
    }

    /// For each reference that missed something, the entries; each once.
    pub fn missed(&self) -> Vec<(NodeId, Vec<Arc<Entry>>)> {
        let mut missed = Vec::new();
        for (at, (reference, own)) in self.talks.iter().enumerate() {
            let mut known: HashSet<Stamp> = own.iter().map(|entry| entry.stamp).collect();
            let others =
                self.talks.iter().enumerate().filter(|(other, _)| if self.series { *other > at } else { *other != at });
            let news: Vec<Arc<Entry>> = others
                .flat_map(|(_, (_, learned))| learned)
                .filter(|entry| known.insert(entry.stamp))
                .cloned()
                .collect();
            if !news.is_empty() {
                missed.push((*reference, news));
            }
        }
        missed
    }
}
