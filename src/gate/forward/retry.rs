//! Chooses the upstream for a request, and decides when another one is tried.
//!
//! What must stay true: a request is sent a second time only if it cannot be performed twice: on a reused
//! connection that closed without an answer, and only if nothing was sent, or the request is idempotent and has
//! no body. However many upstreams there are, all tries to connect together take no longer than the limit for one.

use std::{io, time::Duration};

use tokio::time::Instant;

use crate::gate::pool::{Link, Pool};
use crate::{
    clock,
    gate::{
        balance::Attempt,
        error::ProxyError,
        upstream::{Upstream, Upstreams},
    },
};

/// Which connections will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// One that was used before will do.
    Pool,
    /// Only a new one.
    New,
}

/// A connection to the upstream whose turn it is, or to the next that can be reached. Nothing has been sent yet, so
/// any will do. `preface` is what a new one gets before everything else.
pub(super) async fn connect<'u>(
    pool: &Pool,
    upstreams: &'u Upstreams,
    from: From,
    preface: &[u8],
    patience: Duration,
) -> Result<(Link, Attempt<'u>), ProxyError> {
    let mut failure = ProxyError::NoUpstream;
    let mut attempts = upstreams.attempts(clock::mono());
    let mut until = None;
    while let Some((upstream, mut attempt)) = attempts.next() {
        if let Some(link) = (from == From::Pool).then(|| pool.take(upstream)).flatten() {
            return Ok((link, attempt));
        }
        // The limit is for all tries together: what is left of it is shared among those that are left.
        let now = Instant::now();
        let until = *until.get_or_insert(now + patience);
        let left = attempts.size_hint().1.unwrap_or(0).saturating_add(1);
        let limit = until.saturating_duration_since(now) / u32::try_from(left).unwrap_or(u32::MAX);
        // Boxed, because it is large, and connections are mostly kept.
        match Box::pin(pool.open(upstream, preface, limit)).await {
            Ok(link) => return Ok((link, attempt)),
            Err(source) => failure = unreachable(upstream, source, limit),
        }
        attempt.failed(clock::mono());
        log::debug!(error:% = failure; "upstream_skipped");
    }
    Err(failure)
}

fn unreachable(upstream: &Upstream, source: io::Error, limit: Duration) -> ProxyError {
    let upstream = upstream.to_string();
    match source.kind() {
        io::ErrorKind::TimedOut => ProxyError::Timeout { upstream, phase: "connect", limit },
        _ => ProxyError::Connect { upstream, source },
    }
}

/// RFC 9110, section 9.2.2.
pub(in crate::gate) fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}
