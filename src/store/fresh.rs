//! Writes a database anew if it cannot be trusted: because a sync has failed, after which the page cache may
//! differ from the disk, or because it is damaged. And at a start if its file, which never shrinks, is more than
//! four times as large as its records need.
//!
//! ```text
//! generation N+1     every record that can be read, those that sled lacks included; flushed and synced, with its folder
//! marker             generation = N+1, durable          from here on it is the store
//! generation N       removed, or put aside if it was damaged
//! ```
//!
//! The source of truth after a failed sync is what the old database returns when it is read again: its sums and
//! counts show whether that is everything that was acknowledged. The repeater has kept the rest, and submits it
//! again.
//!
//! Must stay true: a crash between any two lines leaves a store that opens as the old or the new one.

use super::changes::Changes;
use super::copy::{EMPTY_BYTES, Filler};
use super::crash::{Place, crash_point};
use super::disk;
use super::disk::open_log;
use super::error::{Cause, OpenError, guarded};
use super::folder::Folder;
use super::handle::open_sled_at;
use super::mark::Mark;
use super::marker::State;
use super::tree::{LAYOUT_KEY, MARK_KEY, Tree, is_own};
use super::verify::{Damage, TreeDamage, is_broken, tree_of, walk};

/// Makes the next generation of what can be read in `old` (nothing, if it does not even open) and of the changes that
/// it lacks, and puts it in the old one's place. `number` is the greatest that any group ever had.
pub(super) fn write(
    folder: &Folder,
    old: Option<&sled::Db>,
    lacks: &Changes,
    layout: u32,
    number: u64,
    damage: Option<&mut Damage>,
    reserve: u64,
) -> Result<sled::Db, OpenError> {
    let marker = folder.marker();
    let next = marker.generation + 1;
    let database = folder.generation(next);
    folder.remove_other_generations()?;
    let free = folder.free_space().map_err(OpenError::io("read the free space of", folder.path()))?;
    let needed = folder.size()?.saturating_add(EMPTY_BYTES).saturating_add(reserve / 4);
    if free < needed {
        return Err(OpenError::Space { to: database, free, needed });
    }
    let fresh = open_sled_at(folder, &database)?;
    crash_point(Place::FreshBegun);
    let fails = |cause| OpenError::from_cause(folder.path(), cause);
    let is_damaged = damage.is_some();
    let (mark, losses) = guarded(|| fill(old, lacks, &fresh, layout, number + 1, is_damaged)).map_err(fails)?;
    crash_point(Place::FreshFilled);
    guarded(|| fresh.flush()).map_err(fails)?;
    let (log, path) = open_log(&database)?;
    disk::sync_data(&log, &path).map_err(OpenError::io("sync", &path))?;
    folder.sync_generation(next)?;
    super::folder::sync_path(folder.path())?;
    crash_point(Place::FreshSynced);
    folder.write(|said| {
        (said.generation, said.state) = (next, State::Open);
        (said.mark, said.records) = (mark.number, mark.records());
        said.missing |= is_damaged;
        (said.begun, said.done) = (layout, layout);
    })?;
    crash_point(Place::FreshMarked);
    if let Some(damage) = damage {
        damage.left_out(losses);
        damage.log();
        match folder.put_aside(marker.generation) {
            Ok(aside) => log::error!(
                set_aside:% = aside.display(),
                note = "a full merge follows; what no other node knows of the lost records is gone";
                "store_damaged"
            ),
            Err(error) => {
                // Only this file shows what was lost, so it stays until a start can move it.
                log::error!(error:%, note = "the damaged database cannot be put aside, and stays"; "store_damaged");
                return Ok(fresh);
            }
        }
    }
    if let Err(error) = folder.remove_other_generations() {
        log::warn!(error:%; "store_left_over");
    }
    crash_point(Place::FreshRemoved);
    log::info!(generation = next, records = mark.records().iter().sum::<u64>(); "store_written_anew");
    Ok(fresh)
}

/// Whether the files of a database are more than four times as large as its records need. Small files are not worth a
/// look.
pub(super) fn is_overgrown(folder: &Folder, db: &sled::Db) -> Result<bool, Cause> {
    let size = folder.size()?;
    if size <= 4 * EMPTY_BYTES {
        return Ok(false);
    }
    let mut needed = EMPTY_BYTES;
    for tree in Tree::ALL {
        for record in db.open_tree(tree.name())?.iter() {
            let (key, value) = record?;
            // sled needs about as much again for its pages
            needed += 2 * (key.len() + value.len()) as u64;
        }
    }
    Ok(size > 4 * needed)
}

/// Copies what can be read; with damage, without what was altered, of which it returns how many records.
fn fill(
    old: Option<&sled::Db>,
    lacks: &Changes,
    fresh: &sled::Db,
    layout: u32,
    number: u64,
    is_damaged: bool,
) -> Result<(Mark, [u64; Tree::ALL.len()]), Cause> {
    let (mut mark, mut losses) = (Mark { number, ..Mark::default() }, [0; Tree::ALL.len()]);
    for tree in Tree::ALL {
        let target = fresh.open_tree(tree.name())?;
        let mut filler = Filler::new(&target);
        for (key, value) in lacks.range(tree, &(..)) {
            if let Some(value) = value {
                mark.change(tree, key, None, Some(value));
                filler.put(key, value)?;
            }
        }
        let Some(source) = old.map(|old| tree_of(old, tree)).transpose().unwrap_or_default().flatten() else {
            filler.end()?;
            continue;
        };
        let gaps = walk(&source, |key, value| {
            if is_own(tree, key) || lacks.get(tree, key).is_some() {
                return Ok(());
            }
            if is_damaged && is_broken(tree, key, value) {
                losses[tree as usize] += 1;
                return Ok(());
            }
            mark.change(tree, key, None, Some(value));
            filler.put(key, value)
        })?;
        filler.end()?;
        if gaps > 0 && !is_damaged {
            return Err(format!("{tree} cannot be read any more").into());
        }
    }
    let meta = fresh.open_tree(Tree::Meta.name())?;
    meta.insert(LAYOUT_KEY, super::migrate::layout_record(layout))?;
    meta.insert(MARK_KEY, mark.encode())?;
    Ok((mark, losses))
}

impl Damage {
    /// One line for each tree.
    fn log(&self) {
        if let Some(why) = &self.unreadable {
            log::error!(error = why.as_str(), note = "nothing of it can be read"; "store_damaged");
        }
        if self.groups > 0 {
            log::error!(groups = self.groups, note = "groups of steps that were durable are gone"; "store_damaged");
        }
        for tree in &self.trees {
            log::error!(tree = tree.tree.name(), damage:% = tree; "store_damaged");
        }
    }

    /// This many records of each tree were altered, and are not in the new database.
    fn left_out(&mut self, losses: [u64; Tree::ALL.len()]) {
        for (tree, altered) in Tree::ALL.into_iter().zip(losses).filter(|(_, altered)| *altered > 0) {
            match self.trees.iter_mut().find(|found| found.tree == tree) {
                Some(found) => (found.altered, found.found) = (altered, found.found.saturating_sub(altered)),
                None => {
                    self.trees.push(TreeDamage { tree, expected: None, found: 0, gaps: 0, altered });
                }
            }
        }
    }
}
