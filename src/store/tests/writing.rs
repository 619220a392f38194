//! The writer: order, atomic steps, the reserve, failures, hanging.

use super::*;
use crate::sync::Label;

#[test]
fn steps_become_durable_in_their_order_and_a_later_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (writer, events) = with_writer(&store);
    for step in 1..=500_u64 {
        let key = step.to_be_bytes();
        let writes = vec![
            Write::put(Tree::Pending, key, b"\x01p"),
            Write::put(Tree::Meta, b"last", key),
            Write::remove(Tree::Pending, (step - 1).to_be_bytes()),
        ];
        writer.commit(step, Label::Submit, writes, Haste::Now).unwrap();
    }
    let mut seen = 0;
    while seen < 500 {
        let WriterEvent::Durable { upto } = next(&events) else { panic!("stopped") };
        assert!(upto > seen, "{upto} after {seen}");
        seen = upto;
        let last = store.get(Tree::Meta, b"last").unwrap().unwrap();
        assert!(last >= upto.to_be_bytes().to_vec());
    }
    assert!(writer.close(PATIENCE));
    drop(store);

    let store = open(dir.path());
    assert_eq!(all(&store, Tree::Pending), [(500_u64.to_be_bytes().to_vec(), b"\x01p".to_vec())]);
    assert_eq!(store.get(Tree::Meta, b"last").unwrap().unwrap(), 500_u64.to_be_bytes());
}

#[test]
fn a_step_across_all_trees_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.write_sync(vec![Write::put(Tree::Meta, b"boot", b"\x01\x07")]).unwrap();
    let (writer, events) = with_writer(&store);
    let writes = Tree::ALL.map(|tree| Write::put(tree, b"k", tree.name()));
    writer.commit(7, Label::Submit, writes.to_vec(), Haste::Now).unwrap();
    wait_durable(&events, 7);
    assert!(matches!(store.writer(|_| ()), Err(StoreError::SecondWriter)));
    assert!(writer.close(PATIENCE));
    drop(store);

    let store = open(dir.path());
    for tree in Tree::ALL {
        assert_eq!(store.get(tree, b"k").unwrap().unwrap(), tree.name().as_bytes());
    }
    assert_eq!(store.get(Tree::Meta, b"boot").unwrap().unwrap(), b"\x01\x07");
}

#[test]
fn closing_writes_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (writer, events) = with_writer(&store);
    for step in 1..=100_u64 {
        let write = Write::put(Tree::Ledger, step.to_be_bytes(), b"\x01");
        writer.commit(step, Label::Submit, vec![write], Haste::Now).unwrap();
    }
    assert!(writer.close(PATIENCE));
    assert_eq!(events.iter().last(), Some(WriterEvent::Durable { upto: 100 }));
    assert_eq!(all(&store, Tree::Ledger).len(), 100);
}

#[test]
fn what_is_too_large_or_too_much_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let options = Options { commit_queue: 2, ..options() };
    let store = Store::open_with(dir.path(), options, &migrations::all(), fault.clone()).unwrap();
    let (writer, events) = with_writer(&store);
    let big = vec![Write::put(Tree::Ledger, b"k", vec![0; MAX_VALUE + 1])];
    let text = writer.commit(1, Label::Submit, big.clone(), Haste::Now).unwrap_err().to_string();
    assert_eq!(text, "a value of 81921 bytes for ledger is larger than 81920 bytes");
    assert!(matches!(store.write_sync(big), Err(StoreError::TooLarge { .. })));
    let long = vec![Write::remove(Tree::Outbox, vec![0; MAX_KEY + 1])];
    assert!(matches!(writer.commit(1, Label::Submit, long, Haste::Now), Err(StoreError::TooLarge { what: "key", .. })));

    // with the writer held up, the queue fills after at most one group and two steps
    fault.hang_flush(true);
    let step =
        |number: u64| writer.commit(number, Label::Submit, vec![Write::put(Tree::Ledger, b"k", b"\x01")], Haste::Now);
    let refused = (1..).find_map(|number| step(number).err().map(|error| (number, error)));
    let (number, error) = refused.unwrap();
    assert!(matches!(error, StoreError::Full { limit: 2 }), "{error}");
    fault.hang_flush(false);
    wait_durable(&events, number - 1);
    step(number).unwrap();
    wait_durable(&events, number);
}

