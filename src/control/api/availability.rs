//! The present state: `GET /api/v1/availability` and `/{application}`.
//!
//! It contains what the gate tells everybody, and details for operators: who reported it, on which node, and for
//! which requests.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{desk, params, segment};
use crate::{
    actors::desk::{Board, BoardRow, CauseView},
    availability::{Criteria, Entry, Moment, Name, Restore, Source, Target},
    control::{
        described::{Reading, ReadingOne},
        errors::Failure,
    },
};

/// All applications and resources as this node sees them
#[utoipa::path(
    get, path = "/api/v1/availability", operation_id = "listAvailability", tag = "availability",
    responses((status = 200, description = "The board.", body = Everything), Reading)
)]
pub(crate) async fn all(request: HttpRequest) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    Ok(HttpResponse::Ok().json(Everything::of(&desk(&request)?.board().await)))
}

/// One application
#[utoipa::path(
    get, path = "/api/v1/availability/{application}", operation_id = "getAvailability", tag = "availability",
    params(("application" = Name, Path, description = "Its name.")),
    responses((status = 200, description = "Its state.", body = Application), ReadingOne)
)]
pub(crate) async fn one(request: HttpRequest) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    let name = segment(&request, "application");
    let board = desk(&request)?.board().await;
    let row = board.applications.iter().find(|row| row.name.as_str() == name);
    Ok(HttpResponse::Ok().json(Application::of(row.ok_or_else(|| no_application(&name))?)))
}

/// 404 for an application that no known member of the farm has.
pub(super) fn no_application(name: &str) -> Failure {
    Failure::NotFound(format!("no member of the farm has an application {name}"))
}

/// The whole board.
#[derive(Serialize, ToSchema)]
#[schema(as = Board)]
struct Everything<'a> {
    applications: Vec<Application<'a>>,
    resources: Vec<Resource<'a>>,
    /// What closes the system as a whole.
    system: Vec<Cause<'a>>,
}

impl<'a> Everything<'a> {
    fn of(board: &'a Board) -> Self {
        Self {
            applications: board.applications.iter().map(Application::of).collect(),
            resources: board.resources.iter().map(Resource::of).collect(),
            system: board.system.iter().map(Cause::of).collect(),
        }
    }
}

/// One application.
#[derive(Serialize, ToSchema)]
struct Application<'a> {
    application: &'a Name,
    /// The resources that it uses.
    uses: &'a [Name],
    #[serde(flatten)]
    state: State<'a>,
}

impl<'a> Application<'a> {
    fn of(row: &'a BoardRow) -> Self {
        Self { application: &row.name, uses: &row.uses, state: State::of(row) }
    }
}

/// One resource.
#[derive(Serialize, ToSchema)]
struct Resource<'a> {
    resource: &'a Name,
    /// The applications that use it.
    used_by: &'a [Name],
    #[serde(flatten)]
    state: State<'a>,
}

impl<'a> Resource<'a> {
    fn of(row: &'a BoardRow) -> Self {
        Self { resource: &row.name, used_by: &row.uses, state: State::of(row) }
    }
}

/// The state of an application or a resource.
#[derive(Serialize, ToSchema)]
struct State<'a> {
    title: &'a str,
    /// For requests that no criteria match, except criteria that name only nodes.
    available: bool,
    critical: bool,
    /// This node has it in its configuration.
    local: bool,
    #[schema(required)]
    reason: Option<&'a Name>,
    #[schema(required)]
    reason_code: Option<u32>,
    #[schema(required)]
    component: Option<&'a str>,
    #[schema(required)]
    message: Option<&'a str>,
    #[schema(required)]
    operator: Option<&'a str>,
    /// The earliest beginning of the causes.
    #[schema(required)]
    since: Option<Moment>,
    /// The latest expected return of the causes; null if any has none.
    #[schema(required)]
    expected_back_at: Option<Moment>,
    /// The first one gives reason, component, message and operator.
    causes: Vec<Cause<'a>>,
    /// Advisories: it works, but with limitations.
    advisories: Vec<Cause<'a>>,
    /// Closings that count for some requests only.
    partial: Vec<Cause<'a>>,
    upcoming: Vec<Plan<'a>>,
}

