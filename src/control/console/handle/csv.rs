//! `GET /history.csv`: everything that the filters select, up to a bound.
#![allow(clippy::result_large_err)] // the refusal is the answer itself, once per request

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use bytes::Bytes;
use futures_util::stream;

use super::{Answer, either};
use crate::{
    actors::desk::{Desk, HistoryQuery},
    clock,
    control::console::{ConsoleState, csv, form, guard::enter, page, view::Filter},
};

/// How many notifications are read at a time.
const PIECE: usize = 1_000;
/// The most pieces: the history of a large farm for years.
const PIECES: usize = 1_000;

/// `GET /history.csv`
pub(crate) async fn history_csv(state: web::Data<ConsoleState>, request: HttpRequest) -> HttpResponse {
    either(file(&state, &request))
}

fn file(state: &ConsoleState, request: &HttpRequest) -> Answer {
    let visit = enter(state, request, clock::now())?;
    let filter = Filter::read(&form::read_pairs(request.query_string()));
    let (query, problems) = filter.query(PIECE, state.time_zone);
    if !problems.is_empty() {
        let text = problems.join(" ");
        return Err(visit.message(
            StatusCode::BAD_REQUEST,
            "history",
            "Not a date",
            &text,
            &[("/history", "To the history")],
        ));
    }
    let name = format!("attachment; filename=\"forewarn-history-{}.csv\"", state.node);
    Ok(page::guarded(HttpResponse::Ok(), state.door.front(request).secure)
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header(("Content-Disposition", name))
        .streaming(lines(state.desk.clone(), query)))
}

/// The file, a piece of the history at a time. A store that cannot be read breaks the transfer off:
/// a part must not look like the whole.
fn lines(desk: Desk, query: HistoryQuery) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    let head = stream::iter([Ok(Bytes::from_static(csv::HEAD.as_bytes()))]);
    let pieces = stream::unfold((desk, Some(query), 0), async |(desk, query, count)| {
        let query = query.filter(|_| count < PIECES)?;
        let (text, next) = match desk.history(query.clone()).await {
            Ok(page) => {
                let text: String = page.entries.iter().map(|entry| csv::line(entry)).collect();
                let next = page.next.map(|before| HistoryQuery { before: Some(before), ..query });
                (Ok(Bytes::from(text)), next)
            }
            Err(error) => (Err(std::io::Error::other(error.to_string())), None),
        };
        Some((text, (desk, next, count + 1)))
    });
    futures_util::StreamExt::chain(head, pieces)
}
