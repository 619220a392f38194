//! The form, its preview, and handing in.
//!
//! One form is one notification: its id is made when the form is first shown and travels with it. Its
//! timestamp is made when the page with the confirming button is shown, and is good for ten minutes:
//! a double click or a reload sends an equal notification again (shown once), while a form that was
//! left open for an hour does not speak with the precedence of an hour ago.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderValue, RETRY_AFTER},
    },
    web,
};
use uuid::Uuid;

use super::{Answer, either, known, look::no_such};
use crate::{
    actors::desk::SubmitError,
    availability::{Author, Entry, Moment, NodeId, Submission},
    clock,
    control::{
        audit,
        console::{
            ConsoleState,
            form::{self, Fields, Problem, of_fields, to_json},
            guard::{Visit, enter, login_again, read_form},
            view::{CancelPage, EntryView, FormPage, PreviewInput, PreviewPage},
        },
        session::{Refusal, Use},
    },
};

/// The same bound as the API's.
const MOST: usize = 64 << 10;
/// How long a page with a confirming button is good for.
const FRESH: Duration = Duration::from_secs(600);

/// `GET /notify`
pub async fn notify_page(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(show(&state, &request).await)
}

async fn show(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let query = form::read_pairs(request.query_string());
    let of = |name| -> Option<Result<Uuid, uuid::Error>> {
        Some(form::first(&query, name)).filter(|id| !id.is_empty()).map(str::parse)
    };
    let asked = [("cancel", of("cancel")), ("replace", of("replace")), ("reopen", of("reopen"))];
    let mut fields = match asked.into_iter().find_map(|(what, id)| Some((what, id?))) {
        None => Fields {
            targets: query
                .iter()
                .filter(|(name, _)| name == "target")
                .take(100)
                .map(|(_, target)| target.clone())
                .collect(),
            status: form::first(&query, "status").to_owned(),
            ..Fields::default()
        },
        Some((what, id)) => {
            let found = match id {
                Ok(id) => state.desk.notification(id).await,
                Err(_) => None, // no id, no notification
            };
            let Some((entry, _)) = found else { return Err(no_such(&visit)) };
            let n = &entry.notification;
            match what {
                "cancel" => Fields { cancels: n.id.to_string(), ..Fields::default() },
                "replace" => form::replacing(n, &visit.face),
                _ => form::like(n, "available"),
            }
        }
    };
    fields.id = clock::new_id().to_string();
    Ok(ask(&visit, fields, Vec::new(), None, StatusCode::OK).await)
}

/// The form again after signing in, as it was when the session had ended.
pub async fn given_back(visit: &Visit<'_>, fields: Fields) -> HttpResponse {
    let notice = "You are signed in again, and here is what you had filled in. It was not sent.".to_owned();
    ask(visit, fields, Vec::new(), Some(notice), StatusCode::OK).await
}

/// `POST /notify`
pub async fn notify(state: web::Data<ConsoleState>, request: HttpRequest, body: web::Payload) -> HttpResponse {
    either(take(&state, &request, body).await)
}

async fn take(state: &ConsoleState, request: &HttpRequest, body: web::Payload) -> Answer {
    let pairs = read_form(state, request, body, MOST).await?;
    let mut fields = Fields::read(&pairs);
    let now = clock::now();
    let Some(session) = state.door.who(request, now, Use::Yes) else {
        return Err(login_again(state, "/notify", form::write_pairs(fields.pairs()), None));
    };
    let visit = Visit { state, session, face: crate::control::console::when::Face { zone: state.time_zone, now } };
    match state.door.check(request, &visit.session, form::first(&pairs, "csrf")) {
        Ok(()) => {}
        // Signed in again in another window meanwhile: nothing typed is lost.
        Err(Refusal::Token) => {
            let notice =
                "This form belonged to an earlier session. It was not sent; look it through and go on.".to_owned();
            return Ok(ask(&visit, fields, Vec::new(), Some(notice), StatusCode::FORBIDDEN).await);
        }
        Err(Refusal::Origin(error)) => {
            return Err(visit.message(
                StatusCode::FORBIDDEN,
                "notify",
                "Refused",
                &format!("Nothing was sent: {error}."),
                &[("/notify", "To the form")],
            ));
        }
    }
    if fields.id.parse::<Uuid>().is_err() {
        fields.id = clock::new_id().to_string();
    }
    Ok(match form::first(&pairs, "action") {
        "edit" => ask(&visit, fields, Vec::new(), None, StatusCode::OK).await,
        "confirm" => hand_in(&visit, request, fields).await,
        _ => preview(&visit, fields, now, None, StatusCode::OK).await,
    })
}

/// The submission that the fields make, checked by this node.
async fn submission(visit: &Visit<'_>, fields: &Fields) -> Result<Submission, SubmitError> {
    let (json, mut errors) = to_json(fields, visit.face.zone);
    match Submission::parse(&json) {
        Ok(submission) if errors.is_empty() => visit.state.desk.check(submission).await,
        Ok(_) => Err(SubmitError::Invalid(errors)),
        Err(more) => {
            errors.extend(more);
            Err(SubmitError::Invalid(errors))
        }
    }
}

