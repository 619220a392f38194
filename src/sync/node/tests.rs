//! Single steps that a node takes by itself, one by one.
#![allow(clippy::unwrap_used)]

use uuid::Uuid;

use super::*;
use crate::sync::{merge::Talk, message::Merge};
use crate::{
    availability::{Author, Moment, Reasons, Rules, Submission},
    sync::{Away, Conflict, ConflictKind, Delivered, DeliveryState, Fanout, MAX_ROWS, Member, Merged, Receipt, Submit},
};

const NOW: Now = Now { wall: Moment::ZERO, mono: Duration::from_secs(1) };
const TICKET: Ticket = 77;

fn id(i: u128) -> NodeId {
    NodeId(Uuid::from_u128(i))
}

fn address(i: u128) -> String {
    format!("http://n{i}")
}

fn member(i: u128) -> Member {
    Member {
        id: id(i),
        name: format!("n{i}").parse().unwrap(),
        address: address(i),
        changed: Moment::from_millis(5),
        since: Moment::from_millis(5),
        forgotten: false,
        definitions: BTreeMap::new(),
        zone_data: String::new(),
    }
}

/// Node 1, which has these peers configured and knows these members.
fn node(peers: &[String], members: &[u128]) -> Node {
    let facts = Facts {
        me: id(1),
        name: member(1).name,
        address: address(1),
        boot: 1,
        boot_nonce: 1,
        rules: Rules::default(),
        reasons: Reasons::with([]),
        fanout: Fanout::All,
        critical: Default::default(),
        definitions: BTreeMap::new(),
        peers: peers.to_vec(),
        together: Vec::new(),
        max_rows: MAX_ROWS,
    };
    let restored = Restored { members: members.iter().copied().map(member).collect(), ..Restored::default() };
    Node::restore(facts, Plan::default(), restored, 7, NOW)
}

/// The same, after its start.
fn ready(members: &[u128]) -> Node {
    let mut node = node(&[], members);
    node.replay(0, NOW);
    node.merge_at_start(0, NOW);
    for call in calls(&mut node) {
        node.answered(call.id, Err(away()), NOW);
    }
    node.ready(NOW);
    for call in calls(&mut node) {
        node.answered(call.id, Ok(met(&call)), NOW);
    }
    node
}

/// Everything is durable and loaded at once; what remains of the effects.
fn settle(node: &mut Node) -> Vec<Effect> {
    let mut rest = Vec::new();
    loop {
        let effects = node.take_effects(NOW);
        if effects.is_empty() {
            return rest;
        }
        for effect in effects {
            match effect {
                Effect::Commit { step, .. } => node.replica_mut().durable(step, NOW),
                Effect::Load { step, .. } => node.replica_mut().loaded(step, NOW),
                other => rest.push(other),
            }
        }
    }
}

fn calls(node: &mut Node) -> Vec<Call> {
    let call = |effect| if let Effect::Call(call) = effect { Some(call) } else { None };
    settle(node).into_iter().filter_map(call).collect()
}

/// Where these calls go, and what for.
fn tos(calls: &[Call]) -> Vec<(&str, Purpose)> {
    calls.iter().map(|call| (&*call.address, call.purpose)).collect()
}

fn away() -> Failure {
    Failure::Away(Away::Unreachable("no connection".to_owned()))
}

fn announcement(i: u128) -> Announce {
    Announce { member: member(i), boot: 3, boot_nonce: i as u64, ..node(&[], &[]).replica().announcement("ready") }
}

fn asker(i: u128) -> Asker {
    Asker { id: id(i), boot: 3, nonce: i as u64 }
}

/// The one who lives at the address answers an announcement.
fn met(call: &Call) -> Answer {
    let i = call.address.strip_prefix("http://n").unwrap().parse().unwrap();
    Answer::Announced(Box::new(announcement(i)))
}

/// A reference with the same entries as the asking node.
fn equal() -> Answer {
    Answer::Merged(None)
}

