//! One opened sled database, with the files beside it in which groups are first made durable.
//!
//! ```text
//! append, sync     a group is in a file of `intents.rs`, and durable
//! keep             it can be read (`layers.rs`)
//! freeze           the other file is begun
//! checkpoint       what was frozen is put into sled, and durable there (`checkpoint.rs`)
//! ```
//!
//! Must stay true:
//! - Nothing but a checkpoint writes to sled.
//! - It is created with segments of 8 MiB; sled moves leaves above a quarter of that to files that it
//!   never syncs. With at most some 20 records in a leaf, [`super::MAX_VALUE`] keeps them below it.
//! - Every call is guarded: a panic of sled becomes an error.
//! - Once a write has failed the handle is marked, and may only be read and dropped. Dropping a marked handle
//!   may hang, because sled flushes then; a separate thread does it.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::RangeBounds;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, mpsc};
use std::time::Duration;

use sled::IVec;

use super::changes::Changes;
use super::checkpoint::{self, Moment, Target};
use super::crash::{Place, crash_point};
use super::disk::open_log;
use super::error::{Cause, OpenError, guarded};
use super::fault::Fault;
use super::folder::{Folder, patiently};
use super::intents::Journal;
use super::layers::Layers;
use super::mark::{self, Mark};
use super::tree::Tree;

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

/// The open database with its trees.
#[derive(Debug)]
pub(super) struct Handle {
    // Taken out by `drop` only.
    parts: Option<Parts>,
    failed: AtomicBool,
    fault: Fault,
    // As sled has it.
    mark: Mutex<Mark>,
    layers: RwLock<Layers>,
    // None if the database can only be read.
    journal: Mutex<Option<Journal>>,
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
    /// Takes the trees of a database whose layout is the newest one, and that has all groups.
    pub(crate) fn new(folder: &Folder, db: sled::Db, fault: Fault) -> Result<Self, OpenError> {
        let handle = Self::to_read(folder, db, Changes::default(), fault)?;
        let number = handle.mark().number;
        let database = folder.database();
        let journal = Journal::create(&database, number).map_err(OpenError::io("make the intents of", &database))?;
        *handle.journal() = Some(journal);
        handle.failed.store(false, Ordering::SeqCst);
        Ok(handle)
    }

    /// Takes the trees of a database that cannot be written to. It lacks these changes.
    pub(crate) fn to_read(folder: &Folder, db: sled::Db, lacks: Changes, fault: Fault) -> Result<Self, OpenError> {
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
        Ok(Self {
            parts: Some(Parts { trees, log, log_path, db }),
            failed: AtomicBool::new(true),
            fault,
            mark: Mutex::new(mark),
            layers: RwLock::new(Layers::over(lacks)),
            journal: Mutex::new(None),
        })
    }

    fn parts(&self) -> Result<&Parts, Cause> {
        self.parts.as_ref().ok_or_else(|| "the store is closed".into())
    }

    fn journal(&self) -> MutexGuard<'_, Option<Journal>> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_journal<T>(&self, run: impl FnOnce(&mut Journal) -> Result<T, Cause>) -> Result<T, Cause> {
        run(self.journal().as_mut().ok_or("the store can only be read")?)
    }

    /// The mark of what sled has.
    pub(crate) fn mark(&self) -> Mark {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key.
    pub(crate) fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<IVec>, Cause> {
        let newest = self.layers.read().unwrap_or_else(PoisonError::into_inner).get(tree, key);
        match newest {
            Some(value) => Ok(value),
            None => Ok(self.tree(tree)?.get(key)?),
        }
    }

    /// The tree as sled has it.
    pub(crate) fn tree(&self, tree: Tree) -> Result<&sled::Tree, Cause> {
        Ok(&self.parts()?.trees[tree as usize])
    }

    /// What sled does not have yet of a range. To be asked before sled is, which gets it at any time.
    pub(crate) fn beyond_sled(&self, tree: Tree, range: &impl RangeBounds<Vec<u8>>) -> BTreeMap<IVec, Option<IVec>> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner).range(tree, range)
    }

    /// Writes a group to the operating system; its number.
    pub(crate) fn append(&self, changes: &Changes) -> Result<u64, Cause> {
        self.fault.at_apply()?;
        self.on_journal(|journal| journal.append(changes))
    }

    /// Puts every group so far on stable storage.
    pub(crate) fn sync(&self) -> Result<(), Cause> {
        self.fault.at_flush()?;
        self.fault.at_sync()?;
        self.on_journal(|journal| Ok(journal.sync()?))
    }

    /// A group is durable and can be read from now on.
    pub(crate) fn keep(&self, changes: Changes) {
        self.layers.write().unwrap_or_else(PoisonError::into_inner).add(changes);
    }

    /// Whether it is time for a checkpoint.
    pub(crate) fn is_full(&self) -> bool {
        self.journal().as_ref().is_some_and(Journal::is_full)
    }

    /// Whether the file has become so large that the writer should wait for a checkpoint.
    pub(crate) fn is_overfull(&self) -> bool {
        self.journal().as_ref().is_some_and(Journal::is_overfull)
    }

    /// Bytes that the next checkpoint will put into sled.
    pub(crate) fn due(&self) -> u64 {
        self.layers.read().unwrap_or_else(PoisonError::into_inner).due()
    }

    /// Whether something is frozen.
    pub(crate) fn is_frozen(&self) -> bool {
        self.layers.read().unwrap_or_else(PoisonError::into_inner).frozen().is_some()
    }

    /// Begins the other file, and says that a checkpoint is to follow; no, if there is nothing to put into sled, or
    /// another checkpoint has not ended.
    pub(crate) fn freeze(&self) -> Result<bool, Cause> {
        self.on_journal(|journal| {
            let number = journal.number();
            if !self.layers.write().unwrap_or_else(PoisonError::into_inner).freeze(number) {
                return Ok(false);
            }
            journal.switch()?;
            Ok(true)
        })
    }

    /// Puts what was frozen into sled. `progress` is called before each part.
    pub(crate) fn checkpoint(&self, progress: &dyn Fn()) -> Result<(), Cause> {
        let frozen = self.layers.read().unwrap_or_else(PoisonError::into_inner).frozen();
        let Some(frozen) = frozen else { return Ok(()) };
        crash_point(Place::CheckpointBegun);
        let Parts { trees, log, log_path, db } = self.parts()?;
        let target = Target { db, trees, log, log_path };
        let mark = checkpoint::put(&target, self.mark(), &frozen.changes, frozen.number, &mut |moment| match moment {
            Moment::Begin if self.is_failed() => Err("the store has failed meanwhile".into()),
            Moment::Begin => {
                progress();
                self.fault.at_checkpoint()
            }
            Moment::Applied => {
                crash_point(Place::CheckpointApplied);
                Ok(())
            }
        })?;
        crash_point(Place::CheckpointDurable);
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = mark;
        self.layers.write().unwrap_or_else(PoisonError::into_inner).thaw();
        Ok(())
    }

    /// Puts everything into sled and empties the files beside it. No checkpoint may be going on.
    /// `progress` is called before each part.
    pub(crate) fn settle(&self, progress: &dyn Fn()) -> Result<(), Cause> {
        // What an earlier one has left, and then what came after it.
        self.checkpoint(progress)?;
        if self.freeze()? {
            self.checkpoint(progress)?;
        }
        self.on_journal(|journal| Ok(journal.clear()?))
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
