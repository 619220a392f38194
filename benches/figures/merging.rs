//! Bytes and time of a merge, against the size of the ledger and the number of differences: two
//! replicas in this process, every message written and read as JSON.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use forewarn::{
    availability::{Entry, Ledger, NodeId, Reasons, Rules},
    clock,
    sync::{
        Effect, Facts, Fanout, MAX_ROWS, Merge, Merged, Now, Replica, Reply, Restored,
        merge::{Next, SMALL, Talk},
    },
};
use uuid::Uuid;

use super::{picture, restart::entries, svg};

fn now() -> Now {
    Now { wall: clock::now(), mono: clock::mono() }
}

fn replica(number: u128, held: &[Arc<Entry>]) -> Replica {
    let facts = Facts {
        me: NodeId(Uuid::from_u128(number)),
        name: format!("n{number}").parse().unwrap(),
        address: format!("http://127.0.0.1:{number}"),
        boot: 1,
        boot_nonce: 1,
        rules: Rules::default(),
        reasons: Reasons::with([]),
        fanout: Fanout::All,
        critical: Default::default(),
        definitions: BTreeMap::new(),
        together: Vec::new(),
        peers: Vec::new(),
        max_rows: MAX_ROWS,
    };
    let mut ledger = Ledger::new(Rules::default());
    held.iter().for_each(|entry| {
        ledger.admit(entry);
    });
    let mut replica = Replica::restore(facts, Restored { ledger, ..Restored::default() }, now());
    replica.replay(1, now());
    settle(&mut replica);
    replica
}

/// Lets everything be durable and loaded at once; the last reply, if there was one.
fn settle(replica: &mut Replica) -> Option<Reply> {
    let mut last = None;
    loop {
        let effects = replica.take_effects();
        if effects.is_empty() {
            return last;
        }
        for effect in effects {
            match effect {
                Effect::Commit { step, .. } => replica.durable(step, now()),
                Effect::Load { step, .. } => replica.loaded(step, now()),
                Effect::Reply(_, reply) => last = Some(reply),
                _ => {}
            }
        }
    }
}

/// Bytes both ways, messages, and the time that both sides took together.
fn merge(starting: &mut Replica, reference: &mut Replica) -> (usize, usize, Duration) {
    let begun = Instant::now();
    let (mut bytes, mut messages) = (0, 0);
    let (mut talk, mut ask) = Talk::begin(starting, reference.facts().me, SMALL);
    let from = starting.facts().me;
    loop {
        let sent = serde_json::to_vec(&ask).unwrap();
        reference.merge(from, serde_json::from_slice::<Merge>(&sent).unwrap(), 2, now());
        let Some(Reply::Merged(answer)) = settle(reference) else { panic!("no answer") };
        let back = answer.map(|answer| serde_json::to_vec(&answer).unwrap());
        bytes += sent.len() + back.as_ref().map_or(0, Vec::len);
        messages += 1;
        let next =
            talk.answer(starting, back.map(|back| serde_json::from_slice::<Merged>(&back).unwrap()), now()).unwrap();
        settle(starting);
        match next {
            Next::Ask(next) => ask = *next,
            Next::Done => break,
        }
    }
    assert_eq!(starting.fingerprint(), reference.fingerprint(), "they do not hold the same");
    (bytes, messages, begun.elapsed())
}

pub fn measure(report: &mut String) {
    report.push_str("\n## A merge, by size of the ledger and number of differences\n\n| entries | differences | KB both ways | messages | ms, both sides | KB if all were sent |\n|---|---|---|---|---|---|\n");
    let mut bars = Vec::new();
    for size in [100, 1_000, 10_000, 100_000] {
        let all = entries(0, size);
        let whole: usize =
            all.iter().take(100).map(|entry| serde_json::to_vec(entry).unwrap().len()).sum::<usize>() * size / 100;
        for differences in [0, 10, 100] {
            if differences * 2 > size {
                continue;
            }
            // Half of the differences on each side, spread over the whole.
            let every = size.checked_div(differences).unwrap_or(usize::MAX);
            let lacks =
                |at: usize, side: usize| every != usize::MAX && at.is_multiple_of(every) && (at / every) % 2 == side;
            let part = |side: usize| {
                all.iter()
                    .enumerate()
                    .filter(|(at, _)| !lacks(*at, side))
                    .map(|(_, entry)| Arc::clone(entry))
                    .collect::<Vec<_>>()
            };
            let (mut starting, mut reference) = (replica(1, &part(0)), replica(2, &part(1)));
            let (bytes, messages, took) = merge(&mut starting, &mut reference);
            writeln!(
                report,
                "| {size} | {differences} | {:.1} | {messages} | {:.1} | {:.0} |",
                bytes as f64 / 1e3,
                took.as_secs_f64() * 1e3,
                whole as f64 / 1e3
            )
            .unwrap();
            if differences == 10 {
                bars.push((format!("{size} entries"), bytes as f64 / 1e3));
            }
        }
    }
    std::fs::create_dir_all("docs").unwrap();
    picture("merge", &svg::bars("A merge with 10 differences, KB both ways", &bars));
}
