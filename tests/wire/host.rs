//! A replica with a disk, and what must hold of both after every message.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use forewarn::{
    actors::queue::{MemoryQueue, Queue as _},
    availability::{Entry, Moment, NodeId, Reasons, Rules, Stamp},
    store::{MAX_KEY, MAX_VALUE, records},
    sync::{Conflict, Deliver, Effect, Facts, Fanout, Haste, Label, MAX_ROWS, Member, Now, Replica, Reply, Ticket},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    dice::Dice,
    values::{NOW, node},
};

pub struct Host {
    pub replica: Replica,
    disk: MemoryQueue,
    pub now: Now,
    pub replies: Vec<(Ticket, Reply)>,
    next_ticket: Ticket,
    /// What was ever said of each stamp that this version does not understand, as it was written.
    told: HashMap<Stamp, HashSet<String>>,
}

/// All that can be seen of a replica.
#[derive(Debug, PartialEq)]
pub struct View {
    fingerprint: u128,
    limit: Moment,
    waiting: (usize, usize),
    members: BTreeMap<NodeId, (bool, Moment, String)>,
    outboxes: BTreeMap<NodeId, (usize, bool)>,
    conflict: Option<Conflict>,
}

fn facts(me: u128, fanout: usize) -> Facts {
    Facts {
        me: node(me),
        name: format!("n{me}").parse().unwrap(),
        address: format!("http://n{me}"),
        boot: 1,
        boot_nonce: 1,
        rules: Rules::default(),
        reasons: Reasons::with([]),
        fanout: std::num::NonZeroUsize::new(fanout).map_or(Fanout::All, Fanout::Some),
        critical: HashSet::new(),
        definitions: BTreeMap::new(),
        together: Vec::new(),
        peers: Vec::new(),
        max_rows: MAX_ROWS,
    }
}

fn known(i: u128) -> Member {
    Member {
        id: node(i),
        name: format!("n{i}").parse().unwrap(),
        address: format!("http://n{i}"),
        changed: Moment::from_millis(NOW - 5_000),
        since: Moment::from_millis(NOW - 5_000),
        forgotten: false,
        definitions: BTreeMap::new(),
        zone_data: String::new(),
    }
}

/// The members of a record that this version does not know, as they are written.
fn unknown_members(entry: &Entry) -> String {
    Value::Object(entry.notification.extra.clone()).to_string()
}

const KNOWN: [&str; 19] = [
    "id",
    "timestamp",
    "targets",
    "status",
    "cancels",
    "replaces",
    "reason",
    "reason_code",
    "reason_title",
    "component",
    "message",
    "goes_down_at",
    "expected_back_at",
    "restore",
    "criteria",
    "priority",
    "operator",
    "source",
    "reporter",
];

const KINDS: [&str; 6] = ["methods", "paths", "headers", "query", "clients", "nodes"];

/// What this version does not know the meaning of is written as it was read.
fn assert_kept_unread(written: &Map<String, Value>, entry: &Entry) {
    let again = json!(entry.notification);
    for word in ["priority", "restore", "source"] {
        assert!(written.get(word).is_none_or(|value| *value == again[word]), "{word}: {}", again[word]);
    }
    let criteria = written.get("criteria").and_then(Value::as_object).into_iter().flatten();
    for (kind, value) in criteria.filter(|(kind, _)| !KINDS.contains(&kind.as_str())) {
        assert_eq!(again["criteria"][kind], *value, "{kind}");
    }
}

impl Host {
    /// Node `me` of a farm of three.
    pub fn new(me: u128, dice: &mut Dice) -> Self {
        let now = Now { wall: Moment::from_millis(NOW), mono: Duration::from_secs(9) };
        let mut disk = MemoryQueue::default();
        let members: Vec<_> = (1..=3).filter(|i| *i != me).map(|i| forewarn::sync::Change::Member(known(i))).collect();
        disk.hand_over(1, Label::Member, &members, Haste::Now);
        let replica = Replica::restore(facts(me, dice.below(3)), disk.restore(Rules::default()).unwrap(), now);
        let mut host = Self { replica, disk, now, replies: Vec::new(), next_ticket: 1, told: HashMap::new() };
        host.replica.replay(0, now);
        host.settle();
        host.replies.clear();
        host
    }