#[test]
fn below_the_reserve_nothing_is_touched_and_it_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (writer, events) = with_writer(&store);
    let step = |number: u64| {
        let write = Write::put(Tree::Pending, number.to_be_bytes(), b"\x01");
        writer.commit(number, Label::Submit, vec![write], Haste::Now)
    };
    step(1).unwrap();
    wait_durable(&events, 1);

    store.set_reserve(u64::MAX);
    assert!(matches!(store.recheck(), Status::ReserveReached { reserve: u64::MAX, .. }));
    // the writer finds out by itself, or by this step
    step(2).unwrap_or_default();
    let WriterEvent::Stopped { status } = next(&events) else { panic!("not stopped") };
    assert!(matches!(status, Status::ReserveReached { reserve: u64::MAX, .. }));
    assert_eq!(store.status(), status);
    assert!(matches!(step(3), Err(StoreError::Stopped(_))));
    assert!(matches!(writer.resume(), Err(StoreError::Stopped(_))));
    assert!(store.write_sync(vec![Write::put(Tree::Meta, b"x", b"\x01")]).is_err());
    assert_eq!(all(&store, Tree::Pending).len(), 1, "reading goes on");

    store.set_reserve(1);
    assert_eq!(next(&events), WriterEvent::Writable);
    assert!(matches!(step(3), Err(StoreError::Stopped(_))), "not before it is resumed");
    writer.resume().unwrap();
    assert_eq!(store.status(), Status::Writable);
    step(2).unwrap();
    step(3).unwrap();
    wait_durable(&events, 3);
    assert_eq!(all(&store, Tree::Pending).len(), 3);
}

#[test]
fn after_a_failed_write_or_sync_the_store_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let store = Store::open_with(dir.path(), options(), &migrations::all(), fault.clone()).unwrap();
    let (writer, events) = with_writer(&store);
    let step = |number: u64| {
        let write = Write::put(Tree::Pending, number.to_be_bytes(), b"\x01");
        writer.commit(number, Label::Submit, vec![write], Haste::Now)
    };
    let fails: [fn(&Fault); 3] = [Fault::fail_apply, Fault::fail_flush, Fault::fail_sync];
    for (first, fail) in [(1, fails[0]), (3, fails[1]), (5, fails[2])] {
        fail(&fault);
        // a reader keeps the old handle, and with it sled's lock, for a while
        let scan = store.scan(Tree::Pending, .., Direction::Ascending).unwrap();
        // a mark may meet the fault before the step does
        step(first).unwrap_or_default();
        let WriterEvent::Stopped { status } = next(&events) else { panic!("not stopped") };
        assert!(
            matches!(&status, Status::Failed { cause, restart: false }
            if cause.contains("was told to fail")),
            "{status:?}"
        );
        assert!(matches!(step(first + 1), Err(StoreError::Stopped(_))));
        drop(scan);
        assert_eq!(next(&events), WriterEvent::Writable);
        writer.resume().unwrap();
        step(first).unwrap();
        step(first + 1).unwrap();
        wait_durable(&events, first + 1);
        // not one byte of what the failed sync may have lost is relied on
        assert_eq!(u64::from(store.shared.folder.marker().generation), first.div_ceil(2));
        assert!(!store.is_missing_records());
    }
    assert_eq!(all(&store, Tree::Pending).len(), 6);
    assert!(!dir.path().join("db").exists(), "the one that failed is gone");
}

#[test]
fn a_process_that_dies_of_a_failed_sync_starts_by_writing_anew() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let store = Store::open_with(dir.path(), options(), &migrations::all(), fault.clone()).unwrap();
    let write = |key: u8| store.write_sync(vec![Write::put(Tree::Meta, [key], [1, key])]);
    write(1).unwrap();
    fault.fail_sync();
    assert!(matches!(write(2), Err(StoreError::Write { .. })));
    assert!(matches!(write(3), Err(StoreError::Stopped(_))));
    drop(store);
    let store = open(dir.path());
    assert_eq!((store.shared.folder.marker().generation, store.is_missing_records()), (1, false));
    assert_eq!(store.get(Tree::Meta, &[1]).unwrap().unwrap(), [1, 1]);
    assert_eq!(store.get(Tree::Meta, &[3]).unwrap(), None);
}

#[test]
fn a_flush_that_hangs_stops_the_store_and_holds_up_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let options = Options { flush_limit: Duration::from_millis(200), ..options() };
    let store = Store::open_with(dir.path(), options, &migrations::all(), fault.clone()).unwrap();
    let (writer, events) = with_writer(&store);
    let step = |number: u64| {
        let write = Write::put(Tree::Pending, number.to_be_bytes(), b"\x01");
        writer.commit(number, Label::Submit, vec![write], Haste::Now)
    };
    fault.hang_flush(true);
    step(1).unwrap();
    let WriterEvent::Stopped { status } = next(&events) else { panic!("not stopped") };
    assert!(matches!(&status, Status::Failed { restart: true, .. }), "{status:?}");
    // no thread calls sled any more, as it could hang as well
    assert!(matches!(step(2), Err(StoreError::Stopped(_))));
    assert!(matches!(store.get(Tree::Pending, b"x"), Err(StoreError::Stopped(_))));
    assert!(store.scan(Tree::Pending, .., Direction::Ascending).is_err());

    // it returns after all: then the store is opened anew, and what was handed over is again
    fault.hang_flush(false);
    assert_eq!(next(&events), WriterEvent::Writable);
    writer.resume().unwrap();
    step(1).unwrap();
    wait_durable(&events, 1);

    // and when it does not, closing gives up in time
    fault.hang_flush(true);
    step(2).unwrap();
    assert!(matches!(next(&events), WriterEvent::Stopped { .. }));
    assert!(!writer.close(Duration::from_millis(10)));
    fault.hang_flush(false);
}

