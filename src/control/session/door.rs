//! What handlers ask: who made this request, and may it change something?

use std::sync::Arc;

use actix_web::HttpRequest;
use subtle::ConstantTimeEq as _;

use super::{Cookies, OriginError, Session, Sessions, Use, check_origin};
use crate::availability::Moment;

/// Sessions and the cookie that leads to them. Cheap to clone; the API uses it, too, for browsers
/// that read `/api/v1/events`.
#[derive(Debug, Clone)]
pub struct Door {
    /// All of this node.
    pub sessions: Arc<Sessions>,
    /// Their cookie.
    pub cookies: Cookies,
}

/// Why a signed-in request is not obeyed; 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not from an own page.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// Not with this session's token.
    #[error("the form belongs to another session")]
    Token,
}

impl Door {
    /// Who made this request; `None`: nobody who is signed in.
    pub fn who(&self, request: &HttpRequest, now: Moment, used: Use) -> Option<Session> {
        self.sessions.find(&self.cookies.read(request)?, now, used)
    }

    /// Whether an unsafe request of this session may do what it asks for.
    ///
    /// # Errors
    /// When it was made elsewhere, or without the session's token.
    pub fn check(&self, request: &HttpRequest, session: &Session, token: &str) -> Result<(), Refusal> {
        check_origin(request.headers())?;
        if bool::from(session.token.as_bytes().ct_eq(token.as_bytes())) { Ok(()) } else { Err(Refusal::Token) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_change_needs_session_origin_and_token() {
        let cookies = Cookies::new(&"a".parse().unwrap(), false);
        let door = Door { sessions: Arc::new(Sessions::new(super::super::Limits::default())), cookies };
        let (id, session) = door.sessions.begin("alice", Moment::ZERO);
        let request =
            TestRequest::post().cookie(door.cookies.give(&id)).insert_header(("sec-fetch-site", "same-origin"));
        let request = request.to_http_request();
        assert_eq!(door.who(&request, Moment::ZERO, Use::Yes), Some(session.clone()));
        assert_eq!(door.check(&request, &session, &session.token), Ok(()));
        assert_eq!(door.check(&request, &session, ""), Err(Refusal::Token));
        let elsewhere = TestRequest::post().insert_header(("sec-fetch-site", "cross-site")).to_http_request();
        assert_eq!(door.check(&elsewhere, &session, &session.token), Err(Refusal::Origin(OriginError::OtherSite)));
        assert_eq!(door.who(&elsewhere, Moment::ZERO, Use::Yes), None);
    }
}
