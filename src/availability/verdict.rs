//! Whether an application is open for a request (SPEC 3), and why.
//!
//! A pure function of the words, L, the definition of the application, the request, the node and
//! the time. `says`, `target` and `application` follow the pseudo-code of SPEC 3 line by line;
//! `tests/laws` compares them with a naive second implementation.

use std::sync::Arc;

use super::{At, Entry, Ledger, Moment, Name, RequestFacts, Rules, Says, Speaker, Target, TargetWords, Word};

/// What an application is, as far as verdicts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: Name,
    /// The resources that it uses, in any order.
    pub uses: Vec<Name>,
    /// How many reporters must say unavailable before it counts; at least 1.
    pub agree: usize,
}

/// Where a cause stands, in the order in which causes are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The application itself.
    Own,
    /// The whole system.
    System,
    /// A resource that it uses.
    Resource,
}

/// One closing that counts.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Where it stands.
    pub layer: Layer,
    /// What is closed.
    pub target: Target,
    /// The entry that says so.
    pub entry: Arc<Entry>,
    /// Since when.
    pub since: Moment,
}

/// Open, or closed by these causes; the first one is the one to name.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Empty: open. Own, system, resources by name; operators before monitors.
    pub causes: Vec<Cause>,
}

impl Verdict {
    /// Whether the application performs the request.
    pub fn is_open(&self) -> bool {
        self.causes.is_empty()
    }

    /// The earliest of the causes' beginnings.
    pub fn since(&self) -> Option<Moment> {
        self.causes.iter().map(|cause| cause.since).min()
    }

    /// The latest of the expected returns; none, if any cause has none.
    pub fn expected_back_at(&self) -> Option<Moment> {
        let mut latest = None;
        for cause in &self.causes {
            latest = latest.max(Some(cause.entry.notification.expected_back_at?));
        }
        latest
    }

    /// The cause that decides: its reason, message and id are shown.
    pub fn first(&self) -> Option<&Cause> {
        self.causes.first()
    }
}

/// The words on each target that matters for one application, as one node knows them.
#[derive(Debug, Clone)]
pub struct View {
    /// δ and lapse.
    pub rules: Rules,
    /// L.
    pub limit: Moment,
    /// On the application.
    pub own: Arc<TargetWords>,
    /// On the system.
    pub system: Arc<TargetWords>,
    /// On each resource that it uses, by name, with how many reporters must agree.
    pub resources: Vec<(Name, usize, Arc<TargetWords>)>,
}

impl View {
    /// What a ledger has on this application. `agree_of` gives the resources' `agree`.
    pub fn of(ledger: &Ledger, definition: &Definition, agree_of: impl Fn(&Name) -> usize) -> Self {
        let words = |target: &Target| ledger.words(target).cloned().unwrap_or_default();
        let mut uses = definition.uses.clone();
        uses.sort();
        uses.dedup();
        Self {
            rules: ledger.rules(),
            limit: ledger.limit(),
            own: words(&Target::Application(definition.name.clone())),
            system: words(&Target::System),
            resources: uses
                .into_iter()
                .map(|name| {
                    let held = words(&Target::Resource(name.clone()));
                    (name.clone(), agree_of(&name), held)
                })
                .collect(),
        }
    }

    /// Decides one request. Allocates only when the application is closed.
    pub fn decide(&self, definition: &Definition, request: &RequestFacts<'_>, now: Moment) -> Verdict {
        let at = Instant { rules: self.rules, clock: self.rules.clock(now, self.limit), request };
        let mut verdict = Verdict::default();
        let own = || Target::Application(definition.name.clone());
        let opened = newest_opening(&self.own, &at);
        target(&mut verdict, (Layer::Own, &own), &self.own, definition.agree, None, &at);
        target(&mut verdict, (Layer::System, &|| Target::System), &self.system, 1, opened, &at);
        for (name, agree, words) in &self.resources {
            let resource = || Target::Resource(name.clone());
            target(&mut verdict, (Layer::Resource, &resource), words, *agree, None, &at);
        }
        verdict
    }

    /// Everything in it is the same for every request: no word has criteria.
    pub fn is_uniform(&self) -> bool {
        self.all_words().all(|word| word.criteria().is_none())
    }

    /// The first instant after `clock` at which a verdict, or what is said about it, may change by
    /// time alone.
    pub fn next_change(&self, clock: Moment) -> Option<Moment> {
        let lapse = |word: &Word| {
            (word.speaker != Speaker::Operators)
                .then(|| word.stamp().time.after(self.rules.lapse).after(std::time::Duration::from_millis(1)))
        };
        self.all_words()
            .filter(|word| word.says == Says::Closing)
            .flat_map(|word| [Some(word.since), word.entry.notification.expected_back_at, lapse(word)])
            .flatten()
            .filter(|moment| *moment > clock)
            .min()
    }

