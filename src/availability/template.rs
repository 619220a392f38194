//! Templates: notifications to start from (docs/contract.md#registry). The form fills itself in from one; a template
//! states nothing by itself.

use serde_json::{Map, Value};

use super::{FieldError, Known, Submission, reader::Reader};

/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// What belongs to one notification only.
const NEVER: [&str; 8] =
    ["id", "timestamp", "goes_down_at", "expected_back_at", "last_entry_seconds", "cancels", "replaces", "schedule"];

/// Reads and checks a template that was submitted: a title, and the fields of a notification without its id and
/// points in time. Returns the value of its record.
///
/// # Errors
/// Everything that is wrong, each with its field.
pub fn template(value: &Value, known: &Known<'_>) -> Result<Value, Vec<FieldError>> {
    let Value::Object(members) = value else {
        return Err(vec![FieldError::new("", "the body must be a JSON object")]);
    };
    let mut members: Map<String, Value> =
        members.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut errors = Vec::new();
    let title = match members.remove("title") {
        Some(value) => Reader { field: "title", value: &value, errors: &mut errors }.text(MAX_TITLE),
        None => None,
    };
    if title.is_none() && errors.is_empty() {
        errors.push(FieldError::new("title", "is required: what it is called, for people"));
    }
    for field in NEVER.into_iter().filter(|field| members.contains_key(*field)) {
        errors.push(FieldError::new(field, "does not belong in a template"));
    }
    members.retain(|field, _| !NEVER.contains(&field.as_str()));
    let checked = Submission::parse(&Value::Object(members.clone())).and_then(|submission| submission.check(known));
    errors.extend(checked.err().unwrap_or_default());
    if !errors.is_empty() {
        return Err(errors);
    }
    members.extend(title.map(|title| ("title".to_owned(), Value::String(title))));
    Ok(Value::Object(members))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::availability::{Moment, Reasons, Rules, Target};
    use serde_json::json;

    fn checked(value: &Value) -> Result<Value, Vec<String>> {
        let now = Moment::from_millis(1_000);
        let known = Known {
            target: &|target| *target == Target::System,
            node: &|_| false,
            reasons: &Reasons::with([]),
            rules: Rules::default(),
            now,
            clock: now,
            stamp: now,
        };
        template(value, &known).map_err(|errors| errors.into_iter().map(|e| e.field).collect())
    }

    #[test]
    fn a_template_has_a_title_and_no_times() {
        let good = json!({"title": "Backup", "targets": ["system"], "status": "unavailable", "reason": "testing",
            "duration_seconds": 60, "restore": "automatic", "message": null});
        let mut kept = good.clone();
        kept.as_object_mut().unwrap().remove("message");
        assert_eq!(checked(&good), Ok(kept));
        let wrong = json!({"targets": ["system", "application:x"], "status": "unavailable", "id": "7",
            "expected_back_at": "2026-11-23T18:00:00Z", "last_entry_seconds": 5});
        assert_eq!(
            checked(&wrong).unwrap_err(),
            ["title", "id", "expected_back_at", "last_entry_seconds", "targets[1]"]
        );
        assert_eq!(checked(&json!({"title": "x".repeat(201)})).unwrap_err(), ["title", "targets", "status"]);
        assert_eq!(checked(&json!([])).unwrap_err(), [""]);
    }
}
