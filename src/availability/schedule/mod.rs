//! Schedules: maintenance that recurs (docs/contract.md#schedules). The value of a schedule's record, and what every
//! node makes of it: the plans of its occurrences, and the cancels of the plans of earlier versions.
//!
//! Must stay true: plans and cancels follow from records and plans alone, their ids and stamps included, so that
//! every node makes the same ones, however often. No clock: what is asked for an interval is computed from the rule.

mod rule;
#[cfg(test)]
mod tests;
mod zone;

use std::sync::Arc;

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use self::rule::Rule;
pub use self::zone::ZONE_DATA;
use super::{
    Author, Criteria, Entry, FieldError, Known, Moment, Name, NodeId, Notification, Occurrence, Priority, Reason,
    Record, Restore, Source, Status, Submission, Target,
    reader::{Reader, whole},
};

/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// How far `starts` may lie from the present, in days: every node counts the occurrences from there.
const MAX_AWAY: i64 = 3_660;
/// How many occurrences are looked at to find two that overlap.
const COMPARED: usize = 1_000;
/// The members that a schedule shares with a submission.
const SHARED: [&str; 6] = ["targets", "reason", "component", "message", "criteria", "last_entry_seconds"];

/// The value of a schedule's record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// For people.
    pub title: String,
    /// What is closed.
    pub targets: Vec<Target>,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
    /// The part that is worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Plain text for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Limits it to some requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Criteria>,
    /// The zone of `starts`.
    #[serde(with = "named")]
    pub time_zone: Tz,
    /// The local time from which on the rule is applied, and at which each occurrence begins.
    #[serde(with = "local")]
    pub starts: NaiveDateTime,
    /// How long each occurrence is.
    pub duration_seconds: u32,
    /// So long before each one newcomers are turned away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_entry_seconds: Option<u32>,
    /// The recurrence rule, as it was submitted.
    pub rule: String,
}

