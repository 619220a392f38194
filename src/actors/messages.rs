//! What the actors say to each other, by name. The actors stand above this file and do not know each
//! other: who is told what is wired in [`crate::node`].

use actix::prelude::*;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    availability::NodeId,
    sync::{Answer, Ask, Asker, Call, CallId, Failure, Node, Now, Purpose, Reply, Submit, Ticket},
};

/// Something that the node is asked to do, and answers later.
#[derive(Debug)]
pub enum Request {
    /// Take this submission.
    Submit(Box<Submit>),
    /// Answer what a peer asks.
    Answer(Asker, Ask),
    /// Say when everything so far is applied, durable and visible.
    Settle,
    /// Apply what was pending when the node was stopped.
    Replay,
    /// Ask the other nodes what was missed.
    MergeAtStart,
    /// Ask the other nodes how they are.
    LookAround,
}

/// What a request has to wait for before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The disk: while the store cannot write the request is not taken, and not answered.
    Writing,
    /// The disk, if there is something to write: while the store cannot, the request is taken and answered
    /// only if there is nothing to write.
    Disk,
    /// Other nodes, whatever the disk does.
    Peers,
}

impl Request {
    /// What it has to wait for.
    pub fn needs(&self) -> Needs {
        match self {
            Self::Submit(_) | Self::Answer(_, Ask::Deliver(_)) => Needs::Writing,
            // A node whose disk is full still answers what it knows.
            Self::Answer(_, Ask::Merge(merge)) if !merge.entries.is_empty() => Needs::Writing,
            Self::Answer(..) | Self::Settle | Self::Replay => Needs::Disk,
            Self::MergeAtStart | Self::LookAround => Needs::Peers,
        }
    }

    /// Hands it to the node, which answers to this ticket.
    pub(super) fn perform(self, node: &mut Node, ticket: Ticket, now: Now) {
        match self {
            Self::Submit(submit) => node.replica_mut().submit(*submit, ticket, now),
            Self::Answer(from, ask) => node.asked(from, ask, ticket, now),
            Self::Settle => node.replica_mut().settle(ticket, now),
            Self::Replay => node.replay(ticket, now),
            Self::MergeAtStart => node.merge_at_start(ticket, now),
            Self::LookAround => node.look_around(ticket),
        }
    }
}

/// Begin this request. Where there will be no answer, the waiter is dropped.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Begin {
    pub(super) request: Request,
    pub(super) waiter: oneshot::Sender<Reply>,
}

impl Begin {
    /// The message, and where its answer will be.
    pub fn new(request: Request) -> (Self, oneshot::Receiver<Reply>) {
        let (waiter, answer) = oneshot::channel();
        (Self { request, waiter }, answer)
    }
}

/// A question about what the node knows now. It changes nothing.
pub trait Question: Send + 'static {
    /// What is answered.
    type Answer: Send + 'static;

    /// Looks it up.
    fn look(self, node: &Node, now: Now) -> Self::Answer;
}

/// Answer this question.
pub struct Look<Q>(pub Q);

impl<Q: Question> Message for Look<Q> {
    type Result = Option<Q::Answer>;
}

/// Remove this node for good: whether there was one.
#[derive(Message)]
#[rtype(result = "bool")]
pub struct Forget {
    /// Its name, or the address of one that was never met.
    pub name: String,
}

/// From now on the gate is open: merge now and then, and meet those who have not been met.
#[derive(Message)]
#[rtype(result = "()")]
pub struct BeReady;

/// These carry the repeater's calls from now on. Must come before the merge phase: until then there are none.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Connect(pub Recipient<Carry>);

/// Carry this call.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Carry(pub Call);

/// This is what became of a call.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Carried {
    /// Which call.
    pub call: CallId,
    /// What it was for.
    pub purpose: Purpose,
    /// Where it went.
    pub address: String,
    /// The answer, or why there is none.
    pub result: Result<Answer, Failure>,
}

/// Ask this node how far a notification has come that it accepted; its answer as JSON.
#[derive(Message)]
#[rtype(result = "Option<serde_json::Value>")]
pub struct AskReceipts {
    /// The initial node.
    pub node: NodeId,
    /// Where it is.
    pub address: String,
    /// Which notification.
    pub id: Uuid,
}

/// End the writer, after everything that was handed over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close;

/// Where a test can end the process around a call.
pub(super) struct Points {
    pub(super) sent: &'static str,
    pub(super) answered: &'static str,
    /// The answer has been taken in, its effects have been performed.
    pub(super) taken: &'static str,
}

/// The points of a call.
pub(super) fn points(purpose: Purpose) -> Points {
    let [sent, answered, taken] = match purpose {
        Purpose::Deliver => ["call.deliver", "call.deliver.answered", "call.deliver.taken"],
        Purpose::Announce => ["call.announce", "call.announce.answered", "call.announce.taken"],
        Purpose::Probe => ["call.probe", "call.probe.answered", "call.probe.taken"],
        Purpose::Part => ["call.part", "call.part.answered", "call.part.taken"],
        Purpose::FollowUp => ["call.follow-up", "call.follow-up.answered", "call.follow-up.taken"],
        Purpose::Tell => ["call.tell", "call.tell.answered", "call.tell.taken"],
    };
    Points { sent, answered, taken }
}
