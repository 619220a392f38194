//! Layout 2: the mark in `meta` has, beside its number, how many records each tree has and the sum of
//! their checksums, so that a check can tell what is missing; and the store may lie in a later
//! generation (see `src/store/folder.rs`), which a program of layout 1 would not find.
//!
//! Nothing is done here: from this layout on the runner writes the mark anew after every migration.

use super::{FIRST_WITH_SUMS, Migration};

/// To the first layout with sums.
pub(super) const MIGRATION: Migration =
    Migration { number: FIRST_WITH_SUMS, name: "sums of all records", run: |_| Ok(()) };
