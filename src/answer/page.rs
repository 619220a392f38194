//! The page that people see instead of the closed application: the product's face.
//!
//! Must stay true: the page has fewer than [`LARGEST_PAGE`] bytes, so that it arrives in a connection's first
//! flight, and loads nothing else; the policy allows its own style and script by their hashes, and nothing
//! else; the page is complete without scripts.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use askama::Template;

mod lean;
mod policy;

use self::lean::tight;
pub(crate) use self::lean::{base64, lean_script};
pub(super) use self::policy::security_policy;
use super::pieces;
use crate::{
    availability::Moment,
    text::{Language, Look},
};

/// Every page stays below this many bytes: ten TCP segments of a usual first flight (RFC 6928), less
/// the head of the answer.
pub const LARGEST_PAGE: usize = 14_000;
/// The same of a site's own pages, whose size is the site's affair.
pub(super) const LARGEST_OWN_PAGE: usize = 80_000;
/// What filling in may add to a rendered page.
const ROOM: usize = 120;
static STYLE: LazyLock<String> = LazyLock::new(|| tight(include_str!("../../static/gate/page.css")));
static SCRIPT: LazyLock<String> = LazyLock::new(|| lean_script(include_str!("../../static/gate/page.js")));
static FORM_SCRIPT: LazyLock<String> = LazyLock::new(|| lean_script(include_str!("../../static/gate/form.js")));
static KEPT_SCRIPT: LazyLock<String> = LazyLock::new(|| lean_script(include_str!("../../static/gate/kept.js")));
static FORM_STYLE: LazyLock<String> = LazyLock::new(|| tight(include_str!("../../static/gate/form.css")));

/// What a request that is no GET must be told about what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The application has not received it.
    Refused,
    /// The application may have received it.
    Unknown,
}

impl Sent {
    fn refused(self) -> bool {
        self == Self::Refused
    }
}

/// What stands on a page. Texts must have passed [`super::words::visible`].
#[derive(Debug, Clone, Template)]
#[template(path = "gate/page.html", whitespace = "minimize")]
pub(super) struct Page<'a> {
    /// The language of everything but what people wrote.
    pub(super) language: &'a Arc<Language>,
    /// `calm` for what was planned, `alert` for what was not.
    pub(super) tone: &'a str,
    /// What the script looks at: `own` (this page's own address, which the page comes back to),
    /// `apps` (the availability of the applications, to tell), or nothing.
    pub(super) watch: &'a str,
    /// Status and `Forewarn-Notification` of the answer that this page stands for.
    pub(super) key: &'a str,
    /// Names of the closed applications, with spaces between.
    pub(super) apps: &'a str,
    /// The heading, and the window's title.
    pub(super) title: &'a str,
    /// What people call the application; empty where there is none.
    pub(super) app: &'a str,
    /// What is down and why.
    pub(super) lead: &'a str,
    /// The lead is in English although the page is not: it is for developers.
    pub(super) foreign: bool,
    /// Absent where nothing is down.
    pub(super) since: Option<Moment>,
    /// It has not begun: `since` is when it begins.
    pub(super) coming: bool,
    pub(super) back: Option<Moment>,
    pub(super) overdue: bool,
    pub(super) component: Option<Cow<'a, str>>,
    /// Cut where the page would become too large.
    pub(super) message: Option<Cow<'a, str>>,
    pub(super) notes: &'a [String],
    /// What was said before, the newest first.
    pub(super) updates: &'a [(Moment, String)],
    /// Absent for requests that sent nothing.
    pub(super) sent: Option<Sent>,
    /// A refused form comes back on it.
    pub(super) form: bool,
    /// What to tell those who help.
    pub(super) support: &'a str,
}

impl<'a> Page<'a> {
    /// A page with nothing on it yet.
    pub(super) fn empty(language: &'a Arc<Language>) -> Self {
        Self {
            language,
            tone: "calm",
            watch: "",
            key: "",
            apps: "",
            title: "",
            app: "",
            lead: "",
            foreign: false,
            since: None,
            coming: false,
            back: None,
            overdue: false,
            component: None,
            message: None,
            notes: &[],
            updates: &[],
            sent: None,
            form: false,
            support: "",
        }
    }

