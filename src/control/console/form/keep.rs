//! The form for what the registry keeps: fields as the value of a schedule or template, and back.
//!
//! Must stay true: a form that was not edited makes the value that it was filled in from.

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use serde_json::Value;
use uuid::Uuid;

use super::{Fields, Plain, json::time_of, prefill, to_json};
use crate::{
    availability::{Author, FieldError, Moment, Name, Notification, Priority, Reasons, Schedule, Submission},
    control::console::{when::Face, words},
};

/// The value of a template, and what could not be read.
pub(crate) fn template_json(fields: &Fields, zone: Tz) -> (Value, Vec<FieldError>) {
    let timeless = Fields {
        id: String::new(),
        timestamp: String::new(),
        begins: String::new(),
        back: String::new(),
        last_entry: String::new(),
        replaces: String::new(),
        ..fields.clone()
    };
    let (mut value, errors) = to_json(&timeless, zone);
    titled(&mut value, fields);
    (value, errors)
}

/// The value of a schedule, and what could not be read.
pub(crate) fn schedule_json(fields: &Fields, zone: Tz) -> (Value, Vec<FieldError>) {
    let shared = Fields {
        id: String::new(),
        timestamp: String::new(),
        begins: String::new(),
        back: String::new(),
        replaces: String::new(),
        status: String::new(),
        restore: String::new(),
        priority: String::new(),
        ..fields.clone()
    };
    let (mut value, mut errors) = to_json(&shared, zone);
    titled(&mut value, fields);
    let Some(members) = value.as_object_mut() else { return (value, errors) };
    for (name, text) in [("time_zone", &fields.zone), ("starts", &fields.starts)] {
        if !text.trim().is_empty() {
            members.insert(name.to_owned(), text.trim().into());
        }
    }
    let starts = starts(fields).unwrap_or_default();
    let rule = match Plain::chosen(&fields.repeat, &fields.every, &fields.days, &fields.until) {
        Ok(Some(plain)) => plain.rule(starts),
        Ok(None) => fields.rule.trim().to_owned(),
        Err((field, problem)) => {
            errors.push(FieldError::new(field, problem));
            return (value, errors);
        }
    };
    if !rule.is_empty() {
        members.insert("rule".to_owned(), rule.into());
    }
    (value, errors)
}

fn titled(value: &mut Value, fields: &Fields) {
    if let (Some(members), false) = (value.as_object_mut(), fields.title.trim().is_empty()) {
        members.insert("title".to_owned(), fields.title.trim().into());
    }
}

fn starts(fields: &Fields) -> Option<NaiveDateTime> {
    let text = fields.starts.trim();
    ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"].iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

/// What a template says.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// What it is called.
    title: String,
    /// Its fields; the reason is beside, for it may be a name or a code.
    pub statement: Notification,
    /// The name of the reason.
    reason_name: String,
    /// The reason in words.
    pub reason: String,
    /// How long.
    pub seconds: Option<u32>,
    /// As it was submitted.
    restore: String,
}

impl Recorded {
    /// Of a template's value. `None`: this version cannot read it.
    pub(crate) fn read(value: &Value, reasons: &Reasons) -> Option<Self> {
        let mut members = value.as_object()?.clone();
        let title = members.remove("title");
        let seconds = members.get("duration_seconds").and_then(Value::as_f64).map(|seconds| seconds as u32);
        let named = match members.get("reason") {
            Some(Value::Number(code)) => code.as_u64().and_then(|code| reasons.coded(code)),
            Some(name) => reasons.named(name.as_str()?),
            None => reasons.named("unknown"),
        };
        let given = members.get("reason").and_then(Value::as_str).unwrap_or_default();
        let restore = members.get("restore").and_then(Value::as_str).unwrap_or_default().to_owned();
        let submission = Submission::parse(&Value::Object(members.clone())).ok()?;
        let nobody: Name = "template".parse().ok()?;
        Some(Self {
            title: title.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
            statement: submission.statement(Uuid::nil(), Moment::ZERO, &Author::operator(""), &nobody),
            reason_name: named.map_or_else(|| given.to_owned(), |reason| reason.name.to_string()),
            reason: named.map_or_else(|| words::capital(given), words::reason),
            seconds,
            restore,
        })
    }

    /// A form with what it says.
    pub(crate) fn fields(&self) -> Fields {
        let n = &self.statement;
        let (duration, duration_unit) = self.seconds.map(u64::from).map_or_else(Default::default, length);
        Fields {
            title: self.title.clone(),
            reason: self.reason_name.clone(),
            component: n.component.clone().unwrap_or_default(),
            message: n.message.clone().unwrap_or_default(),
            restore: self.restore.clone(),
            priority: if n.priority == Priority::Critical { "critical" } else { "" }.to_owned(),
            duration,
            duration_unit,
            ..prefill::like(n, prefill::status(n))
        }
    }
}

