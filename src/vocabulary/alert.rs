//! `[[alert]]`: which alerts of Alertmanager make statements about what (docs/contract.md#alertmanager).

use std::collections::BTreeMap;

use crate::availability::{Name, Target};

/// An alert with these labels is a statement about this target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule {
    /// Every label must have exactly this value; an absent label counts as empty. At least one.
    pub labels: BTreeMap<String, String>,
    /// What the alert is about.
    pub target: Target,
    /// The reason's name, which this node's configuration has.
    pub reason: Option<Name>,
}

impl AlertRule {
    /// Whether it applies to an alert with these labels.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels.iter().all(|(name, value)| labels.get(name).map_or("", String::as_str) == value)
    }
}
