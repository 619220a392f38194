//! Which applications a request names: the longest route that matches its host and path.
//!
//! What must stay true: prefixes match on segment boundaries only (`/mail` matches `/mail` and
//! `/mail/x`, never `/mailbox`); the longest prefix wins, and at equal length the route with a
//! host wins over the one without; applications that share a route come in the order of the
//! configuration. The cost of a lookup does not grow with the number of routes.
//!
//! Works on paths that [`super::path`] has read; knows applications only by their index.

use std::collections::HashMap;

use actix_web::dev::RequestHead;
use actix_web::http::header;

use super::path::{Path, PathError};

/// One configured route of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The host it is limited to, without port; none: every host.
    pub host: Option<String>,
    /// The path prefix; begins with a slash. `/mail/` is the same as `/mail`.
    pub prefix: String,
    /// Index of the application that named it.
    pub application: usize,
}

/// A route's prefix that is no path.
#[derive(Debug, thiserror::Error)]
#[error("route {prefix:?}: {source}")]
pub struct RouteError {
    /// The prefix as configured.
    pub prefix: String,
    /// What is wrong with it.
    pub source: PathError,
}

/// The host that a request names is missing where it must not be, or no host (400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Host header is not a host name with an optional port")]
pub struct HostError;

/// Strict prefix without trailing slash (the root is empty) → applications.
type Prefixes = HashMap<Box<str>, Vec<usize>>;

/// All routes of a node, ready for lookups.
#[derive(Debug, Default)]
pub struct Routes {
    any: Prefixes,
    /// By lower-case host.
    hosts: HashMap<Box<str>, Prefixes>,
    /// Length of the longest prefix in bytes: no boundary behind it is worth a look.
    longest: usize,
}

/// What a path named, under each of its readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// The applications of the route, in the order of the configuration: all must be available,
    /// and the first with an upstream performs. Empty: no route matches.
    pub performs: &'a [usize],
    /// Applications that another reading of the path names: these must be available as well.
    /// Nearly always empty.
    pub also: &'a [usize],
}

impl Routes {
    /// Takes routes in the order of the configuration. Fails on the first prefix that is no path.
    pub fn build(routes: impl IntoIterator<Item = Route>) -> Result<Self, RouteError> {
        let mut built = Self::default();
        for Route { host, prefix, application } in routes {
            // In the strict form, so that the strict reading of a request never matches less
            // than the literal one does.
            let key = match Path::parse(&prefix) {
                Ok(path) => Box::from(path.strict().trim_end_matches('/')),
                Err(source) => return Err(RouteError { prefix, source }),
            };
            built.longest = built.longest.max(str::len(&key));
            let prefixes = match host {
                None => &mut built.any,
                Some(host) => built.hosts.entry(host_name(&host).to_ascii_lowercase().into_boxed_str()).or_default(),
            };
            let applications = prefixes.entry(key).or_default();
            if !applications.contains(&application) {
                applications.push(application);
            }
        }
        Ok(built)
    }

    /// The applications of the longest matching route; empty when none matches. `host` may carry
    /// a port and a trailing dot. Allocates only for a host with capital letters.
    pub fn lookup(&self, host: &str, path: &str) -> &[usize] {
        let named = self.prefixes_of(host);
        let find = |prefix: &str| {
            // at equal length the route with a host wins
            named.and_then(|p| p.get(prefix)).or_else(|| self.any.get(prefix))
        };
        let mut best = find("");
        for end in boundaries(path).take_while(|&end| end <= self.longest) {
            best = find(&path[..end]).or(best);
        }
        best.map_or(&[], Vec::as_slice)
    }

    /// Looks up every reading of a path.
    pub fn find(&self, host: &str, path: &Path<'_>) -> Found<'_> {
        let performs = self.lookup(host, path.strict());
        let also = match path.is_ambiguous() {
            false => &[],
            true => match self.lookup(host, path.literal()) {
                other if other == performs => &[],
                other => other,
            },
        };
        Found { performs, also }
    }

    fn prefixes_of(&self, host: &str) -> Option<&Prefixes> {
        if self.hosts.is_empty() {
            return None;
        }
        let name = host_name(host);
        if name.bytes().any(|b| b.is_ascii_uppercase()) {
            self.hosts.get(&*name.to_ascii_lowercase())
        } else {
            self.hosts.get(name)
        }
    }
}

/// Where a prefix of `path` may end: before each slash but the first, and at the end.
fn boundaries(path: &str) -> impl Iterator<Item = usize> {
    let slashes = path.bytes().enumerate().skip(1).filter(|&(_, b)| b == b'/').map(|(i, _)| i);
    slashes.chain(std::iter::once(path.len()))
}

/// A host without its port and trailing dot; an IPv6 address keeps its brackets.
pub fn host_name(authority: &str) -> &str {
    let end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']').map(|i| i + 2),
        None => authority.find(':'),
    };
    let name = &authority[..end.unwrap_or(authority.len())];
    name.strip_suffix('.').unwrap_or(name)
}

