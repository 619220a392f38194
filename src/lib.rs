//! Forewarn tells the users of a server farm, at first contact, on every node, at once, why an
//! application is down and when it is back.
//!
//! The map of the crate. Rooms use only the rooms below them; `tests/architecture.rs` reads the
//! imports and fails on a breach.
//!
//! ```text
//! cli → node → gate · control · peer → body · actors → answer · store · sync → availability
//! ```

pub mod cli;
pub mod config;
pub mod demo;
pub mod node;

pub mod actors;
pub mod body;
pub mod control;
pub mod gate;
pub mod peer;

pub mod answer;
pub mod store;
pub mod sync;

pub mod availability;
pub mod clock;
pub mod noise;
pub mod vocabulary;
