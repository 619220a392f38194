//! The kinds of problem that the gate reports: each with its status, its type and what it means.
//!
//! What must stay true: a kind has one status and one type URI, and the page behind that URI exists,
//! because both come from the same table.

use crate::text::english;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// 400: the request cannot be read or decided.
    BadRequest,
    /// 404: no route matches.
    NoSuchApplication,
    /// 405: the address exists, but not for this method.
    MethodNotAllowed,
    /// 408: the head or the body of the request came too slowly.
    RequestTimeout,
    /// 413: the body is larger than `gate.max_body`.
    BodyTooLarge,
    /// 414: the request target is too long.
    TargetTooLong,
    /// 429: this client has too many of something open.
    TooMany,
    /// 429: this client asks more often than `rate_limit` allows.
    TooOften,
    /// 431: the head is too large or has too many fields.
    HeadTooLarge,
    /// 501: a transfer coding that the gate does not know.
    UnknownCoding,
    /// 502: no connection to the upstream, or it broke the protocol.
    UpstreamUnreachable,
    /// 504: the upstream took too long.
    UpstreamTimeout,
}

/// Where the pages about problem types are.
pub const PROBLEMS: &str = "/.forewarn/problems/";

/// A denial is no [`ProblemKind`], but its type has a page as well.
const UNAVAILABLE: [&str; 3] = [
    "unavailable",
    "The application is unavailable",
    "Somebody has reported this application as unavailable, so that requests for it are turned away at once. \
     The answer says why, and when it is expected back.",
];

impl ProblemKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::BadRequest,
        Self::NoSuchApplication,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::BodyTooLarge,
        Self::TargetTooLong,
        Self::TooMany,
        Self::TooOften,
        Self::HeadTooLarge,
        Self::UnknownCoding,
        Self::UpstreamUnreachable,
        Self::UpstreamTimeout,
    ];

    /// Its status, and the last segment of its type's URI.
    const fn row(self) -> (u16, &'static str) {
        match self {
            Self::BadRequest => (400, "bad-request"),
            Self::NoSuchApplication => (404, "no-such-application"),
            Self::MethodNotAllowed => (405, "method-not-allowed"),
            Self::RequestTimeout => (408, "request-timeout"),
            Self::BodyTooLarge => (413, "body-too-large"),
            Self::TargetTooLong => (414, "target-too-long"),
            Self::TooMany => (429, "too-many"),
            Self::TooOften => (429, "too-often"),
            Self::HeadTooLarge => (431, "head-too-large"),
            Self::UnknownCoding => (501, "unknown-transfer-coding"),
            Self::UpstreamUnreachable => (502, "upstream-unreachable"),
            Self::UpstreamTimeout => (504, "upstream-timeout"),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// The problem's type (RFC 9457 §3.1.1); its page says what the type means.
    pub fn type_uri(self) -> String {
        [PROBLEMS, self.row().1].concat()
    }

    /// The message that says what it is, and with its `.text` what that means.
    pub(super) fn message(self) -> String {
        format!("problem-{}", self.row().1)
    }

    /// What it is, in a few words.
    pub fn title(self) -> String {
        english().say(&self.message())
    }

    /// What it means, in a sentence or two.
    pub fn meaning(self) -> String {
        english().more(&self.message(), &[])
    }

    /// Whether it is the application that does not work: trying again later may help.
    pub(super) const fn is_upstreams(self) -> bool {
        matches!(self, Self::UpstreamUnreachable | Self::UpstreamTimeout)
    }
}

/// Title and meaning of the problem type with this last segment of its URI.
pub fn problem_type(segment: &str) -> Option<(String, String)> {
    if segment == UNAVAILABLE[0] {
        return Some((UNAVAILABLE[1].to_owned(), UNAVAILABLE[2].to_owned()));
    }
    let kind = ProblemKind::ALL.into_iter().find(|kind| kind.row().1 == segment)?;
    Some((kind.title(), kind.meaning()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_type_has_a_page() {
        for kind in ProblemKind::ALL {
            let uri = kind.type_uri();
            let found = problem_type(uri.strip_prefix(PROBLEMS).unwrap()).unwrap();
            assert_eq!(found, (kind.title(), kind.meaning()), "two kinds share {uri}");
        }
        assert!(problem_type("unavailable").is_some());
        assert!(problem_type("").is_none() && problem_type("nonsense").is_none());
    }
}
