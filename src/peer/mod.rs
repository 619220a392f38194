//! Messages between nodes, and their authentication (docs/contract.md#who-may-do-what).
//!
//! [`signature`] and [`nonces`] are pure rules. [`client`] sends requests; [`guard`] is its counterpart on the
//! answering side. [`wire`] maps messages to addresses; [`endpoints`] handles them.

pub(crate) mod broker;
pub(crate) mod client;
pub(crate) mod connector;
pub(crate) mod endpoints;
pub(crate) mod guard;
pub(crate) mod nonces;
pub mod signature;
pub(crate) mod wire;
