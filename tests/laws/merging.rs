//! Merging is commutative, associative and idempotent; the order in which things arrive does not
//! matter; what is dropped stays dropped, whenever it was dropped.

use std::{collections::BTreeSet, sync::Arc};

use forewarn::availability::{Admission, Entry, Ledger, Moment, Stamp};
use proptest::{prelude::*, sample::Index};

use crate::{
    cases,
    farm::{self, CONSTANTS, acts, all_targets, entries, grid, rules},
    naive::Naive,
    verdicts::assert_as_naive,
};

const SEEDS: &str = "tests/laws/proptest-regressions/merging.txt";

/// Everything that can be seen of a ledger. Words on a target are part of it: they are derived from
/// the set, but kept up to date piece by piece.
fn state(ledger: &Ledger) -> (Moment, u128, Vec<Arc<Entry>>, Vec<Vec<Stamp>>) {
    let words = |target| {
        let mut alive: Vec<Stamp> =
            ledger.words(target).iter().flat_map(|words| words.iter()).map(|word| *word.stamp()).collect();
        alive.sort();
        alive
    };
    (ledger.limit(), ledger.fingerprint(), ledger.iter().cloned().collect(), all_targets().iter().map(words).collect())
}

/// What the naive side keeps, and that the ledger's indices fit its entries.
fn assert_is(ledger: &Ledger, naive: &Naive) {
    let kept: Vec<Arc<Entry>> = ledger.iter().cloned().collect();
    assert_eq!(kept, naive.retained(), "the retained set");
    assert_eq!(ledger.limit().millis(), naive.limit(), "L");
    assert_eq!(ledger.len(), kept.len());
    let sum = kept.iter().fold(0u128, |sum, entry| sum.wrapping_add(entry.digest()));
    assert_eq!(ledger.fingerprint(), sum, "the fingerprint is that of the set");
    for entry in &kept {
        assert_eq!(ledger.by_id(&entry.notification.id).unwrap().notification.id, entry.notification.id);
        assert_eq!(ledger.get(&entry.stamp), Some(entry));
    }
    let named: BTreeSet<_> = kept.iter().flat_map(|entry| &entry.notification.targets).collect();
    assert_eq!(ledger.targets().map(|(target, _)| target).collect::<BTreeSet<_>>(), named, "no target is left behind");
}

/// A ledger that was told these in this order, and heard of this L.
fn ledger(heard: &[Arc<Entry>], limit: i64) -> Ledger {
    let mut ledger = Ledger::new(rules());
    ledger.advance(Moment::from_millis(limit));
    for entry in heard {
        ledger.admit(entry);
    }
    ledger
}

fn merged(one: &Ledger, other: &Ledger) -> Ledger {
    let mut both = one.clone();
    both.merge(other);
    both
}

/// Entries, and for each which of three nodes have heard it; and the L of each node.
fn three() -> impl Strategy<Value = (Vec<Arc<Entry>>, Vec<u8>, [u8; 3])> {
    (acts(14), prop::collection::vec(1u8..8, 40), prop::array::uniform3(0u8..24))
        .prop_map(|(acts, who, limits)| (entries(&acts), who, limits))
}

/// One step in the life of a farm of three.
#[derive(Debug, Clone)]
enum Step {
    /// A node hears of an entry.
    Hear { node: usize, which: Index },
    /// A node takes in all that another one has.
    Merge { into: usize, from: usize },
    /// A node hears of an L without the entry that brought it.
    Learn { node: usize, limit: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0usize..3, any::<Index>()).prop_map(|(node, which)| Step::Hear { node, which }),
        3 => (0usize..3, 0usize..3).prop_map(|(into, from)| Step::Merge { into, from }),
        1 => (0usize..3, 0u8..24).prop_map(|(node, limit)| Step::Learn { node, limit }),
    ]
}

/// What an admission says must be what happened.
fn assert_told(told: &Admission, entry: &Entry, before: &Ledger, after: &Ledger, naive: &Naive) {
    let was = |ledger: &Ledger, stamp: &Stamp| ledger.get(stamp).is_some();
    assert_eq!(told.admitted, !was(before, &entry.stamp) && was(after, &entry.stamp));
    assert_eq!(told.advanced, after.limit() > before.limit());
    assert_eq!(told.joined, was(before, &entry.stamp) && before.get(&entry.stamp) != after.get(&entry.stamp));
    let gone: BTreeSet<Stamp> = before.iter().map(|e| e.stamp).filter(|stamp| !was(after, stamp)).collect();
    assert_eq!(told.dropped.iter().map(|e| e.stamp).collect::<BTreeSet<_>>(), gone);
    assert_eq!(told.dropped.len(), gone.len(), "each is reported once");
    assert_eq!(told.superseded.is_some(), !was(after, &entry.stamp));
    if let Some(killers) = &told.superseded {
        assert!(killers.iter().all(|stamp| was(after, stamp)), "killers are in the ledger");
        assert!(naive.explains(&entry.stamp, killers), "the killers kill it on all of its targets");
    }
}

