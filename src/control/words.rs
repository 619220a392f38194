//! The farm's terms in plain words: targets, reasons, criteria, authors.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    actors::desk::Kind,
    answer::App,
    availability::{Criteria, Entry, Name, Notification, Reason, Source, Target},
};

/// Titles of targets, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Titles(HashMap<Target, String>);

impl Titles {
    /// From what the desk knows.
    pub(crate) fn new(known: impl IntoIterator<Item = (Target, String)>) -> Self {
        Self(known.into_iter().collect())
    }

    /// An application as answers name it.
    pub(crate) fn app(&self, name: &Name) -> Arc<App> {
        Arc::new(App::named(name, &self.of(&Target::Application(name.clone()))))
    }

    /// Such as "Mail", "the resource mail-store", "the whole system".
    pub(crate) fn of(&self, target: &Target) -> String {
        match target {
            Target::System => "the whole system".to_owned(),
            Target::Application(name) => self.0.get(target).cloned().unwrap_or_else(|| name.to_string()),
            Target::Resource(name) => match self.0.get(target) {
                Some(title) if title != name.as_str() => format!("the resource {title}"),
                _ => format!("the resource {name}"),
            },
        }
    }
}

/// "a", "a and b", "a, b and c".
pub(crate) fn list(parts: &[String], last: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., end] => format!("{} {last} {end}", all.join(", ")),
    }
}

/// A text with a capital at its beginning.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A reason for a list or a table.
pub(crate) fn reason(reason: &Reason) -> String {
    match (reason.code, &reason.title) {
        (_, Some(title)) => capital(title),
        (0, None) => "Reason unknown".to_owned(),
        (_, None) => capital(&reason.name.as_str().replace('-', " ")),
    }
}

/// Who reported it: the operator, or which reporter.
pub(crate) fn author(n: &Notification) -> String {
    let reporter = n.reporter.as_deref().map(|reporter| match n.source {
        Source::Operator | Source::Unread(_) => reporter.to_owned(),
        Source::Monitor => format!("monitor {reporter}"),
        Source::Alert => {
            reporter.strip_prefix("alert/").map_or_else(|| reporter.to_owned(), |id| format!("alert {id}"))
        }
        Source::Farm => format!("other farm, {reporter}"),
    });
    match (&n.operator, reporter) {
        (Some(operator), None) => operator.clone(),
        (Some(operator), Some(reporter)) => format!("{operator}, {reporter}"),
        (None, Some(reporter)) => reporter,
        (None, None) => "unknown".to_owned(),
    }
}

/// What kind of notifier.
pub(crate) fn source(source: Source) -> &'static str {
    match source {
        Source::Operator => "operator",
        Source::Monitor => "monitor",
        Source::Alert => "alert",
        Source::Farm => "farm",
        Source::Unread(_) => "of a kind that this version does not know",
    }
}

/// Each kind of criteria as one phrase: "method GET or POST", "path /mail/*".
pub(crate) fn criteria(criteria: &Criteria) -> Vec<String> {
    // Criteria are plain values; writing them as JSON does not fail.
    serde_json::to_value(criteria).ok().and_then(|value| value.as_object().map(kinds)).unwrap_or_default()
}

/// The same of criteria as they are written, also of kinds that this version does not know.
pub(crate) fn kinds(kinds: &Map<String, Value>) -> Vec<String> {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut phrases = Vec::new();
    for (kind, value) in kinds {
        let texts: Vec<String> = match value {
            Value::Array(members) if kind == "except" => members.iter().map(exception).collect(),
            Value::Array(members) => members.iter().map(plain).collect(),
            Value::Object(members) => members.iter().map(|(name, glob)| format!("{name} is {}", plain(glob))).collect(),
            other => vec![plain(other)],
        };
        phrases.push(match kind.as_str() {
            "except" => format!("not for: {}", list(&texts, "or")),
            "methods" => format!("method {}", list(&texts, "or")),
            "paths" => format!("path {}", list(&texts, "or")),
            "headers" => format!("header {}", list(&texts, "and")),
            "query" => format!("query parameter {}", list(&texts, "and")),
            "cookies" => format!("cookie {}", list(&texts, "and")),
            "clients" => format!("clients in {}", list(&texts, "or")),
            "nodes" => format!("at node {}", list(&texts, "or")),
            other => format!("{other} {}", list(&texts, "or")),
        });
    }
    phrases
}

/// One exception, such as "(method GET and path /health)".
fn exception(value: &Value) -> String {
    format!("({})", value.as_object().map(kinds).unwrap_or_default().join(" and "))
}

/// A length of time in whole units: "1 h 30 min", "90 s" as "1 min 30 s".
pub(crate) fn length(seconds: u32) -> String {
    let units = [(seconds / 3_600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts: Vec<String> = units.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// What kind of statement a notification makes: shown by shape and colour.
pub(crate) fn kind(n: &Notification) -> &'static str {
    Kind::of(n).name()
}

/// A notification in one line.
pub(crate) fn headline(entry: &Entry, titles: &Titles) -> String {
    let n = &entry.notification;
    let mut named: Vec<String> = n.targets.iter().take(4).map(|target| titles.of(target)).collect();
    if n.targets.len() > 4 {
        named.push(format!("{} more", n.targets.len() - 4));
    }
    let verb = if n.targets.len() == 1 { "is" } else { "are" };
    let what = capital(&list(&named, "and"));
    match kind(n) {
        "cancel" => format!("Planned maintenance cancelled: {}", list(&named, "and")),
        "plan" => format!("{what} will be unavailable"),
        "unavailable" => format!("{what} {verb} unavailable"),
        _ if n.degraded => format!("{what} {verb} degraded"),
        _ => format!("{what} {verb} available"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn criteria_read_as_phrases() {
        let parsed = Criteria::parse(
            &json!({"methods": ["get", "post"], "paths": ["/a", "/b*", "/c"], "headers": {"X-Beta": "1"}}),
        );
        let phrases = criteria(&parsed.unwrap().unwrap());
        assert_eq!(phrases, ["header x-beta is 1", "method GET or POST", "path /a, /b* or /c"]);
        let parsed =
            Criteria::parse(&json!({"except": [{"methods": ["GET"], "paths": ["/a"]}, {"cookies": {"c": "1"}}]}));
        assert_eq!(criteria(&parsed.unwrap().unwrap()), ["not for: (cookie c is 1) or (method GET and path /a)"]);
        let newer = json!({"moon": {"phase": ["full"]}, "level": 3});
        assert_eq!(kinds(newer.as_object().unwrap()), ["level 3", "moon phase is [\"full\"]"]);
    }

    #[test]
    fn lengths_read_in_whole_units() {
        for (seconds, text) in [(0, "0 s"), (90, "1 min 30 s"), (600, "10 min"), (86_400, "24 h"), (3_601, "1 h 1 s")] {
            assert_eq!(length(seconds), text);
        }
    }

    #[test]
    fn reasons_read_as_titles() {
        for (code, title) in
            [(0, "Reason unknown"), (1, "Planned maintenance"), (2, "Unplanned outage"), (3, "Testing")]
        {
            let reasons = crate::availability::Reasons::with([]);
            assert_eq!(reason(reasons.coded(code).unwrap()), title);
        }
    }
}
