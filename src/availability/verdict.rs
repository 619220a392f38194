//! Whether an application is open for a request (docs/contract.md#the-verdict), and the inputs of that
//! decision: the application's definition and the words on everything it needs.
//!
//! [`View`] holds the words. [`Weighed`](super::Weighed) is their state at one instant, and decides requests.

use std::sync::Arc;

use super::{Entry, Ledger, Moment, Name, Rules, Says, Speaker, Target, TargetWords, Word};

/// How long before it begins a plan is announced to those who are served.
pub const ANNOUNCED: std::time::Duration = std::time::Duration::from_secs(86_400);

/// What an application is, as far as verdicts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: Name,
    /// The resources that it uses, in any order.
    pub uses: Vec<Use>,
    /// How many reporters must say unavailable before it counts; at least 1.
    pub agree: usize,
}

impl Definition {
    /// Every target whose words affect the application.
    pub fn targets(&self) -> Vec<Target> {
        let resources = self.uses.iter().map(|used| Target::Resource(used.resource.clone()));
        [Target::Application(self.name.clone()), Target::System].into_iter().chain(resources).collect()
    }
}

/// A resource that an application uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// Its name.
    pub resource: Name,
    /// How many reporters must say unavailable before it counts; at least 1.
    pub agree: usize,
}

/// The layer of a cause, in the order in which causes are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The application itself.
    Own,
    /// The whole system.
    System,
    /// A resource that it uses.
    Resource,
}

impl Layer {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::System => "system",
            Self::Resource => "resource",
        }
    }
}

/// One closing that counts, or one advisory.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Its layer.
    pub layer: Layer,
    /// What is closed or degraded.
    pub target: Target,
    /// The entry that closes or degrades it.
    pub entry: Arc<Entry>,
    /// Since when.
    pub since: Moment,
}

impl Cause {
    /// When the plan begins that only turns newcomers away until then; `None` for everything else.
    pub fn begins(&self) -> Option<Moment> {
        let begins = self.entry.notification.since();
        (self.since < begins).then_some(begins)
    }
}

/// Open, or closed by these causes; the first one is the one to name.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Empty: open. Own, system, resources by name; operators before monitors.
    pub causes: Vec<Cause>,
    /// What works, but not as it should (docs/contract.md#advisories), in the order of causes. Changes
    /// nothing about being open.
    pub advisories: Vec<Cause>,
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

/// One target with the words on it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What it is to the application.
    pub layer: Layer,
    /// Which.
    pub target: Target,
    /// How many reporters must agree.
    pub agree: usize,
    /// The words on it.
    pub words: Arc<TargetWords>,
}

/// The words on each target that matters for one application, as one node knows them.
#[derive(Debug, Clone)]
pub struct View {
    /// δ and lapse.
    pub rules: Rules,
    /// The application itself first, then the system, then resources by name.
    pub(super) subjects: Vec<Subject>,
}

impl View {
    /// What a ledger has on this application.
    pub fn of(ledger: &Ledger, definition: &Definition) -> Self {
        let mut uses = definition.uses.clone();
        uses.sort();
        uses.dedup_by(|one, other| one.resource == other.resource);
        let own = (Layer::Own, Target::Application(definition.name.clone()), definition.agree);
        let resources = uses.into_iter().map(|used| (Layer::Resource, Target::Resource(used.resource), used.agree));
        let subjects = [own, (Layer::System, Target::System, 1)].into_iter().chain(resources);
        Self::on(ledger, subjects)
    }

    /// What a ledger has on one target alone, as boards show resources and the system.
    pub fn alone(ledger: &Ledger, target: Target, agree: usize) -> Self {
        let layer = match target {
            Target::System => Layer::System,
            Target::Application(_) => Layer::Own,
            Target::Resource(_) => Layer::Resource,
        };
        Self::on(ledger, [(layer, target, agree)])
    }

    fn on(ledger: &Ledger, subjects: impl IntoIterator<Item = (Layer, Target, usize)>) -> Self {
        let subject = |(layer, target, agree): (Layer, Target, usize)| {
            let words = ledger.words(&target).cloned().unwrap_or_default();
            Subject { layer, target, agree, words }
        };
        Self { rules: ledger.rules(), subjects: subjects.into_iter().map(subject).collect() }
    }

    /// The last instant up to `clock`, and the first one after it, at which a verdict, or what is said
    /// about it, may change by time alone.
    pub(super) fn span(&self, clock: Moment) -> (Moment, Option<Moment>) {
        let lapse = |word: &Word| {
            (word.speaker != Speaker::Operators)
                .then(|| word.stamp().time.after(self.rules.lapse).after(std::time::Duration::from_millis(1)))
        };
        let words = self.subjects.iter().flat_map(|subject| subject.words.iter());
        let changes = words
            .filter(|word| word.says == Says::Closing || word.degraded)
            .flat_map(|word| {
                let announced = word.plan.then(|| word.since.before(ANNOUNCED));
                [Some(word.since), word.entry.notification.expected_back_at, lapse(word), word.last_entry, announced]
            })
            .flatten();
        let (mut from, mut until) = (Moment::ZERO, None);
        for change in changes {
            if change <= clock {
                from = from.max(change);
            } else {
                until = Some(until.map_or(change, |until: Moment| until.min(change)));
            }
        }
        (from, until)
    }
}
