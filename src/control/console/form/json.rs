//! Turns form input into the body of `POST /api/v1/notifications`. The form has no rules of its own: it only
//! reads times, numbers and lines; [`crate::availability::Submission`] decides everything else.

use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::Fields;
use crate::{
    availability::{FieldError, Moment},
    control::{console::when::read_local, strict},
};

/// The submission, and what could not be read (those members are left out of it).
pub(crate) fn to_json(fields: &Fields, zone: Tz) -> (Value, Vec<FieldError>) {
    let mut members = Map::new();
    let mut errors = Vec::new();
    let mut text = |name: &str, value: &str| {
        if !value.trim().is_empty() {
            members.insert(name.to_owned(), value.into());
        }
    };
    text("id", fields.id.trim());
    text("timestamp", fields.timestamp.trim());
    // Texts for people stay as they are, with their spaces.
    text("message", &fields.message);
    text("cancels", fields.cancels.trim());
    if !fields.cancels.is_empty() {
        return (Value::Object(members), errors);
    }
    text("replaces", fields.replaces.trim());
    text("status", fields.status.trim());
    text("reason", fields.reason.trim());
    text("component", &fields.component);
    text("priority", fields.priority.trim());
    // `manual` is what it means anyway, and does not go with every status.
    text("restore", if fields.restore == "manual" { "" } else { &fields.restore });
    if !fields.targets.is_empty() {
        members.insert("targets".into(), json!(fields.targets));
    }
    let times = [
        ("goes_down_at", &fields.begins, &fields.begins_exact, &fields.begins_shown),
        ("expected_back_at", &fields.back, &fields.back_exact, &fields.back_shown),
    ];
    for (name, typed, exact, shown) in times {
        match time_of(typed, exact, shown, zone) {
            Ok(Some(moment)) => drop(members.insert(name.into(), moment.to_string().into())),
            Ok(None) => {}
            Err(problem) => errors.push(FieldError::new(name, problem)),
        }
    }
    let lengths = [
        ("duration_seconds", &fields.duration, &fields.duration_unit, 1),
        ("last_entry_seconds", &fields.last_entry, &fields.last_entry_unit, 0),
    ];
    for (name, number, unit, least) in lengths {
        match length(number, unit, least) {
            Ok(Some(seconds)) => drop(members.insert(name.into(), seconds.into())),
            Ok(None) => {}
            Err(problem) => errors.push(FieldError::new(name, problem)),
        }
    }
    let criteria = criteria(fields, &mut errors);
    if !criteria.is_empty() {
        members.insert("criteria".into(), Value::Object(criteria));
    }
    (Value::Object(members), errors)
}

/// A time: what a script has converted; the moment that the field was filled in with, if it was not edited;
/// or what was typed, in the operators' zone.
pub(crate) fn time_of(typed: &str, exact: &str, shown: &str, zone: Tz) -> Result<Option<Moment>, String> {
    let untouched = shown.split_once(' ').filter(|(value, _)| *value == typed.trim()).map(|(_, moment)| moment);
    match (typed.trim(), exact.trim(), untouched) {
        ("", ..) => Ok(None),
        (_, "", Some(moment)) => moment.parse().map(Some).map_err(str::to_owned),
        (typed, "", None) => read_local(typed, zone).map(Some),
        (_, exact, _) => exact.parse().map(Some).map_err(str::to_owned),
    }
}

/// A number of units, in seconds.
fn length(number: &str, unit: &str, least: u64) -> Result<Option<u64>, String> {
    let number = number.trim();
    if number.is_empty() {
        return Ok(None);
    }
    let unit = match unit {
        "seconds" => 1,
        "" | "minutes" => 60,
        "hours" => 3_600,
        "days" => 86_400,
        _ => return Err("has a unit other than seconds, minutes, hours and days".to_owned()),
    };
    let read = number.parse::<u64>().ok().filter(|number| *number >= least).and_then(|number| number.checked_mul(unit));
    read.map(Some).ok_or_else(|| match least {
        0 => "is not a whole number".to_owned(),
        _ => "is not a whole number above 0".to_owned(),
    })
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
    let maps = [
        ("headers", &fields.headers, ':', "name: pattern"),
        ("query", &fields.query, '=', "name=pattern"),
        ("cookies", &fields.cookies, '=', "name=pattern"),
    ];
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
                _ => errors.push(wrong(format!("have a line that does not have the form {form}: {line:?}"))),
            }
        }
        if !members.is_empty() {
            criteria.insert(kind.into(), Value::Object(members));
        }
    }
    for kept in &fields.kept {
        match strict::read(kept.as_bytes()) {
            Ok(Value::Object(kinds)) => {
                for (kind, value) in kinds {
                    if criteria.insert(kind.clone(), value).is_some() {
                        let problem = "are kept and filled in: remove one of the two";
                        errors.push(FieldError::new(format!("criteria.{kind}"), problem));
                    }
                }
            }
            _ => errors.push(FieldError::new("criteria", "has a kept condition that cannot be read")),
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
    fn a_field_that_nobody_touched_is_the_moment_that_it_was_filled_in_with() {
        // Clocks in Berlin show half past two twice that night.
        let shown = "begins_shown=2026-10-25T02:30:07+2026-10-25T01:30:07.250Z";
        let (json, errors) = read(&format!("begins=2026-10-25T02:30:07&{shown}"));
        assert_eq!((json["goes_down_at"].as_str(), errors.len()), (Some("2026-10-25T01:30:07.250Z"), 0));
        let (json, _) = read(&format!("begins=2026-10-25T03:30&{shown}"));
        assert_eq!(json["goes_down_at"], "2026-10-25T02:30:00Z", "typed");
        let (json, _) = read(&format!("begins=&{shown}"));
        assert!(json.get("goes_down_at").is_none());
    }

    #[test]
    fn criteria_that_are_kept_and_filled_in_are_a_problem() {
        let (json, errors) = read(
            "paths=/a&kept=%7B%22paths%22:[%22/b%22]%7D&kept=%7B%22except%22:[%7B%22methods%22:[%22GET%22]%7D]%7D",
        );
        assert_eq!(errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["criteria.paths"]);
        assert_eq!(json["criteria"]["except"], json!([{"methods": ["GET"]}]));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_left_out() {
        let (json, errors) = read(
            "begins=2026-03-29T02:30&back=later&duration=-1&last_entry=soon&headers=nonsense%0Aa:1%0Aa:2&query=%3D&kept=[&status=unavailable&targets=system",
        );
        let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "goes_down_at",
                "expected_back_at",
                "duration_seconds",
                "last_entry_seconds",
                "criteria.headers",
                "criteria.headers",
                "criteria.query",
                "criteria"
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
