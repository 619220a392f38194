//! The gate's errors other than denials: no such application, no upstream, a request that cannot be read. They
//! have the same four shapes, the same members where those apply, and are never cached.

mod kind;

use bytes::Bytes;
use serde::Serialize;

pub use kind::{PROBLEMS, ProblemKind, problem_type};

use crate::availability::{Moment, Name};

use super::{
    App, Shape,
    page::{self, Page, Sent},
    pieces::{Pieces, Slots, members},
    words::visible,
};

/// See the module.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    kind: ProblemKind,
    node: &'a Name,
    app: Option<&'a App>,
    detail: Option<&'a str>,
    unsent: bool,
}

impl<'a> Problem<'a> {
    /// A problem met on this node.
    pub fn new(kind: ProblemKind, node: &'a Name) -> Self {
        Self { kind, node, app: None, detail: None, unsent: false }
    }

    /// Of this application.
    #[must_use]
    pub fn of(self, app: &'a App) -> Self {
        Self { app: Some(app), ..self }
    }

    /// With a sentence about this very request instead of the usual one.
    #[must_use]
    pub fn detail(self, detail: &'a str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Nothing of the request has reached an upstream, and it is known that nothing has.
    #[must_use]
    pub fn unsent(self) -> Self {
        Self { unsent: true, ..self }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// Every header field but `Content-Length`: names in small letters, values literal.
    pub fn headers(&self, shape: Shape) -> impl Iterator<Item = (&'static str, Bytes)> {
        let policy = (shape == Shape::Html).then(|| ("content-security-policy", page::security_policy(false)));
        let retry = (self.kind == ProblemKind::TooMany).then(|| ("retry-after", Bytes::from_static(b"10")));
        let fixed = [
            ("content-type", shape.content_type()),
            ("cache-control", "no-store"),
            ("vary", "Accept, Accept-Language"),
            ("x-content-type-options", "nosniff"),
        ];
        fixed.into_iter().map(|(name, value)| (name, Bytes::from_static(value.as_bytes()))).chain(policy).chain(retry)
    }

    /// The body in one shape, for a request for `instance` (its path). `reading`: its method is GET
    /// or HEAD.
    pub fn body(&self, shape: Shape, instance: &str, reading: bool) -> Bytes {
        match shape {
            Shape::Html => self.html(reading).into(),
            Shape::ProblemJson | Shape::Json => self.json(instance),
            Shape::Text => {
                let sent = match self.sent(reading) {
                    None => "",
                    Some(Sent::Refused) => "\nWhat you sent was not accepted.\n",
                    Some(Sent::Unknown) => "\nIt is not known whether what you sent has arrived.\n",
                };
                format!(
                    "{}\n\n{}\n{sent}\nNode {}\n",
                    visible(&self.title(), false),
                    visible(&self.told(), false),
                    self.node
                )
                .into()
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
        }
        let (title, detail) = (self.title(), self.told());
        let head = Head { kind: &self.kind.type_uri(), title: &title, status: self.status(), detail: &detail };
        let rest = Rest { application: self.app.map(App::name), node: self.node };
        let pieces = Pieces::of_json(&members(&head), None, &members(&rest));
        pieces.fill(&Slots {
            instance,
            retry_after: None,
            now: Moment::ZERO,
            since: Moment::ZERO,
            back: None,
            form: None,
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
            reference: &format!("node {}", self.node),
            ..Page::default()
        };
        page.fit()
    }

    fn title(&self) -> String {
        match (self.kind, self.app) {
            (ProblemKind::UpstreamUnreachable, Some(app)) => format!("{} cannot be reached", app.title),
            (ProblemKind::UpstreamTimeout, Some(app)) => format!("{} is not responding", app.title),
            (kind, _) => kind.title().to_owned(),
        }
    }

    fn told(&self) -> String {
        match (self.detail, self.kind, self.app) {
            (Some(detail), ..) => detail.to_owned(),
            (None, ProblemKind::UpstreamUnreachable, Some(app)) => {
                format!("There is no connection to {} just now. No outage has been reported.", app.title)
            }
            (None, ProblemKind::UpstreamTimeout, Some(app)) => {
                format!("It took {} too long to answer. No outage has been reported.", app.title)
            }
            (None, kind, _) => kind.meaning().to_owned(),
        }
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
                    assert!(body.len() < page::LARGEST_PAGE && !body.contains(&1));
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
