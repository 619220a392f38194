//! A farm of real processes, from the form to the user's screen (SPEC 4 to 7). A module per theme;
//! the vocabulary is in `tests/support`.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod door;
