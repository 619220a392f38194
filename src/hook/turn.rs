//! Which node tells an event: the one that accepted its notification, and if that does not serve the hook, the
//! first of the others in rendezvous order.
//!
//! Must stay true: nodes that see the same nodes choose the same one; a node that goes takes only its own events
//! to others.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Event;
use crate::availability::NodeId;

/// Whether this is the turn of `me`. `serving`: the nodes that serve the hook at the moment, this one among them.
pub fn is_mine(event: &Event, me: NodeId, serving: &BTreeSet<NodeId>) -> bool {
    if serving.contains(&event.origin) {
        return event.origin == me;
    }
    let score = |node: &NodeId| Uuid::new_v5(&event.id, node.0.as_bytes());
    serving.iter().max_by_key(|node| score(node)) == Some(&me)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::event, *};

    #[test]
    fn exactly_one_of_those_that_serve_it_tells_each_event() {
        let node = |i| NodeId(Uuid::from_u128(i));
        let entries: Vec<_> =
            (0..60).map(|i| event::tests::entry(i + 1, 1_000, json!({"status": "available"}))).collect();
        for alive in [vec![1, 2, 3], vec![2, 3, 4], vec![2]] {
            let serving: BTreeSet<NodeId> = alive.iter().map(|i| node(*i)).collect();
            let mut shares = BTreeSet::new();
            for event in event::events(&entries) {
                let tellers: Vec<&NodeId> = serving.iter().filter(|me| is_mine(&event, **me, &serving)).collect();
                assert_eq!(tellers.len(), 1);
                assert!(!alive.contains(&1) || *tellers[0] == node(1), "the initial node is there");
                shares.insert(*tellers[0]);
            }
            assert_eq!(shares.len(), if alive.contains(&1) { 1 } else { alive.len() }, "the others share the work");
        }
    }
}
