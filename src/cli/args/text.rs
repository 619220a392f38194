//! One argument → one checked value, in the terms that `clap` wants.
//!
//! Values that the configuration also has follow the same rules here.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::availability::Target;
use crate::config::values;
use crate::vocabulary::HttpUrl;

/// The longest pattern or value, in characters.
const MAX_VALUE: usize = 1_000;

/// The longest closing, in seconds: ten years.
const MAX_SPAN: u64 = 315_360_000;

pub(super) fn name(text: &str) -> Result<String, String> {
    values::name(text).map(|name| name.to_string())
}

/// In the canonical form of a notification's `targets`.
pub(super) fn target(text: &str) -> Result<String, String> {
    text.parse::<Target>().map(|target| target.to_string()).map_err(str::to_owned)
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    values::duration(text)
}

pub(super) fn url(text: &str) -> Result<HttpUrl, String> {
    text.parse()
}

/// How long something takes: one or several units from large to small, as in `2h30m` or `1d`; whole
/// seconds, up to ten years, as a notification has it.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let wanted = || "must be a duration such as 30m, 2h30m or 1d, from 1s to 3650d".to_owned();
    let (mut rest, mut total, mut largest) = (text, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wanted)?;
        let (number, tail) = rest.split_at(digits);
        let seconds = match tail.bytes().next() {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3_600,
            Some(b'd') => 86_400,
            _ => return Err(wanted()),
        };
        // what is no number is empty or too large
        let number: u64 = number.parse().ok().ok_or_else(wanted)?;
        if seconds >= largest {
            return Err(wanted());
        }
        largest = seconds;
        let part = number.checked_mul(seconds);
        let sum = part.and_then(|part| total.checked_add(part));
        total = sum.ok_or_else(wanted)?;
        rest = &tail[1..];
    }
    match (1..=MAX_SPAN).contains(&total) {
        true => Ok(Duration::from_secs(total)),
        false => Err(wanted()),
    }
}

/// RFC 3339 with its offset: a time without one means something else on every machine.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|error| {
        let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"].iter().any(|form| {
            let rest = NaiveDateTime::parse_and_remainder(text, form);
            rest.is_ok_and(|(_, rest)| !rest.contains(['Z', 'z', '+', '-']))
        });
        match local {
            true => "has no offset, so it would be another time on every machine: write Z \
                         behind it for UTC, or an offset such as +01:00"
                .to_owned(),
            false => format!("must be a time such as 2026-11-23T18:00:00Z or 2026-11-23T19:00:00+01:00: {error}"),
        }
    })
}

/// A name of letters and digits (RFC 9110 allows more, which is not in use), in upper case.
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
        false => Err(format!("must be at most {MAX_VALUE} characters, without control characters")),
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

/// Text of at most `MAX` characters for people; line breaks are welcome, as in the form. It may begin
/// with a hyphen, but a lone `--word` is an option whose predecessor lacks its value.
pub(super) fn prose<const MAX: usize>(text: &str) -> Result<String, String> {
    let is_option = text
        .strip_prefix("--")
        .is_some_and(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
    if is_option {
        return Err("looks like an option, so its own value is missing".to_owned());
    }
    match text.chars().count() <= MAX {
        true => Ok(text.to_owned()),
        false => Err(format!("must be at most {MAX} characters")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units_from_large_to_small() {
        for (text, seconds) in
            [("90m", 5_400), ("2h30m", 9_000), ("1d", 86_400), ("1d1h1m1s", 90_061), ("3650d", MAX_SPAN)]
        {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "2",
            "h",
            "0s",
            "30m2h",
            "1h1h",
            "500ms",
            "1.5h",
            "-1h",
            "2h 30m",
            "3651d",
            "2é",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_local_time_is_refused_with_the_reason() {
        for text in ["2026-11-23T18:00:00", "2026-11-23 18:00", "2026-11-23T18:00"] {
            assert!(time(text).unwrap_err().contains("no offset"), "{text}");
        }
        assert!(time("tomorrow").unwrap_err().contains("must be a time"));
        assert!(time("2026-11-23T18:00:00+01:00").is_ok());
    }
}
