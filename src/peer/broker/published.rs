//! What this node has published lately, and for which peers. Pure but for the futures that it keeps.
//!
//! Must stay true: a notification is published once for all peers; a second attempt for the same peer is not carried,
//! so that the broker is never waited for twice; the memory is bounded.

use std::collections::{BTreeMap, HashSet, VecDeque};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, Shared},
};

use crate::availability::{NodeId, Stamp};

/// The most that is remembered; for older ones a second attempt is published again, which does no harm.
const MOST: usize = 20_000;

/// Whether JetStream has acknowledged it, for all who wait.
pub(super) type Taken = Shared<LocalBoxFuture<'static, bool>>;

/// See the module.
#[derive(Default)]
pub(super) struct Published {
    known: BTreeMap<Stamp, (Taken, HashSet<NodeId>)>,
    order: VecDeque<Stamp>,
}

impl Published {
    /// The publication of this notification, which `publish` begins unless it has begun; nothing for a second attempt
    /// for this peer.
    pub(super) fn begin(
        &mut self,
        peer: NodeId,
        stamp: Stamp,
        publish: impl FnOnce() -> LocalBoxFuture<'static, bool>,
    ) -> Option<Taken> {
        if !self.known.contains_key(&stamp) {
            if self.order.len() >= MOST
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
            self.order.push_back(stamp);
            self.known.insert(stamp, (publish().shared(), HashSet::new()));
        }
        let (taken, peers) = self.known.get_mut(&stamp)?;
        peers.insert(peer).then(|| taken.clone())
    }

    /// It was not acknowledged: the next attempt publishes it again.
    pub(super) fn failed(&mut self, stamp: &Stamp) {
        if self.known.remove(stamp).is_some() {
            self.order.retain(|one| one != stamp);
        }
    }

    /// Forgets everything: after a reconnection nothing is known of the stream.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{cell::Cell, rc::Rc};

    use super::*;
    use crate::availability::Moment;

    fn stamp(counter: u32) -> Stamp {
        Stamp { time: Moment::ZERO, counter, node: NodeId::NONE, hash: [0; 16] }
    }

    fn peer(id: u128) -> NodeId {
        NodeId(uuid::Uuid::from_u128(id))
    }

    #[test]
    fn one_publication_serves_all_peers_and_each_of_them_once() {
        let (mut published, times) = (Published::default(), Rc::new(Cell::new(0)));
        let begin = |published: &mut Published, to: u128, counter: u32| {
            let times = Rc::clone(&times);
            let count = move || {
                times.set(times.get() + 1);
                async { true }.boxed_local()
            };
            published.begin(peer(to), stamp(counter), count)
        };
        assert!(begin(&mut published, 1, 1).unwrap().now_or_never().unwrap());
        assert!(begin(&mut published, 2, 1).is_some() && begin(&mut published, 1, 1).is_none());
        assert_eq!(times.get(), 1);
        published.failed(&stamp(1));
        assert!(begin(&mut published, 1, 1).is_some());
        assert_eq!(times.get(), 2);
        for counter in 2..u32::try_from(MOST + 100).unwrap() {
            begin(&mut published, 1, counter);
        }
        assert_eq!((published.known.len(), published.order.len()), (MOST, MOST));
        published.clear();
        assert!(begin(&mut published, 1, 50).is_some());
    }
}
