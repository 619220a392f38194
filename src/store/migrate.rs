//! Opens a database and brings it to the newest layout, one migration after the other.
//!
//! ```text
//! backup, complete, renamed, synced                       (not for the first layout: nothing is there)
//! marker: begun = N                                       from here on an older program refuses it
//! the migration runs, the mark is written anew, and both are made durable
//! meta: layout = N, made durable                          from here on it is not run again
//! marker: done = N
//! ```
//!
//! Must stay true: after a crash between any two lines the same program opens the store and continues the
//! migration; no older program opens a half-migrated store; the backup is the complete previous layout.

use std::io;
use std::path::PathBuf;

use super::checkpoint::{replay, space_for};
use super::copy::{self, Copied};
use super::crash::{MigrationMoment, migration_point};
use super::disk::open_log;
use super::error::{Cause, OpenError, guarded};
use super::folder::Folder;
use super::handle::open_sled;
use super::intents::Intents;
use super::mark::{self, Mark};
use super::marker::{Marker, State};
use super::migrations::{FIRST_WITH_SUMS, Migration};
use super::tree::{LAYOUT_KEY, MARK_KEY, Tree};
use super::{disk, record};

/// How the number is written: this byte, then four, the greatest first.
const LAYOUT_RECORD: u8 = 1;

/// A layout's number as it is stored.
pub(super) fn layout_record(number: u32) -> Vec<u8> {
    record::wrap(LAYOUT_RECORD, &number.to_be_bytes())
}

/// Runs the migrations that are due in an open database of layout `found`.
pub(super) fn run(
    folder: &Folder,
    db: &sled::Db,
    migrations: &[Migration],
    found: u32,
    reserve: u64,
) -> Result<(), OpenError> {
    let mut reached = found;
    for migration in migrations.iter().filter(|migration| migration.number > found) {
        // A new store needs no backup.
        migrate(folder, db, migration, reached, (found > 0).then_some(reserve))?;
        reached = migration.number;
    }
    // A crash may have cut off the last line.
    let Marker { begun, done, .. } = folder.marker();
    if (begun, done) != (reached, reached) {
        folder.write(|said| (said.begun, said.done) = (reached, reached))?;
    }
    Ok(())
}

/// Layout and mark of an open database, and what sled lacks.
pub(super) struct Found {
    pub db: sled::Db,
    pub layout: u32,
    /// The number of the last group that sled has.
    pub number: u64,
    /// Its mark; none in layout 1.
    pub mark: Option<Mark>,
    /// The groups after that one.
    pub intents: Intents,
}

/// Opens the database without changing its layout. Refuses a newer one, and one that is gone. Its end
/// may be missing.
pub(super) fn open_as_is(folder: &Folder, known: u32) -> Result<Found, OpenError> {
    let newer = |found| OpenError::Newer { dir: folder.path().to_owned(), found, known };
    let damaged = |cause| OpenError::from_cause(folder.path(), cause);

    let Marker { begun, done, .. } = folder.read()?;
    if begun.max(done) > known {
        return Err(newer(begun.max(done)));
    }
    // sled would silently create a new one.
    let length = folder.database().join("db").metadata().map_or(0, |metadata| metadata.len());
    if done > 0 && length == 0 {
        return Err(OpenError::Gone { dir: folder.path().to_owned() });
    }
    let db = open_sled(folder)?;
    let layout = guarded(|| layout(&db)).map_err(damaged)?;
    if layout > known {
        return Err(newer(layout));
    }
    if layout < done {
        let cause = format!("it should have layout {done}, and its database has {layout}");
        return Err(damaged(cause.into()));
    }
    let (number, mark) = guarded(|| mark::read(&db)).map_err(damaged)?;
    let database = folder.database();
    let intents = Intents::read(&database, number).map_err(OpenError::io("read the intents of", &database))?;
    Ok(Found { db, layout, number, mark, intents })
}

/// As [`open_as_is`], and nothing may be missing at its end: for work on a store that is not running. Sled gets
/// what it lacks.
pub(super) fn open_whole(folder: &Folder, known: u32, reserve: u64) -> Result<(sled::Db, u32), OpenError> {
    let Found { db, layout, number, intents, .. } = open_as_is(folder, known)?;
    let damaged = |cause| OpenError::from_cause(folder.path(), cause);
    let (mark, last) = (folder.marker().mark, intents.last);
    if last < mark {
        return Err(damaged(format!("its end is gone: mark {mark} was durable, and {last} is the last").into()));
    }
    if intents.missing > 0 {
        return Err(damaged(format!("{} groups of steps before its last one are gone", intents.missing).into()));
    }
    if intents.last > number {
        let free = folder.free_space().map_err(OpenError::io("read the free space of", folder.path()))?;
        let needed = space_for(reserve, intents.changes.bytes());
        if free < needed {
            return Err(OpenError::Space { to: folder.database(), free, needed });
        }
        if let Err(cause) = replay(&folder.database(), &db, &intents) {
            // A sync may have failed: the next start writes everything anew.
            folder.write(|said| said.state = State::Failed)?;
            return Err(damaged(cause));
        }
    }
    // Opening may have made a snapshot.
    folder.close_to_others()?;
    Ok((db, layout))
}

