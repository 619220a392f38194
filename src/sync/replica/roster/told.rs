//! What nodes tell each other about the members: a digest, by which two of them find out that they know the same,
//! and the list of records.
//!
//! Must stay true: equal digests mean that neither list has a record that is newer than the other node's (definitions
//! that a list had no room for come from the member itself); a list fits into a message, whatever its members define.

use super::{Roster, index::Sums};
use crate::{
    availability::NodeId,
    sync::{
        bounds::{fits, word},
        message::{Member, Membership},
    },
};

/// Most bytes of a list with definitions, as JSON; a quarter of the longest message.
const MAX_LIST: usize = 16 << 20;

impl Roster {
    /// The digest of all records, this node's own and those of forgotten members included.
    pub(in super::super) fn membership(&self) -> Membership {
        let Sums { nodes, records } = self.index.sums().with(&self.own);
        Membership { nodes: format!("{nodes:032x}"), records: format!("{records:032x}") }
    }

    /// The records of all others. If they are too large together, they come without their definitions, which each
    /// node tells by itself when it is met.
    pub(in super::super) fn list(&self) -> Vec<Member> {
        bounded(self.others().cloned().collect())
    }

    /// A peer has told its digest; none if its version has none.
    pub(in super::super) fn told(&mut self, id: &NodeId, membership: Option<&Membership>) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.records = membership.map(|told| word(&told.records).to_owned()).unwrap_or_default();
        }
    }

    /// Whether this peer knows the same records as this node, as far as it has told.
    pub(in super::super) fn knows_the_same(&self, id: &NodeId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.records == self.membership().records)
    }
}

/// The same records, if they fit; otherwise without definitions.
pub(super) fn bounded(mut members: Vec<Member>) -> Vec<Member> {
    if !fits(&members, MAX_LIST) {
        members.iter_mut().for_each(|member| member.definitions.clear());
    }
    members
}
