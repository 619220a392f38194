//! The sessions at this node, and ending them: one's own, or as an operator those of others.
#![allow(clippy::result_large_err)] // the refusal is the answer itself, once per request

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{Answer, either};
use crate::{
    clock,
    control::{
        audit,
        console::{
            ConsoleState, form,
            guard::{Visit, enter, enter_to_change, read_form},
            view::SessionsPage,
        },
        session::{Listed, Sessions},
    },
};

/// A body with a handle and a token.
const SMALL: usize = 4 << 10;

/// `GET /sessions`
pub(crate) async fn sessions(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(show(&state, &request))
}

fn show(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let own = state.door.claimed(request).map(|id| Sessions::handle_of(&id)).unwrap_or_default();
    let list = visible(&visit);
    Ok(visit.html(StatusCode::OK, &SessionsPage::new(visit.chrome("sessions"), &list, &own, &visit.face)))
}

/// The sessions that this visitor may see and end: a viewer sees their own, an operator all.
fn visible(visit: &Visit<'_>) -> Vec<Listed> {
    let mut list = visit.state.door.sessions.list(visit.face.now);
    list.retain(|one| visit.session.rights.acts() || one.operator == visit.session.operator);
    list
}

/// `POST /sessions/end`
pub(crate) async fn end_session(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    either(end(&state, &request, body).await)
}

async fn end(state: &ConsoleState, request: &HttpRequest, body: web::Payload) -> Answer {
    let pairs = read_form(state, request, body, SMALL).await?;
    let visit = enter_to_change(state, request, &pairs, "/sessions", clock::now())?;
    let handle = form::first(&pairs, "session");
    if let Some(one) = visible(&visit).iter().find(|one| one.handle == handle)
        && state.door.sessions.end_listed(handle)
    {
        let (by, from) = (&visit.session.operator, audit::address(request));
        log::info!(operator = one.operator, by, from; "session_ended");
    }
    // One that is gone already has ended as well.
    Ok(visit.see_other("/sessions"))
}