impl<'a> State<'a> {
    fn of(row: &'a BoardRow) -> Self {
        let first = row.causes.first().map(|cause| &cause.entry.notification);
        Self {
            title: &row.title,
            available: row.causes.is_empty(),
            critical: row.critical,
            local: row.local,
            reason: row.reason.as_ref().map(|reason| &reason.name),
            reason_code: row.reason.as_ref().map(|reason| reason.code),
            component: first.and_then(|n| n.component.as_deref()),
            message: first.and_then(|n| n.message.as_deref()),
            operator: first.and_then(|n| n.operator.as_deref()),
            since: row.since,
            expected_back_at: row.expected_back_at,
            causes: row.causes.iter().map(Cause::of).collect(),
            advisories: row.advisories.iter().map(Cause::of).collect(),
            partial: row.partial.iter().map(Cause::of).collect(),
            upcoming: row.upcoming.iter().map(|plan| Plan::of(plan)).collect(),
        }
    }
}

/// A closing that counts.
#[derive(Serialize, ToSchema)]
struct Cause<'a> {
    target: &'a Target,
    /// own, system or resource.
    layer: &'static str,
    since: Moment,
    #[serde(flatten)]
    statement: Statement<'a>,
}

impl<'a> Cause<'a> {
    fn of(cause: &'a CauseView) -> Self {
        let CauseView { target, layer, entry, since } = cause;
        Self { target, layer, since: *since, statement: Statement::of(entry) }
    }
}

/// A closing that has not begun and is not cancelled.
#[derive(Serialize, ToSchema)]
struct Plan<'a> {
    targets: &'a [Target],
    goes_down_at: Moment,
    #[serde(flatten)]
    statement: Statement<'a>,
}

impl<'a> Plan<'a> {
    fn of(plan: &'a Entry) -> Self {
        let n = &plan.notification;
        Self { targets: &n.targets, goes_down_at: n.since(), statement: Statement::of(plan) }
    }
}

/// What causes and plans have in common.
#[derive(Serialize, ToSchema)]
struct Statement<'a> {
    id: Uuid,
    timestamp: Moment,
    reason: &'a Name,
    reason_code: u32,
    #[schema(required)]
    component: Option<&'a str>,
    #[schema(required)]
    message: Option<&'a str>,
    #[schema(required)]
    expected_back_at: Option<Moment>,
    restore: Restore,
    #[schema(required)]
    criteria: Option<&'a Criteria>,
    #[schema(required)]
    operator: Option<&'a str>,
    source: Source,
    #[schema(required)]
    reporter: Option<&'a str>,
    node: &'a Name,
}

impl<'a> Statement<'a> {
    fn of(entry: &'a Entry) -> Self {
        let n = &entry.notification;
        Self {
            id: n.id,
            timestamp: n.timestamp,
            reason: &n.reason.name,
            reason_code: n.reason.code,
            component: n.component.as_deref(),
            message: n.message.as_deref(),
            expected_back_at: n.expected_back_at,
            restore: n.restore,
            criteria: n.criteria.as_ref(),
            operator: n.operator.as_deref(),
            source: n.source,
            reporter: n.reporter.as_deref(),
            node: &n.node,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::availability::{Author, NodeId, Submission};
    use serde_json::{Value, json};
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
            advisories: vec![],
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
        let shown = serde_json::to_value(Application::of(&closed)).unwrap();
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
        let board = Board {
            applications: vec![row(vec![], vec![plan])],
            resources: vec![row(vec![], vec![])],
            ..Board::default()
        };
        let shown = serde_json::to_value(Everything::of(&board)).unwrap();
        let mail = &shown["applications"][0];
        assert_eq!((&mail["available"], &mail["reason"], &mail["since"]), (&json!(true), &Value::Null, &Value::Null));
        assert_eq!(mail["upcoming"][0]["goes_down_at"], "2026-11-23T18:00:00Z");
        assert_eq!(mail["upcoming"][0]["targets"], json!(["system"]));
        assert_eq!(shown["resources"][0]["used_by"], json!(["mail-store"]));
    }
}
