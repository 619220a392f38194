//! What readers, the writer and its watchdog share: the open database, and what became of it.
//!
//! Must stay true: nobody gets at the database while a thread hangs inside sled, for that thread may
//! hold a lock that every call of sled needs; and a database that has failed is closed, with every
//! handle to it gone, before it is opened again, as sled keeps its lock until then.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use super::error::{OpenError, StoreError};
use super::fault::Fault;
use super::folder::Folder;
use super::gate::{Gate, Status};
use super::handle::Handle;
use super::migrations::{self, Migration};
use super::{Options, migrate, writer};

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Shared {
    pub options: Options,
    pub reserve: AtomicU64,
    pub gate: Gate,
    pub has_writer: AtomicBool,
    // the watchdog's word, see there
    pub busy: AtomicU64,
    pub fault: Fault,
    // empty only while the store is opened anew, or could not be
    slot: RwLock<Option<Arc<Handle>>>,
    // after the handle, so that the lock is the last to go
    pub folder: Folder,
}

impl Shared {
    /// Takes a folder and opens the database in it.
    pub fn open(dir: &Path, options: Options, migrations: &[Migration], fault: Fault) -> Result<Self, OpenError> {
        let folder = Folder::claim(dir)?;
        let handle = open_handle(&folder, migrations, options.reserve, &fault)?;
        Ok(Self {
            reserve: AtomicU64::new(options.reserve),
            options,
            gate: Gate::new(),
            has_writer: AtomicBool::new(false),
            busy: AtomicU64::new(0),
            fault,
            slot: RwLock::new(Some(Arc::new(handle))),
            folder,
        })
    }

    /// The database, for as long as it can be touched without hanging.
    pub fn handle(&self) -> Result<Arc<Handle>, StoreError> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(handle) if !self.is_stalled() => Ok(Arc::clone(handle)),
            _ => Err(StoreError::Stopped(self.gate.status())),
        }
    }

    /// Whether the database has to be opened anew before it can be written to.
    pub fn is_failed(&self) -> bool {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().is_none_or(|handle| handle.is_failed())
    }

    /// Whether the reserve is free, and to go on after a stop an eighth more.
    pub fn check_space(&self, stopped: bool) -> Result<(), Status> {
        let reserve = self.reserve.load(Ordering::SeqCst);
        let more = if stopped { reserve / 8 } else { 0 };
        self.check_space_for(reserve.saturating_add(more))
    }

    pub fn check_space_for(&self, reserve: u64) -> Result<(), Status> {
        match self.folder.free_space() {
            Ok(free) if free >= reserve => Ok(()),
            Ok(free) => Err(Status::ReserveReached { free, reserve }),
            Err(cause) => Err(writer::failed(format_args!("cannot read the free space: {cause}"), false)),
        }
    }

    /// Gives up a failed handle and opens the database again. On an error it stays given up, and the
    /// status is what to report until the next attempt.
    pub fn reopen(&self) -> Result<(), Status> {
        // readers are told "stopped" meanwhile, rather than kept waiting
        let taken = self.slot_mut().take();
        let closed = match taken.map(Arc::try_unwrap) {
            Some(Ok(handle)) => handle.close(self.options.flush_limit),
            Some(Err(handle)) => {
                // a reader holds it; the next attempt may find it alone
                *self.slot_mut() = Some(handle);
                return Err(writer::failed("the failed store is being read", false));
            }
            None => true,
        };
        if !closed {
            return Err(writer::failed("the failed store does not close", true));
        }
        let reserve = self.reserve.load(Ordering::SeqCst);
        match open_handle(&self.folder, &migrations::all(), reserve, &self.fault) {
            Ok(handle) => {
                *self.slot_mut() = Some(Arc::new(handle));
                Ok(())
            }
            // our own lock is held, so it is sled's, by what hangs in this very process
            Err(OpenError::Locked { .. }) => Err(writer::failed("the failed store keeps its lock", true)),
            Err(error) => Err(writer::failed(error, false)),
        }
    }

    fn slot_mut(&self) -> RwLockWriteGuard<'_, Option<Arc<Handle>>> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the database in a folder and brings it to the newest layout.
fn open_handle(folder: &Folder, migrations: &[Migration], reserve: u64, fault: &Fault) -> Result<Handle, OpenError> {
    let db = migrate::open(folder, migrations, reserve)?;
    Handle::new(folder, db, fault.clone())
}
