//! How a monitor's word becomes a submission, and in whose name it is handed in.
//!
//! Must stay true: closings have the criteria of the monitor's scope. Openings have none, so that they lift every word
//! that the monitor has ever said of its target; but those of a `farm` monitor with the scope `node` have them as
//! well, for the other nodes that have it are the same reporter.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Check, Claim, Known, Scope, Speak, Watch, machine::HELD, mark};
use crate::availability::{Author, Criteria, FieldError, Moment, Name, Submission};

/// The longest message, in characters, as in every notification.
const MAX_MESSAGE: usize = 2_000;

/// As whom a monitor speaks.
#[derive(Debug, Clone)]
pub struct Voice {
    watch: Watch,
    node: Name,
    known: Known,
}

impl Voice {
    /// That of a monitor of this node.
    pub fn new(watch: Watch, node: Name) -> Self {
        let scope = criteria(&watch, &node).and_then(|criteria| Criteria::parse(&criteria).ok().flatten());
        let known = Known { reporter: watch.reporter(&node), target: watch.target.clone(), scope };
        Self { watch, node, known }
    }

    /// Who speaks.
    pub fn author(&self) -> Author {
        Author { operator: None, source: self.watch.source(), reporter: Some(self.known.reporter.clone()) }
    }

    /// What its words in the ledger are recognized by.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// An id for a word, which shows whose monitor has said it. `fresh` is of version 7.
    pub fn id(&self, fresh: Uuid) -> Uuid {
        mark::marked(fresh, &self.node)
    }

    /// The submission of a word, under this id.
    ///
    /// # Errors
    /// What is wrong with its form, such as an invalid message of another farm.
    pub fn submission(&self, speak: &Speak, id: Uuid, now: Moment) -> Result<Submission, Vec<FieldError>> {
        let statement = &speak.statement;
        let mut said = json!({"id": id, "targets": [self.watch.target]});
        said["status"] = match statement.claim {
            Claim::Available => json!("available"),
            Claim::Degraded => json!("degraded"),
            Claim::Unavailable => json!("unavailable"),
        };
        if statement.claim != Claim::Available {
            said["reason"] = statement.reason.as_deref().map_or_else(|| json!(self.watch.reason), |name| json!(name));
            said["message"] = json!(self.message(speak));
            said["goes_down_at"] = json!(speak.since);
            // A return that should have come by now is none that can be submitted.
            said["expected_back_at"] = json!(statement.expected_back_at.filter(|back| *back > now));
        }
        if statement.claim != Claim::Available || matches!(self.watch.check, Check::Farm(_)) {
            said["criteria"] = json!(criteria(&self.watch, &self.node));
        }
        let mut submission = Submission::parse(&said)?;
        submission.origins.clone_from(&statement.origins);
        Ok(submission)
    }

    /// What users read.
    fn message(&self, speak: &Speak) -> Option<String> {
        let found = match (&self.watch.message, &self.watch.check) {
            (Some(message), _) => Some(message.clone()),
            // Which rule holds is nothing to users.
            (None, Check::Rule(_)) => None,
            (None, _) => speak.statement.message.clone(),
        };
        let whole = match (found, speak.statement.held) {
            (Some(found), true) => Some(format!("{}. {HELD}", found.trim_end_matches('.'))),
            (None, true) => Some(HELD.to_owned()),
            (found, false) => found,
        };
        whole.map(|text| text.chars().take(MAX_MESSAGE).collect())
    }
}

/// For whom the closings of a monitor count.
fn criteria(watch: &Watch, node: &Name) -> Option<Value> {
    (watch.scope == Scope::Node).then(|| json!({"nodes": [node]}))
}
