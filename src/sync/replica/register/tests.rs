//! The registry, step by step.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::super::{
    tests::{NOW, deliver, facts, id, member, node, settle},
    *,
};
use crate::{
    availability::{Author, Key, Kind, MAX_PLANS, Moment, Schedule},
    sync::{Deliver, Label, Merge, message::MAX_ITEMS},
};

fn schedule(changes: Value) -> Value {
    let mut value = json!({
        "title": "Backup", "targets": ["system"], "time_zone": "UTC", "starts": "1970-01-02T02:00", "duration_seconds": 60,
        "rule": "FREQ=DAILY",
    });
    value.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    value
}

fn register(replica: &mut Replica, which: u128, value: Option<Value>) -> Result<Arc<Record>, RegisterRefusal> {
    register_kind(replica, Kind::Schedule, which, value)
}

fn register_kind(
    replica: &mut Replica,
    kind: Kind,
    which: u128,
    value: Option<Value>,
) -> Result<Arc<Record>, RegisterRefusal> {
    let author = Author::operator("alice");
    replica.register(Register { kind, id: Uuid::from_u128(which), value, author }, 4, NOW);
    let replies = settle(replica).into_iter().filter_map(|effect| match effect {
        Effect::Reply(4, Reply::Registered(result)) => Some(result),
        _ => None,
    });
    replies.last().unwrap()
}

/// How many plans and cancels the ledger has.
fn follows(replica: &Replica) -> (usize, usize) {
    let of = replica.ledger().iter().filter(|entry| entry.notification.schedule.is_some());
    let (plans, cancels): (Vec<_>, Vec<_>) = of.partition(|entry| entry.notification.is_plan());
    (plans.len(), cancels.len())
}

/// A record that another node has accepted.
fn foreign(which: u128, millis: i64, value: Option<Value>) -> Arc<Record> {
    let key = Key { kind: Kind::Schedule, id: Uuid::from_u128(which) };
    let value = value.map(|value| {
        let known = node(1, 0);
        let mut other = known;
        let taken = register(&mut other, which, Some(value)).unwrap();
        taken.value.clone().unwrap()
    });
    Record::stamped(key, value, None, member(2).name, (Moment::from_millis(millis), 0, id(2)))
}

fn bring(records: Vec<Arc<Record>>) -> Deliver {
    Deliver { records, ..deliver(Vec::new()) }
}

#[test]
fn a_change_is_durable_before_it_is_answered_and_goes_to_every_peer_once() {
    let mut replica = node(3, 0);
    let register = Register {
        kind: Kind::Schedule,
        id: Uuid::from_u128(1),
        value: Some(schedule(json!({}))),
        author: Author::operator("alice"),
    };
    replica.register(register, 4, NOW);
    let effects = replica.take_effects();
    let is_stored = |effect: &Effect| matches!(effect, Effect::Commit { changes, .. } if matches!(changes[..], [Change::Register(_)]));
    assert!(effects.iter().any(is_stored) && !effects.iter().any(|effect| matches!(effect, Effect::Reply(..))));
    for effect in effects {
        match effect {
            Effect::Commit { step, .. } => replica.durable(step, NOW),
            Effect::Load { step, .. } => replica.loaded(step, NOW),
            _ => {}
        }
    }
    assert!(settle(&mut replica).iter().any(|effect| matches!(effect, Effect::Reply(4, Reply::Registered(Ok(_))))));
    for peer in [id(2), id(3)] {
        let sent = replica.poll_send(peer, NOW).unwrap();
        assert_eq!((sent.records.len(), sent.items.len()), (1, 0), "plans are not sent: every node makes them");
        assert!(replica.poll_send(peer, NOW).is_none());
    }
    let taken = crate::sync::Delivered { limit: Moment::ZERO, receipts: vec![], unknown: vec![], refused: vec![] };
    replica.answered(id(2), &taken, NOW);
    replica.failed(id(3), 7, NOW);
    let later = Now { mono: NOW.mono + Duration::from_secs(60), ..NOW };
    assert!(replica.poll_send(id(2), later).is_none());
    assert_eq!(replica.poll_send(id(3), later).unwrap().records.len(), 1, "the delivery failed");
}

