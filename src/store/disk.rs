//! The only caller of `fsync` and `fdatasync`, so that one place knows what was synced; and, for tests, a model
//! of a disk after a failed sync.
//!
//! Linux marks pages that it could not write as clean: the next sync succeeds, although the disk does not have
//! them. With the feature `crash-points` and `FOREWARN_PLATTER=FOLDER` in the environment, this file keeps in
//! FOLDER what a disk would hold after a power cut: each file as of its last successful sync, without the pages
//! that a failed sync has lost, until they are written again; and each name as of the last sync of its folder.
//! sled's own syncs count if they fail, and do not count if they succeed.
//!
//! While the file that `FOREWARN_DISK_FAILS` names is there, every sync fails that goes through this module.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::error::OpenError;

/// The file that holds sled's log, for `fdatasync`: `flush` alone does not survive a power cut.
pub(super) fn open_log(database: &Path) -> Result<(File, PathBuf), OpenError> {
    let path = database.join("db");
    let file = File::open(&path).map_err(OpenError::io("open", &path))?;
    Ok((file, path))
}

/// Makes the content of a file durable.
pub(super) fn sync_data(file: &File, path: &Path) -> io::Result<()> {
    told(path, works().and_then(|()| Ok(rustix::fs::fdatasync(file)?)))
}

/// Makes a file with its size, or the names in a folder, durable.
pub(super) fn sync_path(path: &Path) -> io::Result<()> {
    told(path, works().and_then(|()| File::open(path)?.sync_all()))
}

/// Whether the disk takes what is written.
fn works() -> io::Result<()> {
    let fails = cfg!(feature = "crash-points")
        && std::env::var_os("FOREWARN_DISK_FAILS").is_some_and(|file| Path::new(&file).exists());
    if fails { Err(rustix::io::Errno::IO.into()) } else { Ok(()) }
}

fn told(path: &Path, result: io::Result<()>) -> io::Result<()> {
    match &result {
        Ok(()) => synced(path),
        Err(_) => failed(path),
    }
    result
}

/// The platform could not write this file.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub(super) fn failed(_path: &Path) {}

#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn synced(_path: &Path) {}

#[cfg(feature = "crash-points")]
pub(super) use platter::failed;
#[cfg(feature = "crash-points")]
use platter::synced;

#[cfg(feature = "crash-points")]
#[allow(clippy::unwrap_used)]
mod platter {
    use std::fs;
    use std::path::{Path, PathBuf};

    const PAGE: usize = 4_096;

    /// Where a path's counterpart is. `disk`: durable with its name; `named-not`: its content only;
    /// `lost`: pages that a failed sync has lost.
    fn place(kind: &str, path: &Path) -> Option<PathBuf> {
        let platter = PathBuf::from(std::env::var_os("FOREWARN_PLATTER")?);
        Some(platter.join(kind).join(path.strip_prefix("/").unwrap_or(path)))
    }

    fn content(path: &Path) -> Vec<u8> {
        place("disk", path)
            .and_then(|place| fs::read(place).ok())
            .or_else(|| place("named-not", path).and_then(|place| fs::read(place).ok()))
            .unwrap_or_default()
    }

    pub(in crate::store) fn failed(path: &Path) {
        let Some(lost) = place("lost", path) else { return };
        let (Ok(now), before) = (fs::read(path), content(path)) else { return };
        fs::create_dir_all(&lost).unwrap();
        for (number, page) in now.chunks(PAGE).enumerate() {
            if before.chunks(PAGE).nth(number) != Some(page) {
                fs::write(lost.join(number.to_string()), page).unwrap();
            }
        }
    }

    pub(super) fn synced(path: &Path) {
        if std::env::var_os("FOREWARN_PLATTER").is_none() {
            return;
        }
        if path.is_dir() { names(path) } else { file(path) }
    }

    fn file(path: &Path) {
        let (Ok(mut now), Some(lost)) = (fs::read(path), place("lost", path)) else { return };
        let before = content(path);
        for entry in fs::read_dir(&lost).into_iter().flatten() {
            let entry = entry.unwrap().path();
            let number: usize = entry.file_name().unwrap().to_str().unwrap().parse().unwrap();
            let (page, end) = (fs::read(&entry).unwrap(), now.len().min((number + 1) * PAGE));
            let at = number * PAGE;
            if at >= end || now[at..end] != page[..] {
                // it was written again
                fs::remove_file(entry).unwrap();
                continue;
            }
            let old = before.get(at..before.len().min(end)).unwrap_or_default();
            now[at..end].fill(0);
            now[at..at + old.len()].copy_from_slice(old);
        }
        let named = place("disk", path).unwrap();
        let to = if named.exists() { named } else { place("named-not", path).unwrap() };
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, now).unwrap();
    }

    fn names(folder: &Path) {
        let (disk, waiting) = (place("disk", folder).unwrap(), place("named-not", folder).unwrap());
        fs::create_dir_all(&disk).unwrap();
        for entry in fs::read_dir(&disk).unwrap() {
            let entry = entry.unwrap().path();
            if !folder.join(entry.file_name().unwrap()).exists() {
                if entry.is_dir() { fs::remove_dir_all(entry) } else { fs::remove_file(entry) }.unwrap();
            }
        }
        for entry in fs::read_dir(&waiting).into_iter().flatten() {
            let entry = entry.unwrap().path();
            if entry.is_file() {
                fs::rename(&entry, disk.join(entry.file_name().unwrap())).unwrap();
            }
        }
    }
}
