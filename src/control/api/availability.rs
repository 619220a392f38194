//! How things stand: `GET /api/v1/availability` and `/{application}`.
//!
//! What the gate tells everybody, and beside it what only operators may see: who said so, on which
//! node, for which requests.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::{desk, params, segment};
use crate::{
    actors::desk::{Board, BoardRow, CauseView},
    availability::Entry,
    control::errors::Failure,
};

/// Everything on the board.
pub async fn all(request: HttpRequest) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    Ok(HttpResponse::Ok().json(board(&desk(&request)?.board().await)))
}

/// One application.
pub async fn one(request: HttpRequest) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    let name = segment(&request, "application");
    let board = desk(&request)?.board().await;
    let row = board.applications.iter().find(|row| row.name.as_str() == name);
    Ok(HttpResponse::Ok().json(application(row.ok_or_else(|| no_application(&name))?)))
}

/// 404 for an application that no member of the farm has told this node of.
pub(super) fn no_application(name: &str) -> Failure {
    Failure::NotFound(format!("this node knows no application {name}"))
}

/// The whole board as JSON.
pub fn board(board: &Board) -> Value {
    json!({
        "applications": board.applications.iter().map(application).collect::<Vec<_>>(),
        "resources": board.resources.iter().map(resource).collect::<Vec<_>>(),
        "system": board.system.iter().map(cause).collect::<Vec<_>>(),
    })
}

/// One application as JSON.
pub fn application(row: &BoardRow) -> Value {
    let mut value = state(row);
    value["application"] = json!(row.name);
    value["uses"] = json!(row.uses);
    value
}

/// One resource as JSON.
pub fn resource(row: &BoardRow) -> Value {
    let mut value = state(row);
    value["resource"] = json!(row.name);
    value["used_by"] = json!(row.uses);
    value
}

fn state(row: &BoardRow) -> Value {
    let first = row.causes.first().map(|cause| &cause.entry.notification);
    json!({
        "title": row.title,
        "available": row.causes.is_empty(),
        "critical": row.critical,
        "local": row.local,
        "reason": row.reason.as_ref().map(|reason| &reason.name),
        "reason_code": row.reason.as_ref().map(|reason| reason.code),
        "component": first.and_then(|n| n.component.as_ref()),
        "message": first.and_then(|n| n.message.as_ref()),
        "operator": first.and_then(|n| n.operator.as_ref()),
        "since": row.since,
        "expected_back_at": row.expected_back_at,
        "causes": row.causes.iter().map(cause).collect::<Vec<_>>(),
        "partial": row.partial.iter().map(cause).collect::<Vec<_>>(),
        "upcoming": row.upcoming.iter().map(|plan| upcoming(plan)).collect::<Vec<_>>(),
    })
}

/// One closing that counts.
fn cause(cause: &CauseView) -> Value {
    let mut value = statement(&cause.entry);
    value["target"] = json!(cause.target);
    value["layer"] = json!(cause.layer);
    value["since"] = json!(cause.since);
    value
}

/// A plan that has not begun.
fn upcoming(plan: &Entry) -> Value {
    let mut value = statement(plan);
    value["targets"] = json!(plan.notification.targets);
    value["goes_down_at"] = json!(plan.notification.since());
    value
}

/// What causes and plans have in common.
fn statement(entry: &Entry) -> Value {
    let n = &entry.notification;
    json!({
        "id": n.id,
        "timestamp": n.timestamp,
        "reason": n.reason.name,
        "reason_code": n.reason.code,
        "component": n.component,
        "message": n.message,
        "expected_back_at": n.expected_back_at,
        "restore": n.restore,
        "criteria": n.criteria,
        "operator": n.operator,
        "source": n.source,
        "reporter": n.reporter,
        "node": n.node,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::availability::{Author, Moment, Name, NodeId, Submission, Target};
    use std::sync::Arc;

    fn entry(value: Value) -> Arc<Entry> {
        let submission = Submission::parse(&value).unwrap();
        let made =
            submission.statement(uuid::Uuid::nil(), Moment::ZERO, &Author::operator("alice"), &"a".parse().unwrap());
        Entry::stamped(made, 0, NodeId::NONE)
    }

    fn row(causes: Vec<CauseView>, upcoming: Vec<Arc<Entry>>) -> BoardRow {
        let uses = vec!["mail-store".parse::<Name>().unwrap()];
        BoardRow {
            name: "mail".parse().unwrap(),
            title: "Mail".into(),
            critical: true,
            local: true,
            uses,
            since: causes.first().map(|cause| cause.since),
            expected_back_at: None,
            reason: causes.first().map(|cause| cause.entry.notification.reason.clone()),
            causes,
            partial: vec![],
            upcoming,
        }
    }

    #[test]
    fn a_closed_application_says_who_and_why() {
        let said = entry(
            json!({"targets": ["resource:mail-store"], "status": "unavailable", "message": "<b>", "criteria": {"nodes": ["a"]}}),
        );
        let target: Target = "resource:mail-store".parse().unwrap();
        let closed = row(vec![CauseView { target, layer: "resource", entry: said, since: Moment::ZERO }], vec![]);
        let shown = application(&closed);
        assert_eq!(shown["application"], "mail");
        assert_eq!(shown["available"], false);
        assert_eq!(
            (&shown["reason"], &shown["reason_code"], &shown["operator"]),
            (&json!("unknown"), &json!(0), &json!("alice"))
        );
        assert_eq!((&shown["message"], &shown["since"]), (&json!("<b>"), &json!("1970-01-01T00:00:00Z")));
        let cause = &shown["causes"][0];
        assert_eq!((&cause["target"], &cause["layer"]), (&json!("resource:mail-store"), &json!("resource")));
        assert_eq!((&cause["criteria"], &cause["source"]), (&json!({"nodes": ["a"]}), &json!("operator")));
        assert_eq!(shown["uses"], json!(["mail-store"]));
    }

    #[test]
    fn an_open_one_has_its_plans_and_no_reason() {
        let plan =
            entry(json!({"targets": ["system"], "status": "unavailable", "goes_down_at": "2026-11-23T18:00:00Z"}));
        let shown = board(&Board {
            applications: vec![row(vec![], vec![plan])],
            resources: vec![row(vec![], vec![])],
            system: vec![],
        });
        let mail = &shown["applications"][0];
        assert_eq!((&mail["available"], &mail["reason"], &mail["since"]), (&json!(true), &Value::Null, &Value::Null));
        assert_eq!(mail["upcoming"][0]["goes_down_at"], "2026-11-23T18:00:00Z");
        assert_eq!(mail["upcoming"][0]["targets"], json!(["system"]));
        assert_eq!(shown["resources"][0]["used_by"], json!(["mail-store"]));
    }
}
