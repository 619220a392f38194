//! The receipts that one peer is owed: this node's own, for entries that the peer accepted, and those of other
//! nodes, which this node passes upwards (`docs/contract.md#receipts`).
//!
//! Must stay true: a receipt leaves memory when the peer has answered the message with it. Receipts may be dropped,
//! because the initial node asks again; so their number is bounded.

use std::collections::BTreeMap;

use super::message::{DeliveryState, Gathered, MAX_GATHERED, MAX_ITEMS};
use crate::availability::{NodeId, Stamp};

/// Most receipts of each kind that wait for a peer.
const MAX_OWED: usize = 10_000;

/// Of which entry, accepted by which node, and whose.
type Of = (Stamp, NodeId, NodeId);

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Owed {
    own: BTreeMap<Stamp, DeliveryState>,
    gathered: BTreeMap<Of, DeliveryState>,
    flying_own: BTreeMap<Stamp, DeliveryState>,
    flying_gathered: BTreeMap<Of, DeliveryState>,
}

/// A state never goes back.
fn raise<K: Ord>(held: &mut BTreeMap<K, DeliveryState>, key: K, state: DeliveryState) {
    let known = held.entry(key).or_insert(state);
    *known = (*known).max(state);
    if held.len() > MAX_OWED {
        held.pop_first();
    }
}

impl Owed {
    /// Whether there is something to send.
    pub(super) fn has_some(&self) -> bool {
        !self.own.is_empty() || !self.gathered.is_empty()
    }

    /// This node's own receipt.
    pub(super) fn add(&mut self, stamp: Stamp, state: DeliveryState) {
        raise(&mut self.own, stamp, state);
    }

    /// The receipt is sent in another way, unless a later state must be reported.
    pub(super) fn take(&mut self, stamp: &Stamp, state: DeliveryState) {
        if self.own.get(stamp).is_some_and(|held| *held <= state) {
            self.own.remove(stamp);
        }
    }

    /// Another node's receipt.
    pub(super) fn pass(&mut self, stamp: Stamp, initial: NodeId, node: NodeId, state: DeliveryState) {
        raise(&mut self.gathered, (stamp, initial, node), state);
    }

    /// The receipts for the next message.
    pub(super) fn take_batch(&mut self) -> (Vec<(Stamp, DeliveryState)>, Vec<Gathered>) {
        while self.flying_own.len() < 4 * MAX_ITEMS {
            let Some((stamp, state)) = self.own.pop_first() else { break };
            self.flying_own.insert(stamp, state);
        }
        while self.flying_gathered.len() < MAX_GATHERED {
            let Some((of, state)) = self.gathered.pop_first() else { break };
            self.flying_gathered.insert(of, state);
        }
        let mut together: BTreeMap<(Stamp, NodeId, DeliveryState), Vec<NodeId>> = BTreeMap::new();
        for ((stamp, initial, node), state) in &self.flying_gathered {
            together.entry((*stamp, *initial, *state)).or_default().push(*node);
        }
        let gathered =
            together.into_iter().map(|((stamp, initial, state), nodes)| Gathered { stamp, initial, state, nodes });
        (self.flying_own.iter().map(|(stamp, state)| (*stamp, *state)).collect(), gathered.collect())
    }

    /// The peer has answered.
    pub(super) fn landed(&mut self) {
        self.flying_own.clear();
        self.flying_gathered.clear();
    }

    /// The peer, `id`, has not answered. Its own receipts wait for it. Those that it was to pass on to another node are
    /// returned: they go there without it.
    pub(super) fn crashed(&mut self, id: NodeId) -> Vec<(Of, DeliveryState)> {
        for (stamp, state) in std::mem::take(&mut self.flying_own) {
            self.add(stamp, state);
        }
        for ((stamp, initial, node), state) in std::mem::take(&mut self.flying_gathered) {
            self.pass(stamp, initial, node, state);
        }
        self.gathered.extract_if(.., |(_, initial, _), _| *initial != id).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::availability::Moment;

    fn id(i: u128) -> NodeId {
        NodeId(Uuid::from_u128(i))
    }

    fn stamp(millis: i64) -> Stamp {
        Stamp { time: Moment::from_millis(millis), counter: 0, node: NodeId::NONE, hash: [0; 16] }
    }

    #[test]
    fn receipts_of_one_state_leave_together_and_only_an_answer_ends_them() {
        let mut owed = Owed::default();
        owed.pass(stamp(1), id(9), id(4), DeliveryState::Applied);
        owed.pass(stamp(1), id(9), id(3), DeliveryState::Queued);
        owed.pass(stamp(1), id(9), id(3), DeliveryState::Applied);
        owed.pass(stamp(1), id(9), id(3), DeliveryState::Queued);
        owed.add(stamp(2), DeliveryState::Queued);
        let (own, gathered) = owed.take_batch();
        let expected =
            Gathered { stamp: stamp(1), initial: id(9), state: DeliveryState::Applied, nodes: vec![id(3), id(4)] };
        assert_eq!((own, gathered), (vec![(stamp(2), DeliveryState::Queued)], vec![expected]));
        assert!(!owed.has_some());
        assert!(owed.crashed(id(9)).is_empty() && owed.has_some(), "the initial node is tried again");
        assert_eq!(owed.take_batch().1.len(), 1);
        owed.landed();
        assert!(owed.crashed(id(9)).is_empty() && !owed.has_some());
    }

    #[test]
    fn what_a_relay_does_not_take_is_returned_for_the_initial_node() {
        let mut owed = Owed::default();
        owed.add(stamp(1), DeliveryState::Applied);
        owed.pass(stamp(1), id(9), id(3), DeliveryState::Applied);
        owed.take_batch();
        owed.pass(stamp(1), id(9), id(4), DeliveryState::Queued);
        let back = owed.crashed(id(2));
        let of = |node| (stamp(1), id(9), id(node));
        assert_eq!(back, [(of(3), DeliveryState::Applied), (of(4), DeliveryState::Queued)]);
        assert_eq!(owed.take_batch(), (vec![(stamp(1), DeliveryState::Applied)], Vec::new()));
    }

    #[test]
    fn a_message_and_what_waits_are_bounded() {
        let mut owed = Owed::default();
        (0..2 * MAX_OWED as u128).for_each(|i| owed.pass(stamp(1), id(9), id(i), DeliveryState::Applied));
        let (_, gathered) = owed.take_batch();
        assert_eq!(gathered.iter().map(|told| told.nodes.len()).sum::<usize>(), MAX_GATHERED);
        owed.crashed(id(9));
        assert_eq!(owed.gathered.len(), MAX_OWED);
    }
}
