//! The registry: `/api/v1/schedules` and `/api/v1/templates`, and `/{id}` below each.
//!
//! Must stay true: an answer's `value` is what PUT takes; 200, 201 and 204 are answered only after the change is on
//! stable storage.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    desk,
    params::{self, Params},
    segment,
};
use crate::{
    availability::{Author, Key, Kind, Moment, Name, Record, Schedule, Target},
    clock,
    control::{
        audit,
        auth::Caller,
        body,
        described::{Acting, Forgetting, Reading, ReadingOne, ScheduleValue, TemplateValue},
        errors::Failure,
    },
};

/// How many occurrences an answer lists.
const SHOWN: usize = 10;

/// One occurrence of a schedule.
#[derive(Serialize, ToSchema)]
struct Window {
    /// When it begins.
    begins: Moment,
    /// When it ends.
    ends: Moment,
}

/// A record of the registry.
#[derive(Serialize, ToSchema)]
struct Registered {
    id: Uuid,
    /// Changes with every change: the stamp of the record.
    version: String,
    /// When it was changed last.
    timestamp: Moment,
    /// Who changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    operator: Option<String>,
    /// The node that accepted the change.
    node: Name,
    /// A ScheduleValue or a TemplateValue, as PUT takes it.
    #[schema(value_type = Object)]
    value: Map<String, Value>,
    /// The next ten occurrences of a schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<Vec<Window>>,
}

/// One page of the schedules, in the order of their ids.
#[derive(Serialize, ToSchema)]
struct Schedules {
    schedules: Vec<Registered>,
    /// Goes into `after` to go on; null at the end.
    #[schema(required)]
    next: Option<Uuid>,
}

/// One page of the templates, in the order of their ids.
#[derive(Serialize, ToSchema)]
struct Templates {
    templates: Vec<Registered>,
    /// Goes into `after` to go on; null at the end.
    #[schema(required)]
    next: Option<Uuid>,
}

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "page() reads them one by one; only their form is read")]
struct Part {
    /// Only those after this id: what `next` said.
    #[param(nullable = false)]
    after: Option<Uuid>,
    /// How many.
    #[param(nullable = false, minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u16>,
}

impl Registered {
    fn new(record: &Record, now: Moment) -> Self {
        let mut value = record.value.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        let schedule = if record.kind == Kind::Schedule { Schedule::of(record).ok().flatten() } else { None };
        if record.kind == Kind::Schedule {
            // They follow from the reason's name.
            value.remove("reason_code");
            value.remove("reason_title");
        }
        let next = schedule.map(|schedule| {
            let begins = schedule.begins(now.max(record.stamp.time)).take(SHOWN);
            begins.map(|begins| Window { begins, ends: schedule.ends(begins) }).collect()
        });
        Self {
            id: record.id,
            version: record.stamp.to_string(),
            timestamp: record.stamp.time,
            operator: record.operator.clone(),
            node: record.node.clone(),
            value,
            next,
        }
    }
}

/// One page of a list, and where it goes on.
async fn page(request: &HttpRequest, kind: Kind) -> Result<(Vec<Registered>, Option<Uuid>), Failure> {
    let mut params = Params::of(request)?;
    let after: Option<Uuid> = params.parsed("after", "is not an id");
    let limit = params.limit();
    params.finish()?;
    let mut records = desk(request)?.records(kind).await.ok_or_else(Failure::not_ready)?;
    records.retain(|record| after.is_none_or(|after| record.id > after));
    let is_more = records.len() > limit;
    records.truncate(limit);
    let next = records.last().filter(|_| is_more).map(|record| record.id);
    // A thousand rules are enumerated on a thread that may be busy.
    let now = clock::now();
    let shown = web::block(move || records.iter().map(|record| Registered::new(record, now)).collect()).await;
    Ok((shown.or(Err(Failure::not_ready()))?, next))
}

fn key(request: &HttpRequest, kind: Kind) -> Result<Key, Failure> {
    let id = segment(request, "id");
    let id = id.parse().or(Err(Failure::NotFound(format!("the id of a {} is a UUID", kind.as_str()))))?;
    Ok(Key { kind, id })
}

fn missing(key: &Key) -> Failure {
    Failure::NotFound(format!("this node knows no {} {}", key.kind.as_str(), key.id))
}

async fn one(request: &HttpRequest, kind: Kind) -> Result<HttpResponse, Failure> {
    params::none(request)?;
    let key = key(request, kind)?;
    let record = desk(request)?.record(key).await.ok_or_else(|| missing(&key))?;
    Ok(HttpResponse::Ok().json(Registered::new(&record, clock::now())))
}

/// Puts a value under a key, or removes it: needs the role operator, for everything that it closes or closed.
async fn change(request: &HttpRequest, key: Key, value: Option<Value>) -> Result<(Arc<Record>, bool), Failure> {
    let caller = Caller::of(request)?;
    caller.must_be_operator()?;
    let desk = desk(request)?;
    let held = desk.record(key).await;
    let targets = |value: &Value| -> Vec<Target> {
        let listed = value.get("targets").and_then(Value::as_array).into_iter().flatten();
        listed.filter_map(|target| target.as_str()?.parse().ok()).collect()
    };
    let mut about: Vec<Target> = value.iter().flat_map(targets).collect();
    about.extend(held.iter().filter_map(|held| held.value.as_ref()).flat_map(targets));
    caller.must_cover(about)?;
    let record = desk.register(key.kind, key.id, value, Author::operator(caller.name())).await?;
    audit::registered(request, caller.name(), &record);
    Ok((record, held.is_none()))
}

