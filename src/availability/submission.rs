//! A submission (docs/contract.md#a-notification, column "on submission"): read from JSON, validated, and
//! turned into the record.
//!
//! Reading reports all errors at once, each with its field and its limit. Unknown members are refused by name,
//! so that a misspelt field is never silently ignored. Submissions that could never count are refused as well:
//! unknown names, criteria that match no request, windows that are over.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

mod check;
mod record;

use super::{
    Criteria, FieldError, Moment, Name, Priority, Reason, Reasons, Restore, Rules, Source, Status, Target,
    reader::Reader,
};

const MAX_COMPONENT: usize = 200;
const MAX_MESSAGE: usize = 2_000;
/// Longest name of an operator or reporter, in bytes.
const MAX_AUTHOR: usize = 200;
/// A day, in seconds.
const MAX_LAST_ENTRY: u32 = 86_400;

/// The knowledge of the farm that submissions depend on.
pub struct Known<'a> {
    /// Whether some member of the farm has this in its configuration.
    pub target: &'a dyn Fn(&Target) -> bool,
    /// Whether some member of the farm has this name.
    pub node: &'a dyn Fn(&Name) -> bool,
    /// The reasons of this node.
    pub reasons: &'a Reasons,
    /// δ.
    pub rules: Rules,
    /// The node's clock.
    pub now: Moment,
    /// The time of verdicts, see [`Rules::clock`].
    pub clock: Moment,
    /// The timestamp for submissions without one.
    pub stamp: Moment,
}

/// The author, from the credentials; the initial node fills this in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Author {
    /// The operator's or the token's name.
    pub operator: Option<String>,
    /// What kind of notifier.
    pub source: Source,
    /// Which monitor or token speaks; absent for operators.
    pub reporter: Option<String>,
}

impl Author {
    /// An operator, or a script with an operator's token.
    pub fn operator(name: &str) -> Self {
        Self { operator: Some(name.to_owned()), source: Source::Operator, reporter: None }
    }

    /// A script with a monitor's token.
    pub fn monitor_token(name: &str) -> Self {
        Self { operator: None, source: Source::Monitor, reporter: Some(format!("token/{name}")) }
    }

    /// Whether exactly one of operator and reporter says who it is, in the length of names.
    pub fn is_whole(&self) -> bool {
        let fits = |name: &Option<String>| name.as_ref().is_none_or(|name| (1..=MAX_AUTHOR).contains(&name.len()));
        fits(&self.operator)
            && fits(&self.reporter)
            && match self.source {
                Source::Operator => self.operator.is_some() && self.reporter.is_none(),
                Source::Monitor | Source::Alert | Source::Farm => self.reporter.is_some(),
                Source::Unread(_) => false,
            }
    }

    /// An alert of Alertmanager with this fingerprint.
    pub fn alert(fingerprint: &str) -> Self {
        Self { operator: None, source: Source::Alert, reporter: Some(format!("alert/{fingerprint}")) }
    }
}

/// A well-formed submission.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Submission {
    /// `id`; absent: the node makes one.
    pub id: Option<Uuid>,
    /// `timestamp`; absent: the node stamps it.
    pub timestamp: Option<Moment>,
    targets: Vec<Target>,
    status: Option<Status>,
    degraded: bool,
    /// `cancels`.
    pub cancels: Option<Uuid>,
    /// `replaces`.
    pub replaces: Option<Uuid>,
    reason: Option<Value>,
    chosen_reason: Reason,
    component: Option<String>,
    message: Option<String>,
    goes_down_at: Option<Moment>,
    last_entry_seconds: Option<u32>,
    expected_back_at: Option<Moment>,
    duration: Option<Duration>,
    restore: Option<Restore>,
    criteria: Option<Criteria>,
    priority: Priority,
    /// The farms that it was derived from, the nearest first. Set by this node's monitors of other farms, never
    /// submitted.
    pub origins: Vec<String>,
}

