//! (being written)
pub mod negotiate;
pub mod path;
pub mod route;
