//! The record of one notification, as it is stored, passed on and shown (docs/contract.md#a-notification).
//!
//! Members that this version does not know are kept in `extra` and written again, so that versions can mix;
//! nothing here refuses them. [`super::Submission`] defines what a submitter may write.
//!
//! Must stay true: reading and writing a record gives the same JSON, and so the same hash, however often and on
//! whichever version. All nodes with an entry under a stamp have the same bytes; so versions that drop by the
//! same rule drop the same entries.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Criteria, Moment, Name, NodeId, Reason, Stamp, Target, Unread, unread::open_words};

/// What a notification says of its targets. There is no third: a word of a newer version that neither
/// opens nor closes could not be shown to anybody, and what it replaces would differ between versions.
/// Such an entry is left out by its receiver, and asked for again. `degraded` is an opening in every rule,
/// so it is recorded as one ([`Notification::degraded`]): versions that do not know it open as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// They can be used: an *opening*.
    Available,
    /// They cannot: a *closing*.
    Unavailable,
}

/// Whether a closing ends by itself when the expected return has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restore {
    /// It stays closed until it is opened, even when overdue.
    #[default]
    Manual,
    /// It counts as available again from `expected_back_at` on.
    Automatic,
    /// A value of a newer version; manual here: a closing without a known end stays closed until it is
    /// opened. It never dies by time, on no version (rule 4 is about `automatic`).
    Unread(Unread),
}

open_words!(Restore: "manual" => Manual, "automatic" => Automatic);

/// Critical notifications overtake normal ones in every queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Priority {
    /// Applied first.
    Critical,
    /// In the order of the stamps.
    #[default]
    Normal,
    /// A value of a newer version; normal here. Priorities order only a node's own queues.
    Unread(Unread),
}

open_words!(Priority: "critical" => Critical, "normal" => Normal);

/// The kind of notifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A person, or a script with an operator's token.
    Operator,
    /// A monitor of a node, or a script with a monitor's token.
    Monitor,
    /// An alert of Alertmanager.
    Alert,
    /// Another farm, asked by a monitor.
    Farm,
    /// A value of a newer version. The speaker does not depend on it: with a `reporter` it is that reporter,
    /// without one the operators (see [`super::Speaker::of`]).
    Unread(Unread),
}

open_words!(Source: "operator" => Operator, "monitor" => Monitor, "alert" => Alert, "farm" => Farm);

/// The member with the farms that a word was derived from.
pub(crate) const ORIGINS: &str = "origins";

