//! Turns form input into the body of `POST /api/v1/notifications`. The form has no rules of its own: it only
//! reads times, numbers and lines; [`crate::availability::Submission`] decides everything else.

use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::Fields;
use crate::{
    availability::{FieldError, Moment},
    control::console::when::read_local,
};

/// The submission, and what could not be read (those members are left out of it).
pub(crate) fn to_json(fields: &Fields, zone: Tz) -> (Value, Vec<FieldError>) {
    let mut members = Map::new();
    let mut errors = Vec::new();
    let mut text = |name: &str, value: &str| {
        if !value.trim().is_empty() {
            members.insert(name.to_owned(), value.trim().into());
        }
    };
    text("id", &fields.id);
    text("timestamp", &fields.timestamp);
    text("message", &fields.message);
    text("cancels", &fields.cancels);
    if !fields.cancels.is_empty() {
        return (Value::Object(members), errors);
    }
    text("replaces", &fields.replaces);
    text("status", &fields.status);
    text("reason", &fields.reason);
    text("component", &fields.component);
    text("priority", &fields.priority);
    // `manual` is what it means anyway, and does not go with every status.
    text("restore", if fields.restore == "manual" { "" } else { &fields.restore });
    if !fields.targets.is_empty() {
        members.insert("targets".into(), json!(fields.targets));
    }
    let times = [
        ("goes_down_at", &fields.begins_exact, &fields.begins),
        ("expected_back_at", &fields.back_exact, &fields.back),
    ];
    for (name, exact, typed) in times {
        match moment(exact, typed, zone) {
            Ok(Some(moment)) => drop(members.insert(name.into(), moment.to_string().into())),
            Ok(None) => {}
            Err(problem) => errors.push(FieldError::new(name, problem)),
        }
    }
    match duration(fields) {
        Ok(Some(seconds)) => drop(members.insert("duration_seconds".into(), seconds.into())),
        Ok(None) => {}
        Err(problem) => errors.push(FieldError::new("duration_seconds", problem)),
    }
    let criteria = criteria(fields, &mut errors);
    if !criteria.is_empty() {
        members.insert("criteria".into(), Value::Object(criteria));
    }
    (Value::Object(members), errors)
}

/// A time: what a script has converted, or what was typed, in the operators' zone.
fn moment(exact: &str, typed: &str, zone: Tz) -> Result<Option<Moment>, String> {
    match (exact.trim(), typed.trim()) {
        (_, "") => Ok(None),
        ("", typed) => read_local(typed, zone).map(Some),
        (exact, _) => exact.parse().map(Some).map_err(str::to_owned),
    }
}

fn duration(fields: &Fields) -> Result<Option<u64>, String> {
    let number = fields.duration.trim();
    if number.is_empty() {
        return Ok(None);
    }
    let unit = match fields.duration_unit.as_str() {
        "" | "minutes" => 60,
        "hours" => 3_600,
        "days" => 86_400,
        _ => return Err("has a unit other than minutes, hours and days".to_owned()),
    };
    let read = number.parse::<u64>().ok().filter(|number| *number > 0).and_then(|number| number.checked_mul(unit));
    read.map(Some).ok_or_else(|| "is not a whole number above 0".to_owned())
}

fn criteria(fields: &Fields, errors: &mut Vec<FieldError>) -> Map<String, Value> {
    let mut criteria = Map::new();
    let lists = [
        ("methods", &fields.methods),
        ("paths", &fields.paths),
        ("clients", &fields.clients),
        ("nodes", &fields.nodes),
    ];
    for (kind, typed) in lists {
        let members: Vec<&str> = lines(typed).collect();
        if !members.is_empty() {
            criteria.insert(kind.into(), json!(members));
        }
    }
    let maps = [("headers", &fields.headers, ':', "name: pattern"), ("query", &fields.query, '=', "name=pattern")];
    for (kind, typed, separator, form) in maps {
        let mut members = Map::new();
        for line in lines(typed) {
            let wrong = |problem: String| FieldError::new(format!("criteria.{kind}"), problem);
            match line.split_once(separator) {
                Some((name, pattern)) if !name.trim().is_empty() => {
                    if members.insert(name.trim().to_owned(), pattern.trim().into()).is_some() {
                        errors.push(wrong(format!("name {:?} twice", name.trim())));
                    }
                }
                _ => errors.push(wrong(format!("have a line that is not of the form {form}: {line:?}"))),
            }
        }
        if !members.is_empty() {
            criteria.insert(kind.into(), Value::Object(members));
        }
    }
    criteria
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{availability::Submission, control::console::form::read_pairs};
    use chrono_tz::Europe::Berlin;

    fn read(body: &str) -> (Value, Vec<FieldError>) {
        to_json(&Fields::read(&read_pairs(body)), Berlin)
    }

    #[test]
    fn a_form_becomes_what_the_api_takes() {
        let (json, errors) = read(
            "id=0190e5a0-0000-7000-8000-000000000000&targets=application:mail&targets=resource:db&status=unavailable\
             &reason=planned-maintenance&message=Disk+upgrade&begins=2026-11-23T18:00&duration=2&duration_unit=hours\
             &restore=manual&methods=post%0D%0Aput&headers=X-Beta:+1*&query=a%3Db&clients=10.0.0.0/8%0D%0A&priority=critical",
        );
        assert_eq!(errors, []);
        assert_eq!(
            json,
            json!({
                "id": "0190e5a0-0000-7000-8000-000000000000", "targets": ["application:mail", "resource:db"],
                "status": "unavailable", "reason": "planned-maintenance", "message": "Disk upgrade",
                "goes_down_at": "2026-11-23T17:00:00Z", "duration_seconds": 7200, "priority": "critical",
                "criteria": {"methods": ["post", "put"], "headers": {"X-Beta": "1*"}, "query": {"a": "b"}, "clients": ["10.0.0.0/8"]}
            })
        );
        Submission::parse(&json).unwrap();
    }

    #[test]
    fn a_time_that_a_script_has_converted_goes_before_the_typed_one() {
        let (json, _) = read("begins=2026-11-23T18:00&begins_exact=2026-11-23T18:00:00-05:00");
        assert_eq!(json["goes_down_at"], "2026-11-23T23:00:00Z");
        let (json, _) = read("begins=&begins_exact=2026-11-23T18:00:00Z");
        assert!(json.get("goes_down_at").is_none(), "an emptied field is empty");
    }

    #[test]
    fn what_cannot_be_read_is_named_and_left_out() {
        let (json, errors) = read(
            "begins=2026-03-29T02:30&back=later&duration=-1&headers=nonsense%0Aa:1%0Aa:2&query=%3D&status=unavailable&targets=system",
        );
        let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "goes_down_at",
                "expected_back_at",
                "duration_seconds",
                "criteria.headers",
                "criteria.headers",
                "criteria.query"
            ]
        );
        assert!(Submission::parse(&json).is_ok(), "the rest still reads: {json}");
        assert_eq!(read(&format!("duration={}&duration_unit=days", u64::MAX)).1.len(), 1);
    }

    #[test]
    fn a_cancel_takes_nothing_but_its_words_along() {
        let plan = "0190e5a0-0000-7000-8000-000000000000";
        let (json, _) = read(&format!("cancels={plan}&targets=system&status=unavailable&message=no+need"));
        assert_eq!(json, json!({"cancels": plan, "message": "no need"}));
        Submission::parse(&json).unwrap();
    }
}
