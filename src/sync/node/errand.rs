//! Why a call was made, and why a merge ended early.

use crate::{
    availability::NodeId,
    sync::{
        Answer, Failure, Purpose, Stranger, Ticket,
        merge::{Talk, TalkError},
        message::Merge,
    },
};

/// The context of a call.
#[derive(Debug, Clone)]
pub(super) enum Errand {
    Deliver(NodeId),
    Announce(String, Then),
    Talk {
        peer: NodeId,
        address: String,
        talk: Box<Talk>,
    },
    /// The rest is told when this part has been taken.
    Tell {
        peer: NodeId,
        address: String,
        rest: std::vec::IntoIter<Merge>,
        purpose: Purpose,
    },
}

/// What happens after an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The merge phase goes on.
    Start,
    /// A merge: with this node, or with the node that has answered.
    Merge(Option<NodeId>),
    /// Nothing: the other one knows the phase of this node now.
    Nothing,
    /// A caller waits for the state of all nodes.
    Show(Ticket),
}

/// Why a merge with a peer was broken off, or could not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum Setback {
    #[error(transparent)]
    Failed(Failure),
    #[error("it answered another request")]
    OtherAnswer,
    #[error("another node answers at its address, or none")]
    OtherNode,
    #[error(transparent)]
    Refused(Stranger),
    #[error(transparent)]
    Talk(TalkError),
    #[error("the time of the merge phase is over")]
    TimeIsUp,
}

impl Setback {
    /// Of a call whose answer is not the expected one.
    pub(super) fn of(result: Result<Answer, Failure>) -> Self {
        match result {
            Ok(_) => Self::OtherAnswer,
            Err(failure) => Self::Failed(failure),
        }
    }
}