/// The schedule that a plan, or the cancel of one, comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The schedule.
    pub id: Uuid,
    /// Which version of it: the stamp of its record.
    pub version: Stamp,
    /// Members of a newer version, kept unread.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// One statement "this is (un)available", with its time and its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// The same id is the same notification.
    pub id: Uuid,
    /// When it was made; the time of its stamp.
    pub timestamp: Moment,
    /// 1 to 100, sorted, each once.
    pub targets: Vec<Target>,
    /// Absent exactly where `cancels` is present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// An opening with an advisory: it works, but not as it should (docs/contract.md#advisories). Written
    /// only where it is so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
    /// The plan that this takes back; targets, criteria and times are copied from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels: Option<Uuid>,
    /// The plan that this one takes the place of, for people; a cancel of its own goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Uuid>,
    /// Code, name and title.
    #[serde(flatten)]
    pub reason: Reason,
    /// The failed part, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Plain text for users, at most 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it begins; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_down_at: Option<Moment>,
    /// So long before it begins newcomers are turned away (docs/contract.md#last-entry).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_entry_seconds: Option<u32>,
    /// When it should be back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_back_at: Option<Moment>,
    /// Whether it ends by itself then.
    #[serde(default)]
    pub restore: Restore,
    /// Limits it to some requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Criteria>,
    /// The schedule that it comes from; absent for what was submitted (docs/contract.md#schedules).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Box<Occurrence>>,
    /// Its place in queues.
    #[serde(default)]
    pub priority: Priority,
    /// Who said so, from the credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// What kind of notifier.
    pub source: Source,
    /// Which monitor, token, alert or farm; absent for operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<String>,
    /// The name of the node that accepted it first. Not part of the content: two nodes that were
    /// handed the same notification make one entry, and the name that sorts first stays.
    pub node: Name,
    /// Members of a newer version, kept unread.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Notification {
    /// The first 16 bytes of the SHA-256 of everything but `node`, as the stamp wants it: of the JSON
    /// as it is written, members in the order of their names, without spaces. Costs one serialization.
    ///
    /// Every version must come to the same, so later ones write the members that this one knows as this
    /// one does: those that are always there (`reason`, `reason_code`, `restore`, `priority`) always,
    /// absent ones not as `null`, lists and criteria in their canonical order.
    pub fn content_hash(&self) -> [u8; 16] {
        let mut hasher = Sha256::new();
        let json = serde_json::to_value(self).map(|mut value| {
            if let Some(members) = value.as_object_mut() {
                members.remove("node");
            }
            value.to_string()
        });
        // Serializing a struct of plain values into memory does not fail.
        hasher.update(json.unwrap_or_default());
        let digest = hasher.finalize();
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        hash
    }

    /// The id under which `forewarn store restamp` issues this notification again. Always the same,
    /// so that doing it twice makes one.
    pub fn id_restamped(&self) -> Uuid {
        Self::restamped(&self.id)
    }

    /// The same for an id alone.
    pub fn restamped(id: &Uuid) -> Uuid {
        Uuid::new_v5(id, b"restamps")
    }

    /// The id of the cancel that goes with a plan that replaces another one. It follows from the new
    /// plan's id, so that handing the change in twice makes one cancel.
    pub fn id_of_cancel(new: &Uuid) -> Uuid {
        Uuid::new_v5(new, b"replaces")
    }

    /// The notification that this one was issued again for, if it was.
    pub fn restamps(&self) -> Option<Uuid> {
        self.extra.get("restamps")?.as_str()?.parse().ok()
    }

    /// The farms that this word was derived from, the nearest first (docs/contract.md#another-farm); empty for what
    /// was noticed here. Kept as versions before it keep it: unread.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        let origins = self.extra.get(ORIGINS).and_then(serde_json::Value::as_array);
        origins.into_iter().flatten().filter_map(serde_json::Value::as_str)
    }

    /// Since when it holds: its beginning, or its stamp's time (docs/contract.md#terms, `since`).
    pub fn since(&self) -> Moment {
        self.goes_down_at.unwrap_or(self.timestamp)
    }

    /// Since when newcomers are turned away, for a plan with a last entry.
    pub fn last_entry(&self) -> Option<Moment> {
        let seconds = self.last_entry_seconds.filter(|seconds| *seconds > 0 && self.is_plan() && !self.degraded)?;
        Some(self.since().before(std::time::Duration::from_secs(seconds.into())))
    }

    /// A closing that begins after it was made.
    pub fn is_plan(&self) -> bool {
        self.status == Some(Status::Unavailable) && self.goes_down_at.is_some_and(|begins| begins > self.timestamp)
    }
}

/// A notification with the stamp that orders it: one entry of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its key.
    pub stamp: Stamp,
    /// Its content.
    pub notification: Notification,
}

impl Entry {
    /// Stamps a notification: with this time, counter and node, and the hash of its content.
    pub fn stamped(notification: Notification, counter: u32, node: NodeId) -> Arc<Self> {
        let stamp = Stamp { time: notification.timestamp, counter, node, hash: notification.content_hash() };
        Arc::new(Self { stamp, notification })
    }

    /// Whether the content is what was stamped. Costs [`Notification::content_hash`].
    pub fn is_as_stamped(&self) -> bool {
        self.notification.content_hash() == self.stamp.hash
    }

    /// 16 bytes that differ where the stamp or the accepting node does: what fingerprints add up.
    pub fn digest(&self) -> u128 {
        let mut hasher = Sha256::new();
        hasher.update(self.stamp.to_bytes());
        hasher.update(self.notification.node.as_str());
        let digest = hasher.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        u128::from_be_bytes(bytes)
    }

