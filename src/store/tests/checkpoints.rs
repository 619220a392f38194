//! Groups on their way from the files of intents into sled: what is read meanwhile, failures, hanging, full disks.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::*;
use crate::sync::Label;

/// A model of one tree.
type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn agree(store: &Store, model: &Model) {
    let expected: Vec<_> = model.clone().into_iter().collect();
    assert!(all(store, Tree::History) == expected);
    let keys = |range: (Bound<Vec<u8>>, Bound<Vec<u8>>), direction| -> Vec<Vec<u8>> {
        store.scan(Tree::History, range, direction).unwrap().map(|record| record.unwrap().0).collect()
    };
    for (from, to) in [(20_u8, 90_u8), (0, 255), (90, 90), (7, 8)] {
        let range = (Bound::Included(vec![from]), Bound::Excluded(vec![to]));
        let expected: Vec<_> = model.range(range.clone()).map(|(key, _)| key.clone()).collect();
        assert_eq!(keys(range.clone(), Direction::Ascending), expected);
        let mut back = keys(range, Direction::Descending);
        back.reverse();
        assert_eq!(back, expected);
    }
    for key in 0..=255_u8 {
        assert_eq!(store.get(Tree::History, &[key]).unwrap().as_ref(), model.get(&vec![key]));
        let of: Vec<_> = model.keys().filter(|found| found.starts_with(&[key])).cloned().collect();
        let prefix = store.scan_prefix(Tree::History, &[key], Direction::Ascending).unwrap();
        assert_eq!(prefix.map(|record| record.unwrap().0).collect::<Vec<_>>(), of);
    }
}

/// Some changes of a hundred-odd keys, in the store and in the model.
fn change(writer: &Writer, events: &Receiver<WriterEvent>, step: u64, length: usize, model: &mut Model) {
    let bytes = value(step, 16);
    let mut writes = Vec::new();
    for pair in bytes.chunks(2) {
        let mut key = vec![pair[0]];
        if pair[1] % 3 == 0 {
            key.push(pair[1]);
        }
        if pair[1] % 4 == 0 {
            model.remove(&key);
            writes.push(Write::remove(Tree::History, key));
        } else {
            model.insert(key.clone(), value(step, length));
            writes.push(Write::put(Tree::History, key, value(step, length)));
        }
    }
    writer.commit(step, Label::Submit, writes, Haste::Now).unwrap();
    wait_durable(events, step);
}

#[test]
fn reading_sees_every_change_in_whatever_file_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let store = Store::open_with(dir.path(), options(), &migrations::all(), fault.clone()).unwrap();
    let (writer, events) = with_writer(&store);
    let mut model = Model::new();
    let handle = || store.shared.handle().unwrap();
    let mut step = 0;
    // once with each file full in turn, and a checkpoint that takes its time
    for _ in 0..2 {
        fault.hang_checkpoint(true);
        while !handle().is_frozen() {
            step += 1;
            change(&writer, &events, step, 30_000, &mut model);
        }
        agree(&store, &model);
        for _ in 0..30 {
            step += 1;
            change(&writer, &events, step, 10, &mut model);
        }
        agree(&store, &model);
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        agree(&open(copied.path()), &model);
        fault.hang_checkpoint(false);
        while handle().is_frozen() {
            std::thread::yield_now();
        }
        agree(&store, &model);
    }
    assert!(writer.close(PATIENCE));
    drop(store);
    let marker = folder::Folder::existing(dir.path()).unwrap().read().unwrap();
    assert_eq!(marker.state, marker::State::Closed);
    assert_eq!(check(dir.path(), 0).unwrap().problems(), Vec::<String>::new());
    agree(&open(dir.path()), &model);
}