#[test]
fn occurrences_of_the_next_14_days_become_plans_and_a_new_version_takes_them_back() {
    let mut replica = node(2, 0);
    let first = register(&mut replica, 1, Some(schedule(json!({})))).unwrap();
    // From the second of January, at two, to the fourteenth; the fifteenth is the day after.
    assert_eq!(follows(&replica), (13, 0));
    assert_eq!(register(&mut replica, 1, Some(schedule(json!({})))).unwrap().stamp, first.stamp, "no new version");
    let later = Now { wall: Moment::from_millis(24 * 3_600_000), mono: NOW.mono + Duration::from_secs(86_400) };
    assert_eq!(
        replica.next_timer(NOW).map(|at| (at - NOW.mono).as_secs()),
        Some(2 * 3_600),
        "two o'clock, 14 days before"
    );
    replica.tick(later);
    settle(&mut replica);
    assert_eq!(follows(&replica), (14, 0));
    register(&mut replica, 1, Some(schedule(json!({"starts": "1970-01-02T03:00"})))).unwrap();
    assert_eq!(follows(&replica), (13, 14));
    register(&mut replica, 1, None).unwrap();
    assert_eq!(follows(&replica), (0, 27));
    assert_eq!(register(&mut replica, 1, None), Err(RegisterRefusal::NotThere));
    // A plan of an earlier version that comes late, from a node that did not know: the cancel is there already.
    let schedule = Schedule::of(&first).unwrap().unwrap();
    let plan = schedule.plan(&first, schedule.begins(first.stamp.time).next().unwrap());
    replica.absorb_entries(id(2), vec![plan], NOW, Label::Absorb);
    replica.work(NOW);
    settle(&mut replica);
    assert_eq!(follows(&replica).0, 0);
}

#[test]
fn two_nodes_that_hear_of_two_versions_in_any_order_have_the_same_plans() {
    let (first, second) =
        (foreign(1, 0, Some(schedule(json!({})))), foreign(1, 10, Some(schedule(json!({"duration_seconds": 61})))));
    let mut ledgers = Vec::new();
    for order in [[&first, &second], [&second, &first]] {
        let mut replica = node(2, 0);
        for record in order {
            replica.deliver(id(2), bring(vec![Arc::clone(record)]), 5, NOW);
            settle(&mut replica);
        }
        // The other node may have made plans of the first version.
        let of_first = Schedule::of(&first).unwrap().unwrap();
        let plans = of_first.begins(first.stamp.time).take(13).map(|begins| of_first.plan(&first, begins)).collect();
        replica.absorb_entries(id(2), plans, NOW, Label::Absorb);
        replica.work(NOW);
        settle(&mut replica);
        assert_eq!(follows(&replica), (13, 13));
        ledgers.push(replica.fingerprint());
        assert!(replica.poll_send(id(2), NOW).is_none(), "what was delivered is not passed on");
    }
    assert_eq!(ledgers[0], ledgers[1]);
}

#[test]
fn an_occurrence_that_was_taken_back_is_not_made_again() {
    let mut replica = node(1, 0);
    register(&mut replica, 1, Some(schedule(json!({})))).unwrap();
    let plan = replica.ledger().iter().next().unwrap().notification.id;
    let submission = crate::availability::Submission::parse(&json!({"cancels": plan})).unwrap();
    replica.submit(
        Submit { submission, author: Author::operator("alice"), id: Uuid::from_u128(9), known: None },
        9,
        NOW,
    );
    settle(&mut replica);
    assert_eq!(replica.ledger().iter().filter(|entry| entry.notification.is_plan()).count(), 12);
    replica.follow_all(NOW);
    replica.work(NOW);
    settle(&mut replica);
    assert_eq!(replica.ledger().iter().filter(|entry| entry.notification.is_plan()).count(), 12);
    assert!(replica.ledger().by_id(&plan).is_none());
}

#[test]
fn after_a_restart_what_a_crash_has_taken_is_made_again() {
    let record = foreign(1, 0, Some(schedule(json!({}))));
    let gone = foreign(2, 10, None);
    let mut ledger = Ledger::new(Rules::default());
    ledger.advance(Moment::from_millis(401 * 24 * 3_600_000));
    let restored = Restored { records: vec![Arc::clone(&record), gone.clone()], ..Restored::default() };
    let mut replica = Replica::restore(facts(1, 0), restored, NOW);
    assert_eq!(follows(&replica), (0, 0));
    replica.replay(0, NOW);
    settle(&mut replica);
    assert_eq!((follows(&replica), replica.registry().len()), ((13, 0), 2));
    // A removal whose time is over is left out, and taken off the disk.
    let restored = Restored { records: vec![gone.clone()], ledger, ..Restored::default() };
    let mut replica = Replica::restore(facts(1, 0), restored, NOW);
    let is_taken = |effect: &Effect| matches!(effect, Effect::Commit { changes, .. } if matches!(&changes[..], [Change::Unregister(key)] if *key == gone.key()));
    assert!(replica.take_effects().iter().any(is_taken) && replica.registry().is_empty());
}

