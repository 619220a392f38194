//! State that readers, the writer and its watchdog share: the open database, and its status.
//!
//! Must stay true: no thread gets access to the database while another hangs inside sled, because that one may
//! hold a lock that every call of sled needs; a failed database is closed, with every handle to it dropped,
//! before it is opened again, because sled keeps its lock until then.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use super::checkpoint::space_for;
use super::error::{OpenError, StoreError};
use super::fault::Fault;
use super::folder::Folder;
use super::gate::{Gate, Status};
use super::handle::Handle;
use super::marker::State;
use super::migrations::{self, Migration};
use super::open::{self, Opened};
use super::options::Options;
use super::timings::Timings;
use super::watched::Watched;

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Shared {
    pub options: Options,
    pub reserve: AtomicU64,
    pub gate: Gate,
    pub has_writer: AtomicBool,
    /// Writing and syncing a group.
    pub writing: Watched,
    /// Putting groups into sled.
    pub checkpointing: Watched,
    pub fault: Fault,
    pub timings: Timings,
    // Empty only while the store is reopened, or if that failed.
    slot: RwLock<Option<Arc<Handle>>>,
    // After the handle, so that the lock is released last.
    pub folder: Folder,
}

impl Shared {
    /// Takes a folder and opens the database in it.
    pub(crate) fn open(
        dir: &Path,
        options: Options,
        migrations: &[Migration],
        fault: Fault,
    ) -> Result<Self, OpenError> {
        let folder = Folder::claim(dir)?;
        let Opened { handle, trouble } = open::open(&folder, migrations, options.reserve, &fault)?;
        let gate = Gate::new();
        if let Some(status) = trouble {
            gate.stop(status);
        }
        Ok(Self {
            reserve: AtomicU64::new(options.reserve),
            options,
            gate,
            has_writer: AtomicBool::new(false),
            writing: Watched::default(),
            checkpointing: Watched::default(),
            fault,
            timings: Timings::default(),
            slot: RwLock::new(Some(Arc::new(handle))),
            folder,
        })
    }

    /// The database, for as long as it can be touched without hanging.
    pub(crate) fn handle(&self) -> Result<Arc<Handle>, StoreError> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(handle) if !self.is_stalled() => Ok(Arc::clone(handle)),
            _ => Err(StoreError::Stopped(self.gate.status())),
        }
    }

    /// Whether a thread hangs that holds the database.
    pub(crate) fn is_stalled(&self) -> bool {
        self.writing.is_given_up() || self.checkpointing.is_given_up()
    }

    /// Whether the database has to be opened anew before it can be written to.
    pub(crate) fn is_failed(&self) -> bool {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().is_none_or(|handle| handle.is_failed())
    }

    /// Whether the reserve is free, and to go on after a stop an eighth more.
    pub(crate) fn check_space(&self, stopped: bool) -> Result<(), Status> {
        let reserve = self.reserve.load(Ordering::SeqCst);
        let more = if stopped { reserve / 8 } else { 0 };
        self.check_space_for(reserve.saturating_add(more))
    }

    /// Whether there is space to put groups into sled, which may hang on a full disk.
    pub(crate) fn check_space_for_checkpoint(&self, handle: &Handle) -> Result<(), Status> {
        self.check_space_for(space_for(self.reserve.load(Ordering::SeqCst), handle.due()))
    }

    pub(crate) fn check_space_for(&self, reserve: u64) -> Result<(), Status> {
        match self.folder.free_space() {
            Ok(free) if free >= reserve => Ok(()),
            Ok(free) => Err(Status::ReserveReached { free, reserve }),
            Err(cause) => Err(Status::failed(format_args!("cannot read the free space: {cause}"), false)),
        }
    }

    /// A write or a sync through this handle has failed, or has not ended. A sync that has failed is noted in
    /// the folder, too: this process may die before it has written the database anew.
    pub(crate) fn give_up(&self, handle: &Handle, synced: bool) {
        handle.mark_failed();
        if !synced && let Err(error) = self.folder.note(|said| said.state = State::Failed) {
            log::error!(error:%; "store_not_marked");
        }
    }

    /// Gives up a failed handle and opens the database again, or writes it anew. On an error it stays
    /// given up, and the status is what to report until the next attempt.
    pub(crate) fn reopen(&self) -> Result<(), Status> {
        if self.is_stalled() {
            return Err(Status::failed("the failed store is held by a thread that hangs", true));
        }
        // Meanwhile readers get "stopped" instead of waiting.
        let taken = self.slot_mut().take();
        let closed = match taken.map(Arc::try_unwrap) {
            Some(Ok(handle)) => handle.close(self.options.flush_limit),
            Some(Err(handle)) => {
                // A reader holds it; the next attempt may succeed.
                *self.slot_mut() = Some(handle);
                return Err(Status::failed("the failed store is being read", false));
            }
            None => true,
        };
        if !closed {
            return Err(Status::failed("the failed store does not close", true));
        }
        let reserve = self.reserve.load(Ordering::SeqCst);
        match open::open(&self.folder, &migrations::all(), reserve, &self.fault) {
            Ok(Opened { handle, trouble }) => {
                *self.slot_mut() = Some(Arc::new(handle));
                trouble.map_or(Ok(()), Err)
            }
            // Our own lock is held, so sled's is held by a thread that hangs in this process.
            Err(OpenError::Locked { .. }) => Err(Status::failed("the failed store keeps its lock", true)),
            Err(error) => Err(Status::failed(error, false)),
        }
    }

    /// A store that was closed in good order is written to again.
    pub(crate) fn begin_writing(&self) -> Result<(), OpenError> {
        match self.folder.marker().state {
            State::Closed => self.folder.write(|said| said.state = State::Open),
            State::Open | State::Failed => Ok(()),
        }
    }

    /// Everything is durable and nothing writes any more: puts all of it into sled, and records this in the folder,
    /// so that the next start need not check the store. Does nothing after a failure, or without the space for it.
    pub(crate) fn close_in_order(&self) {
        let Ok(handle) = self.handle() else { return };
        if self.folder.marker().state != State::Open || handle.is_failed() {
            return;
        }
        if let Err(status) = self.check_space_for_checkpoint(&handle) {
            return log::warn!(error:% = status, note = "it is checked at the next start"; "store_not_closed");
        }
        let mark = |handle: &Handle| self.folder.note_mark(handle.mark().number, handle.mark().records());
        self.checkpointing.begin();
        let settled = handle.settle(&|| self.checkpointing.next());
        let settled = if self.checkpointing.end() { settled } else { Err("a flush took longer than it may".into()) };
        let closed = settled.and_then(|()| Ok(mark(&handle)?));
        let noted = closed.and_then(|()| Ok(self.folder.write(|said| said.state = State::Closed)?));
        if let Err(error) = noted {
            self.give_up(&handle, false);
            log::error!(error:%, note = "it is checked at the next start"; "store_not_closed");
        }
    }

    fn slot_mut(&self) -> RwLockWriteGuard<'_, Option<Arc<Handle>>> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // For a store that had no writer; a writer does this when it ends.
        self.close_in_order();
    }
}