    /// The page below its largest size: of a message that is too long for that (some thousand
    /// characters that take several bytes each) the end is left out, visibly.
    pub(super) fn fit(mut self) -> String {
        let page = self.html();
        let most = LARGEST_PAGE - ROOM;
        if page.len() < most {
            return page;
        }
        let Some(message) = self.message.take() else { return page };
        let mut room = most.saturating_sub(self.html().len() + 160);
        // What askama makes of a character: five bytes of each of these five.
        let size = |c: char| if matches!(c, '&' | '<' | '>' | '"' | '\'') { 5 } else { c.len_utf8() };
        let mut kept: String = message
            .chars()
            .take_while(|c| {
                let left = room.checked_sub(size(*c));
                room = left.unwrap_or(0);
                left.is_some()
            })
            .collect();
        kept.push_str("… ");
        kept.push_str(&self.say("shortened"));
        self.message = Some(kept.into());
        self.html()
    }

    fn html(&self) -> String {
        // Rendering plain values into memory does not fail.
        self.render().unwrap_or_default()
    }

    fn style(&self) -> &str {
        &STYLE
    }

    /// Whether there may be a form: of this request, or of an earlier one that the tab has kept.
    fn has_forms(&self) -> bool {
        self.form || (self.since.is_some() && self.sent.is_none())
    }

    fn form_style(&self) -> &str {
        &FORM_STYLE
    }

    fn look(&self) -> &Look {
        &self.language.site().look
    }

    /// What tells the script what to do, as attributes of the root element.
    pub(super) fn attributes(&self) -> String {
        let left = self.back.map(|_| format!(" data-left=\"{}\"", pieces::LEFT)).unwrap_or_default();
        // Names, ids and numbers: nothing in them needs escaping.
        format!("data-watch=\"{}\" data-key=\"{}\" data-apps=\"{}\"{left}", self.watch, self.key, self.apps)
    }

    /// The elements with what the scripts say, and the scripts.
    pub(super) fn scripts(&self) -> String {
        let words = self
            .is_live()
            .then(|| format!("<script type=\"application/json\" id=\"words\">{}</script>\n", self.words()));
        let form = self.has_forms().then(|| if self.form { &*FORM_SCRIPT } else { &*KEPT_SCRIPT });
        let form = form.map(|script| format!("<script>{script}</script>\n"));
        format!("{}{}<script>{}</script>", words.unwrap_or_default(), form.unwrap_or_default(), *SCRIPT)
    }

    fn given_back(&self) -> char {
        pieces::FORM
    }

    fn relative(&self) -> char {
        pieces::RELATIVE
    }

    fn elapsed(&self) -> char {
        pieces::ELAPSED
    }

    fn works(&self) -> char {
        pieces::WORKS
    }

    fn date(&self, moment: &Moment) -> String {
        self.language.date(*moment)
    }

    fn say(&self, id: &str) -> String {
        self.language.say(id)
    }

    /// A message about the application.
    fn tell(&self, id: &str) -> String {
        self.language.tell(id, &[("app", self.app)])
    }

    /// Whether the script has anything to say.
    fn is_live(&self) -> bool {
        self.since.is_some() || !self.watch.is_empty()
    }

    /// What the scripts say, as JSON.
    fn words(&self) -> String {
        let mut words = serde_json::json!({
            "at": self.language.tell("date-time", &[("date", "{d}"), ("time", "{t}")]),
            "offline": self.say("no-connection"),
        });
        if self.since.is_some() {
            words["expected"] = self.say("expected-back").into();
            words["overdue"] = self.say("was-expected-back").into();
            for (name, id) in [("back", "is-back"), ("check", "back-check"), ("tells", "leave-open-tells")] {
                words[name] = self.tell(id).into();
            }
        }
        if self.sent.is_some() {
            words["go"] = self.tell("back-go-back").into();
            words["again"] = self.tell("back-send-again").into();
        }
        let around = |id, name| {
            let (before, behind) = self.language.around(id, name);
            serde_json::json!([before, behind])
        };
        if self.form {
            words["here"] = self.say("typed-here").into();
        } else if self.has_forms() {
            words["file"] = around("file-not-kept", "file");
            words["left"] = around("not-kept", "fields");
            for (name, id) in [("send", "send-again"), ("typed", "typed"), ("before", "typed-before")] {
                words[name] = self.say(id).into();
            }
        }
        // Nothing in it ends the element.
        words.to_string().replace('<', "\\u003c")
    }
}
