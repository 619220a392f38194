//! TLS as the files have it: certificates with their keys, authorities, and the settings of listeners and clients that
//! follow from them.
//!
//! ```text
//! files     certificates, keys and authorities are read and checked here, before anything uses them
//! server    what a listener offers (by SNI and ALPN), replaced in place when the files are read again
//! client    whom a client believes, and what it shows
//! issue     a farm's own authority and certificates, for a first try
//! ```
//!
//! What must stay true: what [`files`] has let through works in a handshake; versions are 1.2 and 1.3; a key is never
//! shown. Knows no connection and nothing of HTTP.

pub mod client;
mod files;
pub mod issue;
mod server;

pub use files::{Certificate, authorities, certificates};
pub use server::{Acceptor, Offer};

#[cfg(test)]
mod tests;
