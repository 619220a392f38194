//! Nodes that die at every named point, and at random, on real processes and a real disk (docs/contract.md#what-must-never-happen).
//!
//! ```text
//! points.rs     every point in the source is died at by some scenario, or it is said why not
//! dying.rs      arms a node, sees it die at its point, and starts it again
//! book.rs       what clients were told, and what must then be true on every node
//! ledgers.rs    what the stores hold after an orderly stop
//! …             the scenarios: what is going on when a node dies
//! random.rs     `kill -9` of random nodes under a stream of submissions
//! histories/    everything at once; what clients saw is checked by a program of its own
//! syncs.rs      a sync fails, then the power
//! slimming.rs   a store that has grown far beyond its records is written anew
//! damaged.rs    the disk damages the store of a node that was killed
//! ```
//!
//! Must stay true: a scenario fails when its node did not die at the point that it was told to die
//! at. Needs `--features crash-points`; two or three farms run side by side.

#![cfg(feature = "crash-points")]
// clients have clocks and ids of their own
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::map_err_ignore)]

mod book;
#[allow(dead_code)] // shared with the tests of the broker, which ask more of it
#[path = "../nats/broker.rs"]
mod broker;
mod brokered;
mod checkpointing;
mod damaged;
mod dying;
mod handing_in;
mod histories;
mod ledgers;
mod meeting;
mod merging;
mod migrating;
mod points;
mod random;
mod receiving;
mod registering;
mod slimming;
mod starting;
mod submitting;
#[path = "../support/mod.rs"]
mod support;
mod syncs;
mod turned_away;
