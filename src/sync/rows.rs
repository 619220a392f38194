//! The rows that the protocol stores, as changes that the store makes in one atomic step
//! (`docs/contract.md#stable-storage`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::message::{DeliveryState, Member};
use crate::availability::{Entry, Key, Moment, NodeId, Priority, Record, Stamp};

/// A place in a queue: critical entries first, then by stamp; quarantined entries last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueKey {
    /// 0 critical, 1 normal, 2 quarantine.
    pub class: u8,
    /// The entry.
    pub stamp: Stamp,
}

impl QueueKey {
    /// Length of the binary form.
    pub const LEN: usize = 1 + Stamp::LEN;
    /// The class of what is too far ahead of the clock.
    pub const QUARANTINE: u8 = 2;

    /// The place of an entry of this priority; one that this version does not know is normal.
    pub fn new(priority: Priority, stamp: Stamp) -> Self {
        Self { class: u8::from(priority != Priority::Critical), stamp }
    }

    /// Whether it is a place in quarantine.
    pub fn is_quarantine(&self) -> bool {
        self.class == Self::QUARANTINE
    }

    /// Byte order is queue order.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [self.class; Self::LEN];
        bytes[1..].copy_from_slice(&self.stamp.to_bytes());
        bytes
    }

    /// Reads what [`QueueKey::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (class, stamp) = bytes.split_first()?;
        Some(Self { class: *class, stamp: Stamp::from_bytes(stamp).ok()? })
    }
}

/// A notification in the inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingRow {
    /// What is to be applied.
    pub entry: Arc<Entry>,
    /// The initial node, which gets the receipt; this node's id for submissions.
    pub initial: NodeId,
    /// The nodes to pass it on to; `None` for submissions: to all members.
    #[serde(default)]
    pub share: Option<Vec<NodeId>>,
}

/// A notification that waits for one peer. Small: the body is in the ledger or the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxRow {
    /// The initial node: this one, or another that this node relays for.
    pub initial: NodeId,
}

/// Why a node is fenced: its peers have refused its identity (`docs/contract.md#fenced`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Of which kind.
    pub kind: ConflictKind,
    /// In words, with what to do about it.
    pub why: String,
}

/// The kinds of [`Conflict`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// Its store was copied, or restored from a backup.
    Copied,
    /// It was removed for good.
    Forgotten,
    /// Its name belongs to another node.
    NameTaken,
}

impl ConflictKind {
    /// Whether it lasts until the store is renewed. A name that was taken may be free again, or the node may
    /// have been renamed: peers are asked again at every start.
    pub fn is_lasting(self) -> bool {
        self != Self::NameTaken
    }

    /// What to do about it, in one sentence. Names no node and no address, so that anybody may read it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Copied => {
                "The store of this node is a copy, or was restored from a backup: stop the node, run `forewarn store renew`, and start it again."
            }
            Self::Forgotten => {
                "This node has been removed from the farm: to let it join again, stop it, run `forewarn store renew`, and start it again."
            }
            Self::NameTaken => {
                "Another node of the farm has the name of this one: give this node another name in its configuration, and start it again."
            }
        }
    }
}

/// How soon a step is to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Haste {
    /// No caller waits for it: within a few milliseconds, so that it can share a flush with a step that has a
    /// waiting caller.
    Whenever,
    /// The next step follows at once: with that one.
    WithNext,
    /// Now.
    Now,
}

/// One change of one row.
#[derive(Debug, Clone)]
pub enum Change {
    /// Into the inbox, where it is not.
    Queue(QueueKey, PendingRow),
    /// Another row in the place of one that is in the inbox.
    Requeue(QueueKey, PendingRow),
    /// Out of the inbox.
    Unqueue(QueueKey),
    /// Into the ledger, where it is not.
    Admit(Arc<Entry>),
    /// Out of the ledger.
    Drop(Stamp),
    /// A row for a peer.
    Post(NodeId, QueueKey, OutboxRow),
    /// The peer has it, or will get a merge.
    Unpost(NodeId, QueueKey),
    /// Into the history, for people.
    Record(Arc<Entry>),
    /// A receipt, for people.
    Receipt {
        /// Of which entry.
        stamp: Stamp,
        /// From which node.
        node: NodeId,
        /// That node's name.
        name: String,
        /// Its state there.
        state: DeliveryState,
        /// Since when.
        at: Moment,
    },
    /// L.
    Limit(Moment),
    /// The highest boot number seen of a node, and its nonce.
    Boot(NodeId, u64, u64),
    /// A member's record.
    Member(Member),
    /// This peer gets a merge when it returns; false: it has had it.
    MergeOnReturn(NodeId, bool),
    /// This store is a copy or was restored, for this reason.
    Conflict(Conflict),
    /// Into the registry, in the place of an earlier record of the key.
    Register(Arc<Record>),
    /// A removal is forgotten.
    Unregister(Key),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn critical_ones_come_first_and_priorities_of_a_newer_version_are_normal() {
        let stamp = Stamp { time: Moment::ZERO, counter: 0, node: NodeId::NONE, hash: [0; 16] };
        let class = |priority: &str| QueueKey::new(priority.parse().unwrap(), stamp).class;
        assert_eq!([class("critical"), class("normal"), class("urgent")], [0, 1, 1]);
    }
}
