//! Extends an outage, or a plan that has not begun, with one click. Everything else of the notification stays.
//!
//! Must stay true: only the notification that the operator has seen is extended. The new notification's id
//! follows from the extended one's, so that two clicks, even of two operators, extend once; if another
//! notification counts by now, nothing is done.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use uuid::Uuid;

use super::{Answer, ask::author, either, look::no_such, moved};
use crate::{
    actors::desk::SubmitError,
    availability::{FieldError, Submission},
    clock,
    control::audit,
    control::console::{
        ConsoleState, form,
        guard::{Visit, enter_to_change, read_form},
        view::anchor,
        words,
    },
};

/// A body with a number and a token.
const SMALL: usize = 4 << 10;
/// What the board offers, in minutes.
const OFFERED: [u64; 3] = [30, 60, 120];

/// `POST /notify/{id}/extend`
pub(crate) async fn extend(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Payload,
) -> HttpResponse {
    either(try_extend(&state, &request, &id, body).await)
}

async fn try_extend(state: &ConsoleState, request: &HttpRequest, id: &str, body: web::Payload) -> Answer {
    let pairs = read_form(state, request, body, SMALL).await?;
    let visit = enter_to_change(state, request, &pairs, "/", clock::now())?;
    visit.must_act()?;
    let minutes = form::first(&pairs, "minutes");
    let Some(minutes) = minutes.parse().ok().filter(|minutes| OFFERED.contains(minutes)) else {
        let text = "Nothing was changed: an outage is extended by 30, 60 or 120 minutes here.";
        return Err(visit.message(
            StatusCode::UNPROCESSABLE_ENTITY,
            "board",
            "Not extended",
            text,
            &[("/", "To the board")],
        ));
    };
    let found = match id.parse::<Uuid>() {
        Ok(id) => state.desk.entry(id).await,
        Err(_) => None, // no id, no notification
    };
    let Some(entry) = found else { return Err(no_such(&visit)) };
    let n = &entry.notification;
    let new = Uuid::new_v5(&n.id, format!("extended by {minutes}").as_bytes());
    let is_plan = n.is_plan() && n.since() > visit.face.now;
    let to = |target: Option<&_>| {
        let anchor = target.map_or_else(String::new, |target| format!("#{}", anchor(target)));
        visit.see_other(&match is_plan {
            true => format!("/plans?done={new}#plan-{new}"),
            false => format!("/?done={new}{anchor}"),
        })
    };
    if state.desk.entry(new).await.is_some() {
        return Ok(to(n.targets.first())); // a second click
    }
    let is_open = is_plan && moved::of_plan(&visit, n.id).await.is_none();
    let targets = match is_open {
        true => n.targets.clone(),
        false => moved::standing(&state.desk.board().await, n.id),
    };
    if targets.is_empty() {
        let moved = match is_plan {
            true => moved::of_plan(&visit, n.id).await.map(|(moved, _)| moved),
            false => moved::of_closing(&visit, &entry).await.map(|(moved, _)| moved),
        };
        return Err(match moved {
            Some(moved) => {
                let text = format!("Nothing was changed. {} Now: {}.", moved.text, moved.headline);
                let links = [(&*format!("/notify/{}", moved.id), "What it is now"), ("/", "To the board")];
                visit.message(StatusCode::CONFLICT, "board", "Not extended", &text, &links)
            }
            None => no_such(&visit),
        });
    }
    let begins = n.since().max(visit.face.now);
    let back = n.expected_back_at.unwrap_or(begins).max(begins);
    let mut json = form::again(n, &targets);
    if is_open {
        json["replaces"] = n.id.to_string().into();
    }
    json["id"] = new.to_string().into();
    json["expected_back_at"] = back.after(Duration::from_secs(minutes * 60)).to_string().into();
    let refused = |error: &SubmitError| {
        let (status, because) = explain(error);
        refused(&visit, status, &because, n.id)
    };
    let left_out = form::left_out(n);
    if !left_out.is_empty() {
        let because = format!("this version cannot repeat {}", words::list(&left_out, "and"));
        return Err(self::refused(&visit, StatusCode::UNPROCESSABLE_ENTITY, &because, n.id));
    }
    let submission = Submission::parse(&json).map_err(|errors| refused(&SubmitError::Invalid(errors)))?;
    if let Some(problem) = visit.session.rights.refusal(&state.desk, &submission).await {
        let because = format!("the operator {} {problem}", visit.session.operator);
        return Err(self::refused(&visit, StatusCode::FORBIDDEN, &because, n.id));
    }
    let author = author(&visit);
    match state.desk.hand_in(submission, author.clone()).await {
        // A conflict is a second click that came a moment later.
        Err(SubmitError::Conflict(_)) => Ok(to(targets.first())),
        Ok(submitted) => {
            audit::submitted(request, &author, &submitted);
            Ok(to(targets.first()))
        }
        Err(error) => Err(refused(&error)),
    }
}

/// The status and the reason of a refusal.
fn explain(error: &SubmitError) -> (StatusCode, String) {
    match error {
        SubmitError::Invalid(errors) => {
            let errors: Vec<String> = errors.iter().map(FieldError::to_string).collect();
            (StatusCode::UNPROCESSABLE_ENTITY, errors.join("; "))
        }
        SubmitError::Bound(bound) => (StatusCode::TOO_MANY_REQUESTS, bound.to_string()),
        other => (StatusCode::SERVICE_UNAVAILABLE, other.to_string()),
    }
}

fn refused(visit: &Visit<'_>, status: StatusCode, because: &str, id: Uuid) -> HttpResponse {
    let text = format!("Nothing was changed: {because}.");
    let links = [(&*format!("/notify?update={id}"), "Update it in the form"), ("/", "To the board")];
    visit.message(status, "board", "Not extended", &text, &links)
}
