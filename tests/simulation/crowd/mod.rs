//! Large farms, for what they cost: the machines that ship, without faults and without the checks of the other farms.
//!
//! Each node has one thread: a message that it sends or gets occupies it for [`HANDLE`]. The network, a disk's sync and
//! the broker have fixed times too. So the times are those of this model, and show how they grow; messages and bytes
//! (of bodies, as JSON) are what real nodes send.

mod figures;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    io,
    time::Duration,
};

use forewarn::{
    availability::{Author, Moment, NodeId, Reasons, Stamp, Submission},
    sync::{
        Answer, Ask, Asker, Call, CallId, Deliver, Delivered, Effect, Facts, Fanout, MAX_ROWS, Member, Node, Now, Plan,
        Purpose, Reply, Restored, Submit,
    },
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::node::{EPOCH, rules};

/// How long a node is busy with a message that it sends or gets, in microseconds.
const HANDLE: u64 = 100;
/// How long a message is on its way, and a sync of a disk takes.
const NETWORK: u64 = 250;
const SYNC: u64 = 1_000;
/// How long the broker is busy with a message to one node.
const BROKER: u64 = 20;

#[derive(Debug)]
enum Event {
    Request {
        from: usize,
        asker: Asker,
        call: CallId,
        ask: Ask,
    },
    Answer {
        call: CallId,
        answer: Answer,
    },
    /// The broker brings what a node has published.
    Brought(Deliver),
    Durable {
        upto: u64,
    },
    Tick,
}

/// What was sent, by its purpose.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Requests, or messages through the broker.
    pub messages: u64,
    /// Bytes of their bodies and of those of their answers.
    pub bytes: u64,
}

struct Machine {
    node: Node,
    asker: Asker,
    inbox: VecDeque<Event>,
    /// Until when its thread is busy, and whether it will take the next event then.
    busy: u64,
    awake: bool,
    timer: Option<u64>,
    /// The last step that was committed, and the one up to which a sync is under way.
    step: u64,
    syncing: bool,
    durable: u64,
    tickets: HashMap<u64, (usize, CallId)>,
    next_ticket: u64,
    /// When it has last published a change.
    shown: u64,
    /// Requests and messages that it has sent.
    sent: u64,
}

/// See the module.
pub struct Crowd {
    time: u64,
    sequence: u64,
    queue: BTreeMap<(u64, u64), (usize, Option<Event>)>,
    members: Vec<Machine>,
    at: HashMap<String, usize>,
    has_broker: bool,
    published: BTreeSet<Stamp>,
    brought: HashSet<(NodeId, Stamp)>,
    /// By purpose; what carries notifications is apart from what carries receipts only.
    pub traffic: BTreeMap<&'static str, Traffic>,
}

/// Counts bytes.
struct Counter(u64);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn size<T: Serialize>(value: &T) -> u64 {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value).unwrap();
    counter.0
}

fn size_of(ask: &Ask) -> u64 {
    match ask {
        Ask::Announce(message) => size(&**message),
        Ask::Deliver(message) => size(message),
        Ask::Merge(message) => size(message),
    }
}

