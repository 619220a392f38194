//! Reading the configuration again: `POST /api/v1/reload` (docs/contract.md#reading-it-again).

use actix_web::{HttpRequest, HttpResponse, web};

use super::{desk, params};
use crate::control::{
    audit,
    auth::Caller,
    described::Acting,
    errors::Failure,
    reload::{Door, Reloaded},
};

/// Read the configuration again
///
/// Answered when the new configuration is in effect. A file that is not right changes nothing, and the answer says
/// what is wrong with it. Needs a token with the role operator. There is no body.
#[utoipa::path(
    post, path = "/api/v1/reload", operation_id = "reload", tag = "node",
    responses((status = 200, description = "It is in effect.", body = Reloaded), Acting)
)]
pub(crate) async fn reload(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let caller = Caller::of(&request)?;
    caller.must_be_operator()?;
    params::none(&request)?;
    let door = request.app_data::<web::Data<Door>>().ok_or_else(Failure::not_ready)?;
    if !matches!(desk(&request)?.phase(), "ready" | "fenced") {
        return Err(Failure::not_ready());
    }
    log::info!(by = caller.name(), from = audit::address(&request); "reload_asked");
    match door.ask().await {
        Some(Ok(reloaded)) => Ok(HttpResponse::Ok().json(reloaded)),
        Some(Err(problems)) => Err(Failure::Wrong(problems)),
        None => Err(Failure::not_ready()),
    }
}
