//! What is refused, what is repeated, and that neither leaves anything behind.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::super::{
    Effect,
    tests::{NOW, id, node, settle},
};
use super::*;
use crate::sync::Stranger;

/// Submits under this id; how it was answered, and whether anything was written for it.
fn submit(replica: &mut Replica, number: u128, body: &Value) -> (Result<Taken, SubmitRefusal>, bool) {
    let submission = Submission::parse(body).unwrap();
    let author = Author::operator("alice");
    replica.submit(Submit { submission, author, id: Uuid::from_u128(number), known: None }, 9, NOW);
    let mut effects = replica.take_effects();
    let writes = |effect: &Effect| matches!(effect, Effect::Commit { changes, .. } if !changes.is_empty());
    let written = effects.iter().any(writes);
    for effect in &effects {
        match effect {
            Effect::Commit { step, .. } => replica.durable(*step, NOW),
            Effect::Load { step, .. } => replica.loaded(*step, NOW),
            _ => {}
        }
    }
    effects.extend(settle(replica));
    let answer = effects.into_iter().find_map(|effect| match effect {
        Effect::Reply(9, Reply::Submitted(answer)) => Some(answer),
        _ => None,
    });
    (answer.unwrap(), written)
}

fn closing() -> Value {
    json!({"targets": ["system"], "status": "unavailable"})
}

#[test]
fn the_same_id_again_is_the_same_notification() {
    let mut replica = node(1, 0);
    let (first, written) = submit(&mut replica, 77, &closing());
    assert!(written);
    let (again, written) = submit(&mut replica, 77, &closing());
    let (first, again) = (first.unwrap(), again.unwrap());
    assert!(again.repeated && !written);
    assert_eq!(again.entry, first.entry);
    let (other, written) = submit(&mut replica, 77, &json!({"targets": ["system"], "status": "available"}));
    assert_eq!((other.unwrap_err(), written), (SubmitRefusal::Conflict(Uuid::from_u128(77)), false));
}

#[test]
fn a_fenced_node_writes_nothing() {
    let mut replica = node(2, 0);
    replica.turned_away(&Stranger::Copied { id: id(1) }.conflict());
    settle(&mut replica);
    let (refused, written) = submit(&mut replica, 78, &closing());
    assert!(matches!(refused, Err(SubmitRefusal::Fenced(_))), "{refused:?}");
    assert!(!written && replica.find(&Uuid::from_u128(78)).is_none());
}

#[test]
fn criteria_that_cost_too_much_are_refused() {
    let mut replica = node(1, 0);
    let globs: Vec<String> = (0..50).map(|i| format!("/*text{i}*")).collect();
    let costly = json!({"targets": ["system"], "status": "unavailable", "criteria": {"paths": globs}});
    let (refused, written) = submit(&mut replica, 79, &costly);
    assert!(matches!(refused, Err(SubmitRefusal::Bound(_))), "{refused:?}");
    assert!(!written && replica.find(&Uuid::from_u128(79)).is_none());
}
