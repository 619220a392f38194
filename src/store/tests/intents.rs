//! The files of intents by themselves: cut off at every byte, damaged, written over.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::store::bytes::Write;

fn group(number: u64) -> Changes {
    let mut changes = Changes::default();
    changes.add(vec![
        Write::put(Tree::Ledger, number.to_be_bytes(), vec![number as u8; 10 * number as usize]),
        Write::remove(Tree::Pending, (number - 1).to_be_bytes()),
        Write::put(Tree::Meta, b"last", number.to_be_bytes()),
    ]);
    changes
}

type Change = (Tree, Vec<u8>, Option<Vec<u8>>);

fn changes(found: &Intents) -> Vec<Change> {
    listed(&found.changes)
}

fn listed(changes: &Changes) -> Vec<Change> {
    let of = |(tree, key, value): (Tree, &IVec, Option<&IVec>)| (tree, key.to_vec(), value.map(|value| value.to_vec()));
    changes.iter().map(of).collect()
}

/// What groups amount to.
fn all(numbers: impl IntoIterator<Item = u64>) -> Vec<Change> {
    let mut found = Intents::default();
    numbers.into_iter().for_each(|number| found.changes.append(group(number)));
    changes(&found)
}

fn write(journal: &mut Journal, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        assert_eq!(journal.append(&group(number)).unwrap(), number);
        journal.sync().unwrap();
    }
}

#[test]
fn groups_are_read_back_from_the_one_that_sled_lacks_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path(), 6).unwrap();
    write(&mut journal, 7..=20);
    for has in [6, 7, 13, 19, 20, 25] {
        let found = Intents::read(dir.path(), has).unwrap();
        assert_eq!((found.last, found.missing), (has.max(20), 0));
        assert_eq!(changes(&found), all(has + 1..=20), "sled has {has}");
        // What sled has may be in the page cache only: everything that is still here, up to the last one.
        // The files do not reach as far as 25.
        let first = if has > 20 { 26 } else { 7 };
        assert_eq!(listed(&found.again), all(first..=has));
        assert_eq!(listed(&found.all()), all(first..=20));
    }
    let found = Intents::read(dir.path(), 2).unwrap();
    assert_eq!((found.last, found.missing), (20, 4), "the groups 3 to 6 are nowhere");
    let nothing = Intents::read(&dir.path().join("no"), 3).unwrap();
    assert_eq!((nothing.last, nothing.missing), (3, 0));
}

#[test]
fn what_a_file_held_before_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path(), 0).unwrap();
    write(&mut journal, 1..=30);
    journal.switch().unwrap();
    write(&mut journal, 31..=33);
    // sled has the first 30
    journal.switch().unwrap();
    write(&mut journal, 34..=35);
    let found = Intents::read(dir.path(), 30).unwrap();
    assert_eq!((found.last, found.missing, changes(&found)), (35, 0, all(31..=35)));
    let found = Intents::read(dir.path(), 33).unwrap();
    assert_eq!((found.last, found.missing, changes(&found)), (35, 0, all(34..=35)));
    journal.clear().unwrap();
    assert_eq!(Intents::read(dir.path(), 35).unwrap().last, 35);
    let sizes = FILES.map(|name| fs::metadata(dir.path().join(name)).unwrap().len());
    assert_eq!(sizes, [0, 0]);
}

#[test]
fn a_record_that_was_cut_off_is_passed_over_and_damage_before_it_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path(), 0).unwrap();
    write(&mut journal, 1..=4);
    let before = journal.end as usize;
    write(&mut journal, 5..=5);
    let path = dir.path().join(FILES[0]);
    let whole = fs::read(&path).unwrap();
    let end = journal.end as usize - ALIGN;
    for cut in before..end {
        let mut torn = whole.clone();
        torn[cut..].fill(0);
        // the last bytes may be zeroes anyway
        let is_torn = torn != whole;
        for bytes in [torn, whole[..cut].to_vec()] {
            let is_torn = is_torn || bytes.len() < before + HEAD;
            fs::write(&path, bytes).unwrap();
            let found = Intents::read(dir.path(), 0).unwrap();
            if is_torn {
                assert_eq!((found.last, found.missing, changes(&found)), (4, 0, all(1..=4)), "cut off at {cut}");
            }
        }
    }
    let mut later = [0; 5];
    for at in 0..before {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, damaged).unwrap();
        let found = Intents::read(dir.path(), 0).unwrap();
        assert_eq!(found.last, 5);
        later[found.missing as usize] += 1;
    }
    // one record is missing wherever a bit of one is turned; between records nothing is
    assert!(later[1] > before / 2 && later[0] < 4 * ALIGN && later[2..] == [0; 3], "{later:?}");
}

#[test]
fn no_content_of_a_file_is_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path(), 0).unwrap();
    write(&mut journal, 1..=3);
    let whole = fs::read(dir.path().join(FILES[0])).unwrap();
    for seed in 1..2_000_u64 {
        let mut bytes = whole[..journal.end as usize].to_vec();
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for _ in 0..4 {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] = (state >> 20) as u8;
        }
        // with the right sum, so that what is in the records is looked at
        let length = u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
        if let Some(summed) = bytes.get(8..HEAD + length) {
            let sum = crc32fast::hash(summed);
            bytes[4..8].copy_from_slice(&sum.to_le_bytes());
        }
        fs::write(dir.path().join(FILES[0]), bytes).unwrap();
        Intents::read(dir.path(), 0).unwrap();
    }
}
