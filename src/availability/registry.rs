//! The registry: a replicated map for information that is no notification, such as schedules and templates
//! (docs/contract.md#registry).
//!
//! A [`Record`] is the value of one key `(kind, id)`, or its removal. Of two records of one key the one with the
//! greater stamp stays. A new kind is a word in [`Kind`]: kinds that this version does not know are kept, merged
//! and passed on unread.
//!
//! Must stay true: merging is commutative, associative and idempotent (`tests/laws/registry.rs`), as long as no
//! record is so old that its removal may have been forgotten: a removal is forgotten when it lies 400 days behind
//! L. Reads no clock: time enters only through stamps and L.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Moment, Name, NodeId, Stamp, Unread, unread::open_words};

/// Longest value, in bytes of its JSON.
pub const MAX_REGISTRY_VALUE: usize = 8 * 1024;
/// Most keys with a value.
pub const MAX_LIVE_KEYS: usize = 2_000;
/// Most keys, removed ones that are still remembered included.
pub const MAX_KEYS: usize = 10_000;
/// A removal is remembered for so long: 400 days, measured by L.
const REMEMBERED: Duration = Duration::from_secs(400 * 24 * 3600);
/// Longest name of an operator in a record, in bytes.
const MAX_OPERATOR: usize = 1_024;

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Plans that recur ([`super::Schedule`]).
    Schedule,
    /// A notification to start from, for the form.
    Template,
    /// A kind of a newer version.
    Unread(Unread),
}

open_words!(Kind: "schedule" => Schedule, "template" => Template);

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The key of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it is about.
    pub kind: Kind,
    /// Which one.
    pub id: Uuid,
}

/// The value of one key, or its removal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What it is about.
    pub kind: Kind,
    /// Which one.
    pub id: Uuid,
    /// Its version; orders the records of one key.
    pub stamp: Stamp,
    /// The name of the node that accepted it.
    pub node: Name,
    /// Who made it, from the credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// An object of at most 8 KiB; absent: the key was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Members of a newer version, kept unread.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, Value>,
}

impl Record {
    /// Stamps a record with this time, counter and node, and the hash of its content.
    pub fn stamped(
        key: Key,
        value: Option<Value>,
        operator: Option<String>,
        node: Name,
        (time, counter, by): (Moment, u32, NodeId),
    ) -> Arc<Self> {
        let stamp = Stamp { time, counter, node: by, hash: [0; 16] };
        let Key { kind, id } = key;
        let mut record = Self { kind, id, stamp, node, operator, value, extra: serde_json::Map::new() };
        record.stamp.hash = record.content_hash();
        Arc::new(record)
    }

    /// Its key.
    pub fn key(&self) -> Key {
        Key { kind: self.kind, id: self.id }
    }

    /// The first 16 bytes of the SHA-256 of everything but the stamp: of the JSON, members in the order of their
    /// names, without spaces.
    fn content_hash(&self) -> [u8; 16] {
        let json = serde_json::to_value(self).map(|mut value| {
            if let Some(members) = value.as_object_mut() {
                members.remove("stamp");
            }
            value.to_string()
        });
        // Serializing a struct of plain values into memory does not fail.
        first_half(Sha256::digest(json.unwrap_or_default()).as_slice())
    }

    /// 16 bytes that differ where the stamp does, and from those of every notification.
    pub fn digest(&self) -> u128 {
        let mut hasher = Sha256::new();
        hasher.update(b"registry");
        hasher.update(self.stamp.to_bytes());
        u128::from_be_bytes(first_half(&hasher.finalize()))
    }

