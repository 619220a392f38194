//! Where the database lies: the generations of a store, and the copy of one that is being checked.
//!
//! Must stay true: only the generation that the marker names is the store; a database that was found damaged is
//! kept.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{Folder, entries, remove};
use crate::store::disk;
use crate::store::error::OpenError;
use crate::store::intents::FILES;

impl Folder {
    /// The folder of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.generation(self.said().generation)
    }

    /// The folder of a generation.
    pub(crate) fn generation(&self, generation: u32) -> PathBuf {
        if generation == 0 { self.dir.clone() } else { self.dir.join(generation_name(generation)) }
    }

    /// Removes what is left of generations that are not the store: one that was not finished, or one
    /// that was replaced.
    pub(crate) fn remove_other_generations(&self) -> Result<(), OpenError> {
        let current = self.said().generation;
        for path in entries(&self.dir)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let other = name.starts_with(GENERATION) && name != generation_name(current).as_str();
            if other || (current > 0 && is_sleds(&name)) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Drops the kernel's cache of the database, so that the next read comes from the disk. An error is one
    /// that the disk reported for an earlier write.
    pub(crate) fn forget_cached(&self) -> io::Result<()> {
        for name in ["db"].iter().chain(&FILES) {
            let path = self.database().join(name);
            let Ok(file) = File::open(&path) else { continue };
            disk::sync_data(&file, &path)?;
            // Only advice: what is not forgotten has been synced without an error.
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
        Ok(())
    }

    /// Keeps a copy of the database as it is now, before sled repairs it in its way: [`Folder::put_aside`]
    /// or [`Folder::drop_copy`] says what becomes of it. False if there is no room for it.
    pub(crate) fn copy_database(&self, reserve: u64) -> Result<bool, OpenError> {
        self.drop_copy()?;
        let room = self.free_space().map_err(OpenError::io("read the free space of", &self.dir))?;
        if room < self.size()?.saturating_add(reserve) {
            return Ok(false);
        }
        let copy = self.dir.join(COPY);
        DirBuilder::new().mode(0o700).create(&copy).map_err(OpenError::io("create the folder", &copy))?;
        for from in entries(&self.database())?.into_iter().filter(|path| is_sleds_file(path)) {
            let to = copy.join(from.file_name().unwrap_or_default());
            fs::copy(&from, &to).map_err(OpenError::io("copy", &from))?;
        }
        Ok(true)
    }

    /// Removes the copy.
    pub(crate) fn drop_copy(&self) -> Result<(), OpenError> {
        remove(&self.dir.join(COPY))
    }

    /// Puts the copy, or where there was no room for one this generation's files, under a name that
    /// stays; the folder.
    pub(crate) fn put_aside(&self, generation: u32) -> Result<PathBuf, OpenError> {
        let mut names = (1_u32..).map(|number| self.dir.join(format!("damaged-{number}")));
        let to = names.find(|path| path.symlink_metadata().is_err()).unwrap_or_default();
        let copy = self.dir.join(COPY);
        let whole = if copy.exists() { Some(copy) } else { (generation > 0).then(|| self.generation(generation)) };
        let moved = |from: &Path, to: &Path| fs::rename(from, to).map_err(OpenError::io("put aside", from));
        match whole {
            Some(whole) => moved(&whole, &to)?,
            None => {
                DirBuilder::new().mode(0o700).create(&to).map_err(OpenError::io("create the folder", &to))?;
                for from in entries(&self.dir)?.into_iter().filter(|path| is_sleds_file(path)) {
                    moved(&from, &to.join(from.file_name().unwrap_or_default()))?;
                }
            }
        }
        Ok(to)
    }

    /// Removes sled's snapshots: it reads its whole log then.
    pub(crate) fn remove_snapshots(&self) -> Result<(), OpenError> {
        for path in entries(&self.database())? {
            if path.file_name().unwrap_or_default().to_string_lossy().starts_with("snap.") {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// How the folders of generations begin.
const GENERATION: &str = "generation-";

/// A copy of a database that is being checked.
const COPY: &str = "unchecked";

fn generation_name(generation: u32) -> String {
    format!("{GENERATION}{generation:05}")
}

/// Whether a file or folder of this name belongs to a database.
fn is_sleds(name: &str) -> bool {
    matches!(name, "db" | "conf" | "blobs") || name.starts_with("snap.") || FILES.contains(&name)
}

pub(super) fn is_sleds_file(path: &Path) -> bool {
    is_sleds(&path.file_name().unwrap_or_default().to_string_lossy()) && !path.is_dir()
}
