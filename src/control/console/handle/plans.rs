//! Planned maintenance: as a list, and as a calendar of a month or a week.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use futures_util::future::join;

use super::{Answer, either, known, look};
use crate::{
    availability::{Kind, Record, Schedule},
    clock,
    control::console::{
        ConsoleState, form,
        guard::{Visit, enter},
        view::{self, CalendarPage, Expected, FarmState, PlansPage, Span},
    },
};

/// `GET /plans`
pub(crate) async fn plans(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(show(&state, &request).await)
}

async fn show(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let query = form::read_pairs(request.query_string());
    let (board, nodes) = join(state.desk.board(), state.desk.nodes()).await;
    let (_, titles) = known(&visit).await;
    let farm = FarmState::new(&nodes, &visit.face);
    let chrome = visit.chrome("plans");
    if let Some(span) = Span::read(form::first(&query, "view"), form::first(&query, "at"), &visit.face) {
        let expected = expected(&visit, span).await;
        let page = CalendarPage::new(chrome, farm, span, &board, &expected, &titles, &visit.face);
        return Ok(visit.html(StatusCode::OK, &page));
    }
    let plans = view::plans(&board, &titles, &visit.face);
    let from = form::first(&query, "from").parse().unwrap_or(0);
    let notice = look::done(&visit, form::first(&query, "done"), &titles).await;
    Ok(visit.html(StatusCode::OK, &PlansPage { notice, ..PlansPage::new(chrome, plans, from, farm) }))
}

/// The occurrences of schedules that are no plans yet.
async fn expected(visit: &Visit<'_>, span: Span) -> Vec<Expected> {
    let records = visit.state.desk.records(Kind::Schedule).await.unwrap_or_default();
    let (from, until) = span.beyond_plans(&visit.face);
    if from >= until {
        return Vec::new();
    }
    let of = move |record: &Arc<Record>| {
        let schedule = Schedule::of(record).ok().flatten();
        let all = schedule.into_iter().flat_map(|schedule| {
            let begins: Vec<_> = schedule.begins(from).take_while(|begins| *begins < until).take(62).collect();
            begins.into_iter().map(move |begins| Expected {
                begins,
                ends: schedule.ends(begins),
                title: schedule.title.clone(),
                schedule: record.id,
            })
        });
        all.collect::<Vec<_>>()
    };
    // Rules are enumerated on a thread that may be busy.
    let all = web::block(move || records.iter().flat_map(of).collect());
    all.await.unwrap_or_default()
}
