//! The time and size limits of the gate (docs/contract.md#limits-of-connections).

use std::time::Duration;

/// The limits of every connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first byte of a request's head to its last.
    pub header: Duration,
    /// Between two pieces of a body, in either direction, reading or writing.
    pub body: Duration,
    /// How long a connection is kept without a request.
    pub idle: Duration,
    /// For opening a connection to an upstream, including name resolution; for all tries of a request together.
    pub connect: Duration,
    /// From the last byte of a request to the head of the upstream's answer.
    pub upstream: Duration,
    /// How long a tunnel or an event stream may be silent.
    pub tunnel: Duration,
    /// How long an idle connection is still read when the gate stops.
    pub parting: Duration,
    /// How long the rest of an unread body is read after its answer.
    pub drain: Duration,
    /// How much of such a body is read, in bytes.
    pub drained: u64,
    /// How much of refused forms all connections of a worker hold at a time, pages included, in bytes.
    pub forms: usize,
    /// The largest body of a request that is forwarded, in bytes.
    pub max_body: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            header: seconds(10),
            body: seconds(30),
            idle: seconds(75),
            connect: seconds(5),
            upstream: seconds(60),
            tunnel: seconds(3_600),
            parting: seconds(1),
            drain: seconds(2),
            drained: 64 * 1024,
            forms: 32 << 20,
            max_body: 1 << 30,
        }
    }
}

/// Which connections to upstreams a worker keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeping {
    /// Idle ones for each upstream.
    pub(super) connections: usize,
    /// How long one is used, so that changed DNS records take effect within this time.
    pub(super) age: Duration,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { connections: 64, age: Duration::from_secs(300) }
    }
}

/// What a connection reads ahead of the request that is being performed, in bytes.
pub(super) const READ_AHEAD: usize = crate::http1::head::MAX_HEAD + 64;
/// The largest buffer of one direction, in bytes.
pub(super) const BUFFER: usize = 64 * 1024;
/// Answers that are collected before they are written, in bytes.
pub(super) const COLLECTED: usize = 16 * 1024;
