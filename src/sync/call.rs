//! Calls: requests from one node to another, and their results. The shell carries a [`Call`] to its address and
//! returns the result; a node waits for nothing else.

use std::sync::Arc;

use super::{
    Conflict,
    label::named,
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

named! {
    /// The purpose of a call; names crash points and log lines.
    pub enum Purpose {
        /// Rows and receipts of the outbox.
        Deliver = "deliver",
        /// An announcement.
        Announce = "announce",
        /// The first message of a merge: compares fingerprints.
        Probe = "probe",
        /// A later message of a merge: exchanges entries.
        Part = "part",
        /// Sends a reference the entries that another one gave.
        FollowUp = "follow-up",
        /// Sends other nodes the entries that a merge has brought.
        Tell = "tell",
    }
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
    /// There is no usable answer: try again later.
    #[error(transparent)]
    Away(#[from] Away),
    /// 409: the peer refuses this node's identity (copied store, forgotten, name taken).
    #[error("{}", .0.why)]
    TurnedAway(Conflict),
}

/// Why a call has no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Away {
    /// There is no connection, or no whole and signed answer in time. The text is the transport's.
    #[error("{0}")]
    Unreachable(String),
    /// The peer cannot process the request now, or does not accept it.
    #[error("{address} answered with status {status}: {detail}")]
    Refused {
        /// The address that was called.
        address: String,
        /// The HTTP status.
        status: u16,
        /// The peer's reason.
        detail: String,
    },
    /// The answer is not of the expected form.
    #[error("{address} answered with something else: {problem}")]
    Unreadable {
        /// The address that was called.
        address: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The answer is empty where a message is expected.
    #[error("{0} answered with an empty body")]
    Empty(String),
    /// The node at this address answered with another node's announcement.
    #[error("{address} answered with an announcement that is not its own: {node}")]
    Impostor {
        /// The address that was called.
        address: String,
        /// The node that answered.
        node: NodeId,
    },
    /// More calls are in flight than the couriers accept.
    #[error("too many calls at once")]
    TooManyCalls,
    /// The call names no node that must answer, and is not an announcement.
    #[error("the call does not name the node that must answer")]
    NoReceiver,
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
