//! Arguments → the JSON of docs/contract.md#a-notification.
//!
//! What must stay true: absent arguments are not sent, so that the node's defaults apply; a name that is given
//! twice where JSON allows it once is refused, not half sent.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::args::{CriteriaArgs, Priority, Restore, SaidArgs};
use super::super::error::CliError;
use crate::availability::Moment;

/// The body to hand in.
///
/// # Errors
///
/// [`CliError::Usage`].
pub(crate) fn of(args: &SaidArgs, id: Uuid, timestamp: Moment) -> Result<Value, CliError> {
    let mut body = Map::new();
    let mut put = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(field.to_owned(), value);
        }
    };
    let time = |time: &chrono::DateTime<chrono::Utc>| json!(time.to_rfc3339_opts(SecondsFormat::Millis, true));
    put("id", Some(json!(id)));
    put("timestamp", Some(json!(timestamp)));
    if args.cancel.is_none() {
        put("targets", Some(json!(args.targets)));
        let status = match (args.available, args.degraded) {
            (true, _) => "available",
            (_, true) => "degraded",
            _ => "unavailable",
        };
        put("status", Some(json!(status)));
    }
    put("cancels", args.cancel.map(|id| json!(id)));
    put("replaces", args.replace.map(|id| json!(id)));
    put("reason", args.reason.as_deref().map(reason));
    put("message", args.message.as_ref().map(|text| json!(text)));
    put("component", args.component.as_ref().map(|text| json!(text)));
    put("goes_down_at", args.at.as_ref().map(time));
    put("expected_back_at", args.back_at.as_ref().map(time));
    put("duration_seconds", args.lasts.map(|lasts| json!(lasts.as_secs())));
    put("last_entry_seconds", args.last_entry.map(|before| json!(before.as_secs())));
    let restore = args.restore.map(|restore| match restore {
        Restore::Manual => json!("manual"),
        Restore::Automatic => json!("automatic"),
    });
    put("restore", restore);
    let priority = args.priority.map(|priority| match priority {
        Priority::Normal => json!("normal"),
        Priority::Critical => json!("critical"),
    });
    put("priority", priority);
    put("criteria", criteria(&args.criteria, args.cancel.is_some())?);
    Ok(Value::Object(body))
}

/// A name, or the code of a reason.
pub(in crate::cli) fn reason(text: &str) -> Value {
    text.parse::<u32>().map_or_else(|_name| json!(text), |code| json!(code))
}

pub(in crate::cli) fn criteria(args: &CriteriaArgs, cancels: bool) -> Result<Option<Value>, CliError> {
    let mut criteria = Map::new();
    let lists = [
        ("methods", json!(args.method)),
        ("paths", json!(args.path)),
        ("headers", pairs("--header", &args.header)?),
        ("query", pairs("--query", &args.query)?),
        ("clients", args.client.iter().map(ToString::to_string).collect()),
        ("nodes", json!(args.node)),
    ];
    for (field, value) in lists {
        let empty = match &value {
            Value::Array(list) => list.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        if !empty {
            criteria.insert(field.to_owned(), value);
        }
    }
    match (criteria.is_empty(), cancels) {
        (true, _) => Ok(None),
        (false, false) => Ok(Some(Value::Object(criteria))),
        (false, true) => Err(CliError::Usage(
            "--cancel cancels a closing as a whole: leave --method, --path, --header, --query, \
             --client and --node out"
                .to_owned(),
        )),
    }
}

fn pairs(flag: &str, pairs: &[(String, String)]) -> Result<Value, CliError> {
    let mut members = Map::new();
    for (name, glob) in pairs {
        if members.insert(name.clone(), json!(glob)).is_some() {
            let text = format!("{flag}: {name} is given twice, and a notification has one glob for it");
            return Err(CliError::Usage(text));
        }
    }
    Ok(Value::Object(members))
}
