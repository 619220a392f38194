//! The only source of time and randomness. Everything below takes them as arguments.
#![allow(clippy::disallowed_methods)] // this is the door

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};

use uuid::Uuid;

use crate::availability::{Moment, NodeId};

/// What the node's clock shows.
pub fn now() -> Moment {
    // A clock before 1970 is none.
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Moment::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// How long this process has asked for the time; never goes back.
pub fn mono() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// A fresh id for a notification: version 7, so that ids sort by time.
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// A fresh random identity for a store.
pub fn new_node_id() -> NodeId {
    NodeId(Uuid::new_v4())
}

/// 64 random bits, for nonces and jitter.
pub fn random() -> u64 {
    rand::random()
}
