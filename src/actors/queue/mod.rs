//! The queue: a node's durable inbox and per-peer outbox, as a contract (docs/contract.md#the-queue).
//!
//! The queue makes steps (the replica's commits) durable in their order, and restores them at a restart.
//! Nothing here names a disk or a connection, so that a message broker can replace the embedded queue;
//! `tests/contract` runs one suite over every implementation.
//!
//! Must stay true of every implementation: steps become durable in the order of their numbers;
//! [`Queue::restore`] returns the state after some prefix of the steps, which includes every step reported
//! durable; a step is restored wholly or not at all; while the queue is stopped it loses no submitted step, and
//! it resumes by itself.

mod embedded;
mod memory;

use std::time::Duration;

use crate::{
    availability::{Moment, Rules},
    sync::{Change, Haste, Label, Restored},
};

pub use embedded::EmbeddedQueue;
pub use memory::MemoryQueue;

/// Why a queue cannot be read or started.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(pub String);

/// The progress of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Every step up to this number is durable.
    pub durable: u64,
    /// It has stopped since the last call, for this reason: the state of steps not reported durable is unknown.
    pub stopped: Option<String>,
    /// It writes steps at once; otherwise they are kept until it can write again.
    pub writable: bool,
}

/// Called from any thread when there is new progress; must not block.
pub type OnProgress = Box<dyn Fn() + Send + Sync>;

/// See the module.
pub trait Queue: Send {
    /// Its content, for a start. Call it before [`Queue::start`].
    ///
    /// # Errors
    /// When it cannot be read.
    fn restore(&self, rules: Rules) -> Result<Restored, QueueError>;

    /// Starts accepting steps; calls `progress` whenever there is some.
    ///
    /// # Errors
    /// When it cannot be started.
    fn start(&mut self, progress: OnProgress) -> Result<(), QueueError>;

    /// Accepts a step and keeps it until it is durable, also across stops. Numbers ascend.
    fn hand_over(&mut self, step: u64, label: Label, changes: &[Change], haste: Haste);

    /// Returns the progress. After a stop this call also restarts the queue as soon as that is possible.
    fn progress(&mut self) -> Progress;

    /// Removes some history older than `until`, as a step with the number that `number` returns; if there is
    /// none, does nothing and does not call `number`.
    fn prune(&mut self, until: Moment, number: &mut dyn FnMut() -> u64);

    /// Makes the submitted steps durable and ends; false if that took longer than `limit` or failed: the queue
    /// had stopped, or had no room for all steps.
    fn close(&mut self, limit: Duration) -> bool;
}