    pub fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// Performs all effects; every step must fit into a store.
    pub fn settle(&mut self) {
        loop {
            let effects = self.replica.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Commit { step, label, changes } => {
                        for change in &changes {
                            let mut writes = Vec::new();
                            records::encode(change, &mut writes);
                            for write in writes {
                                let bytes = write.value().map_or(0, <[u8]>::len);
                                assert!(
                                    write.key().len() <= MAX_KEY && bytes <= MAX_VALUE,
                                    "{label}: a record of {bytes} bytes"
                                );
                            }
                        }
                        self.disk.hand_over(step, label, &changes, Haste::Now);
                        self.replica.durable(step, self.now);
                    }
                    Effect::Load { step, .. } => self.replica.loaded(step, self.now),
                    Effect::Reply(ticket, reply) => self.replies.push((ticket, reply)),
                    Effect::Report(report) => {
                        let length = format!("{:?}", report.parts()).len();
                        assert!(length < 20_000, "a line of {length} bytes for the log");
                    }
                    _ => {}
                }
            }
        }
    }

    /// The answer to this question: there is exactly one.
    pub fn reply(&mut self, ticket: Ticket) -> Reply {
        self.settle();
        let (mine, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.replies).into_iter().partition(|(to, _)| *to == ticket);
        self.replies = others;
        let [(_, reply)] = <[_; 1]>::try_from(mine).unwrap_or_else(|replies| panic!("not one reply: {replies:?}"));
        reply
    }

    /// Notes what records of a message, as it was written, say beyond this version, and that none of
    /// it is lost by reading.
    pub fn read<'a>(&mut self, written: impl Iterator<Item = &'a Value>, read: impl Iterator<Item = &'a Arc<Entry>>) {
        for (written, entry) in written.zip(read) {
            let Some(members) = written["notification"].as_object() else { continue };
            let beyond: Map<String, Value> = members
                .iter()
                .filter(|(name, _)| *name != "node" && !KNOWN.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            let beyond = Value::Object(beyond).to_string();
            assert_eq!(unknown_members(entry), beyond);
            assert_kept_unread(members, entry);
            self.told.entry(entry.stamp).or_default().insert(beyond);
        }
    }

    /// What is passed on says what was said, and is read by whoever gets it.
    fn assert_passed_on<T: Serialize + DeserializeOwned>(&self, message: &T, entries: &[Arc<Entry>]) {
        let text = serde_json::to_string(message).unwrap();
        if let Err(error) = serde_json::from_str::<T>(&text) {
            panic!("the receiver cannot read it: {error}: {}", &text[..text.floor_char_boundary(2_000)]);
        }
        for entry in entries {
            let said = unknown_members(entry);
            assert!(self.told.get(&entry.stamp).is_some_and(|told| told.contains(&said)), "nobody said {said}");
        }
    }

    /// Takes what waits for a peer.
    pub fn poll(&mut self, peer: NodeId) -> Option<Deliver> {
        let sent = self.replica.poll_send(peer, self.now)?;
        let entries: Vec<_> = sent.items.iter().map(|item| Arc::clone(&item.entry)).collect();
        self.assert_passed_on(&sent, &entries);
        Some(sent)
    }

    /// What a restart would find is what is in memory.
    pub fn assert_sound(&mut self) {
        self.settle();
        assert!(self.replies.is_empty(), "answers to nobody: {:?}", self.replies);
        let restored = self.disk.restore(Rules::default()).unwrap();
        let again = Replica::restore(self.replica.facts().clone(), restored, self.now);
        assert_eq!(view(&again), view(&self.replica), "on disk (left) and in memory (right)");
        let holdings: Vec<_> = self.replica.holdings().cloned().collect();
        assert!(holdings.iter().all(|entry| entry.is_as_stamped()), "holds what nobody has stamped");
        self.assert_passed_on(&holdings, &holdings);
        let announcement = self.replica.announcement("ready");
        self.assert_passed_on(&announcement, &[]);
        assert!(announcement.members.len() <= 2_000);
    }

    /// Adds what another host has told.
    pub fn hear_of(&mut self, other: &Self) {
        for (stamp, told) in &other.told {
            self.told.entry(*stamp).or_default().extend(told.iter().cloned());
        }
    }

    pub fn stamps(&self) -> Vec<Stamp> {
        self.replica.holdings().map(|entry| entry.stamp).collect()
    }

    pub fn view(&self) -> View {
        view(&self.replica)
    }

    pub fn rows(&self) -> usize {
        self.replica.peers().iter().map(|peer| peer.outbox).sum()
    }
}

fn view(replica: &Replica) -> View {
    let announcement = replica.announcement("");
    // Who bears this node's name at its address is taken for its former self at the next start.
    let (own, is_member) = (replica.own(), |member: &Member| {
        (&member.name, &member.address) != (&replica.own().name, &replica.own().address)
    });
    debug_assert!(!is_member(own));
    View {
        fingerprint: replica.fingerprint(),
        limit: replica.ledger().limit(),
        waiting: replica.waiting(),
        members: announcement
            .members
            .into_iter()
            .filter(is_member)
            .map(|m| (m.id, (m.forgotten, m.changed, m.address)))
            .collect(),
        outboxes: replica
            .peers()
            .into_iter()
            .filter(|peer| peer.member.as_ref().is_some_and(is_member))
            .map(|peer| (peer.id, (peer.outbox, peer.merge_on_return)))
            .collect(),
        conflict: replica.conflict().cloned(),
    }
}
