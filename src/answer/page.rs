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
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::pieces;
use crate::{
    availability::Moment,
    text::{Language, Look, Site},
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
    /// Nobody has seen it.
    Refused,
    /// Somebody may have.
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

/// The `Content-Security-Policy` of every page (CSP Level 3): its own styles and scripts by their
/// hashes, requests to its own origin only. An application's page may stand in a frame, so this one
/// may, too: its only button sends what its user has typed to where they sent it.
///
/// With `forms` there is no `form-action`: browsers apply it to redirects as well, and where an application
/// leads after a form is its own affair. What is on the page is escaped, and no script of others runs.
pub(super) fn security_policy(forms: bool, site: &Site, own: bool) -> Bytes {
    if own {
        return own_policy();
    }
    static POLICIES: LazyLock<[Bytes; 2]> = LazyLock::new(|| {
        let policy = |styles: &[&str], scripts: &[&str], end: &str| {
            let all = |texts: &[&str]| texts.iter().map(|text| hash(text)).collect::<Vec<_>>().join(" ");
            let (styles, scripts) = (all(styles), all(scripts));
            format!("default-src 'none'; script-src {scripts}; connect-src 'self'; img-src data:; base-uri 'none'{end}; style-src {styles}").into()
        };
        [
            policy(&[&STYLE], &[&SCRIPT], "; form-action 'none'"),
            policy(&[&STYLE, &FORM_STYLE], &[&SCRIPT, &FORM_SCRIPT, &KEPT_SCRIPT], ""),
        ]
    });
    let policy = &POLICIES[usize::from(forms)];
    match site.look.style.as_str() {
        "" => policy.clone(),
        style => [&policy[..], b" ", hash(style).as_bytes()].concat().into(),
    }
}

/// The policy of a page of the site's own: its styles, its pictures from the same host, the gate's scripts and no
/// others, for what people typed may stand on it.
fn own_policy() -> Bytes {
    static POLICY: LazyLock<Bytes> = LazyLock::new(|| {
        let scripts = [&*SCRIPT, &*FORM_SCRIPT, &*KEPT_SCRIPT].map(|script| hash(script)).join(" ");
        format!(
            "default-src 'none'; style-src 'unsafe-inline' 'self'; script-src {scripts}; connect-src 'self'; \
             img-src data: 'self'; font-src data: 'self'; base-uri 'none'"
        )
        .into()
    });
    POLICY.clone()
}

/// A source of a policy: exactly this text.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())))
}

/// The source without the lines that are comments, and without indents.
fn lean(source: &str) -> String {
    let mut comment = false;
    let mut kept = String::with_capacity(source.len());
    for line in source.lines().map(str::trim) {
        comment |= line.starts_with("/*");
        if !comment && !line.is_empty() && !line.starts_with("//") {
            kept.push_str(line);
            kept.push('\n');
        }
        comment &= !line.ends_with("*/");
    }
    kept
}

/// A style sheet without comments, and without spaces that say nothing.
fn tight(source: &str) -> String {
    let spaces = [(" {", "{"), ("{ ", "{"), (" }", "}"), ("; ", ";"), (": ", ":"), (", ", ","), ("\n", "")];
    spaces.iter().fold(lean(source), |text, (with, without)| text.replace(with, without))
}

/// Spaces that say nothing.
const SPACES: [(&str, &str); 18] = [
    (" = ", "="),
    (" => ", "=>"),
    (" === ", "==="),
    (" !== ", "!=="),
    (" && ", "&&"),
    (" || ", "||"),
    (" ? ", "?"),
    (" : ", ":"),
    (" + ", "+"),
    (" < ", "<"),
    (" > ", ">"),
    (", ", ","),
    ("; ", ";"),
    (": ", ":"),
    ("{ ", "{"),
    (" }", "}"),
    (") {", "){"),
    (";\n", ";"),
];

/// A script of ours without comments, and without spaces that say nothing. (None of its texts has such spaces.)
pub(crate) fn lean_script(source: &str) -> String {
    SPACES.iter().fold(lean(source), |text, (with, without)| text.replace(with, without))
}

/// RFC 4648, section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = [0, 1, 2].map(|at| chunk.get(at).copied().unwrap_or(0));
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            text.push(if at <= chunk.len() { char::from(ALPHABET[(bits >> shift) as usize & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_policy_names_what_is_on_the_page() {
        let page = |form, since| Page { title: "x", form, since, ..Page::empty(crate::text::english()) }.fit();
        for (page, forms) in
            [(page(false, None), false), (page(true, None), true), (page(false, Some(Moment::ZERO)), true)]
        {
            let policy = String::from_utf8(security_policy(forms, &Site::default(), false).to_vec()).unwrap();
            let count = 1 + usize::from(forms);
            for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
                let inside = page.split(open).skip(1).map(|rest| rest.split(close).next().unwrap());
                let inside: Vec<&str> = inside.collect();
                assert_eq!(inside.len(), count);
                for text in inside {
                    assert!(text.len() > 100 && policy.contains(&base64(&Sha256::digest(text.as_bytes()))));
                }
            }
            assert!(!page.contains(" style=") && !page.contains(" onclick"));
        }
    }

    #[test]
    fn comments_stay_at_home() {
        assert_eq!(lean("/* a\n b */\n  x { }\n// y\n\n z"), "x { }\nz\n");
        assert_eq!(
            tight("/* a */\na b, c:d { e: calc(1px - 2px) f; }\n@media (g: h) {\n  i { }\n}"),
            "a b,c:d{e:calc(1px - 2px) f;}@media (g:h){i{}}"
        );
    }
}