impl Submission {
    /// Reads a submission; knows nothing of the farm yet.
    ///
    /// # Errors
    /// Everything that is wrong with its form, each with its field.
    pub fn parse(value: &Value) -> Result<Self, Vec<FieldError>> {
        let Value::Object(members) = value else {
            return Err(vec![FieldError::new("", "the body must be a JSON object")]);
        };
        let mut errors = Vec::new();
        let mut s = Self::default();
        for (field, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            let mut reader = Reader { field, value, errors: &mut errors };
            match field.as_str() {
                "id" => s.id = reader.parsed("is not a UUID"),
                "timestamp" => s.timestamp = reader.moment(),
                "targets" => s.targets = reader.targets(),
                "status" => {
                    let said = reader.choice(&[
                        ("available", (Status::Available, false)),
                        ("unavailable", (Status::Unavailable, false)),
                        ("degraded", (Status::Available, true)),
                    ]);
                    (s.status, s.degraded) = said.map_or((None, false), |(status, degraded)| (Some(status), degraded));
                }
                "cancels" => s.cancels = reader.parsed("is not a UUID"),
                "replaces" => s.replaces = reader.parsed("is not a UUID"),
                "reason" => s.reason = Some(value.clone()),
                "component" => s.component = reader.text(MAX_COMPONENT),
                "message" => s.message = reader.text(MAX_MESSAGE),
                "goes_down_at" => s.goes_down_at = reader.moment(),
                "last_entry_seconds" => s.last_entry_seconds = reader.number(0..=MAX_LAST_ENTRY),
                "expected_back_at" => s.expected_back_at = reader.moment(),
                "duration_seconds" => s.duration = reader.seconds(),
                "restore" => {
                    s.restore = reader.choice(&[("manual", Restore::Manual), ("automatic", Restore::Automatic)])
                }
                "priority" => {
                    s.priority = reader
                        .choice(&[("normal", Priority::Normal), ("critical", Priority::Critical)])
                        .unwrap_or_default();
                }
                "criteria" => match Criteria::parse(value) {
                    Ok(criteria) => s.criteria = criteria,
                    Err(wrong) => errors.extend(wrong.into_iter().map(|e| FieldError::new(e.field, e.problem))),
                },
                "operator" | "source" | "reporter" | "node" | "schedule" | "origins" => {
                    reader.wrong("is filled in by the node, never submitted")
                }
                _ => reader.wrong("is unknown"),
            }
        }
        let present = |field: &str| members.get(field).is_some_and(|value| !value.is_null());
        s.check_combinations(&present, &mut errors);
        if errors.is_empty() { Ok(s) } else { Err(errors) }
    }

    /// The JSON that [`Submission::parse`] reads as this submission, but for its origins. Not for one that was checked: that has lost how
    /// its reason was named.
    pub fn to_json(&self) -> Value {
        let status = match (self.status, self.degraded) {
            (_, true) => Some("degraded"),
            (Some(Status::Available), _) => Some("available"),
            (Some(Status::Unavailable), _) => Some("unavailable"),
            (None, _) => None,
        };
        json!({
            "id": self.id, "timestamp": self.timestamp,
            "targets": (!self.targets.is_empty()).then_some(&self.targets), "status": status,
            "cancels": self.cancels, "replaces": self.replaces, "reason": self.reason, "component": self.component,
            "message": self.message, "goes_down_at": self.goes_down_at, "last_entry_seconds": self.last_entry_seconds,
            "expected_back_at": self.expected_back_at, "duration_seconds": self.duration.map(|time| time.as_secs()),
            "restore": self.restore, "criteria": self.criteria, "priority": self.priority,
        })
    }

    fn check_combinations(&self, present: &dyn Fn(&str) -> bool, errors: &mut Vec<FieldError>) {
        let mut wrong = |field: &str, problem: &str| {
            if errors.iter().all(|e| e.field != field) {
                errors.push(FieldError::new(field, problem));
            }
        };
        if present("cancels") {
            for field in [
                "status",
                "replaces",
                "criteria",
                "goes_down_at",
                "last_entry_seconds",
                "expected_back_at",
                "duration_seconds",
                "restore",
            ] {
                if present(field) {
                    wrong(
                        field,
                        "does not go with cancels: a cancel has the targets, criteria and times of what it takes back",
                    );
                }
            }
            return;
        }
        if !present("targets") {
            wrong("targets", "is required: 1 to 100 of \"system\", \"application:NAME\", \"resource:NAME\"");
        }
        if !present("status") {
            wrong("status", "is required: \"available\", \"unavailable\" or \"degraded\"");
        }
        if present("last_entry_seconds") && !present("goes_down_at") {
            wrong("last_entry_seconds", "goes with goes_down_at only");
        }
        if self.degraded && present("last_entry_seconds") {
            wrong("last_entry_seconds", "goes with \"unavailable\" only");
        }
        if self.status == Some(Status::Available) && !self.degraded {
            for field in ["goes_down_at", "expected_back_at", "duration_seconds"] {
                if present(field) {
                    wrong(field, "goes with \"unavailable\" only");
                }
            }
            if self.restore == Some(Restore::Automatic) {
                wrong("restore", "\"automatic\" goes with \"unavailable\" only");
            }
        }
        if present("expected_back_at") && present("duration_seconds") {
            wrong("duration_seconds", "does not go with expected_back_at: give one of them");
        }
        if self.restore == Some(Restore::Automatic) && !present("expected_back_at") && !present("duration_seconds") {
            wrong("restore", "\"automatic\" needs expected_back_at or duration_seconds");
        }
    }

    fn back(&self, timestamp: Moment) -> Option<Moment> {
        self.expected_back_at.or_else(|| Some(self.beginning(timestamp).after(self.duration?)))
    }

    fn beginning(&self, timestamp: Moment) -> Moment {
        self.goes_down_at.unwrap_or(timestamp)
    }

    /// What it speaks about, in the submitter's order; empty for a cancel.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    fn sorted_targets(&self) -> Vec<Target> {
        let mut targets = self.targets.clone();
        targets.sort();
        targets.dedup();
        targets
    }
}

#[cfg(test)]
mod tests;
