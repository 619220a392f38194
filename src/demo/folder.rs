//! The demo's folder: claimed by a marker, locked while a demo runs, emptied only of what a demo
//! wrote.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::DemoError;
use super::plan::NAMES;

/// Name of the file that marks the folder as the demo's.
pub(crate) const MARKER: &str = "FOREWARN-DEMO";

const TEXT: &str = "This folder belongs to `forewarn demo`. `forewarn demo --fresh` deletes the \
                    folders a, b and c in it.\n";

/// A folder that is this demo's until it is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    // the lock on the marker; the system lifts it when the process ends, however it does
    _lock: File,
}

impl Folder {
    /// Takes the folder; creates it if it is missing.
    ///
    /// # Errors
    ///
    /// [`DemoError::Foreign`] for one that has anything in it but no marker, [`DemoError::Busy`]
    /// when another demo has it, [`DemoError::Io`].
    pub(crate) fn claim(dir: &Path) -> Result<Folder, DemoError> {
        let mut builder = fs::DirBuilder::new();
        // secrets will be in it
        let made = builder.recursive(true).mode(0o700).create(dir);
        made.map_err(DemoError::io("make the folder", dir))?;
        let marker = dir.join(MARKER);
        let is_file = match marker.symlink_metadata() {
            Ok(found) => found.is_file(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(DemoError::io("look at", &marker)(error)),
        };
        if !is_file {
            let mut entries = fs::read_dir(dir).map_err(DemoError::io("read the folder", dir))?;
            if entries.next().is_some() {
                return Err(DemoError::Foreign { dir: dir.to_owned() });
            }
        }
        let lock = OpenOptions::new().append(true).create(true).mode(0o600).open(&marker);
        let mut lock = lock.map_err(DemoError::io("write", &marker))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DemoError::Busy { dir: dir.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(DemoError::io("lock", &marker)(error)),
        }
        if !is_file {
            let written = lock.write_all(TEXT.as_bytes());
            written.map_err(DemoError::io("write", &marker))?;
        }
        Ok(Folder { dir: dir.to_owned(), _lock: lock })
    }

    /// Deletes what demos wrote, and nothing else beside it.
    ///
    /// # Errors
    ///
    /// [`DemoError::Io`]; some of it may be gone then.
    pub(crate) fn empty(&self) -> Result<(), DemoError> {
        for name in NAMES {
            let path = self.dir.join(name);
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(DemoError::io("delete", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_folder_is_never_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
        let refused = Folder::claim(folder.path()).unwrap_err();
        assert!(matches!(refused, DemoError::Foreign { .. }));
        assert!(refused.to_string().contains("not touched"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // a link with the marker's name is not a marker
        std::os::unix::fs::symlink("thesis.txt", folder.path().join(MARKER)).unwrap();
        assert!(matches!(Folder::claim(folder.path()), Err(DemoError::Foreign { .. })));
    }

    #[test]
    fn fresh_deletes_what_demos_wrote_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("deep/demo");
        drop(Folder::claim(&dir).unwrap());
        fs::create_dir_all(dir.join("a/store")).unwrap();
        fs::write(dir.join("a/store/db"), "x").unwrap();
        fs::write(dir.join("note.txt"), "mine").unwrap();
        let again = Folder::claim(&dir).unwrap();
        assert!(dir.join("a/store/db").exists());
        again.empty().unwrap();
        assert!(!dir.join("a").exists() && dir.join("note.txt").exists());
        assert!(dir.join(MARKER).exists());
    }

    #[test]
    fn two_demos_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = Folder::claim(folder.path()).unwrap();
        assert!(matches!(Folder::claim(folder.path()), Err(DemoError::Busy { .. })));
        drop(first);
        Folder::claim(folder.path()).unwrap();
    }
}
