//! Messages as peers write them, and what can be wrong with them.

use std::sync::Arc;

use forewarn::availability::{Entry, Moment, NodeId, Notification, Stamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dice::Dice;

/// What the clocks say.
pub const NOW: i64 = 1_800_000_000_000;
/// δ is 60 s: beyond 120 s lies the quarantine.
const TIMES: [i64; 12] =
    [0, -1_000, 1, 59_000, 119_999, 120_001, 500_000, -90_000_000, -60_000, 3_600_000, -NOW, i64::MAX - NOW];

pub fn node(i: u128) -> NodeId {
    NodeId(Uuid::from_u128(i))
}

/// This one is 1; 2 to 4 are members, 5 to 7 are not.
pub fn any_node(dice: &mut Dice) -> NodeId {
    node(2 + dice.below(6) as u128 % 7)
}

fn moment(dice: &mut Dice) -> Moment {
    Moment::from_millis(NOW.saturating_add(*dice.pick(&TIMES)))
}

/// Something that may well have nothing to do where it is put.
pub fn junk(dice: &mut Dice) -> Value {
    let nested = |depth: usize| {
        (0..depth).fold(json!("deep"), |inner, i| if i % 2 == 0 { json!([inner]) } else { json!({"x": inner}) })
    };
    match dice.below(26) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(i64::MIN),
        3 => json!(u64::MAX),
        4 => json!(f64::MAX),
        5 => json!(-f64::from(dice.roll() >> 8) / 4.0),
        6 => json!(""),
        7 => json!("x".repeat(65)),
        8 => json!("ä\u{0}\"\u{202e}".repeat(500)),
        9 => json!("z".repeat(40_000)),
        10 => nested(5),
        11 => nested(31),
        12 => nested(34),
        13 => nested(121),
        14 => nested(140),
        15 => json!([]),
        16 => json!({}),
        17 => json!("9999-12-31T23:59:59.999Z"),
        18 => json!("1970-01-01T00:00:00Z"),
        19 => json!("10000-01-01T00:00:00Z"),
        20 => json!(Uuid::max()),
        21 => json!(any_node(dice)),
        22 => json!(Stamp { time: Moment::MAX, counter: u32::MAX, node: node(u128::MAX), hash: [255; 16] }),
        23 => json!("f".repeat(88)),
        24 => json!(["system", "system"]),
        _ => json!({"critters": [1, {"": null}], "\u{feff}": 7}),
    }
}

fn notification(dice: &mut Dice) -> Value {
    let targets = [
        json!(["application:mail"]),
        json!(["system"]),
        json!(["system", "application:chat", "resource:db"]),
        json!(["application:chat", "application:mail"]),
        json!(["resource:db"]),
        json!((10..99).map(|i| format!("resource:r{i}")).collect::<Vec<_>>()),
    ];
    let mut value = json!({
        "id": Uuid::from_u128(100 + dice.below(8) as u128), "timestamp": moment(dice), "targets": dice.pick(&targets),
        "node": dice.pick(&["b", "a", "c"]),
    });
    if dice.chance(25) {
        value["cancels"] = json!(Uuid::from_u128(100 + dice.below(8) as u128));
        value["goes_down_at"] = json!(moment(dice));
    } else {
        value["status"] = json!(dice.pick(&["unavailable", "available"]));
        if dice.chance(40) {
            value["goes_down_at"] = json!(moment(dice));
        }
    }
    let (source, reporter) =
        *dice.pick(&[("operator", None), ("monitor", Some("a/mail-http")), ("alert", Some("alert/7")), ("farm", None)]);
    value["source"] = json!(source);
    if let Some(reporter) = reporter {
        value["reporter"] = json!(reporter);
    }
    let fraction = f64::from(dice.roll() >> 8) / 3e9;
    let mut maybe = |name: &str, given: Value| {
        if dice.chance(30) {
            value[name] = given;
        }
    };
    maybe("message", json!("Sorry — back soon."));
    maybe("component", json!("disk 7"));
    maybe("reason_code", json!(104));
    maybe("reason", json!("licence"));
    maybe("priority", json!("critical"));
    maybe("restore", json!("automatic"));
    maybe("criteria", json!({"methods": ["POST"], "paths": ["/send/*"]}));
    maybe(
        "criteria",
        json!({"methods": ["POST"], "moon": {"phase": fraction, "of": ["x", null]}, "paths": {"regex": ".*"}}),
    );
    maybe("priority", json!("urgent"));
    maybe("restore", json!("by-steps"));
    maybe("source", json!("robot"));
    maybe("expected_back_at", json!(Moment::from_millis(NOW + 900_000)));
    maybe("colour", json!({"name": "rot", "of": [1, -2, 18_446_744_073_709_551_615_u64, fraction, null, "\u{1}"]}));
    maybe("~", json!("a newer version's"));
    value
}

