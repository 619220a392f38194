//! docs/contract.md#the-rules once more: the pseudo-code and the dead rules as they stand on the page, over everything
//! that was ever said, nothing dropped, nothing indexed, every question asked of every word.
//!
//! Shares the record types with the crate and nothing else: it compares stamps by itself and reads
//! criteria as the JSON that they are written as (`said`).

mod about;
mod said;

use std::sync::Arc;

use forewarn::availability::{Because, Entry, Stamp, Target};

pub use self::said::{Ask, glob_matches};
use self::{
    about::About,
    said::{Names, Said, StampKey, key},
};

/// δ and lapse, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Constants {
    pub delta: i64,
    pub lapse: i64,
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
    names: Arc<Names>,
}

impl Naive {
    /// Of all this at once; `limit` may be greater than what any of it says.
    pub fn new(constants: Constants, limit: i64, heard: &[Arc<Entry>]) -> Self {
        let mut naive = Self { constants, limit: 0, all: Vec::new(), names: Arc::default() };
        naive.advance(limit);
        heard.iter().for_each(|entry| naive.hear(entry));
        naive
    }

    /// One more. The same entry accepted by two nodes is one; the name that sorts first stays.
    pub fn hear(&mut self, entry: &Arc<Entry>) {
        let said = Said::of(entry, Arc::make_mut(&mut self.names));
        self.limit = self.limit.max(said.stamp.0);
        let later = self.all.iter().position(|known| known.stamp >= said.stamp).unwrap_or(self.all.len());
        match self.all.get_mut(later).filter(|known| known.stamp == said.stamp) {
            Some(known) if said.entry.notification.node < known.entry.notification.node => *known = said,
            Some(_) => {}
            None => self.all.insert(later, said),
        }
    }

