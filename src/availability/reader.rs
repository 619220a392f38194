//! Reads the members of a submission one by one and records every error. It knows the form of each kind of
//! value, not the meaning of a submission.

use std::time::Duration;

use serde_json::Value;

use super::{Moment, Target};

const MAX_TARGETS: usize = 100;
/// Ten years, in seconds.
const MAX_DURATION: u64 = 315_360_000;

/// A whole number that is not negative, written as `3600` or `3600.0`.
pub(super) fn whole(value: &Value) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: beyond that a fraction of zero tells nothing
    let exact = |number: f64| (number.fract() == 0.0 && (0.0..EXACT).contains(&number)).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(exact))
}

/// One thing that is wrong with a submission.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{field} {problem}")]
pub struct FieldError {
    /// Which field.
    pub field: String,
    /// What is wrong, as the rest of a sentence that begins with the field.
    pub problem: String,
}

impl FieldError {
    /// An error about this field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Reads one member and records its errors.
pub(super) struct Reader<'a> {
    pub(super) field: &'a str,
    pub(super) value: &'a Value,
    pub(super) errors: &'a mut Vec<FieldError>,
}

impl Reader<'_> {
    pub(super) fn wrong(&mut self, problem: impl Into<String>) {
        self.errors.push(FieldError::new(self.field, problem));
    }

    fn string(&mut self) -> Option<&str> {
        let Value::String(text) = self.value else {
            self.wrong("is not a string");
            return None;
        };
        Some(text)
    }

    pub(super) fn parsed<T: std::str::FromStr>(&mut self, problem: &str) -> Option<T> {
        let parsed = self.string()?.parse().ok();
        if parsed.is_none() {
            self.wrong(problem);
        }
        parsed
    }

    pub(super) fn moment(&mut self) -> Option<Moment> {
        let parsed = self.string()?.parse::<Moment>();
        parsed.map_err(|problem| self.wrong(problem)).ok()
    }

    pub(super) fn choice<T: Copy>(&mut self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.value.as_str();
        let chosen = choices.iter().find(|(name, _)| Some(*name) == text).map(|(_, chosen)| *chosen);
        if chosen.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
            self.wrong(format!("is none of {}", names.join(", ")));
        }
        chosen
    }

    /// A text of at most this many characters; an empty one is absent.
    pub(super) fn text(&mut self, most: usize) -> Option<String> {
        let text = self.string()?.to_owned();
        if text.chars().count() > most {
            self.wrong(format!("is longer than {most} characters"));
            return None;
        }
        (!text.trim().is_empty()).then_some(text)
    }

    pub(super) fn number(&mut self, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let number = whole(self.value).and_then(|number| u32::try_from(number).ok()).filter(|n| range.contains(n));
        if number.is_none() {
            self.wrong(format!("is not a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    pub(super) fn seconds(&mut self) -> Option<Duration> {
        let seconds = whole(self.value).filter(|seconds| (1..=MAX_DURATION).contains(seconds));
        if seconds.is_none() {
            self.wrong(format!("is not a whole number from 1 to {MAX_DURATION}"));
        }
        seconds.map(Duration::from_secs)
    }

    pub(super) fn targets(&mut self) -> Vec<Target> {
        let Value::Array(members) = self.value else {
            self.wrong("is not a list");
            return Vec::new();
        };
        if members.is_empty() || members.len() > MAX_TARGETS {
            self.wrong(format!("has {} members; 1 to {MAX_TARGETS} are allowed", members.len()));
            return Vec::new();
        }
        let mut targets = Vec::with_capacity(members.len());
        for (at, member) in members.iter().enumerate() {
            match member.as_str().map(str::parse::<Target>) {
                Some(Ok(target)) => targets.push(target),
                Some(Err(problem)) => self.errors.push(FieldError::new(format!("targets[{at}]"), problem)),
                None => self.errors.push(FieldError::new(format!("targets[{at}]"), "is not a string")),
            }
        }
        targets
    }
}
