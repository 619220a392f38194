//! The operators' pages (docs/contract.md#the-api): `/`, `/login`, `/notify`, `/plans`, `/schedules`,
//! `/templates`, `/history`, `/nodes`.
//!
//! Plain HTML forms that work without scripts; one small script makes them better. Handlers
//! (`handle`) ask the desk and hand its answers to pure views (`view`, `form`, `when`, `words`),
//! which know no clock, no desk and no request.
//!
//! Must stay true: no page is shown without a session; a request that changes something proves its
//! origin and the session's token; nothing that was typed is lost; a double click, a reload or
//! a retry makes one notification; no page is cached, framed, or fetches anything from elsewhere.

mod assets;
mod csv;
mod form;
mod guard;
mod handle;
mod page;
#[cfg(test)]
mod samples;
mod view;

pub(crate) use self::handle::Days;

use actix_web::web;
use arc_swap::ArcSwap;
use chrono_tz::Tz;

use super::{
    routes::{Place, get, post, register},
    session::{Door, SignIn},
    when, words,
};
use crate::{
    actors::desk::Desk,
    availability::{Name, Reasons},
};

/// What the pages need; made where the node is composed.
pub(crate) struct ConsoleState {
    /// The desk, for all queries and submissions.
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
    pub reasons: ArcSwap<Reasons>,
    /// The last day of each application.
    pub days: Days,
}

/// Adds the pages to the control listener:
/// `App::new().configure(console::configure(state))`.
pub(crate) fn configure(state: web::Data<ConsoleState>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config.app_data(state);
        register(config, places());
        config.default_service(web::to(handle::unknown));
    }
}

/// Every page.
fn places() -> Vec<Place> {
    vec![
        Place::new("/", vec![get(handle::board)]),
        Place::new("/login", vec![get(handle::login_page), post(handle::login)]),
        Place::new("/logout", vec![post(handle::logout)]),
        Place::new("/notify", vec![get(handle::notify_page), post(handle::notify)]),
        Place::new("/notify/{id}", vec![get(handle::receipt)]),
        Place::new("/notify/{id}/extend", vec![post(handle::extend)]),
        Place::new("/plans", vec![get(handle::plans)]),
        Place::new("/schedules", vec![get(handle::schedules)]),
        Place::new("/schedules/edit", vec![get(handle::edit_schedule), post(handle::notify)]),
        Place::new("/schedules/remove", vec![get(handle::remove_schedule_page), post(handle::remove_schedule)]),
        Place::new("/templates", vec![get(handle::templates)]),
        Place::new("/templates/edit", vec![get(handle::edit_template), post(handle::notify)]),
        Place::new("/templates/remove", vec![get(handle::remove_template_page), post(handle::remove_template)]),
        Place::new("/history", vec![get(handle::history)]),
        Place::new("/history.csv", vec![get(handle::history_csv)]),
        Place::new("/nodes", vec![get(handle::nodes)]),
        Place::new("/nodes/forget", vec![get(handle::forget_page), post(handle::forget)]),
        Place::new("/pages", vec![get(handle::pages)]),
        Place::new("/pages/pass", vec![post(handle::pass)]),
        Place::new("/pages/{application}", vec![get(handle::page)]),
        Place::new("/sessions", vec![get(handle::sessions)]),
        Place::new("/sessions/end", vec![post(handle::end_session)]),
        Place::new("/problems/{kind}", vec![get(handle::problem)]),
        Place::new("/static/console/{file}", vec![get(assets::serve)]),
    ]
}

#[cfg(test)]
mod tests;
