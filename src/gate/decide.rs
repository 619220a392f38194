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
};
use crate::{
    actors::shared::Shared,
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
}

/// The result of a decision.
pub enum Outcome<'r> {
    /// No route matches.
    Unknown,
    /// Its readings go to different applications: it can be neither performed nor denied.
    Torn,
    /// Turned away.
    Closed(Arc<Denial>),
    /// The first application of this route that has an upstream performs it. What is degraded there, as the value
    /// of `Forewarn-Advisory`.
    Open(Matched<'r>, Option<Bytes>),
}

/// Decides. Every application that some reading of the path names must be open under every reading, or
/// exempt this path. `served` has the applications in the order of `shared`.
pub fn decide<'r, F: Fields>(
    shared: &Shared,
    routes: &'r Routes,
    served: &[Served],
    asked: &Asked<'_, F>,
    clock: Moment,
) -> Outcome<'r> {
    let found = routes.find(asked.host, asked.path);
    let mut closed: Option<Arc<Denial>> = None;
    let mut more: Vec<Arc<Denial>> = Vec::new();
    let mut degraded: Option<Bytes> = None;
    for index in found.all().flatten() {
        if served[*index].exempts(asked.path) {
            continue;
        }
        let snapshot = shared.slots[*index].snapshot.load();
        let mut others = asked.path.others();
        let facts = RequestFacts {
            method: asked.method,
            path: asked.path.literal(),
            also: [others.next(), others.next()],
            query: asked.query,
            headers: &Headers(asked.headers),
            client: asked.client,
            node: shared.node.as_str(),
        };
        match snapshot.decide(&facts, clock) {
            Decision::Open(None) => {}
            Decision::Open(Some(advisory)) => degraded = Some(joined(degraded, advisory)),
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
        (None, Some(matched)) => Outcome::Open(matched, degraded),
        (None, None) => Outcome::Unknown,
    }
}

/// Two lists of reasons as one, each reason once.
fn joined(before: Option<Bytes>, more: Bytes) -> Bytes {
    let Some(before) = before else { return more };
    let new = more.split(|&b| b == b',').map(<[u8]>::trim_ascii);
    let mut all: Vec<&[u8]> = before.split(|&b| b == b',').map(<[u8]>::trim_ascii).collect();
    for name in new {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all.join(&b", "[..]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_named_once() {
        let list = |text: &'static str| Bytes::from_static(text.as_bytes());
        assert_eq!(joined(None, list("a, b")), "a, b");
        assert_eq!(joined(Some(list("a, b")), list("b, c")), "a, b, c");
    }
}
