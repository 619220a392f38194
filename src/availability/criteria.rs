//! Criteria limit a notification to some requests (docs/contract.md#criteria).
//!
//! Criteria are kept in one canonical form (methods in upper case, header names in lower case, paths
//! normalized, lists sorted and without duplicates, networks without host bits and as IPv4 where possible). So
//! equal criteria are equal as values; the dropping rule and the bounds compare them.
//!
//! Versions may mix: parts of a peer's criteria that this version does not know (another kind, or an unreadable
//! value of a known kind) are kept as written, compared, and passed on. Every given kind must match, and an
//! unknown kind does not, so such criteria match no request here.

use std::{
    borrow::Cow,
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
    net::IpAddr,
};

use ipnet::{IpNet, Ipv4Net};

use super::{Glob, Name, Text};

mod form;

pub use form::CriteriaError;

/// The largest number of globs in one notification.
pub const MAX_GLOBS: usize = 64;

/// Canonical, not empty. Every kind that is given must match; one match is enough within a list;
/// in `headers`, `query` and `cookies` all that are named must match; what `except` matches is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Criteria {
    methods: Vec<String>,
    paths: Vec<Glob>,
    headers: BTreeMap<String, Glob>,
    query: BTreeMap<String, Glob>,
    cookies: BTreeMap<String, Glob>,
    clients: Vec<IpNet>,
    nodes: Vec<Name>,
    /// Requests that match one of these are excluded. These have no exceptions of their own.
    except: Vec<Criteria>,
    /// By kind, as JSON with members in order: text, because that has an order and a hash.
    unread: BTreeMap<String, String>,
}

/// Looks up a request's header fields for criteria.
pub trait HeaderSource {
    /// Calls back with each value of this field (name in lower case).
    fn each<'a>(&'a self, name: &str, take: &mut dyn FnMut(&'a [u8]));
}

/// A request without header fields.
pub struct NoHeaders;

impl HeaderSource for NoHeaders {
    fn each<'a>(&'a self, _: &str, _: &mut dyn FnMut(&'a [u8])) {}
}

impl HeaderSource for [(String, String)] {
    fn each<'a>(&'a self, name: &str, take: &mut dyn FnMut(&'a [u8])) {
        self.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).for_each(|(_, value)| take(value.as_bytes()));
    }
}

/// What criteria read of one request, borrowed.
#[derive(Clone, Copy)]
pub struct RequestFacts<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// The normalized path, without its query.
    pub path: &'a str,
    /// Other readings of the same path that an upstream may use: a request is closed if it is closed under any.
    pub also: [Option<&'a str>; 2],
    /// What follows the `?`, as it came.
    pub query: &'a str,
    /// The header fields.
    pub headers: &'a dyn HeaderSource,
    /// The client's address, as far as the trusted proxies report it.
    pub client: Option<IpAddr>,
    /// The node that decides.
    pub node: &'a str,
    /// Its sender was served before the last entry of a plan (docs/contract.md#last-entry).
    pub inside: bool,
}

/// A request that is compared with many criteria. Each part is decoded once, when criteria first read it.
pub struct Request<'a> {
    facts: RequestFacts<'a>,
    /// Names and values, sorted by name.
    query: OnceCell<Vec<(Cow<'a, str>, Cow<'a, str>)>>,
    /// The values of the header fields that were looked at.
    headers: RefCell<BTreeMap<String, Vec<Text<'a>>>>,
    /// Names and values, sorted by name.
    cookies: OnceCell<Vec<(&'a [u8], Text<'a>)>>,
}

impl<'a> Request<'a> {
    /// Nothing is looked at yet.
    pub fn new(facts: RequestFacts<'a>) -> Self {
        Self { facts, query: OnceCell::new(), headers: RefCell::default(), cookies: OnceCell::new() }
    }

    pub(super) fn path(&self) -> &str {
        self.facts.path
    }

    /// Whether some value of this header field matches.
    fn header_has(&self, name: &str, glob: &Glob) -> bool {
        let mut known = self.headers.borrow_mut();
        if !known.contains_key(name) {
            let mut values = Vec::new();
            self.facts.headers.each(name, &mut |value| values.push(Text::from(value)));
            known.insert(name.to_owned(), values);
        }
        known.get(name).is_some_and(|values| values.iter().any(|value| glob.matches(*value, true)))
    }

