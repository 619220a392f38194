//! The number of nodes to which a notification is sent directly (docs/contract.md#relay-plan).

use std::num::NonZeroUsize;

/// The rest is passed on by those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fanout {
    /// To every peer in parallel.
    All,
    /// To so many: 1 is a chain, more is a tree.
    Some(NonZeroUsize),
}
