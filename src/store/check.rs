//! `forewarn store check`: reads every record of a store and changes as little as possible. It compares the
//! records with the counts and sums that were stored with them ([`super::mark`]).
//!
//! (sled itself repairs a torn end of its log whenever it opens a database; and it gets the groups of steps that it
//! lacks, which are in the files of intents after a kill.)

use std::path::Path;

use super::error::{Cause, OpenError, guarded};
use super::folder::Folder;
use super::mark::{self, Sum};
use super::tree::is_own;
use super::verify::TreeDamage;
use super::{MAX_KEY, MAX_VALUE, Tree, migrate, migrations, record, records};

/// The content of one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeReport {
    /// Its name on disk.
    pub name: String,
    /// Whether this version knows it.
    pub known: bool,
    /// How many records.
    pub records: u64,
    /// Bytes of their keys.
    pub key_bytes: u64,
    /// Bytes of their values.
    pub value_bytes: u64,
    /// Records that are larger than this version writes, or whose value has no version byte.
    pub odd: u64,
    /// Notifications that differ from what was stamped; detecting them costs a hash each.
    pub altered: u64,
    /// How the records differ from the stored count and sum; `None`: they do not, or none are stored.
    pub lost: Option<String>,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The layout of the store.
    pub layout: u32,
    /// The newest layout that this version knows; the next start migrates an older store.
    pub newest: u32,
    /// The trees: those of this version in their order, then others.
    pub trees: Vec<TreeReport>,
    /// Files in `blobs/`; there must be none, as nothing syncs them.
    pub blobs: u64,
    /// Bytes that the store takes on disk.
    pub file_bytes: u64,
    /// Bytes that are free there.
    pub free: u64,
    /// Bytes that must stay free for the store to accept writes.
    pub reserve: u64,
}

impl Report {
    /// What is wrong, in sentences; empty for a store that a node can work with.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for tree in Tree::ALL {
            if self.layout > 0 && !self.trees.iter().any(|found| found.name == tree.name()) {
                problems.push(format!("the tree {tree} is missing"));
            }
        }
        for TreeReport { name, known, records, odd, altered, lost, .. } in &self.trees {
            if let Some(lost) = lost {
                problems.push(format!("{name} is not as it was written: {lost}"));
            }
            if !known && *records > 0 {
                problems.push(format!("{records} records in an unknown tree {name}"));
            }
            if *odd > 0 {
                problems.push(format!("{odd} records in {name} are not of this store's form"));
            }
            if *altered > 0 {
                problems.push(format!(
                    "{altered} notifications in {name} do not give the hash in their stamp: they were changed after they were written, and peers refuse them"
                ));
            }
        }
        if self.blobs > 0 {
            problems.push(format!("{} files in blobs/, which nothing syncs", self.blobs));
        }
        if self.free < self.reserve {
            problems.push(format!(
                "{} bytes are free, less than the reserve of {}: submissions would be refused",
                self.free, self.reserve
            ));
        }
        problems
    }
}

/// Opens the store in a folder, which no node may have open, and reads every record. Migrates nothing.
///
/// # Errors
/// `Damaged` when something cannot be read; otherwise as [`super::Store::open`], and `Missing`.
pub fn check(dir: &Path, reserve: u64) -> Result<Report, OpenError> {
    let folder = Folder::existing(dir)?;
    let newest = migrations::all().last().map_or(0, |migration| migration.number);
    let (db, layout) = migrate::open_whole(&folder, newest, reserve)?;
    let damaged = |cause| OpenError::from_cause(folder.path(), cause);
    let (_, mark) = guarded(|| mark::read(&db)).map_err(damaged)?;
    // A migration that was interrupted has changed records without a mark.
    let marker = folder.marker();
    let mark = mark.filter(|_| marker.begun == marker.done);
    let names = db.tree_names();
    let is_there = |tree: &Tree| names.iter().any(|found| found == tree.name().as_bytes());
    let known = Tree::ALL.into_iter().filter(is_there);
    let mut wanted: Vec<(Vec<u8>, Option<Tree>)> =
        known.map(|tree| (tree.name().as_bytes().to_vec(), Some(tree))).collect();
    let others = names.iter().filter(|name| Tree::ALL.iter().all(|t| *name != t.name().as_bytes()));
    wanted.extend(others.map(|name| (name.to_vec(), None)));
    let mut trees = Vec::with_capacity(wanted.len());
    for (name, known) in wanted {
        let (mut report, sum) = guarded(|| walk(&db, &name, known)).map_err(damaged)?;
        if let (Some(tree), Some(mark)) = (known, &mark)
            && mark.sums[tree as usize] != sum
        {
            let expected = Some(mark.sums[tree as usize].records);
            let damage = TreeDamage { tree, expected, found: sum.records, gaps: 0, altered: 0 };
            report.lost = Some(damage.to_string());
        }
        // sled's own tree, which every database has
        if known.is_some() || report.records > 0 || !report.name.starts_with("__sled__") {
            trees.push(report);
        }
    }
    let free = folder.free_space().map_err(OpenError::io("read the free space of", dir))?;
    let (blobs, file_bytes) = (folder.blobs()?, folder.size()?);
    Ok(Report { layout, newest, trees, blobs, file_bytes, free, reserve })
}

