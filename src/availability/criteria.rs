//! Criteria limit a notification to some requests (SPEC 2).
//!
//! Kept in one canonical form (methods in capitals, header names in small letters, lists sorted and
//! without repetition, networks without host bits), so that equal ones are equal: the dropping rule
//! and the bounds compare them.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Glob, Name};

/// Most members in one list or map of criteria.
const MOST: usize = 50;

/// Canonical, not empty. Every kind that is given must match; one match is enough within a list;
/// in `headers` and `query` all that are named must match.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Criteria {
    methods: Vec<String>,
    paths: Vec<Glob>,
    headers: BTreeMap<String, Glob>,
    query: BTreeMap<String, Glob>,
    clients: Vec<IpNet>,
    nodes: Vec<Name>,
}

/// One thing that is wrong with criteria: where, below `criteria`, and what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct CriteriaError {
    /// Such as `criteria.paths[0]`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Where criteria look up a request's header fields.
pub trait HeaderSource {
    /// Whether some value of this field (name in small letters) passes the test.
    fn any(&self, name: &str, test: &mut dyn FnMut(&str) -> bool) -> bool;
}

/// A request without header fields.
pub struct NoHeaders;

impl HeaderSource for NoHeaders {
    fn any(&self, _: &str, _: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }
}

impl HeaderSource for [(String, String)] {
    fn any(&self, name: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.iter().any(|(n, value)| n.eq_ignore_ascii_case(name) && test(value))
    }
}

/// What criteria look at in one request. Borrowed: looking costs no allocation but for query values
/// that are percent-encoded.
#[derive(Clone, Copy)]
pub struct RequestFacts<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// The normalized path, without its query.
    pub path: &'a str,
    /// What follows the `?`, as it came.
    pub query: &'a str,
    /// The header fields.
    pub headers: &'a dyn HeaderSource,
    /// Who asks, as far as the trusted proxies tell.
    pub client: Option<IpAddr>,
    /// The node that decides.
    pub node: &'a str,
}

impl Criteria {
    /// Reads criteria and reports everything that is wrong with them. `null` and an empty object
    /// are no criteria at all.
    ///
    /// # Errors
    /// One for each member that is unknown, empty, too long or broken.
    pub fn parse(value: &Value) -> Result<Option<Self>, Vec<CriteriaError>> {
        let mut errors = Vec::new();
        let mut criteria = Self::default();
        let members = match value {
            Value::Null => return Ok(None),
            Value::Object(members) => members,
            _ => return Err(vec![error("criteria", "is not an object")]),
        };
        for (kind, value) in members {
            let field = format!("criteria.{kind}");
            match kind.as_str() {
                "methods" => {
                    criteria.methods = list(&field, value, &mut errors, |text| {
                        let token = (1..=32).contains(&text.len())
                            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
                        if token { Ok(text.to_ascii_uppercase()) } else { Err("is not an HTTP method".to_owned()) }
                    });
                }
                "paths" => criteria.paths = list(&field, value, &mut errors, glob),
                "headers" => {
                    for (name, pattern) in map(&field, value, &mut errors) {
                        if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)) {
                            criteria.headers.insert(name.to_ascii_lowercase(), pattern);
                        } else {
                            errors.push(error(&format!("{field}.{name}"), "is not a header name"));
                        }
                    }
                }
                "query" => criteria.query = map(&field, value, &mut errors),
                "clients" => {
                    criteria.clients = list(&field, value, &mut errors, |text| {
                        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
                        net.map(|net| net.trunc()).or(Err("is not a network such as 192.0.2.0/24".to_owned()))
                    });
                }
                "nodes" => {
                    criteria.nodes = list(&field, value, &mut errors, |text| text.parse::<Name>().map_err(|e| e.to_string()));
                }
                _ => errors.push(error(&field, "is unknown")),
            }
        }
        if errors.is_empty() { Ok((!members.is_empty()).then_some(criteria)) } else { Err(errors) }
    }

    /// Whether these criteria let a notification speak about this request.
    pub fn match_request(&self, request: &RequestFacts<'_>) -> bool {
        (self.methods.is_empty() || self.methods.iter().any(|m| m == request.method))
            && (self.nodes.is_empty() || self.nodes.iter().any(|n| n.as_str() == request.node))
            && (self.paths.is_empty() || self.paths.iter().any(|p| p.matches(request.path, false)))
            && (self.clients.is_empty()
                || request.client.is_some_and(|client| self.clients.iter().any(|net| net.contains(&client.to_canonical()))))
            && self.headers.iter().all(|(name, glob)| request.headers.any(name, &mut |value| glob.matches(value, true)))
            && self.query.iter().all(|(name, glob)| query_has(request.query, name, glob))
    }

    /// The nodes that it is limited to; empty: all.
    pub fn nodes(&self) -> &[Name] {
        &self.nodes
    }

    /// Whether it looks at nothing of a request but the node that decides it.
    pub fn only_nodes(&self) -> bool {
        *self == Self { nodes: self.nodes.clone(), ..Self::default() }
    }
}

/// Whether a query has a member of this name whose decoded value matches.
fn query_has(query: &str, name: &str, glob: &Glob) -> bool {
    query.split('&').any(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        decode(key) == name && glob.matches(&decode(value), false)
    })
}

