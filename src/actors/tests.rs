//! The actors' own work: messages become steps of the node, its effects are performed, every call is answered
//! once, and no caller blocks on a disk that cannot write.
#![allow(clippy::unwrap_used)]

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

use super::{
    courier::Couriers,
    messages::{Begin, Connect, Look, Question, Request},
    queue::{MemoryQueue, OnProgress, Progress, Queue, QueueError},
    repeater::{Repeater, now},
    shared::Shared,
    transport::{Call, NoAnswer, Transport},
};
use crate::{
    availability::{Author, Moment, NodeId, Reasons, Rules, Submission},
    sync::{
        Announce, Away, Change, Deliver, Delivered, DeliveryState, Facts, Fanout, Haste, Label, MAX_ROWS, Member,
        Merge, Merged, Node, Now, Plan, Receipt, Reply, Restored, Submit,
    },
};

const PEER: NodeId = NodeId(Uuid::from_u128(2));

/// A peer that does as the test says; announcements fail unless one is held back.
#[derive(Default)]
struct Script {
    /// Deliveries that fail first.
    fail: RefCell<usize>,
    delivered: RefCell<usize>,
    /// Announcements that are answered only when the test lets them.
    held: RefCell<VecDeque<oneshot::Receiver<()>>>,
}

impl Transport for Script {
    fn deliver<'a>(&'a self, _: NodeId, _: &'a str, message: &'a Deliver) -> Call<'a, Delivered> {
        Box::pin(async move {
            if *self.fail.borrow() > 0 {
                *self.fail.borrow_mut() -= 1;
                return Err(Away::Unreachable("no connection".to_owned()).into());
            }
            *self.delivered.borrow_mut() += message.items.len();
            let receipt = |stamp| Receipt { stamp, state: DeliveryState::Applied };
            Ok(Delivered {
                limit: message.limit,
                receipts: message.items.iter().map(|item| receipt(item.entry.stamp)).collect(),
                unknown: Vec::new(),
                refused: Vec::new(),
            })
        })
    }

    fn merge<'a>(&'a self, _: NodeId, _: &'a str, _: &'a Merge) -> Call<'a, Option<Merged>> {
        Box::pin(async { Ok(None) })
    }

    fn announce<'a>(&'a self, _: &'a str, _: &'a Announce) -> Call<'a, Announce> {
        let held = self.held.borrow_mut().pop_front();
        Box::pin(async move {
            if let Some(held) = held {
                held.await.ok();
            }
            Err(Away::Unreachable("no connection".to_owned()).into())
        })
    }

    fn receipts<'a>(&'a self, _: NodeId, _: &'a str, _: Uuid) -> Call<'a, Option<serde_json::Value>> {
        Box::pin(async { Ok(None) })
    }

    fn hand_in<'a>(
        &'a self,
        _: &'a str,
        _: &'a serde_json::Value,
    ) -> LocalBoxFuture<'a, Result<serde_json::Value, NoAnswer>> {
        Box::pin(async { Err(NoAnswer { why: "nobody answers".to_owned(), may_have_arrived: false }) })
    }

    fn load<'a>(&'a self, _: &'a str) -> Call<'a, serde_json::Value> {
        Box::pin(async { Err(Away::Unreachable("no connection".to_owned()).into()) })
    }

    fn hooks<'a>(&'a self, _: NodeId, _: &'a str) -> Call<'a, serde_json::Value> {
        Box::pin(async { Err(Away::Unreachable("no connection".to_owned()).into()) })
    }
}

/// A queue whose store stopped at once and writes nothing.
#[derive(Default)]
struct Stopped {
    told: bool,
}

impl Queue for Stopped {
    fn restore(&self, _: Rules) -> Result<Restored, QueueError> {
        Ok(Restored::default())
    }

    fn start(&mut self, progress: OnProgress) -> Result<(), QueueError> {
        progress();
        Ok(())
    }

    fn hand_over(&mut self, _: u64, _: Label, _: &[Change], _: Haste) {}

    fn progress(&mut self) -> Progress {
        let stopped = (!std::mem::replace(&mut self.told, true)).then(|| "the disk is full".to_owned());
        Progress { durable: 0, stopped, writable: false }
    }

    fn prune(&mut self, _: Moment, _: &mut dyn FnMut() -> u64) {}

    fn close(&mut self, _: Duration) -> bool {
        true
    }
}

struct Bench {
    repeater: Addr<Repeater>,
    shared: Arc<Shared>,
    script: Rc<Script>,
}

