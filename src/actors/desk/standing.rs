//! The words of reporters that count in the ledger now: what a reporter has said last of a target.

use std::sync::Arc;

use super::Desk;
use crate::{
    actors::messages::Question,
    availability::{Entry, Target},
    sync::{Node, Now},
};

/// The last word of each reporter on each target, in this order.
struct Standing(Vec<(Target, String)>);

impl Question for Standing {
    type Answer = Vec<Option<Arc<Entry>>>;

    fn look(self, node: &Node, _: Now) -> Self::Answer {
        let ledger = node.replica().ledger();
        let last = |(target, reporter): (Target, String)| {
            let word = ledger.words(&target)?.latest_of(&reporter)?;
            Some(Arc::clone(&word.entry))
        };
        self.0.into_iter().map(last).collect()
    }
}

impl Desk {
    /// The last word of each reporter on each target, as far as it is in the ledger. `None` while the node shuts
    /// down.
    pub(crate) async fn standing(&self, of: Vec<(Target, String)>) -> Option<Vec<Option<Arc<Entry>>>> {
        self.look(Standing(of)).await
    }
}
