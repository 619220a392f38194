//! Seeds that once failed, with what was wrong. They run first, for ever.

/// Seed and what it found.
pub const SEEDS: &[(u64, &str)] = &[];