impl Bench {
    /// A node that knows one peer, on this queue.
    fn new(queue: impl Queue + 'static) -> Self {
        let name = |text: &str| text.parse().unwrap();
        let facts = Facts {
            me: NodeId(Uuid::from_u128(1)),
            name: name("a"),
            address: "http://a".to_owned(),
            boot: 1,
            boot_nonce: 1,
            rules: Rules::default(),
            reasons: Reasons::with([]),
            fanout: Fanout::All,
            critical: Default::default(),
            definitions: BTreeMap::new(),
            peers: Vec::new(),
            together: Vec::new(),
            max_rows: MAX_ROWS,
        };
        let peer = Member {
            id: PEER,
            name: name("b"),
            address: "http://b".to_owned(),
            changed: Moment::ZERO,
            since: Moment::ZERO,
            forgotten: false,
            definitions: BTreeMap::new(),
            zone_data: String::new(),
        };
        let restored = Restored { members: vec![peer], ..Restored::default() };
        let node = Node::restore(facts, Plan::default(), restored, 7, now());
        let shared = Arc::new(Shared::new(name("a"), Rules::default(), Vec::new()));
        let repeater = Repeater::new(node, Box::new(queue), Arc::clone(&shared), Vec::new()).start();
        Self { repeater, shared, script: Rc::default() }
    }

    async fn connect(&self) {
        let couriers =
            Couriers::new(Rc::clone(&self.script) as Rc<dyn Transport>, self.repeater.clone().recipient()).start();
        self.repeater.send(Connect(couriers.recipient())).await.unwrap();
    }

    /// Begins a request; its answer, if there will be one.
    async fn begin(&self, request: Request) -> oneshot::Receiver<Reply> {
        let (begin, answer) = Begin::new(request);
        self.repeater.send(begin).await.unwrap();
        answer
    }

    /// How many own notifications are unconfirmed, and how many wait to be applied.
    async fn rows(&self) -> (usize, usize) {
        self.repeater.send(Look(CountRows)).await.unwrap().unwrap()
    }

    async fn start(&self) {
        self.connect().await;
        self.begin(Request::Replay).await.await.unwrap();
        assert!(matches!(self.begin(Request::MergeAtStart).await.await, Ok(Reply::Asked(0))));
    }
}

fn submit() -> Request {
    let submission = Submission::parse(&serde_json::json!({"targets": ["system"], "status": "unavailable"})).unwrap();
    Request::Submit(Box::new(Submit {
        submission,
        author: Author::operator("alice"),
        id: Uuid::from_u128(5),
        known: None,
    }))
}

struct CountRows;

impl Question for CountRows {
    type Answer = (usize, usize);

    fn look(self, node: &Node, _: Now) -> Self::Answer {
        (node.replica().unconfirmed(), node.replica().waiting().0)
    }
}

#[test]
fn a_submission_is_answered_and_carried_until_it_is_confirmed() {
    System::new().block_on(async {
        let bench = Bench::new(MemoryQueue::default());
        bench.start().await;
        *bench.script.fail.borrow_mut() = 2;
        let failures = bench.shared.counters.peer_failures.load(Ordering::Relaxed);
        let answer = bench.begin(submit()).await.await;
        assert!(matches!(answer, Ok(Reply::Submitted(Ok(_)))), "{answer:?}");
        while bench.rows().await.0 > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(*bench.script.delivered.borrow(), 1);
        assert_eq!(bench.shared.counters.peer_failures.load(Ordering::Relaxed), failures + 2);
    });
}

#[test]
fn a_store_that_cannot_write_lets_only_those_wait_that_need_no_disk() {
    System::new().block_on(async {
        let bench = Bench::new(Stopped::default());
        bench.connect().await;
        let (release, held) = oneshot::channel();
        bench.script.held.borrow_mut().push_back(held);
        let asked = bench.begin(Request::MergeAtStart).await;
        while !bench.shared.store_stopped.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        let taken = bench.begin(submit()).await;
        assert!(taken.await.is_err(), "a submission cannot be kept");
        assert_eq!(bench.rows().await.1, 0, "and is not taken");
        let settled = bench.begin(Request::Replay).await;
        assert!(settled.await.is_err(), "nothing becomes durable");
        release.send(()).unwrap();
        assert!(matches!(asked.await, Ok(Reply::Asked(0))), "peers are asked all the same");
    });
}

#[test]
fn a_request_keeps_its_memory_until_it_is_answered() {
    System::new().block_on(async {
        let bench = Bench::new(MemoryQueue::default());
        bench.connect().await;
        let (release, held) = oneshot::channel();
        bench.script.held.borrow_mut().push_back(held);
        let room = Arc::new(Semaphore::new(10));
        let (begin, answer) =
            Begin::holding(Arc::clone(&room).acquire_many_owned(7).await.unwrap(), Request::MergeAtStart);
        bench.repeater.send(begin).await.unwrap();
        assert_eq!(room.available_permits(), 3, "it is being processed");
        release.send(()).unwrap();
        answer.await.unwrap();
        while room.available_permits() < 10 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn calls_before_there_are_couriers_fail_and_nobody_waits_for_them() {
    System::new().block_on(async {
        let bench = Bench::new(MemoryQueue::default());
        bench.begin(Request::Replay).await.await.unwrap();
        assert!(matches!(bench.begin(Request::MergeAtStart).await.await, Ok(Reply::Asked(0))));
    });
}
