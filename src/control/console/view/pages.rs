//! The pages that users get, and links for testers.

use askama::Template;

use super::Chrome;
use crate::{actors::shared::Shared, control::console::when::When};

/// An application.
#[derive(Debug, Clone)]
pub(crate) struct PageRow {
    /// What programs call it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The site has a page of its own for it.
    pub own: bool,
}

/// See the module.
#[derive(Template)]
#[template(path = "console/pages.html")]
pub(crate) struct PagesPage {
    /// Around it.
    pub chrome: Chrome,
    /// In the order of the configuration.
    pub rows: Vec<PageRow>,
    /// Tags and names.
    pub languages: Vec<(String, String)>,
    /// A link that was just made, for whom, and until when.
    pub link: Option<String>,
    /// See `link`.
    pub passed: String,
    /// See `link`.
    pub until: Option<When>,
    /// Why there is none.
    pub problem: Option<String>,
}

impl PagesPage {
    /// Without a link.
    pub(crate) fn new(chrome: Chrome, shared: &Shared) -> Self {
        let texts = shared.texts.load();
        let slots = shared.slots();
        let rows = slots.iter().map(|slot| PageRow {
            name: slot.app.name().to_string(),
            title: slot.app.title.clone(),
            own: texts.site().pages.has(slot.app.name().as_str()),
        });
        let languages = texts.names();
        Self { chrome, rows: rows.collect(), languages, link: None, passed: String::new(), until: None, problem: None }
    }
}
