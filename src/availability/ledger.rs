//! The ledger: a node's idempotent, merging set of notifications
//! (docs/contract.md#merging).
//!
//! A state-based CRDT. Merging is the union under the greater L, without dead entries; it is commutative,
//! associative and idempotent (`tests/laws`). Entries are dropped as soon as they are dead, so the size is
//! bounded by targets, not by history.
//!
//! Costs: admitting takes O(t · w) for t targets with w words of one speaker each (by the bounds w is at most
//! about 130), plus the logarithm of the number of entries.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    Criteria, Entry, Moment, NodeId, Notification, Rules, Says, Speaker, Stamp, Target, TargetWords, Word,
    dropping::{kills, silences},
};

/// Most distinct criteria per target.
pub const MAX_CRITERIA: usize = 64;
/// Most open plans per target.
pub const MAX_PLANS: usize = 64;
/// Most plans per target, open and cancelled together: a cancel must be remembered as long as its plan could
/// return from a peer.
pub const MAX_CANCELS: usize = 1_000;
/// Most reporters per target.
pub const MAX_REPORTERS: usize = 256;
/// Most that all criteria on what one application needs may cost together ([`Criteria::cost`]): a request
/// is compared with them in less than 1 ms then (`benches/criteria.rs`).
pub const MAX_COST: usize = 8_000;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    rules: Rules,
    limit: Moment,
    entries: BTreeMap<Stamp, Slot>,
    /// A set of pairs takes half the memory of a map to lists with one stamp each.
    by_id: BTreeSet<(Uuid, Stamp)>,
    targets: HashMap<Target, Arc<TargetWords>>,
    /// When time alone drops an entry: when T reaches this.
    deadlines: BTreeSet<(Moment, Stamp)>,
    fingerprint: u128,
}

#[derive(Debug, Clone)]
struct Slot {
    word: Arc<Word>,
    /// The number of its targets on which it is not dead.
    alive: usize,
}

/// The result of offering an entry, and what it changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Admission {
    /// It is in the ledger now and was not before.
    pub admitted: bool,
    /// It was there already; the name of its accepting node has changed.
    pub joined: bool,
    /// It is dead: the entries that killed it, or none when its time is over.
    pub superseded: Option<Vec<Stamp>>,
    /// Entries that left the ledger because of this one, or of the time it brought.
    pub dropped: Vec<Arc<Entry>>,
    /// L has grown.
    pub advanced: bool,
}

/// What [`MAX_COST`] is about, for people.
const COSTLY: &str = "points of criteria (1 and more for a glob; 60 and more for one with text between two '*', three times as much in a path, four times in a header field)";

/// A submission would exceed a bound (docs/contract.md#bounds-of-the-ledger).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{target} has {limit} {what} already, the most that are kept")]
pub struct BoundExceeded {
    /// The target that is full.
    pub target: Target,
    /// Of what.
    pub what: Cow<'static, str>,
    /// The bound.
    pub limit: usize,
}

impl Ledger {
    /// An empty ledger under these rules.
    pub fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// δ and lapse.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// L: the greatest stamp time ever admitted, here or, as far as known, on any node.
    pub fn limit(&self) -> Moment {
        self.limit
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Equal for equal sets, different (but for a chance of 2⁻¹²⁸) for different ones. Kept up to
    /// date with every change, so asking costs nothing.
    pub fn fingerprint(&self) -> u128 {
        self.fingerprint
    }

    /// The entry with this stamp.
    pub fn get(&self, stamp: &Stamp) -> Option<&Arc<Entry>> {
        self.entries.get(stamp).map(|slot| &slot.word.entry)
    }

    /// The entry with this id; if there are several, the one with the lowest stamp.
    pub fn by_id(&self, id: &Uuid) -> Option<&Arc<Entry>> {
        const LOWEST: Stamp = Stamp { time: Moment::ZERO, counter: 0, node: NodeId::NONE, hash: [0; 16] };
        let (found, stamp) = self.by_id.range((*id, LOWEST)..).next()?;
        if found == id { self.get(stamp) } else { None }
    }

    /// All entries in the order of their stamps.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Entry>> {
        self.entries.values().map(|slot| &slot.word.entry)
    }

    /// All words on a target.
    pub fn words(&self, target: &Target) -> Option<&Arc<TargetWords>> {
        self.targets.get(target)
    }

    /// All targets with a word.
    pub fn targets(&self) -> impl Iterator<Item = (&Target, &Arc<TargetWords>)> {
        self.targets.iter()
    }

    /// What it has on these targets, as a ledger in which something about them can be tried out: words on them fare
    /// there as they would here. Its fingerprint is of no use. O(words on these targets).
    #[must_use]
    pub fn part(&self, targets: &BTreeSet<Target>) -> Self {
        let mut part = Self { limit: self.limit, ..Self::new(self.rules) };
        for target in targets {
            let Some(words) = self.targets.get(target) else { continue };
            for slot in words.iter().filter_map(|word| self.entries.get(word.stamp())) {
                if !part.entries.contains_key(slot.word.stamp()) {
                    part.insert(Arc::clone(&slot.word), slot.alive);
                }
            }
        }
        part.targets =
            targets.iter().filter_map(|one| Some((one.clone(), Arc::clone(self.targets.get(one)?)))).collect();
        part
    }

