//! The messages between nodes (`docs/contract.md#life-of-a-notification`): JSON under `/peer/v1`. Unknown
//! members are ignored in envelopes and kept in entries.
//!
//! Every message carries its sender's L. The sender bounds its size ([`MAX_ITEMS`]), and the receiver checks
//! it.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::availability::{Entry, Moment, Name, NodeId, Record, Stamp, Target};

/// Most items in one delivery.
pub const MAX_ITEMS: usize = 256;
/// Most nodes whose receipts are passed on in one delivery.
pub const MAX_GATHERED: usize = 4_096;
/// Most entries in one message of a merge.
pub const MAX_ENTRIES: usize = 2_000;

/// The state of a notification on one node (`docs/contract.md#receipts`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// No receipt yet.
    Waiting,
    /// Durable in the node's inbox.
    Queued,
    /// Too far ahead of the node's clock; durable, admitted when its time has come.
    Quarantined,
    /// Durable in the node's ledger and visible at its gate.
    Applied,
    /// The node has the entries that make it dead.
    Superseded,
}

impl DeliveryState {
    /// Whether the receipt is final: only then does the initial node remove its row. A quarantined entry is
    /// reported again when its time has come, and that report must not get lost.
    pub fn is_final(self) -> bool {
        self >= Self::Applied
    }
}

/// One receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Of which entry.
    pub stamp: Stamp,
    /// Its state on the sending node.
    pub state: DeliveryState,
}

/// One notification on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The notification.
    pub entry: Arc<Entry>,
    /// The initial node, which gets the receipt.
    pub initial: NodeId,
    /// The nodes to which the receiver passes it on (the relay plan); may be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub share: Vec<NodeId>,
    /// The sender gathers the receipts of the receiver and of those below it, and passes them on to the initial node.
    /// Earlier versions do not know this: each node then sends its own receipt to the initial node.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gather: bool,
}

/// Receipts of several nodes, which a relay passes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gathered {
    /// Of which entry.
    pub stamp: Stamp,
    /// The initial node, for which they are.
    pub initial: NodeId,
    /// The entry's state on these nodes.
    pub state: DeliveryState,
    /// Whose receipts they are.
    pub nodes: Vec<NodeId>,
}

/// Notifications and receipts for one peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deliver {
    /// The sender's L.
    pub limit: Moment,
    /// Notifications to take over.
    #[serde(default)]
    pub items: Vec<Item>,
    /// Receipts for entries whose initial node is the receiver.
    #[serde(default)]
    pub receipts: Vec<Receipt>,
    /// Receipts of other nodes, for the receiver or for an initial node to which it passes them on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gathered: Vec<Gathered>,
    /// Records of the registry. They get no receipts: the answer says that they are durable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Arc<Record>>,
}

/// The answer to [`Deliver`], given after one durable transaction holds all items and their shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivered {
    /// The receiver's L.
    pub limit: Moment,
    /// One per item.
    #[serde(default)]
    pub receipts: Vec<Receipt>,
    /// Members of shares that the receiver does not know; they stay with the sender.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<NodeId>,
    /// Items that cannot be accepted, such as records that break the rules of a notification or differ from
    /// their stamp's hash, and why. They end the row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<(Stamp, String)>,
}

/// One member of the farm. Merged like the ledger: the record with the later change wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its identity.
    pub id: NodeId,
    /// Its name, for people.
    pub name: Name,
    /// Where its control listener answers, such as `http://127.0.0.1:7070`.
    pub address: String,
    /// When this record was made.
    pub changed: Moment,
    /// Since when this node has its name: of two nodes with one name the later one gives way.
    #[serde(default = "long_ago")]
    pub since: Moment,
    /// It was removed for good.
    #[serde(default)]
    pub forgotten: bool,
    /// The applications and resources in its configuration, each with a digest of its definition.
    #[serde(default)]
    pub definitions: BTreeMap<Target, String>,
    /// The version of its zone data, from which it computes the occurrences of schedules.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone_data: String,
}

/// The default for records without this field: no other node had the name before.
fn long_ago() -> Moment {
    Moment::ZERO
}

/// What a node knows of the members, as digests: equal ones mean that neither node can tell the other anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Of who is a member, and who was removed for good.
    pub nodes: String,
    /// Of their records as well.
    pub records: String,
}

/// An announcement: sent at the start to every configured peer and every member, and answered with the peer's
/// own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// The sender.
    pub member: Member,
    /// Every member that the sender knows, including forgotten ones: in answers to nodes that know other members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// What the sender knows of the members; absent in earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<Membership>,
    /// δ in milliseconds; must be the same in the whole farm.
    pub max_clock_skew: u64,
    /// `lapse` in milliseconds; likewise.
    pub lapse: u64,
    /// The phase of its boot.
    #[serde(default)]
    pub phase: String,
    /// The sender's ledger fingerprint, for the nodes page.
    #[serde(default)]
    pub fingerprint: String,
    /// The sender's L.
    pub limit: Moment,
    /// How many times the sender's store has been opened; 0 if it is absent.
    #[serde(default)]
    pub boot: u64,
    /// Tells two runs with the same number apart.
    #[serde(default)]
    pub boot_nonce: u64,
}

/// One step of a merge, from the starting node (`docs/contract.md#merge`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Merge {
    /// The starting node's L.
    pub limit: Moment,
    /// Of everything it holds.
    pub fingerprint: String,
    /// How many entries it holds.
    pub count: usize,
    /// Entries for the reference. With `whole`, all that the starting node has.
    #[serde(default)]
    pub entries: Vec<Arc<Entry>>,
    /// Records of the registry, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Arc<Record>>,
    /// `entries` and `records` are all that it holds: return what is not among them.
    #[serde(default)]
    pub whole: bool,
    /// A range fingerprint message, in hexadecimal (large ledgers).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranges: Option<String>,
    /// Return the entries with these digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub need: Vec<String>,
    /// The members it knows, unless the reference has told that it knows the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

/// The reference's answer; 204 if it has nothing to send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    /// The reference's L.
    pub limit: Moment,
    /// Of everything it holds, after this step.
    pub fingerprint: String,
    /// How many entries it holds.
    pub count: usize,
    /// The entries that the starting node lacks or requested.
    #[serde(default)]
    pub entries: Vec<Arc<Entry>>,
    /// Likewise of the registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Arc<Record>>,
    /// The next range message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranges: Option<String>,
    /// Members that the starting node may not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}
