#![allow(clippy::unwrap_used)]
//! The results of admissions, and entries that only a broken or a newer peer could send. `tests/laws` tests the
//! rules as laws, on thousands of generated farms.

use super::*;
use crate::availability::{Restore, Status};

const HOUR: i64 = 3_600_000;
const NOW: i64 = 1_700_000_000_000;

/// An operator's closing, for tests to change.
fn closing(id: u128, at: i64, targets: &[&str]) -> Notification {
    serde_json::from_value(serde_json::json!({
        "id": Uuid::from_u128(id), "timestamp": Moment::from_millis(at), "targets": targets,
        "status": "unavailable", "source": "operator", "operator": "alice", "node": "m",
    }))
    .unwrap()
}

fn opening(id: u128, at: i64, targets: &[&str]) -> Notification {
    Notification { status: Some(Status::Available), ..closing(id, at, targets) }
}

/// Begins and ends this many hours from now, by itself.
fn window(id: u128, at: i64, begins: i64, ends: i64) -> Notification {
    Notification {
        goes_down_at: Some(Moment::from_millis(NOW + begins * HOUR)),
        expected_back_at: Some(Moment::from_millis(NOW + ends * HOUR)),
        restore: Restore::Automatic,
        ..closing(id, at, &["system"])
    }
}

fn cancel(id: u128, at: i64, plan: &Notification) -> Notification {
    let timestamp = Moment::from_millis(at);
    Notification { id: Uuid::from_u128(id), timestamp, status: None, cancels: Some(plan.id), ..plan.clone() }
}

fn entry(n: &Notification) -> Arc<Entry> {
    Entry::stamped(n.clone(), 0, NodeId::NONE)
}

fn ids(entries: &[Arc<Entry>]) -> Vec<u128> {
    entries.iter().map(|entry| entry.notification.id.as_u128()).collect()
}

#[test]
fn a_word_drops_what_it_replaces_and_what_it_replaced_is_told_so() {
    let mut ledger = Ledger::new(Rules::default());
    let (old, new) = (entry(&closing(1, NOW, &["system"])), entry(&opening(2, NOW + 1, &["system"])));
    assert!(ledger.admit(&old).admitted);
    assert_eq!(ids(&ledger.admit(&new).dropped), [1]);
    let told = ledger.admit(&old);
    assert_eq!((told.admitted, told.superseded), (false, Some(vec![new.stamp])));
    assert_eq!((ledger.len(), ledger.fingerprint()), (1, new.digest()));
}

#[test]
fn an_id_is_found_and_of_two_contents_the_older() {
    // The second content is 409 on submit; two nodes that do not see each other may both take one.
    let mut ledger = Ledger::new(Rules::default());
    let (mail, chat) =
        (entry(&closing(5, NOW + 1, &["application:mail"])), entry(&closing(5, NOW, &["application:chat"])));
    ledger.admit(&mail);
    ledger.admit(&chat);
    ledger.admit(&entry(&closing(6, NOW, &["system"])));
    assert_eq!(ledger.by_id(&Uuid::from_u128(5)), Some(&chat));
    assert_eq!((ledger.by_id(&Uuid::from_u128(4)), ledger.by_id(&Uuid::from_u128(7))), (None, None));
    ledger.admit(&entry(&opening(8, NOW + 2, &["application:chat"])));
    assert_eq!(ledger.by_id(&Uuid::from_u128(5)), Some(&mail));
}

#[test]
fn a_notification_goes_when_all_its_words_are_dead() {
    let mut ledger = Ledger::new(Rules::default());
    let both = entry(&closing(1, NOW, &["application:mail", "system"]));
    ledger.admit(&both);
    let system = entry(&opening(2, NOW + 1, &["system"]));
    assert!(ledger.admit(&system).dropped.is_empty());
    assert_eq!(ledger.words(&Target::System).unwrap().iter().count(), 1, "but on the system it is silent");
    let mail = entry(&opening(3, NOW + 1, &["application:mail"]));
    assert_eq!(ids(&ledger.admit(&mail).dropped), [1]);
    let mut killers = vec![system.stamp, mail.stamp];
    killers.sort();
    assert_eq!(ledger.admit(&both).superseded, Some(killers), "one for each of its targets");
}