fn id(at: usize) -> NodeId {
    // Spread, as random ones are: the order of ids is not the order of the nodes.
    NodeId(Uuid::from_u128((at as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
}

fn member(at: usize) -> Member {
    let changed = Moment::from_millis(EPOCH - 1_000);
    let (name, address) =
        (format!("node-{at}").parse().unwrap(), format!("http://10.0.{}.{}:7070", at / 250, at % 250));
    let definitions = [("application:mail".parse().unwrap(), "0123456789abcdef".to_owned())].into();
    let zone_data = "2026a".to_owned();
    Member { id: id(at), name, address, changed, since: changed, forgotten: false, definitions, zone_data }
}

impl Crowd {
    /// A farm of so many nodes, which have met each other and do nothing.
    pub fn start(size: usize, fanout: Fanout, has_broker: bool) -> Self {
        let mut crowd = Self {
            time: 1_000_000,
            sequence: 0,
            queue: BTreeMap::new(),
            members: Vec::new(),
            at: (0..size).map(|at| (member(at).address, at)).collect(),
            has_broker,
            published: BTreeSet::new(),
            brought: HashSet::new(),
            traffic: BTreeMap::new(),
        };
        let records: Vec<Member> = (0..size).map(member).collect();
        for (at, own) in records.iter().enumerate() {
            let facts = Facts {
                me: own.id,
                name: own.name.clone(),
                address: own.address.clone(),
                boot: 1,
                boot_nonce: 1,
                rules: rules(),
                reasons: Reasons::with([]),
                fanout,
                critical: Default::default(),
                definitions: own.definitions.clone(),
                together: Vec::new(),
                peers: Vec::new(),
                max_rows: MAX_ROWS,
            };
            let restored = Restored { members: records.clone(), ..Restored::default() };
            let now = crowd.now();
            crowd.members.push(Machine {
                node: Node::restore(facts, Plan::default(), restored, at as u64 + 7, now),
                asker: Asker { id: own.id, boot: 1, nonce: 1 },
                inbox: VecDeque::new(),
                busy: 0,
                awake: false,
                timer: None,
                step: 0,
                syncing: false,
                durable: 0,
                tickets: HashMap::new(),
                next_ticket: 0,
                shown: 0,
                sent: 0,
            });
        }
        for at in 0..size {
            crowd.with(at, |node, now| node.replay(0, now));
        }
        for at in 0..size {
            crowd.with(at, |node, now| node.ready(now));
            crowd.run_for(Duration::from_millis(200));
        }
        crowd.run_for(Duration::from_secs(60));
        crowd
    }

    fn now(&self) -> Now {
        let wall = Moment::from_millis(EPOCH + (self.time / 1_000) as i64);
        Now { wall, mono: Duration::from_micros(self.time) }
    }

    pub fn run_for(&mut self, time: Duration) {
        let end = self.time + time.as_micros() as u64;
        while let Some((key, _)) = self.queue.first_key_value().filter(|((at, _), _)| *at <= end) {
            let key = *key;
            let Some((to, event)) = self.queue.remove(&key) else { break };
            self.time = key.0;
            match event {
                Some(event) => {
                    self.members[to].inbox.push_back(event);
                    self.wake(to);
                }
                None => self.take_next(to),
            }
        }
        self.time = end;
    }

    fn after(&mut self, at: u64, to: usize, event: Option<Event>) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), (to, event));
    }

    /// The node takes its next event as soon as its thread is free.
    fn wake(&mut self, to: usize) {
        let member = &mut self.members[to];
        if !member.awake && !member.inbox.is_empty() {
            member.awake = true;
            let at = member.busy.max(self.time);
            self.after(at, to, None);
        }
    }

    fn take_next(&mut self, to: usize) {
        let time = self.time;
        let member = &mut self.members[to];
        member.awake = false;
        let Some(event) = member.inbox.pop_front() else { return };
        if !matches!(event, Event::Durable { .. } | Event::Tick) {
            member.busy = time + HANDLE;
        }
        match event {
            Event::Request { from, asker, call, ask } => {
                member.next_ticket += 1;
                let ticket = member.next_ticket;
                member.tickets.insert(ticket, (from, call));
                self.with(to, |node, now| node.asked(asker, ask, ticket, now));
            }
            Event::Answer { call, answer } => self.with(to, |node, now| node.answered(call, Ok(answer), now)),
            Event::Brought(deliver) => self.with(to, |node, now| node.replica_mut().broadcast(deliver, 0, now)),
            Event::Durable { upto } => {
                (member.syncing, member.durable) = (false, upto);
                self.with(to, |node, now| node.replica_mut().durable(upto, now));
            }
            Event::Tick => {
                member.timer = None;
                self.with(to, |node, now| node.tick(now));
            }
        }
        self.wake(to);
    }

    /// Does something to a node and performs what follows.
    pub fn with(&mut self, at: usize, change: impl FnOnce(&mut Node, Now)) {
        let now = self.now();
        change(&mut self.members[at].node, now);
        loop {
            let effects = self.members[at].node.take_effects(now);
            if effects.is_empty() {
                break;
            }
            effects.into_iter().for_each(|effect| self.effect(at, effect, now));
        }
        let time = self.time;
        let member = &mut self.members[at];
        if member.step > member.durable && !member.syncing {
            member.syncing = true;
            let upto = member.step;
            self.after(time + SYNC, at, Some(Event::Durable { upto }));
        }
        let member = &mut self.members[at];
        if let Some(due) = member.node.next_timer(now).map(|due| (due.as_micros() as u64 + 1).max(time))
            && member.timer.is_none_or(|timer| timer > due)
        {
            member.timer = Some(due);
            self.after(due, at, Some(Event::Tick));
        }
    }

    fn effect(&mut self, at: usize, effect: Effect, now: Now) {
        match effect {
            Effect::Commit { step, .. } => self.members[at].step = step,
            Effect::Load { step, .. } => {
                self.members[at].shown = self.time;
                self.members[at].node.replica_mut().loaded(step, now);
            }
            Effect::Reply(ticket, reply) => {
                let Some((to, call)) = self.members[at].tickets.remove(&ticket) else { return };
                let (answer, bytes) = match reply {
                    Reply::Announced(own) => (Answer::Announced(own.clone()), size(&*own)),
                    Reply::Delivered(delivered) => (Answer::Delivered(delivered.clone()), size(&delivered)),
                    Reply::Merged(merged) => (Answer::Merged(merged.clone()), merged.as_ref().map_or(0, size)),
                    other => panic!("{other:?}"),
                };
                self.traffic.entry("answers").or_default().bytes += bytes;
                let leaves = self.members[at].busy.max(self.time);
                self.after(leaves + NETWORK, to, Some(Event::Answer { call, answer }));
            }
            Effect::Call(call) => self.carry(at, call),
            _ => {}
        }
    }

    /// Occupies the sender's thread; when the message leaves.
    fn leaves(&mut self, at: usize, what: &'static str, bytes: u64) -> u64 {
        let member = &mut self.members[at];
        member.busy = member.busy.max(self.time) + HANDLE;
        member.sent += 1;
        let traffic = self.traffic.entry(what).or_default();
        (traffic.messages, traffic.bytes) = (traffic.messages + 1, traffic.bytes + bytes);
        member.busy
    }

    fn carry(&mut self, at: usize, call: Call) {
        let Call { id: call, address, purpose, mut ask, peer } = call;
        if let (Ask::Deliver(deliver), Some(peer)) = (&mut ask, peer)
            && self.has_broker
        {
            self.publish(at, peer, deliver);
            if deliver.items.is_empty()
                && deliver.receipts.is_empty()
                && deliver.gathered.is_empty()
                && deliver.records.is_empty()
            {
                let limit = Moment::ZERO;
                let taken = Delivered { limit, receipts: Vec::new(), unknown: Vec::new(), refused: Vec::new() };
                let event = Event::Answer { call, answer: Answer::Delivered(taken) };
                return self.after(self.time + 2 * NETWORK, at, Some(event));
            }
        }
        let what = match &ask {
            Ask::Deliver(deliver) if deliver.items.is_empty() => "receipts",
            Ask::Deliver(_) => "notifications",
            _ if purpose == Purpose::Announce => "announcements",
            _ => "merges",
        };
        let leaves = self.leaves(at, what, size_of(&ask));
        let asker = self.members[at].asker;
        let to = self.at[&address];
        self.after(leaves + NETWORK, to, Some(Event::Request { from: at, asker, call, ask }));
    }

    /// What the broker takes for this peer leaves the delivery; each notification is published once.
    fn publish(&mut self, at: usize, peer: NodeId, deliver: &mut Deliver) {
        let me = self.members[at].asker.id;
        let is_new = |stamp| !self.brought.contains(&(peer, stamp));
        if !deliver.items.iter().all(|item| item.initial == me && item.share.is_empty() && is_new(item.entry.stamp)) {
            return;
        }
        for item in std::mem::take(&mut deliver.items) {
            self.brought.insert((peer, item.entry.stamp));
            if !self.published.insert(item.entry.stamp) {
                continue;
            }
            let one = Deliver {
                limit: deliver.limit,
                items: vec![item],
                receipts: Vec::new(),
                gathered: Vec::new(),
                records: Vec::new(),
            };
            let bytes = size(&one);
            let mut leaves = self.leaves(at, "notifications", bytes) + NETWORK;
            for to in (0..self.members.len()).filter(|to| *to != at) {
                leaves += BROKER;
                let traffic = self.traffic.entry("notifications").or_default();
                (traffic.messages, traffic.bytes) = (traffic.messages + 1, traffic.bytes + bytes);
                self.after(leaves + NETWORK, to, Some(Event::Brought(one.clone())));
            }
        }
    }

    /// Hands something in at the first node; when, and under which stamp.
    pub fn submit(&mut self, turn: u128) -> (u64, Stamp) {
        let status = ["unavailable", "available"][turn as usize % 2];
        let body = json!({"targets": ["application:mail"], "status": status, "message": "Back at six"});
        let submission = Submission::parse(&body).unwrap();
        let id = Uuid::from_u128(turn + 1);
        let submit = Submit { submission, author: Author::operator("alice"), id, known: None };
        self.with(0, |node, now| node.replica_mut().submit(submit, 0, now));
        let entry = self.members[0].node.replica().find(&id).unwrap();
        (self.time, entry.stamp)
    }
}
