//! Stores that a disk, or a person, has damaged: refused or read, never a panic, never taken for new.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use super::*;

fn store_with_records(dir: &Path) {
    let store = open(dir);
    for round in 0..40_u64 {
        let put = |tree| Write::put(tree, round.to_be_bytes(), value(round, 3_000));
        store.write_sync(Tree::ALL.map(put).to_vec()).unwrap();
    }
    drop(store);
    // once more, so that sled has its snapshot of it
    drop(open(dir));
}

fn is_damaged(result: Result<impl Sized, OpenError>) -> bool {
    match result {
        Err(OpenError::Damaged { cause, .. }) => !cause.to_string().is_empty(),
        _ => false,
    }
}

#[test]
fn a_database_that_is_gone_or_empty_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    store_with_records(dir.path());
    OpenOptions::new().write(true).open(dir.path().join("db")).unwrap().set_len(0).unwrap();
    assert!(is_damaged(Store::open(dir.path(), options())));
    assert!(is_damaged(check(dir.path(), 0)));

    fs::remove_file(dir.path().join("db")).unwrap();
    assert!(is_damaged(Store::open(dir.path(), options())));
    assert!(!dir.path().join("db").exists(), "none was made in its place");

    // nor with its snapshots gone, when sled would call it new
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("snap.") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(dir.path().join("db"), "").unwrap();
    assert!(is_damaged(Store::open(dir.path(), options())));
}

#[test]
fn garbled_helper_files_are_damage() {
    for prefix in ["snap.", "conf", MARKER] {
        let dir = tempfile::tempdir().unwrap();
        store_with_records(dir.path());
        let mut paths = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let path = paths.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).unwrap();
        fs::write(path, "what somebody's editor has made of it, and long enough at that").unwrap();
        assert!(is_damaged(Store::open(dir.path(), options())), "{prefix}");
    }
}

#[test]
fn garbled_pages_are_damage_or_missing_but_never_a_panic() {
    let original = tempfile::tempdir().unwrap();
    store_with_records(original.path());
    let length = fs::metadata(original.path().join("db")).unwrap().len();
    let written = fs::read(original.path().join("db")).unwrap();
    let written = written.iter().rposition(|&byte| byte != 0).unwrap() as u64;
    let mut damaged = 0;
    for step in 0..24 {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("blobs")).unwrap();
        for entry in fs::read_dir(original.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        let db = OpenOptions::new().write(true).open(dir.path().join("db")).unwrap();
        let at = written * step / 24;
        if step % 2 == 0 {
            db.write_all_at(&value(step, 64), at).unwrap();
        } else {
            db.set_len(at.min(length)).unwrap();
        }
        drop(db);
        let walked = check(dir.path(), 0);
        let opened = Store::open(dir.path(), options()).map(|store| {
            for tree in Tree::ALL {
                let scan = store.scan(tree, .., Direction::Descending);
                scan.map(Iterator::count).unwrap_or_default();
            }
        });
        for error in [walked.err(), opened.err()].into_iter().flatten() {
            assert!(is_damaged(Err::<(), _>(error)), "step {step}");
            damaged += 1;
        }
    }
    assert!(damaged > 0, "the damage is not noticed at all");
}

#[test]
fn an_end_that_is_gone_is_damage_although_sled_would_not_mind() {
    for cut in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let (writer, events) = with_writer(&store);
        for step in 1..=50_u64 {
            let write = Write::put(Tree::Pending, step.to_be_bytes(), value(step, 3_000));
            writer.commit(step, "test", vec![write], Haste::Now).unwrap();
            wait_durable(&events, step);
        }
        assert!(writer.close(PATIENCE));
        drop(store);
        let path = dir.path().join("db");
        let written = fs::read(&path).unwrap();
        let end = written.iter().rposition(|&byte| byte != 0).unwrap() as u64;
        let db = OpenOptions::new().write(true).open(&path).unwrap();
        if cut {
            db.set_len(end / 2).unwrap();
        } else {
            db.write_all_at(&value(1, 64), end / 2).unwrap();
        }
        assert!(is_damaged(Store::open(dir.path(), options())));
        assert!(is_damaged(check(dir.path(), 0)));
    }
}
