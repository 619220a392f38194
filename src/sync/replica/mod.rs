//! One node's part of the protocol, as a pure state machine: submissions, deliveries, receipts,
//! announcements and merges go in, effects come out (SPEC 4, 5).
//!
//! **Order on disk.** Every [`Effect::Commit`] has a number; the shell makes commits durable in that
//! order and says how far it has come ([`Replica::durable`]). What must not be said before it is
//! durable waits for that number. Caches and sending may run ahead.
//!
//! **What survives a crash** is a prefix of the commits. Each of them leaves a state that the
//! protocol can go on from: a notification is in `pending` with all that is needed to apply it and
//! to pass it on, or in the ledger with its rows in the outbox.

mod apply;
mod deliver;
mod meet;
mod reference;
mod send;
mod submit;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

pub use self::meet::Stranger;
pub use self::submit::{Submit, SubmitRefusal, Taken};
use super::{
    Change, DeliveryState, Fanout, Now, OutboxRow, PendingRow, QueueKey,
    lane::{Lane, MAX_ROWS, NO_PROGRESS},
    link::Link,
    message::{Delivered, Member, Merged},
    track::Tracks,
};
use crate::availability::{Entry, Ledger, Moment, Name, NodeId, Reasons, Rules, Stamp, StampClock, Target};

/// Most notifications that wait to be applied; beyond that submissions are refused.
pub const MAX_PENDING: usize = 10_000;
/// Most notifications in quarantine.
const MAX_QUARANTINE: usize = 10_000;
/// How many commits may be on their way to the disk before applying waits: what waits in `pending`
/// can still be overtaken by something critical.
const MAX_UNSETTLED: u64 = 64;
/// How many notifications are applied in one atomic step.
const APPLY_AT_ONCE: usize = 64;

/// Tells the shell whom a [`Reply`] is for.
pub type Ticket = u64;

/// What the shell is to do, in this order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Make these changes in one atomic step, after all earlier ones.
    Commit {
        /// Its number: 1, 2, 3 …
        step: u64,
        /// What kind of step, for crash points and metrics.
        label: &'static str,
        /// The changes.
        changes: Vec<Change>,
    },
    /// Let the caches that depend on these targets reload them, then say [`Replica::loaded`].
    Load {
        /// Number of the step that this belongs to.
        step: u64,
        /// What has changed.
        targets: Vec<Target>,
    },
    /// Answer whoever holds this ticket.
    Reply(Ticket, Reply),
    /// There is something to send to this peer ([`Replica::poll_send`]).
    Wake(NodeId),
    /// Merge with this peer: it is back, or new ([`super::merge`]).
    MergeWith(NodeId),
    /// Something that people may want to see.
    Notice(Notice),
    /// A line for the log, of level warning.
    Warn(String),
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

/// Answers that had to wait for the disk, and those that had not.
#[derive(Debug, Clone)]
pub enum Reply {
    /// To a submission.
    Submitted(Result<Taken, SubmitRefusal>),
    /// To a peer's delivery.
    Delivered(Delivered),
    /// To a merge; `None` is 204.
    Merged(Option<Merged>),
    /// Applied and durable: to whoever asked for the end of replay or of a merge.
    Settled,
    /// 409: the sender is not taken for what it says it is.
    TurnedAway(String),
    /// 503: the inbox is full; the sender keeps what it has and tries again.
    Busy,
}

/// What a node is, for the length of one run.
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
    /// Configured addresses of peers.
    pub peers: Vec<String>,
}

/// What the store held.
#[derive(Debug, Default)]
pub struct Restored {
    /// The ledger with its L.
    pub ledger: Ledger,
    /// The inbox.
    pub pending: Vec<(QueueKey, PendingRow)>,
    /// The outbox, with bodies from ledger or history.
    pub outbox: Vec<(NodeId, QueueKey, OutboxRow, Arc<Entry>)>,
    /// Members, this node's own record included.
    pub members: Vec<Member>,
    /// The highest boot seen of each node.
    pub boots: Vec<(NodeId, u64, u64)>,
    /// Peers that get a merge.
    pub merge_on_return: Vec<NodeId>,
    /// The store is a copy or was restored.
    pub conflict: Option<String>,
}

