//! Whether a refused request is a form that may come back on the page (docs/contract.md#typed-text-is-given-back).
//!
//! What must stay true: only what the application's own pages sent comes back. A button of ours below what another
//! site sent would make a request of the site's own out of a foreign one.

use std::net::IpAddr;

use super::{
    fields::{Fields, members},
    forwarded::TrustedProxies,
};
use crate::answer::form::Encoding;

/// The parts of a head that tell.
pub(super) struct Asked<'a, F> {
    /// Such as `POST`.
    pub(super) method: &'a str,
    /// The host and port that it names.
    pub(super) host: &'a str,
    /// Its header fields.
    pub(super) fields: &'a F,
    /// The connection's other end.
    pub(super) peer: Option<IpAddr>,
}

impl<F: Fields> Asked<'_, F> {
    /// How the form is encoded; none, if it is no form or not the application's own.
    pub(super) fn encoding(&self, trusted: &TrustedProxies) -> Option<Encoding> {
        if self.method != "POST" || self.fields.lines("content-encoding").next().is_some() {
            return None;
        }
        let encoding = Encoding::of(self.only("content-type")?)?;
        self.is_own(trusted).then_some(encoding)
    }

    /// Whether a page of the same host has sent it.
    fn is_own(&self, trusted: &TrustedProxies) -> bool {
        if self.fields.lines("sec-fetch-site").next().is_some() {
            return self.only("sec-fetch-site") == Some(b"same-origin");
        }
        // Browsers that do not say it, or do not say it without TLS, name where the form was.
        let from = match self.fields.lines("origin").next() {
            Some(_) => self.only("origin"),
            None => self.only("referer"),
        };
        let Some(from) = from.and_then(authority) else { return false };
        let outer = self
            .peer
            .filter(|peer| trusted.contains(*peer))
            .and_then(|_| members(self.fields, "x-forwarded-host").next());
        from.eq_ignore_ascii_case(outer.unwrap_or(self.host))
    }

    /// The value of a field that must stand once.
    fn only(&self, name: &str) -> Option<&[u8]> {
        let mut lines = self.fields.lines(name);
        lines.next().filter(|_| lines.next().is_none())
    }
}

/// Host and port of an address; none of `null`.
fn authority(address: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(address).ok()?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{gate::fields::Lines, http1::head::Field};

    fn encoding(peer: &str, sent: &[(&'static str, &'static str)]) -> Option<Encoding> {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let fields: Vec<Field<'_>> =
            form.iter().chain(sent).map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let fields = Lines(&fields);
        let asked = Asked { method: "POST", host: "mail.example:8080", fields: &fields, peer: peer.parse().ok() };
        asked.encoding(&TrustedProxies::new(["192.0.2.0/24".parse().unwrap()]))
    }

    #[test]
    fn only_what_the_hosts_own_pages_sent_comes_back() {
        let cases: [(&[(&str, &str)], bool); 15] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://mail.example:8080")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://mail.example:8080")], true),
            (&[("origin", "https://MAIL.example:8080")], true),
            (&[("origin", "http://mail.example")], false),
            (&[("origin", "http://evil.example:8080")], false),
            (&[("origin", "null"), ("referer", "http://mail.example:8080/x")], false),
            (&[("referer", "http://mail.example:8080/compose?x=http://evil.example")], true),
            (&[("referer", "http://mail.example:8080@evil.example/")], false),
            (&[("referer", "http://evil.example/http://mail.example:8080/")], false),
            (&[], false),
            (&[("sec-fetch-site", "same-origin"), ("content-encoding", "gzip")], false),
        ];
        for (sent, own) in cases {
            assert_eq!(encoding("203.0.113.7", sent).is_some(), own, "{sent:?}");
        }
    }

    #[test]
    fn behind_a_trusted_proxy_the_outer_host_counts() {
        let sent = [("origin", "https://www.example"), ("x-forwarded-host", "www.example, mail.example:8080")];
        assert!(encoding("192.0.2.1", &sent).is_some());
        assert!(encoding("203.0.113.7", &sent).is_none());
    }
}