    /// Whether a peer's record keeps what every record must: a stamp of its own time, 1 to 100
    /// targets, a status or a plan that it takes back, with that plan's beginning. Does not look at the
    /// hash, see [`Entry::is_as_stamped`].
    ///
    /// # Errors
    /// Says what is broken.
    pub fn check(&self) -> Result<(), &'static str> {
        let n = &self.notification;
        if n.timestamp != self.stamp.time {
            return Err("its timestamp is not its stamp's");
        }
        if n.targets.is_empty() || n.targets.len() > 100 || !n.targets.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err("its targets are not 1 to 100 in order");
        }
        if n.status.is_some() == n.cancels.is_some() {
            return Err("it has not exactly one of status and cancels");
        }
        if n.degraded && n.status != Some(Status::Available) {
            return Err("it is degraded and not available");
        }
        // Without the times of its plan a cancel could die before the plan does, which could then
        // come back: the dropping rule relies on this.
        if n.cancels.is_some() && n.goes_down_at.is_none() {
            return Err("it takes back a plan, but lacks that plan's beginning");
        }
        if n.message.as_ref().is_some_and(|text| text.chars().count() > 2_000)
            || n.component.as_ref().is_some_and(|text| text.chars().count() > 200)
        {
            return Err("its message or component is too long");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn entry(change: Value) -> Arc<Entry> {
        let mut record = json!({
            "id": Uuid::nil(), "timestamp": "2026-11-23T18:00:00Z", "targets": ["system"], "status": "unavailable",
            "source": "operator", "node": "a",
        });
        for (member, value) in change.as_object().unwrap() {
            record[member] = value.clone();
        }
        Entry::stamped(serde_json::from_value(record).unwrap(), 0, NodeId::NONE)
    }

    #[test]
    fn a_record_that_breaks_the_rules_of_all_records_is_told_from_one_that_does_not() {
        assert_eq!(entry(json!({})).check(), Ok(()));
        assert_eq!(entry(json!({"colour": "red"})).check(), Ok(()), "a newer version's member");
        for wrong in [
            json!({"targets": []}),
            json!({"targets": ["system", "system"]}),
            json!({"targets": ["resource:db", "system"]}),
            json!({"status": null}),
            json!({"cancels": Uuid::nil()}),
            json!({"status": null, "cancels": Uuid::nil()}),
            json!({"degraded": true}),
            json!({"message": "x".repeat(2_001)}),
        ] {
            assert!(entry(wrong.clone()).check().is_err(), "{wrong}");
        }
        let mut moved = (*entry(json!({}))).clone();
        moved.stamp.time = Moment::ZERO;
        assert!(moved.check().is_err());
    }

    #[test]
    fn members_and_words_of_a_newer_version_are_kept_and_count_as_content() {
        let (plain, newer) = (entry(json!({})), entry(json!({"colour": "red"})));
        assert_ne!(plain.stamp.hash, newer.stamp.hash);
        let again: Notification = serde_json::from_str(&serde_json::to_string(&newer.notification).unwrap()).unwrap();
        assert_eq!((again.extra["colour"].clone(), again.content_hash()), (json!("red"), newer.stamp.hash));
        // The hash must be the same in every run and every version.
        assert_eq!(hex::encode(plain.stamp.hash), "656dba9bff435887ac0e7a3dba42586a");
        assert!(plain.is_as_stamped() && again.content_hash() == newer.stamp.hash);
        let forged = Entry { stamp: plain.stamp, notification: newer.notification.clone() };
        assert!(!forged.is_as_stamped());
        // The accepting node is not content: a retry at another node is the same notification.
        assert_eq!(entry(json!({"node": "b"})).stamp, plain.stamp);
        let words =
            json!({"restore": "by-steps", "priority": "urgent", "source": "robot", "criteria": {"moon": ["full"]}});
        let written = serde_json::to_value(&*entry(words.clone())).unwrap();
        for (member, value) in words.as_object().unwrap() {
            assert_eq!(written["notification"][member], *value);
        }
    }
}
