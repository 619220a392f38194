//! `GET /api/v1/events`: all changes, or with `?application=` those of one application.

use actix_web::{HttpRequest, HttpResponse, web::Data};

use super::{availability::no_application, desk};
use crate::availability::{Name, Target};
use crate::control::{
    auth::Caller,
    described::Reading,
    errors::Failure,
    events::{Audience, Streams, filter, respond},
};

/// Follow changes
#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "followEvents", tag = "events",
    params(
        ("application" = inline(Option<Name>), Query, nullable = false, description = "Only availability events about this one."),
        ("Last-Event-ID" = Option<String>, Header, nullable = false,
            description = "From a reader that returns: the stream begins with a reset."),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String,
            description = "Server-sent events: availability, resource, delivery, notification, nodes, monitor, and reset (look \
                           everything up again). data is JSON with the member event and the name or id of what has \
                           changed. A comment every 15 s."),
        Reading
    )
)]
pub(crate) async fn follow(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let application = filter(&request)?;
    let desk = desk(&request)?;
    if let Some(name) = &application
        && !desk.known_targets().await.iter().any(|(target, _)| *target == Target::Application(name.clone()))
    {
        return Err(no_application(name.as_str()));
    }
    let streams = request.app_data::<Data<Streams>>().ok_or_else(Failure::not_ready)?;
    respond(&request, desk.subscribe(), streams, Audience::Private, Caller::of(&request)?.lease(), application)
}
