//! One argument → one checked value, in the terms that `clap` wants.
//!
//! What the configuration has a rule for has the same rule here.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::{HttpUrl, addresses, values};

/// The longest pattern or value, in characters.
const MAX_VALUE: usize = 1_000;

pub(super) fn name(text: &str) -> Result<String, String> {
    values::name(text)
}

/// In the canonical form of a notification's `targets`.
pub(super) fn target(text: &str) -> Result<String, String> {
    values::target(text).map(|target| target.to_string())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    values::duration(text)
}

pub(super) fn url(text: &str) -> Result<HttpUrl, String> {
    addresses::http_url(text)
}

/// RFC 3339 with its offset: a time without one means something else on every machine.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|error| {
            format!(
                "must be a time such as 2026-11-23T18:00:00Z or 2026-11-23T19:00:00+01:00: {error}"
            )
        })
}

/// A name of letters and digits (RFC 9110 allows more, nobody uses it), in upper case.
pub(super) fn method(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    match (1..=32).contains(&text.len()) && text.bytes().all(allowed) {
        true => Ok(text.to_ascii_uppercase()),
        false => Err("must be a method such as GET".to_owned()),
    }
}

pub(super) fn path(text: &str) -> Result<String, String> {
    match text.starts_with('/') && !text.contains(['?', '#']) {
        true => bounded(text),
        false => Err("must begin with '/' and have no query".to_owned()),
    }
}

/// Not empty and bounded; whether the glob is whole is the node's to say.
pub(super) fn path_glob(text: &str) -> Result<String, String> {
    match text.is_empty() {
        true => Err("must not be empty".to_owned()),
        false => bounded(text),
    }
}

fn bounded(text: &str) -> Result<String, String> {
    match text.chars().count() <= MAX_VALUE && !text.contains(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "must be at most {MAX_VALUE} characters, without control characters"
        )),
    }
}

/// `NAME=VALUE`, divided at the first `=`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((bounded(name)?, bounded(value)?)),
        _ => Err("must be NAME=VALUE".to_owned()),
    }
}

/// `NAME=VALUE` with a header's name (a token of RFC 9110, section 5.6.2), in lower case.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = pair(text)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match name.bytes().all(allowed) {
        true => Ok((name.to_ascii_lowercase(), value)),
        false => Err("must be NAME=VALUE with the name of a header".to_owned()),
    }
}

/// Text of at most `MAX` characters for people; line breaks are welcome, as in the form.
pub(super) fn prose<const MAX: usize>(text: &str) -> Result<String, String> {
    match text.chars().count() <= MAX {
        true => Ok(text.to_owned()),
        false => Err(format!("must be at most {MAX} characters")),
    }
}
