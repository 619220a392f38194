//! The decision about one request (docs/contract.md#the-verdict): which applications does it name, and
//! are they all available?
//!
//! Reads the caches' snapshots and nothing else: no lock, no mailbox, no disk. An open request costs
//! no allocation here; a closed one whose answer is prepared costs a reference count.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;

use super::{
    fields::{Fields, Headers},
    path::Path,
    route::{Matched, Routes},
    served::Served,
    visitor,
};
use crate::{
    actors::shared::{Shared, Slot},
    answer::{Decision, Denial},
    availability::{Moment, RequestFacts},
};

/// The parts of a request that decide about it.
pub struct Asked<'a, F> {
    /// Such as `GET`.
    pub method: &'a str,
    /// Without port.
    pub host: &'a str,
    /// Its path.
    pub path: &'a Path<'a>,
    /// What follows the `?`.
    pub query: &'a str,
    /// Its header fields.
    pub headers: &'a F,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// It comes from the visitor, who can be given a cookie: a last entry applies.
    pub enters: bool,
    /// The visitor's browser uses `https`: cookies are for that alone.
    pub secure: bool,
}

/// What is told beside an application's own answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices {
    /// What is degraded, as the value of `Forewarn-Advisory`.
    pub advisory: Option<Bytes>,
    /// What is announced, as the value of `Forewarn-Next`.
    pub next: Option<Bytes>,
    /// The cookie of those who are inside.
    pub cookie: Option<Bytes>,
    /// It is closed, but the sender has a pass.
    pub passed: bool,
}

impl Notices {
    /// As header fields of the answer.
    pub fn each(&self, mut add: impl FnMut(&'static str, &Bytes)) {
        let fields =
            [("forewarn-advisory", &self.advisory), ("forewarn-next", &self.next), ("set-cookie", &self.cookie)];
        for (name, value) in fields {
            value.iter().for_each(|value| add(name, value));
        }
    }
}

/// The result of a decision.
pub enum Outcome<'r> {
    /// No route matches.
    Unknown,
    /// Its readings go to different applications: it can be neither performed nor denied.
    Torn,
    /// Turned away.
    Closed(Arc<Denial>),
    /// The first application of this route that has an upstream performs it.
    Open(Matched<'r>, Notices),
}

/// Decides. Every application that some reading of the path names must be open under every reading, or
/// exempt this path. `served` has the applications in the order of `slots`.
pub fn decide<'r, F: Fields>(
    shared: &Shared,
    slots: &[Arc<Slot>],
    routes: &'r Routes,
    served: &[Served],
    asked: &Asked<'_, F>,
    clock: Moment,
) -> Outcome<'r> {
    let found = routes.find(asked.host, asked.path);
    let mut closed: Option<Arc<Denial>> = None;
    let mut more: Vec<Arc<Denial>> = Vec::new();
    let mut notices = Notices::default();
    let mut entering: Vec<String> = Vec::new();
    for index in found.all().flatten() {
        if served[*index].exempts(asked.path) {
            continue;
        }
        let snapshot = slots[*index].snapshot.load();
        let name = snapshot.app().name().as_str();
        let announced = snapshot.announced(clock);
        let entry = announced.entry.filter(|_| asked.enters);
        let inside = entry.is_none_or(|entry| visitor::is_inside(&shared.visitors, asked.headers, name, entry));
        let mut others = asked.path.others();
        let facts = RequestFacts {
            method: asked.method,
            path: asked.path.literal(),
            also: [others.next(), others.next()],
            query: asked.query,
            headers: &Headers(asked.headers),
            client: asked.client,
            node: shared.node.as_str(),
            inside,
        };
        match snapshot.decide(&facts, clock) {
            Decision::Open(advisory) => {
                if advisory.is_some() {
                    notices.advisory = joined(notices.advisory.take(), advisory);
                }
                // They are written alike, in UTC: the earlier one is the lesser.
                if let Some(next) = &announced.next
                    && notices.next.as_ref().is_none_or(|other| next < other)
                {
                    notices.next = Some(next.clone());
                }
                if !inside && entry.is_some_and(|entry| clock < entry.until) {
                    entering.push(name.to_owned());
                }
            }
            Decision::Closed(_) if visitor::may_pass(&shared.visitors, asked.headers, name, clock) => {
                notices.passed = true;
            }
            Decision::Closed(denial) if closed.is_none() => closed = Some(denial),
            Decision::Closed(denial) => more.push(denial),
        }
    }
    match (closed, found.chosen) {
        (Some(denial), _) if more.is_empty() => Outcome::Closed(denial),
        (Some(denial), _) => {
            more.insert(0, Arc::clone(&denial));
            Outcome::Closed(Denial::combined(&more).unwrap_or(denial))
        }
        (None, _) if found.is_torn() => Outcome::Torn,
        (None, Some(matched)) => {
            if !entering.is_empty() {
                notices.cookie =
                    Some(visitor::admitted(&shared.visitors, asked.headers, &entering, asked.secure, clock));
            }
            Outcome::Open(matched, notices)
        }
        (None, None) => Outcome::Unknown,
    }
}

/// Two lists of reasons as one, each reason once.
fn joined(before: Option<Bytes>, more: Option<Bytes>) -> Option<Bytes> {
    let (Some(before), Some(more)) = (&before, &more) else { return before.or(more) };
    let new = more.split(|&b| b == b',').map(<[u8]>::trim_ascii);
    let mut all: Vec<&[u8]> = before.split(|&b| b == b',').map(<[u8]>::trim_ascii).collect();
    for name in new {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    Some(all.join(&b", "[..]).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_named_once() {
        let list = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        assert_eq!(joined(None, list("a, b")), list("a, b"));
        assert_eq!(joined(list("a, b"), None), list("a, b"));
        assert_eq!(joined(list("a, b"), list("b, c")), list("a, b, c"));
    }
}
