//! Layouts and migrations, backups, copies, locks.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::folder::Folder;
use super::marker::{Marker, State};
use super::migrations::Migration;
use super::*;

fn open_with(dir: &Path, migrations: &[Migration]) -> Result<Store, OpenError> {
    Store::open_with(dir, options(), migrations, Fault::default())
}

fn four() -> Vec<Migration> {
    [migrations::all(), migrations::test_only()].concat()
}

/// A folder with the store `s` in it, so that backups beside it are seen and go as well.
fn store_with_records() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("s");
    let store = open_with(&dir, &migrations::all()).unwrap();
    let writes = (0..10_u8).map(|key| Write::put(Tree::Ledger, [key], [1, key]));
    store.write_sync(writes.collect()).unwrap();
    (outer, dir)
}

fn names(outer: &Path) -> Vec<String> {
    let list = fs::read_dir(outer).unwrap();
    let mut names: Vec<String> = list.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn a_new_store_has_the_first_layout_and_opening_again_changes_nothing() {
    let (outer, dir) = store_with_records();
    for _ in 0..2 {
        let store = open(&dir);
        let Marker { begun, done, state, mark, records, .. } = store.shared.folder.read().unwrap();
        assert_eq!((begun, done, state, mark, records), (3, 3, State::Open, 1, [0, 10, 0, 0, 0]));
        assert_eq!(store.get(Tree::Meta, tree::LAYOUT_KEY).unwrap().unwrap(), [1, 0, 0, 0, 3]);
        assert_eq!(all(&store, Tree::Ledger).len(), 10);
    }
    assert_eq!(names(outer.path()), ["s"]);
}

#[test]
fn a_migration_leaves_a_backup_and_runs_once() {
    let (outer, dir) = store_with_records();
    for _ in 0..2 {
        let store = open_with(&dir, &four()).unwrap();
        let expected: Vec<_> = (0..10).map(|key| (vec![key], vec![1, key, b' '])).collect();
        assert_eq!(all(&store, Tree::Ledger), expected);
        let Marker { begun, done, .. } = store.shared.folder.read().unwrap();
        assert_eq!((begun, done), (4, 4));
    }
    assert_eq!(names(outer.path()), ["s", "s.backup-v3"]);
    let backup = open(&outer.path().join("s.backup-v3"));
    let expected: Vec<_> = (0..10).map(|key| (vec![key], vec![1, key])).collect();
    assert_eq!(all(&backup, Tree::Ledger), expected);
}

#[test]
fn a_newer_store_is_refused_and_not_touched() {
    let (_outer, dir) = store_with_records();
    drop(open_with(&dir, &four()).unwrap());
    let before = files(&dir);
    let error = Store::open(&dir, options()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 4, known: 3, .. }), "{error}");
    assert!(matches!(check(&dir, 0), Err(OpenError::Newer { .. })));
    assert!(matches!(backup(&dir, &dir.join("../x"), 0), Err(OpenError::Newer { .. })));
    assert!(files(&dir) == before);
    // also when only the database says so
    let folder = Folder::existing(&dir).unwrap();
    folder.read().unwrap();
    folder.write(|said| (said.begun, said.done) = (3, 3)).unwrap();
    drop(folder);
    assert!(matches!(Store::open(&dir, options()), Err(OpenError::Newer { found: 4, .. })));
}

#[test]
fn a_migration_that_fails_is_taken_up_again_and_backed_up_once() {
    let (outer, dir) = store_with_records();
    let fails = Migration { number: 4, name: "fails", run: |_| Err("on purpose".into()) };
    let panics = Migration { number: 4, name: "panics", run: |_| panic!("on purpose") };
    for bad in [fails, panics] {
        let migrations = [migrations::all(), vec![bad]].concat();
        let error = open_with(&dir, &migrations).unwrap_err();
        assert!(matches!(error, OpenError::Migration { number: 4, .. }), "{error}");
        assert!(error.to_string().contains("on purpose"));
    }
    // half-way, the program before must not have it
    assert!(matches!(Store::open(&dir, options()), Err(OpenError::Newer { found: 4, .. })));
    let store = open_with(&dir, &four()).unwrap();
    assert_eq!(all(&store, Tree::Ledger)[9].1, [1, 9, b' ']);
    assert_eq!(names(outer.path()), ["s", "s.backup-v3"]);
}

