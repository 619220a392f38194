//! The API (docs/contract.md#the-api), a file per resource. Handlers read a request completely and
//! strictly, ask the desk, and write the answer; what goes wrong is a [`Failure`].
//!
//! Must stay true: nothing below `/api` is reached without credentials; no cache keeps an answer; every address
//! is described at its handler, see `openapi`.

pub(super) mod alerts;
pub(super) mod availability;
pub(super) mod events;
pub(super) mod history;
pub(super) mod load;
pub(super) mod monitors;
pub(super) mod nodes;
pub(super) mod notifications;
use super::params;
pub(super) mod passes;
pub(super) mod preview;
pub(super) mod registry;
pub(super) mod reload;
pub(super) mod webhooks;
pub(super) mod why;

use actix_web::{
    Error, HttpRequest, HttpResponse, ResponseError as _,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderValue},
    middleware::{Next, from_fn},
    web::{self, Data, ServiceConfig},
};

use super::{
    auth,
    errors::Failure,
    routes::{Place, delete, get, post, put, register},
};
use crate::actors::desk::Desk;

/// Longest path and query, in bytes.
const LONGEST_ADDRESS: usize = 8 * 1024;

/// Everything below `/api`; the paths are relative to it.
pub(super) fn places() -> Vec<Place> {
    vec![
        Place::new("/v1/notifications", vec![get(history::list), post(notifications::submit)]),
        Place::new("/v1/notifications/{id}", vec![get(history::one)]),
        Place::new("/v1/alerts", vec![post(alerts::submit)]),
        Place::new("/v1/preview", vec![post(preview::preview)]),
        Place::new("/v1/passes", vec![post(passes::make)]),
        Place::new("/v1/schedules", vec![get(registry::schedules), post(registry::add_schedule)]),
        Place::new(
            "/v1/schedules/{id}",
            vec![get(registry::schedule), put(registry::put_schedule), delete(registry::remove_schedule)],
        ),
        Place::new("/v1/templates", vec![get(registry::templates), post(registry::add_template)]),
        Place::new(
            "/v1/templates/{id}",
            vec![get(registry::template), put(registry::put_template), delete(registry::remove_template)],
        ),
        Place::new("/v1/availability", vec![get(availability::all)]),
        Place::new("/v1/availability/{application}", vec![get(availability::one)]),
        Place::new("/v1/availability/{application}/why", vec![get(why::why)]),
        Place::new("/v1/nodes", vec![get(nodes::list)]),
        Place::new("/v1/nodes/{name}", vec![delete(nodes::forget)]),
        Place::new("/v1/load", vec![get(load::show)]),
        Place::new("/v1/monitors", vec![get(monitors::list)]),
        Place::new("/v1/webhooks", vec![get(webhooks::list)]),
        Place::new("/v1/reload", vec![post(reload::reload)]),
        Place::new("/v1/events", vec![get(events::follow)]),
    ]
}

pub(super) fn configure(cfg: &mut ServiceConfig) {
    // The last one wrapped is the first one through which a request comes.
    let api = web::scope("/api").wrap(from_fn(auth::require)).wrap(from_fn(tidy));
    cfg.service(api.configure(|cfg| register(cfg, places())).default_service(web::to(unknown)));
}

async fn unknown(request: HttpRequest) -> Result<HttpResponse, Failure> {
    // The path stands in JSON only, and its length is bounded.
    Err(Failure::NotFound(format!("the API has no address {}; /openapi.json lists those it has", request.path())))
}

/// Middleware: refuses addresses that are too long and gives every answer the headers of the API.
async fn tidy<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    let mut response = if address > LONGEST_ADDRESS {
        request.into_response(Failure::AddressTooLong(LONGEST_ADDRESS).error_response()).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// The desk, once there is one.
fn desk(request: &HttpRequest) -> Result<&Desk, Failure> {
    request.app_data::<Data<Desk>>().map(|desk| desk.get_ref()).ok_or_else(Failure::not_ready)
}

/// A segment of the path, percent-decoded.
fn segment(request: &HttpRequest, name: &str) -> String {
    percent_encoding::percent_decode_str(request.match_info().query(name)).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests;
