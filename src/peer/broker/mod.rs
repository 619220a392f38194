//! Notifications through NATS JetStream (docs/contract.md#the-queue), in place of one message for each peer: a node
//! publishes what it has accepted once, and every node has a durable consumer.
//!
//! The broker only carries. A row of the outbox ends by the recipient's receipt, which comes over HTTP as always; what
//! JetStream acknowledges counts as sent, not as received. What cannot be published, what a peer does not listen for,
//! and what it has not given a receipt for goes to that peer over HTTP.
//!
//! Must stay true: the broker's absence costs time, never a notification; nothing that it delivers is believed without
//! the signature of the farm.

mod carry;
mod published;
mod seal;
mod session;

pub(crate) use self::{
    carry::{BrokerTransport, Line},
    session::follow,
};
