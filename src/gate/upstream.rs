//! Where an application's requests are performed: addresses, and turns among them.
//!
//! What must stay true: an [`Upstream`] can be connected to and named in a header without further
//! checks. Knows nothing of connections or requests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::vocabulary::HttpUrl;

/// One upstream: where to connect, and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    authority: Arc<str>,
    host: Box<str>,
    port: u16,
}

impl From<&HttpUrl> for Upstream {
    fn from(url: &HttpUrl) -> Self {
        Self {
            authority: url.authority().into(),
            // brackets are URL syntax; the resolver wants the bare address
            host: url.host().trim_start_matches('[').trim_end_matches(']').into(),
            port: url.port(),
        }
    }
}

impl Upstream {
    /// From a URL, for tests.
    #[cfg(test)]
    pub fn parse(url: &str) -> Result<Self, String> {
        url.parse::<HttpUrl>().map(|url| Self::from(&url))
    }

    /// `host:port` as configured: the key of its connections, and its name in logs.
    pub fn authority(&self) -> &Arc<str> {
        &self.authority
    }

    /// What to resolve and connect to.
    pub fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority)
    }
}

/// The upstreams of one application, used in turn; shared by all workers.
#[derive(Debug)]
pub struct Upstreams {
    list: Box<[Upstream]>,
    turn: AtomicUsize,
}

impl Upstreams {
    /// Takes them in the order of the configuration. An empty list is allowed: then nothing can
    /// be forwarded ([`super::error::ProxyError::NoUpstream`]).
    pub fn new(list: impl IntoIterator<Item = Upstream>) -> Self {
        Self { list: list.into_iter().collect(), turn: AtomicUsize::new(0) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them once, beginning with the one whose turn it is.
    pub fn in_turn(&self) -> impl Iterator<Item = &Upstream> {
        // one upstream is the usual case and needs no counting
        let first = match self.list.len() {
            0 | 1 => 0,
            n => self.turn.fetch_add(1, Ordering::Relaxed) % n,
        };
        let (before, from) = self.list.split_at(first);
        from.iter().chain(before)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_connected_to_has_no_brackets() {
        let upstream = Upstream::parse("http://[::1]:81").unwrap();
        assert_eq!((upstream.address(), upstream.authority().as_ref()), (("::1", 81), "[::1]:81"));
        assert_eq!(Upstream::parse("http://app/").unwrap().address(), ("app", 80));
    }

    #[test]
    fn takes_turns() {
        let all = Upstreams::new(["http://a:1", "http://b:1"].map(|u| Upstream::parse(u).unwrap()));
        let order = || all.in_turn().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(order(), ["a:1", "b:1"]);
        assert_eq!(order(), ["b:1", "a:1"]);
        assert_eq!(Upstreams::new([]).in_turn().count(), 0);
    }
}
