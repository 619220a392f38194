//! Layout 3: groups of steps are first made durable in the files `intents-0` and `intents-1` beside sled's own (see
//! `src/store/intents.rs`), which a program of layout 2 would not read.
//!
//! Nothing is done here: the files are made when the store is opened for writing.

use super::Migration;

/// To the first layout with intents.
pub(super) const MIGRATION: Migration = Migration { number: 3, name: "intents beside sled", run: |_| Ok(()) };
