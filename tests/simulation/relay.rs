//! Figures of the relay plans, taken from real replicas: how many messages carry one body through a
//! farm without faults, and over how many hops.
//!
//! A thousand replicas that know each other would not fit into memory together; but each is needed
//! only while it passes the notification on. So they are made one after the other.

use std::{collections::VecDeque, time::Duration};

use forewarn::{
    availability::{Author, Moment, NodeId},
    sync::{Deliver, Effect, Facts, Member, Now, Replica, Reply, Restored, Submit},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    disk::Disk,
    node::{self, Node},
    workload::Handed,
};

pub const NOW: Now = Now { wall: Moment::ZERO, mono: Duration::from_secs(1) };

pub fn id(i: usize) -> NodeId {
    NodeId(Uuid::from_u128(i as u128 + 1))
}

pub fn replica(i: usize, farm: &[Member], k: usize) -> Replica {
    let blank = Node {
        id: id(i),
        name: farm[i].name.clone(),
        address: farm[i].address.clone(),
        peers: Vec::new(),
        disk: Disk::default(),
        running: None,
        skew: 0,
        fanout: node::fanout(k),
        references: None,
        series: true,
        random_order: false,
        max_rows: 10_000,
        absent: false,
        burned: false,
        lost_disk: false,
        copied: false,
        backup: None,
        critical: Default::default(),
    };
    let facts = Facts { definitions: Default::default(), ..blank.facts(1) };
    let restored = Restored { members: farm.to_vec(), ..Restored::default() };
    let mut replica = Replica::restore(facts, restored, NOW);
    replica.replay(0, NOW);
    replica
}

/// Performs everything at once; what goes out, and whether the given ticket was answered.
fn perform(replica: &mut Replica, ticket: u64) -> (Vec<(NodeId, Deliver)>, bool) {
    let mut answered = false;
    loop {
        let effects = replica.take_effects();
        if effects.is_empty() {
            let peers: Vec<NodeId> = replica.lanes().map(|peer| peer.id).collect();
            let send = |peer: NodeId| replica.poll_send(peer, NOW).map(|deliver| (peer, deliver));
            return (peers.into_iter().filter_map(send).collect(), answered);
        }
        for effect in effects {
            match effect {
                Effect::Commit { step, .. } => replica.durable(step, NOW),
                Effect::Load { step, .. } => replica.loaded(step, NOW),
                Effect::Reply(to, Reply::Submitted(result)) if to == ticket => answered = result.is_ok(),
                Effect::Reply(to, Reply::Delivered(_)) if to == ticket => answered = true,
                _ => {}
            }
        }
    }
}

/// So many members.
pub fn farm(n: usize) -> Vec<Member> {
    let member = |i: usize| Member {
        id: id(i),
        name: format!("n{i}").parse().unwrap(),
        address: format!("http://n{i}"),
        changed: Moment::ZERO,
        since: Moment::ZERO,
        forgotten: false,
        definitions: Default::default(),
        zone_data: String::new(),
    };
    (0..n).map(member).collect()
}

/// Bodies sent, and hops to the last node.
fn spread(n: usize, k: usize) -> (usize, usize) {
    let farm = farm(n);
    let handed = Handed {
        body: json!({"targets": ["system"], "status": "unavailable"}),
        author: Author::operator("alice"),
        id: Uuid::from_u128(7),
        portable: false,
    };
    let mut initial = replica(0, &farm, k);
    initial.submit(Submit { ..handed.submit(None) }, 1, NOW);
    let (out, answered) = perform(&mut initial, 1);
    assert!(answered);
    let mut queue: VecDeque<(usize, usize, NodeId, Deliver)> =
        out.into_iter().map(|(to, deliver)| (1, 0, to, deliver)).collect();
    let (mut bodies, mut hops, mut reached) = (0, 0, vec![false; n]);
    while let Some((hop, from, to, deliver)) = queue.pop_front() {
        if deliver.items.is_empty() {
            continue;
        }
        bodies += deliver.items.len();
        hops = hops.max(hop);
        let at = to.0.as_u128() as usize - 1;
        assert!(!std::mem::replace(&mut reached[at], true), "n{at} got it twice");
        let mut relay = replica(at, &farm, k);
        relay.deliver(id(from), deliver, 1, NOW);
        let (out, answered) = perform(&mut relay, 1);
        assert!(answered);
        queue.extend(out.into_iter().map(|(to, deliver)| (hop + 1, at, to, deliver)));
    }
    assert_eq!(reached.iter().filter(|reached| **reached).count(), n - 1, "everybody got it");
    (bodies, hops)
}

#[test]
fn a_body_crosses_the_farm_in_n_minus_1_messages() {
    for n in [3, 10, 100, 1_000] {
        for k in [0, 1, 2, 8] {
            if n == 1_000 && k == 2 {
                continue;
            }
            let (bodies, hops) = spread(n, k);
            let called = if k == 0 { "all".to_owned() } else { k.to_string() };
            println!("{n:>5} nodes, fanout {called:>3}: {bodies:>4} messages, {hops:>4} hops");
            assert_eq!(bodies, n - 1);
            let expected = match k {
                0 => 1,
                1 => n - 1,
                // A tree with k children a node has k + k² + … + k^h others on h levels.
                k => (1..).find(|h| (1..=*h).map(|level| k.pow(level)).sum::<usize>() >= n - 1).unwrap() as usize,
            };
            assert_eq!(hops, expected, "{n} nodes, fanout {called}");
        }
    }
}