/// Shows what would happen, with a button that makes it happen.
async fn preview(
    visit: &Visit<'_>,
    mut fields: Fields,
    timestamp: Moment,
    notice: Option<String>,
    status: StatusCode,
) -> HttpResponse {
    if !fields.cancels.is_empty() {
        return ask(visit, fields, Vec::new(), notice, status).await;
    }
    fields.timestamp = timestamp.to_string();
    let submission = match submission(visit, &fields).await {
        Ok(submission) => submission,
        Err(error) => return refused(visit, fields, error).await,
    };
    let author = Author::operator(&visit.session.operator);
    let id = fields.id.parse().unwrap_or_default();
    let n = submission.statement(id, timestamp, &author, &visit.state.node);
    // From here on the moments that were shown are sent, whatever the zone.
    if let (Some(begins), false) = (n.goes_down_at, fields.begins.is_empty()) {
        fields.begins_exact = begins.to_string();
    }
    if let (Some(back), false) = (n.expected_back_at, fields.back.is_empty()) {
        fields.back_exact = back.to_string();
    }
    let entry = Entry::stamped(n, 0, NodeId::NONE);
    let board = visit.state.desk.board().await;
    let (_, titles) = known(visit).await;
    let input = PreviewInput { fields: &fields, entry: &entry, board: &board, titles: &titles, face: &visit.face };
    let mut page = PreviewPage::new(visit.chrome("notify"), &input);
    page.notice = notice;
    visit.html(status, &page)
}

/// Hands the notification in and leads to its receipt.
async fn hand_in(visit: &Visit<'_>, request: &HttpRequest, mut fields: Fields) -> HttpResponse {
    let now = visit.face.now;
    let fresh = fields.timestamp.parse::<Moment>().ok().filter(|made| now.since(*made) <= FRESH);
    let Some(timestamp) = fresh else {
        if let Some(sent) = sent_already(visit, &fields).await {
            return sent;
        }
        let notice =
            "This page had been open for a while, so it was not sent. Look once more: the times below are of now."
                .to_owned();
        return preview(visit, fields, now, Some(notice), StatusCode::OK).await;
    };
    let submission = match submission(visit, &fields).await {
        Ok(submission) => submission,
        Err(error) => return refused(visit, fields, error).await,
    };
    let author = Author::operator(&visit.session.operator);
    match visit.state.desk.submit(submission, author.clone()).await {
        Ok(submitted) => {
            audit::submitted(request, &author, &submitted);
            visit.see_other(&format!("/notify/{}", submitted.id))
        }
        Err(SubmitError::Conflict(id)) => {
            fields.id = clock::new_id().to_string();
            let notice = format!(
                "This form was sent before, with another content, as notification {id}. If you confirm, this becomes a further one."
            );
            preview(visit, fields, now, Some(notice), StatusCode::CONFLICT).await
        }
        Err(SubmitError::Unavailable { reason, retry_after }) if fields.cancels.is_empty() => {
            // Whether it was kept is not known: id and timestamp stay, so that trying again is safe.
            let notice =
                format!("The node could not take it now: {reason}. Nothing is lost: confirm again in {retry_after} s.");
            retry_later(
                preview(visit, fields, timestamp, Some(notice), StatusCode::SERVICE_UNAVAILABLE).await,
                retry_after,
            )
        }
        Err(error) => refused(visit, fields, error).await,
    }
}

/// Where it is, if a form that comes late was sent before.
async fn sent_already(visit: &Visit<'_>, fields: &Fields) -> Option<HttpResponse> {
    let id = fields.id.parse().ok()?;
    visit.state.desk.notification(id).await?;
    Some(visit.see_other(&format!("/notify/{id}")))
}

/// The form again, with what the node has against it.
async fn refused(visit: &Visit<'_>, fields: Fields, error: SubmitError) -> HttpResponse {
    let top = |text: String| vec![Problem { anchor: "problems", text }];
    match error {
        SubmitError::Invalid(errors) => {
            ask(visit, fields, of_fields(errors), None, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        SubmitError::Conflict(id) => {
            ask(
                visit,
                fields,
                top(format!("The id belongs to another notification, {id}.")),
                None,
                StatusCode::CONFLICT,
            )
            .await
        }
        SubmitError::Bound(bound) => {
            ask(visit, fields, top(format!("{bound}.")), None, StatusCode::TOO_MANY_REQUESTS).await
        }
        SubmitError::Unavailable { reason, retry_after } => {
            let text = format!("The node cannot take it now: {reason}. Try again in {retry_after} s.");
            retry_later(ask(visit, fields, top(text), None, StatusCode::SERVICE_UNAVAILABLE).await, retry_after)
        }
    }
}

fn retry_later(mut answer: HttpResponse, seconds: u64) -> HttpResponse {
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

/// The form with these fields; for a cancel, the page that asks once more.
async fn ask(
    visit: &Visit<'_>,
    mut fields: Fields,
    problems: Vec<Problem>,
    notice: Option<String>,
    status: StatusCode,
) -> HttpResponse {
    let (known, titles) = known(visit).await;
    if fields.cancels.is_empty() {
        let mut page = FormPage::new(visit.chrome("notify"), fields, &known, &visit.state.reasons, &visit.face);
        page.problems = problems;
        page.notice = notice;
        return visit.html(status, &page);
    }
    let plan = match fields.cancels.parse() {
        Ok(id) => visit.state.desk.notification(id).await,
        Err(_) => None, // no id, no plan
    };
    let Some((plan, _)) = plan else { return no_such(visit) };
    // After a 503 it is not known whether it was kept: the same time makes the same notification.
    if status != StatusCode::SERVICE_UNAVAILABLE {
        fields.timestamp = visit.face.now.to_string();
    }
    let plan = EntryView::new(&plan, &titles, &visit.face);
    visit.html(status, &CancelPage { chrome: visit.chrome("notify"), fields, plan, problems, notice })
}
