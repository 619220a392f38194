//! Puts the changes of many groups into sled.
//!
//! ```text
//! for each part of some changes    one sled transaction with its mark; flush; fdatasync
//! the last part's mark             the number of the last group: from here on sled has all of them
//! ```
//!
//! A crash between two parts leaves the number of before, and so the next start puts all of them in again. That
//! changes nothing where they are in already, because a change is a key with its whole value.
//!
//! Must stay true: the number in sled's mark is that of a group only when this group and all before it are in
//! sled; at most one transaction at a time is not synced, as sled would lose more than the end of its log if
//! several were.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use sled::IVec;
use sled::transaction::{ConflictableTransactionResult, TransactionError, Transactional, TransactionalTree};

use super::changes::Changes;
use super::crash::{Place, crash_point};
use super::disk::{self, open_log};
use super::error::{Cause, guarded};
use super::intents::Intents;
use super::mark::{self, Mark};
use super::tree::{MARK_KEY, Tree};

/// The most bytes of a part, not counting its last change: a transaction should fit into one of sled's segments.
const PART_BYTES: usize = 1024 * 1024;

/// The space that must be free before so many bytes of changes are put into sled, which may hang on a full disk: half
/// of the reserve, and twice the bytes, because sled writes whole leaves.
pub(super) fn space_for(reserve: u64, bytes: u64) -> u64 {
    (reserve / 2).saturating_add(bytes.saturating_mul(2))
}

/// An open database, to put changes into.
pub(super) struct Target<'a> {
    pub db: &'a sled::Db,
    /// In the order of [`Tree::ALL`].
    pub trees: &'a [sled::Tree],
    pub log: &'a File,
    pub log_path: &'a Path,
}

/// Moments of each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before it.
    Begin,
    /// It is in sled, not on stable storage.
    Applied,
}

type Part<'a> = BTreeMap<Tree, Vec<(&'a IVec, Option<&'a IVec>)>>;

/// Puts changes into sled, which has this mark; its new mark says that the last group is this one. `at` is called
/// at every moment, and may end it.
///
/// Trees are changed in the order of [`Tree::ALL`], `pending` last: if a full disk stops sled in the middle of a
/// transaction, the notification is still in `pending`.
pub(super) fn put(
    target: &Target<'_>,
    mut mark: Mark,
    changes: &Changes,
    number: u64,
    at: &mut dyn FnMut(Moment) -> Result<(), Cause>,
) -> Result<Mark, Cause> {
    let mut changes = changes.iter().peekable();
    loop {
        let (mut part, mut bytes) = (Part::default(), 0);
        while bytes < PART_BYTES
            && let Some((tree, key, value)) = changes.next()
        {
            bytes += key.len() + value.map_or(0, |value| value.len());
            part.entry(tree).or_default().push((key, value));
        }
        let is_last = changes.peek().is_none();
        at(Moment::Begin)?;
        let number = if is_last { number } else { mark.number };
        mark = guarded(|| transact(target, mark, &part, number))?;
        at(Moment::Applied)?;
        guarded(|| target.db.flush()).inspect_err(|_| disk::failed(target.log_path))?;
        disk::sync_data(target.log, target.log_path)?;
        if is_last {
            return Ok(mark);
        }
    }
}

fn transact(target: &Target<'_>, before: Mark, part: &Part<'_>, number: u64) -> Result<Mark, sled::Error> {
    // The mark is in `meta`, which is the first tree.
    let is_touched = |tree: &Tree| *tree == Tree::Meta || part.contains_key(tree);
    let touched: Vec<Tree> = Tree::ALL.into_iter().filter(is_touched).collect();
    let trees: Vec<&sled::Tree> = touched.iter().map(|tree| &target.trees[*tree as usize]).collect();
    let write = |views: &Vec<TransactionalTree>| -> ConflictableTransactionResult<Mark, sled::Error> {
        let mut mark = before;
        mark.number = number;
        for (tree, view) in touched.iter().zip(views) {
            for (key, value) in part.get(tree).into_iter().flatten() {
                let old = match value {
                    Some(value) => view.insert(*key, *value)?,
                    None => view.remove(*key)?,
                };
                mark.change(*tree, key, old.as_ref(), *value);
            }
        }
        views[0].insert(MARK_KEY, mark.encode())?;
        Ok(mark)
    };
    trees[..].transaction(write).map_err(|error| match error {
        TransactionError::Abort(error) | TransactionError::Storage(error) => error,
    })
}

/// Puts what was found in the files of a database into it, before anything else is done with it.
pub(super) fn replay(database: &Path, db: &sled::Db, intents: &Intents) -> Result<(), Cause> {
    let (number, mark) = guarded(|| mark::read(db))?;
    if intents.last <= number {
        return Ok(());
    }
    crash_point(Place::ReplayBegun);
    let mark = mark.ok_or("it has intents, and no mark")?;
    let trees = Tree::ALL.into_iter().map(|tree| guarded(|| db.open_tree(tree.name())));
    let trees = trees.collect::<Result<Vec<_>, _>>()?;
    let (log, log_path) = open_log(database).map_err(Cause::from)?;
    let target = Target { db, trees: &trees, log: &log, log_path: &log_path };
    put(&target, mark, &intents.changes, intents.last, &mut |moment| {
        if moment == Moment::Applied {
            crash_point(Place::ReplayApplied);
        }
        Ok(())
    })?;
    crash_point(Place::ReplayDurable);
    Ok(())
}
