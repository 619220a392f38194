//! What a notification would do: `POST /api/v1/preview`. Takes the body of
//! `POST /api/v1/notifications` and changes nothing.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{desk, params};
use crate::{
    availability::{Name, Submission},
    clock,
    control::{
        auth::Caller,
        body,
        described::Trying,
        errors::Failure,
        preview::{Closes, Known, Preview},
        words::Titles,
    },
};

/// What a notification would do.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
struct Answer<'a> {
    closes: &'a [Closes],
    /// Applications that it makes available.
    opens: Vec<&'a Name>,
    /// Applications that it notes as degraded: open, with a note for their users.
    degrades: Vec<&'a Name>,
    /// Notifications that it takes the place of, or cancels.
    replaces: &'a [Uuid],
    /// What may not have been meant.
    warnings: &'a [String],
}

/// What a notification would do
///
/// Takes the body of a notification and changes nothing. 422 for what would be refused.
#[utoipa::path(
    post, path = "/api/v1/preview", operation_id = "previewNotification", tag = "notifications",
    request_body(content = Submission, description = "At most 65,536 bytes."),
    responses((status = 200, description = "What it would do.", body = Answer), Trying)
)]
pub(crate) async fn preview(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    let submission = Submission::parse(&body::json(&request, payload).await?).map_err(Failure::Wrong)?;
    let desk = desk(&request)?;
    let rehearsal = desk.rehearse(submission, Caller::of(&request)?.speaker()).await?;
    let (board, nodes) = (desk.board().await, desk.nodes().await);
    let titles = Titles::new(desk.known_targets().await);
    let (node, now) = (&desk.shared().node, clock::now());
    let known = Known { board: &board, nodes: &nodes, titles: &titles, node, now };
    let preview = Preview::of(&rehearsal, &known);
    let Preview { closes, replaces, warnings, .. } = &preview;
    Ok(HttpResponse::Ok().json(Answer {
        closes,
        opens: preview.opens(),
        degrades: preview.degrades(),
        replaces,
        warnings,
    }))
}
