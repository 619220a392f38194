//! One opened sled database.
//!
//! Must stay true:
//! - Every group of changes carries its mark, in the same transaction.
//! - It is created with segments of 8 MiB; sled moves leaves above a quarter of that to files that it
//!   never syncs. With at most some 20 records in a leaf, [`super::MAX_VALUE`] keeps them below it.
//! - Every call is guarded: a panic of sled becomes an error.
//! - Once a write has failed the handle is marked, and may only be read and dropped. Dropping a marked handle
//!   may hang, because sled flushes then; a separate thread does it.

use std::collections::{HashMap, hash_map::Entry};
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use sled::IVec;
use sled::transaction::{ConflictableTransactionResult, TransactionError, Transactional, TransactionalTree};

use super::bytes::Write;
use super::disk;
use super::error::{Cause, OpenError, guarded};
use super::fault::Fault;
use super::folder::{Folder, patiently};
use super::mark::{self, Mark};
use super::tree::{MARK_KEY, Tree};

/// Fixed when a store is created; sled refuses another one later.
const SEGMENT_SIZE: usize = 8 * 1024 * 1024;

/// Memory for sled's cache of pages; a node decides from its own memory.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// sled's background thread tidies segments in this interval, and nothing else does. Durability
/// does not depend on it.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// Opens sled's database of a folder that is claimed.
pub(super) fn open_sled(folder: &Folder) -> Result<sled::Db, OpenError> {
    folder.tidy()?;
    open_sled_at(folder, &folder.database())
}

/// The same in a folder below it, which has nothing in it that needs to be tidied.
pub(super) fn open_sled_at(folder: &Folder, database: &Path) -> Result<sled::Db, OpenError> {
    let config = sled::Config::new()
        .path(database)
        .segment_size(SEGMENT_SIZE)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(Some(TIDY_EVERY.as_millis() as u64));
    let open = || guarded(|| config.open()).map_err(|cause| OpenError::from_cause(folder.path(), cause));
    // Our own lock is held, so only this process can hold sled's: its threads release a database shortly
    // after it was dropped.
    patiently(open, |error| matches!(error, OpenError::Locked { .. }))
}

/// The file that holds sled's log, for `fdatasync`: `flush` alone does not survive a power cut.
pub(super) fn open_log(database: &Path) -> Result<(File, PathBuf), OpenError> {
    let path = database.join("db");
    let file = File::open(&path).map_err(OpenError::io("open", &path))?;
    Ok((file, path))
}

/// The changes of a group of steps; if two steps write the same key, the later one wins. A row that is added
/// and removed within one group is not written at all: under load most notifications leave the inbox in the
/// group that brought them there.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// By tree and key: whether the key was not there before this group, and its last value.
    keys: [HashMap<IVec, (bool, Option<IVec>)>; Tree::ALL.len()],
}

impl Changes {
    /// Adds writes after those that are in already.
    pub(crate) fn add(&mut self, writes: Vec<Write>) {
        for Write { tree, key, value, is_new } in writes {
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
    }
}

/// The open database with its trees.
#[derive(Debug)]
pub(super) struct Handle {
    // Taken out by `drop` only.
    parts: Option<Parts>,
    failed: AtomicBool,
    fault: Fault,
    // As the last applied group left it.
    mark: Mutex<Mark>,
}

#[derive(Debug)]
struct Parts {
    // In the order of `Tree::ALL`.
    trees: Vec<sled::Tree>,
    log: File,
    log_path: PathBuf,
    // Last, so that the lock is released after everything else.
    db: sled::Db,
}

impl Handle {
    /// Takes the trees of a database whose layout is the newest one.
    pub(crate) fn new(folder: &Folder, db: sled::Db, fault: Fault) -> Result<Self, OpenError> {
        let damaged = |cause| OpenError::from_cause(folder.path(), cause);
        let names = db.tree_names();
        let mut trees = Vec::with_capacity(Tree::ALL.len());
        for tree in Tree::ALL {
            if !names.iter().any(|name| name == tree.name().as_bytes()) {
                return Err(damaged(format!("the tree {tree} is missing").into()));
            }
            trees.push(guarded(|| db.open_tree(tree.name())).map_err(damaged)?);
        }
        let (_, mark) = guarded(|| mark::read(&db)).map_err(damaged)?;
        let mark = mark.ok_or_else(|| damaged("it has no mark".into()))?;
        let (log, log_path) = open_log(&folder.database())?;
        let parts = Some(Parts { trees, log, log_path, db });
        Ok(Self { parts, failed: AtomicBool::new(false), fault, mark: Mutex::new(mark) })
    }

