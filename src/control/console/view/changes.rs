//! What one notification changes of an earlier one, field by field: old → new.

use crate::{
    availability::{Notification, Priority, Restore, Status},
    control::console::{
        when::{Face, When},
        words::{self, Titles},
    },
};

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    /// A time.
    Time(When),
    /// A text.
    Text(String),
    /// Nothing, or what nothing means.
    Nothing(&'static str),
}

impl Held {
    /// Whether people read the same. Forms without scripts know no milliseconds.
    fn reads_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Time(one), Self::Time(other)) => one.is_same_second(other),
            _ => self == other,
        }
    }
}

/// One field that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// What it is called.
    pub label: &'static str,
    /// What it held.
    pub old: Held,
    /// What it holds.
    pub new: Held,
}

/// Every field that differs, in the order of the form.
pub(crate) fn changes(old: &Notification, new: &Notification, titles: &Titles, face: &Face) -> Vec<Change> {
    let time = |moment: Option<_>, none| moment.map_or(Held::Nothing(none), |moment| Held::Time(face.show(moment)));
    let text = |text: Option<&str>, none| text.map_or(Held::Nothing(none), |text| Held::Text(text.to_owned()));
    let fields = |n: &Notification| {
        let targets: Vec<String> = n.targets.iter().map(|target| titles.of(target)).collect();
        let criteria = n.criteria.as_ref().map(|criteria| words::criteria(criteria).join("; "));
        [
            ("Status", Held::Text(status(n).to_owned())),
            ("Affects", Held::Text(words::list(&targets, "and"))),
            ("From", Held::Time(face.show(n.since()))),
            ("Until", time(n.expected_back_at, "not known")),
            ("Reason", Held::Text(words::reason(&n.reason))),
            ("Failed part", text(n.component.as_deref(), "none")),
            ("Message", text(n.message.as_deref(), "none")),
            ("Ends", Held::Text(ends(n.restore).to_owned())),
            ("Last entry", text(n.last_entry_seconds.map(last_entry).as_deref(), "none")),
            ("Only for", text(criteria.as_deref(), "all requests")),
            ("Priority", Held::Text(priority(n.priority).to_owned())),
        ]
    };
    let pairs = fields(old).into_iter().zip(fields(new));
    pairs
        .filter(|((_, old), (_, new))| !old.reads_like(new))
        .map(|((label, old), (_, new))| Change { label, old, new })
        .collect()
}

/// What it says of its targets.
fn status(n: &Notification) -> &'static str {
    match n.status {
        Some(Status::Unavailable) => "unavailable",
        Some(Status::Available) if n.degraded => "degraded",
        Some(Status::Available) => "available",
        None => "cancelled",
    }
}

/// When newcomers are turned away.
pub(crate) fn last_entry(seconds: u32) -> String {
    format!("{} before it begins", words::length(seconds))
}

/// How a closing ends.
pub(crate) fn ends(restore: Restore) -> &'static str {
    match restore {
        Restore::Manual => "when an operator marks it as available (manual)",
        Restore::Automatic => "by itself at the expected return (automatic)",
        Restore::Unread(_) => "in a way that this version does not know; here, when an operator marks it as available",
    }
}

/// How urgent it is.
pub(crate) fn priority(priority: Priority) -> &'static str {
    if priority == Priority::Critical { "critical" } else { "normal" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{availability::Author, control::console::samples};
    use serde_json::json;

    #[test]
    fn every_member_that_an_operator_may_change_is_in_the_list() {
        let of = |value: serde_json::Value| {
            samples::entry(1, "2026-11-23T16:00:00Z", &Author::operator("alice"), &value).notification.clone()
        };
        let old = of(
            json!({"targets": ["application:mail"], "status": "unavailable", "goes_down_at": "2026-11-24T16:00:00Z"}),
        );
        let new = of(
            json!({"targets": ["application:chat"], "status": "unavailable", "goes_down_at": "2026-11-24T17:00:00Z",
            "expected_back_at": "2026-11-24T18:00:00Z", "reason": "testing", "component": "disk", "message": "New",
            "restore": "automatic", "last_entry_seconds": 90, "criteria": {"except": [{"methods": ["GET"]}]},
            "priority": "critical"}),
        );
        let changes = changes(&old, &new, &samples::titles(), &samples::face());
        let labels: Vec<&str> = changes.iter().map(|change| change.label).collect();
        assert_eq!(
            labels,
            [
                "Affects",
                "From",
                "Until",
                "Reason",
                "Failed part",
                "Message",
                "Ends",
                "Last entry",
                "Only for",
                "Priority"
            ]
        );
        let text = |label: &str| changes.iter().find(|change| change.label == label).unwrap().new.clone();
        assert_eq!(text("Last entry"), Held::Text("1 min 30 s before it begins".into()));
        assert_eq!(text("Only for"), Held::Text("not for: (method GET)".into()));
    }

    #[test]
    fn an_outage_that_has_become_an_advisory_says_so() {
        let of = |status: &str| {
            let value = json!({"targets": ["application:mail"], "status": status});
            samples::entry(1, "2026-11-23T16:00:00Z", &Author::operator("alice"), &value).notification.clone()
        };
        let changes = changes(&of("unavailable"), &of("degraded"), &samples::titles(), &samples::face());
        let status =
            Change { label: "Status", old: Held::Text("unavailable".into()), new: Held::Text("degraded".into()) };
        assert_eq!(changes, [status]);
    }
}