fn submit(node: &mut Node) {
    let submission = Submission::parse(&serde_json::json!({"targets": ["system"], "status": "unavailable"})).unwrap();
    let submit = Submit { submission, author: Author::operator("alice"), id: Uuid::from_u128(5), known: None };
    node.replica_mut().submit(submit, 5, NOW);
}

fn replies(effects: &[Effect]) -> Vec<(Ticket, &Reply)> {
    let reply = |effect| if let &Effect::Reply(ticket, ref reply) = effect { Some((ticket, reply)) } else { None };
    effects.iter().filter_map(reply).collect()
}

#[test]
fn nothing_is_sent_before_the_replay_is_over() {
    let mut node = node(&[], &[2]);
    submit(&mut node);
    assert!(calls(&mut node).is_empty());
    node.replay(TICKET, NOW);
    let effects = settle(&mut node);
    assert!(replies(&effects).iter().any(|(ticket, _)| *ticket == TICKET));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Call(_))));
    node.merge_at_start(TICKET, NOW);
    assert_eq!(tos(&calls(&mut node)), [(&*address(2), Purpose::Announce), (&*address(2), Purpose::Deliver)]);
}

#[test]
fn a_start_announces_itself_everywhere_and_merges_with_whoever_it_hears_of() {
    let mut node = node(&[address(2)], &[3]);
    node.replay(0, NOW);
    node.merge_at_start(TICKET, NOW);
    let announced = calls(&mut node);
    assert_eq!(tos(&announced), [(&*address(2), Purpose::Announce), (&*address(3), Purpose::Announce)]);
    // The first one knows a fourth.
    let mut answer = announcement(2);
    answer.members = vec![member(4)];
    node.answered(announced[0].id, Ok(Answer::Announced(Box::new(answer))), NOW);
    let next = calls(&mut node);
    assert_eq!(tos(&next), [(&*address(4), Purpose::Announce), (&*address(2), Purpose::Probe)]);
    assert_eq!(next[1].peer, Some(id(2)));
    node.answered(announced[1].id, Err(away()), NOW);
    node.answered(next[0].id, Ok(met(&next[0])), NOW);
    assert!(calls(&mut node).is_empty(), "one after the other");
    node.answered(next[1].id, Ok(equal()), NOW);
    let last = calls(&mut node);
    assert_eq!(tos(&last), [(&*address(4), Purpose::Probe)]);
    node.answered(last[0].id, Ok(equal()), NOW);
    let effects = settle(&mut node);
    assert!(matches!(replies(&effects)[..], [(TICKET, Reply::Asked(_))]), "{effects:?}");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Merged { peer, at_start: true } if *peer == id(4))));
}

#[test]
fn its_own_address_under_another_name_is_no_reference() {
    let mut node = node(&["http://alias".to_owned()], &[]);
    node.replay(0, NOW);
    node.merge_at_start(TICKET, NOW);
    let announced = calls(&mut node);
    let own = node.replica().announcement("merge");
    // It hears itself, and answers itself.
    let from = Asker { id: id(1), boot: 1, nonce: 1 };
    node.asked(from, Ask::Announce(Arc::new(own.clone())), 8, NOW);
    assert!(matches!(replies(&settle(&mut node))[..], [(8, Reply::Announced(_))]));
    node.answered(announced[0].id, Ok(Answer::Announced(Box::new(own))), NOW);
    let effects = settle(&mut node);
    assert!(matches!(replies(&effects)[..], [(TICKET, Reply::Asked(_))]), "{effects:?}");
    assert!(node.replica().conflict().is_none());
    // Nor is it introduced to itself, or merged with, later.
    node.ready(NOW);
    let later = Now { mono: NOW.mono + Duration::from_secs(3600), ..NOW };
    node.tick(later);
    assert!(calls(&mut node).is_empty());
}

