//! The folder of a store: its owner, its lock, the place of its database, and repairs that are needed before
//! sled opens it.
//!
//! ```text
//! forewarn-store      one line, see `marker.rs`; it makes the folder ours and carries the lock
//! db conf snap.*      sled's files of generation 0
//! intents-0 intents-1 what sled does not have yet, see `intents.rs`
//! generation-00001/   the same files of a later one
//! damaged-1/          a database that was found damaged, as it was found
//! ```
//!
//! The line names the **generation** that is the store. A database that cannot be trusted is written anew into
//! the next generation; when that is on stable storage, one write of the line puts it in the old one's place
//! ([`super::fresh`]).
//!
//! Must stay true: the line is written in place, because the lock belongs to the file that is open and
//! would not survive a rename; files are for their owner only (0600, folders 0700).

mod generations;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::generations::is_sleds_file;
use super::disk;
use super::error::OpenError;
use super::marker::{MARKER, MAX_LINE, Marker};
use super::tree::Tree;

/// What sled writes into `conf` for the only options that we use.
const SLED_CONF: &[u8] = b"segment_size: 8388608\nuse_compression: false\nversion: 0.34\n";

/// A folder that is ours and locked, until this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    marker: File,
    // As last read or written.
    said: Mutex<Marker>,
}

impl Folder {
    /// Claims a folder for a store that may not exist yet; an existing folder must be empty or a store.
    pub(crate) fn claim(dir: &Path) -> Result<Self, OpenError> {
        make_folder(dir)?;
        if let Some(found) = foreign_entry(dir)? {
            return Err(OpenError::Foreign { dir: dir.to_owned(), found });
        }
        Self::lock(dir, true)
    }

    /// Claims the folder of a store that must exist.
    pub(crate) fn existing(dir: &Path) -> Result<Self, OpenError> {
        if !dir.join(MARKER).is_file() {
            return Err(match foreign_entry(dir) {
                Ok(Some(found)) => OpenError::Foreign { dir: dir.to_owned(), found },
                _ => OpenError::Missing { dir: dir.to_owned() },
            });
        }
        Self::lock(dir, false)
    }

