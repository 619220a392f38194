//! A request as criteria read it. Each part is decoded once, when criteria first read it.
//!
//! Must stay true: the work for one request has a bound, whatever it contains, so only so many parameters, cookies and
//! values of one name are compared (docs/contract.md#globs).

use std::{
    borrow::Cow,
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
    net::IpAddr,
};

use crate::availability::{Glob, Text};

/// So many parameters of a query, and so many cookies, are compared; later ones are not.
const MAX_MEMBERS: usize = 256;
/// So many values of one parameter, cookie or header field are compared; later ones are not.
const MAX_VALUES: usize = 8;

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
    pub(super) facts: RequestFacts<'a>,
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

    pub(in crate::availability) fn path(&self) -> &str {
        self.facts.path
    }

    /// Whether some value of this header field matches.
    pub(super) fn header_has(&self, name: &str, glob: &Glob) -> bool {
        let mut known = self.headers.borrow_mut();
        if !known.contains_key(name) {
            let mut values = Vec::new();
            self.facts.headers.each(name, &mut |value| {
                if values.len() < MAX_VALUES {
                    values.push(Text::from(value));
                }
            });
            known.insert(name.to_owned(), values);
        }
        known.get(name).is_some_and(|values| values.iter().any(|value| glob.matches(*value, true)))
    }

    /// Whether a cookie of this name has a value that matches.
    pub(super) fn cookie_has(&self, name: &str, glob: &Glob) -> bool {
        let cookies = self.cookies.get_or_init(|| {
            let mut cookies: Vec<(&[u8], Text<'_>)> = Vec::new();
            self.facts.headers.each("cookie", &mut |line| {
                let pairs = line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
                let left = MAX_MEMBERS - cookies.len();
                cookies.extend(pairs.take(left).filter_map(|pair| {
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
        let mut named = cookies[first..].iter().take_while(|(known, _)| *known == name.as_bytes()).take(MAX_VALUES);
        named.any(|(_, value)| glob.matches(*value, false))
    }

    /// Whether the query has a member of this name whose value matches.
    pub(super) fn query_has(&self, name: &str, glob: &Glob) -> bool {
        let pairs = self.query.get_or_init(|| {
            let split = |pair: &'a str| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(key), decode(value))
            };
            let mut pairs: Vec<_> = self.facts.query.split('&').take(MAX_MEMBERS).map(split).collect();
            // Stable: of one name, the first values count.
            pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
            pairs
        });
        let first = pairs.partition_point(|(key, _)| &**key < name);
        let mut named = pairs[first..].iter().take_while(|(key, _)| key == name).take(MAX_VALUES);
        named.any(|(_, value)| glob.matches(&**value, false))
    }
}

/// Undoes percent-encoding and `+`; borrows where there is neither.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return text.into();
    }
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned().into()
}