#[test]
fn the_merge_phase_ends_in_time_and_a_merge_under_way_goes_on_by_itself() {
    let mut node = node(&[], &[2, 3]);
    node.replay(0, NOW);
    node.merge_at_start(TICKET, NOW);
    let announced = calls(&mut node);
    node.answered(announced[0].id, Ok(met(&announced[0])), NOW);
    let probe = calls(&mut node);
    let until = node.next_timer(NOW).unwrap();
    assert_eq!(until, NOW.mono + Plan::default().timeout);
    node.tick(Now { mono: until, ..NOW });
    assert!(matches!(replies(&settle(&mut node))[..], [(TICKET, Reply::Asked(_))]));
    node.answered(probe[0].id, Ok(equal()), NOW);
    node.answered(announced[1].id, Err(away()), NOW);
    let effects = settle(&mut node);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Merged { at_start: false, .. })), "{effects:?}");
    assert!(replies(&effects).is_empty());
}

#[test]
fn a_reference_that_is_merged_with_already_counts_and_is_not_asked_twice() {
    let mut node = node(&[], &[2]);
    node.replay(0, NOW);
    node.merge_at_start(TICKET, NOW);
    let announced = calls(&mut node);
    node.merge_with(id(2));
    let second = calls(&mut node);
    assert_eq!(tos(&second), [(&*address(2), Purpose::Announce)]);
    node.answered(announced[0].id, Ok(met(&announced[0])), NOW);
    assert!(calls(&mut node).is_empty(), "a merge with it is under way");
    node.answered(second[0].id, Ok(met(&second[0])), NOW);
    let probe = calls(&mut node);
    assert_eq!(tos(&probe), [(&*address(2), Purpose::Probe)]);
    node.answered(probe[0].id, Ok(equal()), NOW);
    let effects = settle(&mut node);
    assert!(matches!(replies(&effects)[..], [(TICKET, Reply::Asked(_))]), "{effects:?}");
}

#[test]
fn a_409_fences_it_whatever_was_asked() {
    let copied = || Failure::TurnedAway(Conflict { kind: ConflictKind::Copied, why: "a copy".to_owned() });
    let purposes = [Purpose::Announce, Purpose::Deliver, Purpose::Probe, Purpose::Tell];
    for purpose in purposes {
        let mut node = ready(&[2, 3]);
        match purpose {
            Purpose::Announce => node.look_around(TICKET),
            Purpose::Deliver => submit(&mut node),
            Purpose::Tell => {
                let parts = vec![merge(&node)].into_iter();
                node.tell(id(2), address(2), parts, Purpose::Tell);
            }
            _ => node.talk(id(2), address(2)),
        }
        let calls = calls(&mut node);
        assert_eq!(calls[0].purpose, purpose);
        node.answered(calls[0].id, Err(copied()), NOW);
        let effects = settle(&mut node);
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Fence(_))), "{purpose:?}: {effects:?}");
        assert_eq!(node.phase(), "fenced");
    }
}

/// A message that tells nothing.
fn merge(node: &Node) -> Merge {
    Talk::begin(node.replica(), id(2), SMALL).1
}

#[test]
fn who_is_not_sure_of_itself_accuses_nobody() {
    let hear = |node: &mut Node, from: Asker, i| {
        node.asked(from, Ask::Announce(Arc::new(announcement(i))), TICKET, NOW);
        let effects = settle(node);
        match replies(&effects)[..] {
            [(TICKET, Reply::Announced(_))] => "announced",
            [(TICKET, Reply::Busy)] => "busy",
            [(TICKET, Reply::TurnedAway(_))] => "turned away",
            _ => panic!("{effects:?}"),
        }
    };
    let mut starting = node(&[], &[2]);
    starting.replay(0, NOW);
    starting.merge_at_start(0, NOW);
    settle(&mut starting);
    assert_eq!(hear(&mut starting, asker(1), 1), "busy", "which of the two is the copy is not known yet");
    assert_eq!(hear(&mut starting, asker(2), 2), "announced");
    let mut sure = ready(&[2]);
    assert_eq!(hear(&mut sure, asker(1), 1), "turned away");
    assert_eq!(hear(&mut sure, Asker { boot: 2, ..asker(2) }, 2), "turned away", "an earlier run");
    assert_eq!(hear(&mut sure, asker(2), 2), "announced");
    sure.replica_mut().turned_away(&Conflict { kind: ConflictKind::Copied, why: String::new() });
    assert_eq!(hear(&mut sure, asker(1), 1), "busy");
    assert_eq!(hear(&mut sure, asker(2), 2), "busy", "it is not to be met under an identity that may not be its own");
}

