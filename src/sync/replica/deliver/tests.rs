//! The same notification by two ways, and by relays.
#![allow(clippy::unwrap_used)]

use uuid::Uuid;

use super::super::{
    Submit,
    tests::{NOW, deliver, delivered, entry, id, node, settle},
};
use super::*;
use crate::availability::{Author, Stamp, Submission};

/// A notification that was handed in with a timestamp at this node.
fn handed_in_at(name: &str) -> Item {
    let body = serde_json::json!({"targets": ["system"], "status": "unavailable"});
    let made = Submission::parse(&body).unwrap().statement(
        Uuid::from_u128(5),
        Moment::from_millis(10),
        &Author::operator("alice"),
        &name.parse().unwrap(),
    );
    Item { entry: Entry::stamped(made, 0, NodeId::NONE), initial: id(2), share: Vec::new(), gather: false }
}

#[test]
fn of_two_accepting_nodes_the_name_that_sorts_first_stays_also_while_it_waits() {
    for order in [["n2", "n3"], ["n3", "n2"]] {
        let mut replica = node(3, 0);
        replica.replaying = true;
        for name in order {
            replica.deliver(id(2), deliver(vec![handed_in_at(name)]), 1, NOW);
        }
        let waiting = replica.find(&Uuid::from_u128(5)).unwrap();
        assert_eq!(waiting.notification.node.to_string(), "n2");
        assert!(replica.ledger.get(&waiting.stamp).is_none(), "it waits in the inbox");
    }
}

#[test]
fn a_relayed_copy_does_not_take_the_place_of_an_own_row() {
    let mut replica = node(3, 0);
    let own = entry(5, 0, 1);
    let submission = Submission::parse(&serde_json::json!({
        "id": Uuid::from_u128(5), "timestamp": Moment::ZERO, "targets": ["system"], "status": "unavailable"
    }));
    let handed = Submit {
        submission: submission.unwrap(),
        author: Author::operator("alice"),
        id: Uuid::from_u128(5),
        known: None,
    };
    replica.submit(handed, 9, NOW);
    settle(&mut replica);
    assert!(replica.ledger().get(&own.stamp).is_some(), "the same statement has the same stamp everywhere");
    // Another initial node had it as well, and asks this one to pass it on.
    let item = Item { entry: entry(5, 0, 2), initial: id(2), share: vec![id(3)], gather: false };
    replica.deliver(id(2), deliver(vec![item]), 1, NOW);
    settle(&mut replica);
    replica.poll_send(id(3), NOW).unwrap();
    replica.answered(id(3), &delivered(own.stamp, DeliveryState::Queued), NOW);
    let third = |replica: &Replica| {
        replica.told(&own.stamp).unwrap().into_iter().find(|told| told.node == id(3)).unwrap().state
    };
    assert_eq!((third(&replica), replica.peers()[1].outbox), (DeliveryState::Queued, 1), "its receipt is awaited");
}

#[test]
fn members_of_a_share_that_are_not_known_are_named_to_the_sender() {
    let mut replica = node(3, 0);
    let item = Item { entry: entry(5, 0, 2), initial: id(2), share: vec![id(3), id(8), id(9)], gather: false };
    replica.deliver(id(2), deliver(vec![item]), 4, NOW);
    let unknown = settle(&mut replica).into_iter().find_map(|effect| match effect {
        Effect::Reply(4, Reply::Delivered(delivered)) => Some(delivered.unknown),
        _ => None,
    });
    assert_eq!(unknown, Some(vec![id(8), id(9)]), "the sender sends to them itself");
}

/// Two nodes accept the same notification and ask one relay to pass it on; what it passes on comes back
/// to the first of them, with a share.
#[test]
fn an_own_notification_that_a_relay_sends_back_is_not_sent_once_more() {
    let send_back = |replica: &mut Replica, stamp: Stamp| {
        let item = Item { entry: entry(5, stamp.time.millis(), 1), initial: id(1), share: vec![id(3)], gather: false };
        assert_eq!(item.entry.stamp, stamp);
        replica.deliver(id(2), deliver(vec![item]), 1, NOW);
        settle(replica);
    };
    let handed = || Submit {
        submission: Submission::parse(&serde_json::json!({
            "id": Uuid::from_u128(5), "timestamp": Moment::ZERO, "targets": ["system"], "status": "unavailable"
        }))
        .unwrap(),
        author: Author::operator("alice"),
        id: Uuid::from_u128(5),
        known: None,
    };
    let stamp = entry(5, 0, 1).stamp;
    // In force, or replaced by now.
    for newer in [None, Some(entry(6, 20, 2))] {
        let mut replica = node(3, 0);
        replica.submit(handed(), 9, NOW);
        settle(&mut replica);
        for peer in [id(2), id(3)] {
            replica.poll_send(peer, NOW).unwrap();
            replica.answered(peer, &delivered(stamp, DeliveryState::Applied), NOW);
        }
        settle(&mut replica);
        let items: Vec<Item> =
            newer.into_iter().map(|entry| Item { entry, initial: id(2), share: Vec::new(), gather: false }).collect();
        replica.deliver(id(2), deliver(items), 1, NOW);
        settle(&mut replica);
        send_back(&mut replica, stamp);
        assert_eq!(replica.poll_send(id(3), NOW), None, "both have confirmed it");
        assert!(replica.peers().iter().all(|peer| peer.outbox == 0));
    }
    // Without a receipt its own row stands, and is the only one.
    let mut replica = node(3, 0);
    replica.submit(handed(), 9, NOW);
    settle(&mut replica);
    send_back(&mut replica, stamp);
    assert_eq!(replica.poll_send(id(3), NOW).map(|sent| sent.items.len()), Some(1));
}