/// The layout of an open database; 0 for one that has none yet.
fn layout(db: &sled::Db) -> Result<u32, Cause> {
    let names = db.tree_names();
    let meta = Tree::Meta.name();
    if names.iter().any(|name| name == meta.as_bytes())
        && let Some(value) = db.open_tree(meta)?.get(LAYOUT_KEY)?
    {
        return match record::unwrap(&value)? {
            (LAYOUT_RECORD, number) => Ok(u32::from_be_bytes(number.try_into()?)),
            (version, _) => Err(format!("its layout is written in a form {version}").into()),
        };
    }
    for name in names {
        if db.open_tree(&name)?.iter().next().transpose()?.is_some() {
            let name = String::from_utf8_lossy(&name);
            return Err(format!("it has no layout, but records in the tree {name}").into());
        }
    }
    Ok(0)
}

fn migrate(
    folder: &Folder,
    db: &sled::Db,
    migration: &Migration,
    found: u32,
    backup: Option<u64>,
) -> Result<(), OpenError> {
    let Migration { number, name, run } = *migration;
    let fails = |cause| OpenError::Migration { number, name, cause };

    // An interrupted migration has its backup already, and the store may be half migrated.
    if let Some(reserve) = backup
        && folder.marker().begun < number
    {
        migration_point(number, MigrationMoment::BeforeBackup);
        let (to, copied) = back_up(folder, db, found, reserve)?;
        log::info!(layout = found, backup:% = to.display(), records = copied.records; "store_backup");
        migration_point(number, MigrationMoment::AfterBackup);
    }
    folder.write(|said| (said.begun, said.done) = (number, found))?;
    migration_point(number, MigrationMoment::Begun);
    guarded(|| run(db)).map_err(fails)?;
    if number >= FIRST_WITH_SUMS {
        guarded(|| renew_mark(db)).map_err(fails)?;
    }
    make_durable(folder, db).map_err(fails)?;
    migration_point(number, MigrationMoment::BeforeVersion);
    guarded(|| db.open_tree(Tree::Meta.name())?.insert(LAYOUT_KEY, layout_record(number))).map_err(fails)?;
    make_durable(folder, db).map_err(fails)?;
    migration_point(number, MigrationMoment::AfterVersion);
    // Makes durable the names of files that sled has created meanwhile.
    folder.sync()?;
    folder.write(|said| (said.begun, said.done) = (number, number))?;
    log::info!(layout = number, name; "store_migrated");
    Ok(())
}

/// A migration changes records without a mark.
fn renew_mark(db: &sled::Db) -> Result<(), Cause> {
    let mut mark = Mark { number: mark::read(db)?.0, ..Mark::default() };
    for tree in Tree::ALL {
        for record in db.open_tree(tree.name())?.iter() {
            let (key, value) = record?;
            mark.change(tree, &key, None, Some(&value));
        }
    }
    db.open_tree(Tree::Meta.name())?.insert(MARK_KEY, mark.encode())?;
    Ok(())
}

fn make_durable(folder: &Folder, db: &sled::Db) -> Result<(), Cause> {
    guarded(|| db.flush().map(drop))?;
    let (log, path) = open_log(&folder.database())?;
    Ok(disk::sync_data(&log, &path)?)
}

/// Copies the store to `DIR.backup-vN`. Where the process may write in the store's folder only, as in a container or in
/// its sandbox, the copy is `DIR/backup-vN`.
fn back_up(folder: &Folder, db: &sled::Db, layout: u32, reserve: u64) -> Result<(PathBuf, Copied), OpenError> {
    let name = format!("backup-v{layout}");
    let beside = free_path(copy::with_suffix(folder.path(), &format!(".{name}")));
    match copy::copy_store(folder, db, layout, &beside, reserve) {
        Err(OpenError::Io { cause, .. })
            if matches!(cause.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) =>
        {
            let inside = free_path(folder.path().join(name));
            let copied = copy::copy_store(folder, db, layout, &inside, reserve)?;
            Ok((inside, copied))
        }
        copied => Ok((beside, copied?)),
    }
}

/// This path, or the first of `PATH-2`, `-3` … that is not taken: a store may have been restored and migrated before.
fn free_path(first: PathBuf) -> PathBuf {
    if first.symlink_metadata().is_err() {
        return first;
    }
    let later = (2_u32..).map(|count| copy::with_suffix(&first, &format!("-{count}")));
    later.into_iter().find(|path| path.symlink_metadata().is_err()).unwrap_or(first)
}