/// Undoes percent-encoding and `+`; borrows where there is neither.
fn decode(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return text.into();
    }
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned().into()
}

fn error(field: &str, problem: &str) -> CriteriaError {
    CriteriaError { field: field.to_owned(), problem: problem.to_owned() }
}

fn glob(text: &str) -> Result<Glob, String> {
    Glob::new(text).map_err(|e| e.to_string())
}

fn list<T: Ord>(field: &str, value: &Value, errors: &mut Vec<CriteriaError>, read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
    let Value::Array(members) = value else {
        errors.push(error(field, "is not a list"));
        return Vec::new();
    };
    if members.is_empty() || members.len() > MOST {
        errors.push(error(field, if members.is_empty() { "is an empty list" } else { "has more than 50 members" }));
        return Vec::new();
    }
    let mut read_ones = Vec::with_capacity(members.len());
    for (at, member) in members.iter().enumerate() {
        match member.as_str().map(&read) {
            Some(Ok(one)) => read_ones.push(one),
            Some(Err(problem)) => errors.push(error(&format!("{field}[{at}]"), &problem)),
            None => errors.push(error(&format!("{field}[{at}]"), "is not a string")),
        }
    }
    read_ones.sort();
    read_ones.dedup();
    read_ones
}

fn map(field: &str, value: &Value, errors: &mut Vec<CriteriaError>) -> BTreeMap<String, Glob> {
    let mut globs = BTreeMap::new();
    let Value::Object(members) = value else {
        errors.push(error(field, "is not an object of name and pattern"));
        return globs;
    };
    if members.is_empty() || members.len() > MOST {
        errors.push(error(field, if members.is_empty() { "is an empty object" } else { "has more than 50 members" }));
    }
    for (name, pattern) in members {
        let at = format!("{field}.{name}");
        if name.is_empty() || name.len() > 200 {
            errors.push(error(&at, "has a name that is empty or longer than 200 bytes"));
            continue;
        }
        match pattern.as_str().map(glob) {
            Some(Ok(glob)) => {
                globs.insert(name.clone(), glob);
            }
            Some(Err(problem)) => errors.push(error(&at, &problem)),
            None => errors.push(error(&at, "is not a string")),
        }
    }
    globs
}

impl Serialize for Criteria {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let texts = |globs: &BTreeMap<String, Glob>| -> Value {
            globs.iter().map(|(name, glob)| (name.clone(), Value::from(glob.as_str()))).collect()
        };
        let mut members = serde_json::Map::new();
        if !self.methods.is_empty() {
            members.insert("methods".into(), self.methods.clone().into());
        }
        if !self.paths.is_empty() {
            members.insert("paths".into(), self.paths.iter().map(Glob::as_str).collect());
        }
        if !self.headers.is_empty() {
            members.insert("headers".into(), texts(&self.headers));
        }
        if !self.query.is_empty() {
            members.insert("query".into(), texts(&self.query));
        }
        if !self.clients.is_empty() {
            members.insert("clients".into(), self.clients.iter().map(ToString::to_string).collect());
        }
        if !self.nodes.is_empty() {
            members.insert("nodes".into(), self.nodes.iter().map(|name| name.as_str().to_owned()).collect());
        }
        members.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Criteria {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        match Self::parse(&Value::deserialize(deserializer)?) {
            Ok(criteria) => criteria.ok_or_else(|| D::Error::custom("criteria without any member")),
            Err(errors) => Err(D::Error::custom(errors.first().map_or_else(String::new, ToString::to_string))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn facts<'a>(headers: &'a dyn HeaderSource) -> RequestFacts<'a> {
        RequestFacts {
            method: "POST",
            path: "/mail/send",
            query: "folder=in+box&draft=%37",
            headers,
            client: Some("192.0.2.9".parse().unwrap()),
            node: "a",
        }
    }

    fn matches(value: Value) -> bool {
        let headers: &[(String, String)] = &[("User-Agent".into(), "Curl/8".into())];
        let criteria = Criteria::parse(&value).unwrap().unwrap();
        struct Slice<'a>(&'a [(String, String)]);
        impl HeaderSource for Slice<'_> {
            fn any(&self, name: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
                self.0.any(name, test)
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
    fn equal_ones_are_equal_in_one_form() {
        let one = Criteria::parse(&json!({"methods": ["post", "GET", "get"], "clients": ["10.1.2.3/8"]})).unwrap().unwrap();
        let other = Criteria::parse(&json!({"clients": ["10.0.0.0/8"], "methods": ["GET", "POST"]})).unwrap().unwrap();
        assert_eq!(one, other);
        let again: Criteria = serde_json::from_value(serde_json::to_value(&one).unwrap()).unwrap();
        assert_eq!(again, one);
        assert_eq!(Criteria::parse(&json!({})).unwrap(), None);
    }

    #[test]
    fn everything_wrong_is_named() {
        let errors = Criteria::parse(&json!({"paths": ["[a"], "methods": [], "hosts": ["x"], "clients": ["nowhere"], "query": {"a": 1}})).unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["criteria.clients[0]", "criteria.hosts", "criteria.methods", "criteria.paths[0]", "criteria.query.a"]);
    }
}
