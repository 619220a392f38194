//! The events that follow from notifications.
//!
//! Must stay true: the same notifications give the same events, with the same ids, on every node; an event's time
//! is never before its notification was made, but for a monitor's repeated word, which is the same event as the
//! first one.
//!
//! Cost: O(n log n) for n notifications.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::availability::{Entry, Moment, NodeId, Notification, Restore, Status, Target};

/// Older events are not told any more.
pub const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// So long before a plan begins it *begins soon*.
pub const SOON: Duration = Duration::from_secs(15 * 60);

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A closing was planned.
    Planned,
    /// A plan was cancelled before it began.
    Cancelled,
    /// A plan begins in 15 minutes.
    BeginsSoon,
    /// Something has closed.
    Closed,
    /// Something is open again.
    Opened,
}

impl Kind {
    /// All of them, in the order in which they happen.
    pub const ALL: [Self; 5] = [Self::Planned, Self::Cancelled, Self::BeginsSoon, Self::Closed, Self::Opened];

    /// As in configuration and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Cancelled => "cancelled",
            Self::BeginsSoon => "begins-soon",
            Self::Closed => "closed",
            Self::Opened => "opened",
        }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it happens.
    pub at: Moment,
    /// The same on every node.
    pub id: Uuid,
    /// What has happened.
    pub kind: Kind,
    /// The node that accepted the notification; none for what follows from a schedule.
    pub origin: NodeId,
    /// The notification.
    pub entry: Arc<Entry>,
}

/// Whose words replace each other: those of one reporter, or of the operators, about one target.
type Voice<'a> = (&'a Target, Option<&'a str>);

/// The events of these notifications, by time.
pub fn events(entries: &[Arc<Entry>]) -> Vec<Event> {
    let mut cancels: HashMap<Uuid, Moment> = HashMap::new();
    let mut voices: BTreeMap<Voice<'_>, BTreeSet<Moment>> = BTreeMap::new();
    for entry in entries {
        let said = &entry.notification;
        if let Some(plan) = said.cancels {
            let first = cancels.entry(plan).or_insert(entry.stamp.time);
            *first = entry.stamp.time.min(*first);
        } else if !is_plan(said) {
            for target in &said.targets {
                voices.entry((target, said.reporter.as_deref())).or_default().insert(entry.stamp.time);
            }
        }
    }
    let mut events = Vec::new();
    for entry in entries {
        let said = &entry.notification;
        let stays_until = |end: Moment| {
            let replaced = |target| {
                let later = voices.get(&(target, said.reporter.as_deref()));
                later.is_some_and(|times| times.iter().any(|time| *time > entry.stamp.time && *time <= end))
            };
            !said.targets.iter().all(replaced)
        };
        for (kind, at, id) in of(entry, cancels.get(&said.id).copied(), &stays_until) {
            events.push(Event { at, id, kind, origin: entry.stamp.node, entry: Arc::clone(entry) });
        }
    }
    events.sort_by_key(|event| (event.at, event.id));
    events.dedup_by_key(|event| event.id);
    events
}

fn is_plan(said: &Notification) -> bool {
    said.goes_down_at.is_some_and(|begin| begin > said.timestamp)
}

