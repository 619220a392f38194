//! Size limits of peers' messages. They are checked before anything is accepted: a record that the store cannot
//! hold would block every later step, and one that a receiver's parser refuses would block everything behind it
//! in the outbox.
//!
//! Must stay true: what passes these limits fits into a record of the store, in every form in which it is
//! stored ([`MAX_RECORD`] with a share of [`MAX_SHARE`] members stays below 80 KiB), and into every message,
//! however deep the message nests it.

use std::{io, time::Duration};

use serde::Serialize;
use serde_json::Value;

use super::message::Member;
use crate::availability::{Entry, Moment, Record};

/// Most bytes of an entry, as JSON.
pub const MAX_RECORD: usize = 32 * 1024;
/// The largest submission, as JSON: its cancel, with a message of its own, must fit as well.
pub(super) const MAX_SUBMITTED: usize = 24 * 1024;
/// The largest share that is accepted with an entry; further members stay with the sender. Each is 39 bytes as
/// JSON.
pub(super) const MAX_SHARE: usize = 1_000;
/// Deepest nesting of a member that this version does not know. Parsers stop at 128, and messages
/// and records wrap it to different depths.
const MAX_DEPTH: usize = 32;
/// Longest address of a member, in bytes.
const MAX_ADDRESS: usize = 1_024;
/// Most definitions of a member.
const MAX_DEFINITIONS: usize = 10_000;
/// Longest digest of a definition, fingerprint or phase, in bytes.
const MAX_WORD: usize = 64;
/// The longest text for people in a peer's message, in bytes.
const MAX_TEXT: usize = 1_000;

/// Counts the bytes that would be written, up to a limit.
struct Counter {
    left: usize,
}

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether this has at most this many bytes as JSON. Costs one serialization, and no memory.
pub(super) fn fits<T: Serialize>(value: &T, most: usize) -> bool {
    serde_json::to_writer(Counter { left: most }, value).is_ok()
}

fn is_deeper(value: &Value, than: usize) -> bool {
    match value {
        Value::Array(items) => than == 0 || items.iter().any(|item| is_deeper(item, than - 1)),
        Value::Object(members) => than == 0 || members.values().any(|item| is_deeper(item, than - 1)),
        _ => false,
    }
}

fn has_deep_criteria(entry: &Entry) -> bool {
    let criteria = entry.notification.criteria.as_ref().filter(|criteria| criteria.has_unread());
    criteria.is_some_and(|criteria| serde_json::to_value(criteria).is_ok_and(|value| is_deeper(&value, MAX_DEPTH)))
}

/// Whether a peer's entry can be accepted. Costs some serializations and a hash.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn check_entry(entry: &Entry) -> Result<(), &'static str> {
    entry.check()?;
    let mut unread = entry.notification.extra.values();
    if unread.any(|value| is_deeper(value, MAX_DEPTH)) || has_deep_criteria(entry) {
        return Err("a member of it is nested deeper than 32 levels");
    }
    if !fits(entry, MAX_RECORD) {
        return Err("it takes more than 32768 bytes");
    }
    // Last, because it costs most. Two nodes with different contents under one stamp would not notice,
    // because fingerprints are made of stamps.
    if !entry.is_as_stamped() {
        return Err("its content does not give the hash in its stamp: somebody has changed it");
    }
    Ok(())
}

/// Whether a peer's record of the registry can be accepted.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn check_record(record: &Record) -> Result<(), &'static str> {
    if record.extra.values().chain(&record.value).any(|value| is_deeper(value, MAX_DEPTH)) {
        return Err("a member of it is nested deeper than 32 levels");
    }
    if !fits(record, MAX_RECORD) {
        return Err("it takes more than 32768 bytes");
    }
    record.check()
}

/// Whether a member's record can be accepted.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn check_member(member: &Member) -> Result<(), &'static str> {
    if member.address.len() > MAX_ADDRESS {
        return Err("its address is longer than 1024 bytes");
    }
    if member.definitions.len() > MAX_DEFINITIONS {
        return Err("it has more than 10000 definitions");
    }
    if member.zone_data.len() > MAX_WORD {
        return Err("the version of its zone data is longer than 64 bytes");
    }
    if member.definitions.values().any(|digest| digest.len() > MAX_WORD) {
        return Err("a digest is longer than 64 bytes");
    }
    Ok(())
}

/// The record as it is stored: if it is too large for the store, it is stored without its definitions, which
/// its node announces again.
pub(super) fn storable(member: &Member) -> Member {
    let mut member = member.clone();
    if !fits(&member, 2 * MAX_RECORD) {
        member.definitions.clear();
    }
    member
}

/// A phase or a fingerprint, for the nodes page; `None` if it is too long.
pub(super) fn word(text: &str) -> &str {
    if text.len() > MAX_WORD { "" } else { text }
}

/// The beginning of a text for people.
pub(super) fn text(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

/// The next instant; none at the end of time.
pub(super) fn following(changed: Moment) -> Option<Moment> {
    Some(changed.after(Duration::from_millis(1))).filter(|after| *after > changed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::availability::NodeId;
    use serde_json::json;
    use std::sync::Arc;

    fn entry(extra: Value) -> Arc<Entry> {
        let record = json!({
            "id": uuid::Uuid::nil(), "timestamp": "2026-11-23T18:00:00Z", "targets": ["system"], "status": "unavailable",
            "source": "operator", "node": "a", "colour": extra,
        });
        Entry::stamped(serde_json::from_value(record).unwrap(), 0, NodeId::NONE)
    }

    #[test]
    fn what_a_store_could_not_hold_or_a_parser_would_refuse_is_not_taken() {
        let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(check_entry(&entry(nested(MAX_DEPTH))), Ok(()));
        assert!(check_entry(&entry(nested(MAX_DEPTH + 1))).is_err());
        assert_eq!(check_entry(&entry(json!("x".repeat(MAX_RECORD - 1_000)))), Ok(()));
        assert!(check_entry(&entry(json!("x".repeat(MAX_RECORD)))).is_err());
        let share = MAX_SHARE * (NodeId::NONE.to_string().len() + 3);
        assert!(MAX_RECORD + share + 1_000 < 80 * 1024, "a row of the inbox fits into a record of the store");
    }

    #[test]
    fn what_is_not_as_it_was_stamped_or_hides_its_depth_in_criteria_is_not_taken() {
        let mut changed = (*entry(json!("red"))).clone();
        changed.notification.node = "b".parse().unwrap();
        assert_eq!(check_entry(&changed), Ok(()), "handed in at two nodes");
        changed.notification.message = Some("another".to_owned());
        assert!(check_entry(&changed).unwrap_err().contains("hash"));
        let with_moon = |depth| {
            let mut n = entry(json!("red")).notification.clone();
            let moon = (0..depth).fold(json!(1), |inner, _| json!({"x": inner}));
            n.criteria = Some(serde_json::from_value(json!({"moon": moon})).unwrap());
            Entry::stamped(n, 0, NodeId::NONE)
        };
        assert_eq!(check_entry(&with_moon(MAX_DEPTH - 1)), Ok(()));
        assert!(check_entry(&with_moon(MAX_DEPTH)).is_err());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(text(&"ä".repeat(1_000)).len(), 1_000);
        assert_eq!((text("short"), word(&"x".repeat(65)), word("ready")), ("short", "", "ready"));
        assert_eq!(following(Moment::MAX), None);
    }
}
