//! What nodes say to each other, and how they know that it was said by one of them (docs/contract.md#who-may-do-what).
//!
//! [`signature`] and [`nonces`] are pure rules; [`client`] asks, [`guard`] is the same thing on the
//! answering side. [`wire`] says which message goes where, [`endpoints`] takes them.

pub mod client;
pub mod endpoints;
pub mod guard;
pub mod nonces;
pub mod signature;
pub mod wire;
