//! Notices that the end of the database is gone.
//!
//! sled reads its log up to the first record whose checksum is wrong and takes that for the place
//! where the last process died. So damage in what was written since the last start would go
//! unnoticed, with everything behind it. Against that the writer counts: now and then it puts a number
//! into the `meta` tree, and once that is durable the same number into the file `forewarn-store`.
//! A database that holds a lower number than the file has lost what was durable.
//!
//! Must stay true: the file never runs ahead of the tree. It may lag behind, by [`EVERY`] groups, an
//! idle moment or a power cut; only damage of what came after the last mark then goes unnoticed.

use super::error::Cause;
use super::{Tree, Write, record};

/// The key in the `meta` tree that holds the number.
pub const MARK_KEY: &[u8] = b"mark";

/// Under load every so many groups carry a mark; an idle writer makes one when nothing waits.
const EVERY: u32 = 256;

/// How the number is written: this byte, then eight, the greatest first.
const MARK_RECORD: u8 = 1;

/// The number in a stored mark; 0 where there is none yet.
pub(super) fn number(value: Option<&[u8]>) -> Result<u64, Cause> {
    match value.map(record::unwrap).transpose()? {
        None => Ok(0),
        Some((MARK_RECORD, number)) => Ok(u64::from_be_bytes(number.try_into()?)),
        Some((version, _)) => Err(format!("its mark is written in a form {version}").into()),
    }
}

/// When the writer has to make a mark, and which.
#[derive(Debug)]
pub(super) struct Marks {
    last: u64,
    unmarked: u32,
}

impl Marks {
    /// Goes on after the last mark. What was written without a writer, at the boot, is unmarked.
    pub fn after(last: u64) -> Self {
        Self { last, unmarked: 1 }
    }

    /// The mark that the next group has to carry, if any; `idle`: when there is no group otherwise.
    pub fn due(&self, idle: bool) -> Option<u64> {
        let due = self.unmarked >= if idle { 1 } else { EVERY };
        due.then_some(self.last + 1)
    }

    /// A group has become durable, with this mark if it had one.
    pub fn made(&mut self, mark: Option<u64>) {
        match mark {
            Some(mark) => (self.last, self.unmarked) = (mark, 0),
            None => self.unmarked = self.unmarked.saturating_add(1),
        }
    }
}

/// The write that puts a mark into the tree.
pub(super) fn write(mark: u64) -> Write {
    let value = record::wrap(MARK_RECORD, &mark.to_be_bytes());
    Write::put(Tree::Meta, MARK_KEY, value)
}
