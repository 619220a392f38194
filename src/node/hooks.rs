//! Tells the hooks what happens (docs/contract.md#webhooks): derives the events, asks the other nodes what they
//! have told, and sends what is this node's turn.
//!
//! Must stay true: no part of the node waits for a hook. Events of one hook are told one at a time, by time; an
//! event counts as told when its receiver has said so and that is on stable storage.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix::Addr;
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use self::{send::Carrier, teller::Teller};
use crate::{
    actors::{
        courier::Couriers,
        messages::{AskHooks, Look, Question},
        repeater::Repeater,
        shared::{Event as Change, Shared},
        told::Book,
    },
    availability::{Entry, Moment, Name, NodeId, Restore},
    clock,
    hook::{
        Event, Hook,
        event::{self, LIFETIME},
    },
    store::{
        Store,
        records::{self, RecordError},
    },
    sync::{Node, Now},
};

mod send;
mod teller;

/// How often a hook looks whether something is due: time alone makes plans begin, and other nodes' turns end.
const EVERY: Duration = Duration::from_secs(5);
/// The events are derived when a notification comes, which lists those to come as well, and after this time, so
/// that old ones go.
const RENEW: Duration = Duration::from_secs(600);
/// Several notifications at once make one list.
const SETTLE: Duration = Duration::from_millis(200);
/// The most notifications of the history that are read, the newest.
const MOST: usize = 20_000;
/// How often other nodes are asked.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What the parts share.
pub(super) struct Setup {
    pub(super) book: Arc<Book>,
    pub(super) store: Store,
    pub(super) shared: Arc<Shared>,
    pub(super) repeater: Addr<Repeater>,
    pub(super) couriers: Addr<Couriers>,
    pub(super) me: NodeId,
}

/// The other nodes, with their addresses.
struct Peers;

impl Question for Peers {
    type Answer = Vec<(NodeId, String)>;

    fn look(self, node: &Node, _: Now) -> Self::Answer {
        let peers = node.replica().peers().into_iter().filter(|peer| peer.member.is_some());
        peers.map(|peer| (peer.id, peer.address)).collect()
    }
}

/// What the history may not have any more: plans, and what ends by itself.
struct Lasting;

impl Question for Lasting {
    type Answer = Vec<Arc<Entry>>;

    fn look(self, node: &Node, _: Now) -> Self::Answer {
        let lasts = |entry: &&Arc<Entry>| {
            let said = &entry.notification;
            said.goes_down_at.is_some() || said.expected_back_at.is_some() && said.restore == Restore::Automatic
        };
        node.replica().ledger().iter().filter(lasts).cloned().collect()
    }
}

/// When each node was last heard, and which hooks it serves.
type Heard = Mutex<BTreeMap<NodeId, (Duration, BTreeSet<Name>)>>;
/// The events of the last day, and those to come.
type Listed = watch::Receiver<Arc<Vec<Event>>>;

/// The hooks of a node that runs.
pub(super) struct Hooks {
    setup: Setup,
    heard: Arc<Heard>,
    /// The events; absent until there is a hook.
    listed: Option<Listed>,
    tellers: Vec<Running>,
}

/// One of them, while it is told.
struct Running {
    hook: Hook,
    ended: CancellationToken,
    task: JoinHandle<()>,
}

