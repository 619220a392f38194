//! The phases of a node's life (`docs/contract.md#life-of-a-node`).

/// See the module. Later phases are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The store is open; peers' messages are accepted.
    Open,
    /// The caches are being loaded from the ledger.
    Restore,
    /// What was pending is being applied.
    Replay,
    /// Peers are being asked for what was missed.
    Merge,
    /// The gate listens.
    Ready,
    /// The gate listens, but peers have turned this node away: it takes no submissions.
    Fenced,
    /// The node is on its way down.
    Stopping,
}

impl Phase {
    /// In small letters, as `/readyz` and announcements say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Restore => "restore",
            Self::Replay => "replay",
            Self::Merge => "merge",
            Self::Ready => "ready",
            Self::Fenced => "fenced",
            Self::Stopping => "stopping",
        }
    }
}
