//! The content hash of a stamp (docs/contract.md#stamps) is the same on every node and for ever: whatever a newer version
//! has put into a record, in whichever order it came, however often it was read and written, and after
//! it lay in a store. And it is another one as soon as anything but the accepting node is changed.

use std::sync::Arc;

use forewarn::{
    availability::{Entry, NodeId, Notification},
    store::{Options, Store, records},
    sync::Change,
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::cases;

const SEEDS: &str = "tests/laws/proptest-regressions/stamps.txt";

/// Any JSON, with the numbers that are hard to write twice the same.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(Value::from),
        prop::sample::select(vec![
            json!(0.1),
            json!(-0.0),
            json!(1.0),
            json!(1e300),
            json!(5e-324),
            json!(123_456_789.123_456_79)
        ]),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn criteria() -> impl Strategy<Value = Value> {
    let known = prop::sample::select(vec![
        ("methods", json!(["post", "GET", "get"])),
        ("paths", json!(["/mail/*", "/b", "/mail/*"])),
        ("headers", json!({"User-Agent": "x*", "Accept": "[a-z]"})),
        ("query", json!({"é": "?"})),
        ("clients", json!(["10.1.2.3/8", "2001:DB8::1/32", "192.0.2.7"])),
        ("nodes", json!(["b", "a"])),
        // Of a newer version, which takes more than this one does.
        ("methods", json!({"not": ["GET"]})),
        ("paths", json!([])),
    ]);
    let kinds = (prop::collection::vec(known, 0..4), prop::collection::btree_map("[a-z]{1,5}", any_json(), 0..3));
    kinds.prop_filter_map("criteria without any member", |(known, newer)| {
        let members: Map<String, Value> =
            known.into_iter().map(|(kind, value)| (kind.to_owned(), value)).chain(newer).collect();
        (!members.is_empty()).then_some(Value::Object(members))
    })
}

/// A record as some version may write it: members that this one knows or does not know, with values
/// that it knows or does not know.
fn record() -> impl Strategy<Value = Value> {
    let one = |name: &'static str, values: Vec<Value>| {
        prop::option::of(prop::sample::select(values).prop_map(move |value| (name, value)))
    };
    let members = (
        one("message", vec![json!("Sorry — back \u{1f600} soon\n"), json!(""), Value::Null]),
        one("goes_down_at", vec![json!("2026-11-23T19:00:00.123999+01:00"), json!("2026-11-24T00:00:00Z")]),
        one("restore", vec![json!("automatic"), json!("manual"), json!("by-steps")]),
        one("priority", vec![json!("critical"), json!("urgent")]),
        one("reason", vec![json!("weather"), json!("testing")]),
        one("reason_code", vec![json!(4711), json!(u32::MAX)]),
        one("reason_title", vec![json!("its licence has expired")]),
        one("reporter", vec![json!("a/probe"), json!("")]),
        one("component", vec![json!("disk 7")]),
    );
    let sources = prop::sample::select(vec!["operator", "monitor", "robot"]);
    let extra = prop::collection::btree_map("[a-z_]{1,4}|restamps|\\PC{1,6}", any_json(), 0..4);
    (members, sources, extra, prop::option::of(criteria())).prop_map(|(members, source, extra, criteria)| {
        let (a, b, c, d, e, f, g, h, i) = members;
        let mut record = json!({
            "id": "0191e3a0-0000-7000-8000-000000000001", "timestamp": "2026-11-23T18:00:00.5Z", "node": "a", "source": source,
            "targets": ["system", "application:mail"], "status": "unavailable",
        });
        for (name, value) in [a, b, c, d, e, f, g, h, i].into_iter().flatten() {
            record[name] = value;
        }
        for (name, value) in extra {
            // A member that this version knows keeps the form that it knows.
            record.as_object_mut().unwrap().entry(name).or_insert(value);
        }
        if let Some(criteria) = criteria {
            record["criteria"] = criteria;
        }
        record
    })
}

