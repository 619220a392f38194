//! The one place where what went wrong becomes HTTP (SPEC 6, "Errors"): a status, its headers and
//! an `application/problem+json` body (RFC 9457).
//!
//! Must stay true: texts that came from outside stand only inside JSON strings, never in headers;
//! an answer lists at most [`MOST_ERRORS`] wrong fields, so that small requests have small answers.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    actors::desk::SubmitError,
    availability::{BoundExceeded, FieldError},
};

/// Most wrong fields that one answer names.
pub const MOST_ERRORS: usize = 100;

/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not done. Each variant is one status.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// 400: it cannot be read at all. The text says where.
    #[error("{0}")]
    Malformed(String),
    /// 401: nobody, or nobody known.
    #[error("{detail}")]
    Unauthenticated {
        /// For people: what to do.
        detail: String,
        /// A token was presented, and it is none of the node's.
        invalid_token: bool,
    },
    /// 403: somebody who may not do this.
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
    /// 415: the text says what is understood.
    #[error("{0}")]
    UnsupportedType(String),
    /// 422: fields or parameters that are wrong.
    #[error("{} wrong; see errors", Count(.0.len()))]
    Wrong(Vec<FieldError>),
    /// 429: a bound of SPEC 3.
    #[error(transparent)]
    Bound(#[from] BoundExceeded),
    /// 503 with `Retry-After`: not now, and perhaps not known whether it was done.
    #[error("{reason}")]
    Unavailable {
        /// For people.
        reason: String,
        /// Seconds, at least 1.
        retry_after: u64,
    },
}

/// "one field is" or "7 fields are".
struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("one field is"),
            count => write!(f, "{count} fields are"),
        }
    }
}

impl Failure {
    /// One wrong field or parameter.
    pub fn field(field: &str, problem: impl Into<String>) -> Self {
        Self::Wrong(vec![FieldError::new(field, problem)])
    }

    /// Not now, but soon: while the node starts.
    pub fn not_ready() -> Self {
        Self::Unavailable { reason: "the node is starting; /readyz says how far it is".to_owned(), retry_after: 1 }
    }

    /// No notification has this id, or it is no id.
    pub fn no_notification(id: &str) -> Self {
        match id.parse::<Uuid>() {
            Ok(id) => Self::NotFound(format!("this node knows no notification {id}")),
            Err(_) => Self::NotFound("the id of a notification is a UUID".to_owned()), // which UUID rule it breaks helps nobody
        }
    }

    /// The status, the last part of the problem's type, and its title.
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed", "The request cannot be read"),
            Self::Unauthenticated { .. } => (StatusCode::UNAUTHORIZED, "unauthenticated", "Credentials are needed"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "These credentials do not allow it"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method does not go with this address")
            }
            Self::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "too-slow", "The request took too long"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict", "It contradicts what the node has"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::AddressTooLong(_) => (StatusCode::URI_TOO_LONG, "address-too-long", "The address is too long"),
            Self::UnsupportedType(_) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-type", "The body has a type that is not understood")
            }
            Self::Wrong(_) => (StatusCode::UNPROCESSABLE_ENTITY, "wrong", "Something in the request is wrong"),
            Self::Bound(_) => (StatusCode::TOO_MANY_REQUESTS, "bound", "There are too many of these already"),
            Self::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now"),
        }
    }

    /// The body.
    pub fn to_json(&self) -> Value {
        let (status, kind, title) = self.kind();
        let mut problem = json!({
            "type": format!("urn:forewarn:problem:{kind}"),
            "title": title,
            "status": status.as_u16(),
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
        self.kind().0
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
            // What is left of the body is not worth waiting for.
            Self::TooSlow(_) => {
                response.force_close();
            }
            _ => {}
        }
        response.content_type(PROBLEM_JSON).body(self.to_json().to_string())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::availability::Target;

    fn header(failure: &Failure, name: header::HeaderName) -> Option<String> {
        failure.error_response().headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn what_the_desk_refuses_gets_its_status() {
        let bound = BoundExceeded { target: Target::System, what: "open plans", limit: 64 };
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
        let nobody = Failure::Unauthenticated { detail: String::new(), invalid_token: false };
        assert_eq!(header(&nobody, header::WWW_AUTHENTICATE).unwrap(), "Bearer realm=\"forewarn\"");
    }

    #[test]
    fn wrong_fields_are_named_but_not_without_end() {
        let one = Failure::field("limit", "is not a number").to_json();
        assert_eq!(one["errors"][0], json!({"field": "limit", "problem": "is not a number"}));
        assert_eq!(one["detail"], "one field is wrong; see errors");
        let many =
            Failure::Wrong((0..5_000).map(|at| FieldError::new(format!("f{at}"), "is unknown")).collect()).to_json();
        assert_eq!(many["errors"].as_array().unwrap().len(), MOST_ERRORS);
        assert_eq!(many["detail"], "5000 fields are wrong; see errors");
    }
}
