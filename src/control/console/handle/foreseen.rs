//! The page that users will see, as they will see it, in a frame of a preview: before anything is confirmed.
//!
//! The frame is the target of the preview's own form, whose buttons name a language. So nothing is kept between the
//! preview and its frame, and it works without scripts.

use std::sync::Arc;

use actix_web::{HttpResponse, http::header::CONTENT_SECURITY_POLICY};

use super::pages::{as_users_see_it, slot};
use crate::{
    answer::{App, Rehearsal},
    control::console::guard::Visit,
};

/// The button's name; its value is a tag.
pub(super) const LANGUAGE: &str = "page";
/// Which application's page.
pub(super) const APPLICATION: &str = "shown";

/// The languages of this node's pages, for the buttons.
pub(super) fn languages(visit: &Visit<'_>) -> Vec<String> {
    let texts = visit.state.desk.shared().texts.load();
    texts.all().map(|language| language.tag().to_owned()).collect()
}

/// The page of this application in this language, as it will be when what was rehearsed takes effect.
pub(super) fn page(visit: &Visit<'_>, rehearsal: Option<Rehearsal>, language: &str, name: &str) -> HttpResponse {
    let texts = visit.state.desk.shared().texts.load();
    let app = match slot(visit.state, name) {
        Some(slot) => Some(Arc::clone(&slot.app)),
        // Only other nodes have it.
        None => name.parse().ok().map(|parsed| Arc::new(App::named(&parsed, name))),
    };
    let foretold = rehearsal.zip(app).and_then(|(rehearsal, app)| {
        let denial = rehearsal.denial(&app, &visit.state.node)?;
        Some((denial, rehearsal.clock))
    });
    match foretold {
        Some((denial, clock)) => as_users_see_it(&denial, texts.wanted([language.as_bytes()]), clock, "'self'"),
        None => HttpResponse::Conflict()
            .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'self'"))
            .content_type("text/plain; charset=utf-8")
            .body("This preview is out of date. Choose Edit, and look at the preview again.\n"),
    }
}
