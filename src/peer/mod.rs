//! Messages between nodes, and their authentication (docs/contract.md#who-may-do-what).
//!
//! [`signature`] and [`nonces`] are pure rules. [`client`] sends requests; [`guard`] is its counterpart on the
//! answering side. [`wire`] maps messages to addresses; [`endpoints`] handles them.

pub mod client;
pub mod endpoints;
pub mod guard;
pub mod nonces;
pub mod signature;
pub mod wire;
