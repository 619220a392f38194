//! One virtual node: the real protocol on a virtual disk, and what its shell keeps beside it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use forewarn::{
    availability::{Entry, Moment, Name, NodeId, Reasons, Rules, Stamp, Target},
    sync::{Facts, Fanout, Node as Protocol, Now, Purpose, Replica, Ticket},
};
use uuid::Uuid;

use crate::{
    delegation::{Delegations, Silence},
    disk::Disk,
    mirror::Touched,
    promises::Entrusted,
};

/// The wall clocks begin here; milliseconds.
pub const EPOCH: i64 = 1_700_000_000_000;
/// δ of the virtual farms.
pub const DELTA: u64 = 2_000;
/// Lapse of the virtual farms.
pub const LAPSE: u64 = 40_000;

/// δ and lapse.
pub fn rules() -> Rules {
    Rules { max_clock_skew: Duration::from_millis(DELTA), lapse: Duration::from_millis(LAPSE) }
}

/// Who waits for a reply.
#[derive(Debug, Clone)]
pub enum Waiter {
    /// A peer's request, with the L that came with it.
    Request { node: usize, run: u64, call: u64, entrusted: Entrusted, limit: Moment, turned_away: bool },
    /// The one who handed this in: how many other nodes were known then, and which. A monitor's word has its id here.
    Submission { recipients: usize, to: Vec<(usize, NodeId)>, met: bool, word: Option<Uuid> },
    /// The end of replay.
    Replayed,
    /// The end of the merge phase.
    Asked,
    /// Everything from the merge phase has been applied.
    Merged,
    /// A look at all nodes.
    Look,
    /// The one who changed the registry.
    Registered,
}

/// What both sides of a merge hold, the starting one first.
pub type Holdings = (Vec<Arc<Entry>>, Vec<Arc<Entry>>);

/// What a call whose answer is to come carries.
#[derive(Debug, Clone)]
pub enum Carried {
    Announce,
    Deliver { peer: NodeId, stamps: Vec<Stamp> },
    Merge { peer: NodeId, purpose: Purpose },
}

/// The merge phase of a start, as far as it can be seen from outside.
#[derive(Debug, Clone, Default)]
pub struct Phase {
    pub since: u64,
    /// Who has answered, and what they gave: all of them are to have all of it in the end.
    pub references: Vec<NodeId>,
    pub learned: Vec<Arc<Entry>>,
}

/// One run of the process.
#[derive(Debug, Clone)]
pub struct Running {
    pub node: Protocol,
    /// Tells this run's events from those of earlier ones.
    pub run: u64,
    pub nonce: u64,
    pub boot: u64,
    pub since: u64,
    pub ready: bool,
    pub phase: Option<Phase>,
    pub tickets: HashMap<Ticket, Waiter>,
    pub next_ticket: Ticket,
    pub asked: BTreeMap<u64, Carried>,
    /// What both sides held when the merges under way began, and what they have brought so far.
    pub held: BTreeMap<NodeId, Box<Holdings>>,
    pub learned: BTreeMap<NodeId, Vec<Arc<Entry>>>,
    pub syncing: bool,
    pub timer: Option<u64>,
    /// Effects until a crash; counts down.
    pub crash_in: Option<usize>,
    /// It has been told to renew its store.
    pub renewing: bool,
    /// What is to be checked after this step.
    pub touched: Touched,
    /// In which step this run has first applied something, and which steps the caches have not loaded.
    pub applied_in: BTreeMap<Stamp, u64>,
    pub loading: BTreeSet<u64>,
    pub delegations: Delegations,
    pub silence: Silence,
    /// What was pending is not applied yet: peers are answered, nothing else.
    pub replaying: bool,
    /// Merges that have come to their end, with what both sides held; a merge phase, with who gave what.
    pub ended_talks: Vec<(NodeId, Box<Holdings>)>,
    pub ended_phase: Option<(Vec<NodeId>, Vec<Arc<Entry>>)>,
}

impl Running {
    pub fn ticket(&mut self, waiter: Waiter) -> Ticket {
        self.next_ticket += 1;
        self.tickets.insert(self.next_ticket, waiter);
        self.next_ticket
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Node {
    pub id: NodeId,
    pub name: Name,
    pub address: String,
    pub peers: Vec<String>,
    pub disk: Disk,
    pub running: Option<Running>,
    /// What its clock shows beyond the true time, in milliseconds.
    pub skew: i64,
    pub fanout: Fanout,
    pub references: Option<usize>,
    pub series: bool,
    pub random_order: bool,
    pub max_rows: usize,
    /// Never to be started (yet, or again).
    pub absent: bool,
    /// Its disk is lost for good.
    pub burned: bool,
    /// What it acknowledged before may have been nowhere else.
    pub lost_disk: bool,
    /// Its store was copied, or is a copy: there are, or were, two of it.
    pub copied: bool,
    /// A copy of its disk from some time ago.
    pub backup: Option<Disk>,
    /// What is marked critical here.
    pub critical: BTreeSet<Target>,
}

impl Node {
    pub fn now(&self, time: u64) -> Now {
        let since = self.running.as_ref().map_or(0, |running| running.since);
        Now { wall: self.wall(time), mono: Duration::from_millis(time - since) }
    }

    pub fn wall(&self, time: u64) -> Moment {
        Moment::from_millis(EPOCH + time as i64 + self.skew)
    }

    pub fn facts(&self, nonce: u64) -> Facts {
        Facts {
            me: self.id,
            name: self.name.clone(),
            address: self.address.clone(),
            boot: self.disk.boot,
            boot_nonce: nonce,
            rules: rules(),
            reasons: Reasons::with([]),
            fanout: self.fanout,
            critical: self.critical.iter().cloned().collect(),
            definitions: crate::workload::targets()
                .into_iter()
                .filter(|t| *t != Target::System)
                .map(|t| (t, String::from("same")))
                .collect(),
            together: Vec::new(),
            peers: self.peers.clone(),
            max_rows: self.max_rows,
        }
    }

    /// What it has said must still be true.
    pub fn is_reliable(&self) -> bool {
        !(self.burned || self.absent || self.lost_disk || self.copied)
    }

    pub fn replica(&self) -> Option<&Replica> {
        self.running.as_ref().map(|running| running.node.replica())
    }
}

/// A node without anything special, of a farm of so many.
pub fn plain(at: usize, of: usize, skew: i64, rng: &mut crate::rng::Rng) -> Node {
    let address = |i: usize| format!("http://n{i}");
    Node {
        id: NodeId(uuid::Uuid::from_u128(rng.u128())),
        name: format!("n{at}").parse().unwrap(),
        address: address(at),
        peers: (0..of).filter(|other| *other != at).map(address).collect(),
        disk: Disk::default(),
        running: None,
        skew,
        fanout: Fanout::All,
        references: None,
        series: false,
        random_order: false,
        max_rows: 10_000,
        absent: false,
        burned: false,
        lost_disk: false,
        copied: false,
        backup: None,
        critical: BTreeSet::new(),
    }
}

/// `all`, 1 or k.
pub fn fanout(k: usize) -> Fanout {
    NonZeroUsize::new(k).map_or(Fanout::All, Fanout::Some)
}
