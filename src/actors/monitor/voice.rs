//! How a monitor's word becomes a submission, and in whose name it is handed in.
//!
//! Must stay true: openings have no criteria, so that they lift every word that the monitor has ever said of its
//! target; closings have those of its scope.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    availability::{Author, Criteria, FieldError, Moment, Name, Submission},
    monitor::{Check, Claim, Scope, Speak, Watch, machine::HELD},
};

/// The longest message, in characters, as in every notification.
const MAX_MESSAGE: usize = 2_000;

/// As whom a monitor speaks.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    watch: Watch,
    node: Name,
}

impl Voice {
    /// That of a monitor of this node.
    pub(crate) fn new(watch: Watch, node: Name) -> Self {
        Self { watch, node }
    }

    /// Its name on all nodes.
    pub(crate) fn reporter(&self) -> String {
        self.watch.reporter(&self.node)
    }

    /// Who speaks.
    pub(crate) fn author(&self) -> Author {
        Author { operator: None, source: self.watch.source(), reporter: Some(self.reporter()) }
    }

    /// For whom its closings count.
    fn criteria(&self) -> Option<Value> {
        (self.watch.scope == Scope::Node).then(|| json!({"nodes": [self.node]}))
    }

    /// The same as they stand in the ledger.
    pub(crate) fn scope(&self) -> Option<Criteria> {
        self.criteria().and_then(|criteria| Criteria::parse(&criteria).ok().flatten())
    }

    /// The submission of a word, under this id.
    ///
    /// # Errors
    /// What is wrong with its form, such as a message of another farm that is none.
    pub(crate) fn submission(&self, speak: &Speak, id: Uuid, now: Moment) -> Result<Submission, Vec<FieldError>> {
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
            said["criteria"] = json!(self.criteria());
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
