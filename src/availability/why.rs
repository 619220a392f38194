//! Why a verdict is what it is: every word that was considered, and why it counted or did not.
//!
//! Follows the same clauses as [`super::verdict`], in words. For people and for `why`; not on the
//! gate's path.

use super::{
    At, Moment, RequestFacts, Rules, Says, Target, TargetWords, Word,
    verdict::{Definition, View},
};

/// One word that was considered.
#[derive(Debug, Clone)]
pub struct Considered {
    /// The entry that says it.
    pub entry: std::sync::Arc<super::Entry>,
    /// `own`, `system` or `resource:NAME`.
    pub layer: String,
    /// `operators`, or the reporter.
    pub reporter: String,
    /// `available`, `unavailable` or `cancel`.
    pub said: &'static str,
    /// Why it counted or did not.
    pub because: String,
}

/// Every word on the application, the system and the resources it uses, in that order.
pub fn explain(view: &View, definition: &Definition, request: &RequestFacts<'_>, now: Moment) -> Vec<Considered> {
    let clock = view.rules.clock(now, view.limit);
    let case = Case { rules: view.rules, clock, request };
    let opened = case.newest_opening(&view.own);
    let mut considered = Vec::new();
    case.layer(&mut considered, "own", &view.own, definition.agree, None);
    case.layer(&mut considered, "system", &view.system, 1, opened);
    for (name, agree, words) in &view.resources {
        let target = Target::Resource(name.clone());
        case.layer(&mut considered, &target.to_string(), words, *agree, None);
    }
    considered
}

struct Case<'a> {
    rules: Rules,
    clock: Moment,
    request: &'a RequestFacts<'a>,
}

impl Case<'_> {
    fn matches(&self, word: &Word) -> bool {
        word.criteria().is_none_or(|criteria| criteria.match_request(self.request))
    }

    fn newest_opening(&self, words: &TargetWords) -> Option<At> {
        words.operators().filter(|word| word.says == Says::Opening && self.matches(word)).map(|word| word.at).max()
    }

    /// Why this word of a speaker is not what the speaker says, or `None` if it may be.
    fn silent<'w>(&self, x: &Word, speaker: impl Iterator<Item = &'w Word> + Clone) -> Option<String> {
        let id = |word: &Word| word.entry.notification.id;
        if matches!(x.says, Says::Cancel(_)) {
            return Some("it takes a plan back and says nothing itself".to_owned());
        }
        if self.rules.lapsed(x, self.clock) {
            return Some(format!("it has lapsed: it was not repeated for {} s", self.rules.lapse.as_secs()));
        }
        if let Some(criteria) = x.criteria().filter(|criteria| criteria.has_unread()) {
            let kinds: Vec<&str> = criteria.unread().collect();
            return Some(format!(
                "it has criteria that this version does not know ({}), so it matches no request here",
                kinds.join(", ")
            ));
        }
        if !self.matches(x) {
            return Some("its criteria do not match this request".to_owned());
        }
        if let Some(y) = speaker.clone().find(|y| y.takes_back(x)) {
            return Some(format!("it was taken back by {}", id(y)));
        }
        if x.plan && x.since > self.clock {
            return Some(format!("it is a plan that begins at {}", x.since));
        }
        if let Some(y) = speaker.clone().find(|y| y.replaces(x)) {
            return Some(format!("it was replaced by {}", id(y)));
        }
        let over = x.ends.filter(|ends| x.says == Says::Closing && *ends <= self.clock);
        over.map(|ends| format!("it ended by itself at {ends}"))
    }

    fn layer(
        &self,
        considered: &mut Vec<Considered>,
        layer: &str,
        words: &TargetWords,
        agree: usize,
        floor: Option<At>,
    ) {
        let mut add = |word: &Word, reporter: &str, because: String| {
            considered.push(Considered {
                entry: std::sync::Arc::clone(&word.entry),
                layer: layer.to_owned(),
                reporter: reporter.to_owned(),
                said: match word.says {
                    Says::Opening => "available",
                    Says::Closing => "unavailable",
                    Says::Cancel(_) => "cancel",
                },
                because,
            });
        };
        let said = |speaker: &[&Word]| {
            speaker
                .iter()
                .filter(|x| self.silent(x, speaker.iter().copied()).is_none())
                .max_by_key(|x| x.at)
                .map(|x| *x.stamp())
        };
        let operators: Vec<&Word> = words.operators().collect();
        let spoken = said(&operators);
        for x in &operators {
            let because = self.silent(x, operators.iter().copied()).unwrap_or_else(|| match x.says {
                _ if Some(*x.stamp()) != spoken => "a later word of the operators counts".to_owned(),
                Says::Closing if Some(x.at) > floor => "it counts: the operators' latest word closes".to_owned(),
                Says::Closing => "the application itself was opened later".to_owned(),
                _ => "it counts: the operators' latest word opens".to_owned(),
            });
            add(x, "operators", because);
        }
        let silenced = floor.max(self.newest_opening(words)).map(|At(time, _)| time);
        let mut closing = Vec::new();
        for (reporter, speaker) in words.reporters() {
            let all: Vec<&Word> = speaker.collect();
            let standing: Vec<&Word> =
                all.iter().copied().filter(|word| !self.rules.lapsed(word, self.clock)).collect();
            let spoken = said(&standing);
            for x in &all {
                match self.silent(x, standing.iter().copied()) {
                    Some(because) => add(x, reporter, because),
                    None if Some(*x.stamp()) != spoken => {
                        add(x, reporter, "a later word of this reporter counts".to_owned())
                    }
                    None if x.says != Says::Closing => add(
                        x,
                        reporter,
                        "this reporter finds it available, which lifts only what it has closed itself".to_owned(),
                    ),
                    None if Some(x.since) <= silenced => {
                        add(x, reporter, "operators have said since that it is available".to_owned())
                    }
                    None => closing.push((*x, reporter.to_owned())),
                }
            }
        }
        let enough = closing.len() >= agree;
        let found = closing.len();
        for (x, reporter) in closing {
            let because = if enough {
                "it counts: this reporter closes".to_owned()
            } else {
                format!("{found} of {agree} reporters that must agree say so")
            };
            add(x, &reporter, because);
        }
    }
}
