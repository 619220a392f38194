//! One handler per page: it reads the clock and the desk, and passes their answers to a view.

mod ask;
mod csv;
mod elsewhere;
mod extend;
mod fill;
mod foreseen;
mod look;
mod moved;
mod notify;
mod pages;
mod past;
mod plans;
mod registry;
mod sessions;
mod sign;

pub(crate) use csv::history_csv;
pub(crate) use elsewhere::{problem, unknown};
pub(crate) use extend::extend;
pub(crate) use fill::notify_page;
pub(crate) use look::{board, forget, forget_page, history, nodes, receipt};
pub(crate) use notify::notify;
pub(crate) use pages::{page, pages, pass};
pub(crate) use past::Days;
pub(crate) use plans::plans;
pub(crate) use registry::{
    edit_schedule, edit_template, remove_schedule, remove_schedule_page, remove_template, remove_template_page,
    schedules, templates,
};
pub(crate) use sessions::{end_session, sessions};
pub(crate) use sign::{login, login_page, logout};

use actix_web::HttpResponse;

use super::guard::Visit;
use crate::availability::Target;

/// A handler's answer: both sides are answers, the left one was refused at the door.
type Answer = Result<HttpResponse, HttpResponse>;

/// Both sides of an answer.
fn either(answer: Answer) -> HttpResponse {
    answer.unwrap_or_else(|refused| refused)
}

/// What the farm knows, with titles.
async fn known(visit: &Visit<'_>) -> (Vec<(Target, String)>, super::words::Titles) {
    let known = visit.state.desk.known_targets().await;
    let titles = super::words::Titles::new(known.iter().cloned());
    (known, titles)
}
