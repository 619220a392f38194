//! Who may use the API (SPEC 6, "Who may do what"): bearers of a token (RFC 6750), and for reading
//! also signed-in operators' browsers.
//!
//! Must stay true: everything below `/api` passes [`require`]; a token's text is compared by its
//! SHA-256 in constant time and is never logged or kept; a session authorizes safe methods only, so
//! that no other site can make a browser submit anything.

use std::{fmt, sync::Arc};

use actix_web::{
    Error, HttpMessage as _, HttpRequest, ResponseError as _,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web::Data,
};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::{audit, errors::Failure};
use crate::{availability::Author, noise::Noise};

static UNKNOWN_TOKENS: Noise = Noise::new("unknown_token");

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything that the API offers; speaks as a person.
    Operator,
    /// Reads, and speaks as a monitor.
    Monitor,
}

/// One token, as the configuration has it.
#[derive(Clone)]
pub struct Token {
    /// Stands in the history: as operator, or as reporter `token/NAME`.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The SHA-256 of its text.
    pub sha256: [u8; 32],
}

impl fmt::Debug for Token {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// The tokens of this node.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    /// These and no others.
    pub fn new(tokens: Vec<Token>) -> Self {
        Self(tokens)
    }

    /// The token whose text this is. Looks at all of them, whichever it is.
    pub fn find(&self, text: &str) -> Option<&Token> {
        let presented: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let mut found = u64::MAX;
        for (at, token) in (0_u64..).zip(&self.0) {
            let same: Choice = token.sha256[..].ct_eq(&presented[..]);
            found = u64::conditional_select(&found, &at, same);
        }
        usize::try_from(found).ok().and_then(|at| self.0.get(at))
    }
}

/// The pages' door to the API: tells which operator a request's session belongs to.
#[derive(Clone)]
pub struct Sessions(Arc<dyn SessionCheck>);

/// The operator whose live session the request carries. Must not look at anything but the request's
/// head; is called for safe methods only.
pub trait SessionCheck: Fn(&HttpRequest) -> Option<String> + Send + Sync {}

impl<F: Fn(&HttpRequest) -> Option<String> + Send + Sync> SessionCheck for F {}

impl Sessions {
    /// Asks this for every request without a token.
    pub fn new(check: impl SessionCheck + 'static) -> Self {
        Self(Arc::new(check))
    }
}

/// Who asks; in the request's extensions below `/api`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A token of this name and role.
    Token {
        /// Its name.
        name: String,
        /// Its role.
        role: Role,
    },
    /// A signed-in operator's browser; reads only.
    Session {
        /// The operator's name.
        operator: String,
    },
}

impl Caller {
    /// Whom [`require`] has let in.
    ///
    /// # Errors
    /// 401 when nobody was let in: the handler stands outside of `/api`.
    pub fn of(request: &HttpRequest) -> Result<Self, Failure> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| nobody("this needs a token".to_owned()))
    }

    /// The token's or the operator's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Token { name, .. } | Self::Session { operator: name } => name,
        }
    }

    /// As whom it submits.
    ///
    /// # Errors
    /// 403 for a session: the pages' own form, which checks where a request comes from, is the way.
    pub fn author(&self) -> Result<Author, Failure> {
        match self {
            Self::Token { name, role: Role::Operator } => Ok(Author::operator(name)),
            Self::Token { name, role: Role::Monitor } => Ok(Author::monitor_token(name)),
            Self::Session { .. } => {
                Err(Failure::Forbidden("a browser's session reads only; use the form, or a token".to_owned()))
            }
        }
    }

    /// Lets operators' tokens pass.
    ///
    /// # Errors
    /// 403 for everybody else.
    pub fn must_be_operator(&self) -> Result<(), Failure> {
        match self {
            Self::Token { role: Role::Operator, .. } => Ok(()),
            Self::Token { name, role: Role::Monitor } => {
                Err(Failure::Forbidden(format!("the token {name} has the role monitor; this needs the role operator")))
            }
            Self::Session { .. } => Err(Failure::Forbidden(
                "a browser's session reads only; this needs a token with the role operator".to_owned(),
            )),
        }
    }
}

fn nobody(detail: String) -> Failure {
    Failure::Unauthenticated { detail, invalid_token: false }
}

