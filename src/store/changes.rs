//! Changes of keys: those of a group of steps, and those that sled does not have yet.
//!
//! Must stay true: of two changes of one key the later one counts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::{Bound, RangeBounds};

use sled::IVec;

use super::bytes::Write;
use super::tree::Tree;

/// Changes, by tree and key. A row that is added and removed within them is not in them at all: under load most
/// notifications leave the inbox in the group that brought them there.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    /// Whether the key was not there before these changes, and its last value.
    keys: [BTreeMap<IVec, (bool, Option<IVec>)>; Tree::ALL.len()],
}

impl Changes {
    /// Adds writes after those that are in already.
    pub(crate) fn add(&mut self, writes: Vec<Write>) {
        for Write { tree, key, value, is_new } in writes {
            self.change(tree, key, value, is_new);
        }
    }

    /// Adds other changes after those that are in already.
    pub(crate) fn append(&mut self, later: Self) {
        for (tree, keys) in Tree::ALL.into_iter().zip(later.keys) {
            for (key, (is_new, value)) in keys {
                self.change(tree, key, value, is_new);
            }
        }
    }

    /// One change more. `is_new`: the key was not there before.
    pub(crate) fn change(&mut self, tree: Tree, key: IVec, value: Option<IVec>, is_new: bool) {
        match self.keys[tree as usize].entry(key) {
            Entry::Vacant(place) => {
                place.insert((is_new, value));
            }
            Entry::Occupied(place) if value.is_none() && place.get().0 => {
                place.remove();
            }
            Entry::Occupied(mut place) => place.get_mut().1 = value,
        }
    }

    /// Bytes of keys and values.
    pub(crate) fn bytes(&self) -> u64 {
        self.iter().map(|(_, key, value)| (key.len() + value.map_or(0, |value| value.len())) as u64).sum()
    }

    /// All of them, tree by tree, in the order of [`Tree::ALL`].
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Tree, &IVec, Option<&IVec>)> {
        let trees = Tree::ALL.into_iter().zip(&self.keys);
        trees.flat_map(|(tree, keys)| keys.iter().map(move |(key, (_, value))| (tree, key, value.as_ref())))
    }

    /// What becomes of a key, if it changes.
    pub(crate) fn get(&self, tree: Tree, key: &[u8]) -> Option<Option<&IVec>> {
        self.keys[tree as usize].get(key).map(|(_, value)| value.as_ref())
    }

    /// What becomes of the keys in a range.
    pub(crate) fn range<'a>(
        &'a self,
        tree: Tree,
        range: &'a impl RangeBounds<Vec<u8>>,
    ) -> impl Iterator<Item = (&'a IVec, Option<&'a IVec>)> {
        let start = range.start_bound().map(Vec::as_slice);
        // By itself, because a map does not take a range that ends before it begins.
        let is_before_end = |key: &[u8]| match range.end_bound() {
            Bound::Included(end) => key <= end.as_slice(),
            Bound::Excluded(end) => key < end.as_slice(),
            Bound::Unbounded => true,
        };
        let keys = self.keys[tree as usize].range::<[u8], _>((start, Bound::Unbounded));
        keys.take_while(move |(key, _)| is_before_end(key)).map(|(key, (_, value))| (key, value.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(changes: &Changes) -> Vec<(Tree, Vec<u8>, Option<Vec<u8>>)> {
        changes.iter().map(|(tree, key, value)| (tree, key.to_vec(), value.map(|value| value.to_vec()))).collect()
    }

    #[test]
    fn the_later_one_counts_and_what_comes_and_goes_leaves_nothing() {
        let mut changes = Changes::default();
        changes.add(vec![
            Write::put_new(Tree::Pending, b"a", b"1"),
            Write::put(Tree::Ledger, b"b", b"1"),
            Write::put(Tree::Ledger, b"b", b"2"),
        ]);
        let mut later = Changes::default();
        later.add(vec![Write::remove(Tree::Pending, b"a"), Write::remove(Tree::Outbox, b"c")]);
        changes.append(later);
        let expected =
            [(Tree::Ledger, b"b".to_vec(), Some(b"2".to_vec())), (Tree::Outbox, b"c".to_vec(), None::<Vec<u8>>)];
        assert_eq!(keys(&changes), expected);
        assert_eq!(changes.get(Tree::Pending, b"a"), None);
        assert_eq!(changes.get(Tree::Outbox, b"c"), Some(None));
    }

    #[test]
    fn a_row_that_was_there_before_is_removed() {
        let mut changes = Changes::default();
        changes.add(vec![Write::remove(Tree::Pending, b"a")]);
        changes.add(vec![Write::put_new(Tree::Pending, b"a", b"2")]);
        changes.add(vec![Write::remove(Tree::Pending, b"a")]);
        assert_eq!(keys(&changes), [(Tree::Pending, b"a".to_vec(), None)]);
    }

    #[test]
    fn a_range_may_be_empty_or_backwards() {
        let mut changes = Changes::default();
        changes.add((0..9_u8).map(|key| Write::put(Tree::Ledger, [key], [key])).collect());
        let count = |from: u8, to: u8| changes.range(Tree::Ledger, &(vec![from]..vec![to])).count();
        assert_eq!((count(2, 5), count(5, 5), count(5, 2), count(8, 200)), (3, 0, 0, 1));
        assert_eq!(changes.range(Tree::Ledger, &(..=vec![3])).count(), 4);
        assert_eq!(changes.range(Tree::Outbox, &..).count(), 0);
    }
}
