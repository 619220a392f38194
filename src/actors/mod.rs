//! Thin actors around the pure rules: a message comes in, a pure step decides, its effects are
//! performed. Whatever could be wrong about the protocol is in `sync` and `availability`.
//!
//! ```text
//! API, pages, peers → Desk → Repeater ─→ Queue (store's writer)
//!                                 ├─→ ApplicationCache (one per application) ─→ snapshot ─→ gate
//!                                 ├─→ Couriers ─→ peers
//!                                 └─→ Merger ─→ peers
//! ```

pub mod application_cache;
pub mod courier;
pub mod desk;
pub mod merger;
pub mod queue;
pub mod repeater;
pub mod shared;
pub mod transport;

pub use desk::Desk;
