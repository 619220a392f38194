//! The monitors and rules of this node: `GET /api/v1/monitors`.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::{desk, params};
use crate::{
    actors::desk::MonitorView,
    control::{described::Reading, errors::Failure},
};

/// Monitors, then rules, in the order of the configuration.
#[derive(Serialize, ToSchema)]
struct Monitors {
    monitors: Vec<MonitorView>,
}

/// The live state of this node's monitors and rules
#[utoipa::path(
    get, path = "/api/v1/monitors", operation_id = "listMonitors", tag = "nodes",
    responses((status = 200, description = "Their latest results.", body = Monitors), Reading)
)]
pub(crate) async fn list(request: HttpRequest) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    Ok(HttpResponse::Ok().json(Monitors { monitors: desk(&request)?.monitors() }))
}