/// Finds out who asks.
///
/// A presented token decides, also when it is wrong and there is a session beside it: a script must
/// learn that its token is wrong.
///
/// # Errors
/// 401, with what to do about it; 400 for credentials that are given twice or cannot be read.
pub fn identify(request: &HttpRequest) -> Result<Caller, Failure> {
    let tokens = request.app_data::<Data<Tokens>>();
    let mut presented = request.headers().get_all(header::AUTHORIZATION);
    if let Some(credentials) = presented.next() {
        if presented.next().is_some() {
            return Err(Failure::Malformed("there are several Authorization header fields".to_owned()));
        }
        let text = credentials.to_str().ok().and_then(bearer);
        let text = text.ok_or_else(|| {
            nobody("the Authorization header field must be \"Bearer\", a space and a token".to_owned())
        })?;
        let found = tokens.and_then(|tokens| tokens.find(text));
        return found.map(|token| Caller::Token { name: token.name.clone(), role: token.role }).ok_or_else(|| {
            Failure::Unauthenticated { detail: "the token is none of this node's".to_owned(), invalid_token: true }
        });
    }
    if matches!(*request.method(), Method::GET | Method::HEAD)
        && let Some(Sessions(check)) = request.app_data::<Data<Sessions>>().map(|data| data.get_ref())
        && let Some(operator) = check(request)
    {
        return Ok(Caller::Session { operator });
    }
    Err(nobody(if tokens.is_none_or(|tokens| tokens.0.is_empty()) {
        "this needs a token, and this node has none: `forewarn token` makes one and says what to add under [[token]] in the configuration".to_owned()
    } else {
        "this needs a token: Authorization: Bearer TOKEN".to_owned()
    }))
}

/// The token of `Bearer TOKEN`; the scheme's case does not count (RFC 9110 §11.1).
fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.trim().split_once(' ')?;
    let token = token.trim_start();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ')).then_some(token)
}

/// Middleware: lets known callers pass and tells handlers who they are.
///
/// # Errors
/// What the handlers behind it give; its own refusals are responses.
pub async fn require<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match identify(request.request()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(failure) => {
            if matches!(failure, Failure::Unauthenticated { invalid_token: true, .. }) && UNKNOWN_TOKENS.admits() {
                let from = audit::address(request.request());
                log::warn!(from, method:% = request.method(), path = request.path(); "unknown_token");
            }
            Ok(request.into_response(failure.error_response()).map_into_right_body())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::test::TestRequest;

    fn tokens() -> Data<Tokens> {
        let token =
            |name: &str, role, text: &str| Token { name: name.into(), role, sha256: Sha256::digest(text).into() };
        Data::new(Tokens::new(vec![token("ci", Role::Operator, "s3cret"), token("probe", Role::Monitor, "m0nitor")]))
    }

    fn ask(method: Method, fields: &[&str]) -> Result<Caller, Failure> {
        let sessions =
            Sessions::new(|request: &HttpRequest| request.headers().get("x-session").map(|_| "alice".to_owned()));
        let mut request = TestRequest::default().method(method).app_data(tokens()).app_data(Data::new(sessions));
        for field in fields {
            let (name, value) = field.split_once(": ").unwrap();
            request = request.append_header((name, value));
        }
        identify(&request.to_http_request())
    }

    #[test]
    fn a_token_tells_who_and_what() {
        let ci = ask(Method::POST, &["Authorization: bearer s3cret"]).unwrap();
        assert_eq!(ci.author().unwrap(), Author::operator("ci"));
        assert!(ci.must_be_operator().is_ok());
        let probe = ask(Method::POST, &["Authorization: Bearer m0nitor"]).unwrap();
        assert_eq!(probe.author().unwrap(), Author::monitor_token("probe"));
        assert!(matches!(probe.must_be_operator(), Err(Failure::Forbidden(_))));
    }

    #[test]
    fn others_are_nobody() {
        for fields in
            [&["Authorization: Bearer s3cre"][..], &["Authorization: Bearer s3cret", "X-Session: 1"][1..], &[]]
        {
            assert!(matches!(ask(Method::POST, fields), Err(Failure::Unauthenticated { .. })), "{fields:?}");
        }
        for wrong in [
            "Authorization: Basic s3cret",
            "Authorization: Bearer",
            "Authorization: Bearer s3cret s3cret",
            "Authorization: s3cret",
        ] {
            assert!(matches!(ask(Method::GET, &[wrong]), Err(Failure::Unauthenticated { .. })), "{wrong}");
        }
        assert!(matches!(ask(Method::GET, &["Authorization: Bearer s3cret"; 2]), Err(Failure::Malformed(_))));
    }

    #[test]
    fn a_session_reads_only_and_does_not_hide_a_wrong_token() {
        let alice = ask(Method::GET, &["X-Session: 1"]).unwrap();
        assert_eq!(alice, Caller::Session { operator: "alice".into() });
        assert!(alice.author().is_err() && alice.must_be_operator().is_err());
        assert!(ask(Method::DELETE, &["X-Session: 1"]).is_err());
        assert!(ask(Method::GET, &["X-Session: 1", "Authorization: Bearer wrong"]).is_err());
    }
}
