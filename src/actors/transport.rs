//! How the actors reach other nodes: a contract that the peer room fulfils over signed HTTP, so that
//! nothing here knows of connections.

use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use crate::{
    availability::NodeId,
    sync::{Announce, Deliver, Delivered, Failure, Merge, Merged},
};

/// A call under way.
pub type Call<'a, T> = LocalBoxFuture<'a, Result<T, Failure>>;

/// Signed calls to other nodes, each with its time-out. Only the node that is asked can answer.
pub trait Transport {
    /// Hands notifications and receipts over.
    fn deliver<'a>(&'a self, peer: NodeId, address: &'a str, message: &'a Deliver) -> Call<'a, Delivered>;
    /// One step of a merge; `None` is 204.
    fn merge<'a>(&'a self, peer: NodeId, address: &'a str, message: &'a Merge) -> Call<'a, Option<Merged>>;
    /// "I am here; who are you?", asked of whoever advertises this address.
    fn announce<'a>(&'a self, address: &'a str, message: &'a Announce) -> Call<'a, Announce>;
    /// What the initial node knows of a notification's receipts, as JSON.
    fn receipts<'a>(&'a self, peer: NodeId, address: &'a str, id: Uuid) -> Call<'a, Option<serde_json::Value>>;
}
