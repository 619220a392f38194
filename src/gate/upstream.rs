//! Where an application's requests are performed: upstream addresses, and the balancing among them.
//!
//! What must stay true: an [`Upstream`] can be connected to and named in a header without further
//! checks. Knows nothing of connections or requests.

use std::fmt;
use std::sync::{Arc, atomic::AtomicBool};
use std::time::Duration;

use rustls::{ClientConfig, pki_types::ServerName};

use super::balance::{Attempt, Balancer};
use crate::vocabulary::{Balance, HttpUrl};

/// One upstream: where to connect, its name, and its TLS if it has any.
#[derive(Debug, Clone)]
pub struct Upstream {
    authority: Arc<str>,
    key: Arc<str>,
    host: Box<str>,
    port: u16,
    tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
    http2: bool,
}

impl From<&HttpUrl> for Upstream {
    /// Without TLS.
    fn from(url: &HttpUrl) -> Self {
        let authority: Arc<str> = url.authority().into();
        Self {
            key: Arc::clone(&authority),
            authority,
            tls: None,
            http2: false,
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

    /// Under TLS with these settings, for a certificate of its host. `owner` sets apart connections that were checked
    /// against other authorities.
    ///
    /// # Errors
    /// When its host cannot be on a certificate.
    pub fn under_tls(self, config: Arc<ClientConfig>, owner: &str) -> Result<Self, String> {
        let name = ServerName::try_from(self.host.to_string());
        let name = name.map_err(|error| format!("{}: {error}", self.authority))?;
        Ok(Self { key: format!("{owner} https://{}", self.authority).into(), tls: Some((name, config)), ..self })
    }

    /// By HTTP/2: without TLS by prior knowledge.
    pub fn by_http2(self) -> Self {
        Self { key: format!("h2 {}", self.key).into(), http2: true, ..self }
    }

    /// Whether it speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.http2
    }

    /// Which connections may stand for a new one.
    pub(super) fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// The name on its certificate, and whom to believe.
    pub(super) fn tls(&self) -> Option<(&ServerName<'static>, &Arc<ClientConfig>)> {
        self.tls.as_ref().map(|(name, config)| (name, config))
    }

    /// `host:port` as configured: its name in logs.
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

    /// The same; those with their flag set are left out.
    #[must_use]
    pub fn watched(mut self, flags: impl IntoIterator<Item = Arc<AtomicBool>>) -> Self {
        self.balancer.watch(flags);
        self
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
