//! `forewarn store backup`.

use std::path::Path;

use super::copy::{Copied, copy_store};
use super::error::OpenError;
use super::folder::Folder;
use super::{migrate, migrations};

/// Copies the store in `dir`, which no node may have open, to `to`, which must not exist. The copy is a store
/// of the same layout; if it replaces the first one, its boot number shows that it is a copy
/// (docs/contract.md#life-of-a-node). `reserve` bytes stay free there.
///
/// # Errors
/// Each of [`OpenError`] but `Migration`. Nothing bears the name `to` then.
pub fn backup(dir: &Path, to: &Path, reserve: u64) -> Result<Copied, OpenError> {
    let folder = Folder::existing(dir)?;
    let known = migrations::all().last().map_or(0, |migration| migration.number);
    let (db, layout) = migrate::open_whole(&folder, known, reserve)?;
    copy_store(&folder, &db, layout, to, reserve)
}
