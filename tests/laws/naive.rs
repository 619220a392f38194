//! docs/contract.md#the-rules once more: the pseudo-code and the dead rules as they stand on the page, over everything
//! that was ever said, nothing dropped, nothing indexed, every question asked of every word.
//!
//! Shares the record types with the crate and nothing else: it compares stamps by itself and reads
//! criteria as the JSON that they are written as.

use std::sync::Arc;

use forewarn::availability::{Because, Entry, Restore, Source, Stamp, Status, Target};
use serde_json::Value;

/// δ and lapse, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Constants {
    pub delta: i64,
    pub lapse: i64,
}

type StampKey = (i64, u32, [u8; 16], [u8; 16]);

/// An entry with what docs/contract.md#terms says of it.
#[derive(Debug, Clone)]
struct Said {
    entry: Arc<Entry>,
    stamp: StampKey,
    at: (i64, StampKey),
    since: i64,
    back: Option<i64>,
    automatic: bool,
    opening: bool,
    closing: bool,
    plan: bool,
    /// `None`: the operators.
    reporter: Option<String>,
    /// As JSON, and the text of it, to compare.
    criteria: Option<(Value, String)>,
}

fn key(stamp: &Stamp) -> StampKey {
    (stamp.time.millis(), stamp.counter, *stamp.node.0.as_bytes(), stamp.hash)
}

impl Said {
    fn of(entry: &Arc<Entry>) -> Self {
        let n = &entry.notification;
        let stamp = key(&entry.stamp);
        let begins = n.goes_down_at.map(|moment| moment.millis());
        let closing = n.cancels.is_none() && n.status == Some(Status::Unavailable);
        let plan = closing && begins.is_some_and(|begins| begins > stamp.0);
        let later = if plan || n.cancels.is_some() { begins.unwrap_or(0).max(stamp.0) } else { stamp.0 };
        let criteria = n.criteria.as_ref().map(|criteria| serde_json::to_value(criteria).unwrap());
        Self {
            entry: Arc::clone(entry),
            stamp,
            at: (later, stamp),
            since: begins.unwrap_or(stamp.0),
            back: n.expected_back_at.map(|moment| moment.millis()),
            automatic: n.restore == Restore::Automatic,
            opening: n.status == Some(Status::Available),
            closing,
            plan,
            reporter: match n.source {
                Source::Operator => None,
                // Of a newer version: who names himself is a reporter, who does not speaks for the operators.
                Source::Unread(_) => n.reporter.clone(),
                _ => Some(n.reporter.clone().unwrap_or_default()),
            },
            criteria: criteria.map(|value| (value.clone(), value.to_string())),
        }
    }

    fn is_on(&self, target: &Target) -> bool {
        self.entry.notification.targets.contains(target)
    }

    fn immediate(&self) -> bool {
        (self.opening || self.closing) && !self.plan
    }

    /// `self ⊑ y`.
    fn within(&self, y: &Self) -> bool {
        match (&self.criteria, &y.criteria) {
            (_, None) => true,
            (Some((_, one)), Some((_, other))) => one == other,
            (None, Some(_)) => false,
        }
    }

    fn cancels(&self, x: &Self) -> bool {
        x.plan && self.entry.notification.cancels == Some(x.entry.notification.id)
    }
}

/// A request, as far as the criteria of the generator look at it.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    pub method: &'static str,
    pub path: &'static str,
    pub node: &'static str,
}

impl Ask {
    /// Whether the criteria of this entry match it.
    pub fn fits(&self, entry: &Arc<Entry>) -> bool {
        self.matches(&Said::of(entry))
    }

    fn matches(&self, said: &Said) -> bool {
        let Some((criteria, _)) = &said.criteria else { return true };
        criteria.as_object().unwrap().iter().all(|(kind, members)| {
            // What a newer version says instead of a list cannot be judged.
            let Some(members) = members.as_array() else { return false };
            let mut members = members.iter().map(|member| member.as_str().unwrap());
            match kind.as_str() {
                "methods" => members.any(|method| method == self.method),
                "paths" => members.any(|glob| glob_matches(glob, self.path)),
                "nodes" => members.any(|node| node == self.node),
                "headers" | "query" | "clients" => panic!("the generator makes no {kind}"),
                _ => false,
            }
        })
    }
}

/// `*`, `?` and `[…]` by the book: tries everything.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let text: Vec<char> = text.chars().collect();
    run(&glob, &text)
}

