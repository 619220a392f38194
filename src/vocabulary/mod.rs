//! Types that the configuration and the rooms share. Each is parsed once, here, and is valid afterwards: an
//! address can be connected to, a route can be matched, a role can be checked.
//!
//! Names, targets and reasons belong to the availability room, because notifications are made of them.

mod access;
mod address;
mod alert;
mod balance;
mod broker;
mod cors;
mod fanout;
mod farm_id;
mod header_rules;
mod listen;
mod notifier;
pub mod password;
pub mod rate;
mod role;
mod route;
mod secret;
mod status_page;
mod visitor;

pub use access::{AccessFormat, AccessSettings};
pub use address::{HttpUrl, host_name};
pub use alert::AlertRule;
pub use balance::Balance;
pub use broker::Broker;
pub use cors::{Cors, origin};
pub use fanout::Fanout;
pub use farm_id::FarmId;
pub use header_rules::HeaderRules;
pub use listen::Listen;
pub use notifier::{Initial, Notifier};
pub use rate::Rate;
pub use role::Role;
pub use route::Route;
pub use secret::{Secret, token_sha256};
pub use status_page::StatusSettings;
pub use visitor::{Carried, VisitorKey, Visitors};
