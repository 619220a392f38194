//! The node's disk: five trees of bytes, one writer, and the promise that durable means durable.
//!
//! This room knows how bytes get to stable storage and back; what the bytes mean is encoded next door
//! in `records`, and when they are written is the repeater's business. Nobody but this room and
//! `migrations/` names sled.
//!
//! ```text
//! Store::open ─ folder (whose? locked? torn files) ─ migrate ─ handle (sled, trees)
//!      │
//!      ├─ get, scan                      reads, from any thread
//!      ├─ write_sync                     boot: one durable write, waited for
//!      └─ writer ─ queue ─ store-writer  group commit; gate says at any time whether it takes steps
//!                          store-watchdog  notices a flush that hangs
//! check, backup ─ for a store that no node has open
//! ```
//!
//! What must stay true (SPEC 9): what was reported durable survives `kill -9` and a power cut; a step
//! is there wholly or not at all; a store that cannot write says so at once and goes on by itself;
//! nothing that a disk holds makes the process panic.

use std::fmt;
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

mod check;
mod copy;
pub mod crash;
mod error;
mod fault;
mod folder;
mod gate;
mod handle;
mod migrate;
#[path = "../../migrations/mod.rs"]
mod migrations;
pub mod record;
mod scan;
mod watchdog;
mod writer;

#[cfg(test)]
mod tests;

pub use check::{Report, TreeReport, check};
pub use copy::{Copied, backup};
pub use error::{Cause, OpenError, StoreError};
pub use folder::MARKER;
pub use gate::Status;
pub use migrate::LAYOUT_KEY;
pub use scan::{Direction, Scan};
pub use writer::{GROUP_STEPS, Writer, WriterEvent};

use fault::Fault;
use folder::Folder;
use gate::Gate;
use handle::{Changes, Handle};

/// Bytes that a key may have.
pub const MAX_KEY: usize = 1_024;

/// Bytes that a value may have. sled's leaves hold up to some 20 records, and must stay below 2 MiB
/// to be kept in the log, which is synced, rather than in files beside it, which are not.
pub const MAX_VALUE: usize = 80 * 1_024;

/// The trees, in the order in which a step changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tree {
    /// The node's own facts: its id, boot number, greatest stamp, the layout under [`LAYOUT_KEY`].
    Meta,
    /// The merging set of notifications.
    Ledger,
    /// What peers have not confirmed yet.
    Outbox,
    /// What was, for people.
    History,
    /// Accepted and not yet worked in.
    Pending,
}

impl Tree {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Meta, Self::Ledger, Self::Outbox, Self::History, Self::Pending];

    /// Its name on disk and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Ledger => "ledger",
            Self::Outbox => "outbox",
            Self::History => "history",
            Self::Pending => "pending",
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where.
    pub tree: Tree,
    /// Which key, up to [`MAX_KEY`] bytes.
    pub key: Vec<u8>,
    /// Its new value, up to [`MAX_VALUE`] bytes, or nothing to remove it.
    pub value: Option<Vec<u8>>,
}

impl Write {
    /// Sets a key.
    #[must_use]
    pub fn put(tree: Tree, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self { tree, key: key.into(), value: Some(value.into()) }
    }

    /// Removes a key, if it is there.
    #[must_use]
    pub fn remove(tree: Tree, key: impl Into<Vec<u8>>) -> Self {
        Self { tree, key: key.into(), value: None }
    }
}

/// How a store behaves; none of it is written down in it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes that must stay free in the file system; below, nothing is written. Going on takes an
    /// eighth more. Less than 16 MiB risks that sled's next segment finds no room.
    pub reserve: u64,
    /// How long a group of steps may take until the store counts as hanging.
    pub flush_limit: Duration,
    /// Steps that may wait.
    pub commit_queue: usize,
    /// How often an idle writer looks at the free space, and a stopped one whether it can go on.
    pub recheck: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            reserve: 64 * 1024 * 1024,
            flush_limit: Duration::from_secs(5),
            commit_queue: 4_096,
            recheck: Duration::from_secs(1),
        }
    }
}

