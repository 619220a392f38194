//! Read-only pages: board, receipt, history, nodes.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, ResponseError as _, http::StatusCode, web};
use futures_util::future::{join_all, join3};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Answer, either, known};
use crate::{
    actors::desk::HistoryError,
    availability::Target,
    clock,
    control::console::{
        ConsoleState, form,
        guard::{Visit, enter, enter_to_change, read_form},
        view::{
            BoardInput, BoardPage, EntryView, FarmState, Filter, ForgetPage, HistoryView, Holds, NodesPage,
            ReceiptPage, Receipts, deciding, encoded,
        },
        when,
        words::{self, Titles},
    },
    control::{audit, errors::Failure},
};

/// Most receipts that the board asks for, and how long it waits for nodes that do not answer.
const RECEIPTS: usize = 32;
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Notifications on one page of the history.
const PAGE: usize = 50;
/// A body with a node's name.
const SMALL: usize = 4 << 10;

/// `GET /`
pub(crate) async fn board(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(show_board(&state, &request).await)
}

async fn show_board(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let query = form::read_pairs(request.query_string());
    let search: String = form::first(&query, "q").chars().take(100).collect();
    let past = state.days.past(&state.desk, visit.face.now);
    let (board, nodes, past) = join3(state.desk.board(), state.desk.nodes(), past).await;
    let asked = deciding(&board, RECEIPTS).into_iter().map(|id| async move {
        let receipt = timeout(PATIENCE, state.desk.notification(id)).await.ok().flatten();
        receipt.map(|(_, delivery)| (id, Holds::new(&delivery)))
    });
    let receipts: Receipts = join_all(asked).await.into_iter().flatten().collect();
    let (_, titles) = known(&visit).await;
    let face = &visit.face;
    let farm = FarmState::new(&nodes, face);
    let monitors = state.desk.monitors();
    let input = BoardInput {
        board: &board,
        receipts: &receipts,
        farm,
        titles: &titles,
        face,
        search: &search,
        past: &past,
        monitors: &monitors,
    };
    let notice = done(&visit, form::first(&query, "done"), &titles).await;
    let page = BoardPage { notice, ..BoardPage::new(visit.chrome("board"), input) };
    Ok(visit.html(StatusCode::OK, &page))
}

/// What was just done on the board. The address can be written by hand, so it is shown only if it is true.
pub(super) async fn done(visit: &Visit<'_>, id: &str, titles: &Titles) -> Option<String> {
    let entry = visit.state.desk.entry(id.parse().ok()?).await?;
    let n = &entry.notification;
    let is_mine = n.operator.as_deref() == Some(visit.session.operator.as_str());
    let is_recent = visit.face.now.since(n.timestamp) < Duration::from_secs(60);
    let back = n.expected_back_at.filter(|_| is_mine && is_recent)?;
    if n.is_plan() {
        let lasts = when::words(back.since(n.since()));
        return Some(format!("{}, in {}, for {lasts}.", words::headline(&entry, titles), visit.face.until(n.since())));
    }
    Some(format!("{}; expected back in {}.", words::headline(&entry, titles), visit.face.until(back)))
}

/// `GET /notify/{id}`
pub(crate) async fn receipt(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    id: web::Path<String>,
) -> HttpResponse {
    either(show_receipt(&state, &request, &id).await)
}

async fn show_receipt(state: &ConsoleState, request: &HttpRequest, id: &str) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let found = match id.parse::<Uuid>() {
        Ok(id) => state.desk.notification(id).await,
        Err(_) => None, // no id, no notification
    };
    let Some((entry, delivery)) = found else { return Err(no_such(&visit)) };
    let (_, titles) = known(&visit).await;
    let earlier = match entry.notification.replaces {
        Some(plan) => state.desk.entry(plan).await,
        None => None,
    };
    let mut shown = EntryView::new(&entry, &titles, &visit.face);
    if let Some(earlier) = earlier {
        shown = shown.after(&entry, &earlier, &titles, &visit.face);
    }
    Ok(visit.html(StatusCode::OK, &ReceiptPage::new(visit.chrome("history"), shown, &delivery, &visit.face)))
}