/// The events of one notification, which was cancelled at `cancelled`.
fn of(entry: &Entry, cancelled: Option<Moment>, stays_until: &dyn Fn(Moment) -> bool) -> Vec<(Kind, Moment, Uuid)> {
    let (said, made) = (&entry.notification, entry.stamp.time);
    let id = |kind: Kind| Uuid::new_v5(&said.id, kind.name().as_bytes());
    let end = said.expected_back_at.filter(|_| said.restore == Restore::Automatic);
    let mut events = Vec::new();
    let mut add = |kind: Kind, at: Moment| events.push((kind, at, id(kind)));
    match (said.status, said.goes_down_at) {
        // A cancel: targets and times are those of its plan.
        (None, begin) if said.cancels.is_some() => match begin {
            Some(begin) if made >= begin => {
                if end.is_none_or(|end| made < end) {
                    add(Kind::Opened, made);
                }
            }
            _ => add(Kind::Cancelled, made),
        },
        (Some(Status::Available), _) => add(Kind::Opened, made),
        (Some(Status::Unavailable), Some(begin)) if is_plan(said) => {
            let stands = |at: Moment| cancelled.is_none_or(|cancel| at < cancel);
            add(Kind::Planned, made);
            let soon = begin.before(SOON);
            if soon > made && stands(soon) {
                add(Kind::BeginsSoon, soon);
            }
            if stands(begin) {
                add(Kind::Closed, begin);
            }
            if let Some(end) = end.filter(|end| *end > begin && stands(*end)) {
                add(Kind::Opened, end);
            }
        }
        (Some(Status::Unavailable), begin) => {
            match (&said.reporter, begin) {
                // A monitor repeats its word with the time of the first one: no news.
                (Some(reporter), Some(since)) => {
                    let targets: Vec<String> = said.targets.iter().map(Target::to_string).collect();
                    let first = format!("closed {} {reporter} {}", targets.join(" "), since.millis());
                    events.push((Kind::Closed, since, Uuid::new_v5(&Uuid::NAMESPACE_OID, first.as_bytes())));
                }
                _ => add(Kind::Closed, made),
            }
            if let Some(end) = end.filter(|end| *end > made && stays_until(*end)) {
                events.push((Kind::Opened, end, id(Kind::Opened)));
            }
        }
        (None, _) => {}
    }
    events
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    pub(in crate::hook) fn entry(id: u128, made: i64, more: Value) -> Arc<Entry> {
        let mut said = json!({
            "id": Uuid::from_u128(id), "timestamp": Moment::from_millis(made), "targets": ["application:mail"],
            "source": "operator", "node": "a",
        });
        if more["cancels"].is_null() {
            said["status"] = "unavailable".into();
        }
        more.as_object().unwrap().iter().for_each(|(name, value)| said[name] = value.clone());
        Entry::stamped(serde_json::from_value(said).unwrap(), 0, NodeId(Uuid::from_u128(1)))
    }

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    /// Kind and second of each event.
    fn told(entries: &[Arc<Entry>]) -> Vec<(Kind, i64)> {
        events(entries).iter().map(|event| (event.kind, event.at.millis() / 1_000)).collect()
    }

    #[test]
    fn a_plan_is_told_when_it_is_made_before_it_begins_when_it_begins_and_when_it_ends() {
        use Kind::*;
        let plan =
            entry(1, 0, json!({"goes_down_at": at(3_600), "expected_back_at": at(7_200), "restore": "automatic"}));
        let all = [(Planned, 0), (BeginsSoon, 2_700), (Closed, 3_600), (Opened, 7_200)];
        assert_eq!(told(&[Arc::clone(&plan)]), all);
        let cancel = |at_second: i64| {
            let more = json!({"cancels": Uuid::from_u128(1), "goes_down_at": at(3_600), "expected_back_at": at(7_200),
                "restore": "automatic"});
            entry(2, at_second * 1_000, more)
        };
        assert_eq!(told(&[Arc::clone(&plan), cancel(60)]), [(Planned, 0), (Cancelled, 60)]);
        let begun = [(Planned, 0), (BeginsSoon, 2_700), (Closed, 3_600), (Opened, 4_000)];
        assert_eq!(told(&[Arc::clone(&plan), cancel(4_000)]), begun);
        assert_eq!(told(&[plan, cancel(8_000)]), all, "it was over");
        let at_once = entry(3, 0, json!({"goes_down_at": at(60)}));
        assert_eq!(told(&[at_once]), [(Planned, 0), (Closed, 60)]);
    }

    #[test]
    fn what_opens_by_itself_is_told_unless_another_word_took_its_place() {
        use Kind::*;
        let closing = entry(1, 0, json!({"expected_back_at": at(600), "restore": "automatic"}));
        assert_eq!(told(&[Arc::clone(&closing)]), [(Closed, 0), (Opened, 600)]);
        let opened = entry(2, 60_000, json!({"status": "available"}));
        assert_eq!(told(&[Arc::clone(&closing), opened]), [(Closed, 0), (Opened, 60)]);
        let elsewhere = entry(2, 60_000, json!({"targets": ["application:chat"], "status": "available"}));
        assert_eq!(told(&[Arc::clone(&closing), elsewhere]), [(Closed, 0), (Opened, 60), (Opened, 600)]);
        let manual = entry(4, 0, json!({"expected_back_at": at(600)}));
        assert_eq!(told(&[manual]), [(Closed, 0)]);
    }

    #[test]
    fn a_monitor_that_repeats_its_word_is_no_news() {
        let word = |id, made: i64, since: i64| {
            let more = json!({"source": "monitor", "reporter": "a/mail", "goes_down_at": at(since)});
            entry(id, made * 1_000, more)
        };
        let both = events(&[word(1, 10, 10), word(2, 21_600, 10)]);
        assert_eq!((both.len(), both[0].at), (1, at(10)));
        assert_eq!(events(&[word(2, 21_600, 10)])[0].id, both[0].id);
        assert_eq!(events(&[word(1, 10, 10), word(3, 50_000, 50_000)]).len(), 2, "another outage");
    }
}
