//! Opens a database for writing, whatever the last process left.
//!
//! ```text
//! closed in good order   it is believed; if its file has grown far beyond its records, they are written anew
//! open                   read from the disk, not from the cache; every record is checked; sled gets what it lacks
//! failed                 every record is checked, and all are written anew
//! damaged                what can be read is written anew, the rest is named and put aside
//! ```
//!
//! Must stay true: lost records are always reported; data that a failed sync may have left only in the page
//! cache is never treated as durable.

use super::changes::Changes;
use super::checkpoint::{replay, space_for};
use super::error::{Cause, OpenError, guarded};
use super::fault::Fault;
use super::folder::Folder;
use super::fresh;
use super::gate::Status;
use super::handle::Handle;
use super::intents::Intents;
use super::marker::{Marker, State};
use super::migrate::{self, Found};
use super::migrations::Migration;
use super::verify::{Damage, verify};

/// A database that can be read, and what keeps it from being written to.
pub(super) struct Opened {
    pub handle: Handle,
    pub trouble: Option<Status>,
}

/// Opens the database of a folder and brings it to the newest layout.
pub(super) fn open(
    folder: &Folder,
    migrations: &[Migration],
    reserve: u64,
    fault: &Fault,
) -> Result<Opened, OpenError> {
    let known = migrations.last().map_or(0, |migration| migration.number);
    let marker = folder.read()?;
    if marker.begun.max(marker.done) > known {
        return Err(OpenError::Newer { dir: folder.path().to_owned(), found: marker.begun.max(marker.done), known });
    }
    // While records are missing, an older generation may be a damaged one that could not be put aside.
    if !marker.missing {
        folder.remove_other_generations()?;
    }
    let in_doubt = marker.done > 0 && marker.state != State::Closed;
    let mut failed = marker.state == State::Failed;
    if in_doubt {
        if !failed && let Err(error) = folder.forget_cached() {
            log::error!(error:%; "store_sync_failed");
            failed = true;
        }
        if !folder.copy_database(reserve)? {
            log::warn!(note = "too little space for a copy of the database while it is checked"; "store_check");
        }
    }
    folder.write(|said| said.state = if failed { State::Failed } else { State::Open })?;
    folder.close_to_others()?;
    let (found, mut damage) = match find(folder, known, &marker, in_doubt) {
        Ok(found) => found,
        Err(OpenError::Damaged { cause, .. }) if marker.done > 0 => (None, Some(nothing(&marker, cause))),
        Err(error) => return Err(error),
    };
    let mut trouble = None;
    let mut lacks = Changes::default();
    let (db, layout) = match found {
        Some(found) if !failed && damage.is_none() => {
            let layout = found.layout;
            match give(folder, &found, reserve) {
                Ok(()) if in_doubt || layout < known => (found.db, layout),
                Ok(()) => (slim(folder, found.db, layout, found.intents.last, reserve)?, layout),
                // It is only read; the next attempt follows when there is space.
                Err(status) => {
                    lacks = found.intents.changes;
                    trouble = Some(status);
                    (found.db, layout)
                }
            }
        }
        found => {
            let layout = found.as_ref().map_or(marker.done, |found| found.layout);
            let number = marker.mark.max(found.as_ref().map_or(0, |found| found.intents.last));
            let (old, intents) = found.map(|found| (found.db, found.intents)).unzip();
            // What sled has of the last groups may be in the page cache only.
            let lacking = intents.map(Intents::all).unwrap_or_default();
            let fresh = fresh::write(folder, old.as_ref(), &lacking, layout, number, damage.as_mut(), reserve);
            match (fresh, old) {
                (Ok(fresh), old) => {
                    // Dropping flushes, which may hang. It is not needed any more.
                    std::thread::Builder::new().name("store-close".to_owned()).spawn(move || drop(old)).ok();
                    (fresh, layout)
                }
                // As above.
                (Err(error), Some(old)) => {
                    log::error!(error:%; "store_not_written_anew");
                    (lacks, trouble) = (lacking, Some(Status::failed(error, false)));
                    (old, layout)
                }
                (Err(error), None) => return Err(error),
            }
        }
    };
    if let Some(trouble) = trouble {
        let handle = Handle::to_read(folder, db, lacks, fault.clone())?;
        return Ok(Opened { handle, trouble: Some(trouble) });
    }
    migrate::run(folder, &db, migrations, layout, reserve)?;
    folder.drop_copy()?;
    let handle = Handle::new(folder, db, fault.clone())?;
    folder.close_to_others()?;
    Ok(Opened { handle, trouble: None })
}

