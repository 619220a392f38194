//! The content of the pages, as plain values and templates: pure functions of the desk's answers, the
//! operators' zone and the present. Handlers' work does not belong here, so that every page can be rendered,
//! inspected and tested without a node.

mod board;
mod calendar;
mod changes;
mod entry;
mod farm;
mod form;
mod history;
mod login;
mod nodes;
mod pages;
mod preview;
mod receipt;
mod registry;
mod sessions;

#[cfg(test)]
pub(crate) use board::Row;
pub(crate) use board::{BACK, BoardInput, BoardPage, Past, PlansPage, Receipts, anchor, deciding, plans};
pub(crate) use calendar::{CalendarPage, Expected, Span};
pub(crate) use changes::Held;
pub(crate) use entry::EntryView;
pub(crate) use farm::FarmState;
pub(crate) use form::FormPage;
pub(crate) use history::{Filter, HistoryView};
pub(crate) use login::{LoginPage, safe_next};
pub(crate) use nodes::{ForgetPage, NodesPage};
pub(crate) use pages::PagesPage;
pub(crate) use preview::{CancelPage, Denial, PreviewInput, PreviewPage, Shown};
pub(crate) use receipt::{Holds, ReceiptPage};
pub(crate) use registry::{
    RemovePage, SchedulePreview, ScheduleRow, SchedulesPage, Standing, TemplateRow, TemplatesPage,
};
pub(crate) use sessions::SessionsPage;

use askama::Template;

use crate::control::console::when::When;

/// What surrounds every page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chrome {
    /// `board`, `notify`, `history`, `nodes`, or empty: which link is the current one.
    pub section: &'static str,
    /// The node that answers.
    pub node: String,
    /// Who is signed in; `None` on the login page.
    pub operator: Option<String>,
    /// Who is signed in may change something.
    pub acts: bool,
    /// The session's token, for forms.
    pub token: String,
    /// Of the style sheet, with its version.
    pub css: String,
    /// Of the script, with its version.
    pub js: String,
    /// Of the pages' picture, with its version.
    pub icon: String,
    /// The operators' zone.
    pub zone: String,
    /// What to do about a node that its peers have turned away; `None`: all is well.
    pub fenced: Option<&'static str>,
}

/// What a plan or a closing has become since the page was opened.
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    /// That it has changed, in one sentence.
    pub text: &'static str,
    /// The notification that stands now.
    pub id: String,
    /// Its headline.
    pub headline: String,
    /// Who made it.
    pub by: String,
    /// When.
    pub at: When,
    /// What happens to what was typed; empty: nothing was.
    pub next: &'static str,
}

impl Moved {
    /// The same where nothing was typed yet.
    pub(crate) fn without_next(self) -> Self {
        Self { next: "", ..self }
    }
}

/// A page with a sentence and a way on: nothing found, refused, out of order.
#[derive(Template)]
#[template(path = "console/message.html")]
pub(crate) struct MessagePage {
    /// Around it.
    pub chrome: Chrome,
    /// Its heading.
    pub title: String,
    /// One sentence or two.
    pub text: String,
    /// Where to go on: address and words.
    pub links: Vec<(String, String)>,
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
    /// It is chosen.
    pub chosen: bool,
}

/// A value for a query or a path, percent-encoded as far as it must be.
pub(crate) fn encoded(text: &str) -> String {
    const KEEP: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    percent_encoding::utf8_percent_encode(text, KEEP).to_string()
}
