//! The farm as this node knows it: `GET /api/v1/nodes`, `DELETE /api/v1/nodes/{name}`.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::{desk, params, segment};
use crate::{
    actors::desk::NodeView,
    control::{
        audit,
        auth::Caller,
        described::{Forgetting, Reading},
        errors::Failure,
    },
};

/// The farm.
#[derive(Serialize, ToSchema)]
struct Nodes {
    nodes: Vec<NodeView>,
}

/// All nodes that this one knows, itself first
#[utoipa::path(
    get, path = "/api/v1/nodes", operation_id = "listNodes", tag = "nodes",
    responses((status = 200, description = "The farm.", body = Nodes), Reading)
)]
pub(crate) async fn list(request: HttpRequest) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    Ok(HttpResponse::Ok().json(Nodes { nodes: desk(&request)?.nodes().await }))
}

/// Remove a node for good
///
/// Needs a token with the role operator. 409 where it cannot be removed: this node itself, for one.
#[utoipa::path(
    delete, path = "/api/v1/nodes/{name}", operation_id = "forgetNode", tag = "nodes",
    params(("name" = String, Path, description = "Its name; or, until it has answered for the first time, its address, percent-encoded.")),
    responses((status = 204, description = "It is forgotten."), Forgetting)
)]
pub(crate) async fn forget(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let caller = Caller::of(&request)?;
    caller.must_be_operator()?;
    params::none(&request)?;
    let name = segment(&request, "name");
    if !desk(&request)?.forget(&name).await? {
        return Err(Failure::NotFound(format!("no other node of the farm has the name {name}")));
    }
    audit::forgotten(&request, caller.name(), &name);
    Ok(HttpResponse::NoContent().finish())
}
