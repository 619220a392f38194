//! Reads a whole database, as far as possible, and reports what is missing (`mark.rs` describes what can be
//! detected and what cannot).

use std::fmt;

use sled::IVec;

use super::error::{Cause, guarded};
use super::mark::{Mark, Sum};
use super::marker::Marker;
use super::tree::is_own;
use super::{Tree, record, records};

/// The losses of a database, tree by tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Those that are not as they were written.
    pub trees: Vec<TreeDamage>,
    /// Groups of steps that were durable and are gone.
    pub groups: u64,
    /// Why nothing of it can be read.
    pub unreadable: Option<String>,
}

/// What is wrong with one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeDamage {
    /// Which.
    pub tree: Tree,
    /// Records that it had; none where a store of the first layout did not say.
    pub expected: Option<u64>,
    /// Records that can be read and are as they were written, as far as that can be told for each.
    pub found: u64,
    /// Places where reading broke off.
    pub gaps: u64,
    /// Records that were changed after they were written; they are left out.
    pub altered: u64,
}

impl fmt::Display for TreeDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tree: _, expected, found, gaps, altered } = self;
        match expected {
            None => write!(f, "an unknown number of records lost, {found} left")?,
            Some(expected) if expected > found => write!(f, "{} of {expected} records lost", expected - found)?,
            Some(expected) if expected < found => {
                write!(f, "{found} records instead of {expected}: some that were removed are back")?
            }
            Some(expected) => write!(f, "{expected} records, but some of them in another form than was written")?,
        }
        if *altered > 0 {
            write!(f, ", {altered} altered")?;
        }
        if *gaps > 0 {
            write!(f, ", {gaps} unreadable places")?;
        }
        Ok(())
    }
}

/// A tree of an open database; `None` if it has no such tree.
pub(super) fn tree_of(db: &sled::Db, tree: Tree) -> Result<Option<sled::Tree>, Cause> {
    let is_there = db.tree_names().iter().any(|name| name == tree.name().as_bytes());
    if !is_there {
        return Ok(None);
    }
    guarded(|| db.open_tree(tree.name())).map(Some)
}

/// Reads every record and compares what there is with what `marker` and the database's own mark say
/// there was. `None`: all is as it was written. `groups` were durable and are gone.
pub(super) fn verify(db: &sled::Db, marker: &Marker, groups: u64, mark: Option<&Mark>) -> Option<Damage> {
    let mut damage = Damage { groups, ..Damage::default() };
    for tree in Tree::ALL {
        let at = tree as usize;
        let mut sum = Sum::default();
        let walked = tree_of(db, tree).and_then(|found| {
            found.map_or(Ok(0), |found| {
                walk(&found, |key, value| {
                    if !is_own(tree, key) {
                        sum.add(key, value);
                    }
                    Ok(())
                })
            })
        });
        let gaps = walked.unwrap_or(1);
        let is_as_written = gaps == 0 && mark.is_none_or(|mark| mark.sums[at] == sum);
        let expected = match mark {
            Some(_) if groups > 0 => Some(marker.records[at]),
            Some(mark) => Some(mark.sums[at].records),
            None => None,
        };
        // If groups are missing at the end, a tree with the expected number of records may be whole.
        if !is_as_written || (groups > 0 && expected != Some(sum.records)) {
            damage.trees.push(TreeDamage { tree, expected, found: sum.records, gaps, altered: 0 });
        }
    }
    (groups > 0 || !damage.trees.is_empty()).then_some(damage)
}

/// Whether a record can be told to be other than it was written, by itself.
pub(super) fn is_broken(tree: Tree, key: &[u8], value: &[u8]) -> bool {
    !is_own(tree, key) && (record::unwrap(value).is_err() || records::is_altered(tree, key, value))
}

/// Hands over every record that can be read, in order, and returns how often reading broke off. After
/// such a place it goes on with the next key that can be read; what lies between two such places may
/// be passed over as well.
///
/// # Errors
/// What `take` returned.
pub(super) fn walk(tree: &sled::Tree, mut take: impl FnMut(&IVec, &IVec) -> Result<(), Cause>) -> Result<u64, Cause> {
    let (mut from, mut gaps) = (Vec::new(), 0);
    loop {
        let mut records = tree.range(from.clone()..);
        let mut last = None;
        loop {
            match guarded(|| records.next().transpose()) {
                Ok(Some((key, value))) => {
                    take(&key, &value)?;
                    last = Some(key);
                }
                Ok(None) => return Ok(gaps),
                Err(_) => break,
            }
        }
        gaps += 1;
        let last = last.map_or_else(|| from.clone(), |key| key.to_vec());
        match beyond(tree, &last) {
            Some(next) => from = next,
            None => return Ok(gaps),
        }
    }
}

/// Keys are looked at as numbers of so many bytes.
const WIDTH: usize = 64;

/// A key behind `last` from which on reading works again, the place between them being unreadable.
/// Looks at distances that double, then halves the last one.
fn beyond(tree: &sled::Tree, last: &[u8]) -> Option<Vec<u8>> {
    let reads = |from: &[u8]| guarded(|| tree.range(from..).next().transpose()).ok();
    let mut low = [0; WIDTH];
    let length = last.len().min(WIDTH);
    low[..length].copy_from_slice(&last[..length]);
    let mut high = (0..WIDTH * 8).find_map(|bit| {
        let next = plus(&low, bit)?;
        match reads(&next) {
            Some(Some(_)) => Some(Some(next)),
            // Nothing follows.
            Some(None) => Some(None),
            None => None,
        }
    })??;
    // The lowest bits do not distinguish keys of this length.
    for bit in (0..WIDTH * 8).rev() {
        if let Some(middle) = plus(&low, bit)
            && middle < high
        {
            match reads(&middle) {
                Some(Some(_)) => high = middle,
                _ => low = middle,
            }
        }
    }
    Some(high.to_vec())
}

/// The number with 2^`bit` added; `None` if it becomes too large.
fn plus(number: &[u8; WIDTH], bit: usize) -> Option<[u8; WIDTH]> {
    let mut sum = *number;
    let (at, mut carry) = (WIDTH - 1 - bit / 8, 1_u16 << (bit % 8));
    for byte in sum[..=at].iter_mut().rev() {
        carry += u16::from(*byte);
        *byte = carry.to_be_bytes()[1];
        carry >>= 8;
    }
    (carry == 0).then_some(sum)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_and_end() {
        let mut number = [0; WIDTH];
        number[WIDTH - 2..].copy_from_slice(&[1, 255]);
        assert_eq!(plus(&number, 0).unwrap()[WIDTH - 2..], [2, 0]);
        assert_eq!(plus(&number, 9).unwrap()[WIDTH - 2..], [3, 255]);
        assert_eq!(plus(&[255; WIDTH], 0), None);
    }

    #[test]
    fn damage_is_said_in_words() {
        let tree = |expected, found, gaps, altered| {
            TreeDamage { tree: Tree::Ledger, expected, found, gaps, altered }.to_string()
        };
        assert_eq!(tree(Some(150), 74, 0, 0), "76 of 150 records lost");
        assert_eq!(tree(Some(150), 149, 1, 1), "1 of 150 records lost, 1 altered, 1 unreadable places");
        assert_eq!(tree(None, 5, 1, 0), "an unknown number of records lost, 5 left, 1 unreadable places");
        assert!(tree(Some(3), 4, 0, 0).contains("some that were removed are back"));
        assert!(tree(Some(3), 3, 0, 0).contains("in another form"));
    }
}
