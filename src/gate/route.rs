//! Which applications a request names: the longest route that matches its host and path.
//!
//! What must stay true: prefixes match on segment boundaries only (`/mail` matches `/mail` and
//! `/mail/x`, never `/mailbox`); the longest prefix wins; at equal length the route of the exact host
//! wins over that of a wildcard (`*.example.com`, any one label), and that over a route without a
//! host; applications that share a route come in the order of the configuration. A path whose
//! readings go to different applications goes to none. The cost of a lookup does not grow with the
//! number of routes.
//!
//! Works on paths that [`super::path`] has read; knows applications only by their index.

use std::borrow::Cow;

use actix_web::dev::RequestHead;
use actix_web::http::header;
use rustc_hash::FxHashMap;

use super::path::{Path, PathError};

/// One configured route of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The host it is limited to, without port; `*.` before it stands for any one label; none: every
    /// host.
    pub host: Option<String>,
    /// The path prefix; begins with a slash. `/mail/` is the same as `/mail`.
    pub prefix: String,
    /// Index of the application that named it.
    pub application: usize,
}

/// A route's prefix that is not a path.
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

/// Strict prefix without trailing slash (the root is empty) → applications. Keys come from the configuration alone, so
/// the hash needs no protection from strangers.
type Prefixes = FxHashMap<Box<str>, Vec<usize>>;

/// All routes of a node, ready for lookups.
#[derive(Debug, Default)]
pub struct Routes {
    any: Prefixes,
    /// By lower-case host.
    hosts: FxHashMap<Box<str>, Prefixes>,
    /// By what follows the `*.` of a wildcard, in lower case.
    wildcards: FxHashMap<Box<str>, Prefixes>,
    lengths: Lengths,
}

/// How long the prefixes are, in bytes: at other boundaries of a path no look is worth its time.
#[derive(Debug, Default)]
struct Lengths {
    /// One bit for each length below [`EXACT`].
    short: [u64; EXACT / 64],
    longest: usize,
}

/// Lengths of prefixes that are told apart.
const EXACT: usize = 128;

impl Lengths {
    fn add(&mut self, length: usize) {
        self.longest = self.longest.max(length);
        if let Some(bits) = self.short.get_mut(length / 64) {
            *bits |= 1 << (length % 64);
        }
    }

    /// Whether a prefix may have this length.
    fn has(&self, length: usize) -> bool {
        self.short.get(length / 64).is_none_or(|bits| bits & 1 << (length % 64) != 0)
    }

    /// Where a prefix of `path` may end, the shortest first.
    fn ends<'p>(&'p self, path: &'p str) -> impl Iterator<Item = usize> + 'p {
        let ends = std::iter::once(0).chain(boundaries(path)).take_while(|&end| end <= self.longest);
        ends.filter(|&end| self.has(end))
    }
}

/// A route that a request matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched<'a> {
    /// Its prefix, in strict form and without a slash at its end.
    pub prefix: &'a str,
    /// The applications that share it, in the order of the configuration: all must be available,
    /// and the first with an upstream performs the request.
    pub applications: &'a [usize],
}

/// The applications that the readings of a path name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found<'a> {
    /// The route that the strict reading matches: its applications perform the request.
    pub chosen: Option<Matched<'a>>,
    /// Other routes that the other readings match: an upstream might read the request as one for these. Nearly
    /// always empty.
    pub others: [Option<&'a [usize]>; 2],
}

impl<'a> Found<'a> {
    /// Every list of applications that some reading names.
    pub fn all(&self) -> impl Iterator<Item = &'a [usize]> {
        self.chosen.map(|matched| matched.applications).into_iter().chain(self.others.into_iter().flatten())
    }

    /// Whether the readings go to different applications.
    pub fn is_torn(&self) -> bool {
        self.all().nth(1).is_some()
    }
}