fn run(glob: &[char], text: &[char]) -> bool {
    match glob {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|skip| run(rest, &text[skip..])),
        ['?', rest @ ..] => !text.is_empty() && run(rest, &text[1..]),
        ['[', rest @ ..] => {
            let negated = matches!(rest, ['!' | '^', ..]);
            let rest = if negated { &rest[1..] } else { rest };
            // The first member may be a `]`.
            let close = 1 + rest[1..].iter().position(|c| *c == ']').unwrap();
            let mut members = Vec::new();
            let mut at = 0;
            while at < close {
                if at + 2 < close && rest[at + 1] == '-' {
                    members.extend(rest[at]..=rest[at + 2]);
                    at += 3;
                } else {
                    members.push(rest[at]);
                    at += 1;
                }
            }
            !text.is_empty() && members.contains(&text[0]) != negated && run(&rest[close + 1..], &text[1..])
        }
        [c, rest @ ..] => text.first() == Some(c) && run(rest, &text[1..]),
    }
}

/// Who uses what, and how many reporters must agree.
#[derive(Debug, Clone)]
pub struct Application {
    pub name: Target,
    pub agree: usize,
    /// By name.
    pub uses: Vec<(Target, usize)>,
}

/// A verdict: its causes in order, the earliest since, the latest return.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// What is closed, by which entry, since when.
    pub causes: Vec<(Target, Stamp, i64)>,
    pub since: Option<i64>,
    pub back: Option<i64>,
    /// What is degraded, and by which entry; own, system, resources by name, operators first.
    pub advisories: Vec<(Target, Stamp)>,
}

/// Everything that a node has ever heard, and the L it has heard of.
#[derive(Debug, Clone)]
pub struct Naive {
    constants: Constants,
    limit: i64,
    all: Vec<Said>,
}

impl Naive {
    /// Of all this at once; `limit` may be greater than what any of it says.
    pub fn new(constants: Constants, limit: i64, heard: &[Arc<Entry>]) -> Self {
        let mut naive = Self { constants, limit: 0, all: Vec::new() };
        naive.advance(limit);
        heard.iter().for_each(|entry| naive.hear(entry));
        naive
    }

    /// One more. The same entry accepted by two nodes is one; the name that sorts first stays.
    pub fn hear(&mut self, entry: &Arc<Entry>) {
        let said = Said::of(entry);
        self.limit = self.limit.max(said.stamp.0);
        let later = self.all.iter().position(|known| known.stamp >= said.stamp).unwrap_or(self.all.len());
        match self.all.get_mut(later).filter(|known| known.stamp == said.stamp) {
            Some(known) if said.entry.notification.node < known.entry.notification.node => *known = said,
            Some(_) => {}
            None => self.all.insert(later, said),
        }
    }

    /// Somebody else's L.
    pub fn advance(&mut self, limit: i64) {
        self.limit = self.limit.max(limit);
    }

    pub fn limit(&self) -> i64 {
        self.limit
    }

    fn threshold(&self) -> i64 {
        self.limit - 2 * self.constants.delta
    }

    fn clock(&self, now: i64) -> i64 {
        now.max(self.threshold())
    }

    fn older_than_lapse(&self, x: &Said, clock: i64) -> bool {
        x.reporter.is_some() && x.stamp.0 + self.constants.lapse < clock
    }

    /// Rules 1 to 3.
    fn kills(&self, y: &Said, x: &Said) -> bool {
        let operators_opening = |w: &Said| w.opening && w.reporter.is_none();
        let newer = y.stamp > x.stamp;
        let first = y.immediate()
            && y.reporter == x.reporter
            && y.at > x.at
            && x.within(y)
            && (!operators_opening(x) || y.opening);
        let second = x.reporter.is_some() && operators_opening(y) && y.at > x.at && x.within(y);
        let plan = y.entry.notification.cancels;
        let third = newer && (y.cancels(x) || (plan.is_some() && x.entry.notification.cancels == plan));
        first || second || third
    }

    /// Rules 4 and 5.
    fn over(&self, x: &Said) -> bool {
        let t = self.threshold();
        let plan_or_cancel = x.plan || x.entry.notification.cancels.is_some();
        let fourth = plan_or_cancel && x.automatic && x.back.is_some_and(|back| back <= t);
        fourth || self.older_than_lapse(x, t)
    }

    fn dead(&self, x: &Said, target: &Target) -> bool {
        self.over(x) || self.all.iter().any(|y| y.is_on(target) && self.kills(y, x))
    }

    /// What is left when the dead have gone, by stamp.
    pub fn retained(&self) -> Vec<Arc<Entry>> {
        let gone = |x: &Said| x.entry.notification.targets.iter().all(|target| self.dead(x, target));
        self.all.iter().filter(|x| !gone(x)).map(|x| Arc::clone(&x.entry)).collect()
    }

    /// Whether time alone has ended this one, and whether these together kill it everywhere.
    pub fn explains(&self, stamp: &Stamp, killers: &[Stamp]) -> bool {
        let find = |stamp: &Stamp| self.all.iter().find(|said| said.stamp == key(stamp)).unwrap();
        let x = find(stamp);
        if killers.is_empty() {
            return self.over(x);
        }
        let killed_on = |target: &Target| killers.iter().map(find).any(|y| y.is_on(target) && self.kills(y, x));
        x.entry.notification.targets.iter().all(killed_on)
    }