pub fn entry(dice: &mut Dice) -> Arc<Entry> {
    let notification = serde_json::from_value(notification(dice)).unwrap();
    Entry::stamped(notification, dice.below(2) as u32, node(dice.below(3) as u128))
}

fn entries(dice: &mut Dice, most: usize) -> Vec<Arc<Entry>> {
    (0..dice.below(most + 1)).map(|_| entry(dice)).collect()
}

fn shares(dice: &mut Dice) -> Vec<NodeId> {
    let mut share: Vec<NodeId> = (0..dice.below(5)).map(|_| any_node(dice)).collect();
    if dice.chance(10) {
        // The receiver itself, once more the same, and a crowd of unknown ones.
        share.extend([node(1), node(2), node(2)]);
        share.extend((1_000..1_000 + 30 * dice.below(500) as u128).map(node));
    }
    share
}

fn stamp(dice: &mut Dice, held: &[Stamp]) -> Stamp {
    if held.is_empty() || dice.chance(20) { entry(dice).stamp } else { *dice.pick(held) }
}

fn receipts(dice: &mut Dice, held: &[Stamp]) -> Vec<Value> {
    let states = ["applied", "queued", "waiting", "quarantined", "superseded"];
    (0..dice.below(4)).map(|_| json!({"stamp": stamp(dice, held), "state": dice.pick(&states)})).collect()
}

pub fn member(dice: &mut Dice) -> Value {
    let i = dice.below(7) + 1;
    json!({
        "id": node(i as u128), "name": format!("n{}", if dice.chance(20) { 2 } else { i }), "address": format!("http://n{i}"),
        "changed": moment(dice), "forgotten": dice.chance(15), "definitions": {"application:mail": "00ff", "resource:db": "0"},
    })
}

fn members(dice: &mut Dice) -> Vec<Value> {
    (0..dice.below(4)).map(|_| member(dice)).collect()
}

pub fn deliver(dice: &mut Dice, held: &[Stamp]) -> Value {
    let items: Vec<Value> = (0..dice.below(5))
        .map(|_| {
            let gather = dice.chance(50);
            json!({"entry": entry(dice), "initial": any_node(dice), "share": shares(dice), "gather": gather})
        })
        .collect();
    let gathered: Vec<Value> = receipts(dice, held)
        .into_iter()
        .map(|receipt| {
            let (initial, nodes) = (any_node(dice), shares(dice));
            json!({"stamp": receipt["stamp"], "initial": initial, "state": receipt["state"], "nodes": nodes})
        })
        .collect();
    json!({"limit": moment(dice), "items": items, "receipts": receipts(dice, held), "gathered": gathered})
}

pub fn delivered(dice: &mut Dice, held: &[Stamp]) -> Value {
    let refused: Vec<Value> = (0..dice.below(2)).map(|_| json!([stamp(dice, held), "so"])).collect();
    json!({"limit": moment(dice), "receipts": receipts(dice, held), "unknown": shares(dice), "refused": refused})
}