    fn parts(&self) -> Result<&Parts, Cause> {
        self.parts.as_ref().ok_or_else(|| "the store is closed".into())
    }

    /// The tree, for reading.
    pub(crate) fn tree(&self, tree: Tree) -> Result<&sled::Tree, Cause> {
        Ok(&self.parts()?.trees[tree as usize])
    }

    /// Applies changes and their mark in one sled transaction: after a crash either all of them are there or
    /// none. Returns the mark.
    ///
    /// Trees are changed in the order of [`Tree::ALL`], `pending` last: if a full disk stops sled in the middle
    /// of a transaction, the notification is still in `pending` and is applied again.
    pub(crate) fn apply(&self, changes: &Changes) -> Result<Mark, Cause> {
        let parts = self.parts()?;
        self.fault.at_apply()?;
        let mut last = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        let touched: Vec<(Tree, &sled::Tree)> = Tree::ALL
            .into_iter()
            .zip(&parts.trees)
            .filter(|(tree, _)| *tree == Tree::Meta || !changes.keys[*tree as usize].is_empty())
            .collect();
        let trees: Vec<&sled::Tree> = touched.iter().map(|(_, tree)| *tree).collect();
        let write = |views: &Vec<TransactionalTree>| -> ConflictableTransactionResult<Mark, sled::Error> {
            let mut mark = last.next();
            for ((tree, _), view) in touched.iter().zip(views) {
                for (key, (_, value)) in &changes.keys[*tree as usize] {
                    let old = match value {
                        Some(value) => view.insert(key, value)?,
                        None => view.remove(key)?,
                    };
                    mark.change(*tree, key, old.as_ref(), value.as_ref());
                }
            }
            // The first tree is `meta`.
            views[0].insert(MARK_KEY, mark.encode())?;
            Ok(mark)
        };
        let mark = guarded(|| {
            trees[..].transaction(write).map_err(|error| match error {
                TransactionError::Abort(error) | TransactionError::Storage(error) => error,
            })
        })?;
        *last = mark;
        Ok(mark)
    }

    /// Writes everything applied so far to the operating system. May hang on a full disk.
    pub(crate) fn flush(&self) -> Result<(), Cause> {
        let parts = self.parts()?;
        let flushed = self.fault.at_flush().and_then(|()| guarded(|| parts.db.flush().map(drop)));
        flushed.inspect_err(|_| disk::failed(&parts.log_path))
    }

    /// Begins another flush on a thread of its own, so that one that sled forgot to wake returns with its error.
    /// The thread may hang as the first one does; without it the first one is given up at the limit.
    pub(crate) fn nudge(&self) {
        let Ok(parts) = self.parts() else { return };
        let db = parts.db.clone();
        let flush = move || {
            guarded(|| db.flush().map(drop)).ok();
        };
        std::thread::Builder::new().name("store-nudge".to_owned()).spawn(flush).ok();
    }

    /// Puts everything flushed so far on stable storage.
    pub(crate) fn sync(&self) -> Result<(), Cause> {
        let parts = self.parts()?;
        self.fault.at_sync()?;
        Ok(disk::sync_data(&parts.log, &parts.log_path)?)
    }

    /// Bars this handle from all further writes.
    pub(crate) fn mark_failed(&self) {
        self.failed.store(true, Ordering::SeqCst);
    }

    /// Whether a write through it has failed.
    pub(crate) fn is_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Closes the database, which sled may never finish; true if it did within the limit.
    pub(crate) fn close(mut self, limit: Duration) -> bool {
        let Some(parts) = self.parts.take() else {
            return true;
        };
        let (closed, wait) = mpsc::channel();
        let thread = std::thread::Builder::new().name("store-close".to_owned()).spawn(move || {
            // A panic ends this thread, which counts as "not closed" below.
            drop(parts);
            closed.send(()).ok();
        });
        thread.is_ok() && wait.recv_timeout(limit).is_ok()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.is_failed()
            && let Some(parts) = self.parts.take()
        {
            // The receiver may be gone: the process may be stopping.
            let _ = std::thread::Builder::new().spawn(move || drop(parts));
        }
    }
}