async fn create(request: &HttpRequest, payload: web::Payload, kind: Kind) -> Result<HttpResponse, Failure> {
    params::none(request)?;
    let value = body::json(request, payload).await?;
    put(request, Key { kind, id: clock::new_id() }, value).await
}

async fn replace(request: &HttpRequest, payload: web::Payload, kind: Kind) -> Result<HttpResponse, Failure> {
    params::none(request)?;
    let key = key(request, kind)?;
    let value = body::json(request, payload).await?;
    put(request, key, value).await
}

async fn put(request: &HttpRequest, key: Key, value: Value) -> Result<HttpResponse, Failure> {
    let (record, is_new) = change(request, key, Some(value)).await?;
    let mut answer = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    let place = format!("/api/v1/{}s/{}", key.kind.as_str(), key.id);
    Ok(answer.insert_header((header::LOCATION, place)).json(Registered::new(&record, clock::now())))
}

async fn remove(request: &HttpRequest, kind: Kind) -> Result<HttpResponse, Failure> {
    params::none(request)?;
    let key = key(request, kind)?;
    change(request, key, None).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The schedules
#[utoipa::path(
    get, path = "/api/v1/schedules", operation_id = "listSchedules", tag = "registry", params(Part),
    responses((status = 200, description = "One page, each schedule with its next ten occurrences.", body = Schedules), Reading)
)]
pub(crate) async fn schedules(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let (schedules, next) = page(&request, Kind::Schedule).await?;
    Ok(HttpResponse::Ok().json(Schedules { schedules, next }))
}

/// Add a schedule
///
/// Needs a token with the role operator. Every node turns the occurrences of the next 14 days into plans.
#[utoipa::path(
    post, path = "/api/v1/schedules", operation_id = "addSchedule", tag = "registry",
    request_body(content = ScheduleValue, description = "At most 8,192 bytes."),
    responses((status = 201, description = "It is on stable storage.", body = Registered), Acting)
)]
pub(crate) async fn add_schedule(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Failure> {
    create(&request, payload, Kind::Schedule).await
}

/// One schedule
#[utoipa::path(
    get, path = "/api/v1/schedules/{id}", operation_id = "getSchedule", tag = "registry",
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 200, description = "The schedule with its next ten occurrences.", body = Registered), ReadingOne)
)]
pub(crate) async fn schedule(request: HttpRequest) -> Result<HttpResponse, Failure> {
    one(&request, Kind::Schedule).await
}

/// Add or change a schedule under this id
///
/// A change makes a new version: plans of the earlier one that have not begun are cancelled on every node. The same
/// value again changes nothing.
#[utoipa::path(
    put, path = "/api/v1/schedules/{id}", operation_id = "putSchedule", tag = "registry",
    params(("id" = String, Path, description = "Its id, a UUID.")),
    request_body(content = ScheduleValue, description = "At most 8,192 bytes."),
    responses(
        (status = 200, description = "The existing record has this value now.", body = Registered),
        (status = 201, description = "It was not there.", body = Registered),
        Acting, ReadingOne
    )
)]
pub(crate) async fn put_schedule(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Failure> {
    replace(&request, payload, Kind::Schedule).await
}

/// Remove a schedule
///
/// Its plans that have not begun are cancelled on every node.
#[utoipa::path(
    delete, path = "/api/v1/schedules/{id}", operation_id = "removeSchedule", tag = "registry",
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is removed."), Forgetting)
)]
pub(crate) async fn remove_schedule(request: HttpRequest) -> Result<HttpResponse, Failure> {
    remove(&request, Kind::Schedule).await
}

/// The templates
#[utoipa::path(
    get, path = "/api/v1/templates", operation_id = "listTemplates", tag = "registry", params(Part),
    responses((status = 200, description = "One page.", body = Templates), Reading)
)]
pub(crate) async fn templates(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let (templates, next) = page(&request, Kind::Template).await?;
    Ok(HttpResponse::Ok().json(Templates { templates, next }))
}

/// Add a template
///
/// Needs a token with the role operator.
#[utoipa::path(
    post, path = "/api/v1/templates", operation_id = "addTemplate", tag = "registry",
    request_body(content = TemplateValue, description = "At most 8,192 bytes."),
    responses((status = 201, description = "It is on stable storage.", body = Registered), Acting)
)]
pub(crate) async fn add_template(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Failure> {
    create(&request, payload, Kind::Template).await
}

/// One template
#[utoipa::path(
    get, path = "/api/v1/templates/{id}", operation_id = "getTemplate", tag = "registry",
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 200, description = "The template.", body = Registered), ReadingOne)
)]
pub(crate) async fn template(request: HttpRequest) -> Result<HttpResponse, Failure> {
    one(&request, Kind::Template).await
}

/// Add or change a template under this id
#[utoipa::path(
    put, path = "/api/v1/templates/{id}", operation_id = "putTemplate", tag = "registry",
    params(("id" = String, Path, description = "Its id, a UUID.")),
    request_body(content = TemplateValue, description = "At most 8,192 bytes."),
    responses(
        (status = 200, description = "The existing record has this value now.", body = Registered),
        (status = 201, description = "It was not there.", body = Registered),
        Acting, ReadingOne
    )
)]
pub(crate) async fn put_template(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Failure> {
    replace(&request, payload, Kind::Template).await
}

/// Remove a template
#[utoipa::path(
    delete, path = "/api/v1/templates/{id}", operation_id = "removeTemplate", tag = "registry",
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is removed."), Forgetting)
)]
pub(crate) async fn remove_template(request: HttpRequest) -> Result<HttpResponse, Failure> {
    remove(&request, Kind::Template).await
}
