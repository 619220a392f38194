//! The reported notifications, newest first, and what became of them.
//!
//! Must stay true: the work for one page is bounded, however much the filters leave out; the two notifications
//! of a changed plan are always on the same page.

use std::{collections::HashMap, sync::Arc};

use uuid::Uuid;

use super::{Desk, Fate, HistoryError, HistoryPage, HistoryQuery, Kind, ReadError};
use crate::{
    actors::messages::Question,
    availability::{Entry, Moment, Name, NodeId, Notification, Restore, Speaker, Stamp, Status, Target},
    clock,
    store::{Store, records},
    sync::{Node, Now},
};

/// How many notifications one page reads, however many the filters leave out.
const LONGEST_LOOK: usize = 50_000;
/// How many older notifications it reads beyond the page, to find what those on the page have changed.
const LOOK_BACK: usize = 300;

/// The entry with this id, in the ledger or still pending.
struct FindEntry(Uuid);

impl Question for FindEntry {
    type Answer = Option<Arc<Entry>>;

    fn look(self, node: &Node, _: Now) -> Self::Answer {
        node.replica().find(&self.0)
    }
}

impl Desk {
    /// What was recorded since then, newest first, at most so many.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn since(&self, from: Moment, most: usize) -> Result<Vec<Arc<Entry>>, ReadError> {
        let read = move |store: &Store| {
            let mut found = Vec::new();
            records::history(store, None, |entry| {
                let is_within = entry.stamp.time >= from && found.len() < most;
                if is_within {
                    found.push(entry);
                }
                is_within
            })?;
            Ok(found)
        };
        self.read(read).await
    }

    /// The history, newest first.
    ///
    /// # Errors
    /// When the cursor is not valid, or the store cannot be read.
    pub(crate) async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, HistoryError> {
        let before = match query.before.as_deref() {
            None => None,
            Some(text) => Some(cursor(text).ok_or(HistoryError::Cursor)?),
        };
        let touches = self.targets_of(query.application.as_deref());
        let read = move |store: &Store| {
            let mut page = Page::new(&query);
            records::history(store, before, |entry| page.take(&entry, &query, touches.as_deref()))?;
            for entry in &page.found.entries {
                if let Some(plan) = entry.notification.replaces
                    && let Some(plan) = records::recorded_by_id(store, &plan)?
                {
                    page.found.earlier.insert(entry.notification.id, plan);
                }
            }
            Ok(page.found)
        };
        Ok(self.read(read).await?)
    }

    /// The targets of an application's history: the application, the system, the resources it uses.
    fn targets_of(&self, application: Option<&str>) -> Option<Vec<Target>> {
        let name: Name = match application?.parse() {
            Ok(name) => name,
            Err(_) => return Some(Vec::new()), // no such application: nothing is about it
        };
        let slots = self.shared.slots();
        let slot = slots.iter().find(|slot| *slot.app.name() == name);
        Some(slot.map_or_else(|| vec![Target::System, Target::Application(name)], |slot| slot.app.definition.targets()))
    }

    /// One notification as it is in the ledger or in the history.
    pub(crate) async fn entry(&self, id: Uuid) -> Option<Arc<Entry>> {
        if let Some(entry) = self.look(FindEntry(id)).await? {
            return Some(entry);
        }
        self.read(move |store| records::recorded_by_id(store, &id)).await.ok().flatten()
    }

    /// The newest notification about any of these targets, other than a plan that has not begun.
    pub(crate) async fn latest_about(&self, targets: Vec<Target>) -> Option<Arc<Entry>> {
        let (store, now) = (self.store.clone(), clock::now());
        let read = move || {
            let (mut found, mut looked_at) = (None, 0);
            records::history(&store, None, |entry| {
                let n = &entry.notification;
                let is_about = n.targets.iter().any(|target| targets.contains(target));
                if is_about && n.cancels.is_none() && n.since() <= now {
                    found = Some(entry);
                }
                looked_at += 1;
                found.is_none() && looked_at < LONGEST_LOOK
            })
            .ok()?;
            found
        };
        tokio::task::spawn_blocking(read).await.ok().flatten()
    }

    /// What became of a plan; `None` while it is neither changed nor cancelled, as far as the
    /// history goes back.
    pub(crate) async fn fate_of(&self, plan: Uuid) -> Option<Fate> {
        let first = self.entry(plan).await?;
        let store = self.store.clone();
        let read = move || {
            let (mut changed, mut cancelled) = (HashMap::new(), HashMap::new());
            let mut looked_at = 0;
            records::history(&store, None, |entry| {
                let n = &entry.notification;
                // Newest first: the entries already in the list are later.
                if let Some(plan) = n.replaces {
                    changed.entry(plan).or_insert_with(|| Arc::clone(&entry));
                } else if let Some(plan) = n.cancels {
                    cancelled.entry(plan).or_insert_with(|| Arc::clone(&entry));
                }
                looked_at += 1;
                looked_at < LONGEST_LOOK && entry.stamp.time >= first.stamp.time
            })
            .ok()?;
            follow(plan, &changed, &cancelled)
        };
        tokio::task::spawn_blocking(read).await.ok().flatten()
    }
}