    fn says<'a>(&self, w: &[&'a Said], ask: &Ask, clock: i64) -> Option<&'a Said> {
        let mut c: Vec<&Said> = w.iter().copied().filter(|x| (x.opening || x.closing) && ask.matches(x)).collect();
        c.retain(|x| !w.iter().any(|y| y.cancels(x)));
        c.retain(|x| !(x.plan && x.since > clock));
        c.retain(|x| !w.iter().any(|y| y.immediate() && y.at > x.at && x.within(y)));
        c.retain(|x| !(x.closing && x.automatic && x.back.is_some_and(|back| back <= clock)));
        c.into_iter().max_by_key(|x| x.at)
    }

    fn openings(&self, target: &Target, ask: &Ask) -> Vec<(i64, StampKey)> {
        let all = self.all.iter().filter(|x| x.is_on(target) && x.reporter.is_none());
        all.filter(|x| x.opening && ask.matches(x)).map(|x| x.at).collect()
    }

    fn target<'a>(
        &'a self,
        target: &Target,
        agree: usize,
        ask: &Ask,
        clock: i64,
        floor: Option<(i64, StampKey)>,
    ) -> Vec<&'a Said> {
        let w: Vec<&Said> = self.all.iter().filter(|x| x.is_on(target) && !self.older_than_lapse(x, clock)).collect();
        let mut closed = Vec::new();
        let operators: Vec<&Said> = w.iter().copied().filter(|x| x.reporter.is_none()).collect();
        closed
            .extend(self.says(&operators, ask, clock).filter(|o| o.closing && floor.is_none_or(|floor| o.at > floor)));
        let open = self.openings(target, ask).into_iter().chain(floor).map(|(time, _)| time).max();
        let mut names: Vec<&String> = w.iter().filter_map(|x| x.reporter.as_ref()).collect();
        names.sort();
        names.dedup();
        let mut m = Vec::new();
        for name in names {
            let own: Vec<&Said> = w.iter().copied().filter(|x| x.reporter.as_ref() == Some(name)).collect();
            m.extend(self.says(&own, ask, clock).filter(|x| x.closing && open.is_none_or(|open| x.since > open)));
        }
        if m.len() >= agree {
            // The page leaves their order open; the earliest first, as the first one is shown.
            m.sort_by_key(|x| (x.since, x.at));
            closed.extend(m);
        }
        closed
    }

    /// Of a target that is open: the deciding words that say it is degraded, and are not over. They are
    /// silenced by what silences closings.
    fn advisories<'a>(
        &'a self,
        target: &Target,
        ask: &Ask,
        clock: i64,
        floor: Option<(i64, StampKey)>,
    ) -> Vec<&'a Said> {
        let w: Vec<&Said> = self.all.iter().filter(|x| x.is_on(target) && !self.older_than_lapse(x, clock)).collect();
        let open = self.openings(target, ask).into_iter().chain(floor).map(|(time, _)| time).max();
        let mut speakers: Vec<Option<&String>> = w.iter().map(|x| x.reporter.as_ref()).collect();
        speakers.sort();
        speakers.dedup();
        let mut found = Vec::new();
        for speaker in speakers {
            let own: Vec<&Said> = w.iter().copied().filter(|x| x.reporter.as_ref() == speaker).collect();
            found.extend(self.says(&own, ask, clock).filter(|x| {
                let over = x.automatic && x.back.is_some_and(|back| back <= clock);
                let later = match speaker {
                    None => floor.is_none_or(|floor| x.at > floor),
                    Some(_) => open.is_none_or(|open| x.since > open),
                };
                x.entry.notification.degraded && !over && later
            }));
        }
        found
    }

    /// Without the words that are dead, target by target: what a ledger has to explain itself by.
    pub fn living(&self) -> Self {
        let mut naive = self.clone();
        for (said, x) in naive.all.iter_mut().zip(&self.all) {
            Arc::make_mut(&mut said.entry).notification.targets.retain(|target| !self.dead(x, target));
        }
        naive.all.retain(|said| !said.entry.notification.targets.is_empty());
        naive
    }

    /// The same as if one entry had said nothing of this target. L stays what it is.
    pub fn without(&self, stamp: &Stamp, target: &Target) -> Self {
        let mut naive = self.clone();
        for said in naive.all.iter_mut().filter(|said| said.stamp == key(stamp)) {
            Arc::make_mut(&mut said.entry).notification.targets.retain(|one| one != target);
        }
        naive
    }

    /// Whether this is true of a word: looked up in everything that was ever said, nothing dropped.
    pub fn holds(
        &self,
        because: &Because,
        (application, target): (&Application, &Target),
        stamp: &Stamp,
        ask: &Ask,
        now: i64,
    ) -> bool {
        let clock = self.clock(now);
        let x = self.all.iter().find(|said| said.stamp == key(stamp)).unwrap();
        let w: Vec<&Said> = self.all.iter().filter(|y| y.is_on(target) && !self.older_than_lapse(y, clock)).collect();
        let own: Vec<&Said> = w.iter().copied().filter(|y| y.reporter == x.reporter).collect();
        let by = |id: &uuid::Uuid| own.iter().copied().filter(|y| y.entry.notification.id == *id).collect::<Vec<_>>();
        let floor =
            if *target == Target::System { self.openings(&application.name, ask).into_iter().max() } else { None };
        let decides = || self.says(&own, ask, clock).is_some_and(|said| said.stamp == x.stamp);
        let silenced = || self.openings(target, ask).into_iter().chain(floor).any(|(time, _)| x.since <= time);
        let (operators, closes) = (x.reporter.is_none(), x.closing);
        match because {
            Because::Cancels => x.entry.notification.cancels.is_some(),
            Because::Lapsed(lapse) => {
                self.older_than_lapse(x, clock) && i64::try_from(lapse.as_millis()) == Ok(self.constants.lapse)
            }
            Because::TakenBack(id) => by(id).iter().any(|y| y.cancels(x)),
            Because::NotBegun(begins) => x.plan && x.since > clock && begins.millis() == x.since,
            Because::Replaced(id) => by(id).iter().any(|y| y.immediate() && y.at > x.at && x.within(y)),
            Because::Over(ended) => closes && x.automatic && x.back == Some(ended.millis()) && ended.millis() <= clock,
            Because::Unread(kinds) => !kinds.is_empty() && !ask.matches(x),
            Because::NoMatch => !ask.matches(x),
            Because::Earlier => self.says(&own, ask, clock).is_some_and(|said| said.at > x.at),
            Because::OpenedLater => operators && closes && decides() && floor.is_some_and(|floor| x.at <= floor),
            Because::Silenced => !operators && closes && decides() && silenced(),
            Because::TooFew { found, agree } => {
                !operators && closes && decides() && !silenced() && found < agree && *found > 0
            }
            Because::FindsAvailable => !operators && x.opening && decides(),
            Because::Opens => operators && x.opening && decides(),
            Because::Advises => {
                let advisories = self.verdict(application, ask, now).advisories;
                advisories.iter().any(|(degraded, by)| degraded == target && by == stamp)
            }
            Because::Closes => {
                let causes = self.verdict(application, ask, now).causes;
                causes.iter().any(|(closed, by, _)| closed == target && by == stamp)
            }
        }
    }

    /// `application` of docs/contract.md#the-rules.
    pub fn verdict(&self, application: &Application, ask: &Ask, now: i64) -> Outcome {
        let clock = self.clock(now);
        let floor = self.openings(&application.name, ask).into_iter().max();
        let mut layers = vec![(application.name.clone(), application.agree, None), (Target::System, 1, floor)];
        layers.extend(application.uses.iter().map(|(resource, agree)| (resource.clone(), *agree, None)));
        let mut outcome = Outcome::default();
        let mut backs = Vec::new();
        for (target, agree, floor) in layers {
            let closed = self.target(&target, agree, ask, clock, floor);
            if closed.is_empty() {
                let advisories = self.advisories(&target, ask, clock, floor);
                outcome.advisories.extend(advisories.into_iter().map(|x| (target.clone(), x.entry.stamp)));
            }
            for x in closed {
                outcome.causes.push((target.clone(), x.entry.stamp, x.since));
                backs.push(x.back);
            }
        }
        outcome.since = outcome.causes.iter().map(|(.., since)| *since).min();
        outcome.back = if backs.contains(&None) { None } else { backs.into_iter().flatten().max() };
        outcome
    }

    /// Plans on what an application depends on that have not begun and that nothing has overtaken.
    pub fn upcoming(&self, application: &Application, now: i64) -> Vec<Stamp> {
        let clock = self.clock(now);
        let targets: Vec<&Target> = [&application.name, &Target::System]
            .into_iter()
            .chain(application.uses.iter().map(|(name, _)| name))
            .collect();
        let stands = |x: &Said| targets.iter().any(|target| x.is_on(target) && !self.dead(x, target));
        let mut plans: Vec<&Said> = self.all.iter().filter(|x| x.plan && x.since > clock && stands(x)).collect();
        plans.retain(|x| !self.older_than_lapse(x, clock));
        plans.sort_by_key(|x| (x.since, x.stamp));
        plans.into_iter().map(|x| x.entry.stamp).collect()
    }
}