/// The same JSON with members in another order and space in between.
fn scrambled(value: &Value, rolls: &mut impl FnMut() -> usize) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| scrambled(item, rolls)).collect();
            format!("[{} ]", items.join(" ,"))
        }
        Value::Object(members) => {
            let mut written = Vec::new();
            for (name, value) in members {
                let member = format!("{}: {}", Value::from(name.as_str()), scrambled(value, rolls));
                written.insert(rolls() % (written.len() + 1), member);
            }
            format!("{{\n{}}}", written.join(","))
        }
        leaf => leaf.to_string(),
    }
}

/// The hash as another implementation would make it of what it was sent: from the JSON alone.
fn hash_of(written: &str) -> [u8; 16] {
    fn sorted(value: &Value) -> String {
        match value {
            Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| name.as_str());
                let members = members
                    .into_iter()
                    .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), sorted(value)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            leaf => leaf.to_string(),
        }
    }
    let mut record: Value = serde_json::from_str(written).unwrap();
    record.as_object_mut().unwrap().remove("node");
    Sha256::digest(sorted(&record))[..16].try_into().unwrap()
}

#[test]
fn the_hash_is_the_same_however_a_record_comes_and_wherever_it_has_been() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store"), Options::default()).unwrap();
    let rolls = prop::collection::vec(any::<usize>(), 1..40);
    TestRunner::new(cases(3_000, SEEDS))
        .run(&(record(), rolls, 0usize..200), |(written, rolls, sample)| {
            let made = Entry::stamped(serde_json::from_value(written.clone()).unwrap(), 3, NodeId::NONE);
            let mut next = rolls.iter().cycle().copied();
            // As it came, in any order; as it is passed on; as that is read and passed on again.
            let came = scrambled(&written, &mut || next.next().unwrap());
            let read: Notification = serde_json::from_str(&came).unwrap();
            prop_assert_eq!(&read, &made.notification);
            let mut entry = made.clone();
            for _ in 0..3 {
                let sent = serde_json::to_string(&entry).unwrap();
                let value: Value = serde_json::from_str(&sent).unwrap();
                prop_assert_eq!(hash_of(&value["notification"].to_string()), made.stamp.hash);
                // Straight from the text, and by way of a value, as some readers do.
                let received: Arc<Entry> =
                    serde_json::from_str(&scrambled(&value, &mut || next.next().unwrap())).unwrap();
                prop_assert!(received.is_as_stamped());
                prop_assert_eq!(&serde_json::from_value::<Arc<Entry>>(value).unwrap(), &received);
                prop_assert_eq!(&received, &made);
                entry = received;
            }
            // A store takes a millisecond.
            if sample == 0 {
                let mut writes = Vec::new();
                records::encode(&Change::Record(Arc::clone(&made)), &mut writes);
                store.write_sync(writes).unwrap();
                let stored = records::recorded(&store, &made.stamp).unwrap().unwrap();
                prop_assert!(stored.is_as_stamped() && stored == made);
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn whatever_is_changed_is_noticed_but_who_accepted_it() {
    TestRunner::new(cases(1_000, SEEDS))
        .run(&(record(), record(), any::<prop::sample::Index>()), |(written, other, which)| {
            let mut entry =
                (*Entry::stamped(serde_json::from_value(written.clone()).unwrap(), 0, NodeId::NONE)).clone();
            let mut changed = written.clone();
            let name = other.as_object().unwrap().keys().nth(which.index(other.as_object().unwrap().len())).unwrap();
            changed[name] = other[name].clone();
            let changed: Notification = serde_json::from_value(changed).unwrap();
            // As text: -0.0 and 0.0 are equal, and not the same.
            let written_as = |n: &Notification| serde_json::to_string(n).unwrap();
            let is_same = written_as(&changed) == written_as(&entry.notification);
            entry.notification = changed;
            prop_assert_eq!(entry.is_as_stamped(), is_same, "{}", name);
            // Handed in at two nodes it is one notification, under the name that sorts first.
            entry.notification = serde_json::from_value(written).unwrap();
            entry.notification.node = "b".parse().unwrap();
            prop_assert!(entry.is_as_stamped());
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}
