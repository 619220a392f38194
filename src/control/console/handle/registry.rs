//! Schedules and templates: lists, the form's preview and saving, and removing.
//!
//! Must stay true: the id is made when the form is first shown, so that a second click saves the same again; a change
//! that another operator has made meanwhile is shown before it is overwritten.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Answer,
    ask::{Page, ask, author, refused},
    either, foreseen, known,
};
use crate::{
    actors::desk::RegisterError,
    answer::Rehearsal,
    availability::{FieldError, Key, Kind, NodeId, Record, Schedule, Target},
    clock,
    control::{
        audit,
        console::{
            ConsoleState,
            form::{self, About, Fields, Problem, Recorded, of_fields, schedule_json, template_json},
            guard::{Visit, enter, enter_to_change, read_form},
            view::{RemovePage, SchedulePreview, ScheduleRow, SchedulesPage, Standing, TemplateRow, TemplatesPage},
        },
        preview::{Known, Preview},
    },
};

/// How many are on one page.
const PAGE: usize = 100;
/// A body with an id and a token.
const SMALL: usize = 4 << 10;

/// `GET /schedules`
pub(crate) async fn schedules(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(show_schedules(&state, &request).await)
}

async fn show_schedules(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let (page, all, more) = page(&visit, request, Kind::Schedule, "/schedules").await;
    let standing = Standing::of(&state.desk.board().await);
    let (_, titles) = known(&visit).await;
    let face = visit.face;
    // Rules are enumerated on a thread that may be busy.
    let row = move |record: &Arc<Record>| ScheduleRow::new(record, &standing, &titles, &face);
    let rows = web::block(move || page.iter().map(row).collect()).await.unwrap_or_default();
    let mut page = SchedulesPage::new(visit.chrome("plans"), all, rows, more);
    page.notice = done(&visit, request, Kind::Schedule).await;
    Ok(visit.html(StatusCode::OK, &page))
}

/// `GET /templates`
pub(crate) async fn templates(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(show_templates(&state, &request).await)
}

async fn show_templates(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let (page, all, more) = page(&visit, request, Kind::Template, "/templates").await;
    let (_, titles) = known(&visit).await;
    let row = |record: &Arc<Record>| TemplateRow::new(record, recorded(record, state), &titles, &visit.face);
    let rows = page.iter().map(row).collect();
    let mut page = TemplatesPage::new(visit.chrome("plans"), all, rows, more);
    page.notice = done(&visit, request, Kind::Template).await;
    Ok(visit.html(StatusCode::OK, &page))
}

fn recorded(record: &Record, state: &ConsoleState) -> Option<Recorded> {
    Recorded::read(record.value.as_ref()?, &state.reasons.load())
}

/// The records of a page by their titles, how many there are in all, and where further ones are.
async fn page(
    visit: &Visit<'_>,
    request: &HttpRequest,
    kind: Kind,
    address: &str,
) -> (Vec<Arc<Record>>, usize, Option<String>) {
    let mut records = visit.state.desk.records(kind).await.unwrap_or_default();
    records.sort_by_cached_key(|record| (title(record).to_lowercase(), record.id));
    let query = form::read_pairs(request.query_string());
    let from: usize = form::first(&query, "from").parse().unwrap_or(0);
    let all = records.len();
    let more = from.checked_add(PAGE).filter(|next| *next < all).map(|next| format!("{address}?from={next}"));
    (records.into_iter().skip(from).take(PAGE).collect(), all, more)
}

fn title(record: &Record) -> &str {
    record.value.as_ref().and_then(|value| value["title"].as_str()).unwrap_or_default()
}

/// What was just done. The address can be written by hand, so it is shown only if it is true.
async fn done(visit: &Visit<'_>, request: &HttpRequest, kind: Kind) -> Option<String> {
    let query = form::read_pairs(request.query_string());
    let of = |name: &str| form::first(&query, name).parse::<Uuid>().ok();
    if let Some(id) = of("saved") {
        return visit.state.desk.record(Key { kind, id }).await.map(|record| format!("“{}” is saved.", title(&record)));
    }
    let id = of("removed")?;
    let gone = visit.state.desk.record(Key { kind, id }).await.is_none();
    gone.then(|| format!("The {} is removed.", kind.as_str()))
}

