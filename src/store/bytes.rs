//! The store's input: keys, values, and their size limits.

use sled::IVec;

use super::error::StoreError;
use super::tree::Tree;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 1_024;

/// The longest value, in bytes. sled's leaves hold up to about 20 records, and must stay below 2 MiB to be
/// stored in the log, which is synced, rather than in separate files, which are not.
pub const MAX_VALUE: usize = 80 * 1_024;

/// One change of one key. Its bytes are shared: a clone costs two counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where.
    pub tree: Tree,
    /// Which key, up to [`MAX_KEY`] bytes.
    pub(super) key: IVec,
    /// Its new value, up to [`MAX_VALUE`] bytes, or nothing to remove it.
    pub(super) value: Option<IVec>,
    /// The key was not there before: removing it again, before sled has it, leaves nothing to write.
    pub(super) is_new: bool,
}

impl Write {
    /// Sets a key.
    #[must_use]
    pub fn put(tree: Tree, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        Self { tree, key: key.as_ref().into(), value: Some(value.as_ref().into()), is_new: false }
    }

    /// Which key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Its new value; nothing if it is removed.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.value.as_deref()
    }

    /// Sets a key that is absent after all earlier steps. If a later step removes it again before sled has it, sled
    /// gets neither. So it must not be used for a key that is there: removing that would be forgotten.
    #[must_use]
    pub fn put_new(tree: Tree, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        Self { is_new: true, ..Self::put(tree, key, value) }
    }

    /// This write for a second submission, when it may already have been written.
    #[must_use]
    pub fn again(self) -> Self {
        Self { is_new: false, ..self }
    }

    /// The same value for another key, without a copy of it.
    #[must_use]
    pub(super) fn same_value(&self, tree: Tree, key: impl AsRef<[u8]>) -> Self {
        Self { tree, key: key.as_ref().into(), value: self.value.clone(), is_new: false }
    }

    /// Removes a key, if it is there.
    #[must_use]
    pub fn remove(tree: Tree, key: impl AsRef<[u8]>) -> Self {
        Self { tree, key: key.as_ref().into(), value: None, is_new: false }
    }
}

/// Refuses keys and values that are too large for sled to store well.
pub(super) fn check_sizes(writes: &[Write]) -> Result<(), StoreError> {
    let check = |what, tree, bytes, limit| {
        if bytes <= limit { Ok(()) } else { Err(StoreError::TooLarge { what, tree, bytes, limit }) }
    };
    for Write { tree, key, value, .. } in writes {
        check("key", *tree, key.len(), MAX_KEY)?;
        check("value", *tree, value.as_ref().map_or(0, |value| value.len()), MAX_VALUE)?;
    }
    Ok(())
}
