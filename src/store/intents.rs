//! The two files in which groups of steps are first made durable, and how they are read.
//!
//! A flush of sled is dear. So a group is written to one of the files `intents-0` and `intents-1` beside sled's
//! own, and synced there; sled gets the changes of many groups at once ([`super::checkpoint`]). After a crash
//! the groups that sled does not have are read from here ([`super::open`]).
//!
//! ```text
//! record   magic  4 bytes
//!          sum    CRC-32 of everything that follows
//!          length of the body, 4 bytes
//!          number of the group, 8 bytes; sled's mark has the number of the last group that sled has
//!          body   changes, one after the other: tree (its last bit: removed), length of the key in 2 bytes,
//!                 the key, and of a value its length in 4 bytes and the value
//! ```
//!
//! Numbers have their least byte first. Records begin at multiples of [`ALIGN`]. A file is written from its
//! beginning over what is there, so that a sync need not change its length. What is left behind the newest record
//! has numbers that sled has already. So where a record lies does not matter: those with greater numbers than
//! sled's are what sled lacks.
//!
//! - No number may be missing between sled's and the greatest: one is missing if its record is damaged.
//! - A record that a crash cut off is the last one. Nobody was told that it is durable, and it is passed over.
//!   The number in the file `forewarn-store` shows when a last record was durable and is damaged (`mark.rs`).
//!
//! Must stay true: a file is written anew only when sled has all of its groups on stable storage; a number
//! is given once in the life of a file.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sled::IVec;

use super::changes::Changes;
use super::error::Cause;
use super::tree::Tree;
use super::{crash, disk};

/// The names of the files.
pub(super) const FILES: [&str; 2] = ["intents-0", "intents-1"];

/// With so many bytes a file is full, and the other one is begun. Tests that die or cut the power want that often.
fn full() -> u64 {
    if crash::is_trying() { 16 * 1024 } else { 4 * 1024 * 1024 }
}

/// A file is overfull with so many times as much.
const OVERFULL: u64 = 4;

/// A file grows by so many bytes.
const GROW: usize = 256 * 1024;

/// Records begin at multiples of this.
const ALIGN: usize = 32;

/// It is not UTF-8, so no text in a record can be taken for the beginning of another one when the reader looks for the
/// next record behind a damaged one.
const MAGIC: [u8; 4] = [0xF0, b'w', b'i', 1];

/// Bytes in front of a body.
const HEAD: usize = 20;

/// The bit of a change that removes its key.
const REMOVED: u8 = 0x80;

/// A record, with zeroes up to where the next one begins.
fn encode(number: u64, changes: &Changes, record: &mut Vec<u8>) -> Result<(), Cause> {
    record.clear();
    record.resize(HEAD, 0);
    for (tree, key, value) in changes.iter() {
        record.push(tree as u8 | if value.is_none() { REMOVED } else { 0 });
        record.extend_from_slice(&u16::try_from(key.len())?.to_le_bytes());
        record.extend_from_slice(key);
        if let Some(value) = value {
            record.extend_from_slice(&u32::try_from(value.len())?.to_le_bytes());
            record.extend_from_slice(value);
        }
    }
    let length = u32::try_from(record.len() - HEAD)?;
    record[8..12].copy_from_slice(&length.to_le_bytes());
    record[12..HEAD].copy_from_slice(&number.to_le_bytes());
    let sum = crc32fast::hash(&record[8..]);
    record[..4].copy_from_slice(&MAGIC);
    record[4..8].copy_from_slice(&sum.to_le_bytes());
    record.resize(record.len().next_multiple_of(ALIGN), 0);
    Ok(())
}

/// Takes so many bytes.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn take_number<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    take(bytes, N)?.try_into().ok()
}

/// The record at the beginning of these bytes: its number and body.
fn record(mut bytes: &[u8]) -> Option<(u64, &[u8])> {
    if take(&mut bytes, MAGIC.len())? != MAGIC {
        return None;
    }
    let sum = u32::from_le_bytes(take_number(&mut bytes)?);
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let summed = bytes.get(..(HEAD - 8).checked_add(length)?)?;
    if crc32fast::hash(summed) != sum {
        return None;
    }
    Some((u64::from_le_bytes(summed[4..12].try_into().ok()?), &summed[12..]))
}

/// The changes of a body; none if it is not one, whatever its checksum: a part of a group would be worse than nothing.
fn decode(mut body: &[u8]) -> Option<Changes> {
    let mut changes = Changes::default();
    while let Some((kind, rest)) = body.split_first() {
        body = rest;
        let tree = *Tree::ALL.get(usize::from(kind & !REMOVED))?;
        let length = u16::from_le_bytes(take_number(&mut body)?);
        let key = IVec::from(take(&mut body, usize::from(length))?);
        let value = if kind & REMOVED == 0 {
            let length = u32::from_le_bytes(take_number(&mut body)?);
            Some(IVec::from(take(&mut body, length as usize)?))
        } else {
            None
        };
        changes.change(tree, key, value, false);
    }
    Some(changes)
}

