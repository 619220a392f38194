//! What happens in a virtual farm: messages on their way, and things whose time has come.

use forewarn::sync::{Answer, Ask, Asker, CallId, Failure};

use uuid::Uuid;

use crate::{scenario::Action, workload::Handed};

/// A call of a node, on its way.
#[derive(Debug, Clone)]
pub struct Request {
    pub from: usize,
    pub asker: Asker,
    pub run: u64,
    pub call: CallId,
    pub ask: Ask,
}

#[derive(Debug, Clone)]
pub enum Event {
    Request(usize, Request),
    Answer {
        node: usize,
        run: u64,
        call: CallId,
        result: Result<Answer, Failure>,
    },
    Sync {
        node: usize,
        run: u64,
        upto: u64,
    },
    Loaded {
        node: usize,
        run: u64,
        step: u64,
    },
    Tick {
        node: usize,
        run: u64,
    },
    Replay {
        node: usize,
        run: u64,
    },
    Start(usize),
    Renew(usize),
    Act(Action),
    /// The monitor of this node looks.
    Check {
        node: usize,
    },
    /// Somebody hands this in as soon as the node is ready, and knows the plan with this id.
    Hand {
        node: usize,
        handed: Box<Handed>,
        after: Option<Uuid>,
    },
}
