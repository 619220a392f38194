//! One node and whatever comes in.

use std::{sync::Arc, time::Duration};

use forewarn::{
    availability::{Entry, Ledger},
    sync::{Announce, Deliver, Delivered, DeliveryState, Merge, Merged, Now, Reply, ranges},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    dice::Dice,
    host::Host,
    values::{self, any_node, break_it},
};

/// As it comes in: as text. What cannot be read is nobody's business any more (422).
pub fn read<T: DeserializeOwned>(message: &Value) -> Option<T> {
    serde_json::from_str(&message.to_string()).ok()
}

pub fn list<'a>(message: &'a Value, name: &str) -> &'a [Value] {
    message[name].as_array().map_or(&[], Vec::as_slice)
}

pub fn whatever_a_peer_sends(mut dice: Dice) {
    let dice = &mut dice;
    let mut host = Host::new(1, dice);
    for _ in 0..=dice.below(6) {
        match dice.below(6) {
            0 | 1 => a_delivery(&mut host, dice),
            2 => a_merge(&mut host, dice),
            3 => an_answer(&mut host, dice),
            4 => an_understanding(&mut host, dice),
            _ => an_announcement(&mut host, dice),
        }
        host.assert_sound();
        if dice.chance(20) {
            let later = host.now.mono + Duration::from_secs(dice.below(4_000) as u64);
            host.now = Now { wall: host.now.wall.after(later - host.now.mono), mono: later };
            host.replica.tick(host.now);
            host.assert_sound();
        }
    }
}

/// Whether it may be taken at all.
fn is_sound(entry: &Entry) -> bool {
    entry.check().is_ok() && entry.is_as_stamped()
}

fn a_delivery(host: &mut Host, dice: &mut Dice) {
    let mut message = values::deliver(dice, &host.stamps());
    break_it(dice, &mut message);
    let Some(deliver) = read::<Deliver>(&message) else { return };
    let written = list(&message, "items").iter().map(|item| &item["entry"]);
    host.read(written, deliver.items.iter().map(|item| &item.entry));
    let before = host.view();
    let (held, rows, peers) = (host.stamps(), host.rows(), host.replica.peers().len());
    let (from, ticket, items) = (any_node(dice), host.ticket(), deliver.items.clone());
    let came = items.iter().map(|item| &item.entry).filter(|entry| is_sound(entry));
    let together: Vec<Arc<Entry>> = host.replica.holdings().chain(came).cloned().collect();
    host.replica.deliver(from, deliver, ticket, host.now);
    match host.reply(ticket) {
        Reply::Malformed(_) => {
            assert!(items.len() > 256);
            assert_eq!(host.view(), before, "a message that is refused has changed something");
        }
        Reply::Delivered(delivered) => {
            assert_eq!(delivered.receipts.len() + delivered.refused.len(), items.len());
            let now_held = host.stamps();
            for receipt in &delivered.receipts {
                assert!(receipt.state > DeliveryState::Waiting);
                // What was taken and is not held any more is over, was killed by something that was held or came
                // with it, or was issued again under a right time.
                let dead = |entry: &Arc<Entry>| {
                    let is_killed_by = |other: &Arc<Entry>| {
                        let mut ledger = Ledger::new(host.replica.ledger().rules());
                        ledger.admit(other);
                        ledger.admit(entry).superseded.is_some()
                    };
                    let again = entry.notification.id_restamped();
                    host.replica.ledger().clone().admit(entry).superseded.is_some()
                        || together.iter().any(|other| is_killed_by(other) || other.notification.id == again)
                };
                let taken =
                    items.iter().find(|item| item.entry.stamp == receipt.stamp && is_sound(&item.entry)).unwrap();
                assert!(now_held.contains(&receipt.stamp) || dead(&taken.entry), "{receipt:?}");
            }
            for (stamp, _) in &delivered.refused {
                let taken = held.contains(stamp) || delivered.receipts.iter().any(|receipt| receipt.stamp == *stamp);
                assert!(taken || !now_held.contains(stamp), "{stamp:?} was refused and is held");
            }
            assert!(delivered.unknown.windows(2).all(|pair| pair[0] < pair[1]), "each once");
            assert!(now_held.len() <= held.len() + items.len());
            assert!(host.rows() <= rows + items.len() * peers);
        }
        other => panic!("{other:?}"),
    }
}

