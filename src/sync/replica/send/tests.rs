//! What a peer's answer means for those that it was to pass a notification on to.
#![allow(clippy::unwrap_used)]

use serde_json::json;
use uuid::Uuid;

use super::super::{
    Submit,
    tests::{NOW, id, node, settle},
};
use super::*;
use crate::{
    availability::{Author, Moment, Submission},
    sync::Receipt,
};

#[test]
fn members_that_a_relay_does_not_know_are_sent_to_directly() {
    let mut replica = node(4, 1);
    let submission = Submission::parse(&json!({"targets": ["system"], "status": "unavailable"})).unwrap();
    let number = Uuid::from_u128(77);
    replica.submit(Submit { submission, author: Author::operator("alice"), id: number, known: None }, 9, NOW);
    settle(&mut replica);
    let stamp = replica.find(&number).unwrap().stamp;
    let (relay, sent) = [2, 3, 4].into_iter().find_map(|i| Some((id(i), replica.poll_send(id(i), NOW)?))).unwrap();
    let share = sent.items[0].share.clone();
    assert_eq!(share.len(), 2, "one message passes it on to all");
    let answer = Delivered {
        limit: Moment::ZERO,
        receipts: vec![Receipt { stamp, state: DeliveryState::Queued }],
        unknown: vec![share[1]],
        refused: Vec::new(),
    };
    replica.answered(relay, &answer, NOW);
    assert!(replica.poll_send(share[0], NOW).is_none(), "the relay passes it on");
    let direct = replica.poll_send(share[1], NOW).unwrap();
    assert!(direct.items[0].entry.stamp == stamp && direct.items[0].share.is_empty());
}