    /// Whether a cookie of this name has a value that matches.
    fn cookie_has(&self, name: &str, glob: &Glob) -> bool {
        let cookies = self.cookies.get_or_init(|| {
            let mut cookies: Vec<(&[u8], Text<'_>)> = Vec::new();
            self.facts.headers.each("cookie", &mut |line| {
                let pairs = line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
                cookies.extend(pairs.filter_map(|pair| {
                    let at = pair.iter().position(|byte| *byte == b'=')?;
                    let value = pair[at + 1..].trim_ascii();
                    let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
                    Some((pair[..at].trim_ascii(), Text::from(bare)))
                }));
            });
            cookies.sort_by_key(|(name, _)| *name);
            cookies
        });
        let first = cookies.partition_point(|(known, _)| *known < name.as_bytes());
        let mut named = cookies[first..].iter().take_while(|(known, _)| *known == name.as_bytes());
        named.any(|(_, value)| glob.matches(*value, false))
    }

    /// Whether the query has a member of this name whose value matches.
    fn query_has(&self, name: &str, glob: &Glob) -> bool {
        let pairs = self.query.get_or_init(|| {
            let split = |pair: &'a str| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(key), decode(value))
            };
            let mut pairs: Vec<_> = self.facts.query.split('&').map(split).collect();
            pairs.sort();
            pairs
        });
        let first = pairs.partition_point(|(key, _)| &**key < name);
        pairs[first..].iter().take_while(|(key, _)| key == name).any(|(_, value)| glob.matches(&**value, false))
    }
}

impl Criteria {
    /// Whether these criteria match this request.
    pub fn match_request(&self, facts: &RequestFacts<'_>) -> bool {
        self.matches(&Request::new(*facts))
    }

    /// The same for a request that is compared with other criteria as well.
    pub fn matches(&self, request: &Request<'_>) -> bool {
        self.match_path(request.facts.path) && self.match_rest(request) && !self.excepts(request, request.facts.path)
    }

    /// Whether they have path globs.
    pub(super) fn has_paths(&self) -> bool {
        !self.paths.is_empty() || self.except.iter().any(Self::has_paths)
    }

    /// Whether a request is excluded, under this reading of its path.
    pub(super) fn excepts(&self, request: &Request<'_>, path: &str) -> bool {
        self.except.iter().any(|one| one.match_path(path) && one.match_rest(request))
    }

    /// The text that every path begins with that they match; empty if they have no path globs.
    pub(super) fn path_start(&self) -> String {
        let mut starts = self.paths.iter().map(Glob::start);
        let mut common = starts.next().unwrap_or_default();
        for start in starts {
            let same = common.chars().zip(start.chars()).take_while(|(one, other)| one == other);
            let len = same.map(|(c, _)| c.len_utf8()).sum();
            common.truncate(len);
        }
        common
    }

    pub(super) fn match_path(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|glob| glob.matches(path, false))
    }

    /// Everything except the path and the exceptions.
    pub(super) fn match_rest(&self, request: &Request<'_>) -> bool {
        let facts = &request.facts;
        !self.has_unread()
            && (self.methods.is_empty() || self.methods.iter().any(|m| m.eq_ignore_ascii_case(facts.method)))
            && (self.nodes.is_empty() || self.nodes.iter().any(|n| n.as_str() == facts.node))
            && (self.clients.is_empty()
                || facts
                    .client
                    .is_some_and(|client| self.clients.iter().any(|net| net.contains(&client.to_canonical()))))
            && self.query.iter().all(|(name, glob)| request.query_has(name, glob))
            && self.headers.iter().all(|(name, glob)| request.header_has(name, glob))
            && self.cookies.iter().all(|(name, glob)| request.cookie_has(name, glob))
    }

    /// The greatest cost of comparing a request with them, in points of about 0.1 µs (`benches/criteria.rs`):
    /// comparing the ends of a text, and searching it for text between two stars. A path is read in up to three
    /// ways; a target has up to 8 KiB, a head up to 32 KiB.
    pub fn cost(&self) -> usize {
        let ends = |glob: &Glob| 1 + glob.as_str().len() / 10;
        let search = |glob: &Glob, fold: bool| 60 * glob.words(fold);
        let paths: usize = self.paths.iter().map(|glob| 3 * (ends(glob) + search(glob, false))).sum();
        let query: usize = self.query.values().map(|glob| ends(glob) + search(glob, false)).sum();
        let headers: usize = self.headers.values().map(|glob| ends(glob) + 4 * search(glob, true)).sum();
        let cookies: usize = self.cookies.values().map(|glob| ends(glob) + 4 * search(glob, false)).sum();
        // What is left out is asked about for each reading of the path.
        let except: usize = self.except.iter().map(|one| 3 * one.cost()).sum();
        // Ten short comparisons are a point.
        let lists = (self.methods.len() + self.nodes.len() + self.clients.len()).div_ceil(10);
        paths + query + headers + cookies + except + lists
    }

    fn globs(&self) -> usize {
        let own = self.paths.len() + self.headers.len() + self.query.len() + self.cookies.len();
        own + self.except.iter().map(Self::globs).sum::<usize>()
    }

    /// Prepares matching, so that no request waits for it.
    pub(super) fn prepare(&self) {
        let exact = self.paths.iter().chain(self.query.values()).chain(self.cookies.values());
        exact.for_each(|glob| glob.prepare(false));
        self.headers.values().for_each(|glob| glob.prepare(true));
        self.except.iter().for_each(Self::prepare);
    }

    /// Whether they have parts that this version does not know.
    pub fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// The kinds that this version does not know, in order.
    pub fn unread(&self) -> impl Iterator<Item = &str> {
        self.unread.keys().map(String::as_str)
    }

    /// The nodes that it is limited to; empty: all.
    pub fn nodes(&self) -> &[Name] {
        &self.nodes
    }

    /// Every node that is named, including those in exceptions.
    pub fn all_nodes(&self) -> impl Iterator<Item = &Name> {
        self.nodes.iter().chain(self.except.iter().flat_map(|one| &one.nodes))
    }

    /// Whether they depend only on the node that decides.
    pub fn only_nodes(&self) -> bool {
        *self == Self { nodes: self.nodes.clone(), ..Self::default() }
    }
}

