//! How criteria are written and read: strictly on submission, leniently from peers and the store.
//!
//! Submitted criteria are brought into the form in which requests are compared with them, and refused if they
//! could match no request. Criteria from peers are kept unchanged: they match what they matched before.
//!
//! Must stay true: reading what was written gives equal criteria, and writing those gives the same JSON, also
//! for parts that this version does not know, because stamps hash it.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Criteria, MAX_GLOBS, canonical_network};
use crate::availability::{
    Glob, Name,
    glob::{COOKIES, HEADERS, Language, TEXTS, path},
};

/// Most members in one list or map of criteria.
const MOST: usize = 50;
/// Most exceptions.
const MOST_EXCEPTIONS: usize = 8;

/// One thing that is wrong with criteria: where, below `criteria`, and what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct CriteriaError {
    /// Such as `criteria.paths[0]`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Criteria {
    /// Reads criteria as they are submitted and reports everything that is wrong with them. `null` and
    /// an empty object are no criteria at all.
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
            match Self::one_kind("criteria", kind, value, Door::Submitted) {
                Ok(one) => criteria.add(one),
                Err(wrong) => errors.extend(wrong),
            }
        }
        let globs = criteria.globs();
        if globs > MAX_GLOBS {
            errors.push(error("criteria", &format!("has {globs} globs; at most {MAX_GLOBS} are allowed")));
        }
        if errors.is_empty() { Ok((!members.is_empty()).then_some(criteria)) } else { Err(errors) }
    }

    /// Criteria of this kind alone; `within` is the field that has it.
    fn one_kind(within: &str, kind: &str, value: &Value, door: Door) -> Result<Self, Vec<CriteriaError>> {
        let field = format!("{within}.{kind}");
        let mut errors = Vec::new();
        let mut one = Self::default();
        match kind {
            "methods" => {
                one.methods = list(&field, value, &mut errors, |text| {
                    let token = (1..=32).contains(&text.len()) && is_token(text);
                    if token { Ok(text.to_ascii_uppercase()) } else { Err("is not an HTTP method".to_owned()) }
                });
            }
            "paths" => one.paths = list(&field, value, &mut errors, |text| door.path(text)),
            "headers" => {
                for (name, pattern) in map(&field, value, &mut errors, |text| door.value(text, &HEADERS, true)) {
                    let at = format!("{field}.{name}");
                    if !is_token(&name) {
                        errors.push(error(&at, "is not a header name"));
                    } else if one.headers.insert(name.to_ascii_lowercase(), pattern).is_some() {
                        errors.push(error(&at, "is named twice: names of header fields are compared without case"));
                    }
                }
            }
            "query" => one.query = map(&field, value, &mut errors, |text| door.value(text, &TEXTS, false)),
            "cookies" => {
                one.cookies = map(&field, value, &mut errors, |text| door.value(text, &COOKIES, false));
                let odd = |name: &&String| name.bytes().any(|b| b.is_ascii_control() || b" =;\"".contains(&b));
                errors.extend(
                    one.cookies
                        .keys()
                        .filter(odd)
                        .map(|n| error(&format!("{field}.{n}"), "is not the name of a cookie")),
                );
            }
            "except" if within == "criteria" => one.except = exceptions(&field, value, &mut errors, door),
            "clients" => one.clients = list(&field, value, &mut errors, |text| door.network(text)),
            "nodes" => {
                one.nodes = list(&field, value, &mut errors, |text| text.parse::<Name>().map_err(|e| e.to_string()));
            }
            "except" => errors.push(error(&field, "does not go into another except")),
            _ => errors.push(error(&field, "is unknown")),
        }
        if errors.is_empty() { Ok(one) } else { Err(errors) }
    }

    /// Adds criteria of other kinds.
    fn add(&mut self, one: Self) {
        self.methods.extend(one.methods);
        self.paths.extend(one.paths);
        self.headers.extend(one.headers);
        self.query.extend(one.query);
        self.cookies.extend(one.cookies);
        self.except.extend(one.except);
        self.clients.extend(one.clients);
        self.nodes.extend(one.nodes);
    }
}

/// Where criteria come from, see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// Brought into form, refused where nothing can match.
    Submitted,
    /// From a peer or the store: kept as it is.
    Kept,
}

