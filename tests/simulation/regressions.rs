//! Seeds that once failed because of a fault in the protocol, with what was wrong. They run first, for
//! ever.
//!
//! What the simulation found while the protocol was written was mended before there was a list, and
//! those seeds mean other farms today. A seed is added here when it fails because of a fault in `src`, or in a check.
//! A change to what is drawn (`scenario`, `workload`, the order of draws anywhere) makes other farms of
//! these seeds: find another seed for the same fault then, or write a test of its own, like the one below.

use forewarn::{
    availability::Author,
    sync::{
        Deliver, Effect, Item, Merged, Replica, Reply,
        merge::{Next, Talk},
    },
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    relay::{NOW, farm, id, replica},
    workload::Handed,
};

const OVERLAP: &str = "in series, a talk that is under way because its peer has returned overlaps the one before it, whose news it misses";

/// Seed and what it found. The first one was found under earlier draws and means another farm today: what it
/// showed is `an_own_notification_that_a_relay_sends_back_is_not_sent_once_more` in
/// `sync/replica/deliver/tests.rs`.
pub const SEEDS: &[(u64, &str)] = &[
    (
        61_380,
        "two nodes accept one notification, and a relay sends it back to the first, which sends it once more to a node that has confirmed it",
    ),
    (7_026, OVERLAP),
    (11_787, OVERLAP),
    (12_617, OVERLAP),
    (15_963, OVERLAP),
    (
        30_064,
        "a fault of the checks: a relay that does not know the initial node yet cannot send it a receipt, and is rightly sent the notification once more",
    ),
    (
        40_077,
        "a fault of the checks: a relay that has taken a notification over loses its disk before the one that it has it from answers; the initial node's row still stands",
    ),
    (
        121_294,
        "a fault of the checks: a word about a partner that a node has lost with its disk, and hears of after its monitor has begun, stands until it lapses",
    ),
    (
        6_574,
        "a fault of the checks: a node that has told that it holds a notification in quarantine was counted as left to a child again, by a share that was drawn up before",
    ),
];

/// Performs everything at once; the answer to a merge, if there was one.
fn perform(replica: &mut Replica) -> Option<Merged> {
    let mut answer = None;
    loop {
        let effects = replica.take_effects();
        if effects.is_empty() {
            return answer;
        }
        for effect in effects {
            match effect {
                Effect::Commit { step, .. } => replica.durable(step, NOW),
                Effect::Load { step, .. } => replica.loaded(step, NOW),
                Effect::Reply(_, Reply::Merged(merged)) => answer = merged,
                _ => {}
            }
        }
    }
}

/// Found in one of some 10,000 farms. A merge by ranges names what it lacks by digests; between that
/// and the exchange the reference hears that another node, whose name sorts first, has accepted the
/// same notification. The digest is another one then, the reference does not find what it is asked
/// for, and the merge ends as if all were well.
#[test]
fn a_merge_by_ranges_brings_what_a_second_node_has_accepted_meanwhile() {
    let farm = farm(3);
    let (mut starting, mut other, mut reference) = (replica(0, &farm, 0), replica(1, &farm, 0), replica(2, &farm, 0));
    let handed = |i: u128, method: &str| Handed {
        body: json!({"id": Uuid::from_u128(i), "timestamp": "1970-01-01T00:00:01Z", "targets": ["system"], "status": "unavailable", "criteria": {"methods": [method]}}),
        author: Author::operator("alice"),
        id: Uuid::from_u128(i),
        portable: true,
    };
    for (i, method) in [(1, "GET"), (2, "PUT"), (3, "POST")] {
        reference.submit(handed(i, method).submit(None), 1, NOW);
        perform(&mut reference);
    }
    other.submit(handed(1, "GET").submit(None), 1, NOW);
    perform(&mut other);
    let entry = other.ledger().iter().next().unwrap().clone();
    assert!(
        reference.ledger().get(&entry.stamp).is_some_and(|held| **held != *entry),
        "the same, accepted by another node"
    );
    let (mut talk, mut ask) = Talk::begin(&starting, id(2), 0);
    loop {
        if !ask.need.is_empty() {
            let item = Item { entry: entry.clone(), initial: id(1), share: Vec::new(), gather: false };
            reference.deliver(
                id(1),
                Deliver {
                    limit: entry.stamp.time,
                    items: vec![item],
                    receipts: Vec::new(),
                    gathered: Vec::new(),
                    records: Vec::new(),
                },
                2,
                NOW,
            );
            perform(&mut reference);
        }
        reference.merge(id(0), ask, 3, NOW);
        let answer = perform(&mut reference);
        let next = talk.answer(&mut starting, answer, NOW).unwrap();
        perform(&mut starting);
        match next {
            Next::Ask(next) => ask = *next,
            Next::Done => break,
        }
    }
    assert_eq!(starting.ledger().len(), 3);
    assert_eq!(starting.fingerprint(), reference.fingerprint());
}