    /// Had only these been heard, each of which was. L stays what it is.
    pub fn only<'a>(&self, heard: impl Iterator<Item = &'a Arc<Entry>>) -> Self {
        let find = |entry: &Arc<Entry>| {
            let said = self.find(&entry.stamp);
            assert!(Arc::ptr_eq(&said.entry, entry) || said.entry == *entry, "it was heard: {entry:?}");
            said.clone()
        };
        Self { all: heard.map(find).collect(), names: Arc::clone(&self.names), ..*self }
    }

    /// Somebody else's L.
    pub fn advance(&mut self, limit: i64) {
        self.limit = self.limit.max(limit);
    }

    pub fn limit(&self) -> i64 {
        self.limit
    }

    fn find(&self, stamp: &Stamp) -> &Said {
        let key = key(stamp);
        let place = self.all.binary_search_by(|said| said.stamp.cmp(&key));
        &self.all[place.unwrap_or_else(|_| panic!("never heard: {stamp:?}"))]
    }

    fn threshold(&self) -> i64 {
        self.limit - 2 * self.constants.delta
    }

    fn clock(&self, now: i64) -> i64 {
        now.max(self.threshold())
    }

    fn older_than_lapse(&self, x: &Said, clock: i64) -> bool {
        x.speaker != 0 && x.stamp.0 + self.constants.lapse < clock
    }

    /// Rules 1 to 3.
    fn kills(&self, y: &Said, x: &Said) -> bool {
        let operators_opening = |w: &Said| w.opening && w.speaker == 0;
        let newer = y.stamp > x.stamp;
        let first = y.immediate()
            && y.speaker == x.speaker
            && y.at > x.at
            && x.within(y)
            && (!operators_opening(x) || y.opening);
        let second = x.speaker != 0 && operators_opening(y) && y.at > x.at && x.within(y);
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

    /// On one target, whose bit this is.
    fn dead(&self, x: &Said, bit: u64) -> bool {
        self.over(x) || self.all.iter().any(|y| y.on & bit != 0 && self.kills(y, x))
    }

    /// Dead on all of its targets.
    fn gone(&self, x: &Said) -> bool {
        x.entry.notification.targets.iter().all(|target| self.dead(x, self.names.bit(target)))
    }

    /// What is left when the dead have gone, by stamp.
    pub fn retained(&self) -> Vec<Arc<Entry>> {
        self.all.iter().filter(|x| !self.gone(x)).map(|x| Arc::clone(&x.entry)).collect()
    }

    /// Whether time alone has ended this one, and whether these together kill it everywhere.
    pub fn explains(&self, stamp: &Stamp, killers: &[Stamp]) -> bool {
        let x = self.find(stamp);
        if killers.is_empty() {
            return self.over(x);
        }
        let killed_on = |target: &Target| {
            let bit = self.names.bit(target);
            killers.iter().map(|stamp| self.find(stamp)).any(|y| y.on & bit != 0 && self.kills(y, x))
        };
        x.entry.notification.targets.iter().all(killed_on)
    }

    /// The words on a target that have not lapsed.
    fn words(&self, bit: u64, clock: i64) -> Vec<&Said> {
        self.all.iter().filter(|x| x.on & bit != 0 && !self.older_than_lapse(x, clock)).collect()
    }

    /// `says`, for every speaker of these words, in no order. Those that have lapsed do not count.
    fn says<'a>(&self, w: &[&'a Said], fits: &[bool], clock: i64) -> Vec<&'a Said> {
        let counts = |x: &Said| {
            (x.opening || x.closing)
                && fits[x.criteria]
                && !(x.plan && x.since > clock)
                && !(x.closing && x.automatic && x.back.is_some_and(|back| back <= clock))
                && !self.older_than_lapse(x, clock)
        };
        let ends = |y: &Said, x: &Said| {
            y.speaker == x.speaker
                && (y.cancels(x) || y.immediate() && y.at > x.at && x.within(y))
                && !self.older_than_lapse(y, clock)
        };
        let mut last: Vec<&Said> = Vec::new();
        for x in w.iter().copied().filter(|x| counts(x) && !w.iter().any(|y| ends(y, x))) {
            match last.iter_mut().find(|known| known.speaker == x.speaker) {
                Some(known) if known.at > x.at => {}
                Some(known) => *known = x,
                None => last.push(x),
            }
        }
        last
    }

    /// When the operators last opened it, if they did.
    fn opened(&self, bit: u64, fits: &[bool]) -> Option<(i64, StampKey)> {
        let all = self.all.iter().filter(|x| x.on & bit != 0 && x.speaker == 0);
        all.filter(|x| x.opening && fits[x.criteria]).map(|x| x.at).max()
    }

    /// Without the words that are dead, target by target: what a ledger has to explain itself by.
    pub fn living(&self) -> Self {
        let mut naive = self.clone();
        for (said, x) in naive.all.iter_mut().zip(&self.all) {
            for target in &x.entry.notification.targets {
                let bit = self.names.bit(target);
                if self.dead(x, bit) {
                    said.forget(target, bit);
                }
            }
        }
        naive.all.retain(|said| said.on != 0);
        naive
    }

    /// The same as if one entry had said nothing of this target. L stays what it is.
    pub fn without(&self, stamp: &Stamp, target: &Target) -> Self {
        let mut naive = self.clone();
        for said in naive.all.iter_mut().filter(|said| said.stamp == key(stamp)) {
            said.forget(target, self.names.bit(target));
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
        let (clock, fits, bit) = (self.clock(now), self.names.fits(ask), self.names.bit(target));
        let x = self.find(stamp);
        let own: Vec<&Said> = self.words(bit, clock).into_iter().filter(|y| y.speaker == x.speaker).collect();
        let by = |id: &uuid::Uuid| own.iter().copied().filter(|y| y.entry.notification.id == *id).collect::<Vec<_>>();
        let is_system = *target == Target::System;
        let floor = if is_system { self.opened(self.names.bit(&application.name), &fits) } else { None };
        let said = || self.says(&own, &fits, clock).first().copied();
        let decides = || said().is_some_and(|said| said.stamp == x.stamp);
        let silenced = || self.opened(bit, &fits).max(floor).is_some_and(|(time, _)| x.since <= time);
        let (operators, closes) = (x.speaker == 0, x.closing);
        match because {
            Because::Cancels => x.entry.notification.cancels.is_some(),
            Because::Lapsed(lapse) => {
                self.older_than_lapse(x, clock) && i64::try_from(lapse.as_millis()) == Ok(self.constants.lapse)
            }
            Because::TakenBack(id) => by(id).iter().any(|y| y.cancels(x)),
            Because::NotBegun(begins) => x.plan && x.since > clock && begins.millis() == x.since,
            Because::Replaced(id) => by(id).iter().any(|y| y.immediate() && y.at > x.at && x.within(y)),
            Because::Over(ended) => closes && x.automatic && x.back == Some(ended.millis()) && ended.millis() <= clock,
            Because::Unread(kinds) => !kinds.is_empty() && !fits[x.criteria],
            Because::NoMatch => !fits[x.criteria],
            Because::Earlier => said().is_some_and(|said| said.at > x.at),
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

    /// What there is on an application and on what it depends on.
    pub fn about<'a>(&'a self, application: &'a Application) -> About<'a> {
        About::of(self, application)
    }

    /// `application` of docs/contract.md#the-rules.
    pub fn verdict(&self, application: &Application, ask: &Ask, now: i64) -> Outcome {
        self.about(application).asked(ask).verdict(now)
    }

    /// Plans on what an application depends on that have not begun and that nothing has overtaken.
    pub fn upcoming(&self, application: &Application, now: i64) -> Vec<Stamp> {
        let clock = self.clock(now);
        let targets = [&application.name, &Target::System].into_iter();
        let bits = targets.chain(application.uses.iter().map(|(name, _)| name)).map(|target| self.names.bit(target));
        let stands = |x: &Said| bits.clone().any(|bit| x.on & bit != 0 && !self.dead(x, bit));
        let mut plans: Vec<&Said> = self.all.iter().filter(|x| x.plan && x.since > clock && stands(x)).collect();
        plans.retain(|x| !self.older_than_lapse(x, clock));
        plans.sort_by_key(|x| (x.since, x.stamp));
        plans.into_iter().map(|x| x.entry.stamp).collect()
    }
}
