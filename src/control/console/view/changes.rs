//! What one notification changes of an earlier one, field by field: old → new.

use crate::{
    availability::{Notification, Priority, Restore},
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
            ("Affects", Held::Text(words::list(&targets, "and"))),
            ("From", Held::Time(face.show(n.since()))),
            ("Until", time(n.expected_back_at, "not known")),
            ("Reason", Held::Text(words::reason(&n.reason))),
            ("Failed part", text(n.component.as_deref(), "none")),
            ("Message", text(n.message.as_deref(), "none")),
            ("Ends", Held::Text(ends(n.restore).to_owned())),
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