/// `GET /schedules/edit`
pub(crate) async fn edit_schedule(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(edit(&state, &request, Kind::Schedule).await)
}

/// `GET /templates/edit`
pub(crate) async fn edit_template(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(edit(&state, &request, Kind::Template).await)
}

async fn edit(state: &ConsoleState, request: &HttpRequest, kind: Kind) -> Answer {
    let visit = enter(state, request, clock::now())?;
    visit.must_act()?;
    let query = form::read_pairs(request.query_string());
    let id = form::first(&query, "id");
    let (id, fields) = if id.is_empty() {
        let fresh = form::recurring(Fields::default(), &visit.face);
        (clock::new_id(), if kind == Kind::Schedule { fresh } else { Fields::default() })
    } else {
        let record = find(&visit, kind, id).await?;
        let fields = match kind {
            Kind::Schedule => Schedule::of(&record).ok().flatten().map(|schedule| form::of_schedule(&schedule)),
            _ => recorded(&record, state).map(|recorded| recorded.fields()),
        };
        let fields = fields.ok_or_else(|| no_such(&visit, kind))?;
        (record.id, Fields { version: record.stamp.to_string(), ..fields })
    };
    let id = id.to_string();
    let fields = match kind {
        Kind::Schedule => Fields { schedule: id, ..fields },
        _ => Fields { template: id, ..fields },
    };
    Ok(ask(&visit, fields, Page::default()).await)
}

/// The form for a notification with what a template has.
pub(super) async fn from_template(visit: &Visit<'_>, id: &str) -> Result<Fields, HttpResponse> {
    let record = find(visit, Kind::Template, id).await?;
    let recorded = recorded(&record, visit.state).ok_or_else(|| no_such(visit, Kind::Template))?;
    Ok(Fields { title: String::new(), ..recorded.fields() })
}

async fn find(visit: &Visit<'_>, kind: Kind, id: &str) -> Result<Arc<Record>, HttpResponse> {
    let found = match id.parse() {
        Ok(id) => visit.state.desk.record(Key { kind, id }).await,
        Err(_) => None, // no id, no record
    };
    found.ok_or_else(|| no_such(visit, kind))
}

fn no_such(visit: &Visit<'_>, kind: Kind) -> HttpResponse {
    let (title, text, list) = match kind {
        Kind::Schedule => (
            "No such schedule",
            "This node has no schedule with this id. It was removed, or it has not arrived yet.",
            "/schedules",
        ),
        _ => (
            "No such template",
            "This node has no template with this id. It was removed, or it has not arrived yet.",
            "/templates",
        ),
    };
    visit.message(StatusCode::NOT_FOUND, "plans", title, text, &[(list, "To the list")])
}

/// What a form would put into the registry: the key, the value, and what could not be read.
fn asked(visit: &Visit<'_>, fields: &mut Fields) -> (Key, Value, Vec<FieldError>) {
    let (kind, id) = match fields.about() {
        About::Schedule => (Kind::Schedule, &mut fields.schedule),
        _ => (Kind::Template, &mut fields.template),
    };
    let id = id.parse().unwrap_or_else(|_| {
        let new = clock::new_id();
        *id = new.to_string();
        new
    });
    let (value, errors) = match kind {
        Kind::Schedule => schedule_json(fields, visit.face.zone),
        _ => template_json(fields, visit.face.zone),
    };
    (Key { kind, id }, value, errors)
}

