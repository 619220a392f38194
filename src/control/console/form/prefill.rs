//! Forms that are filled in from an existing notification.

use serde_json::{Value, json};

use super::Fields;
use crate::{
    availability::{Moment, Notification, Priority, Restore, Status, Target},
    control::console::when::Face,
};

/// A form with the targets and criteria of a notification, such as to open what it closed. Nothing
/// else of it is taken over.
///
/// Criteria that the form has no field for are left out. Without them it would be about all requests:
/// then the targets are left out, too, so that an oversight does not open more than was closed.
pub(crate) fn like(n: &Notification, status: &str) -> Fields {
    let is_whole = is_whole(n);
    let mut fields = Fields {
        targets: n.targets.iter().filter(|_| is_whole).map(ToString::to_string).collect(),
        status: status.to_owned(),
        ..Fields::default()
    };
    fill_criteria(n, &mut fields);
    fields
}

/// A form that changes a plan.
pub(crate) fn replacing(n: &Notification, face: &Face) -> Fields {
    Fields { replaces: n.id.to_string(), ..filled(n, face) }
}

/// A form that updates a closing: it begins with everything that stands, on the targets on
/// which it stands. An expected return that has passed is left out.
pub(crate) fn updating(n: &Notification, standing: &[Target], face: &Face) -> Fields {
    let field = |moment: Option<Moment>| moment.map_or_else(String::new, |moment| face.field(moment));
    let filled = filled(n, face);
    Fields {
        updates: n.id.to_string(),
        targets: match filled.targets.is_empty() {
            true => Vec::new(), // see `like`
            false => standing.iter().map(ToString::to_string).collect(),
        },
        begins: field(Some(n.since())),
        back: field(n.expected_back_at.filter(|back| *back > face.now)),
        ..filled
    }
}

/// A form with every field of a notification.
fn filled(n: &Notification, face: &Face) -> Fields {
    let status = if n.status == Some(Status::Available) { "available" } else { "unavailable" };
    let field = |moment: Option<_>| moment.map_or_else(String::new, |moment| face.field(moment));
    Fields {
        reason: n.reason.name.to_string(),
        component: n.component.clone().unwrap_or_default(),
        message: n.message.clone().unwrap_or_default(),
        begins: field(n.goes_down_at),
        back: field(n.expected_back_at),
        restore: if n.restore == Restore::Automatic { "automatic" } else { "manual" }.to_owned(),
        priority: if n.priority == Priority::Critical { "critical" } else { "normal" }.to_owned(),
        ..like(n, status)
    }
}

/// A submission with the same fields, about these targets and with the original beginning.
pub(crate) fn again(n: &Notification, targets: &[Target]) -> Value {
    json!({
        "targets": targets,
        "status": n.status,
        "reason": n.reason.name,
        "component": n.component,
        "message": n.message,
        "goes_down_at": n.since(),
        "expected_back_at": n.expected_back_at,
        "restore": n.restore,
        "criteria": n.criteria,
        "priority": n.priority,
    })
}

/// The kinds of criteria that the form has fields for.
const KINDS: [&str; 6] = ["methods", "paths", "clients", "nodes", "headers", "query"];

/// Whether the form can show all criteria of a notification.
fn is_whole(n: &Notification) -> bool {
    match n.criteria.as_ref().map(serde_json::to_value) {
        None => true,
        Some(Ok(Value::Object(kinds))) => kinds.keys().all(|kind| KINDS.contains(&kind.as_str())),
        Some(_) => false,
    }
}

fn fill_criteria(n: &Notification, fields: &mut Fields) {
    let Some(Ok(Value::Object(kinds))) = n.criteria.as_ref().map(serde_json::to_value) else { return };
    let lines = |kind: &str| -> String {
        let members = kinds.get(kind).and_then(Value::as_array).into_iter().flatten();
        members.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    };
    let pairs = |kind: &str, separator: &str| -> String {
        let members = kinds.get(kind).and_then(Value::as_object).into_iter().flatten();
        let written = members.map(|(name, glob)| format!("{name}{separator}{}", glob.as_str().unwrap_or_default()));
        written.collect::<Vec<_>>().join("\n")
    };
    fields.methods = lines("methods");
    fields.paths = lines("paths");
    fields.clients = lines("clients");
    fields.nodes = lines("nodes");
    fields.headers = pairs("headers", ": ");
    fields.query = pairs("query", "=");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        availability::{Author, Submission},
        control::console::form::to_json,
    };
    use uuid::Uuid;

    fn record(json: &Value, made: Moment) -> Notification {
        let author = Author::operator("alice");
        Submission::parse(json).unwrap().statement(Uuid::nil(), made, &author, &"a".parse().unwrap())
    }

    fn closing() -> Notification {
        let json = json!({
            "targets": ["application:mail", "application:chat"], "status": "unavailable", "message": "Disk\nfull", "component": "db 2",
            "reason": "unplanned-outage", "goes_down_at": "2026-11-23T18:00:00Z", "expected_back_at": "2026-11-23T19:30:00Z",
            "criteria": {"headers": {"x": "1"}}
        });
        let mut n = record(&json, "2026-11-23T18:05:00Z".parse().unwrap());
        n.reason.name = "unplanned-outage".parse().unwrap();
        n
    }

    #[test]
    fn an_update_begins_with_what_stands_where_it_stands() {
        let (n, mail) = (closing(), "application:mail".parse().unwrap());
        let face = |now: &str| Face { zone: chrono_tz::Europe::Berlin, now: now.parse().unwrap() };
        let fields = updating(&n, std::slice::from_ref(&mail), &face("2026-11-23T19:00:00Z"));
        let (said, errors) = to_json(&fields, chrono_tz::Europe::Berlin);
        assert_eq!(errors, []);
        let expected = again(&n, &[mail]);
        for member in
            ["targets", "status", "reason", "component", "message", "goes_down_at", "expected_back_at", "criteria"]
        {
            assert_eq!(said[member], expected[member], "{member}");
        }
        let overdue = updating(&n, &[], &face("2026-11-23T20:00:00Z"));
        assert_eq!(overdue.back, "", "what has passed cannot be sent again");
    }

    #[test]
    fn criteria_without_a_field_leave_the_targets_to_be_chosen() {
        let mut record = serde_json::to_value(closing()).unwrap();
        record["criteria"]["phase-of-the-moon"] = json!(["full"]);
        let n: Notification = serde_json::from_value(record).unwrap();
        assert!(like(&n, "available").targets.is_empty());
        let face = Face { zone: chrono_tz::UTC, now: Moment::ZERO };
        assert!(updating(&n, &n.targets, &face).targets.is_empty());
    }

    #[test]
    fn a_plan_that_is_edited_without_a_change_says_the_same() {
        let json = json!({
            "targets": ["application:mail"], "status": "unavailable", "message": "Disk", "component": "db 2",
            "goes_down_at": "2026-11-23T18:00:00Z", "expected_back_at": "2026-11-23T19:30:15Z", "restore": "automatic",
            "priority": "critical", "criteria": {"methods": ["GET"], "headers": {"x": "1"}, "query": {"q": "a=b"}, "nodes": ["a", "b"]}
        });
        let record = |json: &Value| record(json, Moment::ZERO);
        let plan = record(&json);
        let face = Face { zone: chrono_tz::Europe::Berlin, now: Moment::ZERO };
        let (again, errors) = to_json(&replacing(&plan, &face), face.zone);
        assert_eq!(errors, []);
        assert_eq!(record(&again), Notification { replaces: Some(Uuid::nil()), ..plan });
    }
}
