//! The public status page and its feeds, below `/.forewarn/status` (docs/contract.md#status-page).
//!
//! Must stay true: answered from memory; the record is made elsewhere and put here.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use arc_swap::ArcSwap;

use super::{reading::reading, service::Gate};
use crate::{
    outside::{Present, Record, Status},
    vocabulary::StatusSettings,
};

/// What the page needs besides the gate.
#[derive(Debug)]
pub(crate) struct StatusPage {
    /// `[status_page]`
    pub settings: StatusSettings,
    /// The last 90 days, as they were known a short time ago.
    pub record: ArcSwap<Record>,
}

/// The addresses.
pub(crate) fn configure(config: &mut web::ServiceConfig, page: Arc<StatusPage>) {
    config
        .app_data(web::Data::from(page))
        .service(reading("/status", html))
        .service(reading("/status/summary.json", summary))
        .service(reading("/status/feed.atom", feed))
        .service(reading("/status/calendar.ics", calendar));
}

fn status<'a>(gate: &Gate, page: &'a StatusPage) -> Status<'a> {
    let now = gate.shared.clock();
    Status {
        settings: &page.settings,
        applications: gate.shared.slots.iter().map(|slot| Present::of(&slot.snapshot.load(), now)).collect(),
        record: page.record.load_full(),
        now,
    }
}

async fn html(gate: web::Data<Gate>, page: web::Data<StatusPage>, req: HttpRequest) -> HttpResponse {
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
        .body(status(&gate, &page).page(&language))
}

async fn summary(gate: web::Data<Gate>, page: web::Data<StatusPage>) -> HttpResponse {
    open_to_all("application/json", status(&gate, &page).summary().to_string())
}

async fn feed(gate: web::Data<Gate>, page: web::Data<StatusPage>) -> HttpResponse {
    open_to_all("application/atom+xml; charset=utf-8", status(&gate, &page).feed())
}

async fn calendar(gate: web::Data<Gate>, page: web::Data<StatusPage>) -> HttpResponse {
    open_to_all("text/calendar; charset=utf-8", status(&gate, &page).calendar())
}

fn open_to_all(kind: &'static str, body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type(kind)
        .body(body)
}
