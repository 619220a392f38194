//! Copies of a whole store: the backup before a migration, and `forewarn store backup`.
//!
//! A copy is made record by record into a new store. So it proves that every record can be read, and it is
//! compact, while sled's own file never shrinks. It is built under the name `TO.partial` and renamed when it is
//! complete and synced: a store with the final name is complete.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use sled::IVec;

use super::error::{Cause, OpenError, guarded};
use super::folder::{Folder, sync_path};
use super::handle::open_sled;
use super::marker::{Marker, State};

/// Records and bytes that are written to the copy at once.
const BATCH_RECORDS: usize = 256;
const BATCH_BYTES: usize = 1024 * 1024;

/// An empty store has some megabytes already.
pub(super) const EMPTY_BYTES: u64 = 16 * 1024 * 1024;

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Records, in all trees.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// Copies an open database to which nothing is written.
pub(super) fn copy_store(
    from: &Folder,
    db: &sled::Db,
    layout: u32,
    to: &Path,
    reserve: u64,
) -> Result<Copied, OpenError> {
    if to.symlink_metadata().is_ok() {
        return Err(OpenError::Exists { to: to.to_owned() });
    }
    let partial = with_suffix(to, ".partial");
    discard(&partial)?;
    let copied = fill(from, db, layout, &partial, reserve);
    let copied = copied.inspect_err(|_| {
        if let Err(error) = discard(&partial) {
            log::warn!(path:% = partial.display(), error:%; "store_left_over");
        }
    })?;
    fs::rename(&partial, to).map_err(OpenError::io("name the copy", to))?;
    let to = fs::canonicalize(to).map_err(OpenError::io("find the copy", to))?;
    if let Some(parent) = to.parent() {
        sync_path(parent)?;
    }
    Ok(copied)
}

fn fill(from: &Folder, db: &sled::Db, layout: u32, partial: &Path, reserve: u64) -> Result<Copied, OpenError> {
    let folder = Folder::claim(partial)?;
    let free = folder.free_space().map_err(OpenError::io("read the free space of", partial))?;
    let needed = from.size()?.saturating_add(EMPTY_BYTES).saturating_add(reserve);
    if free < needed {
        return Err(OpenError::Space { to: partial.to_owned(), free, needed });
    }
    let copy = open_sled(&folder)?;
    let mut copied = Copied::default();
    for name in db.tree_names() {
        guarded(|| copy_tree(db, &copy, &name, &mut copied))
            .map_err(|cause| OpenError::from_cause(from.path(), cause))?;
    }
    let same = guarded(|| -> Result<bool, sled::Error> {
        copy.flush()?;
        Ok(db.checksum()? == copy.checksum()?)
    });
    let write_failed = |cause| OpenError::from_cause(folder.path(), cause);
    if !same.map_err(write_failed)? {
        return Err(write_failed("the copy differs from what was copied".into()));
    }
    // Closes it, which flushes sled's own changes.
    guarded(|| -> Result<(), Cause> {
        drop(copy);
        Ok(())
    })
    .map_err(write_failed)?;
    let Marker { mark, records, missing, .. } = from.marker();
    let whole = Marker { begun: layout, done: layout, state: State::Closed, missing, mark, records, generation: 0 };
    folder.write(|said| *said = whole)?;
    folder.sync()?;
    folder.close_to_others()?;
    Ok(copied)
}

fn copy_tree(from: &sled::Db, to: &sled::Db, name: &[u8], copied: &mut Copied) -> Result<(), Cause> {
    let (source, target) = (from.open_tree(name)?, to.open_tree(name)?);
    let mut filler = Filler::new(&target);
    for record in source.iter() {
        let (key, value) = record?;
        copied.records += 1;
        copied.bytes += (key.len() + value.len()) as u64;
        filler.put(&key, &value)?;
    }
    filler.end()
}

/// Writes many records to a tree, some at a time.
pub(super) struct Filler<'a> {
    to: &'a sled::Tree,
    batch: sled::Batch,
    records: usize,
    bytes: usize,
}

impl<'a> Filler<'a> {
    pub(crate) fn new(to: &'a sled::Tree) -> Self {
        Self { to, batch: sled::Batch::default(), records: 0, bytes: 0 }
    }

    pub(crate) fn put(&mut self, key: &IVec, value: &IVec) -> Result<(), Cause> {
        self.records += 1;
        self.bytes += key.len() + value.len();
        self.batch.insert(key, value);
        if self.records == BATCH_RECORDS || self.bytes > BATCH_BYTES {
            self.to.apply_batch(std::mem::take(&mut self.batch))?;
            (self.records, self.bytes) = (0, 0);
        }
        Ok(())
    }

    pub(crate) fn end(self) -> Result<(), Cause> {
        Ok(self.to.apply_batch(self.batch)?)
    }
}

/// Removes the remains of an interrupted copy; removes nothing that is not a store, and no store that is open.
fn discard(partial: &Path) -> Result<(), OpenError> {
    if partial.symlink_metadata().is_err() {
        return Ok(());
    }
    let folder = Folder::claim(partial)?;
    fs::remove_dir_all(partial).map_err(OpenError::io("remove the unfinished", partial))?;
    drop(folder);
    Ok(())
}

/// The path with something behind its last name; a path without one (`..`) is made absolute first.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let path = match path.file_name() {
        Some(_) => path.to_owned(),
        None => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
    };
    // Of `a/` the last name is `a`; the suffix is appended to that.
    let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}
