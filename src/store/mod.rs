//! The node's disk: five trees of bytes, one writer, and the promise that durable means durable.
//!
//! This room knows how bytes get to stable storage and back; `records` encodes what they mean, and the repeater
//! decides when they are written. Only this room and `migrations/` name sled.
//!
//! ```text
//! Store::open ─ folder (whose? locked? torn files) ─ open (checked? written anew?) ─ migrate ─ handle (sled, trees)
//!      │
//!      ├─ get, scan                      reads, from any thread
//!      ├─ write_sync                     boot: one durable write, waited for
//!      └─ writer ─ queue ─ store-writer  group commit; gate says at any time whether it takes steps
//!                          store-checkpoint  puts many groups into sled
//!                          store-watchdog  notices a sync or a flush that hangs
//! check, backup ─ for a store that no node has open
//! ```
//!
//! What must stay true (docs/contract.md#what-must-never-happen): data reported durable survives `kill -9` and
//! a power cut; a step is there wholly or not at all; a store that cannot write reports it at once and recovers
//! by itself; no content of a disk makes the process panic.

use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

mod backup;
mod bytes;
mod changes;
mod check;
mod checkpoint;
mod checkpoints;
mod copy;
pub mod crash;
mod disk;
mod error;
mod fault;
mod folder;
mod fresh;
mod gate;
mod group;
mod handle;
mod intents;
mod layers;
pub(crate) mod mark;
pub(crate) mod marker;
mod migrate;
#[path = "../../migrations/mod.rs"]
mod migrations;
mod open;
mod options;
pub mod record;
pub mod records;
mod scan;
pub(crate) mod seeded;
mod shared;
mod timings;
mod tree;
mod verify;
mod watchdog;
mod watched;
mod work;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::backup;
pub use bytes::{MAX_KEY, MAX_VALUE, Write};
pub use check::{Report, TreeReport, check};
pub use copy::Copied;
pub use error::{Cause, OpenError, StoreError};
pub use folder::make_folder;
pub use gate::Status;
pub use group::GROUP_STEPS;
pub use marker::MARKER;
pub use options::Options;
pub use scan::{Direction, Scan};
pub use timings::Timings;
pub use tree::Tree;
pub(crate) use tree::is_own;
pub use work::WriterEvent;
pub use writer::Writer;

use bytes::check_sizes;
use changes::Changes;
use fault::Fault;
use handle::Handle;
use shared::Shared;

/// An open store. Clones share it; the last one, its [`Writer`] and its [`Scan`]s close it.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
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
        let shared = Shared::open(dir, options, migrations, fault)?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The value of a key.
    ///
    /// # Errors
    /// `Stopped` while the store hangs or is opened anew, `Read` if it is damaged.
    pub fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let handle = self.shared.handle()?;
        let value = error::guarded(|| handle.get(tree, key));
        let value = value.map_err(|cause| StoreError::Read { tree, cause })?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// The records whose keys lie in a range. What is written meanwhile may or may not be seen.
    ///
    /// Drop the iterator soon: while it lives the store cannot be opened anew after a failure.
    ///
    /// # Errors
    /// As [`Store::get`]; the iterator ends after its first error.
    pub fn scan(&self, tree: Tree, range: impl RangeBounds<Vec<u8>>, direction: Direction) -> Result<Scan, StoreError> {
        let handle = self.shared.handle()?;
        Scan::new(handle, tree, direction, range)
    }

    /// The records whose keys begin with a prefix; otherwise as [`Store::scan`].
    ///
    /// # Errors
    /// As [`Store::scan`].
    pub fn scan_prefix(&self, tree: Tree, prefix: &[u8], direction: Direction) -> Result<Scan, StoreError> {
        let handle = self.shared.handle()?;
        Scan::new(handle, tree, direction, (Bound::Included(prefix.to_vec()), end_of(prefix)))
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
        shared.begin_writing().map_err(|error| StoreError::Write { cause: error.into() })?;
        let (done, wait) = mpsc::channel();
        let may_checkpoint = shared.check_space_for_checkpoint(&handle).is_ok();
        let run = {
            let handle = Arc::clone(&handle);
            move || {
                let result = write(&handle, changes, may_checkpoint);
                // The receiver is gone if it took too long.
                done.send(result).ok();
            }
        };
        std::thread::Builder::new()
            .name("store-sync".to_owned())
            .spawn(run)
            .map_err(|cause| StoreError::Thread { cause })?;
        let limit = shared.options.flush_limit;
        let result = match wait.recv_timeout(limit) {
            Ok(Ok(number)) => {
                let noted = shared.folder.note_mark(number, handle.mark().records());
                return noted.map_err(|error| StoreError::Write { cause: error.into() });
            }
            Ok(Err(cause)) => StoreError::Write { cause },
            Err(_elapsed) => StoreError::Stalled { limit },
        };
        shared.give_up(&handle, false);
        shared.gate.stop(Status::failed(&result, matches!(result, StoreError::Stalled { .. })));
        Err(result)
    }

    /// Starts the one writer. `on_event` is called on its thread, one event at a time, and must not
    /// block; see [`Writer`] for what the events ask for.
    ///
    /// # Errors
    /// `SecondWriter` or `Thread`.
    pub fn writer(&self, on_event: impl FnMut(WriterEvent) + Send + 'static) -> Result<Writer, StoreError> {
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

    /// How long steps take, and how many share a sync.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.shared.timings
    }

    /// Whether records were lost and no full merge has made up for them yet.
    #[must_use]
    pub fn is_missing_records(&self) -> bool {
        self.shared.folder.marker().missing
    }

    /// A full merge has restored the lost records that peers have.
    ///
    /// # Errors
    /// `Write`: the next start merges once more.
    pub fn made_good(&self) -> Result<(), StoreError> {
        let written = self.shared.folder.write(|said| said.missing = false);
        written.map_err(|error| StoreError::Write { cause: error.into() })
    }

    /// Changes the reserve of a running store, in bytes.
    pub fn set_reserve(&self, bytes: u64) {
        self.shared.reserve.store(bytes, Ordering::SeqCst);
    }
}

/// Where the keys with this prefix end.
fn end_of(prefix: &[u8]) -> Bound<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX);
    last.map_or(Bound::Unbounded, |last| {
        let mut end = prefix[..=last].to_vec();
        end[last] += 1;
        Bound::Excluded(end)
    })
}

/// Makes changes durable without a writer; the number of their group.
fn write(handle: &Handle, changes: Changes, may_checkpoint: bool) -> Result<u64, Cause> {
    let number = handle.append(&changes)?;
    handle.sync()?;
    handle.keep(changes);
    if may_checkpoint && handle.is_full() && handle.freeze()? {
        handle.checkpoint(&|| ())?;
    }
    Ok(number)
}
