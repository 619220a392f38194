//! The cookie that carries a session's id.
//!
//! HttpOnly, SameSite=Strict, Path=/, without a lifetime of its own (it goes with the browser; the
//! session may end earlier). Where the browser uses https: `Secure` and the prefix `__Host-`, which
//! keeps neighbours on the same domain from setting one (RFC 6265bis §4.1.3.2).
//!
//! The name ends with the node's: all ports of a host share cookies (RFC 6265 §8.5), and sessions are per node.
//! Otherwise signing in at one node of a farm on one machine would sign out of the other nodes.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
};

use crate::availability::Name;

/// How this node's cookie is named and sent. `secure`, throughout: the browser uses https.
#[derive(Debug, Clone)]
pub(crate) struct Cookies {
    name: String,
}

impl Cookies {
    /// For this node.
    pub(crate) fn new(node: &Name) -> Self {
        Self { name: format!("forewarn_session_{node}") }
    }

    fn name(&self, secure: bool) -> String {
        if secure { format!("__Host-{}", self.name) } else { self.name.clone() }
    }

    /// The id that a request carries, unchecked.
    pub(crate) fn read(&self, request: &HttpRequest, secure: bool) -> Option<String> {
        let id = request.cookie(&self.name(secure))?.value().to_owned();
        (id.len() == 64).then_some(id)
    }

    /// Hands an id to the browser.
    pub(crate) fn give(&self, id: &str, secure: bool) -> Cookie<'static> {
        Cookie::build(self.name(secure), id.to_owned())
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(secure)
            .finish()
    }

    /// Takes it back.
    pub(crate) fn take(&self, secure: bool) -> Cookie<'static> {
        let mut cookie = self.give("", secure);
        cookie.set_max_age(Duration::ZERO);
        cookie
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn scripts_and_other_sites_do_not_see_it() {
        let cookies = Cookies::new(&"a".parse().unwrap());
        assert_eq!(cookies.give("1", false).to_string(), "forewarn_session_a=1; HttpOnly; SameSite=Strict; Path=/");
        let secure = cookies.give("1", true).to_string();
        assert_eq!(secure, "__Host-forewarn_session_a=1; HttpOnly; SameSite=Strict; Secure; Path=/");
        assert!(cookies.take(false).to_string().contains("Max-Age=0"));
    }
}
