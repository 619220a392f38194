//! The control listener, for operators, scripts, monitors and Prometheus (docs/contract.md#the-api). It is
//! private; users reach the gate.
//!
//! ```text
//! request → api::tidy → auth::require → a handler in api → Desk
//!                                                                     errors: Failure → problem+json
//! ```
//!
//! Must stay true: everything that the node knows or does goes through [`Desk`](crate::actors::desk); handlers
//! only read requests and write answers. Everything below `/api` needs a token or a session, including
//! addresses that do not exist. All input is bounded.
//!
//! Must not know: actors, stores, peers.

pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod console;
mod described;
pub(crate) mod errors;
pub(crate) mod events;
pub(crate) mod formats;
pub(crate) mod health;
pub(crate) mod hosts;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod params;
pub(crate) mod preview;
pub(crate) mod reload;
pub(crate) mod rights;
pub(crate) mod routes;
pub(crate) mod session;
pub(crate) mod strict;
pub(crate) mod when;
pub(crate) mod words;

use actix_web::web::ServiceConfig;

/// Registers the API and what machines ask of a node: `/api`, `/metrics`, `/healthz`, `/readyz`,
/// `/openapi.json`. The pages and the peers' endpoints are registered beside it.
///
/// Looks for these in the application's data (each as `web::Data<…>`):
///
/// | type | without it |
/// |---|---|
/// | [`Desk`](crate::actors::desk::Desk) | 503, `/readyz` says `open`: the node is still opening its store |
/// | [`formats::alertmanager::Alerting`] | 503 for alerts |
/// | [`auth::Tokens`] | 401 for every token |
/// | [`session::Door`] | browsers are not let in without a token |
/// | [`events::Streams`] | 503 for streams |
/// | [`reload::Door`] | 503 for reading the configuration again |
pub(crate) fn configure(cfg: &mut ServiceConfig) {
    routes::register(cfg, health::places());
    routes::register(cfg, metrics::places());
    routes::register(cfg, openapi::places());
    api::configure(cfg);
}
