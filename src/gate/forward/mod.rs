//! A request for an application, from socket to socket: a connection to an upstream ([`super::pool`]), both directions
//! at once ([`exchange`]), another try where that cannot do harm ([`retry`]), and the heads as each side gets them
//! ([`heads`]).
//!
//! Knows nothing of verdicts and pages: an error states whether the client or the upstream caused it.

pub(super) mod exchange;
pub mod heads;
pub(super) mod plan;
pub(super) mod retry;
mod way;
