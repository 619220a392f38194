//! Who may use the API (docs/contract.md#who-may-do-what): bearers of a token (RFC 6750), and for
//! reading also the browsers of signed-in operators.
//!
//! Must stay true: everything below `/api` passes [`require`]; a token's text is compared by its SHA-256 in
//! constant time and is never logged or stored; a session authorizes safe methods only, so that no other site
//! can make a browser submit anything; a long-running request ends with the session or the token that allowed
//! it.

use std::{fmt, sync::Arc};

use actix_web::{
    Error, HttpMessage as _, HttpRequest, ResponseError as _,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web::Data,
};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use tokio_util::sync::CancellationToken;

use super::{
    audit,
    errors::Failure,
    rights::Rights,
    session::{Door, Use},
};
use crate::{
    actors::desk::Desk,
    availability::{Author, Moment, Submission, Target},
    clock,
    noise::Noise,
    vocabulary::{Role, token_sha256},
};

static REFUSED: Noise = Noise::new("token_refused");

/// One token, as the configuration has it.
#[derive(Clone)]
pub(crate) struct Token {
    /// Stands in the history: as operator, or as reporter `token/NAME`.
    pub name: String,
    /// What it may do.
    pub rights: Rights,
    /// From when on it is not valid any more.
    pub expires: Option<Moment>,
    /// The SHA-256 of its text.
    pub sha256: [u8; 32],
}

impl Token {
    fn is_valid(&self, now: Moment) -> bool {
        self.expires.is_none_or(|end| now < end)
    }
}

impl fmt::Debug for Token {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).field("rights", &self.rights).finish_non_exhaustive()
    }
}

/// The tokens of this node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens(Vec<Token>);

impl Tokens {
    /// These and no others.
    pub(crate) fn new(tokens: Vec<Token>) -> Self {
        Self(tokens)
    }

    /// The token whose text this is. Looks at all of them, whichever it is.
    pub(crate) fn find(&self, text: &str) -> Option<&Token> {
        let presented = token_sha256(text);
        let mut found = u64::MAX;
        for (at, token) in (0_u64..).zip(&self.0) {
            let same: Choice = token.sha256[..].ct_eq(&presented[..]);
            found = u64::conditional_select(&found, &at, same);
        }
        usize::try_from(found).ok().and_then(|at| self.0.get(at))
    }
}

/// The pages' door to the API: signed-in browsers may read.
#[derive(Clone)]
pub(crate) struct Sessions(pub Door);

/// How long a caller may go on with a long-running request.
#[derive(Clone)]
pub(crate) struct Lease {
    /// Cancelled when it ends before its time.
    pub ended: CancellationToken,
    holds: Arc<dyn Fn(Moment) -> bool + Send + Sync>,
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
    /// The caller that [`require`] has admitted.
    ///
    /// # Errors
    /// 401 when there is none: the handler stands outside of `/api`.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Failure> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| nobody("this needs a token".to_owned()))
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
        Ok(match token.rights.role {
            Role::Monitor => Author::monitor_token(&token.name),
            Role::Operator | Role::Viewer => Author::operator(&token.name),
        })
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
                Lease { holds: Arc::new(move |now| token.is_valid(now)), ..Lease::without_end() }
            }
        }
    }
}

