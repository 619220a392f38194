//! The form's preview, and its submission.
//!
//! One form is one notification: its id is made when the form is first shown and travels with it. Its timestamp
//! is made when the page with the confirming button is shown, and is valid for ten minutes: a double click or a
//! reload sends an equal notification again (shown once), while a form that was left open for an hour does not
//! get the precedence of an hour ago.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use uuid::Uuid;

use super::{
    Answer,
    ask::{Page, ask, author, refused, retry_later, sent_already},
    either, foreseen, known, moved, registry,
};
use crate::{
    actors::desk::SubmitError,
    answer::Rehearsal,
    availability::{Moment, Submission},
    clock,
    control::{
        audit,
        console::{
            ConsoleState,
            form::{self, About, Fields, Problem, to_json},
            guard::{Visit, login_again, read_form},
            view::{PreviewInput, PreviewPage},
        },
        preview::{Known, Preview},
        session::{Refusal, Use},
    },
};

/// More than the API takes: what is too long comes back in the form, with what is wrong about it.
const MOST: usize = 256 << 10;
/// How long a page with a confirming button is good for.
const FRESH: Duration = Duration::from_secs(600);

/// `POST /notify`, `/schedules/edit` and `/templates/edit`: the fields say what the form is about.
pub(crate) async fn notify(state: web::Data<ConsoleState>, request: HttpRequest, body: web::Payload) -> HttpResponse {
    either(take(&state, &request, body).await)
}

