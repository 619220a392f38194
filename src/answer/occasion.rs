//! What an answer depends on beside what it says: parts of the request, the time, and chance.

use std::sync::Arc;

use super::{Shape, Work};
use crate::{availability::Moment, text::Language};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The form of the body.
    pub shape: Shape,
    /// The request's path.
    pub instance: &'a str,
    /// Its method is GET or HEAD, so that a page may ask for it again.
    pub reading: bool,
    /// The time that verdicts go by.
    pub clock: Moment,
    /// What the client reads.
    pub language: &'a Arc<Language>,
    /// Other applications that work, for a page.
    pub works: &'a [Work],
    /// A random number: spreads the time at which those who wait come back.
    pub chance: u16,
}