    /// Raises L to at least this, as reported by a peer; returns the entries that time has dropped thereby.
    pub fn advance(&mut self, limit: Moment) -> Vec<Arc<Entry>> {
        let mut dropped = Vec::new();
        if limit > self.limit {
            self.limit = limit;
            let threshold = self.rules.threshold(limit);
            while let Some((deadline, stamp)) = self.deadlines.first().copied() {
                if deadline > threshold {
                    break;
                }
                // `remove` removes the deadline too.
                match self.remove(&stamp) {
                    Some(entry) => dropped.push(entry),
                    None => {
                        self.deadlines.pop_first();
                    }
                }
            }
        }
        dropped
    }

    /// Admits an entry, unless it is dead or known. The caller checks whether its time is too far ahead
    /// (quarantine).
    pub fn admit(&mut self, entry: &Arc<Entry>) -> Admission {
        let mut admission = Admission { advanced: entry.stamp.time > self.limit, ..Admission::default() };
        admission.dropped = self.advance(entry.stamp.time);
        if self.entries.contains_key(&entry.stamp) {
            admission.joined = self.join(entry);
            return admission;
        }
        let word = Arc::new(Word::of(Arc::clone(entry)));
        if self.is_over(&word) {
            admission.superseded = Some(Vec::new());
            return admission;
        }
        let targets = &entry.notification.targets;
        let killers: Vec<Option<Stamp>> = targets.iter().map(|target| self.killer(target, &word)).collect();
        if killers.iter().all(Option::is_some) {
            let mut by: Vec<Stamp> = killers.into_iter().flatten().collect();
            by.sort();
            by.dedup();
            admission.superseded = Some(by);
            return admission;
        }
        for (target, killer) in targets.iter().zip(&killers) {
            for stamp in self.kill_by(target, &word) {
                if let Some(slot) = self.entries.get_mut(&stamp) {
                    slot.alive -= 1;
                    if slot.alive == 0 {
                        admission.dropped.extend(self.remove(&stamp));
                    }
                }
            }
            let words = Arc::make_mut(self.targets.entry(target.clone()).or_default());
            words.push(Arc::clone(&word), killer.is_some());
        }
        self.insert(word, killers.iter().filter(|killer| killer.is_none()).count());
        admission.admitted = true;
        admission
    }

    /// Admits all entries of another ledger. For tests of the laws; nodes merge over the wire.
    pub fn merge(&mut self, other: &Self) {
        self.advance(other.limit);
        for entry in other.iter() {
            self.admit(entry);
        }
    }

    /// Whether a submission stays within the bounds (docs/contract.md#bounds-of-the-ledger). An immediate word
    /// without criteria always does, unless it comes from one reporter too many; so does a cancel, because a
    /// plan that cannot be cancelled would close something against the operators' will. A plan that replaces
    /// another one takes its place. O(words on its targets).
    ///
    /// # Errors
    /// Names the target that is full and of what.
    pub fn check_bounds(&self, notification: &Notification) -> Result<(), BoundExceeded> {
        if notification.cancels.is_some() {
            return Ok(());
        }
        for target in &notification.targets {
            let Some(words) = self.targets.get(target) else { continue };
            let full =
                |what: &'static str, limit| Err(BoundExceeded { target: target.clone(), what: what.into(), limit });
            let speaker = Speaker::of(notification.source, notification.reporter.as_deref());
            if speaker != Speaker::Operators
                && words.group(&speaker).is_empty()
                && words.reporters().count() >= MAX_REPORTERS
            {
                return full("reporters", MAX_REPORTERS);
            }
            if let Some(criteria) = &notification.criteria {
                let all = words.iter().filter_map(|word| word.criteria());
                if !all.clone().any(|held| held == criteria) && all.collect::<BTreeSet<_>>().len() >= MAX_CRITERIA {
                    return full("distinct criteria", MAX_CRITERIA);
                }
            }
            if notification.is_plan() {
                let replaced = |word: &Arc<Word>| notification.replaces == Some(word.entry.notification.id);
                if words.iter().filter(|word| word.plan && !replaced(word)).count() >= MAX_PLANS {
                    return full("open plans", MAX_PLANS);
                }
                let remembered = |word: &&Arc<Word>| word.plan || matches!(word.says, Says::Cancel(_));
                if words.iter().filter(remembered).count() >= MAX_CANCELS {
                    return full("plans that are open or were cancelled", MAX_CANCELS);
                }
            }
        }
        Ok(())
    }