#[test]
fn a_checkpoint_that_fails_stops_the_store_and_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let store = Store::open_with(dir.path(), options(), &migrations::all(), fault.clone()).unwrap();
    let (writer, events) = with_writer(&store);
    let mut model = Model::new();
    fault.hang_checkpoint(true);
    fault.fail_checkpoint();
    let mut step = 0;
    while !store.shared.handle().unwrap().is_frozen() {
        step += 1;
        change(&writer, &events, step, 30_000, &mut model);
    }
    step += 1;
    change(&writer, &events, step, 10, &mut model);
    fault.hang_checkpoint(false);
    let WriterEvent::Stopped { status } = next(&events) else { panic!("not stopped") };
    assert!(
        matches!(&status, Status::Failed { cause, restart: false } if cause.contains("told to fail")),
        "{status:?}"
    );
    assert_eq!(next(&events), WriterEvent::Writable);
    writer.resume().unwrap();
    assert_eq!(store.shared.folder.marker().generation, 1);
    agree(&store, &model);
    step += 1;
    change(&writer, &events, step, 10, &mut model);
    agree(&store, &model);
}

#[test]
fn a_checkpoint_that_hangs_stops_the_store_until_it_returns() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let options = Options { flush_limit: Duration::from_millis(400), ..options() };
    let store = Store::open_with(dir.path(), options, &migrations::all(), fault.clone()).unwrap();
    let (writer, events) = with_writer(&store);
    let mut model = Model::new();
    fault.hang_checkpoint(true);
    for step in 1.. {
        if store.shared.handle().map_or(true, |handle| handle.is_frozen()) {
            break;
        }
        change(&writer, &events, step, 30_000, &mut model);
    }
    let WriterEvent::Stopped { status } = next(&events) else { panic!("not stopped") };
    assert!(matches!(&status, Status::Failed { restart: true, .. }), "{status:?}");
    assert!(matches!(store.get(Tree::History, b"x"), Err(StoreError::Stopped(_))), "no thread calls sled any more");
    fault.hang_checkpoint(false);
    assert_eq!(next(&events), WriterEvent::Writable);
    writer.resume().unwrap();
    agree(&store, &model);
}

#[test]
fn a_start_with_too_little_space_for_a_checkpoint_reads_and_goes_on_when_there_is_more() {
    let (dir, copied) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let put = |key: u8| vec![Write::put(Tree::Ledger, [key], [1, key])];
    let expected: Vec<_> = (0..9).map(|key| (vec![key], vec![1, key])).collect();
    {
        let store = open(dir.path());
        (0..9).for_each(|key| store.write_sync(put(key)).unwrap());
        copy(dir.path(), copied.path());
    }
    let store = Store::open(copied.path(), Options { reserve: u64::MAX, ..options() }).unwrap();
    assert!(matches!(store.status(), Status::ReserveReached { .. }));
    assert_eq!(all(&store, Tree::Ledger), expected);
    let (writer, events) = with_writer(&store);
    assert!(matches!(next(&events), WriterEvent::Stopped { status: Status::ReserveReached { .. } }));
    store.set_reserve(0);
    assert_eq!(next(&events), WriterEvent::Writable);
    writer.resume().unwrap();
    writer.commit(1, Label::Submit, put(9), Haste::Now).unwrap();
    wait_durable(&events, 1);
    assert_eq!(all(&store, Tree::Ledger).len(), 10);
    assert!(writer.close(PATIENCE));
    drop(store);
    assert_eq!(check(copied.path(), 0).unwrap().problems(), Vec::<String>::new());
}

#[test]
fn a_backup_and_a_check_of_a_killed_store_have_what_sled_lacks() {
    let (dir, outer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path());
    store.write_sync(vec![Write::put(Tree::Ledger, b"k", b"\x01")]).unwrap();
    let (killed, to) = (outer.path().join("killed"), outer.path().join("copy"));
    copy(dir.path(), &killed);
    assert_eq!(backup(&killed, &to, 0).unwrap().records, 3);
    assert_eq!(all(&open(&to), Tree::Ledger).len(), 1);
    std::fs::remove_dir_all(&killed).unwrap();
    copy(dir.path(), &killed);
    let report = check(&killed, 0).unwrap();
    assert_eq!((report.problems(), report.trees[1].records), (vec![], 1));
}
