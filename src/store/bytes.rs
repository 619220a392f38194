//! What the store is handed: trees, keys, values, and how large they may be.

use std::fmt;

use super::error::StoreError;

/// Bytes that a key may have.
pub const MAX_KEY: usize = 1_024;

/// Bytes that a value may have. sled's leaves hold up to some 20 records, and must stay below 2 MiB
/// to be kept in the log, which is synced, rather than in files beside it, which are not.
pub const MAX_VALUE: usize = 80 * 1_024;

/// The trees, in the order in which a step changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tree {
    /// The node's own facts: its id, boot number, greatest stamp, and this room's
    /// [`super::LAYOUT_KEY`] and [`super::MARK_KEY`].
    Meta,
    /// The merging set of notifications.
    Ledger,
    /// What peers have not confirmed yet.
    Outbox,
    /// What was, for people.
    History,
    /// Accepted and not yet worked in.
    Pending,
}

impl Tree {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Meta,
        Self::Ledger,
        Self::Outbox,
        Self::History,
        Self::Pending,
    ];

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

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where.
    pub tree: Tree,
    /// Which key, up to [`MAX_KEY`] bytes.
    pub key: Vec<u8>,
    /// Its new value, up to [`MAX_VALUE`] bytes, or nothing to remove it.
    pub value: Option<Vec<u8>>,
}

impl Write {
    /// Sets a key.
    #[must_use]
    pub fn put(tree: Tree, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            tree,
            key: key.into(),
            value: Some(value.into()),
        }
    }

    /// Removes a key, if it is there.
    #[must_use]
    pub fn remove(tree: Tree, key: impl Into<Vec<u8>>) -> Self {
        Self {
            tree,
            key: key.into(),
            value: None,
        }
    }
}

/// Refuses what is too large for sled to keep well.
pub(super) fn check_sizes(writes: &[Write]) -> Result<(), StoreError> {
    let check = |what, tree, bytes, limit| {
        if bytes <= limit {
            Ok(())
        } else {
            Err(StoreError::TooLarge {
                what,
                tree,
                bytes,
                limit,
            })
        }
    };
    for Write { tree, key, value } in writes {
        check("key", *tree, key.len(), MAX_KEY)?;
        check(
            "value",
            *tree,
            value.as_ref().map_or(0, Vec::len),
            MAX_VALUE,
        )?;
    }
    Ok(())
}