#[test]
fn a_store_that_was_restored_and_migrates_again_gets_a_second_backup() {
    let (outer, dir) = store_with_records();
    drop(open_with(&dir, &four()).unwrap());
    fs::remove_dir_all(&dir).unwrap();
    backup(&outer.path().join("s.backup-v3"), &dir, 0).unwrap();
    drop(open_with(&dir, &four()).unwrap());
    assert_eq!(names(outer.path()), ["s", "s.backup-v3", "s.backup-v3-2"]);
}

#[test]
fn a_creation_that_was_cut_off_is_finished() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("s");
    let half = Migration {
        number: 1,
        name: "half",
        run: |db| {
            db.open_tree("pending")?;
            Err("cut off".into())
        },
    };
    assert!(open_with(&dir, &[half]).is_err());
    fs::write(dir.join(MARKER), "").unwrap();
    assert_eq!(all(&open(&dir), Tree::Pending), []);
    assert_eq!(names(outer.path()), ["s"]);
}

#[test]
fn a_locked_store_says_so() {
    let (outer, dir) = store_with_records();
    let store = open(&dir);
    for error in [
        Store::open(&dir, options()).unwrap_err(),
        check(&dir, 0).unwrap_err(),
        backup(&dir, &outer.path().join("b"), 0).unwrap_err(),
    ] {
        assert!(matches!(error, OpenError::Locked { .. }), "{error}");
        assert!(error.to_string().contains("in use by another forewarn"), "{error}");
    }
    drop(store);
    open(&dir);
}

#[test]
fn a_backup_holds_everything_and_takes_no_name_that_is_taken() {
    let (outer, dir) = store_with_records();
    let to = outer.path().join("b");
    // what an attempt that died has left
    fs::create_dir(outer.path().join("b.partial")).unwrap();
    fs::write(outer.path().join("b.partial").join(MARKER), "").unwrap();
    fs::write(outer.path().join("b.partial/db"), "half").unwrap();
    let copied = backup(&dir, &to, 0).unwrap();
    // ten records, the layout and the mark
    assert_eq!(copied, Copied { records: 12, bytes: 10 * 3 + (6 + 5) + (4 + 89) });
    assert_eq!(names(outer.path()), ["b", "s"]);
    assert_eq!(all(&open(&to), Tree::Ledger), all(&open(&dir), Tree::Ledger));

    assert!(matches!(backup(&dir, &to, 0), Err(OpenError::Exists { .. })));
    let other = outer.path().join("c");
    assert!(matches!(backup(&dir, &other, u64::MAX), Err(OpenError::Space { .. })));
    assert!(matches!(backup(&outer.path().join("no"), &other, 0), Err(OpenError::Missing { .. })));
    assert_eq!(names(outer.path()), ["b", "s"]);
}

#[test]
fn a_check_counts_and_names_what_is_odd() {
    let (_outer, dir) = store_with_records();
    let report = check(&dir, 0).unwrap();
    assert_eq!((report.layout, report.newest, report.problems()), (3, 3, vec![]));
    let ledger = &report.trees[1];
    assert_eq!((ledger.name.as_str(), ledger.records), ("ledger", 10));
    assert_eq!((ledger.key_bytes, ledger.value_bytes), (10, 20));
    assert!(report.file_bytes > 0 && report.free > 0);

    let store = open(&dir);
    let empty = Write::put(Tree::Outbox, b"k", b"");
    store.write_sync(vec![empty]).unwrap();
    drop(store);
    fs::write(dir.join("blobs/12"), "lost by the next power cut").unwrap();
    let problems = check(&dir, u64::MAX).unwrap().problems();
    let text = problems.join("\n");
    assert!(text.contains("1 records in outbox") && text.contains("less than the reserve"), "{text}");
}