#[test]
fn one_merge_with_each_peer_at_a_time() {
    let mut node = ready(&[2]);
    node.merge_with(id(2));
    node.merge_with(id(2));
    let first = calls(&mut node);
    assert_eq!(tos(&first), [(&*address(2), Purpose::Announce)]);
    node.answered(first[0].id, Ok(met(&first[0])), NOW);
    node.merge_with(id(2));
    let probe = calls(&mut node);
    assert_eq!(tos(&probe), [(&*address(2), Purpose::Probe)]);
    node.answered(probe[0].id, Err(away()), NOW);
    node.merge_with(id(2));
    assert_eq!(tos(&calls(&mut node)), [(&*address(2), Purpose::Announce)], "the first one was broken off");
}

#[test]
fn another_one_at_a_peers_address_is_merged_with_and_the_peer_is_not() {
    let mut node = ready(&[2, 3]);
    node.merge_with(id(2));
    let announced = calls(&mut node);
    let mut other = announcement(3);
    other.member.address = address(2);
    node.answered(announced[0].id, Ok(Answer::Announced(Box::new(other))), NOW);
    let probe = calls(&mut node);
    assert_eq!((probe[0].peer, probe[0].purpose), (Some(id(3)), Purpose::Probe));
    assert_eq!(node.merging.iter().copied().collect::<Vec<_>>(), [id(3)]);
}

#[test]
fn what_a_merge_has_brought_is_told_to_a_few_others() {
    let mut other = ready(&[]);
    submit(&mut other);
    settle(&mut other);
    let entries: Vec<_> = other.replica().holdings().cloned().collect();
    let mut node = ready(&[2, 3, 4, 5, 6]);
    node.merge_with(id(2));
    let announced = calls(&mut node);
    node.answered(announced[0].id, Ok(met(&announced[0])), NOW);
    let probe = calls(&mut node);
    let merged = |entries| Merged {
        records: Vec::new(),
        limit: Moment::ZERO,
        fingerprint: format!("{:032x}", other.replica().fingerprint()),
        count: 1,
        entries,
        ranges: None,
        members: Vec::new(),
    };
    node.answered(probe[0].id, Ok(Answer::Merged(Some(merged(Vec::new())))), NOW);
    let whole = calls(&mut node);
    node.answered(whole[0].id, Ok(Answer::Merged(Some(merged(entries)))), NOW);
    let told = calls(&mut node);
    assert_eq!(told.len(), 3, "{told:?}");
    for call in &told {
        assert!(call.purpose == Purpose::Tell && call.peer != Some(id(2)), "{call:?}");
        assert!(matches!(&call.ask, Ask::Merge(merge) if merge.entries.len() == 1));
        node.answered(call.id, Ok(equal()), NOW);
    }
    assert!(calls(&mut node).is_empty(), "what was told is not told again");
}

