//! What a monitor sees, by its last checks.

/// What a monitor sees at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Too few checks so far, or checks that say nothing.
    Unknown,
    /// Good.
    Up,
    /// Good, but slow.
    Slow,
    /// Bad.
    Down,
}
