//! What this node's monitors have said in earlier runs: words that a monitor takes up again, and words that nobody
//! stands for any more.

use crate::{
    actors::messages::Question,
    availability::{Criteria, Name, Says, Speaker, Target, Word},
    monitor::{Claim, Standing, Statement},
    sync::{Node, Now},
};

/// A monitor of the configuration, as far as its words show it.
pub(super) struct Known {
    pub(super) reporter: String,
    pub(super) target: Target,
    pub(super) scope: Option<Criteria>,
}

/// What have the monitors of this node said that still stands?
pub(super) struct Survey {
    pub(super) node: Name,
    pub(super) known: Vec<Known>,
}

/// The words that stand.
pub(super) struct Surveyed {
    /// Of each monitor of the configuration.
    pub(super) standing: Vec<Option<Standing>>,
    /// Of reporters that are no monitor of the configuration, or not on this target or in this scope.
    pub(super) orphans: Vec<(Target, String)>,
}

impl Question for Survey {
    type Answer = Surveyed;

    fn look(self, node: &Node, _: Now) -> Surveyed {
        let mut standing = vec![None; self.known.len()];
        let mut orphans = Vec::new();
        let prefix = format!("{}/", self.node);
        for (target, words) in node.replica().ledger().targets() {
            for (reporter, said) in words.reporters() {
                // The nodes are one reporter for another farm: only what this one has accepted is its own.
                let is_farm = reporter.starts_with("farm/");
                if !is_farm && !reporter.starts_with(&prefix) {
                    continue;
                }
                let said = said.filter(|word| !is_farm || word.entry.notification.node == self.node);
                let last = |last: Option<&Word>, word: &Word| last.is_none_or(|last| word.at > last.at);
                let stands: Vec<&Word> = said.map(|word| &**word).filter(|word| is_finding(word)).collect();
                let latest = stands.iter().fold(None, |best, word| if last(best, word) { Some(*word) } else { best });
                let Some(latest) = latest else { continue };
                let place = self.known.iter().position(|one| one.reporter == reporter && one.target == *target);
                match place {
                    Some(at) if stands.iter().all(|word| word.criteria() == self.known[at].scope.as_ref()) => {
                        standing[at] = Some(standing_of(latest));
                    }
                    _ => orphans.push((target.clone(), reporter.to_owned())),
                }
            }
        }
        Surveyed { standing, orphans }
    }
}

/// Whether the last word of this reporter on this target, if there is one, closes or degrades.
pub(super) struct Stands {
    pub(super) target: Target,
    pub(super) reporter: String,
}

impl Question for Stands {
    type Answer = bool;

    fn look(self, node: &Node, _: Now) -> bool {
        let words = node.replica().ledger().words(&self.target);
        words.and_then(|words| words.latest_of(&self.reporter)).is_some_and(|word| is_finding(word))
    }
}

/// A closing, or an opening with an advisory: what a monitor has to take back.
fn is_finding(word: &Word) -> bool {
    debug_assert!(word.speaker != Speaker::Operators);
    word.says == Says::Closing || word.degraded
}

fn standing_of(word: &Word) -> Standing {
    let n = &word.entry.notification;
    let statement = Statement {
        claim: if word.degraded { Claim::Degraded } else { Claim::Unavailable },
        reason: None,
        message: n.message.clone(),
        expected_back_at: n.expected_back_at,
        held: false,
        origins: n.origins().map(str::to_owned).collect(),
    };
    Standing { statement, since: word.since }
}
