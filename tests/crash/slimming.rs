//! A node dies while its store, whose file has grown far beyond its records, is written anew. It is alone: nobody could
//! tell it what it has lost.

use std::{fs, path::Path};

use forewarn::store::{Options, Store, Tree, Write};

use crate::{
    book::Book,
    dying::{doom, expand},
    ledgers,
    support::Farm,
};

/// Each step of writing it anew.
const SLIMMING: &[&str] = &["fresh.begun", "fresh.filled", "fresh.synced", "fresh.marked", "fresh.removed"];
/// Of this file.
pub const ALL: &[&[&str]] = &[SLIMMING];

/// A smaller file is left as it is.
const LARGE: u64 = 64 << 20;

/// What is written and removed again stays in the file.
fn outgrow(data: &Path) {
    const RECORDS: u64 = 1_200;
    let store = Store::open(data, Options::default()).unwrap();
    let key = |number: u64| [b"outgrown".as_slice(), &number.to_be_bytes()].concat();
    for some in (0..RECORDS).step_by(100) {
        let put = |number: u64| Write::put(Tree::History, key(number), vec![number as u8; 60_000]);
        store.write_sync((some..some + 100).map(put).collect()).unwrap();
    }
    store.write_sync((0..RECORDS).map(|number| Write::remove(Tree::History, key(number))).collect()).unwrap();
    drop(store);
    assert!(size(data) > LARGE, "{} bytes", size(data));
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let size = |entry: fs::DirEntry| {
        if entry.file_type().unwrap().is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().len() }
    };
    entries.map(size).sum()
}

#[tokio::test]
async fn a_node_dies_while_its_store_is_written_anew() {
    let farm = Farm::new(1).start().await;
    let mut book = Book::default();
    for point in expand(SLIMMING) {
        eprintln!("· {point}");
        book.say_much(&farm[0], 3).await;
        farm[0].terminate().await;
        let (store, before) = ledgers::read(&farm[0].data);
        drop(store);
        outgrow(&farm[0].data);
        doom(&farm[0], &point).await.died().await;
        // Neither generation is taken for a damaged store, and whichever it is has everything.
        let logged = farm[0].log().len();
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
        assert!(!farm[0].log()[logged..].contains("store_damaged"), "{point}: {}", farm[0].log_end());
        // At the latest the next start after an orderly stop makes it small.
        farm[0].terminate().await;
        farm[0].restart().await;
        farm[0].terminate().await;
        assert!(size(&farm[0].data) < LARGE, "{point}: {} bytes", size(&farm[0].data));
        let (store, after) = ledgers::read(&farm[0].data);
        drop(store);
        assert!(after.ledger.iter().eq(before.ledger.iter()), "{point}: the ledger is what it was");
        farm[0].restart().await;
        book.node_has_all(&farm[0]).await;
    }
    ledgers::compare(&farm, &book).await;
}
