//! The page that users will see, as they will see it, in a frame of a preview: before anything is confirmed.
//!
//! The frame is the target of the preview's own form, whose buttons name a language. So nothing is kept between the
//! preview and its frame, and it works without scripts.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::CONTENT_SECURITY_POLICY},
};

use super::{known, pages::as_users_see_it};
use crate::{answer::Rehearsal, control::console::guard::Visit};

/// The button's name; its value is a tag.
pub(super) const LANGUAGE: &str = "page";
/// Which application's page.
pub(super) const APPLICATION: &str = "shown";

/// The languages of this node's pages, for the buttons: tags and names.
pub(super) fn languages(visit: &Visit<'_>) -> Vec<(String, String)> {
    visit.state.desk.shared().texts.load().names()
}

/// The page of this application in this language, as it will be when what was rehearsed takes effect.
pub(super) async fn page(visit: &Visit<'_>, rehearsal: Option<Rehearsal>, language: &str, name: &str) -> HttpResponse {
    let (_, titles) = known(visit).await;
    let texts = visit.state.desk.shared().texts.load();
    let foretold = rehearsal.zip(name.parse().ok()).and_then(|(rehearsal, name)| {
        let denial = rehearsal.denial(&titles.app(&name), &visit.state.node)?;
        Some((denial, rehearsal.clock))
    });
    match foretold {
        Some((denial, clock)) => as_users_see_it(&denial, texts.wanted([language.as_bytes()]), clock, "'self'"),
        None => {
            let text = "This preview is out of date. Choose Edit, and look at the preview again.\n";
            instead(StatusCode::CONFLICT, text)
        }
    }
}

/// What the frame says in place of the page: other pages may not be in a frame.
pub(super) fn instead(status: StatusCode, text: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'self'"))
        .content_type("text/plain; charset=utf-8")
        .body(text)
}