/// Zones by their names, such as `Europe/Berlin`.
mod named {
    use chrono_tz::Tz;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(zone.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Local times as `2026-12-06T02:00:00`; on reading, the seconds may be absent.
mod local {
    use chrono::NaiveDateTime;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn parse(text: &str) -> Option<NaiveDateTime> {
        let format = if text.len() == 16 { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S" };
        NaiveDateTime::parse_from_str(text, format).ok().filter(|_| text.len() == 16 || text.len() == 19)
    }

    pub(super) fn serialize<S: Serializer>(time: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time.format("%Y-%m-%dT%H:%M:%S"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDateTime, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| de::Error::custom("not a local time"))
    }
}

impl Schedule {
    /// Reads and checks a schedule that was submitted.
    ///
    /// # Errors
    /// Everything that is wrong, each with its field.
    pub fn submitted(value: &Value, known: &Known<'_>, node: &Name) -> Result<Self, Vec<FieldError>> {
        let Value::Object(members) = value else {
            return Err(vec![FieldError::new("", "the body must be a JSON object")]);
        };
        let mut errors = Vec::new();
        let (mut title, mut zone, mut starts, mut duration, mut rule) = (None, None, None, None, None);
        let mut shared = Map::new();
        for (field, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            let mut reader = Reader { field, value, errors: &mut errors };
            match field.as_str() {
                "title" => title = reader.text(MAX_TITLE),
                "time_zone" => {
                    zone = reader.parsed::<Tz>("is no time zone of the IANA data base, such as Europe/Berlin")
                }
                "starts" => {
                    starts = value.as_str().and_then(local::parse);
                    if starts.is_none() {
                        reader.wrong("is no local date and time such as 2026-12-06T02:00, without an offset");
                    }
                }
                "duration_seconds" => {
                    // A window longer than a year overlaps itself in any case.
                    duration =
                        whole(value).and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=31_622_400).contains(n));
                    if duration.is_none() {
                        reader.wrong("is not a whole number from 1 to 31622400");
                    }
                }
                "rule" => rule = reader.text(usize::MAX),
                shared_field if SHARED.contains(&shared_field) => _ = shared.insert(field.clone(), value.clone()),
                _ => reader.wrong("is unknown"),
            }
        }
        let mut required = |missing: bool, field: &str, problem: &str| {
            if missing && errors.iter().all(|e| e.field != field) {
                errors.push(FieldError::new(field, format!("is required: {problem}")));
            }
        };
        required(title.is_none(), "title", "what it is called, for people");
        required(zone.is_none(), "time_zone", "such as Europe/Berlin");
        required(starts.is_none(), "starts", "a local date and time such as 2026-12-06T02:00");
        required(duration.is_none(), "duration_seconds", "how long each occurrence is");
        required(rule.is_none(), "rule", "an RFC 5545 rule such as FREQ=WEEKLY;BYDAY=SU");
        let statement = statement(shared, known, node).map_err(|wrong| errors.extend(wrong)).ok();
        let (Some(title), Some(zone), Some(starts), Some(duration), Some(rule), Some(n), true) =
            (title, zone, starts, duration, rule, statement, errors.is_empty())
        else {
            return Err(errors);
        };
        let schedule = Self {
            title,
            targets: n.targets,
            reason: n.reason,
            component: n.component,
            message: n.message,
            criteria: n.criteria,
            time_zone: zone,
            starts,
            duration_seconds: duration,
            last_entry_seconds: n.last_entry_seconds,
            rule: rule.trim().to_owned(),
        };
        schedule.check(known.clock).map_err(|wrong| vec![wrong])?;
        Ok(schedule)
    }

    /// Whether its times make sense at `clock`.
    fn check(&self, clock: Moment) -> Result<(), FieldError> {
        let away = self.starts - zone::local(self.time_zone, clock);
        if away.num_days().abs() > MAX_AWAY {
            return Err(FieldError::new("starts", "lies more than ten years from now"));
        }
        let rule = Rule::parse(&self.rule).and_then(|rule| rule.check(self.starts).map(|()| rule));
        let rule = rule.map_err(|problem| FieldError::new("rule", problem))?;
        let times: Vec<NaiveDateTime> = rule.locals(self.starts, self.time_zone).take(COMPARED).collect();
        let shortest = times.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds()).min();
        if let Some(shortest) = shortest.filter(|shortest| i64::from(self.duration_seconds) > *shortest) {
            let problem = format!("is longer than the time between two occurrences, {shortest} s: they would overlap");
            return Err(FieldError::new("duration_seconds", problem));
        }
        let mut coming = self.begins(clock);
        if coming.next().is_none() {
            return Err(FieldError::new("rule", "has no occurrence after now"));
        }
        Ok(())
    }

    /// The schedule of a record; `None` for a removed one.
    ///
    /// # Errors
    /// When this version cannot read it.
    pub fn of(record: &Record) -> Result<Option<Self>, String> {
        let Some(value) = &record.value else { return Ok(None) };
        let schedule = Self::deserialize(value).map_err(|e| e.to_string())?;
        Rule::parse(&schedule.rule)?.check(schedule.starts)?;
        let entry = schedule.plan(record, record.stamp.time.after(std::time::Duration::from_millis(1)));
        entry.check().map_err(str::to_owned)?;
        Ok(Some(schedule))
    }

