//! Which node's monitor has made a word, read from the word's id.
//!
//! Another node may have accepted a word (`[notifier]`), and the words of a `farm` monitor have the same reporter on
//! every node. So the ids of monitors' words are of version 8 (RFC 9562 §5.8): made like version 7, but the last 32
//! bits are a hash of the node's name. The mark is in the ledger with the word itself: a node needs no record of its
//! words, and none can be lost or out of date.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::availability::Name;

/// Bytes of the mark, at the end of an id.
const LENGTH: usize = 4;

/// `fresh`, an id of version 7, with the mark of this node.
pub fn marked(fresh: Uuid, node: &Name) -> Uuid {
    let mut bytes = fresh.into_bytes();
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[16 - LENGTH..].copy_from_slice(&mark(node));
    Uuid::from_bytes(bytes)
}

/// Whether a monitor of this node has made the word with this id. `None`: the id has no mark; earlier versions made
/// none.
pub fn is_of(id: &Uuid, node: &Name) -> Option<bool> {
    (id.get_version_num() == 8).then(|| id.as_bytes()[16 - LENGTH..] == mark(node))
}

fn mark(node: &Name) -> [u8; LENGTH] {
    let hash = Sha256::new().chain_update("forewarn monitor of ").chain_update(node.as_str()).finalize();
    std::array::from_fn(|at| hash[at])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Ids of version 7 that differ where no mark is.
    fn fresh(number: u16) -> Uuid {
        Uuid::from_u128(0x0190_e5a0_0000_7000_8000_0000_0000_0000 + (u128::from(number) << 40))
    }

    #[test]
    fn an_id_tells_whose_monitor_made_it_and_stays_unique() {
        let [a, b]: [Name; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        let ids: std::collections::BTreeSet<Uuid> = (0..10_000).map(|number| marked(fresh(number), &a)).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            assert_eq!((is_of(&id, &a), is_of(&id, &b)), (Some(true), Some(false)));
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        }
        assert_eq!(is_of(&fresh(1), &a), None);
    }
}
