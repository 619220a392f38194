//! Where a queue keeps its rows, and one run of a queue over them: the suite knows no more.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use forewarn::{
    actors::queue::{EmbeddedQueue, MemoryQueue, Progress, Queue},
    availability::{Entry, Key, Kind, Moment, NodeId, Record, Rules, Stamp},
    store::{OpenError, Options, Store},
    sync::{Change, Conflict, Haste, Label, Member, OutboxRow, PendingRow, QueueKey},
};
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

/// Long enough for a busy machine; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rows that outlive a run.
pub trait Place {
    /// A queue over them, as after a restart. The former one is gone.
    fn queue(&self) -> Box<dyn Queue>;
}

#[derive(Default)]
pub struct Memory(MemoryQueue);

impl Place for Memory {
    fn queue(&self) -> Box<dyn Queue> {
        Box::new(self.0.clone())
    }
}

/// Sled in a folder. The writer's queue is short, so that it is full all the time.
pub struct Disk {
    folder: TempDir,
    store: RefCell<Option<Store>>,
}

impl Disk {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), store: RefCell::default() }
    }

    pub fn store(&self) -> Store {
        self.store.borrow().clone().unwrap()
    }
}

/// A run that was dropped still writes what it was handed, and holds the lock until then.
fn open(folder: &Path) -> Store {
    let options = Options { reserve: 1, recheck: Duration::from_millis(5), commit_queue: 8, ..Options::default() };
    let began = Instant::now();
    loop {
        match Store::open(folder, options.clone()) {
            Ok(store) => return store,
            Err(OpenError::Locked { .. }) if began.elapsed() < PATIENCE => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Place for Disk {
    fn queue(&self) -> Box<dyn Queue> {
        drop(self.store.take());
        let store = open(self.folder.path());
        self.store.replace(Some(store.clone()));
        Box::new(EmbeddedQueue::new(store))
    }
}

/// A queue at work. Dropping it is a process that ends without a word.
pub struct Run {
    pub queue: Box<dyn Queue>,
    news: mpsc::Receiver<()>,
    pub durable: u64,
}

impl Run {
    pub fn start(place: &dyn Place) -> Self {
        Self::of(place.queue())
    }

    pub fn of(mut queue: Box<dyn Queue>) -> Self {
        let (tell, news) = mpsc::channel();
        // Nobody listens any more at the end of a test.
        queue.start(Box::new(move || tell.send(()).unwrap_or_default())).unwrap();
        Self { queue, news, durable: 0 }
    }

    pub fn hand_over(&mut self, steps: impl IntoIterator<Item = (u64, Vec<Change>)>) {
        for (number, changes) in steps {
            self.queue.hand_over(
                number,
                Label::Apply,
                &changes,
                if number % 3 == 0 { Haste::WithNext } else { Haste::Now },
            );
        }
    }

    /// Waits until the progress is as wanted; it never goes back on the way.
    pub fn wait(&mut self, wanted: impl Fn(&Progress) -> bool) -> Progress {
        loop {
            let progress = self.queue.progress();
            assert!(progress.durable >= self.durable, "{progress:?} after {}", self.durable);
            self.durable = progress.durable;
            if wanted(&progress) {
                return progress;
            }
            self.news.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no news after {progress:?}"));
        }
    }
}

/// All that a restart finds.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    pub pending: Vec<(QueueKey, PendingRow)>,
    pub ledger: Vec<Arc<Entry>>,
    pub limit: Moment,
    pub outbox: Vec<(NodeId, QueueKey, OutboxRow, Arc<Entry>)>,
    pub bodiless: Vec<(NodeId, QueueKey)>,
    pub members: Vec<Member>,
    pub boots: Vec<(NodeId, u64, u64)>,
    pub merge_on_return: Vec<NodeId>,
    pub conflict: Option<Conflict>,
    pub records: Vec<Arc<Record>>,
}

pub fn seen(place: &dyn Place) -> Seen {
    let found = place.queue().restore(Rules::default()).unwrap();
    Seen {
        ledger: found.ledger.iter().cloned().collect(),
        limit: found.ledger.limit(),
        pending: found.pending,
        outbox: found.outbox,
        bodiless: found.bodiless,
        members: found.members,
        boots: found.boots,
        merge_on_return: found.merge_on_return,
        conflict: found.conflict,
        records: found.records,
    }
}

pub fn node(i: u128) -> NodeId {
    NodeId(Uuid::from_u128(i))
}

/// A closing of an application of its own.
pub fn entry(i: u128, at: i64) -> Arc<Entry> {
    let notification = serde_json::json!({
        "id": Uuid::from_u128(i), "timestamp": Moment::from_millis(at), "targets": [format!("application:a{i}")],
        "status": "unavailable", "source": "operator", "node": "a", "unknown": {"kept": [i as u64]},
    });
    Entry::stamped(serde_json::from_value(notification).unwrap(), 0, node(1))
}

/// A template, or its removal.
pub fn record(i: u128, at: i64, live: bool) -> Arc<Record> {
    let key = Key { kind: Kind::Template, id: Uuid::from_u128(i) };
    let value = live.then(|| serde_json::json!({"title": i.to_string()}));
    Record::stamped(key, value, None, "a".parse().unwrap(), (Moment::from_millis(at), 0, node(1)))
}

pub fn key(class: u8, i: u128, at: i64) -> QueueKey {
    QueueKey { class, stamp: entry(i, at).stamp }
}

pub fn row(i: u128, at: i64) -> PendingRow {
    PendingRow { entry: entry(i, at), initial: node(i), share: i.is_multiple_of(2).then(|| vec![node(3), node(4)]) }
}

pub fn member(i: u128, changed: i64) -> Member {
    Member {
        id: node(i),
        name: format!("n{i}").parse().unwrap(),
        address: format!("http://n{i}"),
        changed: Moment::from_millis(changed),
        since: Moment::from_millis(changed),
        forgotten: changed % 2 == 1,
        definitions: BTreeMap::from([("application:mail".parse().unwrap(), "00ff".to_owned())]),
        zone_data: String::new(),
    }
}

/// Steps that are a chain: each takes the former's row out of the inbox and puts its own in, so that
/// from what is found it can be told which were made, and whether wholly and in order.
pub fn chain(numbers: impl IntoIterator<Item = u64>) -> impl Iterator<Item = (u64, Vec<Change>)> {
    numbers.into_iter().map(|number| {
        let at = |n: u64| (u128::from(n), i64::try_from(n).unwrap());
        let ((i, time), (former, then)) = (at(number), at(number - 1));
        let mut changes = vec![Change::Queue(key(1, i, time), row(i, time)), Change::Limit(Moment::from_millis(time))];
        if number > 1 {
            changes.extend([Change::Unqueue(key(1, former, then)), Change::Admit(entry(former, then))]);
        }
        (number, changes)
    })
}

/// How many links of the chain are found; that it is no other state than after these.
pub fn length(place: &dyn Place) -> u64 {
    let seen = seen(place);
    let length = seen.pending.first().map_or(0, |(key, _)| u64::try_from(key.stamp.time.millis()).unwrap());
    let memory = Memory::default();
    let mut run = Run::start(&memory);
    run.hand_over(chain(1..=length));
    assert_eq!(seen, self::seen(&memory), "not what the first {length} steps leave");
    length
}

/// Any change, of few rows, so that they meet. What may be there already is taken out first, as the
/// replica does.
pub fn change() -> impl Strategy<Value = Vec<Change>> {
    let stamp = |i: u128| -> Stamp { entry(i, i as i64).stamp };
    let at = |i: u128| if i.is_multiple_of(3) { 2 } else { (i % 2) as u8 };
    (0..14u8, 1..6u128, 1..4u128, 0..9i64).prop_map(move |(kind, i, peer, n)| {
        vec![match kind {
            0 | 1 => {
                let key = key(at(i), i, i as i64);
                return vec![Change::Unqueue(key), Change::Queue(key, row(i, i as i64))];
            }
            13 => Change::Requeue(key(at(i), i, i as i64), row(i, 7)),
            2 => Change::Unqueue(key(at(i), i, i as i64)),
            3 | 4 => return vec![Change::Drop(stamp(i)), Change::Admit(entry(i, i as i64))],
            5 => Change::Drop(stamp(i)),
            6 => Change::Post(node(peer), key(at(i), i, i as i64), OutboxRow { initial: node(i) }),
            7 => Change::Unpost(node(peer), key(at(i), i, i as i64)),
            8 => Change::Record(entry(i, i as i64)),
            9 => Change::Limit(Moment::from_millis(n)),
            10 => Change::Boot(node(i), n.unsigned_abs(), 7),
            11 => Change::Member(member(i, n)),
            _ => Change::MergeOnReturn(node(peer), n % 2 == 0),
        }]
    })
}