impl Door {
    fn path(self, text: &str) -> Result<Glob, String> {
        match self {
            Self::Submitted => path::submitted(text).map_err(|e| e.to_string()),
            Self::Kept => Glob::new(text).map_err(|e| e.to_string()),
        }
    }

    fn value(self, text: &str, language: &Language, fold: bool) -> Result<Glob, String> {
        if self == Self::Kept {
            return Glob::new(text).map_err(|e| e.to_string());
        }
        let glob = Glob::submitted(text).map_err(|e| e.to_string())?;
        if glob.can_match(language, fold) { Ok(glob) } else { Err(format!("can never match {}", language.name)) }
    }

    fn network(self, text: &str) -> Result<IpNet, String> {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let net = net.or(Err("is not a network such as 192.0.2.0/24".to_owned()))?;
        Ok(if self == Self::Submitted { canonical_network(net) } else { net.trunc() })
    }
}

/// Exceptions: objects like criteria, without exceptions of their own. Each must be fully known.
fn exceptions(field: &str, value: &Value, errors: &mut Vec<CriteriaError>, door: Door) -> Vec<Criteria> {
    let Value::Array(members) = value else {
        errors.push(error(field, "is not a list of objects"));
        return Vec::new();
    };
    if members.is_empty() || members.len() > MOST_EXCEPTIONS {
        let problem = format!("has {} members; 1 to {MOST_EXCEPTIONS} are allowed", members.len());
        errors.push(error(field, &problem));
        return Vec::new();
    }
    let mut exceptions = Vec::with_capacity(members.len());
    for (at, member) in members.iter().enumerate() {
        let within = format!("{field}[{at}]");
        let Some(kinds) = member.as_object().filter(|kinds| !kinds.is_empty()) else {
            errors.push(error(&within, "is not an object with criteria"));
            continue;
        };
        let mut exception = Criteria::default();
        for (kind, value) in kinds {
            match Criteria::one_kind(&within, kind, value, door) {
                Ok(one) => exception.add(one),
                Err(wrong) => errors.extend(wrong),
            }
        }
        exceptions.push(exception);
    }
    // By the JSON: a version with more kinds has the same order.
    exceptions.sort_by_cached_key(|one| serde_json::to_string(one).unwrap_or_default());
    exceptions.dedup();
    exceptions
}

fn error(field: &str, problem: &str) -> CriteriaError {
    CriteriaError { field: field.to_owned(), problem: problem.to_owned() }
}

/// A token of RFC 9110 §5.6.2, as methods and header names are; of any length.
fn is_token(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn list<T: Ord>(
    field: &str,
    value: &Value,
    errors: &mut Vec<CriteriaError>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
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

fn map(
    field: &str,
    value: &Value,
    errors: &mut Vec<CriteriaError>,
    read: impl Fn(&str) -> Result<Glob, String>,
) -> BTreeMap<String, Glob> {
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
        match pattern.as_str().map(&read) {
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
        use serde::ser::Error as _;
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
        if !self.cookies.is_empty() {
            members.insert("cookies".into(), texts(&self.cookies));
        }
        if !self.except.is_empty() {
            members.insert("except".into(), serde_json::to_value(&self.except).map_err(S::Error::custom)?);
        }
        if !self.clients.is_empty() {
            members.insert("clients".into(), self.clients.iter().map(ToString::to_string).collect());
        }
        if !self.nodes.is_empty() {
            members.insert("nodes".into(), self.nodes.iter().map(|name| name.as_str().to_owned()).collect());
        }
        for (kind, text) in &self.unread {
            // Was written from a value of the same depth.
            members.insert(kind.clone(), serde_json::from_str(text).map_err(S::Error::custom)?);
        }
        members.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Criteria {
    /// Reads criteria from peers and the store: refuses only values that are not criteria at all.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let members = serde_json::Map::deserialize(deserializer)?;
        if members.is_empty() {
            return Err(D::Error::custom("criteria without any member"));
        }
        let mut criteria = Self::default();
        for (kind, value) in members {
            match Self::one_kind("criteria", &kind, &value, Door::Kept) {
                Ok(one) => criteria.add(one),
                Err(_) => drop(criteria.unread.insert(kind, value.to_string())),
            }
        }
        Ok(criteria)
    }
}
