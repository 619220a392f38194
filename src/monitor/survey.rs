//! What this node's monitors have said that still stands in the ledger: words that a monitor takes up again after a
//! restart, and words of monitors that are not configured any more.
//!
//! Must stay true: a word is taken back only by the node whose monitor has said it. The reporter shows that, except
//! for `farm` monitors, which are one reporter on all nodes: there the id shows it ([`super::mark`]).

use super::{Claim, Standing, Statement, mark};
use crate::availability::{Criteria, Entry, Ledger, Name, Says, Source, Speaker, Target, Word};

/// The prefix of the reporters of `farm` monitors.
const FARM: &str = "farm/";

/// A monitor of the configuration, as far as its words show it.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its name on all nodes.
    pub reporter: String,
    /// What its words are about.
    pub target: Target,
    /// For whom its words count; absent: for all.
    pub scope: Option<Criteria>,
}

/// A word of this node that no monitor of the configuration stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// What it is about.
    pub target: Target,
    /// Who has said it.
    pub reporter: String,
    /// The criteria of the opening that takes it back. Absent: it lifts all that this reporter has said of the target.
    pub criteria: Option<Criteria>,
}

impl Orphan {
    /// The kind of notifier that has said it.
    pub fn source(&self) -> Source {
        if self.reporter.starts_with(FARM) { Source::Farm } else { Source::Monitor }
    }
}

/// The words that stand.
#[derive(Debug, Default)]
pub struct Surveyed {
    /// Of each monitor of the configuration.
    pub standing: Vec<Option<Standing>>,
    /// Of monitors that are not in the configuration, or not with this target and scope.
    pub orphans: Vec<Orphan>,
}

/// What have the monitors of this node said that still stands?
pub fn survey(ledger: &Ledger, node: &Name, known: &[Known]) -> Surveyed {
    let mut surveyed = Surveyed { standing: vec![None; known.len()], orphans: Vec::new() };
    let prefix = format!("{node}/");
    for (target, words) in ledger.targets() {
        for (reporter, said) in words.reporters() {
            let is_farm = reporter.starts_with(FARM);
            if !is_farm && !reporter.starts_with(&prefix) {
                continue;
            }
            let findings: Vec<&Word> = said.map(|word| &**word).filter(|word| is_finding(word)).collect();
            let place = known.iter().position(|one| one.reporter == reporter && one.target == *target);
            let scope = place.map(|at| known[at].scope.as_ref());
            let (in_scope, beyond): (Vec<&Word>, Vec<&Word>) =
                findings.into_iter().partition(|word| scope.is_some_and(|scope| word.criteria() == scope));
            let latest = in_scope.into_iter().max_by_key(|word| word.at);
            let orphans: Vec<&Word> = beyond.into_iter().filter(|word| !is_farm || is_own(&word.entry, node)).collect();
            match (place, latest) {
                // The opening of an orphan of the same reporter would lift this one as well: it is news again.
                (Some(at), Some(latest)) if orphans.is_empty() || is_farm => {
                    surveyed.standing[at] = Some(standing_of(latest));
                }
                _ => {}
            }
            for word in orphans {
                let criteria = word.criteria().filter(|_| is_farm).cloned();
                let orphan = Orphan { target: target.clone(), reporter: reporter.to_owned(), criteria };
                if !surveyed.orphans.contains(&orphan) {
                    surveyed.orphans.push(orphan);
                }
            }
        }
    }
    surveyed
}

/// Whether a word of this reporter on this target, in this scope, closes or degrades.
pub fn stands(ledger: &Ledger, known: &Known) -> bool {
    let words = ledger.words(&known.target).into_iter().flat_map(|words| words.of(&known.reporter));
    words.filter(|word| is_finding(word)).any(|word| word.criteria() == known.scope.as_ref())
}

/// Whether a monitor of this node has said it. Without a mark: what this node has accepted.
fn is_own(entry: &Entry, node: &Name) -> bool {
    let n = &entry.notification;
    mark::is_of(&n.id, node).unwrap_or(n.node == *node)
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

#[cfg(test)]
mod tests;
