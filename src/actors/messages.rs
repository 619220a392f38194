//! The messages between the actors. The actors stand above this file and do not know each other;
//! [`crate::node`] wires them.

use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use super::{application_cache::Cached, transport::NoAnswer};
use crate::{
    availability::NodeId,
    sync::{
        Answer, Ask, Asker, Call, CallId, Defines, Deliver, Failure, Node, Now, Purpose, Register, Reply, Submit,
        Ticket,
    },
};

/// A request to the node that is answered later.
#[derive(Debug)]
pub(crate) enum Request {
    /// Accept this submission.
    Submit(Box<Submit>),
    /// Change the registry.
    Register(Box<Register>),
    /// Answer a peer's request.
    Answer(Asker, Ask),
    /// Take what a broker brings.
    Broadcast(Deliver),
    /// Something may have been missed: merge with some nodes.
    MergeSoon,
    /// Report when everything so far is applied, durable and visible.
    Settle,
    /// Apply what was pending when the node was stopped.
    Replay,
    /// Merge with the other nodes.
    MergeAtStart,
    /// Ask the other nodes for their state.
    LookAround,
}

/// What a request waits for before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The disk: while the store cannot write, the request is neither accepted nor answered.
    Writing,
    /// The disk, if the request writes something: while the store cannot write, the request is accepted, and
    /// answered only if it writes nothing.
    Disk,
    /// Other nodes, independent of the disk.
    Peers,
}

impl Request {
    /// What it has to wait for.
    pub(crate) fn needs(&self) -> Needs {
        match self {
            Self::Submit(_) | Self::Register(_) | Self::Answer(_, Ask::Deliver(_)) | Self::Broadcast(_) => {
                Needs::Writing
            }
            // A node whose disk is full still answers what it knows.
            Self::Answer(_, Ask::Merge(merge)) if !merge.entries.is_empty() || !merge.records.is_empty() => {
                Needs::Writing
            }
            Self::Answer(..) | Self::Settle | Self::Replay => Needs::Disk,
            Self::MergeAtStart | Self::MergeSoon | Self::LookAround => Needs::Peers,
        }
    }

    /// Hands it to the node, which answers to this ticket.
    pub(super) fn perform(self, node: &mut Node, ticket: Ticket, now: Now) {
        match self {
            Self::Submit(submit) => node.replica_mut().submit(*submit, ticket, now),
            Self::Register(register) => node.replica_mut().register(*register, ticket, now),
            Self::Answer(from, ask) => node.asked(from, ask, ticket, now),
            Self::Broadcast(message) => node.replica_mut().broadcast(message, ticket, now),
            Self::MergeSoon => node.merge_soon(ticket),
            Self::Settle => node.replica_mut().settle(ticket, now),
            Self::Replay => node.replay(ticket, now),
            Self::MergeAtStart => node.merge_at_start(ticket, now),
            Self::LookAround => node.look_around(ticket),
        }
    }
}

/// Begin this request. If there will be no answer, the waiter is dropped.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Begin {
    pub(super) request: Request,
    pub(super) waiter: oneshot::Sender<Reply>,
    /// The memory that the request takes, until it is answered. It counts also while the message waits in the
    /// mailbox and the caller no longer waits for the answer.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl Begin {
    /// The message, and the receiver of its answer.
    pub(crate) fn new(request: Request) -> (Self, oneshot::Receiver<Reply>) {
        let (waiter, answer) = oneshot::channel();
        (Self { request, waiter, room: None }, answer)
    }

    /// The same, with the memory that the request takes.
    pub(crate) fn holding(room: OwnedSemaphorePermit, request: Request) -> (Self, oneshot::Receiver<Reply>) {
        let (begin, answer) = Self::new(request);
        (Self { room: Some(room), ..begin }, answer)
    }
}

/// A query of the node's present state. It changes nothing.
pub(crate) trait Question: Send + 'static {
    /// The answer.
    type Answer: Send + 'static;

    /// Computes the answer.
    fn look(self, node: &Node, now: Now) -> Self::Answer;
}

/// Answer this question.
pub(crate) struct Look<Q>(pub Q);

impl<Q: Question> Message for Look<Q> {
    type Result = Option<Q::Answer>;
}

/// Remove this node for good. The answer tells whether there was one.
#[derive(Message)]
#[rtype(result = "bool")]
pub(crate) struct Forget {
    /// Its name, or the address of one that was never met.
    pub name: String,
}

/// The gate is open from now on: merge periodically, and announce this node to unknown members.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct BeReady;

/// The configuration was read again: these are the caches from now on, and this is what the node defines.
/// Answered when the new ones have loaded what the ledger knows.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Recast {
    /// The caches, those that are kept and new ones.
    pub caches: Vec<Cached>,
    /// What peers are told and submissions are checked against; absent: as before.
    pub defines: Option<Defines>,
}

/// These couriers carry the repeater's calls from now on. Must come before the merge phase, which makes the
/// first calls.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Connect(pub Recipient<Carry>);

/// Carry this call.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Carry(pub Call);

/// The result of a call.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Carried {
    /// Which call.
    pub call: CallId,
    /// What it was for.
    pub purpose: Purpose,
    /// Where it went.
    pub address: String,
    /// The answer, or why there is none.
    pub result: Result<Answer, Failure>,
}

/// Ask the initial node for a notification's receipts; its answer as JSON.
#[derive(Message)]
#[rtype(result = "Option<serde_json::Value>")]
pub(crate) struct AskReceipts {
    /// The initial node.
    pub node: NodeId,
    /// Its address.
    pub address: String,
    /// Which notification.
    pub id: Uuid,
}

/// Hand this submission in at another node; what became of it, as JSON.
#[derive(Message)]
#[rtype(result = "Result<serde_json::Value, NoAnswer>")]
pub(crate) struct HandIn {
    /// Its address.
    pub address: String,
    /// The submission.
    pub handed_in: Arc<serde_json::Value>,
}

/// Ask another node how busy it is, as JSON; nothing if it does not answer soon.
#[derive(Message)]
#[rtype(result = "Option<serde_json::Value>")]
pub(crate) struct AskLoad {
    /// Its address.
    pub address: String,
}

/// Ask another node what it knows of its hooks, as JSON; nothing if it does not answer soon.
#[derive(Message)]
#[rtype(result = "Option<serde_json::Value>")]
pub(crate) struct AskHooks {
    /// Which node.
    pub node: NodeId,
    /// Its address.
    pub address: String,
}

/// Stop the writer after everything that was submitted to it.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Close;
