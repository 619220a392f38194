//! The same notification by two ways.
#![allow(clippy::unwrap_used)]

use uuid::Uuid;

use super::super::tests::{NOW, deliver, id, node};
use super::*;
use crate::availability::{Author, Submission};

/// A notification that was handed in with a timestamp at this node.
fn handed_in_at(name: &str) -> Item {
    let body = serde_json::json!({"targets": ["system"], "status": "unavailable"});
    let made = Submission::parse(&body).unwrap().statement(
        Uuid::from_u128(5),
        Moment::from_millis(10),
        &Author::operator("alice"),
        &name.parse().unwrap(),
    );
    Item { entry: Entry::stamped(made, 0, NodeId::NONE), initial: id(2), share: Vec::new() }
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
