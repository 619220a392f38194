//! Reads many records, in either direction; no panic of sled gets out.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;

use super::Tree;
use super::error::{Cause, StoreError, guarded};
use super::handle::Handle;

/// Which way through the keys, which are ordered as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    Descending,
}

/// An iterator over records, `(key, value)`. It ends after its first error.
pub struct Scan {
    tree: Tree,
    direction: Direction,
    records: Option<sled::Iter>,
    // The database must not be closed while sled's iterator exists.
    _handle: Arc<Handle>,
}

impl Scan {
    pub(super) fn new(
        handle: Arc<Handle>,
        tree: Tree,
        direction: Direction,
        begin: impl FnOnce(&sled::Tree) -> sled::Iter,
    ) -> Result<Self, StoreError> {
        let records = guarded(|| handle.tree(tree).map(begin));
        let records = records.map_err(|cause| StoreError::Read { tree, cause })?;
        Ok(Self { tree, direction, records: Some(records), _handle: handle })
    }
}

impl Iterator for Scan {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let records = self.records.as_mut()?;
        let direction = self.direction;
        let record = guarded(|| -> Result<_, Cause> {
            let record = match direction {
                Direction::Ascending => records.next(),
                Direction::Descending => records.next_back(),
            };
            Ok(record.transpose()?)
        });
        match record {
            Ok(Some((key, value))) => Some(Ok((key.to_vec(), value.to_vec()))),
            Ok(None) => {
                self.records = None;
                None
            }
            Err(cause) => {
                self.records = None;
                Some(Err(StoreError::Read { tree: self.tree, cause }))
            }
        }
    }
}

impl FusedIterator for Scan {}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // sled's iterator has no Debug.
        f.debug_struct("Scan").field("tree", &self.tree).finish_non_exhaustive()
    }
}
