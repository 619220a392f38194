//! Hostile bytes for every reader of bytes that others wrote: `./tests/run fuzz [TARGET] [--seconds N]`. Each target
//! says what must hold whatever it is given; the rest is `tests/fuzz/driver.rs`. HTTP/2 is tried on a whole gate, in
//! `tests/proxy/fuzz`; there is also the comparison of four readings of HTTP/1.1.
//!
//! For tests only.
#![allow(clippy::unwrap_used)]

#[path = "../../tests/fuzz/driver.rs"]
mod driver;
mod gate;
mod rules;
mod store;
mod submitted;
mod told;

use driver::{outcome, run};

/// Bytes as text, where a reader takes nothing else.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
