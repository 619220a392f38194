//! Why the proxy has no answer, and whose fault that is.
//!
//! What must stay true: each error becomes a status in one place, [`ProxyError::status`]; a fault
//! of the client is never a 5xx, one of the upstream never a 4xx. Knows nothing of pages.

use std::io;
use std::time::Duration;

use actix_web::http::StatusCode;

use super::framing::FramingError;
use super::headers::HeaderError;

/// Why there is no answer. The texts are for the log; users get pages.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The request cannot be passed on as it is (400).
    #[error("request refused: {0}")]
    Framing(#[from] FramingError),
    /// The request has headers that cannot be passed on (400).
    #[error("request refused: {0}")]
    Headers(#[source] HeaderError),
    /// The application has no upstream (502).
    #[error("the application has no upstream")]
    NoUpstream,
    /// No connection to any upstream; the last one's cause (502).
    #[error("cannot connect to upstream {upstream}: {source}")]
    Connect {
        /// `host:port`.
        upstream: String,
        /// What the system says.
        source: io::Error,
    },
    /// The upstream closed without an answer, or what it sent is no HTTP (502).
    #[error("upstream {upstream} gave no valid answer: {source}")]
    Broken {
        /// `host:port`.
        upstream: String,
        /// What the protocol says.
        source: hyper::Error,
    },
    /// The upstream's answer is HTTP that cannot be passed on (502).
    #[error("upstream {upstream} gave an answer that cannot be passed on: {problem}")]
    Answer {
        /// `host:port`.
        upstream: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Connecting, or the head of the answer, took too long (504).
    #[error("upstream {upstream} was too slow to {phase} (limit {limit:?})")]
    Timeout {
        /// `host:port`.
        upstream: String,
        /// `connect` or `answer`.
        phase: &'static str,
        /// The limit that passed.
        limit: Duration,
    },
    /// The client stopped sending its body, or sent it wrong (400; nobody may be there to read it).
    #[error("the client's body broke off: {0}")]
    BrokenUpload(#[source] hyper::Error),
    /// The client went silent within its body (408).
    #[error("the client was silent within its body for {0:?}")]
    SilentUpload(Duration),
}

impl ProxyError {
    /// The status that tells the client whose fault it is.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Framing(_) | Self::Headers(_) | Self::BrokenUpload(_) => StatusCode::BAD_REQUEST,
            Self::SilentUpload(_) => StatusCode::REQUEST_TIMEOUT,
            Self::NoUpstream | Self::Connect { .. } | Self::Broken { .. } | Self::Answer { .. } => {
                StatusCode::BAD_GATEWAY
            }
            Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What users are told instead of the usual sentence, where that says too little.
    pub fn told(&self, application: &str) -> Option<String> {
        match self {
            Self::NoUpstream => Some(format!("{application} has no upstream on this node.")),
            Self::Answer { problem, .. } => {
                Some(format!("The answer of {application} cannot be passed on: {problem}."))
            }
            Self::Framing(error) => Some(error.to_string()),
            Self::Headers(error) => Some(error.to_string()),
            _ => None,
        }
    }

    /// Whether nothing of the request has left: it is known not to have arrived.
    pub fn is_before_sending(&self) -> bool {
        matches!(
            self,
            Self::Framing(_)
                | Self::Headers(_)
                | Self::NoUpstream
                | Self::Connect { .. }
                | Self::Timeout { phase: "connect", .. }
        )
    }

    /// Whether an operator should see it: the upstream is to blame.
    pub fn is_upstreams_fault(&self) -> bool {
        self.status().is_server_error()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blames_the_right_one() {
        let upstream = || "a:1".to_owned();
        let limit = Duration::from_secs(1);
        for (error, status, upstreams) in [
            (ProxyError::Framing(FramingError::Connect), 400, false),
            (ProxyError::SilentUpload(limit), 408, false),
            (ProxyError::NoUpstream, 502, true),
            (ProxyError::Answer { upstream: upstream(), problem: "x" }, 502, true),
            (ProxyError::Timeout { upstream: upstream(), phase: "answer", limit }, 504, true),
        ] {
            assert_eq!((error.status().as_u16(), error.is_upstreams_fault()), (status, upstreams));
        }
    }
}
