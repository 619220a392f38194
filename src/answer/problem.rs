//! The gate's errors other than denials: no such application, no upstream, a request that cannot be read. They
//! have the same four shapes, the same members where those apply, and are never cached.

mod kind;

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

pub use kind::{PROBLEMS, ProblemKind, problem_type};

use super::{
    App, Shape,
    denial::in_language,
    page::{self, Page, Sent},
    pieces::{Pieces, Slots, members},
    words::visible,
};
use crate::{
    availability::{Moment, Name},
    text::{Language, english},
};

/// See the module.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    kind: ProblemKind,
    node: &'a Name,
    app: Option<&'a App>,
    detail: Option<&'a str>,
    unsent: bool,
    wait: Option<u64>,
    language: &'a Arc<Language>,
}

impl<'a> Problem<'a> {
    /// A problem met on this node.
    pub fn new(kind: ProblemKind, node: &'a Name) -> Self {
        Self { kind, node, app: None, detail: None, unsent: false, wait: None, language: english() }
    }

    /// Of this application.
    #[must_use]
    pub fn of(self, app: &'a App) -> Self {
        Self { app: Some(app), ..self }
    }

    /// In this language instead of English.
    #[must_use]
    pub fn speaking(self, language: &'a Arc<Language>) -> Self {
        Self { language, ..self }
    }

    /// With a sentence in English, for developers, about this very request instead of the usual one.
    #[must_use]
    pub fn detail(self, detail: &'a str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Nothing of the request has reached an upstream, and it is known that nothing has.
    #[must_use]
    pub fn unsent(self) -> Self {
        Self { unsent: true, ..self }
    }

    /// Seconds that a client should wait before it asks again.
    #[must_use]
    pub fn wait(self, seconds: u64) -> Self {
        Self { wait: Some(seconds), ..self }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// Every header field but `Content-Length`: names in small letters, values literal.
    pub fn headers(&self, shape: Shape) -> impl Iterator<Item = (&'static str, Bytes)> + use<> {
        let policy = (shape == Shape::Html)
            .then(|| ("content-security-policy", page::security_policy(false, self.language.site(), false)));
        let wait = self.wait.or((self.kind == ProblemKind::TooMany).then_some(10));
        let retry = wait.map(|seconds| ("retry-after", seconds.to_string().into()));
        let fixed = [
            ("content-type", shape.content_type()),
            ("cache-control", "no-store"),
            ("vary", "Accept, Accept-Language"),
            ("x-content-type-options", "nosniff"),
        ];
        let spoken = in_language(self.language);
        let fixed = fixed.into_iter().map(|(name, value)| (name, Bytes::from_static(value.as_bytes())));
        fixed.chain([spoken]).chain(policy).chain(retry)
    }

    /// The body in one shape, for a request for `instance` (its path). `reading`: its method is GET
    /// or HEAD.
    pub fn body(&self, shape: Shape, instance: &str, reading: bool) -> Bytes {
        match shape {
            Shape::Html => self.html(reading).into(),
            Shape::ProblemJson | Shape::Json => self.json(instance),
            Shape::Text => {
                let sent = match self.sent(reading) {
                    None => String::new(),
                    Some(Sent::Refused) => format!("\n{}\n", self.language.say("not-accepted")),
                    Some(Sent::Unknown) => format!("\n{}\n", self.language.say("maybe-sent")),
                };
                let (title, told) = (self.title(), self.told());
                let (title, told) = (visible(&title, false), visible(&told, false));
                format!("{title}\n\n{told}\n{sent}\n{}\n", self.support()).into()
            }
        }
    }

    fn json(&self, instance: &str) -> Bytes {
        #[derive(Serialize)]
        struct Head<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            title: &'a str,
            status: u16,
            detail: &'a str,
        }
        #[derive(Serialize)]
        struct Rest<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            application: Option<&'a Name>,
            node: &'a Name,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_after: Option<u64>,
        }
        let (title, detail) = (self.title(), self.told());
        let head = Head { kind: &self.kind.type_uri(), title: &title, status: self.status(), detail: &detail };
        let rest = Rest { application: self.app.map(App::name), node: self.node, retry_after: self.wait };
        let pieces = Pieces::of_json(&members(&head), None, &members(&rest));
        pieces.fill(&Slots {
            instance,
            retry_after: None,
            now: Moment::ZERO,
            since: Moment::ZERO,
            back: None,
            form: None,
            works: &[],
            language: self.language,
        })
    }