/// The value as it would be kept, and what is there now; or the form again.
async fn check(
    visit: &Visit<'_>,
    fields: &mut Fields,
) -> Result<(Key, Value, Value, Option<Arc<Record>>), HttpResponse> {
    let (key, value, mut errors) = asked(visit, fields);
    let checked = match visit.state.desk.check_register(key, value.clone()).await {
        Ok(checked) if errors.is_empty() => checked,
        Ok(_) => return Err(wrong(visit, fields, errors).await),
        Err(RegisterError::Submit(crate::actors::desk::SubmitError::Invalid(more))) => {
            // A rule that could not be read is no rule that is missing.
            let known = |error: &FieldError| error.field == "rule" && !errors.is_empty();
            let more: Vec<FieldError> = more.into_iter().filter(|error| !known(error)).collect();
            errors.extend(more);
            return Err(wrong(visit, fields, errors).await);
        }
        Err(error) => return Err(not_taken(visit, fields, error).await),
    };
    let held = visit.state.desk.record(key).await;
    let mut about = targets(&value);
    about.extend(held.iter().filter_map(|held| held.value.as_ref()).flat_map(targets));
    if let Some(problem) = visit.session.rights.beyond(about) {
        let text = format!("The operator {} {problem}.", visit.session.operator);
        let problems = vec![Problem { anchor: "targets", text }];
        let page = Page { status: StatusCode::FORBIDDEN, problems, ..Page::default() };
        return Err(ask(visit, fields.clone(), page).await);
    }
    let is_same = held.as_ref().is_some_and(|held| held.value.as_ref() == Some(&checked));
    let version = held.as_ref().map(|held| held.stamp.to_string()).unwrap_or_default();
    if version != fields.version && !is_same {
        let notice = match &held {
            Some(held) => format!(
                "{} has changed this in the meantime. If you continue, your entries replace it.",
                held.operator.as_deref().unwrap_or("Another operator")
            ),
            None => {
                "Another operator has removed this in the meantime. If you continue, it is created again.".to_owned()
            }
        };
        fields.version = version;
        return Err(ask(visit, fields.clone(), Page::notice(StatusCode::CONFLICT, &notice)).await);
    }
    Ok((key, value, checked, held))
}

async fn wrong(visit: &Visit<'_>, fields: &Fields, errors: Vec<FieldError>) -> HttpResponse {
    let page = Page { status: StatusCode::UNPROCESSABLE_ENTITY, problems: of_fields(errors), ..Page::default() };
    ask(visit, fields.clone(), page).await
}

async fn not_taken(visit: &Visit<'_>, fields: &Fields, error: RegisterError) -> HttpResponse {
    match error {
        RegisterError::Submit(error) => refused(visit, fields.clone(), error).await,
        RegisterError::NoRoom(why) => {
            ask(visit, fields.clone(), Page::problem(StatusCode::TOO_MANY_REQUESTS, format!("{why}."))).await
        }
        RegisterError::NotThere => {
            ask(visit, fields.clone(), Page::problem(StatusCode::NOT_FOUND, format!("{error}."))).await
        }
    }
}

fn targets(value: &Value) -> Vec<Target> {
    let listed = value["targets"].as_array().into_iter().flatten();
    listed.filter_map(|target| target.as_str()?.parse().ok()).collect()
}

/// What a schedule would do; a template is saved without a preview.
pub(super) async fn preview(visit: &Visit<'_>, mut fields: Fields) -> HttpResponse {
    let (key, _, checked, held) = match check(visit, &mut fields).await {
        Ok(checked) => checked,
        Err(answer) => return answer,
    };
    if key.kind == Kind::Template {
        return ask(visit, fields, Page::default()).await;
    }
    let face = visit.face;
    let Some((record, rehearsal)) = rehearse(visit, key, checked).await else { return no_such(visit, key.kind) };
    let (board, nodes) = (visit.state.desk.board().await, visit.state.desk.nodes().await);
    let (_, titles) = known(visit).await;
    let known = Known { board: &board, nodes: &nodes, titles: &titles, node: &visit.state.node, now: face.now };
    let preview = Preview::of(&rehearsal, &known);
    let standing = Standing::of(&board);
    let replaces = if held.is_some() { standing.count(&key.id) } else { 0 };
    let row = ScheduleRow::new(&record, &standing, &titles, &face);
    let hidden = fields.pairs().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let effects = (&rehearsal.entry.notification, preview);
    let looks = (&face, foreseen::languages(visit));
    let page = SchedulePreview::new(visit.chrome("plans"), hidden, row, effects, replaces, looks);
    visit.html(StatusCode::OK, &page)
}

