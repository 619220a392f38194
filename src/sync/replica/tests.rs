//! Single steps of the protocol that the simulation would reach only by luck, one by one.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::{
    availability::{Author, Entry, Moment, Restore, Source, Stamp, Status, Submission},
    sync::{
        Announce, ConflictKind, Deliver, DeliveryState, Item, MAX_ROWS, Member, PendingRow, QueueKey, Receipt,
        lane::NO_PROGRESS,
    },
};

pub(super) const NOW: Now = Now { wall: Moment::ZERO, mono: Duration::from_secs(1) };

pub(super) fn id(i: u128) -> NodeId {
    NodeId(Uuid::from_u128(i))
}

pub(super) fn member(i: u128) -> Member {
    Member {
        id: id(i),
        name: format!("n{i}").parse().unwrap(),
        address: format!("http://n{i}"),
        changed: Moment::from_millis(5),
        since: Moment::from_millis(5),
        forgotten: false,
        definitions: BTreeMap::new(),
        zone_data: String::new(),
    }
}

pub(super) fn facts(i: u128, fanout: usize) -> Facts {
    Facts {
        me: id(i),
        name: member(i).name,
        address: member(i).address,
        boot: 1,
        boot_nonce: 1,
        rules: Rules::default(),
        reasons: Reasons::with([]),
        fanout: std::num::NonZeroUsize::new(fanout).map_or(Fanout::All, Fanout::Some),
        critical: HashSet::new(),
        definitions: BTreeMap::new(),
        together: Vec::new(),
        peers: Vec::new(),
        max_rows: MAX_ROWS,
    }
}

/// Node 1 of a farm of so many.
pub(super) fn node(of: u128, fanout: usize) -> Replica {
    let restored = Restored { members: (1..=of).map(member).collect(), ..Restored::default() };
    let mut replica = Replica::restore(facts(1, fanout), restored, NOW);
    replica.replay(0, NOW);
    settle(&mut replica);
    replica
}

/// Everything is durable and loaded at once; what remains of the effects.
pub(super) fn settle(replica: &mut Replica) -> Vec<Effect> {
    let mut rest = Vec::new();
    loop {
        let effects = replica.take_effects();
        if effects.is_empty() {
            return rest;
        }
        for effect in effects {
            match effect {
                Effect::Commit { step, .. } => replica.durable(step, NOW),
                Effect::Load { step, .. } => replica.loaded(step, NOW),
                other => rest.push(other),
            }
        }
    }
}

pub(super) fn entry(i: u128, at: i64, node: u128) -> Arc<Entry> {
    let submission = Submission::parse(&serde_json::json!({"targets": ["system"], "status": "unavailable"})).unwrap();
    let time = Moment::from_millis(at);
    let made = submission.statement(Uuid::from_u128(i), time, &Author::operator("alice"), &member(node).name);
    assert_eq!(
        (made.source, made.status, made.restore),
        (Source::Operator, Some(Status::Unavailable), Restore::Manual)
    );
    Entry::stamped(made, 0, NodeId::NONE)
}

pub(super) fn submit(replica: &mut Replica) -> Stamp {
    let submission = Submission::parse(&serde_json::json!({"targets": ["system"], "status": "unavailable"})).unwrap();
    let id = Uuid::from_u128(77);
    replica.submit(Submit { submission, author: Author::operator("alice"), id, known: None }, 9, NOW);
    replica.find(&id).unwrap().stamp
}

pub(super) fn deliver(items: Vec<Item>) -> Deliver {
    Deliver { limit: Moment::ZERO, items, receipts: Vec::new(), gathered: Vec::new(), records: Vec::new() }
}

pub(super) fn delivered(stamp: Stamp, state: DeliveryState) -> Delivered {
    Delivered {
        limit: Moment::ZERO,
        receipts: vec![Receipt { stamp, state }],
        unknown: Vec::new(),
        refused: Vec::new(),
    }
}

#[test]
fn nothing_is_acknowledged_before_it_is_durable_and_visible() {
    let mut replica = node(1, 0);
    submit(&mut replica);
    let effects = replica.take_effects();
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Reply(..))));
    let load = effects
        .iter()
        .find_map(|effect| if let Effect::Load { step, .. } = effect { Some(*step) } else { None })
        .unwrap();
    replica.durable(load, NOW);
    assert!(!replica.take_effects().iter().any(|effect| matches!(effect, Effect::Reply(..))));
    replica.loaded(load, NOW);
    assert!(replica.take_effects().iter().any(|effect| matches!(effect, Effect::Reply(9, Reply::Submitted(Ok(_))))));
}

