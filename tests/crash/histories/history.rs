//! What clients of a farm did and saw, as plain data: who asked whom, when, and what came back.
//!
//! Times are microseconds of one clock, the test's own, on which all clients agree. `invoked` is before the first
//! byte is sent, `answered` after the last one was read: whatever the node did happened in between.

use uuid::Uuid;

/// Microseconds since 1970.
pub type Micros = i64;

/// What a notification says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Available from now on.
    Opens,
    /// Unavailable, from `begins` on or at once.
    Closes,
    /// That plan is off.
    Cancels(Uuid),
}

/// A notification, as its client made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub id: Uuid,
    /// Its time in milliseconds; no two of a history have the same.
    pub time: i64,
    /// `system`, `application:NAME` or `resource:NAME`; of a cancel the plan's.
    pub target: String,
    pub says: Says,
    /// In milliseconds: a plan.
    pub begins: Option<i64>,
    /// In milliseconds: it ends by itself.
    pub ends: Option<i64>,
    /// By a monitor's token, not by operators.
    pub by_monitor: bool,
}

/// What came of handing it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Acknowledged, with this time in milliseconds; `everywhere`: with the receipts of all nodes.
    Taken { time: i64, everywhere: bool },
    /// Refused: nothing was done.
    Refused,
    /// No answer, or one that says that nobody knows.
    Unknown,
}

/// One attempt to hand something in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub word: Word,
    pub node: usize,
    pub invoked: Micros,
    pub answered: Micros,
    pub outcome: Outcome,
}

/// What a node's gate said of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    pub node: usize,
    /// How often the node had been started; none, if it was started or ended meanwhile.
    pub life: Option<u32>,
    pub application: String,
    pub invoked: Micros,
    pub answered: Micros,
    pub open: bool,
    /// The notifications that close it.
    pub causes: Vec<Uuid>,
}

/// Everything, in the order of the answers.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub submissions: Vec<Submission>,
    pub reads: Vec<Read>,
    /// By how many milliseconds the clocks of nodes may have been wrong.
    pub skew: i64,
}

/// What the nodes have when everything has come to rest.
#[derive(Debug, Clone, Default)]
pub struct End {
    /// Of each node: the notifications that it knows.
    pub known: Vec<Vec<Uuid>>,
    /// Of each node and application.
    pub reads: Vec<Read>,
}
