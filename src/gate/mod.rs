//! The gate: what happens to a request at first contact.
//!
//! ```text
//! path → route → (the verdict of each application named) → denial, shaped by negotiate
//!                                                        → proxy → upstream
//! ```
//!
//! [`listener`] lets clients in; `check` answers other proxies that ask for the same decision.
//!
//! What must stay true: what is decided on is what the upstream sees ([`path`]); no byte of a
//! client decides whom it is taken for ([`forwarded`]); nothing is kept whole in memory.

mod body;
mod check;
pub mod decide;
pub mod error;
pub mod fields;
pub mod forwarded;
pub mod framing;
pub mod headers;
pub mod listener;
pub mod negotiate;
pub mod per_client;
mod pool;
pub mod proxy;
pub mod reserved;
pub mod route;
pub mod service;
mod tunnel;
pub mod upstream;

pub use crate::availability::path;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod proxy_tests;
