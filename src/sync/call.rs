//! Calls: requests from one node to another, and their results. The shell carries a [`Call`] to its address and
//! returns the result; a node waits for nothing else.

use std::sync::Arc;

use super::{
    Conflict,
    message::{Announce, Deliver, Delivered, Merge, Merged},
};
use crate::availability::NodeId;

/// Tells the calls of one run apart.
pub type CallId = u64;

/// A request to another node. Every call is answered exactly once ([`Node::answered`](super::Node::answered)),
/// if only with a failure: the shell limits its time.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its number.
    pub id: CallId,
    /// The node that must answer; `None` for an announcement, which finds out the node at the address.
    pub peer: Option<NodeId>,
    /// The address, such as `http://127.0.0.1:7070`.
    pub address: String,
    /// Its purpose.
    pub purpose: Purpose,
    /// The request.
    pub ask: Ask,
}

/// The purpose of a call; names crash points and log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Rows and receipts of the outbox.
    Deliver,
    /// An announcement.
    Announce,
    /// The first message of a merge: compares fingerprints.
    Probe,
    /// A later message of a merge: exchanges entries.
    Part,
    /// Sends a reference the entries that another one gave.
    FollowUp,
    /// Sends other nodes the entries that a merge has brought.
    Tell,
}

/// The requests between nodes.
#[derive(Debug, Clone)]
pub enum Ask {
    /// An announcement. The same one is sent to many nodes.
    Announce(Arc<Announce>),
    /// A delivery of notifications and receipts.
    Deliver(Deliver),
    /// A step of a merge.
    Merge(Box<Merge>),
}

/// An answer to the [`Ask`] of the same name.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The other's own announcement.
    Announced(Box<Announce>),
    /// It has accepted the delivery.
    Delivered(Delivered),
    /// The entries that this node lacks; `None` is 204: none.
    Merged(Option<Merged>),
}

/// Why a call to a peer failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It cannot be reached, does not answer in time, or has no room now: try again later.
    #[error("{0}")]
    Away(String),
    /// 409: the peer refuses this node's identity (copied store, forgotten, name taken).
    #[error("{}", .0.why)]
    TurnedAway(Conflict),
}

/// The sender: a node, and which run of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// Its identity.
    pub id: NodeId,
    /// How many times its store has been opened.
    pub boot: u64,
    /// Tells two runs with the same number apart.
    pub nonce: u64,
}
