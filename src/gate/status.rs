//! The public status page and its feeds, below `/.forewarn/status` (docs/contract.md#status-page).
//!
//! Must stay true: answered from memory; the record is made elsewhere and put here.

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{
    reading::{NOTHING_HERE, reading},
    service::{Gate, Seen},
    status_page::StatusPage,
};
use crate::{
    answer::ProblemKind,
    outside::{Present, Status},
};

/// The addresses. Without `[status_page]` there is nothing at them.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(reading("/status", html))
        .service(reading("/status/summary.json", summary))
        .service(reading("/status/feed.atom", feed))
        .service(reading("/status/calendar.ics", calendar));
}

fn status<'a>(gate: &Gate, page: &'a StatusPage) -> Status<'a> {
    let now = gate.shared.clock();
    Status {
        settings: &page.settings,
        applications: gate.slots.iter().map(|slot| Present::of(&slot.snapshot.load(), now)).collect(),
        record: page.record.load_full(),
        now,
    }
}

async fn html(gate: Seen, req: HttpRequest) -> HttpResponse {
    let Some(page) = &gate.page else { return absent(&gate, &req) };
    let language = gate.language(req.headers());
    HttpResponse::Ok()
        .insert_header((header::CONTENT_LANGUAGE, language.tag()))
        .insert_header((header::VARY, "Accept-Language"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            header::HeaderValue::from_maybe_shared(Status::policy())
                .unwrap_or(header::HeaderValue::from_static("default-src 'none'")),
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("text/html; charset=utf-8")
        .body(status(&gate, page).page(&language))
}

async fn summary(gate: Seen, req: HttpRequest) -> HttpResponse {
    told(&gate, &req, "application/json", |status| status.summary().to_string())
}

async fn feed(gate: Seen, req: HttpRequest) -> HttpResponse {
    told(&gate, &req, "application/atom+xml; charset=utf-8", |status| status.feed())
}

async fn calendar(gate: Seen, req: HttpRequest) -> HttpResponse {
    told(&gate, &req, "text/calendar; charset=utf-8", |status| status.calendar())
}

fn told(gate: &Gate, req: &HttpRequest, kind: &'static str, body: fn(&Status<'_>) -> String) -> HttpResponse {
    match &gate.page {
        Some(page) => open_to_all(kind, body(&status(gate, page))),
        None => absent(gate, req),
    }
}

fn absent(gate: &Gate, req: &HttpRequest) -> HttpResponse {
    gate.problem(req.head(), ProblemKind::NoSuchApplication, Some(NOTHING_HERE), None)
}

fn open_to_all(kind: &'static str, body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type(kind)
        .body(body)
}