#[test]
fn bounds_are_refused_with_what_is_full_and_what_is_wrong_is_named() {
    let mut replica = node(1, 0);
    let daily = |hour: u32| schedule(json!({"starts": format!("1970-01-02T{hour:02}:00")}));
    // 14 occurrences in 14 days: the fifth schedule would be beyond 64.
    for hour in 0..(MAX_PLANS / 14) as u32 {
        register(&mut replica, u128::from(hour), Some(daily(hour))).unwrap();
    }
    assert!(
        matches!(register(&mut replica, 99, Some(daily(20))), Err(RegisterRefusal::Submit(SubmitRefusal::Bound(bound))) if bound.limit == 64)
    );
    register(&mut replica, 0, Some(daily(20))).unwrap();
    let wrong = register(&mut replica, 98, Some(schedule(json!({"duration_seconds": 90_000}))));
    assert!(
        matches!(wrong, Err(RegisterRefusal::Submit(SubmitRefusal::Invalid(errors))) if errors[0].field == "duration_seconds")
    );
    let large = json!({"title": "x", "targets": ["system"], "status": "unavailable", "message": "\u{1}".repeat(2_000)});
    let large = register_kind(&mut replica, Kind::Template, 1, Some(large));
    assert!(
        matches!(large, Err(RegisterRefusal::Submit(SubmitRefusal::Invalid(errors))) if errors[0].problem.contains("8192")),
        "escaped, it is longer"
    );
    let unknown = register_kind(&mut replica, "banner".parse().unwrap(), 1, Some(json!({})));
    assert_eq!(unknown, Err(RegisterRefusal::NotThere));
}

#[test]
fn a_record_from_the_future_or_a_forged_one_changes_nothing() {
    let mut replica = node(2, 0);
    let early = foreign(1, 120_001, None);
    let mut forged = (*foreign(2, 0, None)).clone();
    forged.operator = Some("mallory".to_owned());
    replica.deliver(id(2), bring(vec![Arc::clone(&early), Arc::new(forged)]), 5, NOW);
    let effects = settle(&mut replica);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Reply(5, Reply::Delivered(_)))));
    assert_eq!((replica.registry().len(), replica.ledger().limit()), (0, Moment::ZERO));
    // It is offered again, and accepted when its time has come.
    let later = Now { wall: Moment::from_millis(10), ..NOW };
    replica.deliver(id(2), bring(vec![early]), 5, later);
    settle(&mut replica);
    assert_eq!(replica.registry().len(), 1);
    let many = (0..=MAX_ITEMS as u128).map(|i| foreign(i, 0, None)).collect();
    replica.deliver(id(2), bring(many), 6, NOW);
    assert!(settle(&mut replica).iter().any(|effect| matches!(effect, Effect::Reply(6, Reply::Malformed(_)))));
}

#[test]
fn a_merge_brings_what_each_side_lacks_and_tells_the_others() {
    let (mut one, mut other) = (node(3, 0), node(3, 0));
    register(&mut one, 1, Some(schedule(json!({})))).unwrap();
    register(&mut other, 2, Some(schedule(json!({"starts": "1970-01-03T05:00"})))).unwrap();
    assert_ne!(one.fingerprint(), other.fingerprint());
    let merge = Merge {
        limit: one.ledger().limit(),
        fingerprint: format!("{:032x}", one.fingerprint()),
        count: one.holding(),
        entries: one.holdings().cloned().collect(),
        records: one.registry().iter().cloned().collect(),
        whole: true,
        ranges: None,
        need: Vec::new(),
        members: Vec::new(),
    };
    other.merge(id(2), merge, 8, NOW);
    let merged = settle(&mut other).into_iter().find_map(|effect| match effect {
        Effect::Reply(8, Reply::Merged(merged)) => merged,
        _ => None,
    });
    let merged = merged.unwrap();
    assert_eq!(merged.records.len(), 1);
    one.absorb(id(2), merged, NOW);
    settle(&mut one);
    assert_eq!(one.fingerprint(), other.fingerprint());
    assert_eq!((one.registry().len(), follows(&one).0), (2, 25));
    assert_eq!(one.poll_send(id(3), NOW).unwrap().records.len(), 2, "its own, and what the merge has brought");
}
