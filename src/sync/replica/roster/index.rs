//! What every announcement asks of the members: who has a name, and the digest of all records. In a farm of a thousand,
//! reading all members for each of them would make a start cost the cube of the farm's size.
//!
//! Must stay true: what is here follows from the records of the roster alone.

use std::collections::{BTreeMap, BTreeSet};

use super::rank;
use crate::{
    availability::{Name, NodeId},
    sync::message::Member,
};

/// Digests of members and of their records: sums, which do not depend on the order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) nodes: u128,
    pub(super) records: u128,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    names: BTreeMap<Name, BTreeSet<NodeId>>,
    sums: Sums,
}

/// Spreads the bits, so that sums of different records differ. Only nodes of the farm can choose them.
fn mixed(value: u128) -> u128 {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let value = (value ^ value >> 64).wrapping_mul(ODD);
    let value = (value ^ value >> 59).wrapping_mul(ODD);
    value ^ value >> 64
}

impl Sums {
    /// Of one record.
    fn of(member: &Member) -> Self {
        let (forgotten, changed, _) = rank(member);
        let nodes = mixed(member.id.0.as_u128() ^ u128::from(forgotten));
        Self { nodes, records: mixed(nodes ^ u128::from(changed.millis().unsigned_abs())) }
    }

    /// With this record as well.
    pub(super) fn with(self, member: &Member) -> Self {
        let one = Self::of(member);
        Self { nodes: self.nodes.wrapping_add(one.nodes), records: self.records.wrapping_add(one.records) }
    }

    fn without(self, member: &Member) -> Self {
        let one = Self::of(member);
        Self { nodes: self.nodes.wrapping_sub(one.nodes), records: self.records.wrapping_sub(one.records) }
    }
}

impl Index {
    /// The digests of all records.
    pub(super) fn sums(&self) -> Sums {
        self.sums
    }

    /// The members with this name, without forgotten ones, in the order of their ids.
    pub(super) fn named(&self, name: &Name) -> impl Iterator<Item = &NodeId> {
        self.names.get(name).into_iter().flatten()
    }

    /// A record has come in.
    pub(super) fn add(&mut self, member: &Member) {
        self.sums = self.sums.with(member);
        if !member.forgotten {
            self.names.entry(member.name.clone()).or_default().insert(member.id);
        }
    }

    /// A record is gone, or another one takes its place.
    pub(super) fn remove(&mut self, member: &Member) {
        self.sums = self.sums.without(member);
        if !member.forgotten
            && let Some(ids) = self.names.get_mut(&member.name)
        {
            ids.remove(&member.id);
            if ids.is_empty() {
                self.names.remove(&member.name);
            }
        }
    }
}