/// Follows a plan through its changes to the notification that now has its place.
fn follow(plan: Uuid, changed: &HashMap<Uuid, Arc<Entry>>, cancelled: &HashMap<Uuid, Arc<Entry>>) -> Option<Fate> {
    let mut last: Option<&Arc<Entry>> = None;
    // As many steps as there are changes: records of peers may form a circle.
    for _ in 0..=changed.len() {
        let id = last.map_or(plan, |entry| entry.notification.id);
        match changed.get(&id) {
            Some(next) => last = Some(next),
            None => {
                let end = cancelled.get(&id).map(|cancel| Fate::Cancelled(Arc::clone(cancel)));
                return end.or_else(|| last.map(|entry| Fate::Changed(Arc::clone(entry))));
            }
        }
    }
    None
}

/// A page that fills up.
struct Page {
    found: HistoryPage,
    limit: usize,
    looked_at: usize,
    looked_back: usize,
    /// The stamp of the last notification that counts as looked at.
    last: Option<Stamp>,
    /// Closings on the page whose earlier statement has not been met yet.
    open: Vec<Arc<Entry>>,
}

impl Page {
    fn new(query: &HistoryQuery) -> Self {
        Self {
            found: HistoryPage::default(),
            limit: query.limit.clamp(1, 1_000),
            looked_at: 0,
            looked_back: 0,
            last: None,
            open: Vec::new(),
        }
    }

    /// Takes the next older notification; false: the page is full.
    fn take(&mut self, entry: &Arc<Entry>, query: &HistoryQuery, touches: Option<&[Target]>) -> bool {
        self.settle(entry);
        if query.after.is_some_and(|after| entry.stamp.time < after) {
            self.looked_back += 1;
            return !self.open.is_empty() && self.looked_back < LOOK_BACK;
        }
        let full = self.found.entries.len() >= self.limit || self.looked_at == LONGEST_LOOK;
        let together = self.found.next.is_none()
            && self.found.entries.last().is_some_and(|last| are_one_change(&last.notification, &entry.notification));
        if full && !together {
            if self.found.next.is_none() {
                self.found.next = self.last.map(|stamp| stamp.to_string());
            }
            self.looked_back += 1;
            return !self.open.is_empty() && self.looked_back < LOOK_BACK;
        }
        self.looked_at += 1;
        self.last = Some(entry.stamp);
        if matches(&entry.notification, query, touches) {
            if is_update(&entry.notification) {
                self.open.push(Arc::clone(entry));
            }
            self.found.entries.push(Arc::clone(entry));
        }
        true
    }

    /// Completes the closings on the page whose earlier statement is this older notification.
    fn settle(&mut self, older: &Arc<Entry>) {
        let x = &older.notification;
        self.open.retain(|later| {
            let y = &later.notification;
            let same = x.targets == y.targets && x.criteria == y.criteria;
            let covers = x.criteria.is_none() && y.targets.iter().all(|target| x.targets.contains(target));
            let stood = x.since() <= y.timestamp && x.cancels.is_none() && speaks_for_operators(x);
            if !stood || !(same || covers) {
                return true;
            }
            let over = x.restore == Restore::Automatic && x.expected_back_at <= Some(y.timestamp);
            if same && x.status == Some(Status::Unavailable) && !over {
                self.found.earlier.insert(y.id, Arc::clone(older));
            }
            false
        });
    }
}

fn speaks_for_operators(n: &Notification) -> bool {
    Speaker::of(n.source, n.reporter.as_deref()) == Speaker::Operators
}

