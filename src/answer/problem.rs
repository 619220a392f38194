//! What the gate has to say when it is not a denial: no such application, no upstream, not ready.
//! In the same four shapes, with the same members where they apply, and as little to be stored.

use bytes::Bytes;
use serde::Serialize;

use crate::availability::{Moment, Name};

use super::{
    App, Shape,
    page::{self, Page, Sent},
    pieces::{Pieces, Slots, members},
    words::visible,
};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// 400: the request cannot be read or decided.
    BadRequest,
    /// 404: no route matches.
    NoSuchApplication,
    /// 502: no connection to the upstream, or it broke the protocol.
    UpstreamUnreachable,
    /// 503: this node does not know enough yet to decide.
    NotReady,
    /// 504: the upstream took too long.
    UpstreamTimeout,
}

/// Seconds after which a node that is starting should be asked again.
const SOON: u64 = 5;

impl ProblemKind {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NoSuchApplication => 404,
            Self::UpstreamUnreachable => 502,
            Self::NotReady => 503,
            Self::UpstreamTimeout => 504,
        }
    }

    /// The problem's type (RFC 9457 §3.1.1).
    pub const fn type_uri(self) -> &'static str {
        match self {
            Self::BadRequest => "/.forewarn/problems/bad-request",
            Self::NoSuchApplication => "/.forewarn/problems/no-such-application",
            Self::UpstreamUnreachable => "/.forewarn/problems/upstream-unreachable",
            Self::NotReady => "/.forewarn/problems/not-ready",
            Self::UpstreamTimeout => "/.forewarn/problems/upstream-timeout",
        }
    }

    /// Whether trying the same again later may help.
    const fn passes(self) -> bool {
        matches!(self, Self::UpstreamUnreachable | Self::NotReady | Self::UpstreamTimeout)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    kind: ProblemKind,
    node: &'a Name,
    app: Option<&'a App>,
    detail: Option<&'a str>,
}

impl<'a> Problem<'a> {
    /// A problem met on this node.
    pub fn new(kind: ProblemKind, node: &'a Name) -> Self {
        Self { kind, node, app: None, detail: None }
    }

    /// Of this application.
    #[must_use]
    pub fn of(self, app: &'a App) -> Self {
        Self { app: Some(app), ..self }
    }

    /// With another sentence than the usual one: what is wrong with this request, for those who
    /// sent it.
    #[must_use]
    pub fn detail(self, detail: &'a str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// Every header field but `Content-Length`: names in small letters, values literal.
    pub fn headers(&self, shape: Shape) -> impl Iterator<Item = (&'static str, Bytes)> {
        let policy = (shape == Shape::Html).then(|| ("content-security-policy", page::security_policy()));
        let retry = (self.kind == ProblemKind::NotReady).then(|| ("retry-after", SOON.to_string().into()));
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
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_after: Option<u64>,
            node: &'a Name,
        }
        let (title, detail) = (self.title(), self.told());
        let head = Head { kind: self.kind.type_uri(), title: &title, status: self.status(), detail: &detail };
        let retry_after = (self.kind == ProblemKind::NotReady).then_some(SOON);
        let rest = Rest { application: self.app.map(App::name), retry_after, node: self.node };
        let pieces = Pieces::of_json(&members(&head), None, &members(&rest));
        pieces.fill(&Slots { instance, retry_after: None, now: Moment::ZERO, since: Moment::ZERO, back: None })
    }

    fn html(&self, reading: bool) -> String {
        let (title, told) = (self.title(), self.told());
        let page = Page {
            tone: if self.kind.passes() { "alert" } else { "calm" },
            watch: if reading && self.kind.passes() { "own" } else { "" },
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
        let app = self.app.map_or("The application", |app| app.title.as_str());
        match self.kind {
            ProblemKind::BadRequest => "This request cannot be understood".to_owned(),
            ProblemKind::NoSuchApplication => "There is no application here".to_owned(),
            ProblemKind::UpstreamUnreachable => format!("{app} cannot be reached"),
            ProblemKind::NotReady => "Not ready yet".to_owned(),
            ProblemKind::UpstreamTimeout => format!("{app} does not answer"),
        }
    }

    fn told(&self) -> String {
        let app = self.app.map_or("the application", |app| app.title.as_str());
        match (self.detail, self.kind) {
            (Some(detail), _) => detail.to_owned(),
            (None, ProblemKind::BadRequest) => "Something is wrong with the request itself.".to_owned(),
            (None, ProblemKind::NoSuchApplication) => {
                "No application belongs to this address. Please check it for a typing mistake.".to_owned()
            }
            (None, ProblemKind::UpstreamUnreachable) => {
                format!("There is no connection to {app} just now. Nothing is known of an outage.")
            }
            (None, ProblemKind::NotReady) => "This node is starting and will be ready in a moment.".to_owned(),
            (None, ProblemKind::UpstreamTimeout) => {
                format!("It took {app} too long to answer. Nothing is known of an outage.")
            }
        }
    }

    /// What to say about what was sent. An upstream that failed may have read it.
    fn sent(&self, reading: bool) -> Option<Sent> {
        let unknown = matches!(self.kind, ProblemKind::UpstreamUnreachable | ProblemKind::UpstreamTimeout);
        (!reading).then_some(if unknown { Sent::Unknown } else { Sent::Refused })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    const ALL: [ProblemKind; 5] = [
        ProblemKind::BadRequest,
        ProblemKind::NoSuchApplication,
        ProblemKind::UpstreamUnreachable,
        ProblemKind::NotReady,
        ProblemKind::UpstreamTimeout,
    ];

    #[test]
    fn every_kind_in_every_shape() {
        let node: Name = "a".parse().unwrap();
        for kind in ALL {
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
}
