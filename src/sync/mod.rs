//! The protocol by which nodes converge: queue order, relay plan, merge, membership. Pure: an input and the
//! time go in, effects come out ([`Effect`]); no actix, sled, tokio, clock or random source.
//!
//! [`Node`] is one node's part of the protocol; its state is the [`Replica`]. The repeater performs its effects
//! on a real disk and real connections; the simulation in `tests/simulation` performs them on virtual ones,
//! with crashes between any two.

mod bounds;
mod call;
mod dice;
mod gathering;
mod label;
mod lane;
mod link;
pub mod merge;
pub mod message;
mod node;
mod now;
mod owed;
mod phase;
pub mod ranges;
mod relay;
mod replica;
mod report;
mod rows;
mod track;

pub use bounds::MAX_RECORD;
pub use call::{Answer, Ask, Asker, Away, Call, CallId, Failure, Purpose};
pub use label::Label;
pub(crate) use label::named;
pub use lane::MAX_ROWS;
pub use message::{
    Announce, Deliver, Delivered, DeliveryState, Gathered, Item, Member, Membership, Merge, Merged, Receipt,
};
pub use node::{Node, Plan};
pub use now::Now;
pub use phase::Phase;
pub use relay::{Fanout, plan};
pub use replica::{
    Defines, Effect, Facts, LaneView, MAX_PENDING, Notice, PeerView, Register, RegisterRefusal, Replica, Reply,
    Restored, Stranger, Submit, SubmitRefusal, Taken, Ticket, Told,
};
pub use report::{Detail, Report, Severity};
pub use rows::{Change, Conflict, ConflictKind, Haste, OutboxRow, PendingRow, QueueKey};
