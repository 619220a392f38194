//! A fourth layout that no release has: it exists so that tests can die in the middle of a migration.
//!
//! It does what real migrations do: it rewrites every record of a tree, a few at a time, and can be
//! repeated from the beginning over its own half-done work. The records stay readable: JSON may end
//! with a space, so a whole node can be started on what this has left.

use super::Migration;
use crate::store::Cause;
use crate::store::crash::{Place, crash_point};

/// Puts a byte at the end of every record of the ledger.
pub(super) const MIGRATION: Migration = Migration { number: 4, name: "test: mark the ledger", run };

/// What a rewritten record ends with.
const MARK: u8 = b' ';

/// Where the next record to be rewritten is kept, so that none is rewritten twice.
const PROGRESS: &[u8] = b"migration-4";

fn run(db: &sled::Db) -> Result<(), Cause> {
    use sled::Transactional;
    use sled::transaction::ConflictableTransactionError as Conflict;

    let (ledger, meta) = (db.open_tree("ledger")?, db.open_tree("meta")?);
    let begin = meta.get(PROGRESS)?.map(|key| key.to_vec()).unwrap_or_default();
    for record in ledger.range(begin..) {
        let (key, value) = record?;
        let mut next = key.to_vec();
        next.push(0);
        let mut value = value.to_vec();
        value.push(MARK);
        (&ledger, &meta)
            .transaction(|(ledger, meta)| {
                ledger.insert(&key, value.clone())?;
                meta.insert(PROGRESS, next.clone())?;
                Ok::<(), Conflict<sled::Error>>(())
            })
            .map_err(|error| format!("{error}"))?;
        crash_point(Place::Migration4Middle);
    }
    Ok(())
}