/// What is known of one other node.
#[derive(Debug, Default)]
struct Peer {
    /// Its record; none for a configured address that nobody has answered at yet.
    member: Option<Member>,
    /// The configured address, for those.
    address: String,
    lane: Lane,
    link: Link,
    last_contact: Option<Moment>,
    phase: String,
    fingerprint: String,
    merging: bool,
    /// One of us has announced itself to the other in this run, so each knows of the other.
    met: bool,
    /// The lane has collapsed while a merge was under way: that one may not have brought everything.
    merge_again: bool,
}

/// One peer, for pages and metrics.
#[derive(Debug, Clone)]
pub struct PeerView {
    /// Its id; a stand-in for one that has not been met.
    pub id: NodeId,
    /// Its record, if it has been met.
    pub member: Option<Member>,
    /// Where it is.
    pub address: String,
    /// Rows that wait for it.
    pub outbox: usize,
    /// It gets a merge instead.
    pub merge_on_return: bool,
    /// When it was last heard of.
    pub last_contact: Option<Moment>,
    /// The last attempt to reach it failed.
    pub down: bool,
    /// The phase it last told.
    pub phase: String,
    /// The fingerprint it last told.
    pub fingerprint: String,
}

/// An answer that waits until a step is durable and the caches have loaded another.
#[derive(Debug)]
enum Held {
    Reply(Ticket, Reply),
    /// To a peer's delivery: the states are those of the moment it is released.
    Delivered { ticket: Ticket, from: NodeId, initials: Vec<NodeId>, delivered: Delivered },
    /// These have been applied here: tell their initial nodes.
    Applied(Vec<(Stamp, NodeId, DeliveryState)>),
    /// These are in the inbox.
    Queued(Vec<(Stamp, NodeId)>),
}

/// See the module.
#[derive(Debug)]
pub struct Replica {
    facts: Facts,
    ledger: Ledger,
    clock: StampClock,
    pending: BTreeMap<QueueKey, PendingRow>,
    /// Ids in the inbox, so that the same id twice is one notification.
    pending_ids: HashMap<Uuid, Arc<Entry>>,
    quarantined: usize,
    peers: BTreeMap<NodeId, Peer>,
    /// Who has answered at which configured address in this run; a node may have several.
    met_at: HashMap<String, NodeId>,
    forgotten: BTreeMap<NodeId, Member>,
    own: Member,
    boots: HashMap<NodeId, (u64, u64)>,
    conflict: Option<String>,
    tracks: Tracks,
    /// When a share was last heard of: by row and child.
    progress: HashMap<(QueueKey, NodeId), Duration>,
    /// Applied, but not yet durable and visible: still to be called queued.
    unsettled: HashSet<Stamp>,
    /// Most rows that wait for one peer ([`MAX_ROWS`]; fewer in tests).
    max_rows: usize,
    settling: Vec<Ticket>,
    step: u64,
    durable: u64,
    unloaded: BTreeSet<u64>,
    held_durable: BTreeMap<u64, Vec<(u64, Held)>>,
    held_loaded: BTreeMap<u64, Vec<Held>>,
    effects: Vec<Effect>,
    replaying: bool,
}

impl Replica {
    /// Takes up where the store left off. Nothing is applied yet: that is [`Replica::replay`].
    pub fn restore(facts: Facts, restored: Restored, now: Now) -> Self {
        let own = Member {
            id: facts.me,
            name: facts.name.clone(),
            address: facts.address.clone(),
            changed: now.wall,
            forgotten: false,
            definitions: facts.definitions.clone(),
        };
        let mut clock = StampClock::default();
        clock.see_time(restored.ledger.limit());
        let mut replica = Self {
            ledger: restored.ledger,
            clock,
            pending: BTreeMap::new(),
            pending_ids: HashMap::new(),
            quarantined: 0,
            peers: BTreeMap::new(),
            met_at: HashMap::new(),
            forgotten: BTreeMap::new(),
            own,
            boots: restored.boots.into_iter().map(|(node, boot, nonce)| (node, (boot, nonce))).collect(),
            conflict: restored.conflict,
            tracks: Tracks::default(),
            progress: HashMap::new(),
            unsettled: HashSet::new(),
            max_rows: MAX_ROWS,
            settling: Vec::new(),
            step: 0,
            durable: 0,
            unloaded: BTreeSet::new(),
            held_durable: BTreeMap::new(),
            held_loaded: BTreeMap::new(),
            effects: Vec::new(),
            replaying: true,
            facts,
        };
        for member in restored.members {
            if member.id == replica.facts.me {
                // A later change than any that was ever spread, whatever the clock says now.
                replica.own.changed = replica.own.changed.max(member.changed.after(Duration::from_millis(1)));
            } else if member.forgotten {
                replica.forgotten.insert(member.id, member);
            } else {
                replica.peers.insert(member.id, Peer { address: member.address.clone(), member: Some(member), ..Peer::default() });
            }
        }
        for address in replica.facts.peers.clone() {
            let known = replica.peers.values().map(|peer| &peer.address).chain([&replica.facts.address]).any(|known| *known == address);
            // At a forgotten node's address somebody may be met again ([`Replica::strangers`]), but
            // nothing waits for it.
            if !known && replica.forgotten.values().all(|member| member.address != address) {
                replica.peers.insert(stand_in(&address), Peer { address, ..Peer::default() });
            }
        }
        for (key, mut row) in restored.pending {
            if row.share.is_none() {
                // Accepted here, be it under an id that `store renew` has replaced since.
                row.initial = replica.facts.me;
            }
            replica.clock_sees(&row.entry, now);
            replica.enqueue(key, row);
        }
        replica.restore_lanes(restored.outbox, restored.merge_on_return, now);
        replica.restore_own();
        replica
    }