    /// Whether a peer's record keeps what every record must.
    ///
    /// # Errors
    /// Says what is broken.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.value.as_ref().is_some_and(|value| !value.is_object()) {
            return Err("its value is no object");
        }
        if self.value.as_ref().is_some_and(|value| value.to_string().len() > MAX_REGISTRY_VALUE) {
            return Err("its value is larger than 8192 bytes");
        }
        if self.operator.as_ref().is_some_and(|operator| operator.len() > MAX_OPERATOR) {
            return Err("the name of its operator is longer than 1024 bytes");
        }
        // What follows from a version is stamped with the next counter.
        if self.stamp.counter == u32::MAX {
            return Err("the counter of its stamp has come to its end");
        }
        if self.content_hash() != self.stamp.hash {
            return Err("its content does not give the hash in its stamp: somebody has changed it");
        }
        Ok(())
    }
}

fn first_half(digest: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    limit: Moment,
    records: BTreeMap<Key, Arc<Record>>,
    /// Removals by their time: the first one is forgotten first.
    removals: BTreeSet<(Moment, Key)>,
    fingerprint: u128,
}

impl Registry {
    /// Offers a record: true if it is kept, and was not there before. The caller checks whether its time is too
    /// far ahead.
    pub fn offer(&mut self, record: &Arc<Record>) -> bool {
        self.advance(record.stamp.time);
        let key = record.key();
        if !self.is_news(record) {
            return false;
        }
        self.take(&key);
        if record.value.is_none() {
            self.removals.insert((record.stamp.time, key));
        }
        self.fingerprint = self.fingerprint.wrapping_add(record.digest());
        self.records.insert(key, Arc::clone(record));
        true
    }

    /// Whether [`Registry::offer`] would keep this record.
    pub fn is_news(&self, record: &Record) -> bool {
        let is_forgotten = record.value.is_none() && record.stamp.time <= self.forgotten();
        !is_forgotten && self.records.get(&record.key()).is_none_or(|held| held.stamp < record.stamp)
    }

    /// Raises L to at least this; returns the keys of the removals that are forgotten thereby.
    pub fn advance(&mut self, limit: Moment) -> Vec<Key> {
        self.limit = self.limit.max(limit);
        let mut forgotten = Vec::new();
        while let Some((_, key)) = self.removals.first().copied().filter(|(time, _)| *time <= self.forgotten()) {
            self.take(&key);
            forgotten.push(key);
        }
        forgotten
    }

    /// Removals up to this time are forgotten.
    fn forgotten(&self) -> Moment {
        self.limit.before(REMEMBERED)
    }

    fn take(&mut self, key: &Key) {
        if let Some(held) = self.records.remove(key) {
            self.removals.remove(&(held.stamp.time, *key));
            self.fingerprint = self.fingerprint.wrapping_sub(held.digest());
        }
    }

    /// The record of a key; a removal is one as well.
    pub fn get(&self, key: &Key) -> Option<&Arc<Record>> {
        self.records.get(key)
    }