#[test]
fn a_critical_one_overtakes_ten_thousand_that_wait() {
    const MANY: u128 = 10_000;
    let mut replica = node(2, 0);
    replica.replaying = true;
    for i in 0..MANY {
        let waiting = entry(i + 1, 10 + i as i64, 1);
        replica.inbox.put(
            QueueKey { class: 1, stamp: waiting.stamp },
            PendingRow { entry: waiting, initial: id(1), share: None },
        );
    }
    let urgent = entry(MANY + 1, 100_000, 1);
    let key = QueueKey { class: 0, stamp: urgent.stamp };
    replica.inbox.put(key, PendingRow { entry: urgent, initial: id(1), share: None });
    replica.replaying = false;
    replica.work(NOW);
    let first = replica.take_effects().into_iter().find_map(|effect| match effect {
        Effect::Commit { changes, .. } => Some(changes),
        _ => None,
    });
    assert!(matches!(first.unwrap().first(), Some(Change::Unqueue(taken)) if *taken == key), "it is applied first");
    let sent = replica.poll_send(id(2), NOW).unwrap();
    assert_eq!(sent.items.first().map(|item| item.entry.stamp), Some(key.stamp), "and sent first");
}

#[test]
fn a_child_that_fails_is_replaced_by_the_next_of_its_share() {
    let mut replica = node(4, 1);
    let stamp = submit(&mut replica);
    settle(&mut replica);
    assert_eq!(replica.poll_send(id(2), NOW).unwrap().items[0].share, [id(3), id(4)]);
    assert!(replica.poll_send(id(3), NOW).is_none(), "delegated");
    replica.failed(id(2), 0, NOW);
    assert_eq!(replica.poll_send(id(3), NOW).unwrap().items[0].share, [id(4)]);
    // It acknowledges and burns down: its share is sent directly after 2 s.
    replica.answered(id(3), &delivered(stamp, DeliveryState::Applied), NOW);
    let later = Now { mono: NOW.mono + NO_PROGRESS, ..NOW };
    assert_eq!(replica.next_timer(NOW), Some(NOW.mono + Duration::from_millis(50)), "the first child is tried again");
    replica.tick(later);
    let direct = replica.poll_send(id(4), later).unwrap();
    assert!(direct.items[0].entry.stamp == stamp && direct.items[0].share.is_empty());
    assert_eq!(replica.peers().iter().map(|peer| peer.outbox).collect::<Vec<_>>(), [1, 0, 1]);
}

#[test]
fn the_fingerprint_is_right_when_the_ledger_drops_what_still_waits() {
    let mut replica = node(3, 0);
    let (old, new) = (entry(5, 10, 2), entry(6, 20, 2));
    let item = |entry: &Arc<Entry>, share| Item { entry: Arc::clone(entry), initial: id(2), share, gather: false };
    replica.deliver(id(2), deliver(vec![item(&old, Vec::new())]), 1, NOW);
    settle(&mut replica);
    // Again, to be passed on: it waits while it is in the ledger. The newer one kills it.
    replica.replaying = true;
    replica.deliver(id(2), deliver(vec![item(&old, vec![id(3)]), item(&new, Vec::new())]), 2, NOW);
    replica.replay(3, NOW);
    settle(&mut replica);
    assert_eq!(replica.fingerprint(), new.digest());
    assert_eq!((replica.ledger().len(), replica.peers()[1].outbox), (1, 1), "the dead one is still passed on");
}

#[test]
fn being_forgotten_is_for_good() {
    let mut replica = node(3, 0);
    assert!(replica.forget("n3", NOW));
    // It comes back with a later record, by hearsay.
    let returning = Member { changed: Moment::from_millis(1_000_000), ..member(3) };
    replica.learn_members(&[returning], NOW);
    assert_eq!(replica.members().count(), 2);
    assert!(replica.announcement("").members.iter().any(|member| member.id == id(3) && member.forgotten));
    assert_eq!(replica.check_sender(id(3), 9, 9), Err(Stranger::Forgotten { id: id(3) }));
}

