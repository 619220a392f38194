//! The webhooks and the mail of this node: `GET /api/v1/webhooks`.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::{desk, params};
use crate::{
    actors::desk::HookView,
    control::{described::Reading, errors::Failure},
};

/// Webhooks, then the mail, in the order of the configuration.
#[derive(Serialize, ToSchema)]
struct Webhooks {
    webhooks: Vec<HookView>,
}

/// What this node's webhooks have been told, and what waits
#[utoipa::path(
    get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "nodes",
    responses((status = 200, description = "Their present state.", body = Webhooks), Reading)
)]
pub(crate) async fn list(request: HttpRequest) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    Ok(HttpResponse::Ok().json(Webhooks { webhooks: desk(&request)?.hooks() }))
}
