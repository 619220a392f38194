//! Stores that a disk, or a person, has damaged: what is lost is named, what is left is kept, and a lost store
//! is never treated as a new one. No panic.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};

use super::folder::Folder;
use super::marker::State;
use super::*;
use crate::sync::Label;

/// The number of records in each tree.
const RECORDS: usize = 40;

fn store_with_records(dir: &Path) {
    let store = open(dir);
    for round in 0..RECORDS as u64 {
        let put = |tree| Write::put(tree, round.to_be_bytes(), value(round, 3_000));
        store.write_sync(Tree::ALL.map(put).to_vec()).unwrap();
    }
    drop(store);
    // once more, so that sled has its snapshot of it
    drop(open(dir));
}

/// Makes the store look as one whose process was killed.
fn killed(dir: &Path) {
    let folder = Folder::existing(dir).unwrap();
    folder.read().unwrap();
    folder.write(|said| said.state = State::Open).unwrap();
}

/// The end of what was written.
fn end(dir: &Path) -> u64 {
    let written = fs::read(dir.join("db")).unwrap();
    written.iter().rposition(|&byte| byte != 0).unwrap() as u64
}

/// The records of all trees, but for the store's own.
fn records(store: &Store) -> Vec<(Tree, Vec<u8>, Vec<u8>)> {
    let trees =
        Tree::ALL.into_iter().flat_map(|tree| all(store, tree).into_iter().map(move |(key, value)| (tree, key, value)));
    trees.filter(|(tree, key, _)| !tree::is_own(*tree, key)).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_database_that_is_gone_or_empty_is_never_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    store_with_records(dir.path());
    OpenOptions::new().write(true).open(dir.path().join("db")).unwrap().set_len(0).unwrap();
    assert!(matches!(Store::open(dir.path(), options()), Err(OpenError::Gone { .. })));
    assert!(matches!(check(dir.path(), 0), Err(OpenError::Gone { .. })));

    fs::remove_file(dir.path().join("db")).unwrap();
    assert!(matches!(Store::open(dir.path(), options()), Err(OpenError::Gone { .. })));
    assert!(!dir.path().join("db").exists(), "none was made in its place");

    // nor with its snapshots gone, when sled would call it new
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("snap.") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(dir.path().join("db"), "").unwrap();
    assert!(matches!(Store::open(dir.path(), options()), Err(OpenError::Gone { .. })));
}

#[test]
fn garbled_helper_files_are_made_anew_and_the_marker_is_not_guessed() {
    for prefix in ["snap.", "conf", MARKER] {
        let dir = tempfile::tempdir().unwrap();
        store_with_records(dir.path());
        let before = records(&open(dir.path()));
        let mut paths = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let path = paths.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).unwrap();
        fs::write(path, "what somebody's editor has made of it, and long enough at that").unwrap();
        let opened = Store::open(dir.path(), options());
        if prefix == MARKER {
            assert!(matches!(opened, Err(OpenError::Damaged { .. })));
        } else {
            let store = opened.unwrap();
            assert_eq!((records(&store) == before, store.is_missing_records()), (true, false), "{prefix}");
        }
    }
}

