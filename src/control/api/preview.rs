//! What a notification would do: `POST /api/v1/preview`. Takes the body of
//! `POST /api/v1/notifications` and changes nothing.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::{desk, params};
use crate::{
    availability::{Author, Submission},
    clock,
    control::{
        body,
        console::words::Titles,
        errors::Failure,
        preview::{Known, Preview},
    },
};

/// Answers what the notification would close, open and replace, and what may not have been meant; 422
/// for what would be refused.
pub async fn preview(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Failure> {
    params::none(&request)?;
    let submission = Submission::parse(&body::json(&request, payload).await?).map_err(Failure::Wrong)?;
    let desk = desk(&request)?;
    let submission = desk.check(submission).await?;
    let now = clock::now();
    let (id, made) = (submission.id.unwrap_or_default(), submission.timestamp.unwrap_or(now));
    let (author, node) = (Author::operator(""), &desk.shared().node);
    let notification = match submission.cancels {
        None => submission.statement(id, made, &author, node),
        Some(plan) => {
            let plan = desk.entry(plan).await.ok_or_else(|| Failure::no_notification(&plan.to_string()))?;
            submission.cancel(id, made, &plan.notification, &author, node)
        }
    };
    let (board, nodes) = (desk.board().await, desk.nodes().await);
    let titles = Titles::new(desk.known_targets().await);
    let preview = Preview::of(&notification, &Known { board: &board, nodes: &nodes, titles: &titles, now });
    Ok(HttpResponse::Ok().json(json!({
        "closes": preview.closes,
        "opens": preview.opens(),
        "replaces": preview.replaces,
        "warnings": preview.warnings,
    })))
}
