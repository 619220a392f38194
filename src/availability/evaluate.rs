//! The one function that evaluates words (docs/contract.md#one-evaluator). The gate's verdict, `why`, the board
//! and every other report of availability are views of its result, so that none of them can contradict the
//! gate.
//!
//! It implements `target` and `application` of docs/contract.md#the-rules. `tests/laws` compares it with a
//! naive second implementation, and each of its reasons with the rules.

use std::sync::Arc;

use super::{
    At, Because, Criteria, Request, RequestFacts, Says, Word,
    beginning::Start,
    verdict::{Cause, Layer, Verdict},
    weigh::{Standing, Voice, Weighed, Weighing},
};

/// How many distinct criteria a request is compared with before memory is allocated.
const INLINE: usize = 256;

/// One word that was considered.
#[derive(Debug, Clone)]
pub struct Considered {
    /// The word.
    pub word: Arc<Word>,
    /// `own`, `system` or `resource:NAME`.
    pub layer: String,
    /// Its fate.
    pub because: Because,
}

/// Records the fate of a word.
type Trace<'t> = dyn FnMut(&Weighing, &Arc<Word>, Because) + 't;

impl Weighed {
    /// Decides one request. Allocates only for a closing, for words with more than 256 distinct criteria, or
    /// for criteria that read a query.
    pub fn decide(&self, facts: &RequestFacts<'_>) -> Verdict {
        let request = Request::new(*facts);
        let mut matching = self.matching(&request);
        let mut verdict = self.evaluate(|kind| matching.matches.has(kind), facts.inside, None);
        for path in facts.also.into_iter().flatten() {
            if verdict.is_open() && matching.read(self, &request, path) {
                verdict = self.evaluate(|kind| matching.matches.has(kind), facts.inside, None);
            }
        }
        verdict
    }

    /// Decides one request, and records for every word why it counted or not: words on the application, the
    /// system and the resources it uses, in that order, operators first.
    pub fn explain(&self, facts: &RequestFacts<'_>) -> (Verdict, Vec<Considered>) {
        let matching = self.matching(&Request::new(*facts)).matches;
        let mut considered = Vec::new();
        let mut trace = |subject: &Weighing, word: &Arc<Word>, because: Because| {
            let layer = match subject.layer {
                Layer::Own => "own".to_owned(),
                Layer::System => "system".to_owned(),
                Layer::Resource => subject.target.to_string(),
            };
            considered.push(Considered { word: Arc::clone(word), layer, because });
        };
        let verdict = self.evaluate(|kind| matching.has(kind), facts.inside, Some(&mut trace));
        (verdict, considered)
    }

    /// Whether it is plain at once that no criteria match a request, under any reading of its path: then it is
    /// decided like every other one that they leave alone. `false` says nothing.
    pub fn leaves_alone(&self, facts: &RequestFacts<'_>) -> bool {
        [Some(facts.path)].into_iter().chain(facts.also).flatten().all(|path| {
            let start = Start::of(path);
            !self.beginnings.iter().any(|beginning| beginning.fits(&start))
        })
    }

    /// Decides about a request that these criteria match (given by their place in
    /// [`Weighed::criteria`]) and no others; `inside` as in [`RequestFacts`].
    pub fn decide_where(&self, inside: bool, matches: impl Fn(usize) -> bool) -> Verdict {
        self.evaluate(matches, inside, None)
    }

    fn evaluate(&self, matches: impl Fn(usize) -> bool, inside: bool, mut trace: Option<&mut Trace<'_>>) -> Verdict {
        let speaks = |standing: &&Standing| standing.kind.is_none_or(&matches) && !(standing.newcomers && inside);
        let mut verdict = Verdict::default();
        let mut opened_itself: Option<At> = None;
        for subject in &self.subjects {
            let opened = subject.openings.iter().find(speaks).map(|standing| standing.word.at);
            if subject.layer == Layer::Own {
                opened_itself = opened;
            }
            // Opening one application while the system is closed opens that one.
            let floor = if subject.layer == Layer::System { opened_itself } else { None };
            let close = |standing: &Standing| subject.cause(standing);

            let said = subject.operators.standing.iter().find(speaks);
            let closed = said.filter(|said| said.word.says == Says::Closing && Some(said.word.at) > floor);
            verdict.causes.extend(closed.map(close));

            let since = floor.max(opened).map(|At(time, _)| time);
            let closes = |said: &&Standing| said.word.says == Says::Closing && Some(said.word.since) > since;
            let closing = || subject.reporters.iter().filter_map(|r| r.standing.iter().find(speaks)).filter(closes);
            let found = closing().count();
            let enough = found > 0 && found >= subject.agree;
            if enough {
                let mut agreeing: Vec<&Standing> = closing().collect();
                agreeing.sort_by_key(|said| (said.word.since, said.word.at));
                verdict.causes.extend(agreeing.into_iter().map(close));
            }

            let is_open = closed.is_none() && !enough;
            let advises = |at: bool, said: &Standing| is_open && at && said.advises;
            let own = |said: &Standing| advises(Some(said.word.at) > floor, said);
            let reported = |said: &Standing| advises(Some(said.word.since) > since, said);
            verdict.advisories.extend(said.filter(|said| own(said)).map(close));
            let reporters = subject.reporters.iter().filter_map(|r| r.standing.iter().find(speaks));
            verdict.advisories.extend(reporters.filter(|said| reported(said)).map(close));

            let Some(trace) = trace.as_deref_mut() else { continue };
            subject.operators.tell(subject, &matches, inside, trace, |said| match said.word.says {
                Says::Closing if closed.is_some() => Because::Closes,
                Says::Closing => Because::OpenedLater,
                _ if own(said) => Because::Advises,
                _ => Because::Opens,
            });
            for reporter in &subject.reporters {
                reporter.tell(subject, &matches, inside, trace, |said| match said.word.says {
                    Says::Closing if !closes(&said) => Because::Silenced,
                    Says::Closing if enough => Because::Closes,
                    Says::Closing => Because::TooFew { found, agree: subject.agree },
                    _ if reported(said) => Because::Advises,
                    _ => Because::FindsAvailable,
                });
            }
        }
        verdict
    }

