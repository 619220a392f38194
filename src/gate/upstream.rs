//! Where an application's requests are performed: addresses, and turns among them.
//!
//! What must stay true: an [`Upstream`] can be connected to and named in a header without further
//! checks. Knows nothing of connections or requests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One upstream, parsed from `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    authority: Arc<str>,
    host: Box<str>,
    port: u16,
}

/// Why a text is no upstream.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Not a URL at all.
    #[error("{0:?} is not a URL: {1}")]
    Url(String, #[source] http::uri::InvalidUri),
    /// TLS and other schemes are not spoken to upstreams.
    #[error("{0:?} must begin with http://")]
    Scheme(String),
    /// A path, a query or credentials after or before the host.
    #[error("{0:?} must be http://host:port, with nothing else")]
    Extra(String),
}

impl Upstream {
    /// Parses `http://host:port` (port 80 when absent, a lone `/` at the end allowed).
    pub fn parse(url: &str) -> Result<Self, UpstreamError> {
        let uri: http::Uri = url.parse().map_err(|e| UpstreamError::Url(url.to_owned(), e))?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(UpstreamError::Scheme(url.to_owned()));
        };
        if authority.as_str().contains('@') || uri.path() != "/" || uri.query().is_some() {
            return Err(UpstreamError::Extra(url.to_owned()));
        }
        let host = authority.host();
        let bad_port = authority.port().is_none() && authority.as_str().len() != host.len();
        if host.is_empty() || bad_port || authority.port_u16() == Some(0) {
            return Err(UpstreamError::Extra(url.to_owned()));
        }
        Ok(Self {
            authority: authority.as_str().into(),
            // brackets are URL syntax; the resolver wants the bare address
            host: host.trim_start_matches('[').trim_end_matches(']').into(),
            port: authority.port_u16().unwrap_or(80),
        })
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
    fn parses_addresses_and_nothing_else() {
        let address = |url: &str| Upstream::parse(url).map(|u| (u.address().0.to_owned(), u.address().1));
        assert_eq!(address("http://127.0.0.1:9001").unwrap(), ("127.0.0.1".into(), 9001));
        assert_eq!(address("http://app/").unwrap(), ("app".into(), 80));
        assert_eq!(address("http://[::1]:81").unwrap(), ("::1".into(), 81));
        for bad in [
            "https://a:1",
            "a:1",
            "http://a:1/x",
            "http://a:1?x",
            "http://u@a:1",
            "http://a:0",
            "http://a:99999",
            "http://a:",
            "",
        ] {
            let error = Upstream::parse(bad).unwrap_err().to_string();
            assert!(error.contains(&format!("{bad:?}")), "{error}");
        }
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