impl Routes {
    /// Takes routes in the order of the configuration. Fails on the first prefix that is no path.
    pub fn build(routes: impl IntoIterator<Item = Route>) -> Result<Self, RouteError> {
        let mut built = Self::default();
        for Route { host, prefix, application } in routes {
            // In the strict form, so that the strict reading of a request never matches less
            // than the literal one does.
            let key = match Path::parse(prefix.as_bytes()) {
                Ok(path) => Box::from(path.strict().trim_end_matches('/')),
                Err(source) => return Err(RouteError { prefix, source }),
            };
            built.lengths.add(str::len(&key));
            let host = host.map(|host| host_name(&host).to_ascii_lowercase());
            let prefixes = match host.as_deref().map(|host| host.strip_prefix("*.").ok_or(host)) {
                None => &mut built.any,
                Some(Err(host)) => built.hosts.entry(host.into()).or_default(),
                Some(Ok(rest)) => built.wildcards.entry(rest.into()).or_default(),
            };
            let applications = prefixes.entry(key).or_default();
            if !applications.contains(&application) {
                applications.push(application);
            }
        }
        Ok(built)
    }

    /// The longest matching route. `host` may carry a port and a trailing dot. Allocates only for a
    /// host with capital letters.
    pub fn lookup(&self, host: &str, path: &str) -> Option<Matched<'_>> {
        let name = host_name(host);
        let lower: Cow<'_, str> = match name.bytes().any(|b| b.is_ascii_uppercase()) {
            true => name.to_ascii_lowercase().into(),
            false => name.into(),
        };
        let exact = self.hosts.get(&*lower);
        let wildcard = match lower.split_once('.') {
            Some((label, rest)) if !label.is_empty() && !self.wildcards.is_empty() => self.wildcards.get(rest),
            _ => None,
        };
        let of_host = [exact, wildcard];
        let find = |prefix: &str| {
            let routes = of_host.into_iter().flatten().chain([&self.any]);
            let mut found = routes.filter_map(|prefixes| prefixes.get_key_value(prefix));
            found.next().map(|(prefix, applications)| Matched { prefix, applications })
        };
        self.lengths.ends(path).fold(None, |best, end| find(&path[..end]).or(best))
    }

    /// Looks up every reading of a path.
    pub fn find(&self, host: &str, path: &Path<'_>) -> Found<'_> {
        let mut found = Found { chosen: self.lookup(host, path.strict()), ..Found::default() };
        // Mostly there is no other reading.
        if path.others().next().is_some() {
            for other in path.readings().filter_map(|reading| self.lookup(host, reading)) {
                if found.all().all(|named| named != other.applications)
                    && let Some(free) = found.others.iter_mut().find(|slot| slot.is_none())
                {
                    *free = Some(other.applications);
                }
            }
        }
        found
    }

    /// Whether some route may match a request that cannot be read as it should be: any of these
    /// guesses at its path; at any host, where that is not known either.
    pub fn may_match(&self, host: Option<&str>, guesses: &[String]) -> bool {
        guesses.iter().any(|path| match host {
            Some(host) => self.lookup(host, path).is_some(),
            None => {
                let all = self.hosts.values().chain(self.wildcards.values()).chain([&self.any]);
                let prefixes: Vec<_> = all.collect();
                self.lengths.ends(path).any(|end| prefixes.iter().any(|prefixes| prefixes.contains_key(&path[..end])))
            }
        })
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

    /// The applications that a path names at a host.
    fn at(routes: &Routes, host: &str, path: &str) -> Vec<usize> {
        routes.lookup(host, path).map_or(Vec::new(), |matched| matched.applications.to_vec())
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
            assert_eq!(at(&r, "h", path), [expected], "{path}");
        }
        assert_eq!(r.lookup("h", "/mail/admin/x").unwrap().prefix, "/mail/admin");
        assert!(at(&routes(&[("", "/mail", 0)]), "h", "/chat").is_empty());
    }

    #[test]
    fn a_host_wins_at_equal_length_only() {
        let r = routes(&[
            ("", "/mail", 0),
            ("mail.example.com", "/", 1),
            ("shop.example.com", "/mail", 2),
            ("[::1]", "/mail", 3),
        ]);
        assert_eq!(at(&r, "mail.example.com", "/x"), [1]);
        assert_eq!(at(&r, "mail.example.com", "/mail/x"), [0], "longer, though without host");
        for host in ["shop.example.com", "SHOP.example.com:8080", "shop.example.com.", "shop.example.com.:80"] {
            assert_eq!(at(&r, host, "/mail"), [2], "{host}");
        }
        assert_eq!(at(&r, "[::1]:80", "/mail"), [3]);
        assert!(at(&r, "other", "/x").is_empty());
    }

    #[test]
    fn a_wildcard_is_any_one_label_and_comes_after_the_exact_host() {
        let r = routes(&[
            ("", "/", 0),
            ("*.example.com", "/", 1),
            ("shop.example.com", "/", 2),
            ("*.example.com", "/cart", 3),
            ("", "/cart/old", 4),
        ]);
        for (host, path, expected) in [
            ("mail.example.com", "/", 1),
            ("MAIL.Example.COM.:80", "/x", 1),
            ("shop.example.com", "/", 2),
            ("shop.example.com", "/cart", 3),
            ("mail.example.com", "/cart/old", 4),
            ("example.com", "/", 0),
            ("a.b.example.com", "/", 0),
            (".example.com", "/", 0),
            ("other.org", "/cart", 0),
        ] {
            assert_eq!(at(&r, host, path), [expected], "{host}{path}");
        }
    }

    #[test]
    fn prefixes_of_any_length_are_found() {
        let long = format!("/{}", "x".repeat(3 * EXACT));
        let r = routes(&[("", "/ab", 0), ("", &long, 1), ("", &long[..EXACT], 2)]);
        assert_eq!((at(&r, "h", &long), at(&r, "h", &format!("{}/y", &long[..EXACT]))), (vec![1], vec![2]));
        assert_eq!(at(&r, "h", "/ab/c"), [0]);
        assert!(
            at(&r, "h", "/").is_empty() && at(&r, "h", "/abc").is_empty() && at(&r, "h", &long[..EXACT + 1]).is_empty()
        );
    }

    #[test]
    fn a_shared_route_names_all_in_order() {
        let r = routes(&[("", "/x", 3), ("", "/x/", 1), ("", "/x", 3)]);
        assert_eq!(at(&r, "", "/x"), [3, 1]);
    }

    #[test]
    fn readings_that_go_to_different_applications_go_nowhere() {
        let r = routes(&[("", "/shop", 0), ("", "/shop/cart", 1), ("", "/a@b", 2), ("", "/mail", 3)]);
        for (raw, expected) in [
            ("/shop/cart/%2F", Some(1)),
            ("/shop//x/./y", Some(0)),
            ("//mail", Some(3)),
            ("/%6dail/x", Some(3)),
            ("/mail;v=1", Some(3)),
            ("/a%40b", Some(2)),
            ("/nobody/../mail", Some(3)),
            ("/shop%2Fcart", Some(1)),
            ("/shop/%2Fcart", None),
            ("/shop//cart", None),
            ("/shop;v=1/cart", Some(1)),
            ("/shop/x/../cart", None),
            ("/shop/../mail", None),
        ] {
            let found = r.find("h", &Path::parse(raw.as_bytes()).unwrap());
            match expected {
                Some(application) => assert_eq!(found.all().collect::<Vec<_>>(), [[application]], "{raw}"),
                None => assert!(found.is_torn() && found.chosen.is_some(), "{raw}"),
            }
        }
        let found = |raw: &str| r.find("h", &Path::parse(raw.as_bytes()).unwrap());
        let beside = found("/mail/../x");
        assert_eq!((beside.chosen, beside.others), (None, [Some(&[3][..]), None]), "mail's upstream must not get it");
        assert_eq!(found("/x/../y"), Found::default());
    }

    #[test]
    fn what_cannot_be_read_may_match() {
        let r = routes(&[("", "/mail", 0), ("*.shop.example", "/cart", 1)]);
        let guess = |host, raw: &[u8]| r.may_match(host, &crate::gate::path::guesses(raw));
        assert!(guess(Some("h"), b"/mail/%zz") && guess(None, b"/mail%2f..%2fx"));
        assert!(!guess(Some("h"), b"/x%2f..%2fy") && !guess(None, b"/mailbox/%"));
        assert!(guess(None, b"/cart/%") && guess(Some("a.shop.example"), b"/cart/%") && !guess(Some("h"), b"/cart/%"));
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