/// Whether this may be an update of an earlier closing.
fn is_update(n: &Notification) -> bool {
    n.status == Some(Status::Unavailable) && !n.is_plan() && n.replaces.is_none() && speaks_for_operators(n)
}

/// Whether two notifications are the new plan and the cancel of the old one.
fn are_one_change(one: &Notification, other: &Notification) -> bool {
    let of = |new: &Notification, cancel: &Notification| {
        new.replaces.is_some() && new.replaces == cancel.cancels && cancel.id == Notification::id_of_cancel(&new.id)
    };
    of(one, other) || of(other, one)
}

fn matches(n: &Notification, query: &HistoryQuery, touches: Option<&[Target]>) -> bool {
    query.source.as_deref().is_none_or(|wanted| n.source.as_str() == wanted)
        && query.operator.as_deref().is_none_or(|wanted| n.operator.as_deref() == Some(wanted))
        && query.kind.is_none_or(|wanted| Kind::of(n) == wanted)
        && touches.is_none_or(|targets| n.targets.iter().any(|target| targets.contains(target)))
        && query.search.as_deref().is_none_or(|text| has_text(n, text))
}

/// Whether a search for this text finds a notification; case-insensitive.
fn has_text(n: &Notification, text: &str) -> bool {
    let text = text.to_lowercase();
    let names = [n.reason.name.as_str(), n.node.as_str()].map(Some);
    let texts = [&n.message, &n.component, &n.reason.title, &n.operator, &n.reporter].map(|text| text.as_deref());
    let mut words = names.into_iter().chain(texts).flatten();
    words.any(|word| word.to_lowercase().contains(&text))
        || n.targets.iter().any(|target| target.to_string().to_lowercase().contains(&text))
        || n.id.to_string().contains(&text)
}