/// Puts into sled what it lacks, if there is the space.
fn give(folder: &Folder, found: &Found, reserve: u64) -> Result<(), Status> {
    if found.intents.last <= found.number {
        return Ok(());
    }
    let reserve = space_for(reserve, found.intents.changes.bytes());
    match folder.free_space() {
        Ok(free) if free < reserve => return Err(Status::ReserveReached { free, reserve }),
        Ok(_) => {}
        Err(cause) => return Err(Status::failed(format_args!("cannot read the free space: {cause}"), false)),
    }
    replay(&folder.database(), &found.db, &found.intents).map_err(|cause| {
        log::error!(error:% = cause; "store_not_caught_up");
        // A sync may have failed: the next attempt writes everything anew.
        if let Err(error) = folder.write(|said| said.state = State::Failed) {
            log::error!(error:%; "store_not_marked");
        }
        Status::failed(format_args!("the groups of steps that sled lacks cannot be put into it: {cause}"), false)
    })?;
    log::info!(groups = found.intents.last - found.number; "store_caught_up");
    Ok(())
}

/// The database, written anew if it is [overgrown](fresh::is_overgrown): one that was closed in good order, so that it
/// holds everything that was acknowledged. Where there is too little space it stays as it is.
fn slim(folder: &Folder, db: sled::Db, layout: u32, number: u64, reserve: u64) -> Result<sled::Db, OpenError> {
    let is_overgrown = guarded(|| fresh::is_overgrown(folder, &db));
    if !is_overgrown.map_err(|cause| OpenError::from_cause(folder.path(), cause))? {
        return Ok(db);
    }
    let (before, generation) = (folder.size()?, folder.marker().generation);
    match fresh::write(folder, Some(&db), &Changes::default(), layout, number, None, reserve) {
        Ok(fresh) => {
            log::info!(before, after = folder.size()?; "store_slimmed");
            Ok(fresh)
        }
        // The old one is the store as long as the marker says so.
        Err(error) if folder.marker().generation == generation => {
            log::warn!(error:%, bytes = before; "store_not_slimmed");
            Ok(db)
        }
        Err(error) => Err(error),
    }
}

/// The database as it is, and what is wrong with it.
fn find(
    folder: &Folder,
    known: u32,
    marker: &Marker,
    in_doubt: bool,
) -> Result<(Option<Found>, Option<Damage>), OpenError> {
    let found = match migrate::open_as_is(folder, known) {
        // sled fails on a broken snapshot, and does not need one.
        Err(OpenError::Damaged { cause, .. }) if marker.done > 0 => {
            log::error!(error:% = cause; "store_damaged");
            folder.remove_snapshots()?;
            let found = migrate::open_as_is(folder, known)?;
            return Ok(judged(found, marker, true));
        }
        found => found?,
    };
    Ok(judged(found, marker, in_doubt))
}

fn judged(found: Found, marker: &Marker, in_doubt: bool) -> (Option<Found>, Option<Damage>) {
    let Intents { last, missing, .. } = found.intents;
    let damage = if in_doubt || last < marker.mark || missing > 0 {
        // An interrupted migration has changed records without a mark.
        let mark = found.mark.filter(|_| marker.begun == marker.done);
        verify(&found.db, marker, missing + marker.mark.saturating_sub(last), mark.as_ref())
    } else {
        None
    };
    (Some(found), damage)
}

/// Nothing can be read.
fn nothing(marker: &Marker, cause: Cause) -> Damage {
    Damage { groups: marker.mark, unreadable: Some(cause.to_string()), ..Damage::default() }
}
