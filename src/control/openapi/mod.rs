//! `/openapi.json`: the API's description (OpenAPI 3.1), generated from the types that are read and written and
//! from the annotations of the handlers.
//!
//! Must stay true: it names exactly the registered addresses and methods; it allows what is accepted, and
//! nothing that is refused for its form.

use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{
    api,
    described::problems::{self, Problem},
    health, metrics,
    routes::{Place, get},
};
use crate::{
    availability::{Criteria, Moment, Name, Notification, Priority, Restore, Source, Status, Submission, Target},
    sync::DeliveryState,
};

/// What it says beside the types and the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Forewarn control API",
        description = "What operators, scripts and monitors ask of one node of the farm; it passes notifications on to \
                       the others. Every GET below also answers HEAD. Unknown parameters are refused."
    ),
    paths(
        api::history::list,
        api::notifications::submit,
        api::history::one,
        api::alerts::submit,
        api::passes::make,
        api::preview::preview,
        api::registry::schedules,
        api::registry::add_schedule,
        api::registry::schedule,
        api::registry::put_schedule,
        api::registry::remove_schedule,
        api::registry::templates,
        api::registry::add_template,
        api::registry::template,
        api::registry::put_template,
        api::registry::remove_template,
        api::availability::all,
        api::availability::one,
        api::why::why,
        api::load::show,
        api::monitors::list,
        api::webhooks::list,
        api::nodes::list,
        api::nodes::forget,
        api::reload::reload,
        api::events::follow,
        metrics::show,
        health::healthz,
        health::readyz,
        show,
    ),
    components(schemas(
        Problem, Submission, Notification, Criteria, Name, Target, Moment, Status, Restore, Priority, Source, DeliveryState
    )),
    security(("token" = [])),
    modifiers(&Common)
)]
struct Api;

/// What no derive writes: the token, and the problems that many addresses have in common.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Components::new);
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "A token of the node's configuration. A signed-in operator's browser may read without one.",
        ));
        components.add_security_scheme("token", SecurityScheme::Http(token.build()));
        for (name, response) in problems::all() {
            components.responses.insert(name, response.into());
        }
    }
}

/// The document.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    // plain values into memory: does not fail
    Api::openapi().to_pretty_json().unwrap_or_default()
});

pub(super) fn places() -> Vec<Place> {
    vec![Place::new("/openapi.json", vec![get(show)])]
}

/// This document
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "node", security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = Object))
)]
async fn show() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(DOCUMENT.as_str())
}

#[cfg(test)]
mod tests;
