//! Receipts by way of relays.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::super::{
    Effect, Reply,
    tests::{NOW, deliver, delivered, entry, id, node, settle, submit},
};
use super::*;
use crate::sync::{Deliver, Receipt};

/// What node 2 has accepted, by way of this node; the receiver passes it on to these.
fn item(share: &[u128], gather: bool) -> Item {
    Item { entry: entry(5, 10, 2), initial: id(2), share: share.iter().copied().map(id).collect(), gather }
}

fn of(nodes: &[u128], state: DeliveryState) -> Gathered {
    let nodes = nodes.iter().copied().map(id).collect();
    Gathered { stamp: item(&[], false).entry.stamp, initial: id(2), state, nodes }
}

fn bring(gathered: Vec<Gathered>) -> Deliver {
    Deliver { gathered, ..deliver(Vec::new()) }
}

fn later(millis: u64) -> Now {
    Now { mono: NOW.mono + Duration::from_millis(millis), ..NOW }
}

#[test]
fn a_relay_passes_on_the_receipts_of_its_whole_share_in_one_message() {
    let mut relay = node(6, 2);
    relay.deliver(id(2), deliver(vec![item(&[3, 4, 5, 6], true)]), 1, NOW);
    settle(&mut relay);
    let stamp = item(&[], false).entry.stamp;
    // Two children, each with a share of one.
    for (child, leaf) in [(3, 4), (5, 6)] {
        let sent = relay.poll_send(id(child), NOW).unwrap();
        assert_eq!((sent.items[0].share.clone(), sent.items[0].gather), (vec![id(leaf)], true));
        relay.answered(id(child), &delivered(stamp, DeliveryState::Applied), NOW);
        assert!(relay.poll_send(id(2), NOW).is_none(), "not before all have told");
        relay.deliver(id(child), bring(vec![of(&[leaf], DeliveryState::Applied)]), 2, NOW);
        settle(&mut relay);
    }
    let up = relay.poll_send(id(2), NOW).unwrap();
    assert_eq!(up.gathered, [of(&[3, 4, 5, 6], DeliveryState::Applied)]);
    // Its answer told that it was queued.
    assert_eq!(up.receipts, [Receipt { stamp, state: DeliveryState::Applied }]);
    assert_eq!(relay.next_timer(NOW), None, "nothing is left to wait for");
}

#[test]
fn a_node_below_tells_its_sender_and_if_that_is_gone_the_initial_node() {
    let mut leaf = node(4, 2);
    leaf.deliver(id(3), deliver(vec![item(&[], true)]), 1, NOW);
    for effect in leaf.take_effects() {
        // Durable, and not visible yet: the answer says so.
        if let Effect::Commit { step, .. } = effect {
            leaf.durable(step, NOW);
        }
    }
    let load = leaf.holds.step();
    let answer = leaf.take_effects().into_iter().find_map(|effect| match effect {
        Effect::Reply(1, Reply::Delivered(delivered)) => Some(delivered.receipts[0].state),
        _ => None,
    });
    assert_eq!(answer, Some(DeliveryState::Queued));
    leaf.loaded(load, NOW);
    let up = leaf.poll_send(id(3), NOW).unwrap();
    assert_eq!(up.gathered, [of(&[1], DeliveryState::Applied)]);
    assert!(leaf.poll_send(id(2), NOW).is_none());
    leaf.failed(id(3), 0, NOW);
    assert_eq!(leaf.poll_send(id(2), NOW).unwrap().gathered, [of(&[1], DeliveryState::Applied)]);
    assert!(leaf.poll_send(id(3), later(60_000)).is_none(), "it is told once");
}