    /// Whether a submission leaves the cost of comparing a request with all criteria below its bound: on
    /// each of its targets alone, and on everything that one application needs (`together`: of each
    /// application what that is). What is without criteria costs nothing.
    ///
    /// # Errors
    /// Names a target of the submission that has become too costly.
    // A glob compares by its text; the matcher that it compiles later takes no part in that.
    #[allow(clippy::mutable_key_type)]
    pub fn check_cost(&self, notification: &Notification, together: &[Vec<Target>]) -> Result<(), BoundExceeded> {
        let (None, Some(criteria)) = (notification.cancels, &notification.criteria) else { return Ok(()) };
        for target in &notification.targets {
            let alone = std::slice::from_ref(target);
            let groups = together.iter().map(Vec::as_slice).chain([alone]);
            for group in groups.filter(|group| group.contains(target)) {
                let words = group.iter().filter_map(|target| self.targets.get(target)).flat_map(|words| words.iter());
                let all: BTreeSet<&Criteria> = words.filter_map(|word| word.criteria()).chain([criteria]).collect();
                if all.into_iter().map(Criteria::cost).sum::<usize>() > MAX_COST {
                    return Err(BoundExceeded { target: target.clone(), what: COSTLY.into(), limit: MAX_COST });
                }
            }
        }
        Ok(())
    }

    /// Whether this entry is here, or would be dead: admitting it would change nothing.
    pub fn has_outlived(&self, entry: &Arc<Entry>) -> bool {
        let word = Word::of(Arc::clone(entry));
        let is_dead = |target| self.killer(target, &word).is_some();
        self.entries.contains_key(&entry.stamp) || self.is_over(&word) || entry.notification.targets.iter().all(is_dead)
    }

    /// Whether time alone has dropped this word.
    fn is_over(&self, word: &Word) -> bool {
        self.rules.dies_at(word).is_some_and(|deadline| deadline <= self.rules.threshold(self.limit))
    }

    /// The entries that kill this word on this target.
    fn killer(&self, target: &Target, x: &Word) -> Option<Stamp> {
        let words = self.targets.get(target)?;
        let mut own = words.group(&x.speaker).iter().filter(|(y, _)| kills(y, x));
        let mut operators = words.group(&Speaker::Operators).iter().filter(|(y, _)| silences(y, x));
        let killer = own.next().or_else(|| (x.speaker != Speaker::Operators).then(|| operators.next()).flatten());
        killer.map(|(y, _)| *y.stamp())
    }

    /// Marks the words that this word kills on this target as dead; returns the stamps of those that were
    /// alive.
    fn kill_by(&mut self, target: &Target, y: &Word) -> Vec<Stamp> {
        let mut killed = Vec::new();
        let Some(words) = self.targets.get_mut(target) else { return killed };
        let silencing = y.speaker == Speaker::Operators && y.says == Says::Opening;
        let words = Arc::make_mut(words);
        let mut mark = |group: &mut Vec<(Arc<Word>, bool)>, dies: &dyn Fn(&Word) -> bool| {
            for (x, dead) in group.iter_mut().filter(|(x, dead)| !dead && dies(x)) {
                *dead = true;
                killed.push(*x.stamp());
            }
        };
        if let Some(group) = words.group_mut(&y.speaker) {
            mark(group, &|x| kills(y, x));
        }
        if silencing {
            for group in words.reporters_mut() {
                mark(group, &|x| silences(y, x));
            }
        }
        killed
    }

    /// Two nodes accepted the same notification: the name that sorts first is kept.
    fn join(&mut self, entry: &Arc<Entry>) -> bool {
        let Some(slot) = self.entries.get_mut(&entry.stamp) else { return false };
        let known = Arc::clone(&slot.word.entry);
        if entry.notification.node >= known.notification.node {
            return false;
        }
        let mut joined = (*known).clone();
        joined.notification.node = entry.notification.node.clone();
        let word = Arc::new(Word::of(Arc::new(joined)));
        slot.word = Arc::clone(&word);
        self.fingerprint = self.fingerprint.wrapping_sub(known.digest()).wrapping_add(word.entry.digest());
        for target in &known.notification.targets {
            if let Some(words) = self.targets.get_mut(target) {
                for (held, _) in Arc::make_mut(words).group_mut(&word.speaker).into_iter().flatten() {
                    if held.stamp() == word.stamp() {
                        *held = Arc::clone(&word);
                    }
                }
            }
        }
        true
    }

    fn insert(&mut self, word: Arc<Word>, alive: usize) {
        let stamp = *word.stamp();
        if let Some(deadline) = self.rules.dies_at(&word) {
            self.deadlines.insert((deadline, stamp));
        }
        self.fingerprint = self.fingerprint.wrapping_add(word.entry.digest());
        self.by_id.insert((word.entry.notification.id, stamp));
        self.entries.insert(stamp, Slot { word, alive });
    }

    fn remove(&mut self, stamp: &Stamp) -> Option<Arc<Entry>> {
        let Slot { word, .. } = self.entries.remove(stamp)?;
        if let Some(deadline) = self.rules.dies_at(&word) {
            self.deadlines.remove(&(deadline, *stamp));
        }
        let entry = Arc::clone(&word.entry);
        self.fingerprint = self.fingerprint.wrapping_sub(entry.digest());
        self.by_id.remove(&(entry.notification.id, *stamp));
        for target in &entry.notification.targets {
            if let Some(words) = self.targets.get_mut(target) {
                Arc::make_mut(words).remove(&word.speaker, stamp);
                if words.is_empty() {
                    self.targets.remove(target);
                }
            }
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests;
