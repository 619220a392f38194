//! Thin actors around pure state machines: a message comes in, a pure step decides, the actor performs the
//! effects. `sync` has the protocol, `availability` the meaning of words.
//!
//! ```text
//! API, pages, peers → Desk → Repeater ─→ Queue (store's writer)
//!                                 ├─→ ApplicationCache (one per application) ─→ snapshot ─→ gate
//!                                 └─→ Couriers ─→ peers
//! ```

pub mod application_cache;
pub mod courier;
pub mod desk;
pub mod messages;
pub mod queue;
pub mod repeater;
pub mod shared;
#[cfg(test)]
mod tests;
pub mod transport;

pub use desk::Desk;
