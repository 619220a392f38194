//! Errors of the store, worded so that an operator knows what to do.
//!
//! There are two enums for two readers: [`OpenError`] is for the person who starts a node or works on a store,
//! [`StoreError`] for the running node, which turns it into a 503. sled's own errors and panics end here: they
//! are kept as causes, never shown as types, and never unwind further than [`guarded`].

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::gate::Status;
use super::marker::MARKER;
use super::tree::Tree;

/// Why something failed, whatever it was.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why a store could not be opened, checked or copied. Nothing was changed, unless stated.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another `Store` in this one, has it open.
    #[error("the store {} is in use by another forewarn; stop that one first", dir.display())]
    Locked {
        /// The store's folder.
        dir: PathBuf,
    },
    /// It was written, or half migrated, by a newer version. It was not touched.
    #[error(
        "the store {} has layout {found}, and this forewarn knows layouts up to {known} only; \
         start the newer version again, or restore the backup that it made",
        dir.display()
    )]
    Newer {
        /// The store's folder.
        dir: PathBuf,
        /// The layout that it has, or was being migrated to.
        found: u32,
        /// The newest layout that this program knows.
        known: u32,
    },
    /// It can be read in part or not at all.
    #[error(
        "the store {} is damaged: {cause}; keep the folder as it is, and restore a backup or move \
         it away and start anew, then the peers return the notifications that they have",
        dir.display()
    )]
    Damaged {
        /// The store's folder.
        dir: PathBuf,
        /// What was found.
        #[source]
        cause: Cause,
    },
    /// Its database is not there, or empty, although there was one.
    #[error(
        "the store {} has lost its database: its file db is missing or empty; restore a backup, or move the \
         folder away and start anew, then the peers return the notifications that they have",
        dir.display()
    )]
    Gone {
        /// The store's folder.
        dir: PathBuf,
    },
    /// The folder is used for something else.
    #[error(
        "{} is not a forewarn store: it holds {found:?} but no {}; name an empty folder, or one \
         that does not exist yet",
        dir.display(), MARKER
    )]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// One of the names in it.
        found: String,
    },
    /// There is no store, where one was expected.
    #[error("there is no forewarn store at {}", dir.display())]
    Missing {
        /// Where none was found.
        dir: PathBuf,
    },
    /// The place for a copy is taken.
    #[error("{} exists already; a copy is never written over something", to.display())]
    Exists {
        /// Where the copy was to go.
        to: PathBuf,
    },
    /// A copy would leave less than the reserve.
    #[error(
        "too little space at {}: {free} bytes are free, {needed} are needed for a copy of the \
         store and the reserve",
        to.display()
    )]
    Space {
        /// Where the copy was to go.
        to: PathBuf,
        /// Free bytes there.
        free: u64,
        /// Bytes needed there.
        needed: u64,
    },
    /// A migration failed; the backup of the store is complete.
    #[error("migration {number} ({name}) of the store failed: {cause}")]
    Migration {
        /// The layout that it leads to.
        number: u32,
        /// What it does.
        name: &'static str,
        /// What went wrong.
        #[source]
        cause: Cause,
    },
    /// The operating system reported an error.
    #[error("cannot {doing} {}: {cause}", path.display())]
    Io {
        /// What was being done, as a verb with its object's kind.
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

/// Why a running store failed to do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot write at the moment; [`Status`] has the reason. Nothing was submitted.
    #[error("the store takes nothing: {0}")]
    Stopped(Status),
    /// The queue is full. Nothing was submitted.
    #[error("{limit} steps wait to be written already")]
    Full {
        /// The queue's length in steps.
        limit: usize,
    },
    /// A key or value is larger than sled stores well. Nothing was submitted.
    #[error("a {what} of {bytes} bytes for {tree} is larger than {limit} bytes")]
    TooLarge {
        /// `"key"` or `"value"`.
        what: &'static str,
        /// Where it should have gone.
        tree: Tree,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Reading failed; the record, or the store, is damaged.
    #[error("cannot read {tree}: {cause}")]
    Read {
        /// The tree that was read.
        tree: Tree,
        /// What was found.
        #[source]
        cause: Cause,
    },
    /// A synchronous write failed; whether it is in the store is unknown.
    #[error("cannot write to the store: {cause}")]
    Write {
        /// What went wrong.
        #[source]
        cause: Cause,
    },
    /// A synchronous write did not end in time; whether it will be in the store is unknown.
    #[error("a write to the store has not ended within {} s", limit.as_secs_f32())]
    Stalled {
        /// How long was waited.
        limit: Duration,
    },
    /// The store has its writer already.
    #[error("the store has its one writer already")]
    SecondWriter,
    /// A thread could not be started.
    #[error("cannot start a thread for the store: {cause}")]
    Thread {
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

/// sled panicked, with this message.
#[derive(Debug, thiserror::Error)]
#[error("the storage engine gave up: {0}")]
struct Panicked(String);

/// Runs something that may panic inside sled and makes the panic an error.
///
/// sled 0.34 panics on some kinds of damage and of full disks. What it was working on must not be
/// used afterwards for anything but dropping; the callers see to that.
pub(super) fn guarded<T, E: Into<Cause>>(run: impl FnOnce() -> Result<T, E>) -> Result<T, Cause> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(Into::into),
        Err(payload) => Err(Panicked(panic_text(payload.as_ref())).into()),
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it did not say why".to_owned())
}

impl OpenError {
    /// What a failure of sled to open or to read a whole store means for the operator.
    pub(super) fn from_cause(dir: &Path, cause: Cause) -> Self {
        let dir = dir.to_owned();
        match cause.downcast::<sled::Error>() {
            Ok(error) => match *error {
                // sled has no error kind for a lock that is taken.
                sled::Error::Io(io) if io.to_string().contains("could not acquire lock") => Self::Locked { dir },
                sled::Error::Io(io)
                    if !matches!(io.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) =>
                {
                    Self::Io { doing: "open the store", path: dir, cause: io }
                }
                other => Self::Damaged { dir, cause: other.into() },
            },
            Err(cause) => Self::Damaged { dir, cause },
        }
    }

    /// A function for `map_err` that names what was being done to which path.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { doing, path, cause }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_text() {
        let result: Result<(), Cause> = guarded(|| -> Result<(), io::Error> { panic!("page 7") });
        assert!(result.unwrap_err().to_string().contains("page 7"));
    }

    #[test]
    fn a_full_disk_is_not_called_damage_and_a_short_file_is() {
        let dir = Path::new("/data/a");
        let full = sled::Error::Io(io::Error::from(io::ErrorKind::StorageFull));
        assert!(matches!(OpenError::from_cause(dir, full.into()), OpenError::Io { .. }));
        let short = sled::Error::Io(io::Error::from(io::ErrorKind::UnexpectedEof));
        assert!(matches!(OpenError::from_cause(dir, short.into()), OpenError::Damaged { .. }));
    }
}
