//! The private listener: operators' pages and what guards them.

pub mod console;
pub mod session;