/// An open store. Clones share it; the last one, its [`Writer`] and its [`Scan`]s close it.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    reserve: AtomicU64,
    gate: Gate,
    has_writer: AtomicBool,
    // the watchdog's word, see there
    busy: AtomicU64,
    fault: Fault,
    // empty only while the store is opened anew, or could not be
    slot: RwLock<Option<Arc<Handle>>>,
    // after the handle, so that the lock is the last to go
    folder: Folder,
}

impl Store {
    /// Opens the store in a folder, or creates it there: takes the lock, runs the migrations that are
    /// due, and looks at the free space (a full disk does not keep a store from opening).
    ///
    /// # Errors
    /// Each of [`OpenError`] but `Missing` and `Exists`.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_with(dir, options, &migrations::all(), Fault::default())
    }

    fn open_with(
        dir: &Path,
        options: Options,
        migrations: &[migrations::Migration],
        fault: Fault,
    ) -> Result<Self, OpenError> {
        let folder = Folder::claim(dir)?;
        let handle = open_handle(&folder, migrations, options.reserve, &fault)?;
        let shared = Shared {
            reserve: AtomicU64::new(options.reserve),
            options,
            gate: Gate::new(),
            has_writer: AtomicBool::new(false),
            busy: AtomicU64::new(0),
            fault,
            slot: RwLock::new(Some(Arc::new(handle))),
            folder,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The value of a key.
    ///
    /// # Errors
    /// `Stopped` while the store hangs or is opened anew, `Read` if it is damaged.
    pub fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let handle = self.shared.handle()?;
        let value = error::guarded(|| -> Result<_, Cause> { Ok(handle.tree(tree)?.get(key)?) });
        let value = value.map_err(|cause| StoreError::Read { tree, cause })?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// The records whose keys lie in a range. What is written meanwhile may or may not be seen.
    ///
    /// Drop the iterator soon: while it lives the store cannot be opened anew after a failure.
    ///
    /// # Errors
    /// As [`Store::get`]; the iterator ends after its first error.
    pub fn scan(
        &self,
        tree: Tree,
        range: impl RangeBounds<Vec<u8>>,
        direction: Direction,
    ) -> Result<Scan, StoreError> {
        let handle = self.shared.handle()?;
        Scan::new(handle, tree, direction, |tree| tree.range(range))
    }

    /// The records whose keys begin with a prefix; otherwise as [`Store::scan`].
    ///
    /// # Errors
    /// As [`Store::scan`].
    pub fn scan_prefix(
        &self,
        tree: Tree,
        prefix: &[u8],
        direction: Direction,
    ) -> Result<Scan, StoreError> {
        let handle = self.shared.handle()?;
        Scan::new(handle, tree, direction, |tree| tree.scan_prefix(prefix))
    }

    /// Applies writes as one step and waits until they are on stable storage. For the boot, before
    /// there is a writer. It needs a quarter of the reserve only, so that a node on a full disk starts
    /// and answers from what it knows.
    ///
    /// # Errors
    /// `Stopped` and `TooLarge`: nothing was written. `Write` and `Stalled`: unknown; the store writes
    /// nothing more.
    pub fn write_sync(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        check_sizes(&writes)?;
        let shared = &self.shared;
        let reserve = shared.reserve.load(Ordering::SeqCst) / 4;
        shared.check_space_for(reserve).map_err(StoreError::Stopped)?;
        let handle = shared.handle()?;
        if handle.is_failed() {
            return Err(StoreError::Stopped(shared.gate.status()));
        }
        let mut changes = Changes::default();
        changes.add(writes);
        let (done, wait) = mpsc::channel();
        let run = {
            let handle = Arc::clone(&handle);
            move || {
                let result = handle.apply(&changes).and_then(|()| handle.flush());
                // nobody listens any more if it took too long
                done.send(result.and_then(|()| handle.sync())).ok();
            }
        };
        std::thread::Builder::new()
            .name("store-sync".to_owned())
            .spawn(run)
            .map_err(|cause| StoreError::Thread { cause })?;
        let limit = shared.options.flush_limit;
        let result = match wait.recv_timeout(limit) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(cause)) => StoreError::Write { cause },
            Err(_elapsed) => StoreError::Stalled { limit },
        };
        handle.mark_failed();
        shared.gate.stop(writer::failed(&result, matches!(result, StoreError::Stalled { .. })));
        Err(result)
    }

    /// Starts the one writer. `on_event` is called on its thread, one event at a time, and must not
    /// block; see [`Writer`] for what the events ask for.
    ///
    /// # Errors
    /// `SecondWriter` or `Thread`.
    pub fn writer(
        &self,
        on_event: impl FnMut(WriterEvent) + Send + 'static,
    ) -> Result<Writer, StoreError> {
        writer::start(&self.shared, on_event)
    }

    /// What the store can do, as the writer last saw it; costs two atomic reads.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.gate.status()
    }

    /// As [`Store::status`], with a look at the free space; costs one system call.
    #[must_use]
    pub fn recheck(&self) -> Status {
        match (self.shared.gate.status(), self.shared.check_space(false)) {
            (Status::Writable, Err(status)) => status,
            (status, _) => status,
        }
    }

    /// Changes the reserve of a running store, in bytes.
    pub fn set_reserve(&self, bytes: u64) {
        self.shared.reserve.store(bytes, Ordering::SeqCst);
    }
}

