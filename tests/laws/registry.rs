//! The registry is a map that merges: whatever the order, and however often, records are offered, the same ones stay.

use std::{collections::BTreeMap, sync::Arc};

use forewarn::availability::{Key, Kind, Moment, NodeId, Record, Registry};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

const DAY: i64 = 24 * 3_600_000;

/// Records of few keys, times and nodes, so that they collide; a third of them removals.
fn record() -> impl Strategy<Value = Arc<Record>> {
    let parts = (0..4_u128, 0..2_usize, 1..400_i64, 0..3_u32, 0..3_u128, prop::option::weighted(0.66, 0..3_u32));
    parts.prop_map(|(id, kind, day, counter, node, value)| {
        let key = Key { kind: [Kind::Schedule, Kind::Template][kind], id: Uuid::from_u128(id) };
        let value = value.map(|value| json!({ "title": value }));
        let by = (Moment::from_millis(day * DAY), counter, NodeId(Uuid::from_u128(node)));
        Record::stamped(key, value, None, "a".parse().expect("a name"), by)
    })
}

fn registry(records: &[Arc<Record>]) -> Registry {
    let mut registry = Registry::default();
    records.iter().for_each(|record| _ = registry.offer(record));
    registry
}

fn merged(one: &Registry, other: &Registry) -> Registry {
    let mut merged = one.clone();
    other.iter().for_each(|record| _ = merged.offer(record));
    merged
}

fn content(registry: &Registry) -> (Vec<Arc<Record>>, u128) {
    (registry.iter().cloned().collect(), registry.fingerprint())
}

proptest! {
    #![proptest_config(crate::cases(256, "tests/laws/registry.seeds"))]

    #[test]
    fn merging_is_commutative_associative_and_idempotent(
        a in prop::collection::vec(record(), 0..12),
        b in prop::collection::vec(record(), 0..12),
        c in prop::collection::vec(record(), 0..12),
    ) {
        let (a, b, c) = (registry(&a), registry(&b), registry(&c));
        prop_assert_eq!(content(&merged(&a, &b)), content(&merged(&b, &a)));
        prop_assert_eq!(content(&merged(&merged(&a, &b), &c)), content(&merged(&a, &merged(&b, &c))));
        prop_assert_eq!(content(&merged(&a, &a)), content(&a));
    }

    #[test]
    fn of_each_key_the_record_with_the_greatest_stamp_stays(all in prop::collection::vec(record(), 0..30)) {
        let mut naive: BTreeMap<Key, Arc<Record>> = BTreeMap::new();
        for record in &all {
            let held = naive.entry(record.key()).or_insert_with(|| Arc::clone(record));
            if held.stamp < record.stamp {
                *held = Arc::clone(record);
            }
        }
        let registry = registry(&all);
        prop_assert_eq!(registry.iter().cloned().collect::<Vec<_>>(), naive.into_values().collect::<Vec<_>>());
        let sum = registry.iter().fold(0_u128, |sum, record| sum.wrapping_add(record.digest()));
        prop_assert_eq!(registry.fingerprint(), sum);
    }

    /// Time alone takes removals away, and at the same time everywhere: two nodes that have exchanged what they have
    /// and know the same L have the same, even if one of them has forgotten a removal.
    #[test]
    fn nodes_with_one_limit_that_have_talked_have_the_same(
        a in prop::collection::vec(record(), 0..12),
        b in prop::collection::vec(record(), 0..12),
        (early, late) in (400..800_i64, 400..800_i64),
    ) {
        let (mut a, mut b) = (registry(&a), registry(&b));
        a.advance(Moment::from_millis(early * DAY));
        b.advance(Moment::from_millis(late * DAY));
        let limit = Moment::from_millis(early.max(late) * DAY);
        a.advance(limit);
        b.advance(limit);
        prop_assert_eq!(content(&merged(&a, &b)), content(&merged(&b, &a)));
        let both = merged(&a, &b);
        let forgotten = Moment::from_millis(early.max(late) * DAY - 400 * DAY);
        prop_assert!(both.iter().all(|record| record.value.is_some() || record.stamp.time > forgotten));
    }
}
