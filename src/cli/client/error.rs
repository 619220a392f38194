//! Why a node gives no good answer, and whether the request can have arrived.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use serde_json::Value;
use ureq::Timeout;
use ureq::http;

use super::CONNECT;
use crate::cli::logging::escaped;
use crate::vocabulary::HttpUrl;

/// Why there is no good answer. `address` is the one that was asked.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing was asked.
    #[error(
        "{address} needs an API token: set FOREWARN_TOKEN to one whose [[token]] is in the node's \
         configuration (`forewarn token` makes a new one)"
    )]
    NoToken {
        /// The address that would have been asked.
        address: HttpUrl,
    },
    /// Nothing was asked: an argument cannot be part of a request.
    #[error("{address} cannot be asked that: {source}")]
    Request {
        /// The address that would have been asked.
        address: HttpUrl,
        /// What is wrong.
        source: http::Error,
    },
    /// No connection; nothing was sent.
    #[error(
        "{address} cannot be reached: {}; check that the node runs, and that FOREWARN_URL (or --to) is the address of \
         its control listener",
        cause(.source)
    )]
    Unreachable {
        /// The address that was asked.
        address: HttpUrl,
        /// The system's error.
        source: ureq::Error,
    },
    /// No whole answer in time. The request may have been carried out.
    #[error("{address} did not answer within {} s; try again, or ask another node (FOREWARN_URL)", .after.as_secs())]
    TimedOut {
        /// The address that was asked.
        address: HttpUrl,
        /// The time that was waited.
        after: Duration,
    },
    /// The connection broke, or what came was not HTTP. The request may have been carried out.
    #[error("{address} broke off: {}; try again, or ask another node (FOREWARN_URL)", cause(.source))]
    Broken {
        /// The address that was asked.
        address: HttpUrl,
        /// What went wrong.
        source: ureq::Error,
    },
    /// The answer is not that of a node.
    #[error(
        "{address} does not answer as a node's control listener would (status {status}): {what}; FOREWARN_URL must not \
         be the address of a gate or of another program"
    )]
    Strange {
        /// The address that was asked.
        address: HttpUrl,
        /// The HTTP status.
        status: u16,
        /// What is strange about it.
        what: String,
    },
    /// The node refused.
    #[error(transparent)]
    Refused(Box<Refusal>),
}

impl CallError {
    /// Whether another node may do what this one did not. What a node refuses as wrong would be
    /// refused by all; a 503 means *unknown* (docs/contract.md#errors), and the same id may be sent
    /// again.
    pub fn another_may(&self) -> bool {
        match self {
            CallError::NoToken { .. } | CallError::Request { .. } => false,
            CallError::Refused(refusal) => refusal.status >= 500,
            _ => true,
        }
    }

    /// Whether the request can have arrived, and been done, although there is no good answer.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            CallError::NoToken { .. } | CallError::Request { .. } | CallError::Unreachable { .. } => false,
            CallError::Refused(refusal) => refusal.status >= 500,
            CallError::TimedOut { .. } | CallError::Broken { .. } | CallError::Strange { .. } => true,
        }
    }
}

/// What a node says of a target that it does not know.
const UNKNOWN: &str = "no member of the farm has it";

/// What to do about a refusal whose own words do not tell it.
fn next(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("FOREWARN_TOKEN must be a token that this node's configuration knows"),
        403 => Some("use a token whose role and targets in the node's configuration allow it"),
        404 => Some("`forewarn status`, `node list`, `schedule list` and `template list` show what there is"),
        405 => Some("this node may be of another version than this program"),
        _ => None,
    }
}

/// A node's refusal (RFC 9457, and docs/contract.md#errors).
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The node that refused.
    pub address: HttpUrl,
    /// 300 to 599.
    pub status: u16,
    /// The problem as it came; null if it had none.
    pub body: Value,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

impl Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |key: &str| self.body.get(key).and_then(Value::as_str).map(escaped);
        write!(f, "{} answered with status {}", self.address, self.status)?;
        for part in [text("title"), text("detail")].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        if let Some(seconds) = self.retry_after {
            write!(f, "; try again in {seconds} s")?;
        }
        if let Some(next) = next(self.status) {
            write!(f, "; {next}")?;
        }
        let errors = self.body.get("errors").and_then(Value::as_array);
        for error in errors.into_iter().flatten() {
            let text = |key: &str| escaped(error.get(key).and_then(Value::as_str).unwrap_or("?"));
            write!(f, "\n  {}: {}", text("field"), text("problem"))?;
        }
        if errors
            .into_iter()
            .flatten()
            .any(|error| error["problem"].as_str().is_some_and(|text| text.contains(UNKNOWN)))
        {
            f.write_str("\n`forewarn status` lists the applications and resources of the farm")?;
        }
        Ok(())
    }
}

/// What a failure means for the request: it cannot have been sent, it took too long, or the
/// connection broke.
pub(super) fn failure(address: &HttpUrl, source: ureq::Error, after: Duration) -> CallError {
    use io::ErrorKind as Kind;
    let address = address.clone();
    match &source {
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Tls(_)
        | ureq::Error::TlsRequired
        | ureq::Error::Rustls(_) => CallError::Unreachable { address, source },
        ureq::Error::Io(error) => match error.kind() {
            Kind::ConnectionRefused | Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable => {
                CallError::Unreachable { address, source }
            }
            _ => CallError::Broken { address, source },
        },
        ureq::Error::Timeout(_) => CallError::TimedOut { address, after },
        _ => CallError::Broken { address, source },
    }
}

/// The innermost cause; the outer ones only name the step that failed.
fn cause(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no connection within {} s", CONNECT.as_secs()),
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}
