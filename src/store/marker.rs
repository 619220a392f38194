//! The content of the file `forewarn-store`: one short line of fixed length.
//!
//! ```text
//! forewarn-store begun=00002 done=00002 generation=00000 state=open   missing=0 mark=… meta=… … pending=…
//! ```
//!
//! - `begun`: the newest layout to which a migration has begun, written **before** the migration touches
//!   anything. An older program refuses the store without opening it, even if the migration was interrupted.
//! - `done`: the layout that was complete and durable, written after the one in the `meta` tree. If the tree
//!   then has a lower one, the database was lost or replaced, and must not be treated as new.
//! - `generation`: which database is the store's; see `folder.rs`.
//! - `state`: whether the store was closed cleanly; see [`State`].
//! - `missing`: records were lost, and no full merge has replaced them yet.
//! - `mark` and a count for each tree: those of the last durable group; see `mark.rs`.
//!
//! Must stay true: the line is written in place, in one write, and is shorter than a disk sector, so
//! that a power cut leaves the old line or the new one.

use super::tree::Tree;

/// The name of the file that makes a folder a store; its line begins with it.
pub const MARKER: &str = "forewarn-store";

/// The most bytes of a line; longer ones are not ours.
pub(super) const MAX_LINE: usize = 512;

/// How the store was left, or is used at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Everything is on stable storage, and nothing was written since.
    Closed,
    /// A process writes, or has died while it did. Also what older versions left, which did not say.
    #[default]
    Open,
    /// A write or a sync has failed: the page cache may hold what the disk does not.
    Failed,
}

impl State {
    const ALL: [(Self, &'static str); 3] = [(Self::Closed, "closed"), (Self::Open, "open"), (Self::Failed, "failed")];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("open", |(_, name)| name)
    }
}

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marker {
    pub begun: u32,
    pub done: u32,
    pub generation: u32,
    pub state: State,
    pub missing: bool,
    pub mark: u64,
    /// Records of each tree when the mark was made, in the order of [`Tree::ALL`].
    pub records: [u64; Tree::ALL.len()],
}

impl Marker {
    /// The line; always of the same length.
    pub(crate) fn line(&self) -> String {
        let Self { begun, done, generation, state, missing, mark, records } = self;
        let mut line = format!(
            "{MARKER} begun={begun:05} done={done:05} generation={generation:05} state={:6} missing={} mark={mark:020}",
            state.name(),
            u8::from(*missing),
        );
        for (tree, count) in Tree::ALL.iter().zip(records) {
            line.push_str(&format!(" {tree}={count:012}"));
        }
        line.push('\n');
        line
    }

    /// Reads a line; `None` if it is not one. A line of layout 1 ends with the mark.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?.lines().next()?;
        let mut read = Self::default();
        let mut words = line.split_ascii_whitespace();
        if words.next()? != MARKER {
            return None;
        }
        for word in words {
            let (key, value) = word.split_once('=')?;
            match key {
                "begun" => read.begun = value.parse().ok()?,
                "done" => read.done = value.parse().ok()?,
                "generation" => read.generation = value.parse().ok()?,
                "state" => read.state = State::ALL.iter().find(|(_, name)| *name == value)?.0,
                "missing" => read.missing = value.parse::<u8>().ok()? > 0,
                "mark" => read.mark = value.parse().ok()?,
                tree => {
                    let tree = Tree::ALL.into_iter().find(|known| known.name() == tree)?;
                    read.records[tree as usize] = value.parse().ok()?;
                }
            }
        }
        Some(read)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_and_has_always_the_same_length() {
        let small = Marker::default();
        let large = Marker {
            begun: 12,
            done: 3,
            generation: 7,
            state: State::Failed,
            missing: true,
            mark: u64::MAX,
            records: [1, 100_000, 0, 7, 999_999_999_999],
        };
        assert_eq!(small.line().len(), large.line().len());
        assert!(large.line().len() < MAX_LINE);
        for marker in [small, large, Marker { state: State::Closed, ..small }] {
            assert_eq!(Marker::parse(marker.line().as_bytes()), Some(marker));
        }
    }

    #[test]
    fn a_line_of_the_first_layout_is_read_and_other_text_is_not() {
        let old = Marker::parse(b"forewarn-store begun=00001 done=00001 mark=00000000000000000009\n").unwrap();
        assert_eq!(old, Marker { begun: 1, done: 1, mark: 9, ..Marker::default() });
        for text in ["something else", "", "forewarn-store begun=x", "forewarn-store state=odd", "forewarn-store word"]
        {
            assert_eq!(Marker::parse(text.as_bytes()), None, "{text}");
        }
    }
}