fn a_merge(host: &mut Host, dice: &mut Dice) {
    let mut message = values::merge(dice);
    break_it(dice, &mut message);
    let Some(merge) = read::<Merge>(&message) else { return };
    host.read(list(&message, "entries").iter(), merge.entries.iter());
    let (before, held) = (host.view(), host.stamps());
    let (from, ticket, entries, needed) = (any_node(dice), host.ticket(), merge.entries.clone(), merge.need.len());
    let unreadable = merge.ranges.as_deref().is_some_and(|ranges| ranges::check(ranges).is_err());
    host.replica.merge(from, merge, ticket, host.now);
    match host.reply(ticket) {
        Reply::Malformed(_) => {
            assert!(unreadable || entries.len() > 2_000 || needed > 2_000);
            assert_eq!(host.view(), before, "a message that is refused has changed something");
        }
        Reply::Merged(merged) => {
            assert!(!unreadable);
            if let Some(merged) = merged {
                assert!(read::<Merged>(&serde_json::to_value(&merged).unwrap()).is_some());
                assert!(merged.entries.len() <= 4_000);
            }
            assert_taken(host, &held, &entries);
        }
        other => panic!("{other:?}"),
    }
}

/// What records may have done: been taken, or not.
fn assert_taken(host: &Host, held: &[forewarn::availability::Stamp], entries: &[Arc<Entry>]) {
    let now_held = host.stamps();
    assert!(now_held.len() <= held.len() + entries.len());
    for entry in entries {
        let sound = entries.iter().any(|other| other.stamp == entry.stamp && is_sound(other));
        assert!(
            sound || held.contains(&entry.stamp) || !now_held.contains(&entry.stamp),
            "{:?} was refused and is held",
            entry.stamp
        );
    }
}

/// An answer to what was sent, or to nothing.
fn an_answer(host: &mut Host, dice: &mut Dice) {
    let peer = any_node(dice);
    let sent = host.poll(peer);
    let stamps = sent.map_or_else(|| host.stamps(), |sent| sent.items.iter().map(|item| item.entry.stamp).collect());
    let mut message = values::delivered(dice, &stamps);
    break_it(dice, &mut message);
    let rows = host.rows();
    match read::<Delivered>(&message) {
        Some(answer) => host.replica.answered(peer, &answer, host.now),
        None => host.replica.failed(peer, u64::from(dice.roll()), host.now),
    }
    host.settle();
    assert!(host.rows() <= rows);
}

fn an_understanding(host: &mut Host, dice: &mut Dice) {
    let mut message = values::merged(dice);
    break_it(dice, &mut message);
    let Some(merged) = read::<Merged>(&message) else { return };
    host.read(list(&message, "entries").iter(), merged.entries.iter());
    let (held, entries) = (host.stamps(), merged.entries.clone());
    host.replica.absorb(any_node(dice), merged, host.now);
    host.settle();
    assert_taken(host, &held, &entries);
}

fn an_announcement(host: &mut Host, dice: &mut Dice) {
    let mut message = values::announce(dice);
    break_it(dice, &mut message);
    let Some(announce) = read::<Announce>(&message) else { return };
    let before = host.view();
    let address = dice.chance(30).then(|| announce.member.address.clone());
    let known = host.replica.members().count();
    let refused = if dice.chance(50) {
        host.replica.check_sender(announce.member.id, u64::from(dice.roll()), 1).is_err()
    } else {
        host.replica.announced(&announce, address.as_deref(), host.now).is_err()
    };
    host.settle();
    assert!(host.replica.members().count() <= known + 1 + announce.members.len());
    if refused {
        assert_eq!(host.view(), before, "an announcement that is refused has changed something");
    }
}
