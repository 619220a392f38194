//! The settings that a store is opened with.

use std::time::Duration;

/// Options of a store; none of them is stored in it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes that must stay free in the file system; below, nothing is written. Going on takes an
    /// eighth more. Less than 32 MiB risks that sled's next segments find no room.
    pub reserve: u64,
    /// How long a group of steps may take until the store counts as hanging.
    pub flush_limit: Duration,
    /// Steps that may wait.
    pub commit_queue: usize,
    /// How often an idle writer checks the free space, and a stopped one whether it can continue.
    pub recheck: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            reserve: 64 * 1024 * 1024,
            flush_limit: Duration::from_secs(5),
            commit_queue: 4_096,
            recheck: Duration::from_secs(1),
        }
    }
}
