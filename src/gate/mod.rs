//! The gate: what happens to a request at first contact.
//!
//! ```text
//! connection → path → route → (the verdict of each application named) → denial, shaped by negotiate
//!                                                                     → forward → upstream
//! ```
//!
//! [`listener`] accepts clients; `connection` speaks HTTP/1.1 with them ([`crate::http1`]); `check` answers
//! other proxies that ask for the same decision; [`inside`] is the same gate in another program, without sockets.
//!
//! What must stay true: the gate decides on every path that an upstream may read ([`path`]); an untrusted
//! client cannot choose its address ([`forwarded`]); nothing is held whole in memory.

pub mod access;
mod audience;
mod balance;
mod buffers;
mod call;
mod check;
mod client;
mod connection;
mod date;
mod deadline;
pub mod decide;
pub mod entrance;
mod entry;
pub(crate) mod error;
pub(crate) mod fields;
mod form;
pub mod forward;
pub mod forwarded;
mod http2;
pub mod ids;
mod inject;
pub(crate) mod inside;
pub mod limits;
mod lines;
pub mod listener;
mod logged;
pub(crate) mod negotiate;
mod often;
pub mod per_client;
mod pool;
mod preface;
pub(crate) mod proxy_protocol;
pub mod rate;
pub(crate) mod reading;
mod reserved;
pub mod route;
mod script;
pub(crate) mod served;
pub mod service;
mod status;
pub(crate) mod status_page;
mod stream;
mod strip;
mod translated;
pub mod upstream;
mod visitor;
pub mod waiting;
mod websocket;
mod worker;

pub use crate::availability::path;

#[cfg(test)]
mod fixtures;