    fn lock(dir: &Path, create: bool) -> Result<Self, OpenError> {
        // The path stays valid if the process changes its working directory, and has a parent.
        let dir = fs::canonicalize(dir).map_err(OpenError::io("find the folder", dir))?;
        let path = dir.join(MARKER);
        let marker = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(OpenError::io("open", &path))?;
        // A child process that is being started holds a copy of every lock for a moment.
        let locked = patiently(|| marker.try_lock(), |error| matches!(error, TryLockError::WouldBlock));
        match locked {
            Ok(()) => Ok(Self { dir, marker, said: Mutex::default() }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir }),
            Err(TryLockError::Error(cause)) => Err(OpenError::Io { doing: "lock", path, cause }),
        }
    }

    /// The folder, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    fn said(&self) -> MutexGuard<'_, Marker> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The content of the marker, as last read or written.
    pub(crate) fn marker(&self) -> Marker {
        *self.said()
    }

    /// Reads the marker; all 0 in a store that was never complete.
    pub(crate) fn read(&self) -> Result<Marker, OpenError> {
        let mut line = [0; MAX_LINE];
        let length = self.marker.read_at(&mut line, 0).map_err(OpenError::io("read", &self.dir.join(MARKER)))?;
        let line = &line[..length];
        // Empty, or zeroes after a power cut: creation was interrupted before anything was acknowledged.
        let read = if line.iter().all(|&byte| byte == 0) {
            Marker::default()
        } else {
            Marker::parse(line).ok_or_else(|| OpenError::Damaged {
                dir: self.dir.clone(),
                cause: format!("its file {MARKER} is not readable").into(),
            })?
        };
        *self.said() = read;
        Ok(read)
    }

    /// Changes the marker. The change survives this process at once, and a power cut some time later.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Marker)) -> Result<(), OpenError> {
        let mut said = self.said();
        let mut next = *said;
        change(&mut next);
        let written = self.marker.write_all_at(next.line().as_bytes(), 0);
        written.map_err(OpenError::io("write", &self.dir.join(MARKER)))?;
        *said = next;
        Ok(())
    }

    /// The same, durably.
    pub(crate) fn write(&self, change: impl FnOnce(&mut Marker)) -> Result<(), OpenError> {
        self.note(change)?;
        self.sync_marker()
    }

    /// The group with this number has become durable; sled has so many records.
    pub(crate) fn note_mark(&self, number: u64, records: [u64; Tree::ALL.len()]) -> Result<(), OpenError> {
        self.note(|said| (said.mark, said.records) = (number, records))
    }

    /// Makes the marker durable.
    pub(crate) fn sync_marker(&self) -> Result<(), OpenError> {
        let path = self.dir.join(MARKER);
        disk::sync_data(&self.marker, &path).map_err(OpenError::io("sync", &path))
    }

    /// Removes leftovers of a crash or a disk that would make sled refuse a sound store: a `conf` that is not
    /// what sled has written (sled never syncs it), and a half-written snapshot, which sled would use as the
    /// newest one.
    pub(crate) fn tidy(&self) -> Result<(), OpenError> {
        let database = self.database();
        let conf = database.join("conf");
        match fs::read(&conf) {
            Ok(text) if is_conf(&text) => {}
            Ok(_) => {
                log::warn!(file:% = conf.display(), note = "its content is not what was written"; "store_repaired");
                remove(&conf)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => {
                return Err(OpenError::Io { doing: "read", path: conf, cause });
            }
        }
        for path in entries(&database)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Gives access to the store to its owner only.
    pub(crate) fn close_to_others(&self) -> Result<(), OpenError> {
        let set = |path: &Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).map_err(OpenError::io("set the mode of", path))
        };
        for folder in [self.dir.clone(), self.database()] {
            for path in entries(&folder)? {
                set(&path, if path.is_dir() { 0o700 } else { 0o600 })?;
            }
            set(&folder, 0o700)?;
        }
        Ok(())
    }

    /// Makes every file of the store, and the names of all of them, durable: sled syncs neither
    /// `conf` nor the folder.
    pub(crate) fn sync(&self) -> Result<(), OpenError> {
        self.sync_generation(self.said().generation)?;
        sync_path(&self.dir.join(MARKER))?;
        sync_path(&self.dir)?;
        match self.dir.parent() {
            Some(parent) => sync_path(parent),
            None => Ok(()),
        }
    }

    /// The same for the files of one generation.
    pub(crate) fn sync_generation(&self, generation: u32) -> Result<(), OpenError> {
        let folder = self.generation(generation);
        for path in entries(&folder)?.into_iter().filter(|path| is_sleds_file(path)) {
            sync_path(&path)?;
        }
        sync_path(&folder)
    }

    /// Bytes that this process may still write in the store's file system.
    pub(crate) fn free_space(&self) -> io::Result<u64> {
        let space = rustix::fs::fstatvfs(&self.marker)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    /// How many files lie in `blobs/`, where none may be (docs/contract.md#what-must-never-happen).
    pub(crate) fn blobs(&self) -> Result<u64, OpenError> {
        let blobs = self.database().join("blobs");
        if !blobs.exists() {
            return Ok(0);
        }
        Ok(entries(&blobs)?.len() as u64)
    }

    /// Bytes in the files of the database.
    pub(crate) fn size(&self) -> Result<u64, OpenError> {
        let mut bytes = 0;
        for path in entries(&self.database())?.into_iter().filter(|path| is_sleds_file(path)) {
            let metadata = path.metadata().map_err(OpenError::io("look at", &path))?;
            bytes += metadata.len();
        }
        Ok(bytes)
    }
}

/// Makes the folder of a store, for its owner only, where it is not there yet.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(dir: &Path) -> Result<(), OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(OpenError::io("create the folder", dir))
}