impl Hooks {
    /// None yet.
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, heard: Arc::default(), listed: None, tellers: Vec::new() }
    }

    /// From now on these are told; the book knows them already. One that is as before goes on; another one ends after
    /// the event that it is telling, and the one that takes its place waits for that. Everything ends with the node's
    /// runtime.
    pub(super) fn change(&mut self, hooks: &[Hook]) {
        if hooks.is_empty() && self.tellers.is_empty() {
            return;
        }
        let listed = self.list();
        let (kept, mut ended): (Vec<_>, Vec<_>) = self.tellers.drain(..).partition(|one| hooks.contains(&one.hook));
        self.tellers = kept;
        ended.iter().for_each(|one| one.ended.cancel());
        let Setup { book, shared, me, .. } = &self.setup;
        let (states, begun) = (book.hooks(), clock::mono());
        for hook in hooks {
            let is_running = self.tellers.iter().any(|one| one.hook == *hook);
            let Some(state) = states.iter().find(|state| state.name == hook.name).filter(|_| !is_running) else {
                continue;
            };
            let before = ended.iter().position(|one| one.hook.name == hook.name).map(|at| ended.swap_remove(at).task);
            let ended = CancellationToken::new();
            let teller = Teller {
                carrier: Arc::new(Carrier::new(hook, &shared.node)),
                hook: hook.clone(),
                state: Arc::clone(state),
                book: Arc::clone(book),
                heard: Arc::clone(&self.heard),
                shared: Arc::clone(shared),
                me: *me,
                begun,
                ended: ended.clone(),
            };
            let listed = listed.clone();
            let task = actix::spawn(async move {
                if let Some(before) = before {
                    before.await.ok();
                }
                teller.tell(listed).await;
            });
            self.tellers.push(Running { hook: hook.clone(), ended, task });
        }
    }

    /// The list of events, which is made from now on if it was not.
    fn list(&mut self) -> Listed {
        let Setup { book, store, shared, repeater, couriers, .. } = &self.setup;
        let heard = &self.heard;
        let start = || {
            let (events, listed) = watch::channel(Arc::new(Vec::new()));
            actix::spawn(derive(events, store.clone(), Arc::clone(shared), repeater.clone()));
            actix::spawn(ask(Arc::clone(book), Arc::clone(heard), repeater.clone(), couriers.clone()));
            listed
        };
        self.listed.get_or_insert_with(start).clone()
    }
}

/// Lists the events of the last day, and those to come, whenever something changes.
async fn derive(events: watch::Sender<Arc<Vec<Event>>>, store: Store, shared: Arc<Shared>, repeater: Addr<Repeater>) {
    let mut changes = shared.events.subscribe();
    loop {
        let lasting = repeater.send(Look(Lasting)).await.ok().flatten().unwrap_or_default();
        let (store, from) = (store.clone(), shared.clock().before(LIFETIME));
        let again = match tokio::task::spawn_blocking(move || list(&store, from, lasting)).await {
            Ok(Ok(list)) => {
                events.send(Arc::new(list)).ok();
                RENEW
            }
            Ok(Err(error)) => {
                log::warn!(error:%; "hooks_history_not_read");
                EVERY
            }
            Err(_) => return, // the runtime ends
        };
        let news = async {
            loop {
                match changes.recv().await {
                    Ok(Change::Notification { .. }) | Err(RecvError::Lagged(_)) => return,
                    Ok(_) => {}
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        let _ = tokio::time::timeout(again, news).await;
        tokio::time::sleep(SETTLE).await;
    }
}

fn list(store: &Store, from: Moment, lasting: Vec<Arc<Entry>>) -> Result<Vec<Event>, RecordError> {
    let mut entries = lasting;
    let mut read = 0;
    records::history(store, None, |entry| {
        let is_within = entry.stamp.time >= from && read < MOST;
        if is_within {
            read += 1;
            entries.push(entry);
        }
        is_within
    })?;
    entries.sort_by_key(|entry| entry.stamp);
    entries.dedup_by_key(|entry| entry.stamp);
    let mut events = event::events(&entries);
    events.retain(|event| event.at >= from);
    Ok(events)
}

/// Asks the other nodes what they have told.
async fn ask(book: Arc<Book>, heard: Arc<Heard>, repeater: Addr<Repeater>, couriers: Addr<Couriers>) {
    loop {
        let peers = repeater.send(Look(Peers)).await.ok().flatten().unwrap_or_default();
        let asked = peers.into_iter().map(|(node, address)| {
            let answer = couriers.send(AskHooks { node, address });
            async move { (node, answer.await.ok().flatten()) }
        });
        for (node, answer) in futures_util::future::join_all(asked).await {
            let Some(cursors) = answer.and_then(|answer| serde_json::from_value(answer).ok()) else { continue };
            let served = book.merge(&cursors);
            heard.lock().unwrap_or_else(PoisonError::into_inner).insert(node, (clock::mono(), served));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}