pub fn merge(dice: &mut Dice) -> Value {
    let entries = entries(dice, 5);
    let need: Vec<String> =
        entries.iter().map(|entry| format!("{:032x}", entry.digest())).take(dice.below(4)).collect();
    let mut value = json!({
        "limit": moment(dice), "fingerprint": format!("{:032x}", dice.roll()), "count": dice.below(9), "entries": entries,
        "whole": dice.chance(40), "need": need, "members": members(dice),
    });
    if dice.chance(20) {
        value["ranges"] = json!(ranges(dice));
    }
    value
}

pub fn merged(dice: &mut Dice) -> Value {
    let mut value = merge(dice);
    value.as_object_mut().unwrap().remove("need");
    value
}

pub fn announce(dice: &mut Dice) -> Value {
    json!({
        "member": member(dice), "members": members(dice), "max_clock_skew": 60_000, "lapse": u64::MAX, "phase": "ready",
        "fingerprint": "0", "limit": moment(dice),
    })
}

/// A range message of random bytes, some of which begin as a real one does.
pub fn ranges(dice: &mut Dice) -> String {
    let mut bytes: Vec<u8> = if dice.chance(80) { vec![0x61] } else { Vec::new() };
    for _ in 0..dice.below(60) {
        // Small numbers are modes, lengths and counts; great ones go on.
        let roll = dice.roll();
        bytes.push(if roll.is_multiple_of(3) { (roll >> 8) as u8 % 4 } else { (roll >> 8) as u8 });
    }
    hex::encode(bytes)
}

/// Breaks a message, or not: at one place, somewhere, in some way. Most entries are then stamped with
/// what they have become, for otherwise all that is broken would be refused for its hash alone.
pub fn break_it(dice: &mut Dice, value: &mut Value) {
    for _ in 0..dice.below(4) {
        let other = if dice.chance(50) { junk(dice) } else { json!(entry(dice)) };
        at_some_place(dice, value, &other);
    }
    stamp_again(dice, value);
}

fn stamp_again(dice: &mut Dice, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| stamp_again(dice, item)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| stamp_again(dice, member));
            let stamp = members.get("stamp").and_then(|stamp| serde_json::from_value::<Stamp>(stamp.clone()).ok());
            let notification =
                members.get("notification").and_then(|n| serde_json::from_value::<Notification>(n.clone()).ok());
            if let (Some(stamp), Some(notification)) = (stamp, notification)
                && !dice.chance(15)
            {
                members.insert("stamp".to_owned(), json!(Stamp { hash: notification.content_hash(), ..stamp }));
            }
        }
        _ => {}
    }
}

fn at_some_place(dice: &mut Dice, value: &mut Value, other: &Value) {
    let deeper = dice.chance(85);
    match value {
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = dice.below(items.len());
            at_some_place(dice, &mut items[at], other);
        }
        Value::Object(members) if deeper && !members.is_empty() => {
            let at = dice.below(members.len());
            if let Some((_, member)) = members.iter_mut().nth(at) {
                at_some_place(dice, member, other);
            }
        }
        Value::Array(items) => match dice.below(5) {
            0 => items.push(other.clone()),
            1 => drop(items.pop()),
            // Twice the same; more than fit into a message.
            2 => items.extend(items.first().cloned()),
            3 => {
                let most = if dice.chance(20) { 2_001 } else { 257 };
                *items = items.iter().cycle().take(if items.is_empty() { 0 } else { most }).cloned().collect();
            }
            _ => *value = other.clone(),
        },
        Value::Object(members) => match dice.below(4) {
            0 => drop(members.insert("colour".to_owned(), other.clone())),
            1 => {
                let name = members.keys().nth(dice.below(members.len())).cloned().unwrap_or_default();
                members.remove(&name);
            }
            2 => drop(members.insert("x".repeat(200), other.clone())),
            _ => *value = other.clone(),
        },
        Value::String(text) if dice.chance(50) && !text.is_empty() && text.is_ascii() => {
            let at = dice.below(text.len());
            text.replace_range(at..=at, dice.pick::<&str>(&["0", "f", "Z", "", ":", "9999999999999999999"]));
        }
        _ => *value = other.clone(),
    }
}
