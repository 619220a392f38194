//! The decision about one request (seed document, modules 236 and 238): which applications does it
//! name, and are they all available?
//!
//! Reads the caches' snapshots and nothing else: no lock, no mailbox, no disk. An open request costs
//! no allocation here; a closed one whose answer is prepared costs a reference count.

use std::{net::IpAddr, sync::Arc};

use actix_web::http::header::HeaderMap;

use super::{
    path::Path,
    route::{Found, Routes},
};
use crate::{
    actors::shared::Shared,
    answer::{Decision, Denial},
    availability::{HeaderSource, Moment, RequestFacts},
};

/// A request's header fields, as criteria look at them.
pub struct Headers<'a>(pub &'a HeaderMap);

impl HeaderSource for Headers<'_> {
    fn any(&self, name: &str, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.0.get_all(name).any(|value| test(value.as_bytes()))
    }
}

/// What a request is decided by.
pub struct Asked<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// Without port.
    pub host: &'a str,
    /// Its path.
    pub path: &'a Path<'a>,
    /// What follows the `?`.
    pub query: &'a str,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// Who asks.
    pub client: Option<IpAddr>,
}

/// What becomes of a request.
pub enum Outcome {
    /// No route matches.
    Unknown,
    /// Turned away.
    Closed(Arc<Denial>),
    /// The first of these applications that has an upstream performs it.
    Open,
}

/// Decides. The applications that the route names come back as well.
pub fn decide<'r>(shared: &Shared, routes: &'r Routes, asked: &Asked<'_>, now: Moment) -> (Outcome, Found<'r>) {
    let found = routes.find(asked.host, asked.path);
    if found.performs.is_empty() {
        return (Outcome::Unknown, found);
    }
    let mut closed: Option<Arc<Denial>> = None;
    let mut more: Vec<Arc<Denial>> = Vec::new();
    for index in found.performs.iter().chain(found.also) {
        let snapshot = shared.slots[*index].snapshot.load();
        for path in asked.path.readings() {
            let facts = RequestFacts {
                method: asked.method,
                path,
                query: asked.query,
                headers: &Headers(asked.headers),
                client: asked.client,
                node: shared.node.as_str(),
            };
            if let Decision::Closed(denial) = snapshot.decide(&facts, now) {
                match &closed {
                    None => closed = Some(denial),
                    Some(_) => more.push(denial),
                }
                break;
            }
        }
    }
    let outcome = match closed {
        None => Outcome::Open,
        Some(denial) if more.is_empty() => Outcome::Closed(denial),
        Some(denial) => {
            more.insert(0, Arc::clone(&denial));
            Outcome::Closed(Denial::combined(&more).unwrap_or(denial))
        }
    };
    (outcome, found)
}