    /// Rows find their peer again: the node that was met behind a stand-in, or nobody, if it has
    /// been forgotten or has left the configuration.
    fn restore_lanes(&mut self, outbox: Vec<(NodeId, QueueKey, OutboxRow, Arc<Entry>)>, merge_on_return: Vec<NodeId>, now: Now) {
        let met: HashMap<NodeId, NodeId> =
            self.peers.iter().filter(|(_, peer)| peer.member.is_some()).map(|(id, peer)| (stand_in(&peer.address), *id)).collect();
        let mut changes = Vec::new();
        for (peer, key, row, entry) in outbox {
            let to = met.get(&peer).copied().unwrap_or(peer);
            if to != peer || !self.peers.contains_key(&to) {
                changes.push(Change::Unpost(peer, key));
            }
            let Some(known) = self.peers.get_mut(&to) else { continue };
            if to != peer {
                changes.push(Change::Post(to, key, row));
            }
            known.lane.post(key, Arc::clone(&entry), row.initial, Vec::new());
            if row.initial == self.facts.me {
                self.tracks.begin(key.stamp, entry.notification.id, to, now.wall);
            }
        }
        for peer in merge_on_return {
            let to = met.get(&peer).copied().unwrap_or(peer);
            if to != peer || !self.peers.contains_key(&to) {
                changes.push(Change::MergeOnReturn(peer, false));
            }
            let Some(known) = self.peers.get_mut(&to) else { continue };
            known.lane.collapsed = true;
            if to != peer {
                changes.push(Change::MergeOnReturn(to, true));
            }
        }
        self.commit("restored", changes);
    }

    /// This node's own record, later than any that was ever spread. Its former self, from before
    /// `store renew`, is no member any more.
    fn restore_own(&mut self) {
        let (name, address) = (&self.facts.name, &self.facts.address);
        let is_self = |peer: &Peer| peer.member.as_ref().is_some_and(|member| member.name == *name && member.address == *address);
        let former: Vec<Member> = self.peers.values().filter(|peer| is_self(peer)).filter_map(|peer| peer.member.clone()).collect();
        for mut member in former {
            self.own.changed = self.own.changed.max(member.changed.after(Duration::from_millis(1)));
            member.forgotten = true;
            self.remove(member);
        }
        let own = self.own.clone();
        self.commit("member", vec![Change::Member(own)]);
    }

    /// Lets lanes collapse at so many rows instead of [`MAX_ROWS`], so that a test of it is short.
    #[must_use]
    pub fn with_max_rows(mut self, max_rows: usize) -> Self {
        self.max_rows = max_rows;
        self
    }

    /// Applies everything that was pending. Answers with [`Reply::Settled`] once that is durable
    /// and visible; from then on new notifications are applied as they come.
    pub fn replay(&mut self, ticket: Ticket, now: Now) {
        self.replaying = false;
        self.settle(ticket, now);
    }

    /// Answers with [`Reply::Settled`] once everything so far is applied, durable and visible.
    pub fn settle(&mut self, ticket: Ticket, now: Now) {
        self.settling.push(ticket);
        self.poke(now);
    }