#[test]
fn a_look_around_ends_when_all_have_answered_or_failed() {
    let mut node = ready(&[2, 3]);
    node.look_around(TICKET);
    let asked = calls(&mut node);
    assert_eq!(tos(&asked), [(&*address(2), Purpose::Announce), (&*address(3), Purpose::Announce)]);
    node.answered(asked[0].id, Ok(met(&asked[0])), NOW);
    assert!(replies(&settle(&mut node)).is_empty());
    node.answered(asked[1].id, Err(away()), NOW);
    assert!(matches!(replies(&settle(&mut node))[..], [(TICKET, Reply::Looked)]));
    assert_eq!(node.replica().peers().iter().map(|peer| peer.down).collect::<Vec<_>>(), [false, true]);
    // One that is away is not asked again; nobody left is an answer, too.
    node.look_around(TICKET);
    assert_eq!(tos(&calls(&mut node)), [(&*address(2), Purpose::Announce)]);
    let mut alone = ready(&[]);
    alone.look_around(TICKET);
    assert!(matches!(replies(&settle(&mut alone))[..], [(TICKET, Reply::Looked)]));
}

#[test]
fn a_delivery_that_fails_is_tried_again_and_one_that_is_taken_is_not() {
    let mut node = ready(&[2]);
    submit(&mut node);
    let sent = calls(&mut node);
    assert_eq!(tos(&sent), [(&*address(2), Purpose::Deliver)]);
    node.answered(sent[0].id, Err(away()), NOW);
    assert!(calls(&mut node).is_empty(), "not at once");
    let later = Now { mono: NOW.mono + Duration::from_millis(200), ..NOW };
    node.replica_mut().tick(later);
    let again: Vec<Call> = node
        .take_effects(later)
        .into_iter()
        .filter_map(|effect| if let Effect::Call(call) = effect { Some(call) } else { None })
        .collect();
    let Ask::Deliver(deliver) = &again[0].ask else { panic!("{again:?}") };
    let receipt = Receipt { stamp: deliver.items[0].entry.stamp, state: DeliveryState::Applied };
    let delivered =
        Delivered { limit: Moment::ZERO, receipts: vec![receipt], unknown: Vec::new(), refused: Vec::new() };
    node.answered(again[0].id, Ok(Answer::Delivered(delivered)), later);
    assert!(calls(&mut node).is_empty());
    assert_eq!(node.replica().unconfirmed(), 0);
    // A call is answered once; what comes later changes nothing.
    node.answered(again[0].id, Err(away()), later);
    assert!(!node.replica().peers()[0].down);
}

#[test]
fn strangers_are_announced_to_one_call_at_a_time_and_merged_with() {
    let mut node = node(&[address(2)], &[]);
    node.replay(0, NOW);
    node.merge_at_start(0, NOW);
    let first = calls(&mut node);
    node.answered(first[0].id, Err(away()), NOW);
    node.ready(NOW);
    let at = |millis| Now { mono: NOW.mono + Duration::from_millis(millis), ..NOW };
    node.tick(at(100));
    let introduced = calls(&mut node);
    assert_eq!(tos(&introduced), [(&*address(2), Purpose::Announce)]);
    node.tick(at(5_000));
    assert!(calls(&mut node).is_empty(), "the first call is not answered yet");
    node.answered(introduced[0].id, Ok(met(&introduced[0])), at(5_000));
    assert_eq!(tos(&calls(&mut node)), [(&*address(2), Purpose::Probe)]);
}

#[test]
fn a_broken_answer_ends_a_merge() {
    let mut node = ready(&[2]);
    node.talk(id(2), address(2));
    let probe = calls(&mut node);
    let merged = Merged {
        records: Vec::new(),
        limit: Moment::ZERO,
        fingerprint: String::new(),
        count: 1_000,
        entries: Vec::new(),
        ranges: None,
        members: Vec::new(),
    };
    node.answered(probe[0].id, Ok(Answer::Merged(Some(merged))), NOW);
    let ranges = calls(&mut node);
    assert!(matches!(&ranges[0].ask, Ask::Merge(merge) if merge.ranges.is_some()));
    node.answered(ranges[0].id, Ok(equal()), NOW);
    let effects = settle(&mut node);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Report(Report::MergeBrokenOff { .. }))));
    assert!(node.merging.is_empty() && node.replica().peers()[0].down);
}
