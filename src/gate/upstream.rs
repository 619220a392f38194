//! Where an application's requests are performed: upstream addresses, and the balancing among them.
//!
//! What must stay true: an [`Upstream`] can be connected to and named in a header without further
//! checks. Knows nothing of connections or requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::balance::{Attempt, Balancer};
use crate::vocabulary::{Balance, HttpUrl};

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

/// The upstreams of one application; shared by all workers.
#[derive(Debug)]
pub struct Upstreams {
    list: Box<[Upstream]>,
    balancer: Balancer,
}

impl Upstreams {
    /// Takes them in the order of the configuration. An empty list is allowed: then nothing can
    /// be forwarded ([`super::error::ProxyError::NoUpstream`]).
    pub fn new(list: impl IntoIterator<Item = Upstream>, balance: Balance) -> Self {
        let list: Box<[Upstream]> = list.into_iter().collect();
        Self { balancer: Balancer::new(balance, list.len()), list }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those that may be tried, in the order in which they are, at this time on the process's own clock.
    pub(super) fn attempts(&self, now: Duration) -> impl Iterator<Item = (&Upstream, Attempt<'_>)> {
        self.balancer.attempts(now).map(|attempt| (&self.list[attempt.index], attempt))
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
}
