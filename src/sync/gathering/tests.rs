//! A gathering by itself: when receipts leave, and what it keeps.
#![allow(clippy::unwrap_used)]

use uuid::Uuid;

use super::*;
use crate::availability::Moment;

const NOW: Duration = Duration::from_secs(1);

fn id(i: u128) -> NodeId {
    NodeId(Uuid::from_u128(i))
}

/// An entry that node 9 has accepted.
fn of(millis: i64) -> Of {
    (Stamp { time: Moment::from_millis(millis), counter: 0, node: NodeId::NONE, hash: [0; 16] }, id(9))
}

fn batch(of: Of, up: u128, receipts: &[(u128, DeliveryState)]) -> Batch {
    Batch { of, up: id(up), receipts: receipts.iter().map(|(node, state)| (id(*node), *state)).collect() }
}

/// Node 1, which was sent it by node 8, and passes it on to nodes 2 and 3.
fn relay() -> Gatherings {
    let mut gatherings = Gatherings::default();
    assert!(gatherings.begin(of(1), id(8), id(1), &[id(2), id(3)], NOW));
    gatherings
}

#[test]
fn the_receipts_of_all_below_leave_together_as_soon_as_the_last_is_there() {
    let mut relay = relay();
    relay.told(&of(1), id(8), id(1), DeliveryState::Applied);
    assert!(relay.note(&of(1), id(3), DeliveryState::Applied, NOW));
    assert!(relay.note(&of(1), id(2), DeliveryState::Queued, NOW));
    assert!(relay.take_due(NOW).is_empty(), "the second has not applied it yet");
    assert!(relay.note(&of(1), id(2), DeliveryState::Superseded, NOW));
    let all = [(2, DeliveryState::Superseded), (3, DeliveryState::Applied)];
    assert_eq!(relay.take_due(NOW), [batch(of(1), 8, &all)]);
    assert!(!relay.has(&of(1)) && relay.next().is_none() && relay.nodes == 0, "nothing is left of it");
}

#[test]
fn after_a_short_wait_what_is_there_leaves_and_the_rest_later() {
    let mut relay = relay();
    relay.told(&of(1), id(8), id(1), DeliveryState::Queued);
    relay.note(&of(1), id(2), DeliveryState::Applied, NOW);
    let wait = relay.next().unwrap();
    assert!(wait > NOW && wait <= NOW + Duration::from_millis(200));
    assert_eq!(relay.take_due(wait), [batch(of(1), 8, &[(2, DeliveryState::Applied)])]);
    // The answer has told that it was queued here; now it is applied.
    relay.note(&of(1), id(1), DeliveryState::Applied, wait);
    let again = relay.next().unwrap();
    assert!(again > wait && again <= wait + Duration::from_millis(200));
    assert_eq!(relay.take_due(again), [batch(of(1), 8, &[(1, DeliveryState::Applied)])]);
    // The third never tells.
    let end = relay.next().unwrap();
    assert_eq!((relay.take_due(end), relay.has(&of(1)), relay.nodes), (Vec::new(), false, 0));
    assert!(!relay.note(&of(1), id(3), DeliveryState::Applied, end), "it goes straight to the initial node");
}

#[test]
fn the_wait_is_longer_the_more_nodes_are_below() {
    let wait = |below: u128| {
        let mut relay = Gatherings::default();
        let below: Vec<NodeId> = (2..2 + below).map(id).collect();
        relay.begin(of(1), id(8), id(1), &below, NOW);
        relay.note(&of(1), id(1), DeliveryState::Queued, NOW);
        relay.next().unwrap() - NOW
    };
    let waits: Vec<Duration> = [0, 1, 14, 124, 999].into_iter().map(wait).collect();
    assert!(waits.is_sorted() && waits[0] < waits[1] && waits[4] <= Duration::from_millis(300), "{waits:?}");
}

#[test]
fn what_is_no_news_is_not_passed_on_and_strangers_are_not_gathered() {
    let mut relay = relay();
    relay.note(&of(1), id(2), DeliveryState::Queued, NOW);
    let wait = relay.next().unwrap();
    assert_eq!(relay.take_due(wait).len(), 1);
    assert!(relay.note(&of(1), id(2), DeliveryState::Queued, wait));
    assert!(relay.take_due(wait + Duration::from_secs(1)).is_empty());
    assert!(!relay.note(&of(1), id(7), DeliveryState::Applied, NOW), "it is not below");
    assert!(!relay.note(&of(2), id(2), DeliveryState::Applied, NOW), "another notification");
}

#[test]
fn the_initial_node_that_sends_itself_is_told_itself() {
    let mut relay = relay();
    relay.begin(of(1), id(9), id(1), &[], NOW);
    relay.note(&of(1), id(2), DeliveryState::Applied, NOW);
    assert_eq!(relay.take_due(relay.next().unwrap())[0].up, id(9));
    relay.begin(of(1), id(7), id(1), &[id(4)], NOW);
    relay.note(&of(1), id(4), DeliveryState::Applied, NOW);
    assert_eq!(relay.take_due(relay.next().unwrap())[0].up, id(9), "another relay changes nothing");
}

#[test]
fn the_first_receipt_for_what_a_broker_brings_leaves_at_once_and_the_next_ones_share_a_message() {
    let mut node = Gatherings::default();
    let bring = |node: &mut Gatherings, millis, after| {
        let mono = NOW + Duration::from_millis(after);
        node.linger(of(millis), id(1), mono);
        node.note(&of(millis), id(1), DeliveryState::Applied, mono);
        node.take_due(mono).len()
    };
    let left = [(1, 0), (2, 20), (3, 90)].map(|(millis, after)| bring(&mut node, millis, after));
    assert_eq!((left, node.next()), ([1, 0, 0], Some(NOW + LINGER)));
    assert_eq!(node.take_due(NOW + LINGER).len(), 2);
    assert_eq!(bring(&mut node, 4, 300), 1, "after a pause it leaves at once again");
    assert!(node.next().is_none() && node.left.len() == 1);
}

#[test]
fn memory_is_bounded() {
    let mut relay = Gatherings::default();
    let below: Vec<NodeId> = (2..1_002).map(id).collect();
    let begun = (0..1_000).filter(|i| relay.begin(of(*i), id(8), id(1), &below, NOW)).count();
    assert!(begun < 100 && relay.nodes <= MAX_NODES, "{begun}");
    assert!(relay.begin(of(0), id(8), id(1), &below, NOW), "what has begun goes on");
    assert!(relay.take_due(NOW + ENDS).is_empty());
    assert_eq!((relay.nodes, relay.open.len(), relay.due.len()), (0, 0, 0));
}
