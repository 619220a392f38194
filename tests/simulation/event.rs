//! What happens in a virtual farm: messages on their way, and things whose time has come.

use forewarn::{
    availability::NodeId,
    sync::{Announce, Conflict, Deliver, Delivered, Merge, Merged},
};

use crate::scenario::Action;

#[derive(Debug, Clone)]
pub enum Body {
    Announce(Box<Announce>),
    Deliver(Deliver),
    Merge(Box<Merge>),
}

#[derive(Debug, Clone)]
pub struct Request {
    pub from: usize,
    pub id: NodeId,
    pub boot: u64,
    pub nonce: u64,
    pub run: u64,
    pub request: u64,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub enum Answer {
    Announced(Box<Announce>),
    Delivered(Delivered),
    Merged(Option<Merged>),
    Busy,
    Refused(Conflict),
}

#[derive(Debug)]
pub enum Event {
    Request(usize, Request),
    Answer { node: usize, run: u64, request: u64, answer: Answer },
    Timeout { node: usize, run: u64, request: u64 },
    Sync { node: usize, run: u64, upto: u64 },
    Loaded { node: usize, run: u64, step: u64 },
    Tick { node: usize, run: u64 },
    Periodic { node: usize, run: u64 },
    Strangers { node: usize, run: u64 },
    Replay { node: usize, run: u64 },
    PhaseOver { node: usize, run: u64 },
    Start(usize),
    Renew(usize),
    Act(Action),
}