#[test]
fn a_window_goes_when_it_is_over_on_every_node() {
    let rules = Rules::default();
    let mut ledger = Ledger::new(rules);
    let plan = entry(&window(1, NOW, 1, 2));
    ledger.admit(&plan);
    // L − 2δ is the end: not a millisecond earlier.
    let end = Moment::from_millis(NOW + 2 * HOUR).after(rules.max_clock_skew * 2);
    assert!(ledger.advance(end.before(std::time::Duration::from_millis(1))).is_empty());
    assert_eq!(ids(&ledger.advance(end)), [1]);
    assert!(ledger.is_empty() && ledger.words(&Target::System).is_none() && ledger.fingerprint() == 0);
    assert_eq!(ledger.admit(&plan).superseded, Some(vec![]), "nobody killed it: its time is over");
}

#[test]
fn a_cancel_is_remembered_without_its_plan_and_only_a_newer_one_counts() {
    let plan = window(1, NOW, 1, 2);
    let mut ledger = Ledger::new(Rules::default());
    let taken_back = entry(&cancel(2, NOW + 1, &plan));
    assert!(ledger.admit(&taken_back).admitted);
    assert_eq!(ledger.admit(&entry(&plan)).superseded, Some(vec![taken_back.stamp]));
    // Nobody can take back what has not been said; a peer that claims so is not believed.
    let mut ledger = Ledger::new(Rules::default());
    ledger.admit(&entry(&cancel(2, NOW - 1, &plan)));
    assert!(ledger.admit(&entry(&plan)).admitted);
    assert!(ledger.words(&Target::System).unwrap().iter().any(|word| word.plan));
}

#[test]
fn the_name_that_sorts_first_stays_where_two_nodes_accepted_the_same() {
    let named = |node: &str| entry(&Notification { node: node.parse().unwrap(), ..closing(1, NOW, &["system"]) });
    let mut one = Ledger::new(Rules::default());
    assert!(one.admit(&named("m")).admitted);
    assert!(!one.admit(&named("z")).joined);
    assert!(one.admit(&named("a")).joined);
    let mut other = Ledger::new(Rules::default());
    other.admit(&named("a"));
    assert_eq!((one.len(), one.fingerprint()), (1, other.fingerprint()));
    let said = one.words(&Target::System).unwrap();
    assert!(said.iter().all(|word| word.entry.notification.node.as_str() == "a"), "the words on its targets know");
}

#[test]
fn what_a_cache_was_given_does_not_change() {
    let mut ledger = Ledger::new(Rules::default());
    ledger.admit(&entry(&closing(1, NOW, &["system"])));
    let published = Arc::clone(ledger.words(&Target::System).unwrap());
    ledger.admit(&entry(&opening(2, NOW + 1, &["system"])));
    assert_eq!(published.iter().map(|word| word.says).collect::<Vec<_>>(), [Says::Closing]);
}

#[test]
fn a_part_has_what_is_said_about_its_targets_and_nothing_else() {
    let mut ledger = Ledger::new(Rules::default());
    for n in 0..2_000_u128 {
        let (own, shared) = (format!("application:a{n}"), format!("resource:r{}", n % 50));
        ledger.admit(&entry(&closing(n, NOW + n as i64, &[&own, &shared])));
    }
    let targets = BTreeSet::from(["application:a7".parse().unwrap(), "application:none".parse().unwrap()]);
    let mut part = ledger.part(&targets);
    assert_eq!((part.len(), part.limit()), (1, ledger.limit()));
    // Its word on the other target is not dead here either: it stays when its own target is opened.
    let opening = entry(&opening(9_000, NOW + 9_000, &["application:a7"]));
    assert_eq!(part.admit(&opening).dropped, ledger.admit(&opening).dropped);
    let left = |ledger: &Ledger| -> Vec<Stamp> {
        ledger.words(targets.first().unwrap()).unwrap().iter().map(|word| *word.stamp()).collect()
    };
    assert_eq!(left(&part), left(&ledger));
    assert_eq!(part.targets().count(), 1);
}