    /// All records, removals included, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values()
    }

    /// The records of one kind that have a value.
    pub fn live(&self, kind: Kind) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values().filter(move |record| record.kind == kind && record.value.is_some())
    }

    /// Number of records, removals included.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it has no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Equal for equal sets, different (but for a chance of 2⁻¹²⁸) for different ones; 0 for an empty one.
    pub fn fingerprint(&self) -> u128 {
        self.fingerprint
    }

    /// Whether a value may be put under this key: there is room for it, or it takes the place of another one.
    ///
    /// # Errors
    /// Says what is full.
    pub fn check_room(&self, key: &Key) -> Result<(), String> {
        let held = self.records.get(key);
        if held.is_some_and(|held| held.value.is_some()) {
            return Ok(());
        }
        if self.records.len() - self.removals.len() >= MAX_LIVE_KEYS {
            return Err(format!("the registry has {MAX_LIVE_KEYS} entries already, the most that are kept"));
        }
        if held.is_none() && self.records.len() >= MAX_KEYS {
            return Err(format!(
                "the registry remembers {MAX_KEYS} entries, removed ones included, the most that are kept: a removal is forgotten after 400 days"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn record(id: u128, millis: i64, value: Option<Value>) -> Arc<Record> {
        let key = Key { kind: Kind::Template, id: Uuid::from_u128(id) };
        let by = (Moment::from_millis(millis), 0, NodeId(Uuid::from_u128(7)));
        Record::stamped(key, value, Some("alice".to_owned()), "a".parse().unwrap(), by)
    }

    const DAY: i64 = 24 * 3_600_000;

    #[test]
    fn the_later_record_of_a_key_stays_and_a_removal_is_one() {
        let (first, second, gone) =
            (record(1, 1, Some(json!({"a": 1}))), record(1, 2, Some(json!({"a": 2}))), record(1, 3, None));
        let mut registry = Registry::default();
        assert!(registry.offer(&second) && !registry.offer(&first) && !registry.offer(&second));
        assert_eq!(registry.live(Kind::Template).count(), 1);
        assert_eq!(registry.live(Kind::Schedule).count(), 0);
        assert!(registry.offer(&gone) && !registry.offer(&second));
        assert_eq!((registry.live(Kind::Template).count(), registry.len()), (0, 1));
        let mut other = Registry::default();
        [&gone, &first].into_iter().for_each(|record| _ = other.offer(record));
        assert_eq!(registry.fingerprint(), other.fingerprint());
    }

    #[test]
    fn a_removal_is_forgotten_400_days_behind_the_greatest_stamp() {
        let mut registry = Registry::default();
        assert!(registry.offer(&record(1, DAY, None)) && registry.offer(&record(2, DAY, Some(json!({})))));
        assert!(registry.advance(Moment::from_millis(401 * DAY - 1)).is_empty());
        let forgotten = registry.advance(Moment::from_millis(401 * DAY));
        assert_eq!(forgotten, [Key { kind: Kind::Template, id: Uuid::from_u128(1) }]);
        assert_eq!(registry.len(), 1, "what has a value stays");
        assert!(!registry.offer(&record(1, DAY, None)), "a peer that still remembers it changes nothing");
        let only = registry.iter().next().unwrap().digest();
        assert_eq!(registry.fingerprint(), only);
    }

    #[test]
    fn the_bounds_are_those_of_keys_and_of_values() {
        let mut registry = Registry::default();
        for id in 0..MAX_LIVE_KEYS as u128 {
            registry.check_room(&record(id, 1, None).key()).unwrap();
            registry.offer(&record(id, 1, Some(json!({}))));
        }
        assert!(registry.check_room(&record(5, 1, None).key()).is_ok(), "it has its place");
        assert!(registry.check_room(&record(9_999, 1, None).key()).unwrap_err().contains("2000"));
        registry.offer(&record(5, 2, None));
        assert!(registry.check_room(&record(9_999, 1, None).key()).is_ok());
        let large = |bytes| record(1, 1, Some(json!({"text": "x".repeat(bytes - r#"{"text":""}"#.len())}))).check();
        assert_eq!(large(MAX_REGISTRY_VALUE), Ok(()));
        assert!(large(MAX_REGISTRY_VALUE + 1).unwrap_err().contains("8192"));
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_changed_one_is_noticed() {
        let mut written = serde_json::to_value(&*record(1, 1, Some(json!({"a": [1.5, "x"]})))).unwrap();
        let read = |value: &Value| serde_json::from_value::<Record>(value.clone()).unwrap();
        assert_eq!(read(&written).check(), Ok(()));
        written["value"]["a"] = json!(2);
        assert!(read(&written).check().unwrap_err().contains("hash"));
        // A kind and a member of a newer version.
        let mut newer = read(&written);
        (newer.kind, newer.extra) = ("banner".parse().unwrap(), json!({"colour": "red"}).as_object().unwrap().clone());
        newer.stamp.hash = newer.content_hash();
        let again = read(&serde_json::to_value(&newer).unwrap());
        assert_eq!((again.check(), &again), (Ok(()), &newer));
    }
}
