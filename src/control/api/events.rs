//! `GET /api/v1/events`: all changes, or with `?application=` those of one application.

use actix_web::{HttpRequest, HttpResponse, web::Data};

use super::desk;
use crate::control::{
    auth::Caller,
    errors::Failure,
    events::{Audience, Streams, filter, respond},
};

/// Follows changes until the reader or the node goes.
pub async fn follow(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let application = filter(&request)?;
    let desk = desk(&request)?;
    let streams = request.app_data::<Data<Streams>>().ok_or_else(Failure::not_ready)?;
    respond(&request, desk.subscribe(), streams, Audience::Private, Caller::of(&request)?.lease(), application)
}
