//! Layout 1: the five trees.
//!
//! Keys and values are those of `src/store/records.rs` of that time; every value begins with its
//! version byte.

use super::Migration;
use crate::store::Cause;

/// The names as they were then.
const TREES: [&str; 5] = ["pending", "ledger", "outbox", "history", "meta"];

/// From an empty folder to the first layout.
pub(super) const MIGRATION: Migration = Migration { number: 1, name: "first layout", run };

fn run(db: &sled::Db) -> Result<(), Cause> {
    for name in TREES {
        // opens the tree if an earlier, cut-off attempt has made it already
        db.open_tree(name)?;
    }
    Ok(())
}
