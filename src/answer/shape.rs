//! The four shapes of every answer of the gate (docs/contract.md#denials). The gate negotiates which one a
//! request gets.

/// One form of an answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A page for people.
    Html,
    /// RFC 9457.
    ProblemJson,
    /// The same object under the name that clients which match exactly look for.
    Json,
    /// For terminals.
    Text,
}

impl Shape {
    /// In the order in which they are preferred among equals.
    pub const ALL: [Self; 4] = [Self::Json, Self::ProblemJson, Self::Html, Self::Text];

    /// The media type without parameters, as `Accept` names it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html",
            Self::ProblemJson => "application/problem+json",
            Self::Json => "application/json",
            Self::Text => "text/plain",
        }
    }

    /// The value of `Content-Type`. JSON has no charset parameter (RFC 8259 §11).
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::ProblemJson => "application/problem+json",
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}
