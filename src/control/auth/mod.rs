//! Who may use the API (docs/contract.md#who-may-do-what): bearers of a token (RFC 6750), and for
//! reading also the browsers of signed-in operators.
//!
//! Must stay true: everything below `/api` passes [`require`]; a token's text is compared by its SHA-256 in
//! constant time and is never logged or stored; a session authorizes safe methods only, so that no other site
//! can make a browser submit anything; a long-running request ends with the session or the token that allowed
//! it.

mod caller;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::Arc;

use actix_web::{
    Error, HttpMessage as _, HttpRequest, ResponseError as _,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web::Data,
};

use self::{caller::unauthenticated, tokens::bearer};
pub(crate) use self::{
    caller::{Caller, Lease},
    tokens::{Token, Tokens},
};
use super::{
    audit,
    errors::Failure,
    session::{Door, Use},
};
use crate::{clock, noise::Noise};

static REFUSED: Noise = Noise::new("token_refused");

/// Authenticates the caller.
///
/// A presented token decides, also when it is wrong and there is a session beside it: a script must
/// learn that its token is wrong.
///
/// # Errors
/// 401, with what to do about it; 400 for credentials that are given twice or cannot be read.
pub(crate) fn identify(request: &HttpRequest) -> Result<Caller, Failure> {
    let tokens = request.app_data::<Data<Tokens>>();
    let mut presented = request.headers().get_all(header::AUTHORIZATION);
    if let Some(credentials) = presented.next() {
        if presented.next().is_some() {
            return Err(Failure::Malformed("there are several Authorization header fields".to_owned()));
        }
        let text = credentials.to_str().ok().and_then(bearer);
        let text = text.ok_or_else(|| {
            unauthenticated("the Authorization header field must be \"Bearer\", a space and a token".to_owned())
        })?;
        let unknown = || Failure::Unauthenticated { detail: "unknown token".to_owned(), invalid_token: true };
        let token = tokens.and_then(|tokens| tokens.find(text)).ok_or_else(unknown)?;
        return match token.expires.filter(|_| !token.is_valid(clock::now())) {
            None => Ok(Caller::Token(token)),
            Some(end) => Err(Failure::Unauthenticated {
                detail: format!("the token {} has expired at {end}", token.name),
                invalid_token: true,
            }),
        };
    }
    if matches!(*request.method(), Method::GET | Method::HEAD)
        && let Some(door) = request.app_data::<Data<Door>>()
        && let Some(id) = door.claimed(request)
        // What a page asks for by itself is no sign of a person.
        && let Some(session) = door.sessions.find(&id, clock::now(), Use::No)
    {
        let sessions = Arc::clone(&door.sessions);
        let holds = Arc::new(move |now| sessions.find(&id, now, Use::No).is_some());
        return Ok(Caller::Session { operator: session.operator, lease: Lease { ended: session.ended, holds } });
    }
    Err(unauthenticated(if tokens.is_none_or(|tokens| tokens.is_empty()) {
        "this needs a token, and none is configured: `forewarn token` creates one and prints what to add under [[token]] in the configuration".to_owned()
    } else {
        "this needs a token: Authorization: Bearer TOKEN".to_owned()
    }))
}

/// Middleware: lets known callers pass and tells handlers who they are.
///
/// # Errors
/// What the handlers behind it give; its own refusals are responses.
pub(crate) async fn require<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match identify(request.request()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(failure) => {
            if let Failure::Unauthenticated { detail, invalid_token: true } = &failure
                && REFUSED.admits()
            {
                let from = audit::address(request.request());
                log::warn!(from, method:% = request.method(), path = request.path(), because = detail; "token_refused");
            }
            Ok(request.into_response(failure.error_response()).map_into_right_body())
        }
    }
}