    /// The effects since the last call, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// All commits up to this one are on stable storage.
    pub fn durable(&mut self, upto: u64, now: Now) {
        self.durable = self.durable.max(upto);
        self.tracks.durable(self.durable);
        self.work(now);
        self.settle_if_drained();
        let later = self.held_durable.split_off(&(self.durable + 1));
        for (_, held) in std::mem::replace(&mut self.held_durable, later) {
            for (loaded, held) in held {
                self.held_loaded.entry(loaded).or_default().push(held);
            }
        }
        self.release_loaded(now);
    }

    /// The caches have loaded what this step changed.
    pub fn loaded(&mut self, step: u64, now: Now) {
        self.unloaded.remove(&step);
        self.release_loaded(now);
    }

    fn release_loaded(&mut self, now: Now) {
        let later = match self.unloaded.first() {
            Some(first) => self.held_loaded.split_off(first),
            None => BTreeMap::new(),
        };
        let ready = std::mem::replace(&mut self.held_loaded, later);
        // What has been applied first: a peer's delivery can then be answered with that at once.
        let (applied, rest): (Vec<Held>, Vec<Held>) =
            ready.into_values().flatten().partition(|held| matches!(held, Held::Applied(_)));
        for held in applied.into_iter().chain(rest) {
            self.release(held, now);
        }
    }

    fn settle_if_drained(&mut self) {
        if !self.settling.is_empty() && self.pending.len() == self.quarantined && !self.replaying {
            for ticket in std::mem::take(&mut self.settling) {
                self.hold(self.step, self.step, Held::Reply(ticket, Reply::Settled));
            }
        }
    }

    /// Lets time pass: what waited for it is due. Call it at [`Replica::next_timer`], or any time.
    pub fn tick(&mut self, now: Now) {
        self.release_quarantine(now);
        let mut wake = Vec::new();
        for (id, peer) in &mut self.peers {
            let progress = &self.progress;
            peer.lane.due(now.mono, |key, child| progress.get(&(*key, child)).copied());
            if peer.member.is_some() && peer.link.is_free(now.mono) && (peer.lane.has_work() || peer.lane.collapsed) {
                wake.push(*id);
            }
        }
        self.progress.retain(|_, at| *at + NO_PROGRESS * 2 > now.mono);
        for id in wake {
            self.wake(id, now);
        }
        self.work(now);
    }

    /// When [`Replica::tick`] is to be called at the latest, on the monotonic clock.
    pub fn next_timer(&self, now: Now) -> Option<Duration> {
        let lanes = self.peers.values().filter_map(|peer| peer.lane.next_timer());
        let waits = |peer: &&Peer| if peer.lane.collapsed { !peer.merging } else { peer.lane.has_work() };
        let links = self.peers.values().filter(waits).filter_map(|peer| peer.link.due());
        let quarantine = self.first_quarantined().map(|(_, row)| {
            now.mono + self.admissible_at(&row.entry).since(now.wall)
        });
        lanes.chain(links).chain(quarantine).min()
    }

    /// The ledger, to read.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What this node is.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// This node's own record, as others know it.
    pub fn own(&self) -> &Member {
        &self.own
    }

    /// Why this node takes no submissions, if its store is a copy or was restored.
    pub fn conflict(&self) -> Option<&str> {
        self.conflict.as_deref()
    }

    /// Number of notifications that wait to be applied, and of those in quarantine.
    pub fn waiting(&self) -> (usize, usize) {
        (self.pending.len() - self.quarantined, self.quarantined)
    }

    /// Number of own notifications that somebody has not confirmed.
    pub fn unconfirmed(&self) -> usize {
        self.tracks.len()
    }

    /// An entry that is in the ledger or waits for it.
    pub fn find(&self, id: &Uuid) -> Option<Arc<Entry>> {
        self.pending_ids.get(id).or_else(|| self.ledger.by_id(id)).cloned()
    }

    /// The receipts of an own notification that is not confirmed by everybody yet.
    pub fn receipts(&self, stamp: &Stamp) -> Option<Vec<(NodeId, DeliveryState, Moment)>> {
        Some(self.tracks.get(stamp)?.iter().map(|(node, (state, at))| (*node, *state, *at)).collect())
    }

    /// How far an entry has come on this node.
    pub fn state_here(&self, stamp: &Stamp) -> DeliveryState {
        self.state_of(stamp)
    }

