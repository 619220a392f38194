//! `[notifier]`: to which node this node's form, monitors and alerts submit (docs/contract.md#the-initial-node).

use super::HttpUrl;

/// See the module. The default: to this node itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notifier {
    /// How the initial node is chosen.
    pub initial: Initial,
    /// The nodes to choose from, by the addresses that they advertise. Empty only with [`Initial::Oneself`].
    pub nodes: Vec<HttpUrl>,
}

/// How the initial node is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Initial {
    /// This node itself.
    #[default]
    Oneself,
    /// The first of the list that answers.
    Listed,
    /// The one of the list with the least load.
    LeastLoaded,
}
