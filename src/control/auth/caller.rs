//! Who has made a request, what they may do, and for how long.
//!
//! Must stay true: a session reads only; a long-running request ends with the session or the token that allowed it.

use std::sync::Arc;

use actix_web::{HttpMessage as _, HttpRequest};
use tokio_util::sync::CancellationToken;

use super::tokens::Token;
use crate::{
    actors::desk::Desk,
    availability::{Author, Moment, Submission, Target},
    control::errors::Failure,
    vocabulary::Role,
};

/// How long a caller may go on with a long-running request.
#[derive(Clone)]
pub(crate) struct Lease {
    /// Cancelled when it ends before its time.
    pub ended: CancellationToken,
    pub(super) holds: Arc<dyn Fn(Moment) -> bool + Send + Sync>,
}

impl Lease {
    /// For what is open to everybody.
    pub(crate) fn without_end() -> Self {
        Self { ended: CancellationToken::new(), holds: Arc::new(|_| true) }
    }

    /// It has not ended by itself.
    pub(crate) fn holds(&self, now: Moment) -> bool {
        (self.holds)(now)
    }
}

/// The caller; in the request's extensions below `/api`.
#[derive(Clone)]
pub(crate) enum Caller {
    /// A token.
    Token(Token),
    /// A signed-in operator's browser; reads only.
    Session {
        /// The operator's name.
        operator: String,
        /// For as long as the session.
        lease: Lease,
    },
}

impl Caller {
    /// The caller that [`super::require`] has admitted.
    ///
    /// # Errors
    /// 401 when there is none: the handler stands outside of `/api`.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Failure> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| unauthenticated("this needs a token".to_owned()))
    }

    /// The token's or the operator's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Token(token) => &token.name,
            Self::Session { operator, .. } => operator,
        }
    }

    /// The author of this submission.
    ///
    /// # Errors
    /// 403 for what its rights do not cover, and for a session: the pages' own form, which checks where
    /// a request comes from, is the way.
    pub(crate) async fn author(&self, desk: &Desk, submission: &Submission) -> Result<Author, Failure> {
        let Self::Token(token) = self else {
            return Err(Failure::Forbidden("a browser's session reads only; use the form, or a token".to_owned()));
        };
        if let Some(problem) = token.rights.refusal(desk, submission).await {
            return Err(Failure::Forbidden(format!("the token {} {problem}", token.name)));
        }
        Ok(self.speaker())
    }

    /// The author that its statements would have.
    pub(crate) fn speaker(&self) -> Author {
        match self {
            Self::Token(token) if token.rights.role == Role::Monitor => Author::monitor_token(&token.name),
            _ => Author::operator(self.name()),
        }
    }

    /// Lets tokens pass that may submit something, before anything of it is read.
    ///
    /// # Errors
    /// 403 for the others.
    pub(crate) fn must_act(&self) -> Result<(), Failure> {
        match self {
            Self::Token(token) if token.rights.acts() => Ok(()),
            Self::Token(token) => Err(Failure::Forbidden(format!("the token {} may only read", token.name))),
            Self::Session { .. } => {
                Err(Failure::Forbidden("a browser's session reads only; use the form, or a token".to_owned()))
            }
        }
    }

    /// Lets a token pass that may make statements about all of these.
    ///
    /// # Errors
    /// 403 for the others, and for a session.
    pub(crate) fn must_cover(&self, about: Vec<Target>) -> Result<(), Failure> {
        self.must_act()?;
        let Self::Token(token) = self else { return Ok(()) };
        match token.rights.beyond(about) {
            Some(problem) => Err(Failure::Forbidden(format!("the token {} {problem}", token.name))),
            None => Ok(()),
        }
    }

    /// Lets operators' tokens pass.
    ///
    /// # Errors
    /// 403 for all others.
    pub(crate) fn must_be_operator(&self) -> Result<(), Failure> {
        match self {
            Self::Token(token) if token.rights.role == Role::Operator => Ok(()),
            Self::Token(token) => {
                let (name, role) = (&token.name, token.rights.role);
                Err(Failure::Forbidden(format!("the token {name} has the role {role}; this needs the role operator")))
            }
            Self::Session { .. } => Err(Failure::Forbidden(
                "a browser's session reads only; this needs a token with the role operator".to_owned(),
            )),
        }
    }

    /// For how long it may go on.
    pub(crate) fn lease(&self) -> Lease {
        match self {
            Self::Session { lease, .. } => lease.clone(),
            Self::Token(token) => {
                let token = token.clone();
                Lease { ended: token.ended.clone(), holds: Arc::new(move |now| token.is_valid(now)) }
            }
        }
    }
}

pub(super) fn unauthenticated(detail: String) -> Failure {
    Failure::Unauthenticated { detail, invalid_token: false }
}
