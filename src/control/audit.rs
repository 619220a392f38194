//! Log lines about the actions of people and programs: one line each, with name and address.
//!
//! Must stay true: a line has names and ids, never a message's text and never a credential.

use actix_web::{HttpRequest, web::Data};

use super::session::{Door, Front, Proxies};
use crate::{
    actors::desk::Submitted,
    availability::{Author, Record},
};

/// A notification was taken.
pub(crate) fn submitted(request: &HttpRequest, author: &Author, submitted: &Submitted) {
    let targets: Vec<String> = submitted.targets.iter().map(ToString::to_string).collect();
    let by = author.operator.as_deref().or(author.reporter.as_deref()).unwrap_or_default();
    log::info!(
        id:% = submitted.id, by, from = address(request), targets = targets.join(","), repeated = submitted.repeated;
        "submitted"
    );
}

/// The registry was changed.
pub(crate) fn registered(request: &HttpRequest, by: &str, record: &Record) {
    let removed = record.value.is_none();
    log::info!(kind = record.kind.as_str(), id:% = record.id, by, from = address(request), removed; "registered");
}

/// A node was removed from the farm for good.
pub(crate) fn forgotten(request: &HttpRequest, by: &str, name: &str) {
    log::info!(name, by, from = address(request); "node_forgotten");
}

/// Where a request comes from: the client's address, also behind a trusted proxy.
pub(crate) fn address(request: &HttpRequest) -> String {
    front(request).client.to_string()
}

/// How a request has come, also behind a trusted proxy.
pub(crate) fn front(request: &HttpRequest) -> Front {
    match request.app_data::<Data<Door>>() {
        Some(door) => door.front(request),
        None => Proxies::default().front(request),
    }
}
