//! The store as a whole, on a real disk with real sled; smaller things are tested beside their code.
#![allow(clippy::unwrap_used)]

mod aborts;
mod checkpoints;
mod damage;
mod layouts;
mod reading;
mod writing;

use std::fs;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use super::*;
use crate::sync::Haste;

/// Long enough for a busy machine; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Options of a store that reacts quickly and does not mind a small disk.
fn options() -> Options {
    Options { reserve: 0, recheck: Duration::from_millis(5), ..Options::default() }
}

fn open(dir: &Path) -> Store {
    Store::open(dir, options()).unwrap()
}

/// A store with a writer whose events arrive in a channel.
fn with_writer(store: &Store) -> (Writer, Receiver<WriterEvent>) {
    let (send, events) = mpsc::channel();
    let writer = store.writer(move |event| send.send(event).unwrap_or_default()).unwrap();
    (writer, events)
}

fn next(events: &Receiver<WriterEvent>) -> WriterEvent {
    events.recv_timeout(PATIENCE).unwrap()
}

/// Waits until a step is durable; anything but durability on the way is a failure.
fn wait_durable(events: &Receiver<WriterEvent>, step: u64) {
    loop {
        match next(events) {
            WriterEvent::Durable { upto } if upto >= step => return,
            WriterEvent::Durable { .. } => {}
            other => panic!("{other:?} instead of step {step}"),
        }
    }
}

fn all(store: &Store, tree: Tree) -> Vec<(Vec<u8>, Vec<u8>)> {
    store.scan(tree, .., Direction::Ascending).unwrap().map(Result::unwrap).collect()
}

/// Copies a store's files, open or not: what is there after its process was killed now.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Bytes that do not compress and differ from record to record.
fn value(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}
