//! Rows, shares and receipts, without a replica around them.
#![allow(clippy::unwrap_used)]

use std::{collections::HashSet, sync::Arc};

use serde_json::json;
use uuid::Uuid;

use super::{post::Posted, *};
use crate::{
    availability::{Entry, Moment},
    sync::{DeliveryState, Fanout, MAX_ROWS, lane::NO_PROGRESS},
};

const NOW: Now = Now { wall: Moment::ZERO, mono: Duration::from_secs(1) };

fn id(i: u128) -> NodeId {
    NodeId(Uuid::from_u128(i))
}

fn entry(i: u128) -> Arc<Entry> {
    let record = json!({
        "id": Uuid::from_u128(i), "timestamp": Moment::from_millis(i as i64), "targets": ["system"],
        "status": "unavailable", "source": "operator", "node": "a",
    });
    Entry::stamped(serde_json::from_value(record).unwrap(), 0, NodeId::NONE)
}

/// The outbox of node 1, with peers 2 to `last`.
fn outbox(last: u128) -> Outbox {
    let mut outbox = Outbox::new(id(1));
    (2..=last).for_each(|i| outbox.open(id(i), true));
    outbox
}

fn later(seconds: u64) -> Now {
    Now { mono: NOW.mono + Duration::from_secs(seconds), ..NOW }
}

/// Posts an entry of this node's own, or one that it relays for node 9, to these.
fn post(
    outbox: &mut Outbox,
    i: u128,
    own: bool,
    to: &[u128],
    fanout: Fanout,
    most: usize,
) -> (QueueKey, Posted, Vec<Change>) {
    let (entry, mut changes) = (entry(i), Vec::new());
    let key = QueueKey { class: 1, stamp: entry.stamp };
    let to: Vec<NodeId> = to.iter().copied().map(id).collect();
    let initial = if own { id(1) } else { id(9) };
    if own {
        outbox.await_receipts(&entry, &to, NOW.wall);
    }
    let posted = outbox.post(key, &entry, initial, to, own, true, fanout, most, NOW, &mut changes);
    (key, posted, changes)
}

fn chain() -> Fanout {
    Fanout::Some(std::num::NonZeroUsize::MIN)
}

#[test]
fn a_child_gets_its_share_and_a_silent_one_is_replaced_at_once() {
    let mut outbox = outbox(4);
    let (key, posted, changes) = post(&mut outbox, 7, true, &[2, 3, 4], chain(), MAX_ROWS);
    assert_eq!((posted.to.len(), changes.len()), (3, 3), "a row for each");
    let wants: Vec<_> = (2..=4).map(|i| outbox.want(id(i), NOW)).collect();
    assert_eq!(wants, [Some(Want::Send), None, None], "the others are served by the child");
    let (items, ..) = outbox.take_batch(id(2), NOW).unwrap();
    assert_eq!(items[0].share, [id(3), id(4)]);
    assert!(outbox.take_batch(id(2), NOW).is_none(), "one message at a time");
    assert_eq!(outbox.failed(id(2), 0, NOW), [id(3)]);
    let (items, ..) = outbox.take_batch(id(3), NOW).unwrap();
    assert_eq!(items[0].share, [id(4)]);
    // its acknowledgement moves nothing at the initial node: only receipts do
    outbox.landed(id(3)).unwrap();
    let row = outbox.routes[&id(3)].lane.get(&key).cloned().unwrap();
    let mut changes = Vec::new();
    assert!(outbox.acknowledged(id(3), &key, &row, &HashSet::new(), NOW, &mut changes).is_empty());
    assert!(changes.is_empty() && outbox.lane(&id(4)).rows == 1);
    // whose share makes no progress is sent to directly
    assert!(!outbox.due(later(1)).contains(&id(4)));
    assert!(outbox.due(later(9)).contains(&id(4)));
}

#[test]
fn an_own_row_ends_with_the_peers_own_final_receipt() {
    let mut outbox = outbox(2);
    let (key, ..) = post(&mut outbox, 7, true, &[2], Fanout::All, MAX_ROWS);
    let mut changes = Vec::new();
    let mut tell = |outbox: &mut Outbox, node, state| outbox.receipt(id(node), &key.stamp, state, 5, NOW, &mut changes);
    assert_eq!(tell(&mut outbox, 2, DeliveryState::Queued), Some(Uuid::from_u128(7)));
    assert_eq!(outbox.lane(&id(2)).rows, 1);
    assert_eq!(tell(&mut outbox, 2, DeliveryState::Queued), None, "no news");
    assert!(tell(&mut outbox, 2, DeliveryState::Applied).is_some());
    assert_eq!(outbox.lane(&id(2)).rows, 0);
    assert!(tell(&mut outbox, 1, DeliveryState::Applied).is_some());
    assert_eq!(changes.len(), 1);
    assert!(outbox.receipts(&key.stamp).is_some(), "until the last receipt is durable");
    outbox.durable(5);
    assert!(outbox.receipts(&key.stamp).is_none() && outbox.unconfirmed() == 0);
}