/// 404 for a notification.
pub(crate) fn no_such(visit: &Visit<'_>) -> HttpResponse {
    let text = "This node has no notification with this id. It has not arrived yet, or it is older than the history.";
    visit.message(StatusCode::NOT_FOUND, "", "No such notification", text, &[("/history", "To the history")])
}

/// `GET /history`
pub(crate) async fn history(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(show_history(&state, &request).await)
}

async fn show_history(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let filter = Filter::read(&form::read_pairs(request.query_string()));
    let (asked, problems) = filter.query(PAGE, state.time_zone);
    let found = state.desk.history(asked).await;
    let status = match &found {
        _ if !problems.is_empty() => StatusCode::BAD_REQUEST,
        Ok(_) => StatusCode::OK,
        Err(HistoryError::Cursor) => StatusCode::BAD_REQUEST,
        Err(HistoryError::Store(_)) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let found = found.map_err(|error| match error {
        HistoryError::Cursor => "“before” in the address is neither a time nor the beginning of a page.".to_owned(),
        HistoryError::Store(_) => format!("{}.", words::capital(&error.to_string())),
    });
    let (known, titles) = known(&visit).await;
    let applications = known.into_iter().filter_map(|(target, title)| match target {
        Target::Application(name) => Some((name.to_string(), title)),
        _ => None,
    });
    let found = match problems.is_empty() {
        true => found,
        false => Err(problems.join(" ")),
    };
    let page = HistoryView::new(visit.chrome("history"), filter, applications.collect(), found, &titles, &visit.face);
    Ok(visit.html(status, &page))
}

/// `GET /nodes`
pub(crate) async fn nodes(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(show_nodes(&state, &request).await)
}

async fn show_nodes(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let nodes = state.desk.nodes().await;
    let mut page = NodesPage::new(visit.chrome("nodes"), &nodes, &state.desk.hooks(), &visit.face);
    let query = form::read_pairs(request.query_string());
    let forgotten = form::first(&query, "forgotten");
    // The address can be written by hand, so it is shown only if it is true.
    if !forgotten.is_empty() && nodes.iter().all(|node| node.name != forgotten) {
        page.notice = Some(format!("Node {forgotten} is no longer part of this farm."));
    }
    Ok(visit.html(StatusCode::OK, &page))
}

/// `GET /nodes/forget?name=`
pub(crate) async fn forget_page(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(ask_forget(&state, &request).await)
}

async fn ask_forget(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    visit.must_act()?;
    let query = form::read_pairs(request.query_string());
    let name = form::first(&query, "name");
    let nodes = state.desk.nodes().await;
    let Some(node) = nodes.iter().find(|node| node.name == name && !node.this) else {
        return Err(no_such_node(&visit));
    };
    let page = ForgetPage { chrome: visit.chrome("nodes"), name: name.to_owned(), reachable: !node.is_away() };
    Ok(visit.html(StatusCode::OK, &page))
}

/// `POST /nodes/forget`
pub(crate) async fn forget(state: web::Data<ConsoleState>, request: HttpRequest, body: web::Payload) -> HttpResponse {
    either(try_forget(&state, &request, body).await)
}

async fn try_forget(state: &ConsoleState, request: &HttpRequest, body: web::Payload) -> Answer {
    let pairs = read_form(state, request, body, SMALL).await?;
    let visit = enter_to_change(state, request, &pairs, "/nodes", clock::now())?;
    visit.must_act()?;
    let name = form::first(&pairs, "name");
    match state.desk.forget(name).await {
        Ok(true) => {
            audit::forgotten(request, &visit.session.operator, name);
            Ok(visit.see_other(&format!("/nodes?forgotten={}", encoded(name))))
        }
        Ok(false) => Err(no_such_node(&visit)),
        Err(error) => {
            let nodes = state.desk.nodes().await;
            let mut page = NodesPage::new(visit.chrome("nodes"), &nodes, &state.desk.hooks(), &visit.face);
            page.problem = Some(error.to_string());
            Ok(visit.html(Failure::from(error).status_code(), &page))
        }
    }
}

fn no_such_node(visit: &Visit<'_>) -> HttpResponse {
    visit.message(
        StatusCode::NOT_FOUND,
        "nodes",
        "No such node",
        "No other node of this farm has this name.",
        &[("/nodes", "To the nodes")],
    )
}
