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
    Moment::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add(wrong_by()))
}

/// By how many milliseconds a test has set this node's clock: the number in the file that `FOREWARN_CLOCK_WRONG_BY`
/// names. Never in packages.
#[cfg(feature = "crash-points")]
fn wrong_by() -> i64 {
    static FILE: OnceLock<Option<std::path::PathBuf>> = OnceLock::new();
    let file = FILE.get_or_init(|| std::env::var_os("FOREWARN_CLOCK_WRONG_BY").map(Into::into));
    let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn wrong_by() -> i64 {
    0
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
