//! Words that the configuration and the rooms share. Each is read from text once, here, and is not
//! doubtful afterwards: an address can be connected to, a route can be matched, a role can be judged.
//!
//! Names, targets and reasons are the availability room's; they are what notifications are made of.

mod address;
mod balance;
mod fanout;
mod listen;
pub mod password;
mod role;
mod route;
mod secret;

pub use address::{HttpUrl, host_name};
pub use balance::Balance;
pub use fanout::Fanout;
pub use listen::Listen;
pub use role::Role;
pub use route::Route;
pub use secret::{Secret, token_sha256};
