//! One node's part of the protocol, as a pure state machine: submissions, deliveries, receipts,
//! announcements and merges go in, effects come out (docs/contract.md#life-of-a-notification,
//! docs/contract.md#life-of-a-node).
//!
//! ```text
//! submit · deliver · reference → inbox → apply → ledger, outbox → send → answered, failed
//!                                          │
//!                                        holds: durable, loaded → release: answers and receipts
//! ```
//!
//! The parts ([`Inbox`], [`Outbox`], [`Roster`], [`Holds`], [`Clock`]) do not know each other; the replica's
//! files, one for each input, combine them.
//!
//! **Order on disk.** Every [`Effect::Commit`] has a number; the shell makes commits durable in that order and
//! reports its progress ([`Replica::durable`]). An answer that depends on a commit waits for that number.
//! Caches and sending may run ahead.
//!
//! **What survives a crash** is a prefix of the commits. The protocol can continue after every prefix: a
//! notification is in `pending` with everything needed to apply it and pass it on, or in the ledger with its
//! rows in the outbox.

mod apply;
mod clock;
mod deliver;
mod gather;
mod holds;
mod inbox;
mod meet;
mod outbox;
mod reference;
mod register;
mod release;
mod restore;
mod roster;
mod schedules;
mod send;
mod submit;
#[cfg(test)]
mod tests;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use self::{
    clock::Clock,
    holds::{Held, Holds},
    inbox::Inbox,
    outbox::Outbox,
    roster::Roster,
    schedules::Schedules,
};
pub use self::{
    meet::Stranger,
    register::{Register, RegisterRefusal},
    restore::Restored,
    submit::{Submit, SubmitRefusal, Taken, Told},
    view::{LaneView, PeerView},
};
use super::{
    Call, Change, Conflict, Fanout, Now,
    gathering::Gatherings,
    label::Label,
    message::{Announce, Delivered, Merged},
    report::Report,
};
use crate::availability::{Ledger, Name, NodeId, Reasons, Record, Registry, Rules, Target};

/// Most notifications that wait to be applied; beyond that submissions are refused.
pub const MAX_PENDING: usize = 10_000;
/// Most notifications in quarantine.
const MAX_QUARANTINE: usize = 10_000;
/// How many commits may wait for the disk before applying pauses: a critical notification can still overtake
/// what waits in `pending`.
const MAX_UNSETTLED: u64 = 64;
/// How many notifications are applied in one atomic step.
const APPLY_AT_ONCE: usize = 64;

/// Identifies the receiver of a [`Reply`].
pub type Ticket = u64;

/// The effects that the shell performs, in this order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Make these changes in one atomic step, after all earlier ones.
    Commit {
        /// Its number: 1, 2, 3 …
        step: u64,
        /// What kind of step, for crash points and metrics.
        label: Label,
        /// The changes.
        changes: Vec<Change>,
    },
    /// Let the caches that depend on these targets reload them, then say [`Replica::loaded`].
    Load {
        /// Number of the step that this belongs to.
        step: u64,
        /// The changed targets.
        targets: Vec<Target>,
    },
    /// Answer the holder of this ticket.
    Reply(Ticket, Reply),
    /// Send this to another node, then say [`Node::answered`](super::Node::answered).
    Call(Call),
    /// A merge has come to its end; for counters.
    Merged {
        /// With whom.
        peer: NodeId,
        /// It belongs to the merge phase of a start.
        at_start: bool,
    },
    /// Peers have refused this node's identity. From now on it is fenced: it accepts no submissions, and
    /// reports this.
    Fence(Conflict),
    /// Something that people may want to see.
    Notice(Notice),
    /// Write this to the log.
    Report(Report),
}

/// Work that has become possible: at the end of each step the [`Node`](super::Node) takes it up.
#[derive(Debug, Clone, Default)]
pub(super) struct Due {
    /// There may be something to send to these peers ([`Replica::poll_send`]).
    pub(super) send: BTreeSet<NodeId>,
    /// These need a merge, and can be reached ([`super::merge`]).
    pub(super) merge: BTreeSet<NodeId>,
}

/// Changes that pages and streams show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The history has one more.
    Notification(Uuid),
    /// A receipt has come in.
    Delivery(Uuid),
    /// Something about a node.
    Nodes,
}

