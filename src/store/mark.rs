//! Detects what a damaged database has lost.
//!
//! sled reads its log up to the first record with a wrong checksum and treats that as the place where the last
//! process died; in segments that were already full it skips the rest of the segment. Either way records
//! disappear, or return in an older form, and sled reports nothing. So every transaction ([`super::checkpoint`]) writes a
//! **mark** into the `meta` tree: the number of the last group that sled has then, and for each tree the number of
//! records and the sum of their checksums. When a group is durable, its number, and the counts that sled has, are
//! also written to the file `forewarn-store`.
//!
//! A check at open ([`super::verify`]) reads every record and compares:
//! - Counts and sums differ from the mark in the database: records in the middle are lost, altered or old. The
//!   difference shows how many in which tree; the hash in its stamp reveals a notification that was altered in
//!   place.
//! - The last group, of sled's mark and the files of intents, has a lower number than the file's, or one between
//!   them is missing: groups are lost. The file's counts show how many records of which tree sled has lost.
//!
//! The cost: a transaction reads the values that it replaces anyway; in addition there are two CRCs per record,
//! one small record per transaction, and for each group the write of one line, which is not awaited.
//!
//! What it does not detect: the file is synced only once a second and every 256 groups. After a **power cut**
//! it may be that far behind, and damage to just those last groups goes unnoticed, unless damage is found
//! elsewhere too. (After `kill -9` it is exact.) Damage that preserves counts and sums has a probability of one
//! in 2^64. A store that was closed cleanly is not checked.
//!
//! Must stay true: the file never runs ahead of the tree.

use sled::IVec;

use super::error::Cause;
use super::record;
use super::tree::{MARK_KEY, Tree, is_own};

/// The form of a mark: this byte, then number, counts and sums, eight bytes each, the greatest first.
const MARK_RECORD: u8 = 2;

/// What layout 1 wrote: the number alone.
const NUMBER_RECORD: u8 = 1;

/// How many records a tree has, and the sum of their checksums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub records: u64,
    pub sum: u64,
}

impl Sum {
    /// One record more.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.records = self.records.wrapping_add(1);
        self.sum = self.sum.wrapping_add(checksum(key, value));
    }

    /// One record less.
    pub(crate) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.records = self.records.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(checksum(key, value));
    }
}

/// Two CRCs, mixed so that sums of similar ones do not cancel out.
fn checksum(key: &[u8], value: &[u8]) -> u64 {
    let of_value = crc32fast::hash(value);
    let mut both = crc32fast::Hasher::new_with_initial(of_value);
    both.update(key);
    let mut mixed = u64::from(of_value) << 32 | u64::from(both.finalize());
    for factor in [0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB_u64] {
        mixed = (mixed ^ mixed >> 30).wrapping_mul(factor);
    }
    mixed ^ mixed >> 31
}

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub number: u64,
    /// In the order of [`Tree::ALL`].
    pub sums: [Sum; Tree::ALL.len()],
}

impl Mark {
    /// A record has changed; the store's own ones do not count.
    pub(crate) fn change(&mut self, tree: Tree, key: &[u8], old: Option<&IVec>, new: Option<&IVec>) {
        if is_own(tree, key) {
            return;
        }
        let sum = &mut self.sums[tree as usize];
        if let Some(old) = old {
            sum.remove(key, old);
        }
        if let Some(new) = new {
            sum.add(key, new);
        }
    }

    /// Records of each tree.
    pub(crate) fn records(&self) -> [u64; Tree::ALL.len()] {
        self.sums.map(|sum| sum.records)
    }

    /// As it is stored.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let sums = self.sums.iter().flat_map(|sum| [sum.records, sum.sum]);
        let body: Vec<u8> = [self.number].into_iter().chain(sums).flat_map(u64::to_be_bytes).collect();
        record::wrap(MARK_RECORD, &body)
    }
}

/// Reads a stored mark: its number, and the rest if it is not of layout 1.
pub(crate) fn decode(value: Option<&[u8]>) -> Result<(u64, Option<Mark>), Cause> {
    let Some(value) = value else { return Ok((0, None)) };
    match record::unwrap(value)? {
        (NUMBER_RECORD, number) => Ok((u64::from_be_bytes(number.try_into()?), None)),
        (MARK_RECORD, body) => {
            let mut numbers = body.chunks_exact(8).filter_map(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)));
            let mut next = || numbers.next().ok_or("its mark is too short");
            let mut mark = Mark { number: next()?, ..Mark::default() };
            for sum in &mut mark.sums {
                *sum = Sum { records: next()?, sum: next()? };
            }
            Ok((mark.number, Some(mark)))
        }
        (version, _) => Err(format!("its mark is written in a form {version}").into()),
    }
}

/// The mark of an open database.
pub(super) fn read(db: &sled::Db) -> Result<(u64, Option<Mark>), Cause> {
    // Not opened if there is none: that would create it.
    if !db.tree_names().iter().any(|name| name == Tree::Meta.name().as_bytes()) {
        return Ok((0, None));
    }
    decode(db.open_tree(Tree::Meta.name())?.get(MARK_KEY)?.as_deref())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_an_old_one_has_a_number_only() {
        let mut mark = Mark { number: 1, ..Mark::default() };
        let (one, two) = (IVec::from(b"one"), IVec::from(b"two"));
        mark.change(Tree::Ledger, b"k", None, Some(&one));
        mark.change(Tree::Meta, MARK_KEY, None, Some(&one));
        assert_eq!(decode(Some(&mark.encode())).unwrap(), (1, Some(mark)));
        assert_eq!(mark.records(), [0, 1, 0, 0, 0]);
        assert_eq!(decode(Some(&[1, 0, 0, 0, 0, 0, 0, 0, 9])).unwrap(), (9, None));
        assert_eq!(decode(None).unwrap(), (0, None));
        assert!(decode(Some(&[2, 0])).is_err() && decode(Some(&[3])).is_err());
        // Records that are added and removed leave no trace, in any order.
        let before = mark;
        mark.change(Tree::Ledger, b"k", Some(&one), Some(&two));
        mark.change(Tree::Ledger, b"j", None, Some(&one));
        assert_ne!(mark, before);
        mark.change(Tree::Ledger, b"j", Some(&one), None);
        mark.change(Tree::Ledger, b"k", Some(&two), Some(&one));
        assert_eq!(mark, before);
    }

    #[test]
    fn a_changed_bit_a_moved_value_and_two_that_are_swapped_change_the_sum() {
        let sum = |records: &[(&[u8], &[u8])]| {
            let mut sum = Sum::default();
            records.iter().for_each(|(key, value)| sum.add(key, value));
            sum
        };
        let right = sum(&[(b"a", b"one"), (b"b", b"two")]);
        for wrong in [
            sum(&[(b"a", b"one"), (b"b", b"twp")]),
            sum(&[(b"a", b"two"), (b"b", b"one")]),
            sum(&[(b"a", b"one"), (b"c", b"two")]),
            sum(&[(b"a", b"one"), (b"bt", b"wo")]),
            sum(&[(b"a", b"one")]),
        ] {
            assert_ne!(wrong, right);
        }
    }
}