impl Shared {
    /// The database, for as long as it can be touched without hanging.
    fn handle(&self) -> Result<Arc<Handle>, StoreError> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(handle) if !self.is_stalled() => Ok(Arc::clone(handle)),
            _ => Err(StoreError::Stopped(self.gate.status())),
        }
    }

    /// Whether the database has to be opened anew before it can be written to.
    fn is_failed(&self) -> bool {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().is_none_or(|handle| handle.is_failed())
    }

    /// Whether the reserve is free, and to go on after a stop an eighth more.
    fn check_space(&self, stopped: bool) -> Result<(), Status> {
        let reserve = self.reserve.load(Ordering::SeqCst);
        let more = if stopped { reserve / 8 } else { 0 };
        self.check_space_for(reserve.saturating_add(more))
    }

    fn check_space_for(&self, reserve: u64) -> Result<(), Status> {
        match self.folder.free_space() {
            Ok(free) if free >= reserve => Ok(()),
            Ok(free) => Err(Status::ReserveReached { free, reserve }),
            Err(cause) => {
                Err(writer::failed(format_args!("cannot read the free space: {cause}"), false))
            }
        }
    }

    /// Gives up a failed handle and opens the database again. On an error it stays given up, and the
    /// status is what to report until the next attempt.
    fn reopen(&self) -> Result<(), Status> {
        // readers are told "stopped" meanwhile, rather than kept waiting
        let taken = self.slot_mut().take();
        match taken.map(Arc::try_unwrap) {
            Some(Ok(handle)) => {
                if !handle.close(self.options.flush_limit) {
                    return Err(writer::failed("the failed store does not close", true));
                }
            }
            Some(Err(handle)) => {
                // a reader holds it; the next attempt may find it alone
                *self.slot_mut() = Some(handle);
                return Err(writer::failed("the failed store is being read", false));
            }
            None => {}
        }
        let reserve = self.reserve.load(Ordering::SeqCst);
        match open_handle(&self.folder, &migrations::all(), reserve, &self.fault) {
            Ok(handle) => {
                *self.slot_mut() = Some(Arc::new(handle));
                Ok(())
            }
            // our own lock is held, so it is sled's, by what hangs in this very process
            Err(OpenError::Locked { .. }) => {
                Err(writer::failed("the failed store keeps its lock", true))
            }
            Err(error) => Err(writer::failed(error, false)),
        }
    }

    fn slot_mut(&self) -> RwLockWriteGuard<'_, Option<Arc<Handle>>> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_handle(
    folder: &Folder,
    migrations: &[migrations::Migration],
    reserve: u64,
    fault: &Fault,
) -> Result<Handle, OpenError> {
    let db = migrate::open(folder, migrations, reserve)?;
    Handle::new(folder, db, fault.clone())
}

fn check_sizes(writes: &[Write]) -> Result<(), StoreError> {
    let check = |what, tree, bytes, limit| {
        if bytes <= limit { Ok(()) } else { Err(StoreError::TooLarge { what, tree, bytes, limit }) }
    };
    for Write { tree, key, value } in writes {
        check("key", *tree, key.len(), MAX_KEY)?;
        check("value", *tree, value.as_ref().map_or(0, Vec::len), MAX_VALUE)?;
    }
    Ok(())
}
