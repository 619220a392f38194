//! How the requests of an application are shared among its upstreams.

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one that performs the fewest requests now.
    LeastConnections,
}