    /// How people call a node: its name; the address of one that has not been met; its id.
    pub fn name_of(&self, node: NodeId) -> String {
        if node == self.facts.me {
            return self.facts.name.to_string();
        }
        match self.peers.get(&node) {
            Some(Peer { member: Some(member), .. }) => member.name.to_string(),
            Some(peer) => peer.address.clone(),
            None => self.forgotten.get(&node).map_or_else(|| node.to_string(), |member| member.name.to_string()),
        }
    }

    /// Whether some member of the farm has this target in its configuration.
    pub fn knows(&self, target: &Target) -> bool {
        *target == Target::System || self.members().any(|member| member.definitions.contains_key(target))
    }

    /// All members, this node first.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.own).chain(self.peers.values().filter_map(|peer| peer.member.as_ref()))
    }

    /// All other nodes, configured ones that have not been met included.
    pub fn peers(&self) -> Vec<PeerView> {
        let view = |(id, peer): (&NodeId, &Peer)| PeerView {
            id: *id,
            member: peer.member.clone(),
            address: peer.address.clone(),
            outbox: peer.lane.len(),
            merge_on_return: peer.lane.collapsed,
            last_contact: peer.last_contact,
            down: peer.link.is_down(),
            phase: peer.phase.clone(),
            fingerprint: peer.fingerprint.clone(),
        };
        self.peers.iter().map(view).collect()
    }

    /// Of everything this node holds, in the ledger or on the way there.
    pub fn fingerprint(&self) -> u128 {
        // Not kept up to date step by step: what the ledger drops may still wait here, and would
        // have to be counted again then. Little waits, as a rule.
        let waiting = self.pending.values().filter(|row| self.ledger.get(&row.entry.stamp).is_none());
        waiting.fold(self.ledger.fingerprint(), |sum, row| sum.wrapping_add(row.entry.digest()))
    }

    /// The number of a step that the shell makes by itself (old history is taken away).
    pub fn step_of_shell(&mut self) -> u64 {
        self.step += 1;
        self.step
    }

    fn commit(&mut self, label: &'static str, changes: Vec<Change>) -> u64 {
        if !changes.is_empty() {
            self.step += 1;
            self.effects.push(Effect::Commit { step: self.step, label, changes });
        }
        self.step
    }

    fn load(&mut self, mut targets: Vec<Target>) {
        targets.sort();
        targets.dedup();
        if !targets.is_empty() {
            self.unloaded.insert(self.step);
            self.effects.push(Effect::Load { step: self.step, targets });
        }
    }

    /// Releases `held` once step `durable` is durable and step `loaded` loaded.
    fn hold(&mut self, durable: u64, loaded: u64, held: Held) {
        self.held_durable.entry(durable).or_default().push((loaded, held));
    }

    fn release(&mut self, held: Held, now: Now) {
        match held {
            Held::Reply(ticket, reply) => self.effects.push(Effect::Reply(ticket, reply)),
            Held::Delivered { ticket, from, initials, mut delivered } => {
                for (receipt, initial) in delivered.receipts.iter_mut().zip(initials) {
                    receipt.state = self.state_of(&receipt.stamp);
                    if let Some(peer) = self.peers.get_mut(&from).filter(|_| initial == from) {
                        // The answer says it: no message of its own.
                        peer.lane.take_receipt(&receipt.stamp, receipt.state);
                    }
                }
                delivered.limit = self.ledger.limit();
                self.effects.push(Effect::Reply(ticket, Reply::Delivered(delivered)));
            }
            Held::Queued(rows) => {
                let rows = rows.into_iter().map(|(stamp, initial)| (stamp, initial, self.state_of(&stamp))).collect();
                self.give_receipts(rows, now);
            }
            Held::Applied(rows) => {
                for (stamp, ..) in &rows {
                    self.unsettled.remove(stamp);
                }
                self.give_receipts(rows, now);
            }
        }
    }

    /// What is already durable and not yet released, at once: everything up to `durable` is.
    fn poke(&mut self, now: Now) {
        self.durable(self.durable, now);
    }

    fn warn(&mut self, text: String) {
        self.effects.push(Effect::Warn(text));
    }

    fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(notice));
    }
}

/// The id under which rows wait for a configured address that has not been met.
pub(super) fn stand_in(address: &str) -> NodeId {
    NodeId(Uuid::new_v5(&Uuid::NAMESPACE_URL, address.as_bytes()))
}
