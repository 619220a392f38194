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

#[cfg(fuzzing)]
pub use driver::{DRIVER, Driver};

/// The targets by the names of their corpora: for fuzz/, which drives them in another way.
#[cfg(fuzzing)]
pub const TARGETS: &[(&str, fn())] = &[
    ("configuration", submitted::configuration),
    ("cookies", gate::cookies_),
    ("forms", gate::forms),
    ("globs", rules::globs),
    ("http1", gate::http1),
    ("json", submitted::json),
    ("pages", rules::pages),
    ("partners", told::partners),
    ("proxy_protocol", gate::proxy_protocol_),
    ("rules", rules::rules),
    ("schedules", submitted::schedules),
    ("soap", submitted::soap_),
    ("store", store::store_),
    ("wire", told::wire_),
    ("xml", submitted::xml_),
];

/// Bytes as text, where a reader takes nothing else.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
