//! The folder of a store: whose it is, who has it open, and what must be put right before sled looks.
//!
//! Beside sled's files lies `forewarn-store`, one short line. It makes the folder recognizable as
//! ours, it carries the lock, and it names two layouts and a mark:
//!
//! - `begun`: the newest layout that a migration was begun for, written **before** the migration
//!   touches anything. A program that knows less refuses the store without opening it, also when the
//!   migration was cut off in the middle.
//! - `done`: the layout that was complete and durable, written after the one in the `meta` tree. If
//!   the tree then says less, the database was lost or replaced, and must not be taken for a new one.
//! - `mark`: see `mark.rs`; not synced, so after a power cut it may be lower than it was.
//!
//! Must stay true: the line is written in place, in one write of always the same
//! length, far shorter than a disk sector, because
//! the lock belongs to the file that is open and would not survive a rename.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::OpenError;

/// The name of the file that makes a folder a store.
pub const MARKER: &str = "forewarn-store";

/// What sled writes into `conf` for the only options that we use; the checksum of four bytes follows.
const SLED_CONF: &[u8] = b"segment_size: 8388608\nuse_compression: false\nversion: 0.34\n";

/// What the marker says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Layouts {
    pub begun: u32,
    pub done: u32,
    pub mark: u64,
}

/// A folder that is ours and locked, until this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    marker: File,
}

impl Folder {
    /// Takes a folder for a store that may not exist yet; an existing one must be empty or ours.
    pub fn claim(dir: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(dir).map_err(OpenError::io("create the folder", dir))?;
        if let Some(found) = foreign_entry(dir)? {
            return Err(OpenError::Foreign { dir: dir.to_owned(), found });
        }
        Self::lock(dir, true)
    }

    /// Takes the folder of a store that must exist.
    pub fn existing(dir: &Path) -> Result<Self, OpenError> {
        if !dir.join(MARKER).is_file() {
            return Err(match foreign_entry(dir) {
                Ok(Some(found)) => OpenError::Foreign { dir: dir.to_owned(), found },
                _ => OpenError::Missing { dir: dir.to_owned() },
            });
        }
        Self::lock(dir, false)
    }

    fn lock(dir: &Path, create: bool) -> Result<Self, OpenError> {
        // a path that stays right when the process changes its working directory, and has a parent
        let dir = fs::canonicalize(dir).map_err(OpenError::io("find the folder", dir))?;
        let path = dir.join(MARKER);
        let marker = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .open(&path)
            .map_err(OpenError::io("open", &path))?;
        // a process that is just being started by this one holds a copy of every lock for a moment
        let locked = patiently(|| marker.try_lock(), |error| matches!(error, TryLockError::WouldBlock));
        match locked {
            Ok(()) => Ok(Self { dir, marker }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir }),
            Err(TryLockError::Error(cause)) => Err(OpenError::Io { doing: "lock", path, cause }),
        }
    }

    /// The folder, absolute.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// What the marker says; all 0 in a store that was never complete.
    pub fn layouts(&self) -> Result<Layouts, OpenError> {
        let mut line = [0; 128];
        let length = self.marker.read_at(&mut line, 0).map_err(OpenError::io("read", &self.dir.join(MARKER)))?;
        let line = &line[..length];
        // empty, or zeroes after a power cut: the creation was cut off before anything was promised
        if line.iter().all(|&byte| byte == 0) {
            return Ok(Layouts::default());
        }
        parse_layouts(line).ok_or_else(|| OpenError::Damaged {
            dir: self.dir.clone(),
            cause: format!("its file {MARKER} is not readable").into(),
        })
    }

    /// Writes the layouts, durably; the mark stays.
    pub fn set_layouts(&self, begun: u32, done: u32) -> Result<(), OpenError> {
        let mark = self.layouts()?.mark;
        self.write(Layouts { begun, done, mark })?;
        self.marker.sync_all().map_err(OpenError::io("sync", &self.dir.join(MARKER)))
    }

    /// Writes the mark, which survives this process at once and a power cut some time later.
    pub fn set_mark(&self, mark: u64) -> Result<(), OpenError> {
        self.write(Layouts { mark, ..self.layouts()? })
    }

    fn write(&self, Layouts { begun, done, mark }: Layouts) -> Result<(), OpenError> {
        let line = format!("forewarn-store begun={begun:05} done={done:05} mark={mark:020}\n");
        self.marker.write_all_at(line.as_bytes(), 0).map_err(OpenError::io("write", &self.dir.join(MARKER)))
    }

    /// Removes what a crash at a bad moment can leave behind and what would make sled refuse a sound
    /// store: a half-written `conf` (written once, never synced by sled), and a half-written
    /// snapshot, which sled would take for the newest one.
    pub fn tidy(&self) -> Result<(), OpenError> {
        let conf = self.dir.join("conf");
        match fs::read(&conf) {
            Ok(text) if is_torn_conf(&text) => {
                fs::remove_file(&conf).map_err(OpenError::io("remove the torn file", &conf))?;
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => {
                return Err(OpenError::Io { doing: "read", path: conf, cause });
            }
        }
        for path in entries(&self.dir)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                fs::remove_file(&path).map_err(OpenError::io("remove the torn file", &path))?;
            }
        }
        Ok(())
    }

    /// Makes every file of the store, and the names of all of them, durable: sled syncs neither
    /// `conf` nor the folder.
    pub fn sync(&self) -> Result<(), OpenError> {
        for path in entries(&self.dir)? {
            sync_path(&path)?;
        }
        sync_path(&self.dir)?;
        match self.dir.parent() {
            Some(parent) => sync_path(parent),
            None => Ok(()),
        }
    }

    /// Bytes that this process may still write in the store's file system.
    pub fn free_space(&self) -> io::Result<u64> {
        let space = rustix::fs::fstatvfs(&self.marker)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    /// How many files lie in `blobs/`, where none may be (SPEC 9).
    pub fn blobs(&self) -> Result<u64, OpenError> {
        let blobs = self.dir.join("blobs");
        if !blobs.exists() {
            return Ok(0);
        }
        Ok(entries(&blobs)?.len() as u64)
    }

    /// Bytes in the store's files.
    pub fn size(&self) -> Result<u64, OpenError> {
        let mut bytes = 0;
        for path in entries(&self.dir)? {
            let metadata = path.metadata().map_err(OpenError::io("look at", &path))?;
            bytes += metadata.len();
        }
        Ok(bytes)
    }
}

