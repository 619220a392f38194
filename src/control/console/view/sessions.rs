//! Who is signed in at this node.

use askama::Template;

use super::Chrome;
use crate::control::{
    console::when::{Face, When},
    session::Listed,
};

/// One session.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    /// What it is ended by.
    pub handle: String,
    /// Who.
    pub operator: String,
    /// What they may do.
    pub role: &'static str,
    /// Where they signed in from.
    pub from: String,
    /// When.
    pub begun: When,
    /// When it was last used.
    pub used: String,
    /// When it ends at the latest.
    pub ends: When,
    /// It is the one that asks.
    pub own: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "console/sessions.html")]
pub(crate) struct SessionsPage {
    /// Around it.
    pub chrome: Chrome,
    /// The one that was used last first.
    pub rows: Vec<SessionRow>,
}

impl SessionsPage {
    /// Of a list, of which `own` is the handle of the session that asks.
    pub(crate) fn new(chrome: Chrome, list: &[Listed], own: &str, face: &Face) -> Self {
        let row = |one: &Listed| SessionRow {
            handle: one.handle.clone(),
            operator: one.operator.clone(),
            role: one.rights.role.as_str(),
            from: one.from.to_string(),
            begun: face.show(one.begun),
            used: format!("{} ago", face.since(one.used)),
            ends: face.show(one.ends),
            own: one.handle == own,
        };
        Self { chrome, rows: list.iter().map(row).collect() }
    }
}