#[test]
fn a_copied_store_is_told_so() {
    let mut replica = node(2, 0);
    assert_eq!(replica.check_sender(id(2), 4, 1), Ok(()));
    assert_eq!(replica.check_sender(id(2), 4, 2), Err(Stranger::Copied { id: id(2) }));
    assert_eq!(replica.check_sender(id(2), 3, 1), Err(Stranger::Copied { id: id(2) }));
    assert_eq!(replica.check_sender(id(2), 5, 2), Ok(()));
}

fn fences(effects: &[Effect]) -> Vec<ConflictKind> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Fence(conflict) = effect { Some(conflict.kind) } else { None })
        .collect()
}

#[test]
fn a_fenced_node_takes_nothing_and_calls_nothing_known() {
    let mut replica = node(2, 0);
    submit(&mut replica);
    settle(&mut replica);
    replica.turned_away(&Stranger::Copied { id: id(1) }.conflict());
    let effects = settle(&mut replica);
    assert_eq!(fences(&effects), [ConflictKind::Copied]);
    // The same once more, and something new.
    submit(&mut replica);
    let effects = settle(&mut replica);
    let refused = |effect: &Effect| matches!(effect, Effect::Reply(9, Reply::Submitted(Err(SubmitRefusal::Fenced(conflict)))) if conflict.kind == ConflictKind::Copied);
    assert!(effects.iter().any(refused), "{effects:?}");
    // It learns this while a submission is on its way to the disk.
    let mut replica = node(2, 0);
    submit(&mut replica);
    replica.turned_away(&Stranger::Copied { id: id(1) }.conflict());
    let effects = settle(&mut replica);
    assert!(effects.iter().any(refused), "{effects:?}");
    // A restart changes nothing about it.
    let conflict = replica.conflict().cloned();
    let mut replica = Replica::restore(facts(1, 0), Restored { conflict, ..Restored::default() }, NOW);
    assert_eq!(fences(&settle(&mut replica)), [ConflictKind::Copied]);
}

#[test]
fn an_answer_is_believed_no_more_than_a_request() {
    let mut replica = node(2, 0);
    assert_eq!(replica.check_sender(id(2), 4, 1), Ok(()));
    let answer = |i: u128, boot, boot_nonce| Announce {
        member: Member { changed: Moment::from_millis(9), ..member(i) },
        boot,
        boot_nonce,
        ..node(1, 0).announcement("ready")
    };
    // A copy of node 2's store answers somewhere else, under the number of a former run.
    let mut copy = answer(2, 3, 7);
    copy.member.address = "http://n9".to_owned();
    assert_eq!(replica.announced(&copy, Some("http://n9"), NOW), Err(Stranger::Copied { id: id(2) }));
    assert_eq!(replica.address_of(id(2)), Some("http://n2".to_owned()));
    assert_eq!(replica.announced(&answer(2, 4, 1), Some("http://n2"), NOW), Ok(()));
    // A copy of this node's own store; this node itself, at an address in its own list.
    assert_eq!(replica.announced(&answer(1, 1, 8), Some("http://n8"), NOW), Err(Stranger::Copied { id: id(1) }));
    assert_eq!(replica.announced(&answer(1, 1, 1), Some("http://n1"), NOW), Ok(()));
    assert!(replica.conflict().is_none());
}

#[test]
fn of_two_with_one_name_the_later_gives_way_whoever_tells_it() {
    let namesake = |since: i64| Member { name: member(1).name, since: Moment::from_millis(since), ..member(7) };
    let mut replica = node(2, 0);
    assert_eq!(replica.own().since, Moment::from_millis(5));
    replica.learn_members(&[namesake(6)], NOW);
    assert!(replica.conflict().is_none(), "it had the name first");
    replica.learn_members(&[namesake(4)], NOW);
    assert_eq!(replica.conflict().map(|conflict| conflict.kind), Some(ConflictKind::NameTaken));
    // What lasts is not forgotten for that.
    replica.turned_away(&Stranger::Copied { id: id(1) }.conflict());
    replica.learn_members(&[namesake(3)], NOW);
    assert_eq!(replica.conflict().map(|conflict| conflict.kind), Some(ConflictKind::Copied));
    // At the announcement itself, too: the newcomer is refused, unless it is the older one.
    let announce = |since| Announce { member: namesake(since), ..node(1, 0).announcement("ready") };
    let mut replica = node(2, 0);
    let refused = Announce { boot: 0, ..announce(6) };
    assert!(matches!(replica.announced(&refused, None, NOW), Err(Stranger::NameTaken { .. })));
    assert_eq!(replica.announced(&Announce { boot: 0, ..announce(4) }, None, NOW), Ok(()));
    assert!(replica.conflict().is_some());
}

