//! An address of the gate's own that is only read.
//!
//! Must stay true: every other method is 405, in the shape that the client prefers.

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, guard,
    http::{StatusCode, header},
    web,
};

use super::service::{Seen, shape_of, told};
use crate::answer::{Problem, ProblemKind};

/// Why an address below the reserved prefix is 404.
pub(super) const NOTHING_HERE: &str =
    "There is nothing at this address. Addresses below /.forewarn/ are the gate's own.";

/// An address that answers GET and HEAD with `handler`, and 405 to other methods.
pub(crate) fn reading<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler);
    web::resource(path).route(route).default_service(web::to(not_allowed))
}

async fn not_allowed(gate: Seen, req: HttpRequest) -> HttpResponse {
    let head = req.head();
    let language = gate.language(&head.headers);
    let problem = Problem::new(ProblemKind::MethodNotAllowed, &gate.shared.node)
        .detail("This address answers GET and HEAD only.")
        .speaking(&language);
    let shape = shape_of(&head.headers);
    let mut response = told(StatusCode::METHOD_NOT_ALLOWED, shape, &problem, head.uri.path(), false);
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
    response
}