/// A cursor is a stamp, or a time.
fn cursor(text: &str) -> Option<Stamp> {
    let at = |time: Moment| Stamp { time, counter: 0, node: NodeId::NONE, hash: [0; 16] };
    text.parse().ok().or_else(|| text.parse().ok().map(at))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::availability::{Author, Submission};
    use serde_json::{Value, json};

    fn entry(id: u128, made: &str, value: Value) -> Arc<Entry> {
        let made = made.parse().unwrap();
        let statement = Submission::parse(&value).unwrap();
        let statement =
            statement.statement(Uuid::from_u128(id), made, &Author::operator("alice"), &"a".parse().unwrap());
        Entry::stamped(statement, 0, NodeId::NONE)
    }

    fn plan(id: u128, made: &str, replaces: Option<u128>) -> Arc<Entry> {
        let replaces = replaces.map(Uuid::from_u128);
        entry(
            id,
            made,
            json!({"targets": ["application:mail"], "status": "unavailable", "replaces": replaces,
                   "goes_down_at": "2026-12-01T20:00:00Z"}),
        )
    }

    fn cancel(id: Uuid, made: &str, of: &Entry) -> Arc<Entry> {
        let cancel = Submission::parse(&json!({"cancels": of.notification.id})).unwrap();
        let made = made.parse().unwrap();
        let cancel = cancel.cancel(id, made, &of.notification, &Author::operator("bob"), &"a".parse().unwrap());
        Entry::stamped(cancel, 0, NodeId::NONE)
    }

    fn read(limit: usize, newest_first: &[Arc<Entry>]) -> HistoryPage {
        ask(HistoryQuery { limit, ..HistoryQuery::default() }, newest_first)
    }

    fn ask(query: HistoryQuery, newest_first: &[Arc<Entry>]) -> HistoryPage {
        let mut page = Page::new(&query);
        for entry in newest_first {
            if !page.take(entry, &query, None) {
                break;
            }
        }
        page.found
    }

    #[test]
    fn a_changed_plan_is_never_on_two_pages() {
        let first = plan(1, "2026-11-23T10:00:00Z", None);
        let second = plan(2, "2026-11-23T11:00:00Z", Some(1));
        let taken_back = cancel(Notification::id_of_cancel(&Uuid::from_u128(2)), "2026-11-23T11:00:00Z", &first);
        for pair in [[second.clone(), taken_back.clone()], [taken_back, second]] {
            let all = [pair[0].clone(), pair[1].clone(), first.clone()];
            let page = read(1, &all);
            assert_eq!(page.entries, pair);
            assert_eq!(page.next, Some(pair[1].stamp.to_string()));
        }
    }

    #[test]
    fn an_update_knows_what_it_has_changed() {
        let closing = |id, made, minutes: u64| {
            entry(
                id,
                made,
                json!({"targets": ["application:mail"], "status": "unavailable", "duration_seconds": minutes * 60}),
            )
        };
        let opening =
            |id, made| entry(id, made, json!({"targets": ["system", "application:mail"], "status": "available"}));
        let (first, second) = (closing(1, "2026-11-23T10:00:00Z", 60), closing(2, "2026-11-23T10:30:00Z", 90));
        let page = read(1, &[second.clone(), first.clone()]);
        assert_eq!((page.entries.len(), page.next.is_some()), (1, true));
        assert_eq!(page.earlier.get(&Uuid::from_u128(2)), Some(&first), "also where it is on the next page");
        let page = read(9, &[second.clone(), opening(3, "2026-11-23T10:10:00Z"), first]);
        assert!(page.earlier.is_empty(), "it was available in between");
        let elsewhere = entry(4, "2026-11-23T10:00:00Z", json!({"targets": ["system"], "status": "unavailable"}));
        assert!(read(9, &[second, elsewhere]).earlier.is_empty());
    }

    #[test]
    fn filters_and_searches_find_what_they_name() {
        let plan = plan(1, "2026-11-23T10:00:00Z", None);
        let said = json!({"targets": ["resource:mail-store"], "status": "unavailable", "message": "Der SÜDEN ist aus"});
        let closing = entry(2, "2026-11-23T11:00:00Z", said);
        let off = cancel(Uuid::from_u128(3), "2026-11-23T12:00:00Z", &plan);
        let all = [off.clone(), closing.clone(), plan.clone()];
        let found = |query: HistoryQuery| ask(HistoryQuery { limit: 9, ..query }, &all).entries;
        let search = |text: &str| found(HistoryQuery { search: Some(text.to_owned()), ..HistoryQuery::default() });
        assert_eq!(search("süden"), std::slice::from_ref(&closing));
        assert_eq!(search("mail-store"), std::slice::from_ref(&closing));
        assert_eq!(search("bob"), std::slice::from_ref(&off));
        assert!(search("nowhere").is_empty());
        let kind = |kind| found(HistoryQuery { kind: Some(kind), ..HistoryQuery::default() });
        assert_eq!((kind(Kind::Plan), kind(Kind::Cancel)), (vec![plan], vec![off.clone()]));
        assert!(kind(Kind::Available).is_empty());
        let after = Some("2026-11-23T11:00:00Z".parse().unwrap());
        assert_eq!(found(HistoryQuery { after, ..HistoryQuery::default() }), [off, closing]);
    }

    #[test]
    fn a_plan_is_followed_to_what_it_is_now() {
        let (first, second, third) = (
            plan(1, "2026-11-23T10:00:00Z", None),
            plan(2, "2026-11-23T11:00:00Z", Some(1)),
            plan(3, "2026-11-23T12:00:00Z", Some(2)),
        );
        let changed = HashMap::from([(Uuid::from_u128(1), second), (Uuid::from_u128(2), third.clone())]);
        let ends = |plan: u128, cancelled: &HashMap<_, _>| match follow(Uuid::from_u128(plan), &changed, cancelled) {
            None => "nothing".to_owned(),
            Some(Fate::Changed(entry)) => format!("changed {}", entry.notification.id.as_u128()),
            Some(Fate::Cancelled(entry)) => format!("cancelled by {}", entry.notification.operator.as_deref().unwrap()),
        };
        assert_eq!(ends(1, &HashMap::new()), "changed 3");
        assert_eq!(ends(3, &HashMap::new()), "nothing");
        let off = HashMap::from([(Uuid::from_u128(3), cancel(Uuid::from_u128(9), "2026-11-23T13:00:00Z", &third))]);
        assert_eq!(ends(1, &off), "cancelled by bob");
        let circle = HashMap::from([(Uuid::from_u128(1), first)]);
        assert!(follow(Uuid::from_u128(1), &circle, &HashMap::new()).is_none());
        let unrelated = Uuid::from_u128(77);
        assert!(follow(unrelated, &changed, &off).is_none());
    }
}
