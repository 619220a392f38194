//! The words on everything an application needs, weighed at one instant: everything that does not depend on a
//! request is settled here (docs/contract.md#the-rules, `says` up to the criteria).
//!
//! Weighing costs O(w log w) for w words. It is repeated when words change or time has changed something; its
//! result decides requests ([`super::evaluate`]). The result is valid between two instants at which time
//! changes something.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    Because, Criteria, Entry, Moment, Restore, Rules, Says, Stamp, Target, Word,
    beginning::Beginning,
    verdict::{Layer, View},
};

/// See the module. Immutable.
#[derive(Debug)]
pub struct Weighed {
    pub(super) subjects: Vec<Weighing>,
    /// A word for each distinct criteria of those that may count.
    pub(super) kinds: Vec<Arc<Word>>,
    /// How paths begin that they can match, in the same order.
    pub(super) beginnings: Vec<Beginning>,
    from: Moment,
    until: Option<Moment>,
}

/// One target.
#[derive(Debug)]
pub(super) struct Weighing {
    pub(super) layer: Layer,
    pub(super) target: Target,
    pub(super) agree: usize,
    pub(super) operators: Voice,
    pub(super) reporters: Vec<Voice>,
    /// The operators' latest openings of each kind, the latest first. Those that a closing has replaced
    /// are among them: they still silence monitors.
    pub(super) openings: Vec<Standing>,
}

/// What one speaker has said on one target.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// What may count, if its criteria match: the latest first.
    pub(super) standing: Vec<Standing>,
    /// Words that cannot count for any request.
    pub(super) silent: Vec<(Arc<Word>, Because)>,
}

/// A word that counts for the requests that its criteria match.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) word: Arc<Word>,
    /// Its criteria's place in [`Weighed::kinds`]; none for all requests.
    pub(super) kind: Option<usize>,
    /// It is degraded: an opening with an advisory.
    pub(super) advises: bool,
    /// A plan that has not begun, and turns away those who are not inside (docs/contract.md#last-entry).
    pub(super) newcomers: bool,
}

impl View {
    /// Settles everything that does not depend on a request. `clock` is the time of verdicts
    /// ([`Rules::clock`]).
    pub fn weigh(&self, clock: Moment) -> Weighed {
        let mut kinds = Kinds::default();
        let subjects = self.subjects.iter().map(|subject| {
            let said: Vec<&Arc<Word>> = subject.words.operators().collect();
            let operators = Voice::of(&said, self.rules, clock, &mut kinds);
            let openings = latest_openings(&said).into_iter().map(|word| kinds.standing(word, clock)).collect();
            let reporters = subject
                .words
                .reporters()
                .map(|(_, said)| Voice::of(&said.collect::<Vec<_>>(), self.rules, clock, &mut kinds))
                .collect();
            let (layer, target, agree) = (subject.layer, subject.target.clone(), subject.agree);
            Weighing { layer, target, agree, operators, reporters, openings }
        });
        let subjects = subjects.collect();
        let (from, until) = self.span(clock);
        let beginnings = kinds.found.iter().filter_map(|word| word.criteria()).map(Beginning::of).collect();
        Weighed { subjects, kinds: kinds.found, beginnings, from, until }
    }
}

impl Weighed {
    /// Whether weighing again at this time would give the same result.
    pub fn holds_at(&self, clock: Moment) -> bool {
        self.from <= clock && self.until.is_none_or(|until| clock < until)
    }

    /// The first instant after it was weighed at which a verdict, or what is said about it, may change by
    /// time alone.
    pub fn until(&self) -> Option<Moment> {
        self.until
    }

    /// The distinct criteria of the words that may count.
    pub fn criteria(&self) -> impl Iterator<Item = &Criteria> {
        self.kinds.iter().filter_map(|word| word.criteria())
    }

    /// Whether the last entry of a plan is over: those who are inside are decided differently.
    pub fn turns_newcomers_away(&self) -> bool {
        let mut voices = self.subjects.iter().flat_map(|subject| subject.reporters.iter().chain([&subject.operators]));
        voices.any(|voice| voice.standing.iter().any(|standing| standing.newcomers))
    }

    /// Closings and advisories that may count for some request, and plans.
    pub fn in_force(&self) -> Vec<Arc<Entry>> {
        let voices = self.subjects.iter().flat_map(|subject| subject.reporters.iter().chain([&subject.operators]));
        let standing = voices.flat_map(|voice| &voice.standing);
        let counting = standing.filter(|standing| standing.word.says == Says::Closing || standing.advises);
        counting.map(|standing| Arc::clone(&standing.word.entry)).chain(self.upcoming()).collect()
    }