fn nobody(detail: String) -> Failure {
    Failure::Unauthenticated { detail, invalid_token: false }
}

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
            nobody("the Authorization header field must be \"Bearer\", a space and a token".to_owned())
        })?;
        let unknown = || Failure::Unauthenticated { detail: "unknown token".to_owned(), invalid_token: true };
        let token = tokens.and_then(|tokens| tokens.find(text)).ok_or_else(unknown)?;
        return match token.expires.filter(|_| !token.is_valid(clock::now())) {
            None => Ok(Caller::Token(token.clone())),
            Some(end) => Err(Failure::Unauthenticated {
                detail: format!("the token {} has expired at {end}", token.name),
                invalid_token: true,
            }),
        };
    }
    if matches!(*request.method(), Method::GET | Method::HEAD)
        && let Some(Sessions(door)) = request.app_data::<Data<Sessions>>().map(|data| data.get_ref())
        && let Some(id) = door.claimed(request)
        // What a page asks for by itself is no sign of a person.
        && let Some(session) = door.sessions.find(&id, clock::now(), Use::No)
    {
        let sessions = Arc::clone(&door.sessions);
        let holds = Arc::new(move |now| sessions.find(&id, now, Use::No).is_some());
        return Ok(Caller::Session { operator: session.operator, lease: Lease { ended: session.ended, holds } });
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::control::session::{Cookies, Limits, Proxies, Sessions as Store};
    use actix_web::test::TestRequest;

    fn tokens() -> Data<Tokens> {
        let token = |name: &str, role, text: &str, expires: Option<&str>| Token {
            name: name.into(),
            rights: Rights::new(role, None),
            expires: expires.map(|end| end.parse().unwrap()),
            sha256: token_sha256(text),
        };
        Data::new(Tokens::new(vec![
            token("ci", Role::Operator, "s3cret", Some("2999-01-01T00:00:00Z")),
            token("probe", Role::Monitor, "m0nitor", None),
            token("wall", Role::Viewer, "v1ewer", None),
            token("old", Role::Operator, "0ld", Some("2020-01-01T00:00:00Z")),
        ]))
    }

    fn door() -> Door {
        let cookies = Cookies::new(&"a".parse().unwrap());
        Door { sessions: Arc::new(Store::new(Limits::default())), cookies, proxies: Proxies::default() }
    }

    fn ask(method: Method, fields: &[&str], door: &Door, session: Option<&str>) -> Result<Caller, Failure> {
        let mut request =
            TestRequest::default().method(method).app_data(tokens()).app_data(Data::new(Sessions(door.clone())));
        for field in fields {
            let (name, value) = field.split_once(": ").unwrap();
            request = request.append_header((name, value));
        }
        if let Some(id) = session {
            request = request.cookie(door.cookies.give(id, false));
        }
        identify(&request.to_http_request())
    }

    async fn author(caller: &Caller, target: &str) -> Result<Author, Failure> {
        let value = serde_json::json!({"targets": [target], "status": "unavailable"});
        caller.author(&Desk::closed(), &Submission::parse(&value).unwrap()).await
    }

    #[actix_web::test]
    async fn a_token_tells_who_and_what() {
        let token = |text: &str| ask(Method::POST, &[&format!("Authorization: bearer {text}")], &door(), None).unwrap();
        let ci = token("s3cret");
        assert_eq!(author(&ci, "system").await.unwrap(), Author::operator("ci"));
        assert!(ci.must_be_operator().is_ok());
        let probe = token("m0nitor");
        assert_eq!(author(&probe, "application:mail").await.unwrap(), Author::monitor_token("probe"));
        assert!(matches!(author(&probe, "system").await, Err(Failure::Forbidden(_))), "unless it is listed");
        assert!(matches!(probe.must_be_operator(), Err(Failure::Forbidden(_))));
        let wall = token("v1ewer");
        assert!(author(&wall, "application:mail").await.is_err() && wall.must_act().is_err());
    }

    #[test]
    fn others_are_nobody() {
        let ask = |method, fields: &[&str]| ask(method, fields, &door(), None);
        for fields in [&["Authorization: Bearer s3cre"][..], &["Authorization: Bearer 0ld"], &[]] {
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

    #[actix_web::test]
    async fn a_session_reads_only_and_does_not_hide_a_wrong_token() {
        let door = door();
        let (id, _) = door.sessions.begin(
            "alice",
            Rights::new(Role::Operator, None),
            std::net::Ipv4Addr::LOCALHOST.into(),
            clock::now(),
        );
        let alice = ask(Method::GET, &[], &door, Some(&id)).unwrap();
        assert!(matches!(&alice, Caller::Session { operator, .. } if operator == "alice"));
        assert!(author(&alice, "system").await.is_err() && alice.must_be_operator().is_err());
        assert!(ask(Method::DELETE, &[], &door, Some(&id)).is_err());
        assert!(ask(Method::GET, &["Authorization: Bearer wrong"], &door, Some(&id)).is_err());
    }

    #[test]
    fn a_lease_ends_with_the_session_and_with_the_token() {
        let door = door();
        let (id, _) = door.sessions.begin(
            "alice",
            Rights::new(Role::Operator, None),
            std::net::Ipv4Addr::LOCALHOST.into(),
            clock::now(),
        );
        let lease = ask(Method::GET, &[], &door, Some(&id)).unwrap().lease();
        assert!(lease.holds(clock::now()) && !lease.ended.is_cancelled());
        let idle = clock::now().after(std::time::Duration::from_secs(9 * 3600));
        assert!(!lease.holds(idle), "nobody has used it");
        assert!(lease.ended.is_cancelled());
        let lease = ask(Method::GET, &["Authorization: Bearer s3cret"], &door, None).unwrap().lease();
        assert!(lease.holds(clock::now()) && !lease.holds("2999-01-01T00:00:00Z".parse().unwrap()));
    }
}
