//! (being written)
pub mod negotiate;
pub mod path;
pub mod route;
pub mod forwarded;
pub mod headers;
pub mod upstream;
