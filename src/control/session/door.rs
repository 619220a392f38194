//! The handlers' questions: who made this request, and may it change something?

use std::sync::Arc;

use actix_web::HttpRequest;
use subtle::ConstantTimeEq as _;

use super::{Cookies, Front, OriginError, Proxies, Session, Sessions, Use, check_origin};
use crate::availability::Moment;

/// Sessions and the cookie that leads to them. Cheap to clone; the API uses it, too, for browsers
/// that read `/api/v1/events`.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// All of this node.
    pub sessions: Arc<Sessions>,
    /// Their cookie.
    pub cookies: Cookies,
    /// The proxies whose forwarding headers are believed.
    pub proxies: Proxies,
}

/// Why a signed-in request is not obeyed; 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Not from an own page.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// Not with this session's token.
    #[error("the form belongs to another session")]
    Token,
}

impl Door {
    /// How a request has reached this node.
    pub(crate) fn front(&self, request: &HttpRequest) -> Front {
        self.proxies.front(request)
    }

    /// The id of the session that a request claims to belong to, unchecked.
    pub(crate) fn claimed(&self, request: &HttpRequest) -> Option<String> {
        self.cookies.read(request, self.front(request).secure)
    }

    /// The session of this request; `None` without a live one.
    pub(crate) fn who(&self, request: &HttpRequest, now: Moment, used: Use) -> Option<Session> {
        self.sessions.find(&self.claimed(request)?, now, used)
    }

    /// Whether an unsafe request was made by one of this node's own pages.
    ///
    /// # Errors
    /// When it was made elsewhere, or nothing shows where.
    pub(crate) fn check_origin(&self, request: &HttpRequest) -> Result<(), OriginError> {
        check_origin(request.headers(), &self.front(request))
    }

    /// Whether an unsafe request of this session may do what it asks for.
    ///
    /// # Errors
    /// When it was made elsewhere, or without the session's token.
    pub(crate) fn check(&self, request: &HttpRequest, session: &Session, token: &str) -> Result<(), Refusal> {
        self.check_origin(request)?;
        if bool::from(session.token.as_bytes().ct_eq(token.as_bytes())) { Ok(()) } else { Err(Refusal::Token) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::control::rights::{Rights, Role};
    use actix_web::test::TestRequest;

    fn door() -> Door {
        let cookies = Cookies::new(&"a".parse().unwrap());
        let proxies = Proxies::new(["192.0.2.1/32".parse().unwrap()]);
        Door { sessions: Arc::new(Sessions::new(super::super::Limits::default())), cookies, proxies }
    }

    #[test]
    fn a_change_needs_session_origin_and_token() {
        let door = door();
        let (id, session) = door.sessions.begin(
            "alice",
            Rights::new(Role::Operator, None),
            std::net::Ipv4Addr::LOCALHOST.into(),
            Moment::ZERO,
        );
        let request =
            TestRequest::post().cookie(door.cookies.give(&id, false)).insert_header(("sec-fetch-site", "same-origin"));
        let request = request.to_http_request();
        let found = door.who(&request, Moment::ZERO, Use::Yes).unwrap();
        assert_eq!(found.operator, "alice");
        assert_eq!(door.check(&request, &session, &session.token), Ok(()));
        assert_eq!(door.check(&request, &session, ""), Err(Refusal::Token));
        let elsewhere = TestRequest::post().insert_header(("sec-fetch-site", "cross-site")).to_http_request();
        assert_eq!(door.check(&elsewhere, &session, &session.token), Err(Refusal::Origin(OriginError::OtherSite)));
        assert!(door.who(&elsewhere, Moment::ZERO, Use::Yes).is_none());
    }

    #[test]
    fn behind_a_proxy_that_says_https_only_the_secure_cookie_counts() {
        let door = door();
        let (id, session) = door.sessions.begin(
            "alice",
            Rights::new(Role::Operator, None),
            std::net::Ipv4Addr::LOCALHOST.into(),
            Moment::ZERO,
        );
        let request = |secure| {
            TestRequest::post()
                .peer_addr("192.0.2.1:4000".parse().unwrap())
                .cookie(door.cookies.give(&id, secure))
                .insert_header(("host", "127.0.0.1:7070"))
                .insert_header(("x-forwarded-proto", "https"))
                .insert_header(("x-forwarded-host", "ops.example"))
                .insert_header(("origin", "https://ops.example"))
                .to_http_request()
        };
        assert!(door.who(&request(true), Moment::ZERO, Use::Yes).is_some());
        assert!(door.who(&request(false), Moment::ZERO, Use::Yes).is_none(), "any neighbour could have set that one");
        assert_eq!(door.check(&request(true), &session, &session.token), Ok(()));
    }
}