/// A schedule as it would be kept, and what its first occurrence would do.
async fn rehearse(visit: &Visit<'_>, key: Key, checked: Value) -> Option<(Arc<Record>, Rehearsal)> {
    let (now, operator) = (visit.face.now, author(visit).operator);
    let record = Record::stamped(key, Some(checked), operator, visit.state.node.clone(), (now, 0, NodeId::NONE));
    let schedule = Schedule::of(&record).ok().flatten()?;
    let plan = schedule.plan(&record, schedule.begins(now).next()?);
    Some((record, visit.state.desk.rehearse_entry(plan).await?))
}

/// What the first occurrence of the form's schedule would do, as far as the schedule would be taken.
pub(super) async fn first_occurrence(visit: &Visit<'_>, mut fields: Fields) -> Option<Rehearsal> {
    let (key, _, checked, _) = check(visit, &mut fields).await.ok()?;
    rehearse(visit, key, checked).await.map(|(_, rehearsal)| rehearsal)
}

/// Saves it and leads to the list.
pub(super) async fn keep(visit: &Visit<'_>, request: &HttpRequest, mut fields: Fields) -> HttpResponse {
    let (key, value, ..) = match check(visit, &mut fields).await {
        Ok(checked) => checked,
        Err(answer) => return answer,
    };
    match visit.state.desk.register(key.kind, key.id, Some(value), author(visit)).await {
        Ok(record) => {
            audit::registered(request, &visit.session.operator, &record);
            visit.see_other(&format!("/{}s?saved={}", key.kind.as_str(), key.id))
        }
        Err(error) => not_taken(visit, &fields, error).await,
    }
}

/// `GET /schedules/remove`
pub(crate) async fn remove_schedule_page(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(ask_remove(&state, &request, Kind::Schedule).await)
}

/// `GET /templates/remove`
pub(crate) async fn remove_template_page(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(ask_remove(&state, &request, Kind::Template).await)
}

async fn ask_remove(state: &ConsoleState, request: &HttpRequest, kind: Kind) -> Answer {
    let visit = enter(state, request, clock::now())?;
    visit.must_act()?;
    let query = form::read_pairs(request.query_string());
    let record = find(&visit, kind, form::first(&query, "id")).await?;
    let plans = Standing::of(&state.desk.board().await).count(&record.id);
    Ok(visit.html(StatusCode::OK, &RemovePage::new(visit.chrome("plans"), &record, plans)))
}

/// `POST /schedules/remove`
pub(crate) async fn remove_schedule(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    either(remove(&state, &request, body, Kind::Schedule).await)
}

/// `POST /templates/remove`
pub(crate) async fn remove_template(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    either(remove(&state, &request, body, Kind::Template).await)
}

async fn remove(state: &ConsoleState, request: &HttpRequest, body: web::Payload, kind: Kind) -> Answer {
    let pairs = read_form(state, request, body, SMALL).await?;
    let list = if kind == Kind::Schedule { "/schedules" } else { "/templates" };
    let visit = enter_to_change(state, request, &pairs, list, clock::now())?;
    visit.must_act()?;
    let id = form::first(&pairs, "id");
    // A second click finds it gone, which is what was wanted.
    let to = visit.see_other(&format!("{list}?removed={}", super::super::view::encoded(id)));
    let Ok(record) = find(&visit, kind, id).await else { return Ok(to) };
    let refused = |status, text: String| visit.message(status, "plans", "Not removed", &text, &[(list, "To the list")]);
    if let Some(problem) = visit.session.rights.beyond(record.value.as_ref().map(targets).unwrap_or_default()) {
        let text = format!("Nothing was changed: the operator {} {problem}.", visit.session.operator);
        return Err(refused(StatusCode::FORBIDDEN, text));
    }
    match state.desk.register(kind, record.id, None, author(&visit)).await {
        Ok(record) => {
            audit::registered(request, &visit.session.operator, &record);
            Ok(to)
        }
        Err(RegisterError::NotThere) => Ok(to),
        Err(error) => Err(refused(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{}.", super::super::words::capital(&error.to_string())),
        )),
    }
}