/// The content of a tree, and the count and sum of its records.
fn walk(db: &sled::Db, name: &[u8], known: Option<Tree>) -> Result<(TreeReport, Sum), Cause> {
    let tree = db.open_tree(name)?;
    let name = String::from_utf8_lossy(name).into_owned();
    let mut report = TreeReport {
        name,
        known: known.is_some(),
        records: 0,
        key_bytes: 0,
        value_bytes: 0,
        odd: 0,
        altered: 0,
        lost: None,
    };
    let mut sum = Sum::default();
    let mut last: Option<sled::IVec> = None;
    for found in tree.iter() {
        let (key, value) = found?;
        if last.is_some_and(|last| last >= key) {
            return Err(format!("the keys of {} are not in order", report.name).into());
        }
        let odd =
            key.len() > MAX_KEY || value.len() > MAX_VALUE || (known.is_some() && record::unwrap(&value).is_err());
        report.records += 1;
        report.key_bytes += key.len() as u64;
        report.value_bytes += value.len() as u64;
        report.odd += u64::from(odd);
        let altered = |tree| records::is_altered(tree, &key, &value);
        report.altered += u64::from(known.is_some_and(altered));
        if known.is_some_and(|tree| !is_own(tree, &key)) {
            sum.add(&key, &value);
        }
        last = Some(key);
    }
    Ok((report, sum))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::{
        availability::{Entry, NodeId},
        store::{Options, Store, Write},
        sync::{Change, PendingRow, QueueKey},
    };

    #[test]
    fn a_notification_that_is_not_as_it_was_stamped_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        let store = Store::open(&dir, Options::default()).unwrap();
        let record = serde_json::json!({
            "id": uuid::Uuid::nil(), "timestamp": "2026-11-23T18:00:00Z", "targets": ["system"], "status": "unavailable",
            "source": "operator", "node": "a", "colour": [0.1], "criteria": {"moon": 1},
        });
        let entry = Entry::stamped(serde_json::from_value(record).unwrap(), 0, NodeId::NONE);
        let mut altered = (*entry).clone();
        altered.notification.message = Some("another".to_owned());
        let put = |entry: &Entry| {
            let entry = Arc::new(entry.clone());
            let row = PendingRow { entry: Arc::clone(&entry), initial: NodeId::NONE, share: None };
            let mut writes = Vec::new();
            for change in [
                Change::Admit(Arc::clone(&entry)),
                Change::Record(Arc::clone(&entry)),
                Change::Queue(QueueKey { class: 1, stamp: entry.stamp }, row),
            ] {
                records::encode(&change, &mut writes);
            }
            writes
        };
        store.write_sync(put(&entry)).unwrap();
        drop(store);
        assert_eq!(check(&dir, 0).unwrap().problems(), Vec::<String>::new());

        let store = Store::open(&dir, Options::default()).unwrap();
        store.write_sync(put(&altered)).unwrap();
        // A true one under another one's key.
        let mut writes = put(&entry).into_iter().filter(|write| write.tree == Tree::Ledger);
        let mut moved = writes.next().unwrap();
        moved.key[0] = 1;
        store.write_sync(vec![moved]).unwrap();
        drop(store);
        let report = check(&dir, 0).unwrap();
        let altered: Vec<(&str, u64)> = report
            .trees
            .iter()
            .map(|tree| (tree.name.as_str(), tree.altered))
            .filter(|(_, altered)| *altered > 0)
            .collect();
        assert_eq!(altered, [("ledger", 2), ("history", 1), ("pending", 1)]);
        assert!(report.problems()[0].contains("2 notifications in ledger do not give the hash"));
    }

    #[test]
    fn records_that_differ_from_the_stored_sums_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s");
        let store = Store::open(&dir, Options::default()).unwrap();
        let put = |key: u8, value: u8| Write::put(Tree::History, [key], [1, value]);
        store.write_sync(vec![put(1, 1), put(2, 2)]).unwrap();
        store.write_sync(vec![put(2, 3)]).unwrap();
        drop(store);
        assert_eq!(check(&dir, 0).unwrap().problems(), Vec::<String>::new());

        let behind_its_back = |change: &dyn Fn(&sled::Tree)| {
            let newest = migrations::all().last().unwrap().number;
            let (db, _) = migrate::open_whole(&Folder::existing(&dir).unwrap(), newest, 0).unwrap();
            change(&db.open_tree(Tree::History.name()).unwrap());
            db.flush().unwrap();
        };
        let found = |problem: &str| {
            let problems = check(&dir, 0).unwrap().problems();
            assert!(problems.len() == 1 && problems[0].contains(problem), "{problems:?}");
        };
        behind_its_back(&|tree| drop(tree.insert([2], &[1, 2]).unwrap()));
        found("in another form than was written");
        behind_its_back(&|tree| drop(tree.remove([2]).unwrap()));
        found("1 of 2 records lost");
    }
}
