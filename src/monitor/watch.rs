//! A monitor or a rule as it is configured: what it checks, how often, and what its words look like.
//!
//! Must stay true: a value from the configuration needs no second check. All durations are exact, never zero.

use std::{num::NonZeroU32, ops::RangeInclusive, sync::Arc, time::Duration};

use super::{Rule, Thresholds, Watched};
use crate::availability::{Glob, Name, Reasons, Source, Target};

/// A monitor (`[[monitor]]`) or a rule (`[[rule]]`).
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// Unique among the monitors and rules of a node.
    pub name: Name,
    /// What its words are about: configured on this node.
    pub target: Target,
    /// What is done at each check.
    pub check: Check,
    /// The upstream of the target that it is about; absent: the whole target.
    pub upstream: Option<Watched>,
    /// For whom its words count.
    pub scope: Scope,
    /// The reason of its words: one of this node's.
    pub reason: Name,
    /// What users read; absent: what the check has found.
    pub message: Option<String>,
    /// Between the beginnings of two checks.
    pub every: Duration,
    /// How long one check may take.
    pub timeout: Duration,
    /// Bad checks in a row until it counts as down.
    pub fail_after: NonZeroU32,
    /// Good checks in a row until it counts as up again.
    pub recover_after: NonZeroU32,
    /// Checks that take longer are slow.
    pub degraded_above: Option<Duration>,
}

/// For whom the words of a monitor count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// For requests that this node decides.
    Node,
    /// For all.
    Farm,
}

/// What a monitor does at each check.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// Asks a web server.
    Http(Box<HttpCheck>),
    /// Connects.
    Tcp(TcpCheck),
    /// Runs a program.
    Command(CommandCheck),
    /// Asks another farm.
    Farm(Box<FarmCheck>),
    /// Looks at the requests that users have made.
    Passive(PassiveCheck),
    /// Evaluates a rule.
    Rule(Arc<Rule>),
}

impl Check {
    /// The key of the configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tcp(_) => "tcp",
            Self::Command(_) => "command",
            Self::Farm(_) => "farm",
            Self::Passive(_) => "passive",
            Self::Rule(_) => "rule",
        }
    }
}

/// Asks a web server: `http = "http://…"`.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// `http` or `https`, without user, password and fragment.
    pub url: url::Url,
    /// Such as `GET`.
    pub method: http::Method,
    /// Sent to the first address only, not to where it redirects.
    pub headers: Vec<(http::HeaderName, http::HeaderValue)>,
    /// Statuses that are good.
    pub expect_status: StatusSet,
    /// What the body must match.
    pub expect_body: Option<Glob>,
    /// How many redirections are followed.
    pub redirects: u32,
    /// The authorities that are believed, in place of the system's.
    pub roots: Option<Arc<rustls::RootCertStore>>,
}

impl PartialEq for HttpCheck {
    fn eq(&self, other: &Self) -> bool {
        let Self { url, method, headers, expect_status, expect_body, redirects, roots } = self;
        (url, method, headers, expect_status) == (&other.url, &other.method, &other.headers, &other.expect_status)
            && (expect_body, redirects) == (&other.expect_body, &other.redirects)
            && anchors(roots) == anchors(&other.roots)
    }
}

/// The authorities in a store, which itself cannot be compared.
fn anchors(roots: &Option<Arc<rustls::RootCertStore>>) -> Option<&[rustls::pki_types::TrustAnchor<'static>]> {
    roots.as_ref().map(|roots| &roots.roots[..])
}

/// Asks another farm: `farm = "https://…/.forewarn/availability/NAME"`.
#[derive(Debug, Clone)]
pub struct FarmCheck {
    /// The availability of one application.
    pub url: url::Url,
    /// The event stream of the same application.
    pub events: url::Url,
    /// The authorities that are believed, in place of the system's.
    pub roots: Option<Arc<rustls::RootCertStore>>,
    /// The reasons that are known here; others are replaced by that of the monitor.
    pub reasons: Arc<Reasons>,
}

impl PartialEq for FarmCheck {
    fn eq(&self, other: &Self) -> bool {
        let Self { url, events, roots, reasons } = self;
        (url, events, reasons) == (&other.url, &other.events, &other.reasons) && anchors(roots) == anchors(&other.roots)
    }
}

/// Connects: `tcp = "host:port"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpCheck {
    /// A name, or an address without brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

/// Runs a program without a shell: `command = ["…"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandCheck {
    /// A path, or a name that is looked for in `PATH`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Looks at the requests of the gate to the application: `passive = true`.
#[derive(Debug, Clone, PartialEq)]
pub struct PassiveCheck {
    /// The share of failures from which on a check is bad: above 0, at most 1.
    pub fail_ratio: f64,
    /// With fewer requests since the last check nothing is said.
    pub min_requests: NonZeroU32,
    /// The application's upstreams. While the monitor keeps it closed, one of them must accept a connection before
    /// users are let in again.
    pub upstreams: Vec<TcpCheck>,
}

/// Statuses of HTTP such as `200-299,304`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet(Vec<RangeInclusive<u16>>);

impl StatusSet {
    /// Whether this one is among them.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl Default for StatusSet {
    /// 200 to 399.
    fn default() -> Self {
        Self(vec![200..=399])
    }
}

impl std::str::FromStr for StatusSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "must be statuses from 100 to 599 such as \"200\", \"200-399\" or \"200-299,304\"".to_owned();
        let status = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (100..=599).contains(status));
        let range = |part: &str| {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            let (low, high) = (status(low)?, status(high)?);
            (low <= high).then_some(low..=high)
        };
        text.split(',').map(range).collect::<Option<Vec<_>>>().map(Self).ok_or_else(wanted)
    }
}

impl std::fmt::Display for StatusSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match range.start() == range.end() {
                true => write!(f, "{comma}{}", range.start())?,
                false => write!(f, "{comma}{}-{}", range.start(), range.end())?,
            }
        }
        Ok(())
    }
}

impl Watch {
    /// The name under which it speaks on this node. What another farm says is the same on every node, so there the
    /// nodes are one reporter.
    pub fn reporter(&self, node: &Name) -> String {
        match self.check {
            Check::Farm(_) => format!("farm/{}", self.name),
            _ => format!("{node}/{}", self.name),
        }
    }

    /// The kind of notifier that it is.
    pub fn source(&self) -> Source {
        match self.check {
            Check::Farm(_) => Source::Farm,
            _ => Source::Monitor,
        }
    }

    /// The thresholds of its machine, where words lapse after this time.
    pub fn thresholds(&self, lapse: Duration) -> Thresholds {
        Thresholds {
            fail_after: self.fail_after,
            recover_after: self.recover_after,
            degraded_above: self.degraded_above,
            repeat_every: lapse / 4,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn statuses_are_ranges() {
        let set: StatusSet = "200-299, 304".parse().unwrap();
        assert_eq!(set.to_string(), "200-299,304");
        assert!([200, 299, 304].iter().all(|status| set.contains(*status)));
        assert!([199, 300, 503].iter().all(|status| !set.contains(*status)));
        for wrong in ["", "2xx", "99", "600", "300-200", "200,", "200-"] {
            assert!(wrong.parse::<StatusSet>().is_err(), "{wrong:?}");
        }
    }
}