    fn html(&self, reading: bool) -> String {
        let (title, told) = (self.title(), self.told());
        let page = Page {
            tone: if self.kind.is_upstreams() { "alert" } else { "calm" },
            watch: if reading && self.kind.is_upstreams() { "own" } else { "" },
            key: &format!("{} ", self.status()),
            apps: self.app.map_or("", |app| app.name().as_str()),
            title: &visible(&title, false),
            lead: &visible(&told, false),
            sent: self.sent(reading),
            foreign: self.detail.is_some() && !self.language.is_english(),
            support: &self.support(),
            ..Page::empty(self.language)
        };
        page.fit()
    }

    fn support(&self) -> String {
        let reference = self.language.tell("reference-node", &[("node", self.node.as_str())]);
        self.language.tell("support", &[("reference", &reference)])
    }

    /// The message about it, and what people call the application that stands in it.
    fn message(&self) -> (String, String) {
        let app = self.app.map(|app| self.language.application(app.name().as_str(), &app.title));
        let id = match (self.kind, &app) {
            (ProblemKind::UpstreamUnreachable, Some(_)) => "app-unreachable".to_owned(),
            (ProblemKind::UpstreamTimeout, Some(_)) => "app-timeout".to_owned(),
            (kind, _) => kind.message(),
        };
        (id, app.unwrap_or_default())
    }

    fn title(&self) -> String {
        let (id, app) = self.message();
        self.language.tell(&id, &[("app", &app)])
    }

    fn told(&self) -> String {
        let (id, app) = self.message();
        self.detail.map_or_else(|| self.language.more(&id, &[("app", &app)]), str::to_owned)
    }

    /// What to say about what was sent. An upstream that failed may have read it.
    fn sent(&self, reading: bool) -> Option<Sent> {
        let unknown = self.kind.is_upstreams() && !self.unsent;
        (!reading).then_some(if unknown { Sent::Unknown } else { Sent::Refused })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn every_kind_in_every_shape() {
        let node: Name = "a".parse().unwrap();
        for kind in ProblemKind::ALL {
            let problem = Problem::new(kind, &node);
            for shape in Shape::ALL {
                let headers: Vec<_> = problem.headers(shape).collect();
                assert!(headers.contains(&("cache-control", Bytes::from_static(b"no-store"))));
                assert!(headers.contains(&("content-type", Bytes::from_static(shape.content_type().as_bytes()))));
                for reading in [true, false] {
                    let body = problem.body(shape, "/x\"<\u{1}", reading);
                    let marked = body.iter().any(|byte| *byte < b' ' && *byte != b'\n');
                    assert!(body.len() < page::LARGEST_PAGE && !marked, "{shape:?}: no marks are left");
                    if shape == Shape::Json {
                        let value: Value = serde_json::from_slice(&body).unwrap();
                        assert_eq!(value["type"], kind.type_uri());
                        assert_eq!(
                            (&value["status"], &value["instance"]),
                            (&json!(kind.status()), &json!("/x\"<\u{1}"))
                        );
                        assert_eq!(value["node"], "a");
                    }
                }
            }
        }
    }

    #[test]
    fn only_what_passes_is_tried_again_and_only_what_was_read() {
        let node: Name = "a".parse().unwrap();
        let refreshes = |kind, reading| {
            let page = Problem::new(kind, &node).body(Shape::Html, "/", reading);
            String::from_utf8(page.to_vec()).unwrap().contains("http-equiv=\"refresh\"")
        };
        assert!(refreshes(ProblemKind::UpstreamTimeout, true));
        assert!(!refreshes(ProblemKind::UpstreamTimeout, false));
        assert!(!refreshes(ProblemKind::NoSuchApplication, true));
    }

    #[test]
    fn what_has_never_left_is_known_not_to_have_arrived() {
        let node: Name = "a".parse().unwrap();
        let problem = Problem::new(ProblemKind::UpstreamUnreachable, &node);
        let text = |problem: &Problem<'_>| String::from_utf8(problem.body(Shape::Text, "/", false).to_vec()).unwrap();
        assert!(text(&problem).contains("It is not known whether"));
        assert!(text(&problem.unsent()).contains("What you sent was not accepted"));
    }
}
