//! Relay plans: one algorithm for broadcast, chain and tree (`docs/contract.md#relay-plan`).
//!
//! The sender divides the recipients, in their order, into `fanout` parts of nearly equal size. The first of
//! each part is a child; the rest of the part is the child's share, which it plans in the same way. `all` makes
//! every recipient a child, 1 makes a chain, k a tree of about log_k N levels.
//!
//! Invariant: children and shares together are the recipients, each exactly once. So without faults
//! a body crosses the farm in exactly N − 1 messages.

use crate::availability::NodeId;
pub use crate::vocabulary::Fanout;

/// The children, each with the share it is to pass on to. O(n).
pub fn plan(recipients: &[NodeId], fanout: Fanout) -> Vec<(NodeId, Vec<NodeId>)> {
    let children = match fanout {
        Fanout::All => recipients.len(),
        Fanout::Some(most) => most.get().min(recipients.len()),
    };
    let mut plan = Vec::with_capacity(children);
    let mut rest = recipients;
    for left in (1..=children).rev() {
        let (part, after) = rest.split_at(rest.len().div_ceil(left));
        rest = after;
        if let Some((child, share)) = part.split_first() {
            plan.push((*child, share.to_vec()));
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::num::NonZeroUsize;
    use uuid::Uuid;

    fn nodes(n: u128) -> Vec<NodeId> {
        (1..=n).map(|i| NodeId(Uuid::from_u128(i))).collect()
    }

    /// Messages and the longest way when everybody passes its share on.
    fn run(recipients: &[NodeId], fanout: Fanout) -> (Vec<NodeId>, usize) {
        let (mut reached, mut hops) = (Vec::new(), 0);
        for (child, share) in plan(recipients, fanout) {
            let (below, depth) = run(&share, fanout);
            reached.push(child);
            reached.extend(below);
            hops = hops.max(depth + 1);
        }
        (reached, hops)
    }

    #[test]
    fn everybody_is_reached_exactly_once_in_n_minus_1_messages() {
        for n in [0, 1, 2, 7, 99, 999] {
            let all = nodes(n);
            for (fanout, most_hops) in [
                (Fanout::All, 1),
                (Fanout::Some(NonZeroUsize::new(1).unwrap()), n as usize),
                (Fanout::Some(NonZeroUsize::new(2).unwrap()), (n as f64 + 1.0).log2().ceil() as usize + 1),
                (Fanout::Some(NonZeroUsize::new(8).unwrap()), (n as f64 + 1.0).log(8.0).ceil() as usize + 1),
            ] {
                let (mut reached, hops) = run(&all, fanout);
                assert_eq!(reached.len(), all.len());
                reached.sort();
                assert_eq!(reached, all);
                assert!(hops <= most_hops, "{n} nodes, {fanout:?}: {hops} hops");
            }
        }
    }
}
