//! Opens a database and brings it to the newest layout, one migration after the other.
//!
//! ```text
//! backup beside the store, complete, renamed, synced      (not for the first layout: nothing is there)
//! marker: begun = N                                       from here on an older program refuses it
//! the migration runs, and is made durable
//! meta: layout = N, made durable                          from here on it is not run again
//! marker: done = N
//! ```
//!
//! Must stay true: a crash between any two lines leaves a store that the same program opens, going on
//! where it was; that no older program opens half-way; and whose backup is the whole layout before.

use std::path::PathBuf;

use super::copy;
use super::crash::crash_point;
use super::error::{Cause, OpenError, guarded};
use super::folder::{Folder, Layouts};
use super::handle::{open_log, open_sled};
use super::mark::{self, MARK_KEY};
use super::migrations::Migration;
use super::{Tree, record};

/// The key in the `meta` tree that holds the layout's number; the only one this room writes itself.
pub const LAYOUT_KEY: &[u8] = b"layout";

/// How the number is written: this byte, then four, the greatest first.
const LAYOUT_RECORD: u8 = 1;

/// Opens the database in a folder and runs the migrations that are due.
pub(super) fn open(folder: &Folder, migrations: &[Migration], reserve: u64) -> Result<sled::Db, OpenError> {
    let known = migrations.last().map_or(0, |migration| migration.number);
    let (db, mut found) = open_as_is(folder, known)?;
    for migration in migrations {
        if migration.number > found {
            migrate(folder, &db, migration, found, reserve)?;
            found = migration.number;
        }
    }
    // the last line may be what a crash has cut off
    let Layouts { begun, done, .. } = folder.layouts()?;
    if (begun, done) != (found, found) {
        folder.set_layouts(found, found)?;
    }
    Ok(db)
}

/// Opens the database without changing its layout, which it returns. Refuses a newer one, and one
/// that holds less than its marker says.
pub(super) fn open_as_is(folder: &Folder, known: u32) -> Result<(sled::Db, u32), OpenError> {
    let newer = |found| OpenError::Newer { dir: folder.path().to_owned(), found, known };
    let damaged = |cause| OpenError::from_cause(folder.path(), cause);

    let Layouts { begun, done, mark } = folder.layouts()?;
    if begun.max(done) > known {
        return Err(newer(begun.max(done)));
    }
    // sled would make a new one and never mention it
    if done > 0 && !folder.path().join("db").exists() {
        return Err(damaged("its file db is missing".into()));
    }
    let db = open_sled(folder)?;
    let found = guarded(|| layout(&db)).map_err(damaged)?;
    if found > known {
        return Err(newer(found));
    }
    if found < done {
        let cause = format!("it should have layout {done}, and its database has {found}");
        return Err(damaged(cause.into()));
    }
    let reached = guarded(|| last_mark(&db)).map_err(damaged)?;
    if reached < mark {
        let cause = format!("its end is gone: mark {mark} was durable, and {reached} is the last");
        return Err(damaged(cause.into()));
    }
    Ok((db, found))
}

/// The last mark that the writer made, see `mark.rs`.
fn last_mark(db: &sled::Db) -> Result<u64, Cause> {
    // not opened when there is none, as that would create it
    if !db.tree_names().iter().any(|name| name == Tree::Meta.name().as_bytes()) {
        return Ok(0);
    }
    mark::number(db.open_tree(Tree::Meta.name())?.get(MARK_KEY)?.as_deref())
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

fn migrate(folder: &Folder, db: &sled::Db, migration: &Migration, found: u32, reserve: u64) -> Result<(), OpenError> {
    let Migration { number, name, run } = *migration;
    let fails = |cause| OpenError::Migration { number, name, cause };

    // a migration that was cut off has its backup, and the store may be half-way now
    if found > 0 && folder.layouts()?.begun < number {
        point(number, "before-backup");
        let to = backup_path(folder, found);
        let copied = copy::copy_store(folder, db, found, &to, reserve)?;
        let (to, records) = (to.display(), copied.records);
        log::info!("store=migrate layout={found} backup={to} records={records}");
        point(number, "after-backup");
    }
    folder.set_layouts(number, found)?;
    point(number, "begun");
    guarded(|| run(db)).map_err(fails)?;
    make_durable(folder, db).map_err(fails)?;
    point(number, "before-version");
    let value = record::wrap(LAYOUT_RECORD, &number.to_be_bytes());
    guarded(|| db.open_tree(Tree::Meta.name())?.insert(LAYOUT_KEY, value)).map_err(fails)?;
    make_durable(folder, db).map_err(fails)?;
    point(number, "after-version");
    // the names of files that sled has made meanwhile
    folder.sync()?;
    folder.set_layouts(number, number)?;
    log::info!("store=migrate layout={number} name={name:?} outcome=done");
    Ok(())
}

fn make_durable(folder: &Folder, db: &sled::Db) -> Result<(), Cause> {
    guarded(|| db.flush().map(drop))?;
    rustix::fs::fdatasync(open_log(folder.path())?)?;
    Ok(())
}

fn point(number: u32, moment: &str) {
    if cfg!(feature = "crash-points") {
        crash_point(&format!("migration.{number}.{moment}"));
    }
}

/// `DIR.backup-vN`, or the first of `DIR.backup-vN-2`, `-3` … that is not taken: a store may have been
/// restored and migrated before.
fn backup_path(folder: &Folder, layout: u32) -> PathBuf {
    let first = copy::with_suffix(folder.path(), &format!(".backup-v{layout}"));
    if first.symlink_metadata().is_err() {
        return first;
    }
    let later = (2_u32..).map(|count| copy::with_suffix(&first, &format!("-{count}")));
    later.into_iter().find(|path| path.symlink_metadata().is_err()).unwrap_or(first)
}
