//! How the actors reach other nodes: a trait that the peer room implements over signed HTTP, so that the actors
//! know no connections.

use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use crate::{
    availability::NodeId,
    sync::{Announce, Deliver, Delivered, Failure, Merge, Merged},
};

/// A call under way.
pub(crate) type Call<'a, T> = LocalBoxFuture<'a, Result<T, Failure>>;

/// Why a node to which something was handed in did not answer.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct NoAnswer {
    /// For the log.
    pub why: String,
    /// It may have taken it nevertheless.
    pub may_have_arrived: bool,
}

/// Signed calls to other nodes, each with a time-out. Only the addressed node can answer.
pub(crate) trait Transport {
    /// Delivers notifications and receipts.
    fn deliver<'a>(&'a self, peer: NodeId, address: &'a str, message: &'a Deliver) -> Call<'a, Delivered>;
    /// One step of a merge; `None` is 204.
    fn merge<'a>(&'a self, peer: NodeId, address: &'a str, message: &'a Merge) -> Call<'a, Option<Merged>>;
    /// An announcement, sent to the node at this address, whichever it is.
    fn announce<'a>(&'a self, address: &'a str, message: &'a Announce) -> Call<'a, Announce>;
    /// What the initial node knows of a notification's receipts, as JSON.
    fn receipts<'a>(&'a self, peer: NodeId, address: &'a str, id: Uuid) -> Call<'a, Option<serde_json::Value>>;
    /// Hands a submission in at the node at this address, whichever it is; what became of it, as JSON.
    fn hand_in<'a>(
        &'a self,
        address: &'a str,
        handed_in: &'a serde_json::Value,
    ) -> LocalBoxFuture<'a, Result<serde_json::Value, NoAnswer>>;
    /// How busy the node at this address is, as JSON.
    fn load<'a>(&'a self, address: &'a str) -> Call<'a, serde_json::Value>;
    /// What a node knows of its hooks, as JSON.
    fn hooks<'a>(&'a self, peer: NodeId, address: &'a str) -> Call<'a, serde_json::Value>;
}
