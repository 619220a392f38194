//! The one place that turns errors into HTTP (docs/contract.md#errors): a status, its headers and an
//! `application/problem+json` body (RFC 9457), whose `type` is an address that explains it.
//!
//! Must stay true: external text appears only inside JSON strings, never in headers; an answer lists at most
//! [`MOST_ERRORS`] wrong fields, so that small requests have small answers.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde_json::{Value, json};
use uuid::Uuid;

mod kind;

pub(crate) use self::kind::{KINDS, Kind, PROBLEMS};
use crate::{
    actors::desk::{ForgetError, RegisterError, SubmitError},
    availability::{BoundExceeded, FieldError},
};

/// Most wrong fields that one answer names.
pub(crate) const MOST_ERRORS: usize = 100;

/// The media type of every error.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not done. Each variant is one status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// 400: it cannot be read at all. The text names the place.
    #[error("{0}")]
    Malformed(String),
    /// 401: missing or unknown credentials.
    #[error("{detail}")]
    Unauthenticated {
        /// For people: what to do.
        detail: String,
        /// A token was presented, and this node does not know it, or it has expired.
        invalid_token: bool,
    },
    /// 403: these credentials do not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// 404.
    #[error("{0}")]
    NotFound(String),
    /// 405, with what is allowed as `Allow`.
    #[error("this address answers {0} only")]
    MethodNotAllowed(String),
    /// 408: the body did not arrive in time.
    #[error("the body did not arrive within {0} s")]
    TooSlow(u64),
    /// 409: it contradicts what the node has.
    #[error("{0}")]
    Conflict(String),
    /// 413, with the bound in bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// 414, with the bound in bytes.
    #[error("the address is longer than {0} bytes")]
    AddressTooLong(usize),
    /// 415: the text names the supported types.
    #[error("{0}")]
    UnsupportedType(String),
    /// 422: fields or parameters that are invalid.
    #[error("{} wrong", Count(.0.len()))]
    Wrong(Vec<FieldError>),
    /// 429: this client has as many requests under way as one client may.
    #[error("one client may have {0} requests at a time here")]
    Crowded(usize),
    /// 429: a bound of the ledger (docs/contract.md#bounds-of-the-ledger).
    #[error(transparent)]
    Bound(#[from] BoundExceeded),
    /// 429: there is no room. The text says for what, and how much there is.
    #[error("{0}")]
    NoRoom(String),
    /// 503 with `Retry-After`: not now, and perhaps not known whether it was done.
    #[error("{reason}")]
    Unavailable {
        /// For people.
        reason: String,
        /// Seconds, at least 1.
        retry_after: u64,
    },
}

/// "one field or parameter is" or "7 fields or parameters are".
struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("one field or parameter is"),
            count => write!(f, "{count} fields or parameters are"),
        }
    }
}

impl Failure {
    /// One wrong field or parameter.
    pub(crate) fn field(field: &str, problem: impl Into<String>) -> Self {
        Self::Wrong(vec![FieldError::new(field, problem)])
    }

    /// Not now, but soon: while the node starts.
    pub(crate) fn not_ready() -> Self {
        Self::Unavailable { reason: "the node is starting; /readyz shows its phase".to_owned(), retry_after: 1 }
    }

    /// No notification has this id, or it is no id.
    pub(crate) fn no_notification(id: &str) -> Self {
        match id.parse::<Uuid>() {
            Ok(id) => Self::NotFound(format!("this node knows no notification {id}")),
            Err(_) => Self::NotFound("the id of a notification is a UUID".to_owned()), // which rule of UUIDs it breaks is of no use
        }
    }

    /// What kind of problem it is.
    fn kind(&self) -> &'static Kind {
        &KINDS[match self {
            Self::Malformed(_) => 0,
            Self::Unauthenticated { .. } => 1,
            Self::Forbidden(_) => 2,
            Self::NotFound(_) => 3,
            Self::MethodNotAllowed(_) => 4,
            Self::TooSlow(_) => 5,
            Self::Conflict(_) => 6,
            Self::TooLarge(_) => 7,
            Self::AddressTooLong(_) => 8,
            Self::UnsupportedType(_) => 9,
            Self::Wrong(_) => 10,
            Self::Crowded(_) => 11,
            Self::Bound(_) | Self::NoRoom(_) => 12,
            Self::Unavailable { .. } => 13,
        }]
    }

    /// The body.
    pub(crate) fn to_json(&self) -> Value {
        let kind = self.kind();
        let mut problem = json!({
            "type": format!("{PROBLEMS}{}", kind.name),
            "title": kind.title,
            "status": kind.status,
            "detail": self.to_string(),
        });
        if let Self::Wrong(errors) = self {
            problem["errors"] =
                errors.iter().take(MOST_ERRORS).map(|e| json!({"field": e.field, "problem": e.problem})).collect();
        }
        problem
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        // The statuses of the table are valid ones.
        StatusCode::from_u16(self.kind().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        match self {
            // RFC 6750 §3: no error code where no credentials were presented.
            Self::Unauthenticated { invalid_token, .. } => {
                let error = if *invalid_token { ", error=\"invalid_token\"" } else { "" };
                response.insert_header((header::WWW_AUTHENTICATE, format!("Bearer realm=\"forewarn\"{error}")));
            }
            Self::Forbidden(_) => {
                response.insert_header((
                    header::WWW_AUTHENTICATE,
                    "Bearer realm=\"forewarn\", error=\"insufficient_scope\"",
                ));
            }
            Self::MethodNotAllowed(allow) => {
                response.insert_header((header::ALLOW, allow.as_str()));
            }
            Self::Unavailable { retry_after, .. } => {
                response.insert_header((header::RETRY_AFTER, (*retry_after).max(1).to_string()));
            }
            Self::Crowded(_) => {
                response.insert_header((header::RETRY_AFTER, "10"));
            }
            // What is left of the body is not worth waiting for.
            Self::TooSlow(_) => {
                response.force_close();
            }
            _ => {}
        }
        response.content_type(PROBLEM_JSON).body(self.to_json().to_string())
    }
}