/// A network in the form in which addresses are compared with it: IPv4 where it holds nothing but
/// IPv4-mapped addresses (`::ffff:10.0.0.0/104` is `10.0.0.0/8`), and without host bits.
pub fn canonical_network(network: IpNet) -> IpNet {
    let network = network.trunc();
    let mapped = match network {
        IpNet::V6(v6) => v6.prefix_len().checked_sub(96).zip(v6.addr().to_ipv4_mapped()),
        IpNet::V4(_) => None,
    };
    let v4 = mapped.and_then(|(length, address)| Ipv4Net::new(address, length).ok());
    v4.map_or(network, IpNet::V4)
}

/// Undoes percent-encoding and `+`; borrows where there is neither.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return text.into();
    }
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn facts<'a>(headers: &'a dyn HeaderSource) -> RequestFacts<'a> {
        RequestFacts {
            method: "POST",
            path: "/mail/send",
            also: [None; 2],
            query: "folder=in+box&draft=%37",
            headers,
            client: Some("192.0.2.9".parse().unwrap()),
            node: "a",
            inside: false,
        }
    }

    fn matches(value: Value) -> bool {
        let headers: &[(String, String)] = &[("User-Agent".into(), "Curl/8".into())];
        let criteria = Criteria::parse(&value).unwrap().unwrap();
        struct Slice<'a>(&'a [(String, String)]);
        impl HeaderSource for Slice<'_> {
            fn each<'b>(&'b self, name: &str, take: &mut dyn FnMut(&'b [u8])) {
                self.0.each(name, take)
            }
        }
        criteria.match_request(&facts(&Slice(headers)))
    }

    #[test]
    fn every_kind_must_match_and_one_of_a_list_is_enough() {
        assert!(matches(json!({"methods": ["get", "post"], "paths": ["/chat", "/mail/*"]})));
        assert!(!matches(json!({"methods": ["get"], "paths": ["/mail/*"]})));
        assert!(matches(json!({"headers": {"user-agent": "curl/*"}})));
        assert!(!matches(json!({"headers": {"user-agent": "curl/*", "accept": "*"}})));
        assert!(matches(json!({"query": {"folder": "in box", "draft": "[0-9]"}})));
        assert!(matches(json!({"clients": ["198.51.100.0/24", "192.0.2.0/24"]})));
        assert!(!matches(json!({"nodes": ["b"]})));
    }

    #[test]
    fn cookies_are_looked_up_by_name_and_exceptions_are_left_out() {
        let matches = |value: Value, cookies: &str| {
            struct Cookies<'a>(&'a str);
            impl HeaderSource for Cookies<'_> {
                fn each<'b>(&'b self, name: &str, take: &mut dyn FnMut(&'b [u8])) {
                    self.0.split('\n').filter(|_| name == "cookie").for_each(|line| take(line.as_bytes()));
                }
            }
            Criteria::parse(&value).unwrap().unwrap().match_request(&facts(&Cookies(cookies)))
        };
        let beta = json!({"cookies": {"beta": "yes*"}});
        for (cookies, expected) in [
            ("beta=yes", true),
            ("a=b; beta=\"yes, please\";c=d", true),
            ("a=b\nbeta=yes", true),
            ("beta=no; beta=yes!", true),
            ("Beta=yes", false),
            ("beta=YES", false),
            ("xbeta=yes", false),
            ("a=beta=yes", false),
            ("", false),
        ] {
            assert_eq!(matches(beta.clone(), cookies), expected, "{cookies:?}");
        }
        let except = |exceptions: Value| matches(json!({"methods": ["POST"], "except": exceptions}), "tester=1");
        assert!(except(json!([{"paths": ["/chat/*"]}])));
        assert!(!except(json!([{"paths": ["/chat/*"]}, {"cookies": {"tester": "1"}}])));
        assert!(!except(json!([{"paths": ["/mail/*"], "clients": ["192.0.2.0/24"]}])));
        assert!(except(json!([{"paths": ["/mail/*"], "clients": ["198.51.100.0/24"]}])));
        for (wrong, field) in [
            (json!({"except": []}), "criteria.except"),
            (json!({"except": [{}]}), "criteria.except[0]"),
            (json!({"except": [{"methods": ["GET"], "except": [{"methods": ["PUT"]}]}]}), "criteria.except[0].except"),
            (json!({"except": [{"paths": ["mail"]}]}), "criteria.except[0].paths[0]"),
            (json!({"except": vec![json!({"methods": ["GET"]}); 9]}), "criteria.except"),
            (json!({"cookies": {"a;b": "x"}}), "criteria.cookies.a;b"),
            (json!({"cookies": {"a": "x;*"}}), "criteria.cookies.a"),
        ] {
            let errors = Criteria::parse(&wrong).unwrap_err();
            assert_eq!(errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), [field], "{wrong}");
        }
        // One form, whatever the order; written as it is read.
        let read = |value: Value| serde_json::from_value::<Criteria>(value).unwrap();
        let (one, other) = (json!({"methods": ["GET"]}), json!({"nodes": ["a"], "cookies": {"x": "1"}}));
        assert_eq!(read(json!({"except": [one, other]})), read(json!({"except": [other, one, one]})));
        let whole = json!({"cookies": {"b": "*"}, "except": [{"methods": ["GET"]}, {"nodes": ["a"]}]});
        assert_eq!(serde_json::to_value(Criteria::parse(&whole).unwrap().unwrap()).unwrap(), whole);
        // An exception that cannot be judged makes the whole unjudgeable, and is kept as it is.
        let newer = json!({"except": [{"moon": ["full"]}]});
        assert!(read(newer.clone()).has_unread() && serde_json::to_value(read(newer.clone())).unwrap() == newer);
    }

    #[test]
    fn equal_ones_are_equal_in_one_form() {
        let one =
            Criteria::parse(&json!({"methods": ["post", "GET", "get"], "clients": ["10.1.2.3/8"]})).unwrap().unwrap();
        let other = Criteria::parse(&json!({"clients": ["10.0.0.0/8"], "methods": ["GET", "POST"]})).unwrap().unwrap();
        assert_eq!(one, other);
        let again: Criteria = serde_json::from_value(serde_json::to_value(&one).unwrap()).unwrap();
        assert_eq!(again, one);
        assert_eq!(Criteria::parse(&json!({})).unwrap(), None);
    }

    #[test]
    fn what_a_newer_version_adds_is_kept_compared_and_matches_nothing() {
        let read = |value: Value| serde_json::from_value::<Criteria>(value).unwrap();
        let newer =
            json!({"methods": ["POST"], "moon": {"phase": 0.1, "a": [1, {}]}, "paths": {"regex": ".*"}, "nodes": []});
        let criteria = read(newer.clone());
        assert_eq!(serde_json::to_value(&criteria).unwrap(), newer);
        assert_eq!(criteria.unread().collect::<Vec<_>>(), ["moon", "nodes", "paths"]);
        assert!(criteria.has_unread() && !criteria.match_request(&facts(&NoHeaders)));
        assert!(read(json!({"methods": ["POST"]})).match_request(&facts(&NoHeaders)));
        // Members in any order; what is known is brought into its form all the same.
        assert_eq!(
            criteria,
            read(
                json!({"paths": {"regex": ".*"}, "nodes": [], "moon": {"a": [1, {}], "phase": 0.1}, "methods": ["post", "POST"]})
            )
        );
        assert_ne!(criteria, read(json!({"methods": ["POST"]})));
        assert_ne!(read(json!({"moon": 1})), read(json!({"moon": 2})));
        assert!(
            read(json!({"moon": 1, "nodes": ["a"]})).nodes().len() == 1
                && !read(json!({"moon": 1, "nodes": ["a"]})).only_nodes()
        );
        for none in [json!({}), json!([]), json!(null), json!("moon")] {
            assert!(serde_json::from_value::<Criteria>(none).is_err());
        }
    }

    #[test]
    fn everything_wrong_is_named() {
        let errors = Criteria::parse(
            &json!({"paths": ["[a"], "methods": [], "hosts": ["x"], "clients": ["nowhere"], "query": {"a": 1}}),
        )
        .unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(
            fields,
            ["criteria.clients[0]", "criteria.hosts", "criteria.methods", "criteria.paths[0]", "criteria.query.a"]
        );
    }
}
