//! Seeds that once failed because of a fault in the protocol, with what was wrong. They run first, for
//! ever.
//!
//! The list is empty for now. What the simulation has found while the protocol was written was mended
//! before there was a list, and what is drawn from a seed has changed since: those seeds are other
//! farms today. Since then no seed has failed for a fault in `src`; what failed were checks that
//! asked more than SPEC promises, and faults that were put in on purpose to see whether they are
//! noticed. A seed belongs here from the day on that it fails; whoever changes what is drawn
//! (`scenario`, `workload`, the order of draws anywhere) has to find another one for the same fault.

/// Seed and what it found.
pub const SEEDS: &[(u64, &str)] = &[];
