//! What a notification costs by strategy, and what a node costs that has nothing to do, as the farm grows.
//!
//! `CROWD=1000 cargo test --release --test simulation crowd -- --nocapture` prints the figures of a thousand nodes, in
//! minutes (`docs/figures.md` has them).

use std::time::Duration;

use forewarn::sync::Fanout;

use super::{Crowd, Traffic};
use crate::node::fanout;

/// So many notifications are passed on, one after the other.
const TURNS: u128 = 4;
/// So long a farm does nothing.
const IDLE: Duration = Duration::from_secs(600);

/// The strategies, by name.
fn strategies() -> [(&'static str, Fanout, bool); 5] {
    [
        ("all", Fanout::All, false),
        ("8", fanout(8), false),
        ("2", fanout(2), false),
        ("1", fanout(1), false),
        ("nats", Fanout::All, true),
    ]
}

/// What one notification has cost.
#[derive(Debug, Default)]
struct Cost {
    /// Messages with the notification, and with receipts only.
    bodies: f64,
    receipts: f64,
    /// Messages that the initial node has sent.
    initial: f64,
    bytes: f64,
    /// Until the last node shows it, and until all receipts are durable; in milliseconds.
    last: f64,
    complete: f64,
}

fn cost(size: usize, fanout: Fanout, has_broker: bool) -> Cost {
    let mut crowd = Crowd::start(size, fanout, has_broker);
    let mut cost = Cost::default();
    let share = 1.0 / TURNS as f64;
    for turn in 0..TURNS {
        crowd.traffic.clear();
        let sent = crowd.members[0].sent;
        let (begun, stamp) = crowd.submit(turn);
        let is_open = |crowd: &Crowd| crowd.members[0].node.replica().told(&stamp).is_some();
        while is_open(&crowd) {
            assert!(crowd.time < begun + 60_000_000, "the receipt does not become complete");
            crowd.run_for(Duration::from_millis(1));
        }
        assert!(crowd.members.iter().all(|member| member.shown >= begun), "somebody does not show it");
        let last = crowd.members.iter().map(|member| member.shown).max().unwrap_or(begun);
        cost.last += (last - begun) as f64 / 1e3 * share;
        cost.complete += (crowd.time - begun) as f64 / 1e3 * share;
        cost.initial += (crowd.members[0].sent - sent) as f64 * share;
        let of = |what| crowd.traffic.get(what).copied().unwrap_or_default();
        let (bodies, receipts): (Traffic, Traffic) = (of("notifications"), of("receipts"));
        cost.bodies += bodies.messages as f64 * share;
        cost.receipts += receipts.messages as f64 * share;
        cost.bytes += (bodies.bytes + receipts.bytes + of("answers").bytes) as f64 * share;
        crowd.run_for(Duration::from_secs(5));
    }
    cost
}

/// Messages and bytes that a node of an idle farm sends in a minute.
fn idle(size: usize) -> (f64, f64) {
    let mut crowd = Crowd::start(size, Fanout::All, false);
    crowd.traffic.clear();
    crowd.run_for(IDLE);
    let minutes = IDLE.as_secs_f64() / 60.0 * size as f64;
    let all = crowd.traffic.values();
    let (messages, bytes) = all.fold((0, 0), |sum, one| (sum.0 + one.messages, sum.1 + one.bytes));
    (messages as f64 / minutes, bytes as f64 / minutes)
}

/// The figures of all strategies, or of one.
fn show(size: usize, only: &str) {
    println!(
        "| {size} nodes | messages with it | with receipts only | sent by the initial node | KB | until the last has it, ms | until all receipts are there, ms |"
    );
    for (name, fanout, has_broker) in strategies().into_iter().filter(|(name, ..)| only.is_empty() || only == *name) {
        let cost = cost(size, fanout, has_broker);
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} |",
            cost.bodies,
            cost.receipts,
            cost.initial,
            cost.bytes / 1e3,
            cost.last,
            cost.complete
        );
    }
}

#[test]
fn a_crowd_is_reached_with_one_message_for_each_node_whatever_the_strategy() {
    for (name, fanout, has_broker) in strategies() {
        let cost = cost(50, fanout, has_broker);
        // A notification is published once, and brought to 49.
        let bodies = if has_broker { 50.0 } else { 49.0 };
        // Where relays gather, only they tell: those with somebody below.
        let receipts = match name {
            "8" => 9.0,
            "2" => 30.0,
            _ => 50.0,
        };
        assert!(cost.bodies == bodies && cost.receipts <= receipts, "{name}: {cost:?}");
        assert!(cost.last < cost.complete && cost.complete < 1_000.0, "{name}: {cost:?}");
        let most = match name {
            "8" | "2" | "1" => 10.0,
            "nats" => 2.0,
            _ => 49.0,
        };
        assert!(cost.initial <= most, "{name}: the initial node sends {}", cost.initial);
    }
}

#[test]
fn an_idle_node_of_a_crowd_sends_as_much_as_one_of_a_small_farm() {
    let (small, large) = (idle(10), idle(50));
    assert!(small.0 > 2.0, "it merges, about twice a minute: {small:?}");
    assert!(large.0 <= small.0 * 1.2 && large.1 <= small.1 * 1.2, "of 10 nodes {small:?}, of 50 {large:?}");
}

/// By hand: `CROWD=1000`, or with one strategy alone `CROWD=1000 STRATEGY=nats`.
#[test]
fn a_large_crowd() {
    let Some(size) = std::env::var_os("CROWD") else { return };
    let size: usize = size.to_str().and_then(|text| text.parse().ok()).unwrap();
    if let Ok(only) = std::env::var("STRATEGY") {
        return show(size, &only);
    }
    for size in [10, 50, 200, size] {
        let (messages, bytes) = idle(size);
        println!("idle, {size} nodes: {messages:.1} messages a minute, {:.1} KB a minute", bytes / 1e3);
    }
    [50, 200, size].into_iter().for_each(|size| show(size, ""));
}