    /// Plans that have not begun and are not taken back, by their beginning (SPEC 3, `upcoming`).
    pub fn upcoming(&self, now: Moment) -> Vec<Arc<Entry>> {
        let clock = self.rules.clock(now, self.limit);
        let mut plans: Vec<Arc<Entry>> = Vec::new();
        for words in self.targets() {
            for plan in upcoming(words, self.rules, clock) {
                if plans.iter().all(|known| known.stamp != plan.stamp) {
                    plans.push(Arc::clone(plan));
                }
            }
        }
        plans.sort_by_key(|plan| (plan.notification.since(), plan.stamp));
        plans
    }

    fn targets(&self) -> impl Iterator<Item = &TargetWords> {
        [&self.own, &self.system]
            .into_iter()
            .chain(self.resources.iter().map(|(.., words)| words))
            .map(|words| &**words)
    }

    fn all_words(&self) -> impl Iterator<Item = &Word> {
        self.targets().flat_map(TargetWords::iter)
    }
}

/// Decides about one target alone, as boards show resources and the system.
pub fn alone(
    words: &TargetWords,
    name: &Target,
    agree: usize,
    request: &RequestFacts<'_>,
    rules: Rules,
    clock: Moment,
) -> Verdict {
    let at = Instant { rules, clock, request };
    let mut verdict = Verdict::default();
    let layer = match name {
        Target::System => Layer::System,
        Target::Application(_) => Layer::Own,
        Target::Resource(_) => Layer::Resource,
    };
    target(&mut verdict, (layer, &|| name.clone()), words, agree, None, &at);
    verdict
}

/// Plans on one target that have not begun at `clock` and may still close something: not taken
/// back, not replaced by a word that counts as later (all of these are dead), not a monitor's that
/// has lapsed. So nothing disappears from the list by being dropped.
pub fn upcoming(words: &TargetWords, rules: Rules, clock: Moment) -> impl Iterator<Item = &Arc<Entry>> {
    words
        .iter()
        .filter(move |word| word.plan && word.since > clock && !rules.lapsed(word, clock))
        .map(|word| &word.entry)
}

/// The request and the time of one decision.
pub(super) struct Instant<'a> {
    pub(super) rules: Rules,
    pub(super) clock: Moment,
    pub(super) request: &'a RequestFacts<'a>,
}

impl Instant<'_> {
    pub(super) fn matches(&self, word: &Word) -> bool {
        word.criteria().is_none_or(|criteria| criteria.match_request(self.request))
    }
}

/// What one speaker says on one target (`says` of SPEC 3).
///
/// Looks at the candidates from the latest down, for the latest one nearly always stands: O(w) for
/// w words then, O(w²) at worst.
fn says<'a>(words: impl Iterator<Item = &'a Word> + Clone, at: &Instant<'_>) -> Option<&'a Word> {
    let candidate = |x: &&Word| {
        let pending = x.plan && x.since > at.clock;
        // Only closings end.
        let over = x.ends.is_some_and(|ends| ends <= at.clock);
        !matches!(x.says, Says::Cancel(_)) && !pending && !over && at.matches(x)
    };
    let gone = |x: &Word| words.clone().any(|y| y.takes_back(x) || y.replaces(x));
    let mut below: Option<At> = None;
    loop {
        let x =
            words.clone().filter(candidate).filter(|x| below.is_none_or(|last| x.at < last)).max_by_key(|x| x.at)?;
        if !gone(x) {
            return Some(x);
        }
        below = Some(x.at);
    }
}

/// The newest opening of the operators on a target that matches the request.
fn newest_opening(words: &TargetWords, at: &Instant<'_>) -> Option<At> {
    words.operators().filter(|word| word.says == Says::Opening && at.matches(word)).map(|word| word.at).max()
}

/// Adds what closes one target (`target` of SPEC 3).
fn target(
    verdict: &mut Verdict,
    (layer, name): (Layer, &dyn Fn() -> Target),
    words: &TargetWords,
    agree: usize,
    floor: Option<At>,
    at: &Instant<'_>,
) {
    let close = |word: &Word| Cause { layer, target: name(), entry: Arc::clone(&word.entry), since: word.since };
    if let Some(word) = says(words.operators(), at)
        && word.says == Says::Closing
        && Some(word.at) > floor
    {
        verdict.causes.push(close(word));
    }
    let since = floor.max(newest_opening(words, at)).map(|At(time, _)| time);
    let mut reported = Vec::new();
    for (_, said) in words.reporters() {
        let standing = said.filter(|word| !at.rules.lapsed(word, at.clock));
        reported.extend(says(standing, at).filter(|word| word.says == Says::Closing && Some(word.since) > since));
    }
    if !reported.is_empty() && reported.len() >= agree {
        reported.sort_by_key(|word| (word.since, word.at));
        verdict.causes.extend(reported.into_iter().map(close));
    }
}
