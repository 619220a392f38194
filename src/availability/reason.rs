//! Why something is unavailable (docs/contract.md#reasons).

use serde::{Deserialize, Serialize};

use super::Name;

/// One reason: its code, its name, and how it reads after "is down".
///
/// All three travel with a notification, so that a node whose configuration lacks a reason still
/// tells its users the same as the others do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// 0 to 3 are the built-in ones, codes from 100 up come from configurations.
    #[serde(rename = "reason_code", default)]
    pub code: u32,
    /// Such as `planned-maintenance`.
    #[serde(rename = "reason", default = "unknown")]
    pub name: Name,
    /// Completes "…: " for a custom reason ("its licence has expired"); absent for built-in ones.
    #[serde(rename = "reason_title", default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

fn unknown() -> Name {
    // A literal that the tests below parse.
    "unknown".parse().unwrap_or_else(|_| unreachable!("a literal"))
}

impl Reason {
    /// The codes and names that every node knows.
    pub const BUILT_IN: [(u32, &'static str); 4] =
        [(0, "unknown"), (1, "planned-maintenance"), (2, "unplanned-outage"), (3, "testing")];

    /// Completes the sentence "Mail is down …".
    pub fn phrase(&self) -> String {
        match (self.code, &self.title) {
            (_, Some(title)) => format!("because {title}"),
            (0, None) => "for an unknown reason".to_owned(),
            (1, None) => "for planned maintenance".to_owned(),
            (2, None) => "because of an unplanned outage".to_owned(),
            (3, None) => "for testing".to_owned(),
            (_, None) => format!("({})", self.name),
        }
    }
}

impl Default for Reason {
    fn default() -> Self {
        Self { code: 0, name: unknown(), title: None }
    }
}

/// The reasons that a node accepts on submit: the built-in ones and those of its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasons(Vec<Reason>);

impl Reasons {
    /// The built-in reasons and these.
    pub fn with(custom: impl IntoIterator<Item = Reason>) -> Self {
        let built_in = Reason::BUILT_IN
            .iter()
            .filter_map(|(code, name)| Some(Reason { code: *code, name: name.parse().ok()?, title: None }));
        Self(built_in.chain(custom).collect())
    }

    /// By name.
    pub fn named(&self, name: &str) -> Option<&Reason> {
        self.0.iter().find(|reason| reason.name.as_str() == name)
    }

    /// By code.
    pub fn coded(&self, code: u64) -> Option<&Reason> {
        self.0.iter().find(|reason| u64::from(reason.code) == code)
    }

    /// All of them, built-in ones first.
    pub fn iter(&self) -> impl Iterator<Item = &Reason> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn built_in_reasons_are_found_by_name_and_by_code() {
        let reasons = Reasons::with([]);
        for (code, name) in Reason::BUILT_IN {
            assert_eq!(reasons.named(name).unwrap().code, code);
            assert_eq!(reasons.coded(code.into()).unwrap().name.as_str(), name);
        }
        assert!(reasons.coded(100).is_none());
        assert_eq!(Reason::default().phrase(), "for an unknown reason");
    }
}