    /// The record's value.
    pub fn to_value(&self) -> Value {
        // Plain values: does not fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// When its occurrences begin, in order, after this instant. Costs an enumeration from `starts` on.
    pub fn begins(&self, after: Moment) -> impl Iterator<Item = Moment> + use<> {
        let (zone, starts) = (self.time_zone, self.starts);
        let locals = Rule::parse(&self.rule).ok().map(|rule| rule.locals(starts, zone));
        let begins = locals.into_iter().flatten().map(move |local| zone::instant(zone, local));
        begins.skip_while(move |at| *at <= after)
    }

    /// When an occurrence ends.
    pub fn ends(&self, begins: Moment) -> Moment {
        begins.after(std::time::Duration::from_secs(self.duration_seconds.into()))
    }

    /// What it closes, without times: for the bounds of the ledger.
    pub fn sample(&self) -> Notification {
        let nobody = Reason::default().name;
        let by = Author { operator: None, source: Source::Operator, reporter: None };
        Notification {
            targets: sorted(&self.targets),
            status: Some(Status::Unavailable),
            criteria: self.criteria.clone(),
            ..Submission::default().statement(Uuid::nil(), Moment::ZERO, &by, &nobody)
        }
    }

    /// The plan of the occurrence that begins then, of this version of the schedule.
    pub fn plan(&self, version: &Record, begins: Moment) -> Arc<Entry> {
        let beginning = begins.millis().to_be_bytes();
        let id = Uuid::new_v5(&version.id, &[version.stamp.to_bytes().as_slice(), &beginning].concat());
        let plan = Notification {
            targets: sorted(&self.targets),
            status: Some(Status::Unavailable),
            reason: self.reason.clone(),
            component: self.component.clone(),
            message: self.message.clone(),
            goes_down_at: Some(begins),
            last_entry_seconds: self.last_entry_seconds,
            expected_back_at: Some(self.ends(begins)),
            restore: Restore::Automatic,
            criteria: self.criteria.clone(),
            ..made_by(version, id)
        };
        Entry::stamped(plan, version.stamp.counter, NodeId::NONE)
    }
}

/// The cancel of a plan that comes from an earlier version of this record's schedule, if the record calls for one:
/// the plan had not begun when the schedule was changed or removed.
pub fn cancel(plan: &Notification, version: &Record) -> Option<Arc<Entry>> {
    let from = plan.schedule.as_ref().filter(|_| plan.is_plan())?;
    let begins = plan.goes_down_at.filter(|begins| *begins > version.stamp.time)?;
    if from.id != version.id || from.version >= version.stamp {
        return None;
    }
    let id = Uuid::new_v5(&plan.id, &version.stamp.to_bytes());
    let cancel = Notification {
        targets: plan.targets.clone(),
        cancels: Some(plan.id),
        goes_down_at: Some(begins),
        last_entry_seconds: plan.last_entry_seconds,
        expected_back_at: plan.expected_back_at,
        restore: plan.restore,
        criteria: plan.criteria.clone(),
        ..made_by(version, id)
    };
    // Later than the plan, even if both versions were made in the same millisecond.
    Some(Entry::stamped(cancel, version.stamp.counter.saturating_add(1), NodeId::NONE))
}

/// What all that follows from a version has in common.
fn made_by(version: &Record, id: Uuid) -> Notification {
    Notification {
        id,
        timestamp: version.stamp.time,
        targets: Vec::new(),
        status: None,
        degraded: false,
        cancels: None,
        replaces: None,
        reason: Reason::default(),
        component: None,
        message: None,
        goes_down_at: None,
        last_entry_seconds: None,
        expected_back_at: None,
        restore: Restore::Manual,
        criteria: None,
        schedule: Some(Box::new(Occurrence { id: version.id, version: version.stamp, extra: Map::new() })),
        priority: Priority::Normal,
        operator: version.operator.clone(),
        source: Source::Operator,
        reporter: None,
        node: version.node.clone(),
        extra: Map::new(),
    }
}

fn sorted(targets: &[Target]) -> Vec<Target> {
    let mut targets = targets.to_vec();
    targets.sort();
    targets.dedup();
    targets
}

/// What a submission of these members would state, checked as every submission is. Its times are placeholders.
fn statement(mut members: Map<String, Value>, known: &Known<'_>, node: &Name) -> Result<Notification, Vec<FieldError>> {
    members.insert("status".to_owned(), json!("unavailable"));
    members.insert("goes_down_at".to_owned(), json!(Moment::MAX));
    let checked = Submission::parse(&Value::Object(members))?.check(known)?;
    let author = Author { operator: None, source: Source::Operator, reporter: None };
    Ok(checked.statement(Uuid::nil(), known.now, &author, node))
}
