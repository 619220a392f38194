//! Addresses outside the pages: unknown addresses, and the explanations of problem types. Open to everybody;
//! they reveal nothing about the node.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    http::{StatusCode, header::ACCEPT},
    web,
};

use crate::{
    clock,
    control::{
        console::{
            ConsoleState,
            guard::{Visit, chrome},
            page,
            view::MessagePage,
        },
        errors::{Failure, KINDS},
        session::Use,
    },
};

/// Everything that no other handler takes: a page for browsers, a problem for programs.
pub(crate) async fn unknown(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    if !wants_page(&request) {
        let text = format!("this node has no address {}; /openapi.json lists those of the API", request.path());
        return Failure::NotFound(text).error_response();
    }
    let path: String = request.path().chars().take(200).collect();
    let text = format!("There is no page at {path} on the control listener of node {}.", state.node);
    message(&state, &request, StatusCode::NOT_FOUND, "Not found", text)
}

/// `GET /problems/{kind}`: what a problem's type means.
pub(crate) async fn problem(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    kind: web::Path<String>,
) -> HttpResponse {
    let Some(kind) = KINDS.iter().find(|known| known.name == *kind) else { return unknown(state, request).await };
    if wants_page(&request) {
        return message(&state, &request, StatusCode::OK, kind.title, kind.meaning.to_owned());
    }
    page::guarded(HttpResponse::Ok(), state.door.front(&request).secure)
        .content_type("text/plain; charset=utf-8")
        .body(format!("{} ({})\n\n{}\n", kind.title, kind.status, kind.meaning))
}

fn message(state: &ConsoleState, request: &HttpRequest, status: StatusCode, title: &str, text: String) -> HttpResponse {
    if let Some(session) = state.door.who(request, clock::now(), Use::No) {
        let visit = Visit::new(state, request, session, clock::now());
        return visit.message(status, "", title, &text, &[("/", "To the board")]);
    }
    let links = vec![("/".to_owned(), "To the board".to_owned())];
    let page = MessagePage { chrome: chrome(state), title: title.to_owned(), text, links };
    page::html(status, state.door.front(request).secure, &page)
}

/// Browsers name HTML; programs do not.
fn wants_page(request: &HttpRequest) -> bool {
    request.headers().get_all(ACCEPT).any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")))
}