#[test]
fn a_synchronous_write_that_fails_stops_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let options = Options { flush_limit: Duration::from_millis(50), ..options() };
    let store = Store::open_with(dir.path(), options, &migrations::all(), fault.clone()).unwrap();
    fault.hang_flush(true);
    let write = || store.write_sync(vec![Write::put(Tree::Meta, b"boot", b"\x01")]);
    assert!(matches!(write(), Err(StoreError::Stalled { .. })));
    fault.hang_flush(false);
    assert!(matches!(write(), Err(StoreError::Stopped(Status::Failed { restart: true, .. }))));
}

#[test]
fn blobs_stay_empty() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (writer, events) = with_writer(&store);
    let mut step = 0;
    // thousands of usual records in all trees, written over and removed in part, then the largest
    for round in 0..2_u64 {
        for number in 0..1_000_u64 {
            step += 1;
            let key = (number * 7_919 % 1_000).to_be_bytes();
            let size = 2_048 + (value(step, 2)[0] as usize) * 16;
            let mut writes: Vec<Write> = Tree::ALL.map(|tree| Write::put(tree, key, value(step, size))).to_vec();
            if round == 1 && number % 3 > 0 {
                writes[4].value = None;
            }
            writer.commit(step, Label::Submit, writes, Haste::Now).unwrap();
            if step % 500 == 0 {
                wait_durable(&events, step);
            }
        }
    }
    for number in 0..120_u64 {
        step += 1;
        let key = [b"large".as_slice(), &number.to_be_bytes()].concat();
        let large = Write::put(Tree::Ledger, key, value(step, MAX_VALUE));
        writer.commit(step, Label::Submit, vec![large], Haste::Now).unwrap();
    }
    wait_durable(&events, step);
    assert_eq!(store.shared.folder.blobs().unwrap(), 0);
    assert!(writer.close(PATIENCE));
    drop(store);
    let report = check(dir.path(), 0).unwrap();
    assert_eq!((report.blobs, report.problems()), (0, vec![]));
    assert_eq!(report.trees[1].records, 1_120);
}

/// A file of sled never shrinks: what was removed stays in it.
#[test]
fn a_store_that_has_grown_far_beyond_its_records_is_written_anew_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let kept =
        || -> Vec<Write> { (0..10_u8).map(|key| Write::put(Tree::Ledger, [key], value(key.into(), 50))).collect() };
    let records = {
        let store = open(dir.path());
        store.write_sync(kept()).unwrap();
        let key = |number: u64| number.to_be_bytes();
        for round in 0..16_u64 {
            let put = |number: u64| Write::put(Tree::History, key(number), value(number, 60_000));
            store.write_sync((100 * round..100 * round + 100).map(put).collect()).unwrap();
        }
        assert!(store.shared.folder.size().unwrap() > 80 << 20);
        store.write_sync((0..1_600).map(|number| Write::remove(Tree::History, key(number))).collect()).unwrap();
        all(&store, Tree::Ledger)
    };
    // what a start that was cut off before has left of the new one
    let unfinished = dir.path().join("generation-00001");
    std::fs::create_dir(&unfinished).unwrap();
    std::fs::write(unfinished.join("db"), "half").unwrap();
    for _start in 0..2 {
        let store = open(dir.path());
        assert_eq!(store.shared.folder.marker().generation, 1);
        assert!(store.shared.folder.size().unwrap() < 16 << 20);
        assert_eq!(all(&store, Tree::Ledger), records);
        assert_eq!(all(&store, Tree::History), []);
        store.write_sync(vec![Write::put(Tree::Outbox, b"k", b"v")]).unwrap();
        drop(store);
        // or of the old one, after it was replaced
        std::fs::write(dir.path().join("db"), "old").unwrap();
    }
    drop(open(dir.path()));
    // the old one is gone, and the whole is sound
    assert!(!dir.path().join("db").exists());
    assert_eq!(check(dir.path(), 0).unwrap().problems(), [""; 0]);
}
