//! Reports of the protocol for the log: what has happened, with its values. The shell writes them.
//!
//! Must stay true: a report is typed until it is written, so that neither the simulation nor a test has to read
//! text; its length is bounded, whatever peers send ([`super::bounds`]).

use uuid::Uuid;

use super::rows::Conflict;
use crate::availability::{Moment, Name, NodeId, Stamp};

/// How important a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something that is expected to happen.
    Info,
    /// Something that people should know of.
    Warning,
}

/// A value in a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// A number.
    Number(u64),
    /// Anything else.
    Text(String),
}

/// What has happened. Peers are given by name, or by address if they have not been met.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants and their fields are the names and keys of log lines")]
pub enum Report {
    /// A merge with a new node begins.
    Met { address: String, node: Name },
    /// The merge phase is over.
    Merged { references: usize },
    /// The entries that other nodes gave could not be sent to this one; the next merge brings them.
    NoFollowUp { peer: NodeId, why: String },
    /// A node that answered an announcement was not accepted.
    RefusedAnswer { address: String, why: Conflict },
    /// This node could not be asked in the merge phase. `node` is its address, or its id.
    NoReference { node: String, why: String },
    /// No node could be asked in the merge phase.
    NoReferenceAnswered { peers: usize },
    /// A peer has broken a rule of the merge.
    MergeBrokenOff { address: String, why: String },
    /// A peer's message is put off: too much waits to be applied.
    InboxFull { peer: String, pending: usize, quarantine: usize },
    /// An entry was not accepted.
    RefusedRecord { peer: String, stamp: Stamp, problem: &'static str },
    /// A record of the registry is too far ahead of this node's clock: it stays with those who have it.
    EarlyRecord { id: Uuid, timestamp: Moment, clock: Moment },
    /// A schedule that this version cannot read: it makes no plans here.
    UnreadSchedule { id: Uuid, problem: String },
    /// A peer has not accepted an entry.
    RefusedByPeer { peer: String, stamp: Stamp, problem: String },
    /// A message that breaks a rule of the protocol was not accepted.
    MessageRefused { peer: String, problem: String },
    /// An entry is too far ahead of this node's clock.
    Quarantined { id: Uuid, timestamp: Moment, clock: Moment, initial: String },
    /// Entries of a merge that would go into quarantine were left out.
    QuarantineFull { peer: String, left_out: usize, limit: usize },
    /// More nodes have sent messages than this node remembers.
    TooManyNodes { limit: usize, not_remembered: NodeId },
    /// A peer's identity was refused with 409.
    TurnedAwayPeer { why: Conflict },
    /// A peer has other rules than this node, in milliseconds.
    RulesDiffer { peer: Name, its_max_clock_skew: u64, own_max_clock_skew: u64, its_lapse: u64, own_lapse: u64 },
    /// The farm has more members than this node remembers.
    TooManyMembers { limit: usize, refused: Name },
    /// A member's record was not accepted.
    RefusedMember { name: Name, id: NodeId, problem: &'static str },
    /// Too many rows wait for a peer. They were dropped, and the peer gets a merge.
    OutboxCollapsed { node: String, rows: usize },
}

impl Report {
    /// How important it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Met { .. } | Self::Merged { .. } | Self::NoFollowUp { .. } => Severity::Info,
            _ => Severity::Warning,
        }
    }

    /// The name of the event, and its values with their keys.
    pub fn parts(&self) -> (&'static str, Vec<(&'static str, Detail)>) {
        let text = |value: &dyn ToString| Detail::Text(value.to_string());
        let size = |value: usize| Detail::Number(value as u64);
        match self {
            Self::Met { address, node } => ("met", vec![("address", text(address)), ("node", text(node))]),
            Self::Merged { references } => ("merged", vec![("references", size(*references))]),
            Self::NoFollowUp { peer, why } => ("no_follow_up", vec![("peer", text(peer)), ("why", text(why))]),
            Self::RefusedAnswer { address, why } => {
                ("refused_answer", vec![("address", text(address)), ("why", text(&why.why))])
            }
            Self::NoReference { node, why } => ("no_reference", vec![("node", text(node)), ("why", text(why))]),
            Self::NoReferenceAnswered { peers } => (
                "no_reference_answered",
                vec![("peers", size(*peers)), ("note", text(&"the node goes on with what it knows, and tries again"))],
            ),
            Self::MergeBrokenOff { address, why } => {
                ("merge_broken_off", vec![("address", text(address)), ("why", text(why))])
            }
            Self::InboxFull { peer, pending, quarantine } => (
                "inbox_full",
                vec![("peer", text(peer)), ("pending", size(*pending)), ("quarantine", size(*quarantine))],
            ),
            Self::RefusedRecord { peer, stamp, problem } => (
                "refused_record",
                vec![("peer", text(peer)), ("stamp", Detail::Text(format!("{stamp:?}"))), ("problem", text(problem))],
            ),
            Self::EarlyRecord { id, timestamp, clock } => {
                ("early_record", vec![("id", text(id)), ("timestamp", text(timestamp)), ("clock", text(clock))])
            }
            Self::UnreadSchedule { id, problem } => {
                ("unread_schedule", vec![("id", text(id)), ("problem", text(&super::bounds::text(problem)))])
            }
            Self::RefusedByPeer { peer, stamp, problem } => (
                "refused_by_peer",
                vec![("peer", text(peer)), ("stamp", Detail::Text(format!("{stamp:?}"))), ("problem", text(problem))],
            ),
            Self::MessageRefused { peer, problem } => {
                ("message_refused", vec![("peer", text(peer)), ("problem", text(problem))])
            }
            Self::Quarantined { id, timestamp, clock, initial } => (
                "quarantined",
                vec![
                    ("id", text(id)),
                    ("timestamp", text(timestamp)),
                    ("clock", text(clock)),
                    ("initial", text(initial)),
                ],
            ),
            Self::QuarantineFull { peer, left_out, limit } => {
                ("quarantine_full", vec![("peer", text(peer)), ("left_out", size(*left_out)), ("limit", size(*limit))])
            }
            Self::TooManyNodes { limit, not_remembered } => {
                ("too_many_nodes", vec![("limit", size(*limit)), ("not_remembered", text(not_remembered))])
            }
            Self::TurnedAwayPeer { why } => ("turned_away_peer", vec![("why", text(&why.why))]),
            Self::RulesDiffer { peer, its_max_clock_skew, own_max_clock_skew, its_lapse, own_lapse } => (
                "rules_differ",
                vec![
                    ("peer", text(peer)),
                    ("its_max_clock_skew_ms", Detail::Number(*its_max_clock_skew)),
                    ("own_max_clock_skew_ms", Detail::Number(*own_max_clock_skew)),
                    ("its_lapse_ms", Detail::Number(*its_lapse)),
                    ("own_lapse_ms", Detail::Number(*own_lapse)),
                    ("note", text(&"they must be the same in the whole farm")),
                ],
            ),
            Self::TooManyMembers { limit, refused } => {
                ("too_many_members", vec![("limit", size(*limit)), ("refused", text(refused))])
            }
            Self::RefusedMember { name, id, problem } => {
                ("refused_member", vec![("name", text(name)), ("id", text(id)), ("problem", text(problem))])
            }
            Self::OutboxCollapsed { node, rows } => (
                "outbox_collapsed",
                vec![("node", text(node)), ("rows", size(*rows)), ("note", text(&"it gets a merge when it returns"))],
            ),
        }
    }
}
