//! `application` of docs/contract.md#the-rules. The words on each target are looked for once for all questions.

use forewarn::availability::Target;

use super::{
    Application, Ask, Naive, Outcome,
    said::{Said, StampKey},
};

/// What there is on an application, the system and the resources that it uses, in this order.
pub struct About<'a> {
    naive: &'a Naive,
    layers: Vec<Layer<'a>>,
}

struct Layer<'a> {
    target: &'a Target,
    agree: usize,
    /// Those that have lapsed are among them.
    words: Vec<&'a Said>,
}

/// The same for one kind of request.
pub struct Asked<'a> {
    about: &'a About<'a>,
    /// Which criteria match it, by number.
    fits: Vec<bool>,
    /// When the operators last opened each target.
    opened: Vec<Option<(i64, StampKey)>>,
}

impl<'a> About<'a> {
    pub(super) fn of(naive: &'a Naive, application: &'a Application) -> Self {
        let own_and_system = [(&application.name, application.agree), (&Target::System, 1)];
        let resources = application.uses.iter().map(|(resource, agree)| (resource, *agree));
        let layer = |(target, agree): (&'a Target, usize)| {
            let bit = naive.names.bit(target);
            Layer { target, agree, words: naive.all.iter().filter(|x| x.on & bit != 0).collect() }
        };
        Self { naive, layers: own_and_system.into_iter().chain(resources).map(layer).collect() }
    }

    pub fn asked(&'a self, ask: &Ask) -> Asked<'a> {
        let fits = self.naive.names.fits(ask);
        let opened = |layer: &Layer<'_>| {
            let openings = layer.words.iter().filter(|x| x.opening && x.speaker == 0 && fits[x.criteria]);
            openings.map(|x| x.at).max()
        };
        Asked { about: self, opened: self.layers.iter().map(opened).collect(), fits }
    }
}

impl Asked<'_> {
    /// The verdict at this instant.
    pub fn verdict(&self, now: i64) -> Outcome {
        let naive = self.about.naive;
        let clock = naive.clock(now);
        let mut outcome = Outcome::default();
        let mut backs = Vec::new();
        for (layer, opened) in self.about.layers.iter().zip(&self.opened) {
            let target = layer.target;
            // Opening one application while the system is closed opens that one.
            let floor = if *target == Target::System { self.opened[0] } else { None };
            let said = naive.says(&layer.words, &self.fits, clock);
            let silent_until = (*opened).max(floor).map(|(time, _)| time);
            let is_later = |x: &Said| match x.speaker {
                0 => floor.is_none_or(|floor| x.at > floor),
                _ => silent_until.is_none_or(|open| x.since > open),
            };
            let closings = said.iter().copied().filter(|x| x.closing && is_later(x));
            let (mut closed, mut reported): (Vec<&Said>, Vec<&Said>) = closings.partition(|x| x.speaker == 0);
            if reported.len() >= layer.agree {
                // The page leaves their order open; the earliest first, as the first one is shown.
                reported.sort_by_key(|x| (x.since, x.at));
                closed.extend(reported);
            }
            if closed.is_empty() {
                // Of a target that is open: the deciding words that say it is degraded, and are not over. They are
                // silenced by what silences closings.
                let is_over = |x: &Said| x.automatic && x.back.is_some_and(|back| back <= clock);
                let advises = |x: &&Said| x.entry.notification.degraded && !is_over(x) && is_later(x);
                let mut advisories: Vec<&Said> = said.into_iter().filter(advises).collect();
                advisories.sort_by_key(|x| naive.names.name(x.speaker));
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
}