/// What the files hold that sled does not have.
#[derive(Debug, Default)]
pub(super) struct Intents {
    /// The changes of these groups.
    pub changes: Changes,
    /// Those of the groups just before them that are still in the files, without a gap up to the last one. Putting
    /// them in again changes nothing where sled has them.
    pub again: Changes,
    /// The number of the last group; sled's, if there is none.
    pub last: u64,
    /// Groups before it that cannot be read.
    pub missing: u64,
}

impl Intents {
    /// All changes that the files hold, without a gap up to the last one.
    pub(crate) fn all(self) -> Changes {
        let mut all = self.again;
        all.append(self.changes);
        all
    }

    /// Reads the files of a database whose last group has this number.
    pub(crate) fn read(database: &Path, number: u64) -> io::Result<Self> {
        let mut groups = BTreeMap::new();
        let files = FILES.map(|name| match fs::read(database.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read,
        });
        let [first, second] = files;
        let (first, second) = (first?, second?);
        for file in [&first, &second] {
            let mut at = 0;
            while at < file.len() {
                let found = record(&file[at..]);
                groups.extend(found);
                at += found.map_or(ALIGN, |(_, body)| (HEAD + body.len()).next_multiple_of(ALIGN));
            }
        }
        let mut found = Self { last: number, ..Self::default() };
        let later = groups.split_off(&(number + 1));
        for (of, body) in later {
            found.missing += of - found.last - 1;
            found.last = of;
            match decode(body) {
                Some(changes) => found.changes.append(changes),
                None => found.missing += 1,
            }
        }
        if found.missing == 0 {
            let earlier = groups.iter().rev().zip(0..).take_while(|((of, _), back)| **of + back == number);
            let mut bodies: Vec<_> = earlier.map_while(|((_, body), _)| decode(body)).collect();
            while let Some(changes) = bodies.pop() {
                found.again.append(changes);
            }
        }
        Ok(found)
    }
}

/// The files of an open store, to which groups are written.
#[derive(Debug)]
pub(super) struct Journal {
    files: [Place; 2],
    current: usize,
    /// Where the next record goes.
    end: u64,
    /// The number of the last group.
    number: u64,
    /// The last record; kept for its memory.
    record: Vec<u8>,
}

#[derive(Debug)]
struct Place {
    file: File,
    path: PathBuf,
    length: u64,
}

impl Journal {
    /// Empties the files of a database that has all of their groups on stable storage, the last one with this
    /// number.
    pub(crate) fn create(database: &Path, number: u64) -> io::Result<Self> {
        let create = |name: &str| {
            let path = database.join(name);
            let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            disk::sync_path(&path)?;
            Ok::<_, io::Error>(Place { file, path, length: 0 })
        };
        let files = [create(FILES[0])?, create(FILES[1])?];
        disk::sync_path(database)?;
        Ok(Self { files, current: 0, end: 0, number, record: Vec::new() })
    }

    /// Writes a group, which is not durable yet; its number.
    pub(crate) fn append(&mut self, changes: &Changes) -> Result<u64, Cause> {
        encode(self.number + 1, changes, &mut self.record)?;
        let place = &mut self.files[self.current];
        let end = self.end + self.record.len() as u64;
        if end > place.length {
            // Zeroes, so that the next groups need no new blocks.
            let more = usize::try_from(end - place.length)?.next_multiple_of(GROW);
            place.file.write_all_at(&vec![0; more], place.length)?;
            place.length += more as u64;
        }
        place.file.write_all_at(&self.record, self.end)?;
        self.end = end;
        self.number += 1;
        self.record.shrink_to(GROW);
        Ok(self.number)
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let place = &self.files[self.current];
        disk::sync_data(&place.file, &place.path)
    }

    /// Whether the other file should be begun.
    pub(crate) fn is_full(&self) -> bool {
        self.end >= full()
    }

    /// Whether it has become so large that the writer should wait until the other file is free.
    pub(crate) fn is_overfull(&self) -> bool {
        self.end >= full() * OVERFULL
    }

    /// The number of the last group.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Goes on in the other file, whose groups sled has.
    pub(crate) fn switch(&mut self) -> io::Result<()> {
        self.current = 1 - self.current;
        self.end = 0;
        let place = &mut self.files[self.current];
        // One large group may have made it long.
        if place.length > 2 * full() {
            place.file.set_len(0)?;
            place.length = 0;
        }
        Ok(())
    }

    /// Empties both files: sled has all of their groups.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        for place in &mut self.files {
            place.file.set_len(0)?;
            place.length = 0;
            disk::sync_path(&place.path)?;
        }
        self.end = 0;
        Ok(())
    }
}

#[cfg(test)]
#[path = "tests/intents.rs"]
mod tests;