#[test]
fn a_relayed_row_ends_with_the_acknowledgement_but_for_whom_the_child_does_not_know() {
    let mut outbox = outbox(4);
    let (key, ..) = post(&mut outbox, 7, false, &[2, 3, 4], chain(), MAX_ROWS);
    outbox.take_batch(id(2), NOW).unwrap();
    outbox.landed(id(2)).unwrap();
    let row = outbox.in_flight(id(2), &key).unwrap();
    let mut changes = Vec::new();
    let wake = outbox.acknowledged(id(2), &key, &row, &HashSet::from([id(4)]), NOW, &mut changes);
    assert_eq!((wake, changes.len()), (vec![id(4)], 2));
    let rows: Vec<usize> = (2..=4).map(|i| outbox.lane(&id(i)).rows).collect();
    assert_eq!(rows, [0, 0, 1]);
}

#[test]
fn a_long_lane_becomes_a_merge_and_opens_when_one_has_brought_everything() {
    let mut outbox = outbox(2);
    let (key, ..) = post(&mut outbox, 7, true, &[2], Fanout::All, 1);
    let (next, posted, _) = post(&mut outbox, 8, true, &[2], Fanout::All, 1);
    assert_eq!(posted.collapsed, [id(2)]);
    assert_eq!(posted.by_merge, [(id(2), key.stamp), (id(2), next.stamp)]);
    assert_eq!(outbox.want(id(2), NOW), Some(Want::Merge));
    // what is accepted while it merges has a row again, and must not be taken for merged
    outbox.merging(id(2));
    let (third, ..) = post(&mut outbox, 9, true, &[2], Fanout::All, 1);
    let mut merged = outbox.merged(id(2)).unwrap();
    merged.sort();
    assert_eq!(merged, [key.stamp, next.stamp]);
    assert!(!merged.contains(&third.stamp) && outbox.lane(&id(2)).rows == 1);
    assert_eq!(outbox.want(id(2), NOW), Some(Want::Send));
}

#[test]
fn a_merge_during_which_the_lane_overflowed_does_not_count() {
    let mut outbox = outbox(2);
    post(&mut outbox, 7, true, &[2], Fanout::All, 0);
    outbox.merging(id(2));
    post(&mut outbox, 8, true, &[2], Fanout::All, 0);
    assert_eq!(outbox.merged(id(2)), None);
    assert_eq!(outbox.want(id(2), NOW), Some(Want::Merge));
}

#[test]
fn what_waited_for_an_address_waits_for_the_node_that_answers_there() {
    let mut outbox = outbox(2);
    outbox.open(id(50), false);
    let (key, posted, _) = post(&mut outbox, 7, true, &[50], Fanout::All, MAX_ROWS);
    assert_eq!((posted.to, outbox.want(id(50), NOW)), (vec![id(50)], None), "nobody to send to");
    assert_eq!(outbox.rename(id(50), id(2)).len(), 2);
    assert_eq!((outbox.want(id(2), NOW), outbox.everybody()), (Some(Want::Send), vec![id(2)]));
    assert!(outbox.receipts(&key.stamp).unwrap().contains_key(&id(2)));
    assert_eq!(outbox.close(id(2)).len(), 1);
    assert!(outbox.everybody().is_empty());
}

#[test]
fn only_routes_on_which_something_waits_have_timers() {
    let mut outbox = outbox(5);
    let stamp = entry(9).stamp;
    let fails = |outbox: &mut Outbox, i| {
        assert_eq!(outbox.next_timer(), None, "nothing waits for anything");
        outbox.take_batch(id(i), NOW).unwrap();
        outbox.failed(id(i), 0, NOW);
        assert!(outbox.next_timer().is_some(), "it is tried again");
        outbox.due(later(60));
        outbox.take_batch(id(i), later(60)).unwrap();
        outbox.landed(id(i)).unwrap();
        outbox.due(later(60));
        assert!(outbox.active.is_empty());
    };
    outbox.owe_receipt(id(2), stamp, DeliveryState::Applied);
    fails(&mut outbox, 2);
    outbox.pass_receipt(id(3), (stamp, id(3)), id(9), DeliveryState::Applied);
    fails(&mut outbox, 3);
    outbox.restore_collapsed(id(4));
    outbox.merge_failed(id(4), 0, NOW);
    assert!(outbox.next_timer().is_some(), "it is merged with again");
    outbox.due(later(60));
    assert_eq!(outbox.active, [id(4)].into());
    post(&mut outbox, 7, true, &[2, 3, 5], chain(), MAX_ROWS);
    assert!(outbox.next_timer().is_some_and(|due| due <= NOW.mono + NO_PROGRESS), "the share is delegated");
    outbox.due(NOW);
    assert_eq!(outbox.active.len(), 4);
}
