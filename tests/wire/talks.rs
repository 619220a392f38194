//! The starting role of a merge against a reference that says anything.

use std::sync::Arc;

use forewarn::{
    availability::{Entry, Stamp},
    sync::{
        Merged, Reply,
        merge::{Next, SMALL, Talk},
        ranges,
    },
};
use serde_json::{Value, json};

use crate::{
    dice::Dice,
    host::Host,
    messages::{list, read},
    values::{self, break_it, node},
};

/// Most questions of a talk between two small ledgers, whatever the reference says.
const MOST: usize = 40;

pub fn whatever_a_reference_answers(mut dice: Dice) {
    let dice = &mut dice;
    let (mut host, mut reference) = (Host::new(1, dice), Host::new(2, dice));
    for side in [&mut host, &mut reference] {
        let entries: Vec<_> = (0..dice.below(8)).map(|_| values::entry(dice)).collect();
        let written: Vec<Value> = entries.iter().map(|entry| json!(entry)).collect();
        side.read(written.iter(), entries.iter());
        let merged = json!({"limit": "1970-01-01T00:00:00Z", "fingerprint": "", "count": 0, "entries": entries});
        side.replica.absorb(node(3), read(&merged).unwrap(), side.now);
        side.settle();
    }
    // Without anything broken, the talk must bring them together.
    let honest = dice.chance(20);
    let small = if dice.chance(50) { 0 } else { SMALL };
    let (mut talk, mut ask) = Talk::begin(&host.replica, node(2), small);
    // Half of the talks go by ranges.
    for asked in 0.. {
        assert!(asked < MOST, "it does not come to an end");
        let question = read(&json!(ask)).expect("the reference cannot read the question");
        reference.hear_of(&host);
        let ticket = reference.ticket();
        reference.replica.merge(node(1), question, ticket, reference.now);
        let Reply::Merged(answer) = reference.reply(ticket) else { panic!("the question was refused") };
        let mut answer = answer.map(|merged| json!(merged));
        if !honest {
            if dice.chance(10) {
                answer = Some(values::merged(dice));
            }
            if let Some(answer) = &mut answer {
                if dice.chance(25) {
                    answer["ranges"] = json!(values::ranges(dice));
                }
                break_it(dice, answer);
            }
            if dice.chance(5) {
                answer = None;
            }
        }
        let parsed = match &answer {
            None => None,
            Some(answer) => {
                let Some(merged) = read::<Merged>(answer) else { break };
                host.read(list(answer, "entries").iter(), merged.entries.iter());
                Some(merged)
            }
        };
        let next = talk.answer(&mut host.replica, parsed, host.now);
        host.assert_sound();
        reference.assert_sound();
        match next {
            Ok(Next::Ask(next)) => ask = *next,
            Ok(Next::Done) => {
                if honest {
                    assert_eq!(host.replica.fingerprint(), reference.replica.fingerprint());
                    assert_eq!(host.replica.ledger().limit(), reference.replica.ledger().limit());
                }
                break;
            }
            Err(error) => {
                assert!(!honest, "{error}");
                break;
            }
        }
    }
}

/// What ranges compare of entries.
fn named(entries: &[Arc<Entry>]) -> impl Iterator<Item = (Stamp, u128)> {
    entries.iter().map(|entry| (entry.stamp, entry.digest()))
}

/// The crate behind the ranges gets bytes from the network: none of them may end the process.
pub fn whatever_ranges_say(mut dice: Dice) {
    let dice = &mut dice;
    let entries: Vec<_> = (0..dice.below(40)).map(|_| values::entry(dice)).collect();
    let others: Vec<_> = (0..dice.below(40)).map(|_| values::entry(dice)).collect();
    let (mut initiator, first) = ranges::Initiator::begin(ranges::Index::of(named(&entries))).unwrap();
    let mut message = first;
    for _ in 0..12 {
        // A real one with some digits changed, cut or doubled; or anything.
        if dice.chance(30) {
            message = values::ranges(dice);
        }
        for _ in 0..dice.below(3) {
            if !message.is_empty() && message.is_ascii() {
                let at = dice.below(message.len());
                message.replace_range(at..=at, dice.pick::<&str>(&["0", "f", "8", "", "7f", "g"]));
            }
        }
        let Ok(answer) = ranges::answer(named(&others), &message) else { continue };
        assert!(answer.len() <= 2 << 20);
        match initiator.answer(&answer) {
            Ok(Some(next)) => message = next,
            Ok(None) => break,
            Err(_) => {}
        }
    }
    let (have, _) = initiator.differences();
    assert!(have.iter().all(|stamp| entries.iter().any(|entry| entry.stamp == *stamp)));
    let too_long = "6".repeat(5 << 20);
    assert!(dice.chance(95) || ranges::answer(named(&entries), &too_long).is_err());
}