    /// Plans that have not begun and are not cancelled, by their beginning
    /// (docs/contract.md#several-causes).
    pub fn upcoming(&self) -> Vec<Arc<Entry>> {
        let voices = self.subjects.iter().flat_map(|subject| subject.reporters.iter().chain([&subject.operators]));
        let plans = voices.flat_map(|voice| {
            let silent = voice.silent.iter().filter(|(_, because)| matches!(because, Because::NotBegun(_)));
            let turning_away = voice.standing.iter().filter(|standing| standing.newcomers);
            silent.map(|(word, _)| word).chain(turning_away.map(|standing| &standing.word))
        });
        let by_beginning: BTreeMap<(Moment, Stamp), &Arc<Entry>> =
            plans.map(|word| ((word.since, *word.stamp()), &word.entry)).collect();
        by_beginning.into_values().cloned().collect()
    }
}

impl Voice {
    // A glob compares by its text; the matcher that it compiles later takes no part in that.
    #[allow(clippy::mutable_key_type)]
    fn of(words: &[&Arc<Word>], rules: Rules, clock: Moment, kinds: &mut Kinds) -> Self {
        let mut voice = Self::default();
        let (lapsed, words): (Vec<_>, Vec<_>) = words.iter().copied().partition(|word| rules.lapsed(word, clock));
        voice.silent.extend(lapsed.into_iter().map(|word| (Arc::clone(word), Because::Lapsed(rules.lapse))));
        let mut cancels: HashMap<Uuid, &Arc<Word>> = HashMap::new();
        for word in &words {
            if let Says::Cancel(plan) = word.says
                && cancels.get(&plan).is_none_or(|known| word.stamp() > known.stamp())
            {
                cancels.insert(plan, word);
            }
        }
        // Of the words that can replace others, only the latest of each criteria matters.
        let latest = latest(&words, Word::immediate);
        for x in words {
            let cancel = cancels.get(&x.entry.notification.id).filter(|y| y.takes_back(x));
            let replaced = [latest.get(&None), latest.get(&x.criteria())];
            let replaced = replaced.into_iter().flatten().filter(|y| y.replaces(x)).max_by_key(|y| y.at);
            let id = |word: &Arc<Word>| word.entry.notification.id;
            let silent = match (x.says, cancel, replaced, x.ends) {
                (Says::Cancel(_), ..) => Because::Cancels,
                (_, Some(by), ..) => Because::TakenBack(id(by)),
                _ if x.plan && x.since > clock && x.last_entry.is_some_and(|from| from <= clock) => {
                    voice.standing.push(Standing { newcomers: true, ..kinds.standing(x, clock) });
                    continue;
                }
                _ if x.plan && x.since > clock => Because::NotBegun(x.since),
                (_, _, Some(by), _) => Because::Replaced(id(by)),
                (Says::Closing, .., Some(ends)) if ends <= clock => Because::Over(ends),
                _ => {
                    voice.standing.push(kinds.standing(x, clock));
                    continue;
                }
            };
            voice.silent.push((Arc::clone(x), silent));
        }
        voice.standing.sort_by_key(|standing| std::cmp::Reverse(standing.word.at));
        voice
    }
}

/// The latest opening of each criteria, the latest first.
fn latest_openings<'a>(words: &[&'a Arc<Word>]) -> Vec<&'a Arc<Word>> {
    let mut openings: Vec<_> = latest(words, |word| word.says == Says::Opening).into_values().collect();
    openings.sort_by_key(|word| std::cmp::Reverse(word.at));
    openings
}

/// Of these words, by their criteria, the one that counts as said last.
// A glob compares by its text; the matcher that it compiles later takes no part in that.
#[allow(clippy::mutable_key_type)]
fn latest<'a>(words: &[&'a Arc<Word>], among: impl Fn(&Word) -> bool) -> BTreeMap<Option<&'a Criteria>, &'a Arc<Word>> {
    let mut latest = BTreeMap::new();
    for word in words.iter().copied().filter(|word| among(word)) {
        let known = latest.entry(word.criteria()).or_insert(word);
        if word.at > known.at {
            *known = word;
        }
    }
    latest
}

/// Collects distinct criteria.
#[derive(Default)]
struct Kinds {
    found: Vec<Arc<Word>>,
}

impl Kinds {
    fn standing(&mut self, word: &Arc<Word>, clock: Moment) -> Standing {
        let kind = word.criteria().is_some().then(|| {
            self.found.iter().position(|known| known.covers(word)).unwrap_or_else(|| {
                // So that no request waits for it.
                word.criteria().into_iter().for_each(Criteria::prepare);
                self.found.push(Arc::clone(word));
                self.found.len() - 1
            })
        });
        // An advisory that ends by itself leaves a plain opening.
        let n = &word.entry.notification;
        let over = n.restore == Restore::Automatic && n.expected_back_at.is_some_and(|ends| ends <= clock);
        Standing { word: Arc::clone(word), kind, advises: word.degraded && !over, newcomers: false }
    }
}