/// The host (and port) that a request is for: the target's authority if it has one (RFC 9112,
/// section 3.2.2), otherwise its Host header; empty for HTTP/1.0 without one. The same text is
/// forwarded as Host, so that the upstream sees what was decided on.
pub fn request_host(head: &RequestHead) -> Result<&str, HostError> {
    let host = match head.uri.authority() {
        Some(authority) => {
            let text = authority.as_str();
            text.rsplit_once('@').map_or(text, |(_, host)| host)
        }
        None => match head.headers.get(header::HOST) {
            Some(value) => value.to_str().ok().ok_or(HostError)?,
            None => "",
        },
    };
    checked_host(host)
}

/// A host with an optional port, or nothing.
pub(super) fn checked_host(host: &str) -> Result<&str, HostError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b':' | b'[' | b']' | b'%');
    if host.bytes().all(fits) { Ok(host) } else { Err(HostError) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn routes(list: &[(&str, &str, usize)]) -> Routes {
        Routes::build(list.iter().map(|&(host, prefix, application)| Route {
            host: (!host.is_empty()).then(|| host.to_owned()),
            prefix: prefix.to_owned(),
            application,
        }))
        .unwrap()
    }

    #[test]
    fn longest_prefix_on_a_segment_boundary_wins() {
        let r = routes(&[("", "/mail", 0), ("", "/mail/admin/", 1), ("", "/", 2)]);
        for (path, expected) in [
            ("/mail", 0),
            ("/mail/", 0),
            ("/mail/x", 0),
            ("/mailbox", 2),
            ("/", 2),
            ("/mail/admin", 1),
            ("/mail/admin/x", 1),
            ("/mail/administrator", 0),
        ] {
            assert_eq!(r.lookup("h", path), [expected], "{path}");
        }
        assert!(routes(&[("", "/mail", 0)]).lookup("h", "/chat").is_empty());
    }

    #[test]
    fn a_host_wins_at_equal_length_only() {
        let r = routes(&[
            ("", "/mail", 0),
            ("mail.example.com", "/", 1),
            ("shop.example.com", "/mail", 2),
            ("[::1]", "/mail", 3),
        ]);
        assert_eq!(r.lookup("mail.example.com", "/x"), [1]);
        assert_eq!(r.lookup("mail.example.com", "/mail/x"), [0], "longer, though without host");
        for host in ["shop.example.com", "SHOP.example.com:8080", "shop.example.com.", "shop.example.com.:80"] {
            assert_eq!(r.lookup(host, "/mail"), [2], "{host}");
        }
        assert_eq!(r.lookup("[::1]:80", "/mail"), [3]);
        assert!(r.lookup("other", "/x").is_empty());
    }

    #[test]
    fn a_shared_route_names_all_in_order() {
        let r = routes(&[("", "/x", 3), ("", "/x/", 1), ("", "/x", 3)]);
        assert_eq!(r.lookup("", "/x"), [3, 1]);
    }

    #[test]
    fn both_readings_must_be_open() {
        let r = routes(&[("", "/", 0), ("", "/shop/cart", 1), ("", "/a@b", 2)]);
        let find = |raw| {
            let found = r.find("h", &Path::parse(raw).unwrap());
            (found.performs.to_vec(), found.also.to_vec())
        };
        assert_eq!(find("/shop%2Fcart"), (vec![1], vec![0]));
        assert_eq!(find("/shop;v=1/cart"), (vec![1], vec![0]));
        assert_eq!(find("/a%40b"), (vec![2], vec![0]));
        assert_eq!(find("/shop/cart/%2F"), (vec![1], vec![]));
        assert_eq!(find("/x"), (vec![0], vec![]));
    }

    #[test]
    fn a_prefix_that_is_no_path_is_named() {
        let bad = Route { host: None, prefix: "mail".into(), application: 0 };
        assert!(Routes::build([bad]).unwrap_err().to_string().contains("\"mail\""));
    }

    #[test]
    fn the_host_of_a_request() {
        let host = |uri: &str, host: &'static str| {
            request_host(TestRequest::with_uri(uri).insert_header((header::HOST, host)).to_http_request().head())
                .map(str::to_owned)
        };
        assert_eq!(host("/x", "a.example:80").as_deref(), Ok("a.example:80"));
        assert_eq!(host("http://u@b.example/x", "a.example").as_deref(), Ok("b.example"));
        assert_eq!(host("/x", "a/b"), Err(HostError));
        assert_eq!(host("/x", "a\"b"), Err(HostError));
    }
}