    fn matching(&self, request: &Request<'_>) -> Matching {
        let mut matching = Matching::default();
        let start = Start::of(request.path());
        for ((kind, criteria), beginning) in self.criteria().enumerate().zip(&self.beginnings) {
            if beginning.fits(&start) {
                matching.judge(kind, criteria, request, request.path());
            }
        }
        matching
    }
}

impl Weighing {
    fn cause(&self, standing: &Standing) -> Cause {
        let word: &Word = &standing.word;
        let since = word.last_entry.filter(|_| standing.newcomers).unwrap_or(word.since);
        Cause { layer: self.layer, target: self.target.clone(), entry: Arc::clone(&word.entry), since }
    }
}

impl Voice {
    /// Records the fate of every word of one speaker; `deciding` is the fate of the word that counts.
    fn tell(
        &self,
        subject: &Weighing,
        matches: &dyn Fn(usize) -> bool,
        inside: bool,
        trace: &mut Trace<'_>,
        deciding: impl Fn(&Standing) -> Because,
    ) {
        let mut decided = false;
        for standing in &self.standing {
            let word = &standing.word;
            let unread = word.criteria().filter(|criteria| criteria.has_unread());
            let because = match unread {
                Some(criteria) => Because::Unread(criteria.unread().map(str::to_owned).collect()),
                None if !standing.kind.is_none_or(matches) => Because::NoMatch,
                None if standing.newcomers && inside => Because::NotBegun(word.since),
                None if std::mem::replace(&mut decided, true) => Because::Earlier,
                None => deciding(standing),
            };
            trace(subject, word, because);
        }
        self.silent.iter().for_each(|(word, because)| trace(subject, word, because.clone()));
    }
}

/// Which of the distinct criteria match a request, under one reading of its path.
#[derive(Default)]
struct Matching {
    matches: Kinds,
    /// Whether everything except the path matches, for the criteria evaluated so far: each is evaluated once.
    rest: Kinds,
    asked: Kinds,
}

impl Matching {
    /// Under another reading of the path; false: no criteria read the path.
    fn read(&mut self, weighed: &Weighed, request: &Request<'_>, path: &str) -> bool {
        let mut looked = false;
        let start = Start::of(path);
        for ((kind, criteria), beginning) in weighed.criteria().enumerate().zip(&weighed.beginnings) {
            if !criteria.has_paths() {
                continue;
            }
            looked = true;
            match beginning.fits(&start) {
                true => self.judge(kind, criteria, request, path),
                false => self.matches.set(kind, false),
            }
        }
        looked
    }

    fn judge(&mut self, kind: usize, criteria: &Criteria, request: &Request<'_>, path: &str) {
        let fits = criteria.match_path(path);
        if fits && !self.asked.has(kind) {
            self.asked.set(kind, true);
            self.rest.set(kind, criteria.match_rest(request));
        }
        self.matches.set(kind, fits && self.rest.has(kind) && !criteria.excepts(request, path));
    }
}

/// A set of distinct criteria, by their places in [`Weighed::criteria`].
#[derive(Default)]
struct Kinds {
    first: [u64; INLINE / 64],
    more: Vec<u64>,
}

impl Kinds {
    fn set(&mut self, kind: usize, to: bool) {
        let (word, bit) = (kind / 64, 1 << (kind % 64));
        let word = match self.first.get_mut(word) {
            Some(word) => word,
            None => {
                let at = word - self.first.len();
                self.more.resize(self.more.len().max(at + 1), 0);
                &mut self.more[at]
            }
        };
        *word = if to { *word | bit } else { *word & !bit };
    }

    fn has(&self, kind: usize) -> bool {
        let at = kind / 64;
        let word = self.first.get(at).or_else(|| self.more.get(at - self.first.len()));
        word.is_some_and(|word| word >> (kind % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests;
