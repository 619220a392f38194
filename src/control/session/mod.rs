//! Who is signed in at this node, and whether a browser's request is really theirs
//! (docs/contract.md#who-may-do-what).
//!
//! Must stay true: only the browser knows its session's id (the node keeps its hash);
//! everything is bounded; every session ends; a password is never checked on an async thread; a
//! request that changes something proves its origin and knows the session's token.
//!
//! Knows nothing of pages, notifications or the farm. Time is an argument throughout.

mod cookie;
mod door;
mod front;
mod origin;
mod sign_in;
mod store;
mod throttle;

#[cfg(test)]
pub(crate) use crate::vocabulary::password::cheap_hash;
pub(crate) use cookie::Cookies;
pub(crate) use door::{Door, Refusal};
pub(crate) use front::{Front, Proxies, UnderTls};
pub(crate) use origin::{OriginError, check_origin};
pub(crate) use sign_in::{NotSignedIn, Operator, SignIn};
pub(crate) use store::{Limits, Listed, Session, Sessions, Use};