#[test]
fn below_an_earlier_version_each_node_tells_the_initial_node_itself() {
    let mut relay = node(5, 2);
    relay.deliver(id(3), deliver(vec![item(&[4, 5], false)]), 1, NOW);
    settle(&mut relay);
    assert!(!relay.poll_send(id(4), NOW).unwrap().items[0].gather);
    let told = relay.poll_send(id(2), NOW).unwrap();
    let receipt = Receipt { stamp: item(&[], false).entry.stamp, state: DeliveryState::Applied };
    assert_eq!((told.receipts, told.gathered), (vec![receipt], Vec::new()));
    // What somebody below gathers nevertheless, goes on without waiting.
    relay.answered(id(2), &delivered(receipt.stamp, receipt.state), NOW);
    relay.deliver(id(4), bring(vec![of(&[4], DeliveryState::Applied)]), 2, NOW);
    assert_eq!(relay.poll_send(id(2), NOW).unwrap().gathered, [of(&[4], DeliveryState::Applied)]);
}

#[test]
fn a_chain_gathers_nothing() {
    let mut relay = node(5, 1);
    relay.deliver(id(3), deliver(vec![item(&[4, 5], true)]), 1, NOW);
    settle(&mut relay);
    assert!(!relay.poll_send(id(4), NOW).unwrap().items[0].gather);
    let mut initial = node(4, 1);
    submit(&mut initial);
    assert!(!initial.poll_send(id(2), NOW).unwrap().items[0].gather);
}

#[test]
fn a_gathered_receipt_ends_the_row_of_the_node_that_it_is_of_and_no_other() {
    let mut initial = node(6, 2);
    let stamp = submit(&mut initial);
    settle(&mut initial);
    let sent = initial.poll_send(id(2), NOW).unwrap();
    assert_eq!((sent.items[0].share.len(), sent.items[0].gather), (2, true));
    let rows = |initial: &Replica| initial.peers().iter().map(|peer| peer.outbox).collect::<Vec<_>>();
    let gathered = |nodes: &[u128], state| Gathered { stamp, initial: id(1), ..of(nodes, state) };
    let news = vec![gathered(&[3, 99, 1], DeliveryState::Applied), gathered(&[4], DeliveryState::Queued)];
    for _ in 0..2 {
        initial.deliver(id(2), bring(news.clone()), 3, NOW);
        settle(&mut initial);
        assert_eq!(rows(&initial), [1, 0, 1, 1, 1]);
    }
    let told = initial.told(&stamp).unwrap();
    let state = |node| told.iter().find(|told| told.node == id(node)).map(|told| told.state);
    assert_eq!([state(3), state(4), state(99)], [Some(DeliveryState::Applied), Some(DeliveryState::Queued), None]);
}

#[test]
fn what_one_message_passes_on_is_bounded() {
    let mut relay = node(3, 2);
    let many: Vec<u128> = (10..10 + 2 * MAX_GATHERED as u128).collect();
    relay.deliver(id(3), bring(vec![of(&many, DeliveryState::Applied), of(&[9], DeliveryState::Applied)]), 1, NOW);
    let passed = relay.poll_send(id(2), NOW).unwrap().gathered;
    assert_eq!(passed.iter().map(|told| told.nodes.len()).sum::<usize>(), MAX_GATHERED);
    assert!(!passed.iter().any(|told| told.nodes.contains(&id(9))));
}

#[test]
fn receipts_for_what_a_broker_brings_leave_together() {
    let mut node = node(2, 0);
    let mut receipts = Vec::new();
    for (i, after) in [(5, 0), (6, 10), (7, 40)] {
        let item = Item { entry: entry(i, 10, 2), ..item(&[], false) };
        node.broadcast(deliver(vec![item]), 1, later(after));
        settle(&mut node);
        receipts.extend(node.poll_send(id(2), later(after)).map(|sent| sent.receipts.len()));
        node.answered(id(2), &delivered(entry(i, 10, 2).stamp, DeliveryState::Applied), later(after));
    }
    assert_eq!(receipts, [1], "the first at once");
    let due = Now { mono: node.next_timer(NOW).unwrap(), ..NOW };
    node.tick(due);
    let told = node.poll_send(id(2), due).unwrap();
    assert_eq!((told.receipts.len(), told.gathered.len()), (2, 0));
}
