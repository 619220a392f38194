//! The operators' pages (docs/contract.md#control): `/`, `/login`, `/notify`, `/plans`, `/history`,
//! `/nodes`.
//!
//! Plain HTML forms that work without scripts; one small script makes them better. Handlers
//! (`handle`) ask the desk and give what it says to pure views (`view`, `form`, `when`, `words`),
//! which know no clock, no desk and no request.
//!
//! Must stay true: nobody sees a page without a session; whatever changes something proves its
//! origin and the session's token; nothing that somebody typed is lost; a double click, a reload or
//! a retry makes one notification; no page is cached, framed, or fetches anything from elsewhere.

mod assets;
mod form;
mod guard;
mod handle;
mod page;
#[cfg(test)]
mod samples;
mod view;
mod when;
mod words;

use std::sync::Arc;

use actix_web::web;
use chrono_tz::Tz;

use super::session::{Door, SignIn};
use crate::{
    actors::desk::Desk,
    availability::{Name, Reasons},
};

/// What the pages need; made by whoever composes the node.
pub struct ConsoleState {
    /// Where everything is asked for and handed in.
    pub desk: Desk,
    /// Who is signed in.
    pub door: Door,
    /// Who may sign in.
    pub sign_in: SignIn,
    /// `control.time_zone`: local times of forms without scripts.
    pub time_zone: Tz,
    /// `node.name`.
    pub node: Name,
    /// What can be chosen as a reason.
    pub reasons: Arc<Reasons>,
}

/// Adds the pages to the control listener:
/// `App::new().configure(console::configure(state))`.
pub fn configure(state: web::Data<ConsoleState>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config
            .app_data(state)
            .route("/", web::get().to(handle::board))
            .service(
                web::resource("/login").route(web::get().to(handle::login_page)).route(web::post().to(handle::login)),
            )
            .route("/logout", web::post().to(handle::logout))
            .service(
                web::resource("/notify")
                    .route(web::get().to(handle::notify_page))
                    .route(web::post().to(handle::notify)),
            )
            .route("/notify/{id}", web::get().to(handle::receipt))
            .route("/notify/{id}/extend", web::post().to(handle::extend))
            .route("/plans", web::get().to(handle::plans))
            .route("/history", web::get().to(handle::history))
            .route("/nodes", web::get().to(handle::nodes))
            .service(
                web::resource("/nodes/forget")
                    .route(web::get().to(handle::forget_page))
                    .route(web::post().to(handle::forget)),
            )
            .route("/static/console/{file}", web::get().to(assets::serve));
    }
}

#[cfg(test)]
mod tests;
