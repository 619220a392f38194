//! How busy this node is: `GET /api/v1/load`, for programs that choose among nodes.

use actix_web::{HttpRequest, HttpResponse};

use super::{desk, params};
use crate::{
    actors::desk::Load,
    control::{described::Reading, errors::Failure},
};

/// How busy this node is
///
/// 503 while it takes no submissions. The node with the smallest sum of `pending` and `in_flight` is the least
/// loaded; of equals, the one with the smaller `cpu`.
#[utoipa::path(
    get, path = "/api/v1/load", operation_id = "showLoad", tag = "nodes",
    responses((status = 200, description = "What waits here.", body = Load), Reading)
)]
pub(crate) async fn show(request: HttpRequest) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    let desk = desk(&request)?;
    match desk.takes_submissions().then_some(desk.load().await).flatten() {
        Some(load) => Ok(HttpResponse::Ok().json(load)),
        None => Err(Failure::not_ready()),
    }
}
