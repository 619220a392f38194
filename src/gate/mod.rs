//! (being written)
mod body;
pub mod error;
pub mod forwarded;
pub mod framing;
pub mod headers;
pub mod negotiate;
pub mod path;
mod pool;
pub mod proxy;
pub mod route;
mod tunnel;
pub mod upstream;

#[cfg(test)]
mod proxy_tests;
