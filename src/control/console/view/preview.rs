//! The effects of a notification, before it is sent: the text for users, the affected applications, and
//! possible mistakes of the operator.

use askama::Template;

use super::{Chrome, EntryView, Moved};
use crate::{
    availability::{Entry, Notification, Status},
    control::{
        console::{form::Fields, when::Face, words::Titles},
        preview::{Affected, Preview},
    },
};

/// What users of one application will read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    /// Such as "Mail is unavailable".
    pub title: String,
    /// The sentence of a denial's `detail` (docs/contract.md#denials), up to the time.
    pub before: String,
    /// The expected return, as a `<time>` element.
    pub back: Option<crate::control::console::when::When>,
    /// The operator's message.
    pub message: Option<String>,
}

/// What a preview is made of.
pub(crate) struct PreviewInput<'a> {
    /// The form.
    pub fields: &'a Fields,
    /// What would be stated, with the id and the time that the confirming button will send.
    pub entry: &'a Entry,
    /// What it would do.
    pub preview: Preview,
    /// For names.
    pub titles: &'a Titles,
    /// The operators' zone and the present.
    pub face: &'a Face,
    /// The languages in which users may see their page.
    pub languages: Vec<(String, String)>,
}

/// The page that users will see, in a frame: of which applications, and in which languages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// Name and title of what is closed; empty: users see no page.
    pub applications: Vec<(String, String)>,
    /// Tags and names.
    pub languages: Vec<(String, String)>,
}

impl Shown {
    /// Of what a preview closes.
    pub(super) fn new(preview: &Preview, languages: Vec<(String, String)>) -> Self {
        let named = preview.closes.iter().map(|one| (one.application.to_string(), one.title.clone()));
        Self { applications: named.collect(), languages }
    }
}

/// The page with the confirming button.
#[derive(Template)]
#[template(path = "console/preview.html")]
pub(crate) struct PreviewPage {
    /// Around it.
    pub chrome: Chrome,
    /// The whole form again, for the buttons.
    pub hidden: Vec<(String, String)>,
    /// What would be stated.
    pub entry: EntryView,
    /// What users of the first affected application will read.
    pub denial: Option<Denial>,
    /// The whole page.
    pub shown: Shown,
    /// Whose users notice.
    pub affected: Vec<Affected>,
    /// What may not have been meant.
    pub warnings: Vec<String>,
    /// Something to know first.
    pub notice: Option<String>,
}

impl PreviewPage {
    /// Of a submission that the desk would take.
    pub(crate) fn new(chrome: Chrome, input: PreviewInput<'_>) -> Self {
        let n = &input.entry.notification;
        let shown = Shown::new(&input.preview, input.languages);
        let Preview { affected, warnings, .. } = input.preview;
        let closes = n.status == Some(Status::Unavailable);
        let denial = affected.first().filter(|_| closes).map(|one| denial(n, &one.title, input.face));
        let hidden =
            input.fields.pairs().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let entry = EntryView::new(input.entry, input.titles, input.face);
        Self { chrome, hidden, entry, denial, shown, affected, warnings, notice: None }
    }
}

/// What its users will read, worded as the gate does.
pub(super) fn denial(n: &Notification, title: &str, face: &Face) -> Denial {
    let phrase = n.reason.phrase();
    let (before, back) = match n.expected_back_at {
        Some(back) => (format!("{title} is down {phrase} and is expected back at "), Some(face.show(back))),
        None => (format!("{title} is down {phrase}. When it will be back is not known."), None),
    };
    Denial { title: format!("{title} is unavailable"), before, back, message: n.message.clone() }
}

/// Asks once more before planned maintenance is cancelled.
#[derive(Template)]
#[template(path = "console/cancel.html")]
pub(crate) struct CancelPage {
    /// Around it.
    pub chrome: Chrome,
    /// The form: ids, time, message.
    pub fields: Fields,
    /// The plan.
    pub plan: EntryView,
    /// What to fix.
    pub problems: Vec<crate::control::console::form::Problem>,
    /// Something to know first.
    pub notice: Option<String>,
    /// What the plan has become meanwhile.
    pub moved: Option<Moved>,
}