/// The answers, immediate ones and those that waited for the disk.
#[derive(Debug, Clone)]
pub enum Reply {
    /// To a submission.
    Submitted(Result<Taken, SubmitRefusal>),
    /// To a change of the registry.
    Registered(Result<Arc<Record>, RegisterRefusal>),
    /// To a peer's delivery.
    Delivered(Delivered),
    /// To a merge; `None` is 204.
    Merged(Option<Merged>),
    /// To an announcement: this node's own.
    Announced(Box<Announce>),
    /// The merge phase of a start is over: this many references have answered.
    Asked(usize),
    /// All nodes were asked for their state.
    Looked,
    /// Applied and durable: answers the end of replay or of a merge.
    Settled,
    /// 409: the sender's identity is refused.
    TurnedAway(Conflict),
    /// 400: the message breaks this rule of the protocol; nothing in it was applied.
    Malformed(String),
    /// 503: the inbox is full, or this node is unsure of its identity; the sender tries again.
    Busy,
}

/// A node's identity and settings, for the length of one run.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its identity.
    pub me: NodeId,
    /// Its name.
    pub name: Name,
    /// Its control listener, as others reach it.
    pub address: String,
    /// How many times its store has been opened.
    pub boot: u64,
    /// Tells two runs with the same boot number apart.
    pub boot_nonce: u64,
    /// δ and lapse.
    pub rules: Rules,
    /// The reasons that it accepts on submit.
    pub reasons: Reasons,
    /// To how many children it sends.
    pub fanout: Fanout,
    /// Targets whose notifications overtake others.
    pub critical: HashSet<Target>,
    /// What it has in its configuration, with digests.
    pub definitions: BTreeMap<Target, String>,
    /// Of each configured application the targets that it depends on: criteria on them cost a request
    /// together.
    pub together: Vec<Vec<Target>>,
    /// Configured addresses of peers.
    pub peers: Vec<String>,
    /// Most rows that wait for one peer before it gets a merge instead ([`super::MAX_ROWS`]).
    pub max_rows: usize,
}

/// The part of [`Facts`] that follows from definitions, and changes when the configuration is read again.
#[derive(Debug, Clone)]
pub struct Defines {
    /// See [`Facts::reasons`].
    pub reasons: Reasons,
    /// See [`Facts::critical`].
    pub critical: HashSet<Target>,
    /// See [`Facts::definitions`].
    pub definitions: BTreeMap<Target, String>,
    /// See [`Facts::together`].
    pub together: Vec<Vec<Target>>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Replica {
    facts: Facts,
    /// What counts.
    ledger: Ledger,
    /// Schedules and templates.
    registry: Registry,
    /// What follows from the schedules.
    schedules: Schedules,
    /// This node's stamps, and the limits of belief.
    clock: Clock,
    /// What waits to be applied.
    inbox: Inbox,
    /// What waits for the disk and the caches.
    holds: Holds,
    /// What waits for the peers.
    outbox: Outbox,
    /// Receipts of others, on their way to initial nodes.
    gatherings: Gatherings,
    /// The members, their names and runs.
    roster: Roster,
    /// Why this node is fenced, if it is.
    conflict: Option<Conflict>,
    /// Effects for the shell.
    effects: Vec<Effect>,
    /// What the node takes up at the end of a step.
    due: Due,
    /// Nothing is applied before the replay.
    replaying: bool,
}

impl Replica {
    /// Applies everything that was pending. Answers with [`Reply::Settled`] once that is durable
    /// and visible; from then on new notifications are applied as they come.
    pub fn replay(&mut self, ticket: Ticket, now: Now) {
        self.replaying = false;
        self.follow_all(now);
        self.settle(ticket, now);
    }

    /// Answers with [`Reply::Settled`] once everything so far is applied, durable and visible.
    pub fn settle(&mut self, ticket: Ticket, now: Now) {
        self.holds.settle(ticket);
        self.poke(now);
    }

    /// The effects since the last call, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The peers with something to send, and those that need a merge, since the last call.
    pub(super) fn take_due(&mut self) -> Due {
        std::mem::take(&mut self.due)
    }

    /// Advances time: performs what is due. Call it at [`Replica::next_timer`], or any time.
    pub fn tick(&mut self, now: Now) {
        self.release_quarantine(now);
        self.forget_removals();
        self.plan_ahead(now);
        for id in self.outbox.due(now) {
            self.wake(id, now);
        }
        self.work(now);
        self.pass_up(now);
    }

    /// When [`Replica::tick`] is to be called at the latest, on the monotonic clock.
    pub fn next_timer(&self, now: Now) -> Option<Duration> {
        let quarantine = self.inbox.first_quarantined();
        let quarantine = quarantine.map(|(_, row)| now.mono + self.clock.admissible_at(&row.entry).since(now.wall));
        let plans = self.schedules.next().map(|next| now.mono + next.since(now.wall));
        let waits = [self.outbox.next_timer(), self.gatherings.next(), quarantine, plans.filter(|_| !self.replaying)];
        waits.into_iter().flatten().min()
    }
}
