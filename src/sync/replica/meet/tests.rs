//! What nodes tell each other about the members of a large farm: all in one exchange, and nothing once they know.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::{
    super::{
        Restored,
        tests::{NOW, facts, id, member, node, settle},
    },
    *,
};
use crate::{availability::Moment, sync::merge::Talk};

/// So many members has the farm.
const FARM: u128 = 1_000;

fn size<T: serde::Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).unwrap().len()
}

/// A node that knows only one other, which is in a large farm.
fn newcomer() -> Replica {
    let mut replica = Replica::restore(facts(FARM + 1, 0), Restored::default(), NOW);
    replica.replay(0, NOW);
    settle(&mut replica);
    replica
}

/// One announces itself to the other, and hears its answer.
fn meet(one: &mut Replica, other: &mut Replica) -> (Announce, Announce) {
    let told = one.greeting("ready");
    other.announced(&told, None, NOW).unwrap();
    let answer = other.answer_to(&told, "ready");
    one.announced(&answer, Some(&answer.member.address), NOW).unwrap();
    settle(one);
    settle(other);
    (told, answer)
}

#[test]
fn a_thousand_members_are_learned_in_one_exchange_and_not_told_again() {
    let (mut old, mut new) = (node(FARM, 0), newcomer());
    let (told, answer) = meet(&mut new, &mut old);
    assert!(told.members.is_empty() && answer.members.len() as u128 == FARM);
    assert!(size(&told) < 1_024 && size(&answer) < 256 << 10, "{} and {} bytes", size(&told), size(&answer));
    assert_eq!((new.members().count() as u128, old.members().count() as u128), (FARM + 1, FARM + 1));
    // From now on both know that the other knows the same.
    let (_, answer) = meet(&mut new, &mut old);
    assert!(answer.members.is_empty() && size(&answer) < 1_024);
    let (_, probe) = Talk::begin(&new, id(1), 128);
    assert!(probe.members.is_empty());
    // A record that changes elsewhere comes with a merge, not with every answer.
    let changed = Member { changed: Moment::from_millis(9), ..member(7) };
    new.learn_members(&[changed], NOW);
    let (_, answer) = meet(&mut new, &mut old);
    assert!(answer.members.is_empty());
    let (_, probe) = Talk::begin(&new, id(1), 128);
    assert_eq!(probe.members.len() as u128, FARM + 1);
    old.merge(id(FARM + 1), probe, 5, NOW);
    settle(&mut old);
    assert_eq!(old.roster.membership(), new.roster.membership());
}

#[test]
fn an_earlier_version_tells_no_digest_and_is_told_all_members() {
    let (mut old, mut new) = (node(5, 0), newcomer());
    let earlier = Announce { membership: None, ..new.greeting("ready") };
    old.announced(&earlier, None, NOW).unwrap();
    let answer = old.answer_to(&earlier, "ready");
    assert_eq!(answer.members.len(), 5);
    new.announced(&Announce { membership: None, ..answer }, None, NOW).unwrap();
    let (_, probe) = Talk::begin(&new, id(1), 128);
    assert_eq!(probe.members.len(), 6, "its members are unknown");
}

#[test]
fn a_list_that_would_be_too_long_comes_without_definitions_which_each_node_tells_by_itself() {
    let definitions: BTreeMap<Target, String> =
        (0..1_000).map(|at| (format!("application:a{at}").parse().unwrap(), "x".repeat(16))).collect();
    let large = |i: u128| Member { definitions: definitions.clone(), ..member(i) };
    let restored = Restored { members: (2..=FARM).map(large).collect(), ..Restored::default() };
    let mut old = Replica::restore(facts(1, 0), restored, NOW);
    old.replay(0, NOW);
    settle(&mut old);
    let mut new = newcomer();
    let (_, answer) = meet(&mut new, &mut old);
    assert_eq!(answer.members.len() as u128, FARM);
    assert!(size(&answer) < 1 << 20, "{} bytes", size(&answer));
    assert_eq!(new.members().count() as u128, FARM + 1);
    let known = |replica: &Replica| replica.roster.member(&id(9)).unwrap().definitions.len();
    assert_eq!((known(&old), known(&new)), (1_000, 0));
    let own = Announce { member: large(9), boot: 0, ..node(9, 0).greeting("ready") };
    new.announced(&own, None, NOW).unwrap();
    assert_eq!(known(&new), 1_000);
    // The record without definitions does not come back.
    new.learn_members(&[member(9)], NOW);
    assert_eq!(known(&new), 1_000);
}
