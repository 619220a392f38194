//! One handler per page: it reads the clock and the desk, and passes their answers to a view.

mod csv;
mod elsewhere;
mod extend;
mod fill;
mod look;
mod moved;
mod notify;
mod sessions;
mod sign;

pub use csv::history_csv;
pub use elsewhere::{problem, unknown};
pub use extend::extend;
pub use fill::notify_page;
pub use look::{board, forget, forget_page, history, nodes, plans, receipt};
pub use notify::notify;
pub use sessions::{end_session, sessions};
pub use sign::{login, login_page, logout};

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
