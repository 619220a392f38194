//! The trees of a store, and the records in them that are the store's own.

use std::fmt;

/// The trees, in the order in which a step changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tree {
    /// The node's own facts: its id, boot number, greatest stamp, and this room's
    /// [`LAYOUT_KEY`] and [`MARK_KEY`].
    Meta,
    /// The merging set of notifications.
    Ledger,
    /// Rows that peers have not confirmed yet.
    Outbox,
    /// The history, for people.
    History,
    /// Accepted and not yet applied.
    Pending,
}

impl Tree {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Meta, Self::Ledger, Self::Outbox, Self::History, Self::Pending];

    /// Its name on disk and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Ledger => "ledger",
            Self::Outbox => "outbox",
            Self::History => "history",
            Self::Pending => "pending",
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The key in the `meta` tree that holds the layout's number.
pub(super) const LAYOUT_KEY: &[u8] = b"layout";

/// The key in the `meta` tree that holds the mark.
pub(super) const MARK_KEY: &[u8] = b"mark";

/// The records that the store keeps for itself in the `meta` tree.
pub(crate) fn is_own(tree: Tree, key: &[u8]) -> bool {
    tree == Tree::Meta && (key == MARK_KEY || key == LAYOUT_KEY)
}