fn parse_layouts(line: &[u8]) -> Option<Layouts> {
    let line = std::str::from_utf8(line).ok()?.lines().next()?;
    let mut words = line.strip_prefix("forewarn-store ")?.split(' ');
    let begun = words.next()?.strip_prefix("begun=")?.parse().ok()?;
    let done = words.next()?.strip_prefix("done=")?.parse().ok()?;
    let mark = words.next()?.strip_prefix("mark=")?.parse().ok()?;
    Some(Layouts { begun, done, mark })
}

fn is_torn_conf(text: &[u8]) -> bool {
    let whole = SLED_CONF.len() + size_of::<u32>();
    let cut_off = text.len() < whole && SLED_CONF.starts_with(&text[..text.len().min(SLED_CONF.len())]);
    cut_off || text.iter().all(|&byte| byte == 0)
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
    File::open(path).and_then(|file| file.sync_all()).map_err(OpenError::io("sync", path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_keeps_its_numbers_and_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::claim(dir.path()).unwrap();
        assert_eq!(folder.layouts().unwrap(), Layouts::default());
        folder.set_mark(70_000).unwrap();
        folder.set_layouts(12, 3).unwrap();
        assert!(matches!(Folder::claim(dir.path()), Err(OpenError::Locked { .. })));
        drop(folder);
        let folder = Folder::existing(dir.path()).unwrap();
        let expected = Layouts { begun: 12, done: 3, mark: 70_000 };
        assert_eq!(folder.layouts().unwrap(), expected);
        fs::write(dir.path().join(MARKER), "something else").unwrap();
        assert!(matches!(folder.layouts(), Err(OpenError::Damaged { .. })));
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
        for torn in [&SLED_CONF[..20], SLED_CONF, &[0; 64][..], b""] {
            fs::write(&conf, torn).unwrap();
            fs::write(dir.path().join("snap.00FF.generating"), "half").unwrap();
            folder.tidy().unwrap();
            assert!(!conf.exists());
            assert!(!dir.path().join("snap.00FF.generating").exists());
        }
        let whole = [SLED_CONF, b"\x01\x02\x03\x04"].concat();
        fs::write(&conf, whole).unwrap();
        fs::write(dir.path().join("snap.00FF"), "whole").unwrap();
        folder.tidy().unwrap();
        assert!(conf.exists() && dir.path().join("snap.00FF").exists());
    }
}
