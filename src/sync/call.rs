//! What one node asks of another, and what comes of it. The shell carries a [`Call`] to its address and
//! brings back what became of it; a node never waits for anything else.

use std::sync::Arc;

use super::{
    Conflict,
    message::{Announce, Deliver, Delivered, Merge, Merged},
};
use crate::availability::NodeId;

/// Tells the calls of one run apart.
pub type CallId = u64;

/// A request to another node. Every call is answered exactly once ([`Node::answered`](super::Node::answered)),
/// be it with a failure: the shell bounds its time.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its number.
    pub id: CallId,
    /// Who has to answer; `None` for an announcement, which finds out who is at the address.
    pub peer: Option<NodeId>,
    /// Where to, such as `http://127.0.0.1:7070`.
    pub address: String,
    /// What it is for.
    pub purpose: Purpose,
    /// What is asked.
    pub ask: Ask,
}

/// What a call is for: names crash points and log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Rows and receipts of the outbox.
    Deliver,
    /// "I am here".
    Announce,
    /// The first message of a merge: compares fingerprints.
    Probe,
    /// A later message of a merge: exchanges entries.
    Part,
    /// Tells a reference what another one gave.
    FollowUp,
    /// Tells others what a merge has brought.
    Tell,
}

/// What nodes ask of each other.
#[derive(Debug, Clone)]
pub enum Ask {
    /// To know each other. One announcement is sent to many.
    Announce(Arc<Announce>),
    /// To take over notifications and receipts.
    Deliver(Deliver),
    /// To compare and complete ledgers.
    Merge(Box<Merge>),
}

/// An answer to the [`Ask`] of the same name.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The other's own announcement.
    Announced(Box<Announce>),
    /// It has taken over what was delivered.
    Delivered(Delivered),
    /// What this node lacks; `None` is 204: nothing.
    Merged(Option<Merged>),
}

/// Why a call to a peer came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It cannot be reached, does not answer in time, or has no room now: try again later.
    #[error("{0}")]
    Away(String),
    /// 409: it does not take this node for what it claims to be (copied store, forgotten, name taken).
    #[error("{}", .0.why)]
    TurnedAway(Conflict),
}

/// Who asks: a node, and which run of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// Its identity.
    pub id: NodeId,
    /// How many times its store has been opened.
    pub boot: u64,
    /// Tells two runs with the same number apart.
    pub nonce: u64,
}