/// A form with what a schedule has.
pub(crate) fn of_schedule(schedule: &Schedule) -> Fields {
    let plain = Plain::read(&schedule.rule, schedule.starts);
    let (duration, duration_unit) = length(schedule.duration_seconds.into());
    let (last_entry, last_entry_unit) = schedule.last_entry_seconds.map_or_else(Default::default, prefill::in_units);
    let starts = schedule.starts.format("%Y-%m-%dT%H:%M:%S").to_string();
    Fields {
        title: schedule.title.clone(),
        reason: schedule.reason.name.to_string(),
        component: schedule.component.clone().unwrap_or_default(),
        message: schedule.message.clone().unwrap_or_default(),
        zone: schedule.time_zone.name().to_owned(),
        starts: starts.strip_suffix(":00").unwrap_or(&starts).to_owned(),
        duration,
        duration_unit,
        last_entry,
        last_entry_unit,
        repeat: plain.as_ref().map_or("other", |plain| plain.repeat).to_owned(),
        every: plain.as_ref().map_or_else(String::new, |plain| plain.every.to_string()),
        days: plain.iter().flat_map(|plain| &plain.days).map(|day| (*day).to_owned()).collect(),
        until: plain.as_ref().and_then(|plain| plain.until).map(|until| until.to_string()).unwrap_or_default(),
        rule: schedule.rule.clone(),
        ..prefill::like(&schedule.sample(), "unavailable")
    }
}

/// The form of a notification as that of a schedule which recurs from its beginning on.
pub(crate) fn recurring(fields: Fields, face: &Face) -> Fields {
    let time = |typed: &str, exact: &str, shown: &str| time_of(typed, exact, shown, face.zone).ok().flatten();
    let begins = time(&fields.begins, &fields.begins_exact, &fields.begins_shown);
    let back = time(&fields.back, &fields.back_exact, &fields.back_shown);
    let (duration, duration_unit) = match (fields.duration.is_empty(), begins.or(Some(face.now)).zip(back)) {
        (true, Some((begins, back))) if back > begins => length(back.since(begins).as_secs()),
        _ => (fields.duration.clone(), fields.duration_unit.clone()),
    };
    Fields {
        starts: begins.map_or_else(String::new, |begins| face.field(begins)),
        zone: face.zone.name().to_owned(),
        repeat: "weekly".to_owned(),
        duration,
        duration_unit,
        ..fields
    }
}

/// Seconds as a number of the largest unit that the form has for them.
fn length(seconds: u64) -> (String, String) {
    let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds")];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit)).unwrap_or((1, "seconds"));
    ((seconds / unit).to_string(), name.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::control::console::samples;
    use chrono_tz::Europe::Berlin;
    use serde_json::json;

    #[test]
    fn a_template_that_is_edited_without_a_change_is_the_same() {
        let value = json!({"title": "Upgrade", "targets": ["application:mail"], "status": "unavailable",
            "reason": "planned-maintenance", "message": "New\nrelease", "component": "db", "duration_seconds": 90,
            "restore": "automatic", "priority": "critical",
            "criteria": {"methods": ["GET"], "except": [{"paths": ["/health"]}]}});
        let fields = Recorded::read(&value, &samples::reasons()).unwrap().fields();
        assert_eq!(template_json(&fields, Berlin), (value, Vec::new()));
        let coded = json!({"title": "T", "targets": ["system"], "status": "available", "reason": 100});
        let fields = Recorded::read(&coded, &samples::reasons()).unwrap().fields();
        assert_eq!((fields.reason.as_str(), fields.status.as_str()), ("licence-expired", "available"));
        assert!(Recorded::read(&json!([]), &samples::reasons()).is_none());
    }

    #[test]
    fn a_schedule_that_is_edited_without_a_change_is_the_same() {
        for rule in ["FREQ=WEEKLY;BYDAY=SA,SU;INTERVAL=2", "FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,TU,WE,TH,FR"] {
            let value = json!({"title": "Backup", "targets": ["application:mail", "resource:db"], "reason": "testing",
                "reason_code": 3, "component": "disk", "message": "soon", "time_zone": "Europe/Berlin",
                "starts": "2026-12-06T02:00:30", "duration_seconds": 5_400, "last_entry_seconds": 600, "rule": rule,
                "criteria": {"paths": ["/a"], "except": [{"methods": ["GET"]}]}});
            let schedule: Schedule = serde_json::from_value(value.clone()).unwrap();
            let (again, errors) = schedule_json(&of_schedule(&schedule), Berlin);
            let mut expected = value;
            expected.as_object_mut().unwrap().remove("reason_code");
            assert_eq!((again, errors), (expected, Vec::new()));
        }
    }

    #[test]
    fn a_notification_becomes_a_schedule_from_its_beginning_on() {
        let fields = Fields {
            targets: vec!["system".into()],
            begins: "2026-12-06T02:00".into(),
            back: "2026-12-06T04:00".into(),
            ..Fields::default()
        };
        let (value, errors) = schedule_json(&recurring(fields, &samples::face()), Berlin);
        assert_eq!(errors, []);
        assert_eq!(
            value,
            json!({"targets": ["system"], "time_zone": "Europe/Berlin", "starts": "2026-12-06T02:00",
                "duration_seconds": 7_200, "rule": "FREQ=WEEKLY"})
        );
    }
}
