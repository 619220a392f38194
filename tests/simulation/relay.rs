//! Figures of the relay plans.