async fn take(state: &ConsoleState, request: &HttpRequest, body: web::Payload) -> Answer {
    let pairs = read_form(state, request, body, MOST).await?;
    let mut fields = Fields::read(&pairs);
    let now = clock::now();
    let language = form::first(&pairs, foreseen::LANGUAGE);
    let is_framed = !language.is_empty();
    let Some(session) = state.door.who(request, now, Use::Yes) else {
        if is_framed {
            return Err(foreseen::instead(StatusCode::FORBIDDEN, "Your session has ended. Sign in again.\n"));
        }
        return Err(login_again(state, request, "/notify", form::write_pairs(fields.pairs()), None));
    };
    let visit = Visit::new(state, request, session, now);
    match state.door.check(request, &visit.session, form::first(&pairs, "csrf")) {
        Ok(()) => {}
        Err(Refusal::Token) if is_framed => {
            let text = "This form belonged to an earlier session. Load the page again.\n";
            return Err(foreseen::instead(StatusCode::FORBIDDEN, text));
        }
        // Signed in again in another window meanwhile: nothing typed is lost.
        Err(Refusal::Token) => {
            let notice = "This form belonged to an earlier session and was not sent. Check it and send it again.";
            return Ok(ask(&visit, fields, Page::notice(StatusCode::FORBIDDEN, notice)).await);
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
    visit.must_act()?;
    if fields.id.parse::<Uuid>().is_err() {
        fields.id = clock::new_id().to_string();
    }
    let notifies = fields.about() == About::Notification;
    if is_framed {
        let rehearsal = match fields.about() {
            About::Notification => rehearse(&visit, &fields).await,
            About::Schedule => registry::first_occurrence(&visit, fields).await,
            About::Template => None,
        };
        return Ok(foreseen::page(&visit, rehearsal, language, form::first(&pairs, foreseen::APPLICATION)).await);
    }
    Ok(match form::first(&pairs, "action") {
        "edit" => ask(&visit, fields, Page::default()).await,
        "schedule" if notifies => {
            let fields = form::recurring(fields, &visit.face);
            ask(&visit, Fields { schedule: clock::new_id().to_string(), ..fields }, Page::default()).await
        }
        "template" if notifies => {
            ask(&visit, Fields { template: clock::new_id().to_string(), ..fields }, Page::default()).await
        }
        "confirm" if notifies => hand_in(&visit, request, fields).await,
        "confirm" => registry::keep(&visit, request, fields).await,
        _ if notifies => preview(&visit, fields, now, None, StatusCode::OK).await,
        _ => registry::preview(&visit, fields).await,
    })
}

/// What the notification would do, as far as the fields make one that would be taken.
async fn rehearse(visit: &Visit<'_>, fields: &Fields) -> Option<Rehearsal> {
    let submission = submission(visit, fields).ok()?;
    visit.state.desk.rehearse(submission, author(visit)).await.ok()
}

/// The submission that the fields make; its form is right, what depends on the farm is not checked.
fn submission(visit: &Visit<'_>, fields: &Fields) -> Result<Submission, SubmitError> {
    let (json, mut errors) = to_json(fields, visit.face.zone);
    match Submission::parse(&json) {
        Ok(submission) if errors.is_empty() => Ok(submission),
        Ok(_) => Err(SubmitError::Invalid(errors)),
        Err(more) => {
            errors.extend(more);
            Err(SubmitError::Invalid(errors))
        }
    }
}

/// The form again, where it is about more than the operator may make statements about.
async fn forbidden(visit: &Visit<'_>, fields: &Fields, submission: &Submission) -> Option<HttpResponse> {
    let problem = visit.session.rights.refusal(&visit.state.desk, submission).await?;
    let text = format!("The operator {} {problem}.", visit.session.operator);
    let problems = vec![Problem { anchor: "targets", text }];
    Some(ask(visit, fields.clone(), Page { status: StatusCode::FORBIDDEN, problems, ..Page::default() }).await)
}

/// Shows what would happen, with a button that makes it happen.
pub(super) async fn preview(
    visit: &Visit<'_>,
    mut fields: Fields,
    timestamp: Moment,
    notice: Option<String>,
    status: StatusCode,
) -> HttpResponse {
    if !fields.cancels.is_empty() {
        return ask(visit, fields, Page { status, notice, ..Page::default() }).await;
    }
    fields.timestamp = timestamp.to_string();
    let submission = match submission(visit, &fields) {
        Ok(submission) => submission,
        Err(error) => return refused(visit, fields, error).await,
    };
    if let Some(forbidden) = forbidden(visit, &fields, &submission).await {
        return forbidden;
    }
    let rehearsal = match visit.state.desk.rehearse(submission, author(visit)).await {
        Ok(rehearsal) => rehearsal,
        Err(error) => return refused(visit, fields, error).await,
    };
    let board = visit.state.desk.board().await;
    if let Some(moved) = updated_meanwhile(visit, &fields, &board).await {
        return moved;
    }
    let n = &rehearsal.entry.notification;
    // From here on the moments that were shown are sent, whatever the zone.
    if let (Some(begins), false) = (n.goes_down_at, fields.begins.is_empty()) {
        fields.begins_exact = begins.to_string();
    }
    if let (Some(back), false) = (n.expected_back_at, fields.back.is_empty()) {
        fields.back_exact = back.to_string();
    }
    let nodes = visit.state.desk.nodes().await;
    let (_, titles) = known(visit).await;
    let (node, now) = (&visit.state.node, visit.face.now);
    let known = Known { board: &board, nodes: &nodes, titles: &titles, node, now };
    let preview = Preview::of(&rehearsal, &known);
    let languages = foreseen::languages(visit);
    let (entry, titles, face) = (&rehearsal.entry, &titles, &visit.face);
    let input = PreviewInput { fields: &fields, entry, preview, titles, face, languages };
    let mut page = PreviewPage::new(visit.chrome("notify"), input);
    page.notice = notice;
    visit.html(status, &page)
}

/// The form again, where what it updates does not stand any more.
async fn updated_meanwhile(
    visit: &Visit<'_>,
    fields: &Fields,
    board: &crate::actors::desk::Board,
) -> Option<HttpResponse> {
    let updated: Uuid = fields.updates.parse().ok()?;
    if !moved::standing(board, updated).is_empty() {
        return None;
    }
    let closing = visit.state.desk.entry(updated).await?;
    let (moved, latest) = moved::of_closing(visit, &closing).await?;
    let fields = Fields { updates: latest.notification.id.to_string(), ..fields.clone() };
    let page = Page { status: StatusCode::CONFLICT, moved: Some(moved), ..Page::default() };
    Some(ask(visit, fields, page).await)
}

/// Hands the notification in and leads to its receipt.
async fn hand_in(visit: &Visit<'_>, request: &HttpRequest, mut fields: Fields) -> HttpResponse {
    let now = visit.face.now;
    let fresh = fields.timestamp.parse::<Moment>().ok().filter(|made| now.since(*made) <= FRESH);
    let Some(timestamp) = fresh else {
        if let Some(sent) = sent_already(visit, &fields).await {
            return sent;
        }
        let notice = "This page was open for a while, so nothing was sent. Check the times below and confirm again.";
        return preview(visit, fields, now, Some(notice.to_owned()), StatusCode::OK).await;
    };
    let submission = match submission(visit, &fields) {
        Ok(submission) => submission,
        Err(error) => return refused(visit, fields, error).await,
    };
    if let Some(forbidden) = forbidden(visit, &fields, &submission).await {
        return forbidden;
    }
    // A form that is sent twice has become what stands.
    if visit.state.desk.entry(fields.id.parse().unwrap_or_default()).await.is_none() {
        let board = visit.state.desk.board().await;
        if let Some(moved) = updated_meanwhile(visit, &fields, &board).await {
            return moved;
        }
    }
    let author = author(visit);
    match visit.state.desk.hand_in(submission, author.clone()).await {
        Ok(submitted) => {
            audit::submitted(request, &author, &submitted);
            visit.see_other(&format!("/notify/{}", submitted.id))
        }
        Err(SubmitError::Conflict(id)) => {
            fields.id = clock::new_id().to_string();
            let notice = format!(
                "This form was sent before with other content, as notification {id}. If you confirm, this becomes a second notification."
            );
            preview(visit, fields, now, Some(notice), StatusCode::CONFLICT).await
        }
        Err(SubmitError::Unavailable { reason, retry_after }) if fields.cancels.is_empty() => {
            // Whether it was kept is not known: id and timestamp stay, so that trying again is safe.
            let notice = format!(
                "The node could not take it now: {reason}. Nothing you entered is lost: confirm again in {retry_after} s."
            );
            retry_later(
                preview(visit, fields, timestamp, Some(notice), StatusCode::SERVICE_UNAVAILABLE).await,
                retry_after,
            )
        }
        Err(error) => refused(visit, fields, error).await,
    }
}
