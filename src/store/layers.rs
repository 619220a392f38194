//! The changes that sled does not have yet, in memory, where reading finds them.
//!
//! ```text
//! newest      the groups in the file that is being written
//! frozen      the groups of the other file, while they are put into sled
//! sled
//! ```
//!
//! Must stay true: `frozen` is dropped only when sled has it; who reads looks here first, and then at sled.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use sled::IVec;

use super::changes::Changes;
use super::tree::Tree;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Layers {
    newest: Changes,
    /// Whether a group has been added to `newest`, even if nothing is left of it.
    is_touched: bool,
    frozen: Option<Frozen>,
}

/// Changes that are being put into sled.
#[derive(Debug, Clone)]
pub(super) struct Frozen {
    pub changes: Arc<Changes>,
    /// The number of their last group.
    pub number: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

impl Layers {
    /// Layers over a database that cannot be written to.
    pub(crate) fn over(changes: Changes) -> Self {
        Self { newest: changes, ..Self::default() }
    }

    /// A group is durable.
    pub(crate) fn add(&mut self, changes: Changes) {
        self.newest.append(changes);
        self.is_touched = true;
    }

    /// Freezes the groups up to this number; false if there are none, or others are frozen.
    pub(crate) fn freeze(&mut self, number: u64) -> bool {
        if self.frozen.is_some() || !self.is_touched {
            return false;
        }
        self.is_touched = false;
        let changes = Arc::new(std::mem::take(&mut self.newest));
        self.frozen = Some(Frozen { bytes: changes.bytes(), changes, number });
        true
    }

    /// Bytes that the next checkpoint will put into sled.
    pub(crate) fn due(&self) -> u64 {
        self.frozen.as_ref().map_or_else(|| self.newest.bytes(), |frozen| frozen.bytes)
    }

    pub(crate) fn frozen(&self) -> Option<Frozen> {
        self.frozen.clone()
    }

    /// Sled has what was frozen.
    pub(crate) fn thaw(&mut self) {
        self.frozen = None;
    }

    fn both(&self) -> impl Iterator<Item = &Changes> {
        self.frozen.iter().map(|frozen| &*frozen.changes).chain([&self.newest])
    }

    /// What becomes of a key, if it changes.
    pub(crate) fn get(&self, tree: Tree, key: &[u8]) -> Option<Option<IVec>> {
        self.both().filter_map(|changes| changes.get(tree, key)).last().map(Option::<&IVec>::cloned)
    }

    /// What becomes of the keys in a range.
    pub(crate) fn range(&self, tree: Tree, range: &impl RangeBounds<Vec<u8>>) -> BTreeMap<IVec, Option<IVec>> {
        let both = self.both().flat_map(|changes| changes.range(tree, range));
        both.map(|(key, value)| (key.clone(), value.cloned())).collect()
    }
}