impl From<ForgetError> for Failure {
    fn from(error: ForgetError) -> Self {
        match error {
            ForgetError::Itself => Self::Conflict(error.to_string()),
            ForgetError::Closing | ForgetError::Unknown => {
                Self::Unavailable { reason: error.to_string(), retry_after: 5 }
            }
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Invalid(errors) => Self::Wrong(errors),
            SubmitError::Bound(bound) => Self::Bound(bound),
            SubmitError::Unavailable { reason, retry_after } => Self::Unavailable { reason, retry_after },
            conflict @ SubmitError::Conflict(_) => Self::Conflict(conflict.to_string()),
        }
    }
}

impl From<RegisterError> for Failure {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Submit(error) => error.into(),
            RegisterError::NoRoom(why) => Self::NoRoom(why),
            RegisterError::NotThere => Self::NotFound(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::availability::Target;

    fn header(failure: &Failure, name: header::HeaderName) -> Option<String> {
        failure.error_response().headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    fn nobody() -> Failure {
        Failure::Unauthenticated { detail: String::new(), invalid_token: false }
    }

    #[test]
    fn what_the_desk_refuses_gets_its_status() {
        let bound = BoundExceeded { target: Target::System, what: "open plans".into(), limit: 64 };
        for (error, status) in [
            (SubmitError::Invalid(vec![]), 422),
            (SubmitError::Conflict(Uuid::nil()), 409),
            (SubmitError::Bound(bound), 429),
            (SubmitError::Unavailable { reason: "full".into(), retry_after: 7 }, 503),
        ] {
            let failure = Failure::from(error);
            assert_eq!(failure.status_code().as_u16(), status);
            assert_eq!(failure.to_json()["status"], status);
            assert_eq!(header(&failure, header::CONTENT_TYPE).unwrap(), PROBLEM_JSON);
        }
    }

    #[test]
    fn the_headers_that_a_status_demands_are_there() {
        let busy = Failure::Unavailable { reason: "full".into(), retry_after: 0 };
        assert_eq!(header(&busy, header::RETRY_AFTER).unwrap(), "1");
        assert_eq!(header(&Failure::MethodNotAllowed("GET, HEAD".into()), header::ALLOW).unwrap(), "GET, HEAD");
        assert_eq!(header(&nobody(), header::WWW_AUTHENTICATE).unwrap(), "Bearer realm=\"forewarn\"");
    }

    #[test]
    fn wrong_fields_are_named_but_not_without_end() {
        let one = Failure::field("limit", "is not a number").to_json();
        assert_eq!(one["errors"][0], json!({"field": "limit", "problem": "is not a number"}));
        assert_eq!(one["detail"], "one field or parameter is wrong");
        let many =
            Failure::Wrong((0..5_000).map(|at| FieldError::new(format!("f{at}"), "is unknown")).collect()).to_json();
        assert_eq!(many["errors"].as_array().unwrap().len(), MOST_ERRORS);
        assert_eq!(many["detail"], "5000 fields or parameters are wrong");
    }

    #[test]
    fn every_kind_has_an_address_that_explains_it() {
        let failures = [
            (Failure::Malformed(String::new()), 400),
            (nobody(), 401),
            (Failure::Forbidden(String::new()), 403),
            (Failure::NotFound(String::new()), 404),
            (Failure::MethodNotAllowed(String::new()), 405),
            (Failure::TooSlow(1), 408),
            (Failure::Conflict(String::new()), 409),
            (Failure::TooLarge(1), 413),
            (Failure::AddressTooLong(1), 414),
            (Failure::UnsupportedType(String::new()), 415),
            (Failure::field("x", "is unknown"), 422),
            (Failure::Crowded(1), 429),
            (Failure::Bound(BoundExceeded { target: Target::System, what: "open plans".into(), limit: 64 }), 429),
            (Failure::not_ready(), 503),
        ];
        assert_eq!(failures.len(), KINDS.len());
        for (failure, status) in failures {
            assert_eq!(failure.status_code().as_u16(), status);
            let problem = failure.to_json();
            let kind = problem["type"].as_str().unwrap().strip_prefix(PROBLEMS).unwrap();
            assert!(KINDS.iter().any(|known| known.name == kind && !known.meaning.is_empty()), "{kind}");
        }
    }
}
