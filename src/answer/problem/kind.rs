//! The kinds of problem that the gate reports: each with its status, its type and what it means.
//!
//! What must stay true: a kind has one status and one type URI, and the page behind that URI exists,
//! because both come from the same table.

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

/// One row of the table: status, last segment of the type URI, title, meaning.
type Row = (u16, &'static str, &'static str, &'static str);

/// A denial is no [`ProblemKind`], but its type has a page as well.
const UNAVAILABLE: Row = (
    503,
    "unavailable",
    "The application is unavailable",
    "Somebody has reported this application as unavailable, so that requests for it are turned away at once. \
     The answer says why, and when it is expected back.",
);

impl ProblemKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::BadRequest,
        Self::NoSuchApplication,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::BodyTooLarge,
        Self::TargetTooLong,
        Self::TooMany,
        Self::HeadTooLarge,
        Self::UnknownCoding,
        Self::UpstreamUnreachable,
        Self::UpstreamTimeout,
    ];

    const fn row(self) -> Row {
        match self {
            Self::BadRequest => {
                (400, "bad-request", "This request cannot be understood", "Something is wrong with the request itself.")
            }
            Self::NoSuchApplication => (
                404,
                "no-such-application",
                "There is no application here",
                "No application belongs to this address. Please check it for a typing mistake.",
            ),
            Self::MethodNotAllowed => (
                405,
                "method-not-allowed",
                "This address does not take this method",
                "The address exists, but it answers other methods only. The Allow header lists them.",
            ),
            Self::RequestTimeout => (
                408,
                "request-timeout",
                "The request came too slowly",
                "The request did not arrive within the time that is allowed for it.",
            ),
            Self::BodyTooLarge => (
                413,
                "body-too-large",
                "The request is too large",
                "The body of the request is larger than this gate passes on.",
            ),
            Self::TargetTooLong => {
                (414, "target-too-long", "The address is too long", "The address is longer than this gate accepts.")
            }
            Self::TooMany => (
                429,
                "too-many",
                "Too many at a time",
                "This client has too many event streams or connections open. Close some, or wait.",
            ),
            Self::HeadTooLarge => (
                431,
                "head-too-large",
                "The head of the request is too large",
                "The header fields of the request are too many or too large; often these are cookies.",
            ),
            Self::UnknownCoding => (
                501,
                "unknown-transfer-coding",
                "The transfer coding is not known",
                "The body of the request has a Transfer-Encoding other than chunked.",
            ),
            Self::UpstreamUnreachable => (
                502,
                "upstream-unreachable",
                "The application cannot be reached",
                "There is no connection to the application just now. No outage has been reported.",
            ),
            Self::UpstreamTimeout => (
                504,
                "upstream-timeout",
                "The application is not responding",
                "It took the application too long to answer. No outage has been reported.",
            ),
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

    /// What it is, in a few words.
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// What it means, in a sentence or two.
    pub const fn meaning(self) -> &'static str {
        self.row().3
    }

    /// Whether it is the application that does not work: trying again later may help.
    pub(super) const fn is_upstreams(self) -> bool {
        matches!(self, Self::UpstreamUnreachable | Self::UpstreamTimeout)
    }
}

/// Title and meaning of the problem type with this last segment of its URI.
pub fn problem_type(segment: &str) -> Option<(&'static str, &'static str)> {
    let rows = ProblemKind::ALL.into_iter().map(ProblemKind::row).chain([UNAVAILABLE]);
    rows.into_iter().find(|row| row.1 == segment).map(|(_, _, title, meaning)| (title, meaning))
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
