//! The farm as this node knows it: `GET /api/v1/nodes`, `DELETE /api/v1/nodes/{name}`.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::{desk, params, segment};
use crate::control::{audit, auth::Caller, errors::Failure};

/// All nodes, this one first.
pub async fn list(request: HttpRequest) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    Ok(HttpResponse::Ok().json(json!({"nodes": desk(&request)?.nodes().await})))
}

/// Removes a node for good: 204; 409 where it cannot be (this node itself, for one).
pub async fn forget(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let caller = Caller::of(&request)?;
    caller.must_be_operator()?;
    params::none(&request)?;
    let name = segment(&request, "name");
    match desk(&request)?.forget(&name).await {
        Ok(true) => {
            audit::forgotten(&request, caller.name(), &name);
            Ok(HttpResponse::NoContent().finish())
        }
        Ok(false) => Err(Failure::NotFound(format!("this node knows no node {name}"))),
        Err(problem) => Err(Failure::Conflict(problem)),
    }
}