proptest! {
    #![proptest_config(cases(6_000, SEEDS))]

    #[test]
    fn merge_is_commutative_associative_and_idempotent((all, who, limits) in three()) {
        let node = |bit: usize| {
            let heard: Vec<Arc<Entry>> =
                all.iter().zip(&who).filter(|(_, who)| *who & (1 << bit) != 0).map(|(entry, _)| Arc::clone(entry)).collect();
            ledger(&heard, grid(limits[bit]))
        };
        let (a, b, c) = (node(0), node(1), node(2));
        prop_assert_eq!(state(&merged(&a, &b)), state(&merged(&b, &a)));
        prop_assert_eq!(state(&merged(&merged(&a, &b), &c)), state(&merged(&a, &merged(&b, &c))));
        prop_assert_eq!(state(&merged(&a, &a)), state(&a));
        let ab = merged(&a, &b);
        prop_assert_eq!(state(&merged(&ab, &b)), state(&ab));
        assert_is(&merged(&ab, &c), &Naive::new(CONSTANTS, limits.iter().map(|l| grid(*l)).max().unwrap_or(0), &all));
    }

    #[test]
    fn any_order_gives_the_same_set(
        (acts, order) in acts(14).prop_flat_map(|acts| {
            let count = entries(&acts).len();
            // Each twice, in any order: duplicates are harmless.
            let order: Vec<usize> = (0..count).chain(0..count).collect();
            (Just(acts), Just(order).prop_shuffle())
        }),
        (limit, when) in (0u8..24, any::<Index>()),
    ) {
        let all = entries(&acts);
        let naive = Naive::new(CONSTANTS, grid(limit), &all);
        let expected = state(&ledger(&all, grid(limit)));
        let mut other = Ledger::new(rules());
        for (at, which) in order.iter().enumerate() {
            if at == when.index(order.len()) {
                other.advance(Moment::from_millis(grid(limit)));
            }
            other.admit(&all[*which]);
        }
        other.advance(Moment::from_millis(grid(limit)));
        prop_assert_eq!(state(&other), expected);
        assert_is(&other, &naive);
    }

    #[test]
    fn dropping_before_between_and_after_merges_leaves_the_same_set(
        acts in acts(12), steps in prop::collection::vec(step(), 1..40), agree in 1usize..4,
    ) {
        let all = entries(&acts);
        if all.is_empty() {
            return Ok(());
        }
        let mut nodes = [(); 3].map(|()| (Ledger::new(rules()), BTreeSet::new(), 0));
        let naive = |heard: &BTreeSet<usize>, limit: i64| {
            let heard: Vec<Arc<Entry>> = heard.iter().map(|which| Arc::clone(&all[*which])).collect();
            Naive::new(CONSTANTS, limit, &heard)
        };
        for step in &steps {
            match step {
                Step::Hear { node, which } => {
                    let which = which.index(all.len());
                    let (ledger, heard, limit) = &mut nodes[*node];
                    let before = ledger.clone();
                    let told = ledger.admit(&all[which]);
                    heard.insert(which);
                    assert_told(&told, &all[which], &before, ledger, &naive(heard, *limit));
                }
                Step::Merge { into, from } => {
                    let (theirs, known, theirs_l) = nodes[*from].clone();
                    let (ledger, heard, limit) = &mut nodes[*into];
                    ledger.merge(&theirs);
                    heard.extend(known);
                    *limit = theirs_l.max(*limit);
                }
                Step::Learn { node, limit } => {
                    let (ledger, _, known) = &mut nodes[*node];
                    let count = ledger.len();
                    let dropped = ledger.advance(Moment::from_millis(grid(*limit)));
                    prop_assert_eq!(count - dropped.len(), ledger.len());
                    *known = grid(*limit).max(*known);
                }
            }
            for (ledger, heard, limit) in &nodes {
                assert_is(ledger, &naive(heard, *limit));
            }
        }
        for (ledger, heard, limit) in &nodes {
            assert_as_naive(ledger, &naive(heard, *limit), &all, (agree, 1));
        }
    }

    #[test]
    fn what_was_dropped_does_not_come_back((all, _, limits) in three()) {
        let naive = Naive::new(CONSTANTS, grid(limits[0]), &all);
        let mut node = ledger(&all, grid(limits[0]));
        let before = state(&node);
        for entry in &all {
            let known = node.clone();
            let told = node.admit(entry);
            assert_told(&told, entry, &known, &node, &naive);
            prop_assert!(!told.admitted && !told.advanced && told.dropped.is_empty());
            prop_assert_eq!(state(&node), before.clone());
        }
    }

    #[test]
    fn two_acceptances_of_one_notification_are_one_entry(acts in farm::acts(8)) {
        // Whatever the order, the name that sorts first stays, and nothing else tells them apart.
        let all = entries(&acts);
        let node = ledger(&all, 0);
        for entry in node.iter() {
            let least = all.iter().filter(|e| e.stamp == entry.stamp).map(|e| &e.notification.node).min();
            prop_assert_eq!(Some(&entry.notification.node), least);
        }
    }
}
