//! Thin actors around pure state machines: a message comes in, a pure step decides, the actor performs the
//! effects. `sync` has the protocol, `availability` the meaning of words.
//!
//! ```text
//! API, pages, peers → Desk → Repeater ─→ Queue (store's writer)
//!                                 ├─→ ApplicationCache (one per application) ─→ snapshot ─→ gate
//!                                 └─→ Couriers ─→ peers
//! Monitors (one per [[monitor]] and [[rule]]) → Desk
//! ```

pub(crate) mod application_cache;
pub(crate) mod courier;
pub(crate) mod desk;
mod journal;
pub(crate) mod live;
pub(crate) mod messages;
pub(crate) mod monitor;
pub mod queue;
pub(crate) mod repeater;
pub mod shared;
#[cfg(test)]
mod tests;
pub(crate) mod told;
pub(crate) mod transport;

pub(crate) use desk::Desk;
