//! Notifications, and the verdicts that follow from them. Pure: no clock, no disk, no network.
//!
//! A [`Notification`] is one statement; a [`Submission`] is a request to make one. The [`Ledger`] is the
//! merging set of all statements that still count; [`verdict`] decides from it whether an application is open
//! for a request. Time is always an argument, so that tests can evaluate every rule at every instant.
//!
//! Must stay true: the same ledger, the same greatest stamp time, the same configuration and the
//! same request give the same verdict on every node (docs/contract.md#the-verdict).

mod because;
mod beginning;
mod criteria;
mod dropping;
mod evaluate;
mod glob;
mod hops;
mod ledger;
mod moment;
mod name;
mod notification;
pub mod path;
mod reader;
mod reason;
mod registry;
pub mod schedule;
mod stamp;
mod submission;
mod target;
mod template;
mod unread;
pub mod verdict;
mod weigh;
mod word;

pub use because::Because;
pub use criteria::{
    Criteria, CriteriaError, HeaderSource, MAX_GLOBS, NoHeaders, Request, RequestFacts, canonical_network,
};
pub use dropping::Rules;
pub use evaluate::Considered;
pub use glob::{Glob, GlobError, MAX_GLOB, MAX_STARS, Text, path::submitted as path_glob};
pub use hops::{TrustedProxies, hop_address};
pub use ledger::{Admission, BoundExceeded, Ledger, MAX_CANCELS, MAX_COST, MAX_CRITERIA, MAX_PLANS, MAX_REPORTERS};
pub use moment::Moment;
pub use name::{Name, NameError};
pub use notification::{Entry, Notification, Occurrence, Priority, Restore, Source, Status};
pub use reader::FieldError;
pub use reason::{Reason, Reasons};
pub use registry::{Key, Kind, MAX_KEYS, MAX_LIVE_KEYS, MAX_REGISTRY_VALUE, Record, Registry};
pub use schedule::{Schedule, ZONE_DATA};
pub use stamp::{NodeId, Stamp, StampClock, StampError};
pub use submission::{Author, Known, Submission};
pub use target::Target;
pub use template::template;
pub use unread::Unread;
pub use weigh::Weighed;
pub use word::{At, Says, Speaker, TargetWords, Word};
