//! Forms that begin filled in: like a notification that there is.

use serde_json::Value;

use super::Fields;
use crate::{
    availability::{Notification, Priority, Restore, Status},
    control::console::when::Face,
};

/// A form with the targets and criteria of a notification, such as to open what it closed. Nothing
/// else of it is taken over.
///
/// Criteria that this version cannot read do not fit into a form. Without them it would be about
/// all requests: then the targets are left to be chosen, so that nobody opens more than was closed
/// without having thought of it.
pub fn like(n: &Notification, status: &str) -> Fields {
    let is_whole = n.criteria.as_ref().is_none_or(|criteria| !criteria.has_unread());
    let mut fields = Fields {
        targets: n.targets.iter().filter(|_| is_whole).map(ToString::to_string).collect(),
        status: status.to_owned(),
        ..Fields::default()
    };
    fill_criteria(n, &mut fields);
    fields
}

/// A form that edits a plan.
pub fn replacing(n: &Notification, face: &Face) -> Fields {
    let status = if n.status == Some(Status::Available) { "available" } else { "unavailable" };
    let field = |moment: Option<_>| moment.map_or_else(String::new, |moment| face.field(moment));
    Fields {
        replaces: n.id.to_string(),
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
        availability::{Author, Moment, Submission},
        control::console::form::to_json,
    };
    use serde_json::json;
    use uuid::Uuid;

    #[test]
    fn a_plan_that_is_edited_without_a_change_says_the_same() {
        let json = json!({
            "targets": ["application:mail"], "status": "unavailable", "message": "Disk", "component": "db 2",
            "goes_down_at": "2026-11-23T18:00:00Z", "expected_back_at": "2026-11-23T19:30:15Z", "restore": "automatic",
            "priority": "critical", "criteria": {"methods": ["GET"], "headers": {"x": "1"}, "query": {"q": "a=b"}, "nodes": ["a", "b"]}
        });
        let author = Author::operator("alice");
        let record = |json: &Value| {
            Submission::parse(json).unwrap().statement(Uuid::nil(), Moment::ZERO, &author, &"a".parse().unwrap())
        };
        let plan = record(&json);
        let face = Face { zone: chrono_tz::Europe::Berlin, now: Moment::ZERO };
        let (again, errors) = to_json(&replacing(&plan, &face), face.zone);
        assert_eq!(errors, []);
        assert_eq!(record(&again), Notification { replaces: Some(Uuid::nil()), ..plan });
    }
}
