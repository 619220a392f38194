//! Why a forwarded request has no answer: errors of the client (4xx) and of the upstream (5xx).
//!
//! What must stay true: each error becomes a problem in one place, [`ProxyError::kind`]; a client's error is
//! never a 5xx, an upstream's never a 4xx. Knows nothing of pages.

use std::{io, time::Duration};

use crate::{
    answer::ProblemKind,
    http1::{body::BodyError, framing::FramingError, head::HeadError, machine::AnswerError},
};

/// Why there is no answer. The texts are for the log; users get pages.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    /// The application has no upstream (502).
    #[error("the application has no upstream")]
    NoUpstream,
    /// No connection to any upstream; the last one's cause (502).
    #[error("cannot connect to upstream {upstream}: {source}")]
    Connect {
        /// `host:port`.
        upstream: String,
        /// The system's error.
        source: io::Error,
    },
    /// The upstream closed without an answer, or what it sent is no HTTP (502).
    #[error("upstream {upstream} gave no valid answer: {source}")]
    Broken {
        /// `host:port`.
        upstream: String,
        /// What is wrong.
        source: Fault,
    },
    /// The upstream's answer is HTTP that cannot be passed on (502).
    #[error("upstream {upstream} gave an answer that cannot be passed on: {source}")]
    Answer {
        /// `host:port`.
        upstream: String,
        /// What is wrong with it.
        source: Fault,
    },
    /// Connecting, or the head of the answer, took too long (504).
    #[error("upstream {upstream} was too slow to {phase} (limit {limit:?})")]
    Timeout {
        /// `host:port`.
        upstream: String,
        /// `connect`, `read` or `answer`.
        phase: &'static str,
        /// The limit that passed.
        limit: Duration,
    },
    /// The client's body is malformed, or broke off (400; the client may be gone).
    #[error("the client's body: {0}")]
    Upload(#[from] BodyError),
    /// The client's body is larger than allowed (413).
    #[error("the client's body is larger than {0} bytes")]
    TooLarge(u64),
    /// The client went silent within its body (408).
    #[error("the client was silent within its body for {0:?}")]
    SilentUpload(Duration),
}

/// What is wrong with an upstream's answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The connection was closed before the head was complete.
    #[error("it closed the connection")]
    Closed,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its head cannot be read.
    #[error("{0}")]
    Head(#[from] HeadError),
    /// Its head contradicts itself.
    #[error("{0}")]
    Framing(#[from] FramingError),
    /// It sends an answer that was not requested.
    #[error("{0}")]
    Answer(#[from] AnswerError),
}

impl ProxyError {
    /// What the client is told.
    pub(crate) fn kind(&self) -> ProblemKind {
        match self {
            Self::Upload(_) => ProblemKind::BadRequest,
            Self::TooLarge(_) => ProblemKind::BodyTooLarge,
            Self::SilentUpload(_) => ProblemKind::RequestTimeout,
            Self::NoUpstream | Self::Connect { .. } | Self::Broken { .. } | Self::Answer { .. } => {
                ProblemKind::UpstreamUnreachable
            }
            Self::Timeout { .. } => ProblemKind::UpstreamTimeout,
        }
    }

    /// A sentence for users that replaces the usual one if that is too vague.
    pub(crate) fn told(&self, application: &str) -> Option<String> {
        match self {
            Self::NoUpstream => Some(format!("{application} has no upstream on this node.")),
            Self::Answer { source, .. } => Some(format!("The answer of {application} cannot be passed on: {source}.")),
            Self::Upload(error) => Some(format!("The body of the request cannot be read: {error}.")),
            Self::TooLarge(limit) => Some(format!("The body of the request is larger than {limit} bytes.")),
            _ => None,
        }
    }

    /// Whether nothing of the request was sent: it certainly did not arrive.
    pub(crate) fn is_before_sending(&self) -> bool {
        matches!(self, Self::NoUpstream | Self::Connect { .. } | Self::Timeout { phase: "connect", .. })
    }

    /// Whether an operator should see it: the upstream is to blame.
    pub(crate) fn is_upstreams_fault(&self) -> bool {
        self.kind().status() >= 500
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
            (ProxyError::Upload(BodyError::Size), 400, false),
            (ProxyError::SilentUpload(limit), 408, false),
            (ProxyError::TooLarge(7), 413, false),
            (ProxyError::NoUpstream, 502, true),
            (ProxyError::Answer { upstream: upstream(), source: AnswerError::Unasked.into() }, 502, true),
            (ProxyError::Timeout { upstream: upstream(), phase: "answer", limit }, 504, true),
        ] {
            assert_eq!((error.kind().status(), error.is_upstreams_fault()), (status, upstreams));
        }
    }
}
