//! What the gate knows of an application beyond its verdict: its upstreams, and how to forward to them.

use std::sync::Arc;

use super::{path::Path, rate::RateLimit, upstream::Upstreams};
use crate::{availability::Glob, vocabulary::HeaderRules};

/// One application.
#[derive(Debug)]
pub struct Served {
    /// Who performs its requests.
    pub upstreams: Arc<Upstreams>,
    /// Whether they get paths without the route's prefix.
    pub strip_prefix: bool,
    /// Whether its upstreams are told of each client by the PROXY protocol.
    pub proxy_protocol: bool,
    /// Fields that requests get or lose on their way to them.
    pub request_headers: HeaderRules,
    /// Fields that answers get or lose.
    pub answer_headers: HeaderRules,
    /// Whether they get the host that the client has asked for, or their own.
    pub keeps_host: bool,
    /// The largest body of a request, in bytes; `None`: as for the gate.
    pub max_body: Option<u64>,
    /// How often one client may ask; `None`: as often as it likes.
    pub rate_limit: Option<RateLimit>,
    /// Paths that are never turned away.
    pub exempt: Vec<Glob>,
    /// Its pages get the script.
    pub inject: bool,
    /// Host and path of its first route; no host: any.
    pub home: Option<(Option<String>, String)>,
}

impl Served {
    /// Where a page can lead to it: its first route, if it is performed here and names one host at most.
    pub(super) fn address(&self) -> Option<String> {
        let (host, path) = self.home.as_ref().filter(|_| !self.upstreams.is_empty())?;
        match host {
            None => Some(path.clone()),
            Some(host) if host.contains('*') => None,
            Some(host) => Some(format!("//{host}{path}")),
        }
    }

    /// Whether a path is never turned away: every reading of it is exempt.
    pub(super) fn exempts(&self, path: &Path<'_>) -> bool {
        !self.exempt.is_empty() && path.readings().all(|path| self.exempt.iter().any(|glob| glob.matches(path, false)))
    }
}

impl From<Upstreams> for Served {
    /// Without exceptions.
    fn from(upstreams: Upstreams) -> Self {
        Self {
            upstreams: Arc::new(upstreams),
            strip_prefix: false,
            proxy_protocol: false,
            request_headers: HeaderRules::default(),
            answer_headers: HeaderRules::default(),
            keeps_host: true,
            max_body: None,
            rate_limit: None,
            exempt: Vec::new(),
            inject: false,
            home: None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_reading_must_be_exempt() {
        let exempt = ["/robots.txt", "/mail/health/*"].map(|text| Glob::new(text).unwrap()).into();
        let served = Served { exempt, ..Served::from(Upstreams::new([], Default::default())) };
        let exempts = |raw: &[u8]| served.exempts(&Path::parse(raw).unwrap());
        assert!(exempts(b"/robots.txt") && exempts(b"/%72obots.txt") && exempts(b"/mail/health/live"));
        for raw in [&b"/robots.txt/x"[..], b"/mail/health", b"/x/../robots.txt", b"/mail/x", b"/mail/health;x/live"] {
            assert!(!exempts(raw), "{}", String::from_utf8_lossy(raw));
        }
    }
}
