//! The queue: a node's durable inbox and per-peer outbox, as a contract (docs/contract.md#the-queue).
//!
//! Behind it are steps (what the replica commits) that become durable in their order, and what a
//! restart finds of them. Nothing here names a disk or a connection, so that a message broker can
//! take the place of the embedded queue; `tests/contract` runs one suite over every implementation.
//!
//! Must stay true of every implementation: steps become durable in the order of their numbers;
//! what [`Queue::restore`] gives is what some first steps left, all those reported durable among
//! them; a step is there wholly or not at all; while it is stopped nothing is lost that was handed
//! over, and it goes on by itself.

mod embedded;
mod memory;

use std::time::Duration;

use crate::{
    availability::{Moment, Rules},
    sync::{Change, Haste, Restored},
};

pub use embedded::EmbeddedQueue;
pub use memory::MemoryQueue;

/// Why a queue cannot be read or started.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(pub String);

/// How far a queue has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Every step up to this number is durable.
    pub durable: u64,
    /// It has stopped since last asked: what was not reported durable is unknown. Says why.
    pub stopped: Option<String>,
    /// It takes steps at once; otherwise they are kept until it does again.
    pub writable: bool,
}

/// Called from any thread when there is progress to ask for; must not block.
pub type OnProgress = Box<dyn Fn() + Send + Sync>;

/// See the module.
pub trait Queue: Send {
    /// What it holds, for a start. Before [`Queue::start`].
    ///
    /// # Errors
    /// When it cannot be read.
    fn restore(&self, rules: Rules) -> Result<Restored, QueueError>;

    /// Begins to take steps; `progress` is called whenever there is some.
    ///
    /// # Errors
    /// When it cannot write at all.
    fn start(&mut self, progress: OnProgress) -> Result<(), QueueError>;

    /// Takes a step over; it is kept until it is durable, through stops as well. Numbers ascend.
    /// `label` names the step.
    fn hand_over(&mut self, step: u64, label: &'static str, changes: &[Change], haste: Haste);

    /// How far it has come. After a stop it is started again from here, as soon as that is possible.
    fn progress(&mut self) -> Progress;

    /// Takes some of what is older than `until` out of the history, as the step whose number
    /// `number` gives; does nothing (and asks for no number) if there is none.
    fn prune(&mut self, until: Moment, number: &mut dyn FnMut() -> u64);

    /// Makes durable what was handed over, and ends; false if that took longer than `limit`, or could
    /// not be done: the queue had stopped, or had no room for all of it.
    fn close(&mut self, limit: Duration) -> bool;
}