/// Removes a file, or a folder with all that is in it; one that is not there is gone already.
fn remove(path: &Path) -> Result<(), OpenError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OpenError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The text, and behind it its checksum, the lowest byte first.
fn is_conf(text: &[u8]) -> bool {
    text.strip_prefix(SLED_CONF).is_some_and(|sum| sum == crc32fast::hash(SLED_CONF).to_le_bytes())
}

/// A name in the folder that shows that it is in use for something else.
fn foreign_entry(dir: &Path) -> Result<Option<String>, OpenError> {
    if dir.join(MARKER).exists() {
        return Ok(None);
    }
    let first = entries(dir)?.into_iter().next();
    Ok(first.map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
}

/// What lies in a folder, without what a file system of its own brings along.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .and_then(|list| list.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(OpenError::io("list the folder", dir))?;
    paths.retain(|path| !path.ends_with("lost+found"));
    Ok(paths)
}

/// Tries something again for up to 200 ms while it fails in a way that passes.
pub(super) fn patiently<T, E>(mut attempt: impl FnMut() -> Result<T, E>, passes: impl Fn(&E) -> bool) -> Result<T, E> {
    for _ in 0..20 {
        match attempt() {
            Err(error) if passes(&error) => std::thread::sleep(Duration::from_millis(10)),
            result => return result,
        }
    }
    attempt()
}

/// Makes one file or folder durable.
pub(super) fn sync_path(path: &Path) -> Result<(), OpenError> {
    disk::sync_path(path).map_err(OpenError::io("sync", path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::marker::State;

    #[test]
    fn the_marker_keeps_its_numbers_and_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::claim(dir.path()).unwrap();
        assert_eq!(folder.read().unwrap(), Marker::default());
        folder.note(|said| said.mark = 70_000).unwrap();
        folder.write(|said| (said.begun, said.done, said.state) = (12, 3, State::Closed)).unwrap();
        assert!(matches!(Folder::claim(dir.path()), Err(OpenError::Locked { .. })));
        drop(folder);
        let folder = Folder::existing(dir.path()).unwrap();
        let expected = Marker { begun: 12, done: 3, mark: 70_000, state: State::Closed, ..Marker::default() };
        assert_eq!(folder.read().unwrap(), expected);
        fs::write(dir.path().join(MARKER), "something else").unwrap();
        assert!(matches!(folder.read(), Err(OpenError::Damaged { .. })));
    }

    #[test]
    fn a_folder_with_other_things_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.tex"), "…").unwrap();
        let error = Folder::claim(dir.path()).unwrap_err();
        assert!(matches!(&error, OpenError::Foreign { found, .. } if found == "thesis.tex"));
        assert!(matches!(Folder::existing(dir.path()), Err(OpenError::Foreign { .. })));
        assert_eq!(entries(dir.path()).unwrap().len(), 1);
        let missing = dir.path().join("missing");
        assert!(matches!(Folder::existing(&missing), Err(OpenError::Missing { .. })));
        assert!(!missing.exists());
    }

    #[test]
    fn torn_files_go_and_whole_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::claim(dir.path()).unwrap();
        let conf = dir.path().join("conf");
        for torn in [&SLED_CONF[..20], SLED_CONF, &[0; 64][..], b"", &[SLED_CONF, b"\x01\x02\x03\x04"].concat()] {
            fs::write(&conf, torn).unwrap();
            fs::write(dir.path().join("snap.00FF.generating"), "half").unwrap();
            folder.tidy().unwrap();
            assert!(!conf.exists());
            assert!(!dir.path().join("snap.00FF.generating").exists());
        }
        let whole = [SLED_CONF, &crc32fast::hash(SLED_CONF).to_le_bytes()].concat();
        fs::write(&conf, whole).unwrap();
        fs::write(dir.path().join("snap.00FF"), "whole").unwrap();
        folder.tidy().unwrap();
        assert!(conf.exists() && dir.path().join("snap.00FF").exists());
    }
}
