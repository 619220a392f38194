//! Reads many records, in either direction: those of sled, and those that sled does not have yet. No panic of sled
//! gets out.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::iter::FusedIterator;
use std::ops::RangeBounds;
use std::sync::Arc;

use sled::IVec;

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
    /// What sled did not have when the scan began.
    changes: BTreeMap<IVec, Option<IVec>>,
    records: Option<sled::Iter>,
    /// The next record of sled.
    next: Option<(IVec, IVec)>,
    // The database must not be closed while sled's iterator exists.
    _handle: Arc<Handle>,
}

impl Scan {
    pub(super) fn new(
        handle: Arc<Handle>,
        tree: Tree,
        direction: Direction,
        range: impl RangeBounds<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        let changes = handle.beyond_sled(tree, &range);
        let records = guarded(|| handle.tree(tree).map(|tree| tree.range(range)));
        let records = records.map_err(|cause| StoreError::Read { tree, cause })?;
        Ok(Self { tree, direction, changes, records: Some(records), next: None, _handle: handle })
    }

    /// Sees to it that `next` is the next record of sled, as long as it has one.
    fn look_ahead(&mut self) -> Result<(), Cause> {
        if let (None, Some(records)) = (&self.next, &mut self.records) {
            let direction = self.direction;
            self.next = guarded(|| {
                match direction {
                    Direction::Ascending => records.next(),
                    Direction::Descending => records.next_back(),
                }
                .transpose()
            })?;
            if self.next.is_none() {
                self.records = None;
            }
        }
        Ok(())
    }

    /// The next key that changes, if sled's next one is not before it; with its new value.
    fn next_change(&mut self) -> Option<(IVec, Option<IVec>)> {
        let change = match self.direction {
            Direction::Ascending => self.changes.first_entry(),
            Direction::Descending => self.changes.last_entry(),
        }?;
        if let Some((key, _)) = &self.next {
            let order = change.key().cmp(key);
            let order = if self.direction == Direction::Ascending { order } else { order.reverse() };
            match order {
                Ordering::Less => {}
                Ordering::Equal => self.next = None,
                Ordering::Greater => return None,
            }
        }
        Some(change.remove_entry())
    }
}

impl Iterator for Scan {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Err(cause) = self.look_ahead() {
                self.records = None;
                self.changes.clear();
                return Some(Err(StoreError::Read { tree: self.tree, cause }));
            }
            let (key, value) = match self.next_change() {
                Some((_, None)) => continue,
                Some((key, Some(value))) => (key, value),
                None => self.next.take()?,
            };
            return Some(Ok((key.to_vec(), value.to_vec())));
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