#[test]
fn what_cannot_be_sent_any_more_is_merged() {
    let key = QueueKey { class: 1, stamp: entry(1, 10, 1).stamp };
    let restored =
        Restored { members: (1..=3).map(member).collect(), bodiless: vec![(id(2), key)], ..Restored::default() };
    let mut replica = Replica::restore(facts(1, 0), restored, NOW);
    assert_eq!(replica.peers().iter().map(|peer| peer.merge_on_return).collect::<Vec<_>>(), [true, false]);
    let changes: Vec<Change> = replica
        .take_effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Commit { changes, .. } => Some(changes),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(
        changes.iter().any(|change| matches!(change, Change::Unpost(peer, gone) if (*peer, *gone) == (id(2), key)))
    );
    assert!(changes.iter().any(|change| matches!(change, Change::MergeOnReturn(peer, true) if *peer == id(2))));
}

#[test]
fn what_is_accepted_during_a_merge_on_return_is_not_taken_for_merged() {
    let mut replica = node(2, 0);
    replica.facts.max_rows = 0;
    submit(&mut replica);
    settle(&mut replica);
    assert!(replica.peers()[0].merge_on_return);
    replica.merging(id(2));
    replica.facts.max_rows = MAX_ROWS;
    let late = Item { entry: entry(6, 20, 1), initial: id(1), share: Vec::new(), gather: false };
    let key = QueueKey { class: 1, stamp: late.entry.stamp };
    replica.inbox.put(key, PendingRow { entry: late.entry, initial: id(1), share: None });
    replica.work(NOW);
    replica.merged_with(id(2), NOW);
    settle(&mut replica);
    let sent = replica.poll_send(id(2), NOW).unwrap();
    assert_eq!(sent.items.iter().map(|item| item.entry.stamp).collect::<Vec<_>>(), [key.stamp]);
}

/// What was issued again under a right time is over: its initial node is told so, whether it waited here or comes
/// in the same delivery.
#[test]
fn the_first_issue_of_a_restamped_one_is_superseded() {
    let item = |entry: &Arc<Entry>| Item { entry: Arc::clone(entry), initial: id(2), share: Vec::new(), gather: false };
    let first = entry(5, 86_400_000, 2);
    let mut again = entry(6, 20, 2).notification.clone();
    again.id = first.notification.id_restamped();
    again.extra.insert("restamps".to_owned(), first.notification.id.to_string().into());
    let again = Entry::stamped(again, 0, NodeId::NONE);
    let answer = |replica: &mut Replica, items: Vec<Item>| {
        replica.deliver(id(2), deliver(items), 9, NOW);
        settle(replica).into_iter().find_map(|effect| match effect {
            Effect::Reply(9, Reply::Delivered(delivered)) => Some(delivered.receipts),
            _ => None,
        })
    };
    let receipt = |entry: &Arc<Entry>, state| Receipt { stamp: entry.stamp, state };
    let over = |replica: &mut Replica| {
        let told = replica.poll_send(id(2), NOW).unwrap().receipts;
        assert!(told.contains(&receipt(&first, DeliveryState::Superseded)), "{told:?}");
        assert_eq!((replica.inbox.quarantined(), replica.holds.is_unsettled(&first.stamp)), (0, false));
    };
    // Both in one delivery.
    let mut replica = node(2, 0);
    let both = [receipt(&first, DeliveryState::Queued), receipt(&again, DeliveryState::Queued)];
    assert_eq!(answer(&mut replica, vec![item(&first), item(&again)]), Some(both.to_vec()));
    over(&mut replica);
    // One after the other.
    let mut replica = node(2, 0);
    let waits = receipt(&first, DeliveryState::Quarantined);
    assert_eq!(answer(&mut replica, vec![item(&first)]), Some(vec![waits]));
    assert!(answer(&mut replica, vec![item(&again)]).is_some());
    over(&mut replica);
}
