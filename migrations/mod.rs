//! The layouts that a store has had, one numbered file each.
//!
//! A migration leads from the layout before it to its own number. Its file holds everything it needs,
//! old records included, frozen: code that is still being changed must not change what an old
//! migration does.
//!
//! Every migration must be **repeatable**: a crash may cut it off anywhere, and the next start runs it
//! again from its beginning over what it left. The runner (`src/store/migrate.rs`) makes the backup
//! before, and writes the sums of all records (see `src/store/mark.rs`) and the number after everything is
//! durable; a migration does none of that.

use crate::store::Cause;

mod m0001_first_layout;
mod m0002_sums;
mod m0003_intents;
#[cfg(any(test, feature = "crash-points"))]
mod m0004_test_only;

/// From this layout on there are sums of all records.
pub(super) const FIRST_WITH_SUMS: u32 = 2;

/// One step from a layout to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Migration {
    /// The layout that it leads to: one more than that of the migration before.
    pub number: u32,
    /// What it does, in a few words, for the log.
    pub name: &'static str,
    /// Does it; see the head of this file for what it must keep to.
    pub run: fn(&sled::Db) -> Result<(), Cause>,
}

/// The migrations that this program knows, ascending.
pub(super) fn all() -> Vec<Migration> {
    let mut known = vec![m0001_first_layout::MIGRATION, m0002_sums::MIGRATION, m0003_intents::MIGRATION];
    // one that exists for tests, so that a crash in the middle of a migration that rewrites every record
    // can be tried
    #[cfg(any(test, feature = "crash-points"))]
    if std::env::var_os("FOREWARN_TEST_MIGRATION").is_some_and(|number| number == "4") {
        known.extend(test_only());
    }
    known.shrink_to_fit();
    known
}

/// The migrations that exist for tests.
#[cfg(any(test, feature = "crash-points"))]
pub(super) fn test_only() -> Vec<Migration> {
    vec![m0004_test_only::MIGRATION]
}