/// Damage of every kind at every place, in a store whose process was killed: all is there, or it is known
/// that it is not, and what is there is as it was written.
#[test]
fn damage_is_never_passed_over_in_silence() {
    let original = tempfile::tempdir().unwrap();
    // with a snapshot of half of it only
    store_with_records(original.path());
    let store = open(original.path());
    for round in 0..RECORDS as u64 {
        let put = |tree| Write::put(tree, (round * 2).to_be_bytes(), value(round + 100, 3_000));
        store.write_sync(Tree::ALL.map(put).to_vec()).unwrap();
    }
    drop(store);
    killed(original.path());
    let whole = {
        let dir = tempfile::tempdir().unwrap();
        copy(original.path(), dir.path());
        records(&open(dir.path()))
    };
    let (written, mut noticed, mut losing) = (end(original.path()), 0, 0);
    let places = 12;
    for step in 0..places * 4 {
        let dir = tempfile::tempdir().unwrap();
        copy(original.path(), dir.path());
        let db = OpenOptions::new().write(true).open(dir.path().join("db")).unwrap();
        let at = written * (step / 4) / places;
        match step % 4 {
            0 => db.write_all_at(&value(step, 64), at).unwrap(),
            1 => db.write_all_at(&[0; 4_096], at).unwrap(),
            2 => db.write_all_at(&vec![0; (written - at) as usize], at).unwrap(),
            _ if at > 0 => db.set_len(at).unwrap(),
            _ => continue,
        }
        drop(db);
        let store = Store::open(dir.path(), options()).unwrap();
        let left = records(&store);
        // older forms of a record may come back
        let foreign = left.iter().filter(|record| !whole.contains(record));
        assert!(foreign.into_iter().all(|(_, key, value_)| {
            (0..RECORDS as u64).any(|round| *key == round.to_be_bytes() && *value_ == value(round, 3_000))
        }));
        assert_eq!(left != whole, store.is_missing_records(), "step {step}: {} of {} left", left.len(), whole.len());
        noticed += u32::from(store.is_missing_records());
        losing += u32::from(left.len() < whole.len());
        let aside = names(dir.path()).contains(&"damaged-1".to_owned());
        assert_eq!(aside, store.is_missing_records(), "step {step}");
        // it is whole now, and takes what comes
        store.write_sync(vec![Write::put(Tree::Ledger, b"new", b"\x01")]).unwrap();
        drop(store);
        assert_eq!(check(dir.path(), 0).unwrap().problems(), Vec::<String>::new(), "step {step}");
        let store = open(dir.path());
        assert_eq!(records(&store).len(), left.len() + 1);
        store.made_good().unwrap();
        drop(store);
        assert!(!open(dir.path()).is_missing_records());
    }
    assert!(noticed > 20 && losing > 10, "{noticed} cases of damage, {losing} with losses");
}

#[test]
fn an_unreadable_leaf_costs_its_records_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    // in several of sled's segments: in the last one damage costs what is behind it
    let keys: Vec<u64> = (0..1_600).collect();
    for some in keys.chunks(16) {
        let put = |key: &u64| Write::put(Tree::Ledger, key.to_be_bytes(), value(*key, 12_000));
        store.write_sync(some.iter().map(put).collect()).unwrap();
    }
    drop(store);
    drop(open(dir.path()));
    killed(dir.path());
    // What was in a place may have been moved, and in some places it is what sled needs to read all the rest: they are
    // tried one after the other, until one has a leaf. sled skips the rest of its segment, too, at most some 680 records.
    let left = (1..24).find_map(|mebibyte| {
        let damaged = tempfile::tempdir().unwrap();
        copy(dir.path(), damaged.path());
        let db = OpenOptions::new().write(true).open(damaged.path().join("db")).unwrap();
        db.write_all_at(&value(1, 64), mebibyte << 20).unwrap();
        let store = Store::open(damaged.path(), options()).unwrap();
        let left = all(&store, Tree::Ledger).len();
        (store.is_missing_records() && (800..1_600).contains(&left)).then_some(left)
    });
    assert!(left.is_some(), "at no place damage costs less than half");
}

#[test]
fn a_lost_end_is_noticed_although_sled_does_not_mind() {
    for cut in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let (writer, events) = with_writer(&store);
        for step in 1..=50_u64 {
            let write = Write::put(Tree::Pending, step.to_be_bytes(), value(step, 3_000));
            writer.commit(step, Label::Submit, vec![write], Haste::Now).unwrap();
            wait_durable(&events, step);
        }
        assert!(writer.close(PATIENCE));
        drop(store);
        let end = end(dir.path());
        let db = OpenOptions::new().write(true).open(dir.path().join("db")).unwrap();
        if cut {
            db.set_len(end / 2).unwrap();
        } else {
            db.write_all_at(&value(1, 64), end / 2).unwrap();
        }
        assert!(matches!(check(dir.path(), 0), Err(OpenError::Damaged { .. })));
        let store = open(dir.path());
        assert!(store.is_missing_records() && all(&store, Tree::Pending).len() < 50);
    }
}

#[test]
fn nobody_else_may_look_into_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    fs::create_dir(&path).unwrap();
    drop(open(&path));
    fs::set_permissions(path.join("db"), fs::Permissions::from_mode(0o644)).unwrap();
    drop(open(&path));
    backup(&path, &dir.path().join("copy"), 0).unwrap();
    for folder in ["s", "copy"] {
        let folder = dir.path().join(folder);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{path:?}");
        }
    }
}
