//! Forms that are filled in from an existing notification.
//!
//! Must stay true: a form that was not edited submits what the notification states, member for member, with
//! and without scripts. Criteria that the form has no input for are shown in words and submitted unchanged.
//! Only members of a newer version cannot be carried; [`left_out`] names them, so that the pages say so.

use serde_json::{Map, Value, json};

use super::{Fields, to_json};
use crate::{
    availability::{Moment, Notification, Priority, Restore, Status, Target},
    control::console::when::Face,
};

/// A form with the targets and criteria of a notification, such as to open what it closed. Nothing
/// else of it is taken over.
pub(crate) fn like(n: &Notification, status: &str) -> Fields {
    let mut fields = Fields {
        targets: n.targets.iter().map(ToString::to_string).collect(),
        status: status.to_owned(),
        ..Fields::default()
    };
    fill_criteria(n, &mut fields);
    fields
}

/// A form that changes a plan.
pub(crate) fn replacing(n: &Notification, face: &Face) -> Fields {
    Fields { replaces: n.id.to_string(), ..filled(n, n.goes_down_at, n.expected_back_at, face) }
}

/// A form in which a plan begins at once and is as long as it was.
pub(crate) fn begun(n: &Notification, face: &Face) -> Fields {
    let back = n.expected_back_at.map(|back| face.now.after(back.since(n.since())));
    Fields { replaces: n.id.to_string(), ..filled(&without_last_entry(n), None, back, face) }
}

fn without_last_entry(n: &Notification) -> Notification {
    Notification { last_entry_seconds: None, ..n.clone() }
}

/// A form that updates a closing: it begins with everything that stands, on the targets on
/// which it stands. An expected return that has passed is left out.
pub(crate) fn updating(n: &Notification, standing: &[Target], face: &Face) -> Fields {
    let back = n.expected_back_at.filter(|back| *back > face.now);
    Fields {
        updates: n.id.to_string(),
        targets: standing.iter().map(ToString::to_string).collect(),
        ..filled(n, Some(n.since()), back, face)
    }
}

/// A form with every field of a notification, and these times.
fn filled(n: &Notification, begins: Option<Moment>, back: Option<Moment>, face: &Face) -> Fields {
    let field = |moment: Option<Moment>| moment.map_or_else(String::new, |moment| face.field(moment));
    let exact = |moment: Option<Moment>| moment.map_or_else(String::new, |moment| moment.to_string());
    let (last_entry, last_entry_unit) = n.last_entry_seconds.map_or_else(Default::default, in_units);
    Fields {
        reason: n.reason.name.to_string(),
        component: n.component.clone().unwrap_or_default(),
        message: n.message.clone().unwrap_or_default(),
        begins: field(begins),
        begins_exact: exact(begins),
        back: field(back),
        back_exact: exact(back),
        last_entry,
        last_entry_unit,
        restore: if n.restore == Restore::Automatic { "automatic" } else { "manual" }.to_owned(),
        priority: if n.priority == Priority::Critical { "critical" } else { "normal" }.to_owned(),
        ..like(n, status(n))
    }
}

/// The status as it was submitted.
pub(super) fn status(n: &Notification) -> &'static str {
    match n.status {
        Some(Status::Available) if n.degraded => "degraded",
        Some(Status::Available) => "available",
        _ => "unavailable",
    }
}

/// Seconds as a number of the largest unit that holds them exactly.
pub(super) fn in_units(seconds: u32) -> (String, String) {
    let (number, unit) = match seconds {
        s if s > 0 && s.is_multiple_of(3_600) => (s / 3_600, "hours"),
        s if s.is_multiple_of(60) => (s / 60, "minutes"),
        s => (s, "seconds"),
    };
    (number.to_string(), unit.to_owned())
}

/// A submission with the same fields, about these targets and with the original beginning.
pub(crate) fn again(n: &Notification, targets: &[Target]) -> Value {
    json!({
        "targets": targets,
        "status": status(n),
        "reason": n.reason.name,
        "component": n.component,
        "message": n.message,
        "goes_down_at": n.since(),
        "last_entry_seconds": n.last_entry_seconds,
        "expected_back_at": n.expected_back_at,
        "restore": if let Restore::Unread(_) = n.restore { Restore::Manual } else { n.restore },
        "criteria": n.criteria,
        "priority": if let Priority::Unread(_) = n.priority { Priority::Normal } else { n.priority },
    })
}

/// What a submission of this version cannot repeat, for it comes from a newer one: names of members.
pub(crate) fn left_out(n: &Notification) -> Vec<String> {
    let mut names: Vec<String> = n.extra.keys().cloned().collect();
    if let Restore::Unread(word) = n.restore {
        names.push(format!("restore ({})", word.as_str()));
    }
    if let Priority::Unread(word) = n.priority {
        names.push(format!("priority ({})", word.as_str()));
    }
    names
}

/// Fills in what the inputs can hold; every other kind is kept whole.
fn fill_criteria(n: &Notification, fields: &mut Fields) {
    let Some(Ok(Value::Object(kinds))) = n.criteria.as_ref().map(serde_json::to_value) else { return };
    for (kind, value) in kinds {
        let text = written(&kind, &value);
        if let (Some(text), Some(input)) = (text, input(fields, &kind)) {
            *input = text;
        }
        // Lines and separators cannot hold everything that a pattern may contain.
        let read = to_json(fields, chrono_tz::UTC).0;
        if read["criteria"].get(&kind) != Some(&value) {
            if let Some(input) = input(fields, &kind) {
                input.clear();
            }
            fields.kept.push(Value::Object(Map::from_iter([(kind, value)])).to_string());
        }
    }
}

/// The input for a kind of criteria.
fn input<'a>(fields: &'a mut Fields, kind: &str) -> Option<&'a mut String> {
    Some(match kind {
        "methods" => &mut fields.methods,
        "paths" => &mut fields.paths,
        "headers" => &mut fields.headers,
        "query" => &mut fields.query,
        "cookies" => &mut fields.cookies,
        "clients" => &mut fields.clients,
        "nodes" => &mut fields.nodes,
        _ => return None,
    })
}

/// The lines of an input.
fn written(kind: &str, value: &Value) -> Option<String> {
    let separator = if kind == "headers" { ": " } else { "=" };
    let lines: Option<Vec<String>> = match value {
        Value::Array(members) => members.iter().map(|member| member.as_str().map(str::to_owned)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, glob)| Some(format!("{name}{separator}{}", glob.as_str()?))).collect()
        }
        _ => None,
    };
    lines.map(|lines| lines.join("\n"))
}

#[cfg(test)]
mod tests;
