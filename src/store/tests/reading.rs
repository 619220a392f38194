//! Reading: both directions, ranges, prefixes.

use super::*;

#[test]
fn scans_go_both_ways_and_keep_to_their_range() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let key = |number: u32| [&[(number % 3) as u8][..], &number.to_be_bytes()].concat();
    let mut expected: Vec<Vec<u8>> = (0..3_000).map(key).collect();
    for keys in expected.chunks(500) {
        let writes = keys.iter().map(|key| Write::put(Tree::History, key.clone(), b"\x01"));
        store.write_sync(writes.collect()).unwrap();
    }
    expected.sort();
    let keys =
        |scan: Result<Scan, StoreError>| -> Vec<Vec<u8>> { scan.unwrap().map(|record| record.unwrap().0).collect() };
    use Direction::{Ascending, Descending};
    assert_eq!(keys(store.scan(Tree::History, .., Ascending)), expected);
    let mut reverse = keys(store.scan(Tree::History, .., Descending));
    reverse.reverse();
    assert_eq!(reverse, expected);

    let (from, to) = (expected[100].clone(), expected[1_500].clone());
    let range = || from.clone()..to.clone();
    assert_eq!(keys(store.scan(Tree::History, range(), Ascending)), expected[100..1_500]);
    let newest = store.scan(Tree::History, ..to.clone(), Descending).unwrap().next();
    assert_eq!(newest.unwrap().unwrap().0, expected[1_499]);
    let backwards = store.scan(Tree::History, to..from, Ascending);
    assert_eq!(keys(backwards), Vec::<Vec<u8>>::new());

    assert_eq!(keys(store.scan_prefix(Tree::History, &[1], Ascending)), expected[1_000..2_000]);
    let last = store.scan_prefix(Tree::History, &[1], Descending).unwrap().next();
    assert_eq!(last.unwrap().unwrap().0, expected[1_999]);
    assert_eq!(keys(store.scan_prefix(Tree::History, &[9], Descending)), Vec::<Vec<u8>>::new());
    assert_eq!(store.get(Tree::History, b"none").unwrap(), None);
}
