//! A submission (docs/contract.md#a-notification, column "on submission"): read from JSON, validated, and
//! turned into the record.
//!
//! Reading reports all errors at once, each with its field and its limit. Unknown members are refused by name,
//! so that a misspelt field is never silently ignored. Submissions that could never count are refused as well:
//! unknown names, criteria that match no request, windows that are over.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Criteria, Entry, Moment, Name, Notification, Priority, Reason, Reasons, Restore, Rules, Source, Speaker, Status,
    Target,
    reader::{Reader, whole},
};

const MAX_COMPONENT: usize = 200;
const MAX_MESSAGE: usize = 2_000;
/// Longest name of an operator or reporter, in bytes.
const MAX_AUTHOR: usize = 200;
/// A day, in seconds.
const MAX_LAST_ENTRY: u32 = 86_400;

/// One thing that is wrong with a submission.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{field} {problem}")]
pub struct FieldError {
    /// Which field.
    pub field: String,
    /// What is wrong, as the rest of a sentence that begins with the field.
    pub problem: String,
}

impl FieldError {
    /// An error about this field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

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
                "operator" | "source" | "reporter" | "node" | "schedule" => {
                    reader.wrong("is filled in by the node, never submitted")
                }
                _ => reader.wrong("is unknown"),
            }
        }
        let present = |field: &str| members.get(field).is_some_and(|value| !value.is_null());
        s.check_combinations(&present, &mut errors);
        if errors.is_empty() { Ok(s) } else { Err(errors) }
    }

    /// The JSON that [`Submission::parse`] reads as this submission. Not for one that was checked: that has lost how
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

    /// Validates what depends on the farm: names, reasons, the clock; resolves the reason.
    ///
    /// # Errors
    /// Everything that is wrong, each with its field.
    pub fn check(mut self, known: &Known<'_>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        for (at, target) in self.targets.iter().enumerate() {
            if !(known.target)(target) {
                errors.push(FieldError::new(
                    format!("targets[{at}]"),
                    format!("{target}: no member of the farm has it in its configuration"),
                ));
            }
        }
        let latest = known.now.after(known.rules.max_clock_skew);
        if let Some(ahead) = self.timestamp.filter(|timestamp| *timestamp > latest) {
            let skew = known.rules.max_clock_skew.as_secs();
            errors.push(FieldError::new(
                "timestamp",
                format!("{ahead} lies more than {skew} s (max_clock_skew) ahead of this node's clock, {}", known.now),
            ));
        }
        let nodes = self.criteria.iter().flat_map(Criteria::all_nodes);
        let strangers: Vec<&str> = nodes.filter(|name| !(known.node)(name)).map(Name::as_str).collect();
        if !strangers.is_empty() {
            let problem = format!("names what is no node of this farm: {}", strangers.join(", "));
            errors.push(FieldError::new("criteria.nodes", problem));
        }
        errors.extend(self.check_window(known));
        let made = self.timestamp.unwrap_or(known.stamp);
        if self.degraded && self.goes_down_at.is_some_and(|begins| begins > made) {
            let problem = format!("must not lie after the timestamp, {made}: \"degraded\" begins at once");
            errors.push(FieldError::new("goes_down_at", problem));
        }
        if let Some(reason) = self.reason.take() {
            let chosen = match &reason {
                Value::String(name) => known.reasons.named(name),
                Value::Number(_) => whole(&reason).and_then(|code| known.reasons.coded(code)),
                _ => None,
            };
            match chosen {
                Some(chosen) => self.chosen_reason = chosen.clone(),
                None => {
                    let names: Vec<&str> = known.reasons.iter().map(|reason| reason.name.as_str()).collect();
                    errors.push(FieldError::new(
                        "reason",
                        format!("is none of this node's reasons: {}", names.join(", ")),
                    ));
                }
            }
        }
        if errors.is_empty() { Ok(self) } else { Err(errors) }
    }

    /// A window that is over has no effect itself, but would replace a word that counts.
    fn check_window(&self, known: &Known<'_>) -> Option<FieldError> {
        let made = self.timestamp.unwrap_or(known.stamp);
        let (beginning, back) = (self.beginning(made), self.back(made)?);
        let field = if self.duration.is_some() { "duration_seconds" } else { "expected_back_at" };
        let problem = if back <= beginning {
            format!("must lie after the beginning, {beginning}")
        } else if back <= made {
            format!("ends at {back}, before the notification was made ({made}): the window is over")
        } else if self.restore == Some(Restore::Automatic) && back <= known.clock {
            format!("ends at {back}, and it is {} now: the window is over", known.clock)
        } else {
            return None;
        };
        Some(FieldError::new(field, problem))
    }

    fn back(&self, timestamp: Moment) -> Option<Moment> {
        self.expected_back_at.or_else(|| Some(self.beginning(timestamp).after(self.duration?)))
    }

    fn beginning(&self, timestamp: Moment) -> Moment {
        self.goes_down_at.unwrap_or(timestamp)
    }

    /// The record of a statement (not of a cancel), with this id and time.
    pub fn statement(&self, id: Uuid, timestamp: Moment, author: &Author, node: &Name) -> Notification {
        Notification {
            id,
            timestamp,
            targets: self.sorted_targets(),
            status: self.status,
            degraded: self.degraded,
            cancels: None,
            replaces: self.replaces,
            reason: self.chosen_reason.clone(),
            component: self.component.clone(),
            message: self.message.clone(),
            goes_down_at: self.goes_down_at,
            last_entry_seconds: self.last_entry_seconds,
            expected_back_at: self.back(timestamp),
            restore: self.restore.unwrap_or_default(),
            criteria: self.criteria.clone(),
            schedule: None,
            priority: self.priority,
            operator: author.operator.clone(),
            source: author.source,
            reporter: author.reporter.clone(),
            node: node.clone(),
            extra: serde_json::Map::new(),
        }
    }

    /// The record that cancels a plan: with the plan's targets, criteria and times.
    pub fn cancel(
        &self,
        id: Uuid,
        timestamp: Moment,
        plan: &Notification,
        author: &Author,
        node: &Name,
    ) -> Notification {
        Notification {
            targets: plan.targets.clone(),
            status: None,
            cancels: Some(plan.id),
            replaces: None,
            goes_down_at: plan.goes_down_at,
            last_entry_seconds: plan.last_entry_seconds,
            expected_back_at: plan.expected_back_at,
            restore: plan.restore,
            criteria: plan.criteria.clone(),
            ..self.statement(id, timestamp, author, node)
        }
    }

    /// Whether this submission may cancel that entry, at `clock`.
    ///
    /// # Errors
    /// Says why not; the field is `cancels`, `replaces`, `timestamp` or `targets`.
    pub fn check_plan(&self, plan: &Entry, taken_back: bool, author: &Author, clock: Moment) -> Result<(), FieldError> {
        let field = if self.cancels.is_some() { "cancels" } else { "replaces" };
        let n = &plan.notification;
        let same_speaker =
            Speaker::of(n.source, n.reporter.as_deref()) == Speaker::of(author.source, author.reporter.as_deref());
        if !n.is_plan() {
            Err(FieldError::new(field, "is not a plan: only a closing that has not begun can be cancelled"))
        } else if n.since() <= clock {
            Err(FieldError::new(
                field,
                format!("has begun at {}: say that its targets are available instead", n.since()),
            ))
        } else if taken_back {
            Err(FieldError::new(field, "has been cancelled already"))
        } else if !same_speaker {
            Err(FieldError::new(
                field,
                "was made by somebody else: operators take back operators' plans, a reporter its own",
            ))
        } else if self.timestamp.is_some_and(|timestamp| timestamp <= n.timestamp) {
            Err(FieldError::new("timestamp", format!("must lie after that of the plan, {}", n.timestamp)))
        } else if self.cancels.is_some() && !self.targets.is_empty() && self.sorted_targets() != n.targets {
            Err(FieldError::new("targets", "are not those of the plan; leave them out"))
        } else {
            Ok(())
        }
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fields(value: Value) -> Vec<String> {
        Submission::parse(&value).unwrap_err().into_iter().map(|e| e.field).collect()
    }

    #[test]
    fn everything_wrong_with_the_form_is_named() {
        assert_eq!(fields(json!([])), [""]);
        assert_eq!(fields(json!({})), ["targets", "status"]);
        let mut wrong = fields(json!({
            "id": "7", "timestamp": "now", "targets": ["mail"], "status": "down", "component": "x".repeat(201),
            "message": "x".repeat(2001), "duration_seconds": 0, "restore": "maybe", "priority": 1, "operator": "me",
            "colour": "red", "criteria": {"paths": ["["]}, "goes_down_at": 5
        }));
        wrong.sort();
        assert_eq!(
            wrong,
            [
                "colour",
                "component",
                "criteria.paths[0]",
                "duration_seconds",
                "goes_down_at",
                "id",
                "message",
                "operator",
                "priority",
                "restore",
                "status",
                "targets[0]",
                "timestamp"
            ]
        );
        assert_eq!(fields(json!({"targets": [], "status": "available"})), ["targets"]);
        assert_eq!(fields(json!({"targets": vec!["system"; 101], "status": "available"})), ["targets"]);
        assert_eq!(
            fields(json!({"targets": ["system"], "status": "unavailable", "restore": "automatic"})),
            ["restore"]
        );
        assert_eq!(
            fields(json!({"targets": ["system"], "status": "available", "duration_seconds": 5})),
            ["duration_seconds"]
        );
        assert_eq!(fields(json!({"cancels": Uuid::nil(), "status": "available"})), ["status"]);
    }

    #[test]
    fn everything_the_farm_does_not_know_is_named() {
        let wrong = checked(json!({
            "targets": ["system", "application:mali"], "status": "unavailable", "reason": 100,
            "timestamp": "2026-11-23T18:01:01Z", "expected_back_at": "2026-11-23T18:01:01Z",
            "criteria": {"nodes": ["a", "aa"]}
        }));
        assert_eq!(wrong, ["targets[1]", "timestamp", "criteria.nodes", "expected_back_at", "reason"]);
        assert_eq!(checked(json!({"targets": ["system"], "status": "available", "reason": 1.0})), [""; 0]);
    }

    /// The fields that are wrong, at six in the evening, on a farm of one node that knows no application.
    fn checked(value: Value) -> Vec<String> {
        let now: Moment = "2026-11-23T18:00:00Z".parse().unwrap();
        let known = Known {
            target: &|target| *target == Target::System,
            node: &|name| name.as_str() == "a",
            reasons: &Reasons::with([]),
            rules: Rules::default(),
            now,
            clock: now,
            stamp: now,
        };
        let checked = Submission::parse(&value).unwrap().check(&known);
        checked.err().unwrap_or_default().into_iter().map(|e| e.field).collect()
    }

    #[test]
    fn a_window_that_is_over_is_refused() {
        let window = |members: Value| {
            let mut value = json!({"targets": ["system"], "status": "unavailable"});
            value.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            checked(value)
        };
        let (before, at, after) = ("2026-11-23T17:00:00Z", "2026-11-23T18:00:00Z", "2026-11-23T19:00:00Z");
        // Both times in the past, with either end, by either field.
        for restore in ["automatic", "manual"] {
            for back in [json!({"expected_back_at": at}), json!({"duration_seconds": 3_600})] {
                let mut members = json!({"goes_down_at": before, "restore": restore});
                let field = back.as_object().unwrap().keys().next().unwrap().clone();
                members.as_object_mut().unwrap().extend(back.as_object().unwrap().clone());
                assert_eq!(window(members), [field]);
            }
            assert_eq!(window(json!({"expected_back_at": after, "restore": restore})), [""; 0]);
            assert_eq!(window(json!({"goes_down_at": before, "duration_seconds": 3_601, "restore": restore})), [""; 0]);
        }
        // Made earlier, handed in late: over by now, if it ends by itself. Otherwise it is overdue.
        let late = json!({"timestamp": "2026-11-23T16:00:00Z", "expected_back_at": before});
        assert_eq!(window(late.clone()), [""; 0]);
        let mut ending = late;
        ending["restore"] = json!("automatic");
        assert_eq!(window(ending), ["expected_back_at"]);
        // A plan that would end before it was made.
        let plan = json!({"timestamp": at, "goes_down_at": after, "expected_back_at": before});
        assert_eq!(window(plan), ["expected_back_at"]);
    }

    #[test]
    fn whole_numbers_may_be_written_with_a_fraction_of_zero() {
        let read = |seconds: Value| {
            Submission::parse(&json!({"targets": ["system"], "status": "unavailable", "duration_seconds": seconds}))
                .map(|submission| submission.duration)
        };
        assert_eq!(read(json!(3600.0)).unwrap(), Some(Duration::from_secs(3_600)));
        assert_eq!(read(json!(1e3)).unwrap(), Some(Duration::from_secs(1_000)));
        for wrong in [json!(0.0), json!(3600.5), json!(-1.0), json!(1e300), json!("3600")] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn degraded_is_an_opening_that_begins_at_once_and_may_end() {
        let degraded = |members: Value| {
            let mut value = json!({"targets": ["system"], "status": "degraded"});
            value.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            value
        };
        for good in [
            json!({}),
            json!({"duration_seconds": 60, "restore": "automatic"}),
            json!({"goes_down_at": "2026-11-23T17:00:00Z"}),
        ] {
            assert_eq!(checked(degraded(good)), [""; 0]);
        }
        assert_eq!(checked(degraded(json!({"goes_down_at": "2026-11-23T18:00:01Z"}))), ["goes_down_at"]);
        assert_eq!(
            checked(degraded(json!({"goes_down_at": "2026-11-23T17:00:00Z", "duration_seconds": 60}))),
            ["duration_seconds"]
        );
        assert_eq!(
            fields(degraded(json!({"last_entry_seconds": 1, "goes_down_at": "2026-11-23T17:00:00Z"}))),
            ["last_entry_seconds"]
        );
        let made = Submission::parse(&degraded(json!({"duration_seconds": 60}))).unwrap();
        let made = made.statement(Uuid::nil(), Moment::ZERO, &Author::operator("alice"), &"a".parse().unwrap());
        assert_eq!((made.status, made.degraded, made.is_plan()), (Some(Status::Available), true, false));
    }

    #[test]
    fn last_entry_belongs_to_a_beginning_and_a_schedule_is_never_submitted() {
        let plan = |members: Value| {
            let mut value =
                json!({"targets": ["system"], "status": "unavailable", "goes_down_at": "2026-11-23T19:00:00Z"});
            value.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            value
        };
        let made = Submission::parse(&plan(json!({"last_entry_seconds": 600.0}))).unwrap();
        let made = made.statement(Uuid::nil(), Moment::ZERO, &Author::operator("alice"), &"a".parse().unwrap());
        assert_eq!(made.last_entry_seconds, Some(600));
        assert_eq!(fields(plan(json!({"last_entry_seconds": 86_401}))), ["last_entry_seconds"]);
        assert_eq!(fields(plan(json!({"last_entry_seconds": 5, "goes_down_at": null}))), ["last_entry_seconds"]);
        assert_eq!(fields(plan(json!({"schedule": {"id": Uuid::nil(), "version": "x"}}))), ["schedule"]);
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for value in [
            json!({"cancels": Uuid::nil(), "message": "no", "priority": "critical"}),
            json!({"targets": ["system"], "status": "degraded", "reason": 3}),
            json!({"targets": ["application:mail", "system"], "status": "unavailable", "id": Uuid::nil(),
                "timestamp": "2026-11-23T18:00:00Z", "replaces": Uuid::nil(), "reason": "testing", "component": "disk",
                "message": "m", "goes_down_at": "2026-11-23T19:00:00Z", "duration_seconds": 60.0, "restore": "automatic",
                "last_entry_seconds": 5, "criteria": {"methods": ["GET"], "except": [{"paths": ["/x"]}]}}),
            json!({"targets": ["resource:db"], "status": "unavailable", "expected_back_at": "2026-11-23T19:00:00Z"}),
            json!({"targets": ["resource:db"], "status": "available", "restore": "manual"}),
        ] {
            let submission = Submission::parse(&value).unwrap();
            assert_eq!(Submission::parse(&submission.to_json()).unwrap(), submission, "{value}");
        }
    }

    #[test]
    fn a_duration_counts_from_the_beginning() {
        let submission = Submission::parse(&json!({
            "targets": ["system"], "status": "unavailable", "goes_down_at": "2026-11-23T19:00:00Z", "duration_seconds": 60
        }));
        let made =
            submission.unwrap().statement(Uuid::nil(), Moment::ZERO, &Author::operator("alice"), &"a".parse().unwrap());
        assert_eq!(made.expected_back_at, Some("2026-11-23T19:01:00Z".parse().unwrap()));
    }
}
