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
use tokio::sync::{broadcast::error::RecvError, watch};

use self::send::{Carrier, Failure};
use crate::{
    actors::{
        courier::Couriers,
        messages::{AskHooks, Look, Question},
        repeater::Repeater,
        shared::{Counters, Event as Change, Shared},
        told::{Book, HookState},
    },
    availability::{Entry, Moment, Name, NodeId, Restore},
    clock,
    hook::{
        Event, Hook,
        event::{self, LIFETIME},
        letter::About,
        turn,
    },
    store::{
        Store,
        records::{self, RecordError},
    },
    sync::{Node, Now},
};

mod send;

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
/// A node that has not answered for so long does not serve its hooks.
const SILENCE: Duration = Duration::from_secs(60);
/// The first pause after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How often an event is tried that its receiver refuses.
const TRIES: u32 = 10;

/// What the parts share.
pub(super) struct Setup {
    pub(super) hooks: Vec<Hook>,
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

/// Starts telling. Everything ends with the node's runtime.
pub(super) fn start(setup: Setup) {
    if setup.hooks.is_empty() {
        return;
    }
    let Setup { hooks, book, store, shared, repeater, couriers, me } = setup;
    let heard = Arc::new(Heard::default());
    let (events, listed) = watch::channel(Arc::new(Vec::new()));
    actix::spawn(derive(events, store, Arc::clone(&shared), repeater.clone()));
    actix::spawn(ask(Arc::clone(&book), Arc::clone(&heard), repeater, couriers));
    for (hook, state) in hooks.into_iter().zip(&book.hooks) {
        let begun = clock::mono();
        let teller = Teller {
            carrier: Arc::new(Carrier::new(&hook, &shared.node)),
            hook,
            state: Arc::clone(state),
            book: Arc::clone(&book),
            heard: Arc::clone(&heard),
            shared: Arc::clone(&shared),
            me,
            begun,
        };
        actix::spawn(teller.tell(listed.clone()));
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

/// Tells one hook.
struct Teller {
    hook: Hook,
    carrier: Arc<Carrier>,
    state: Arc<HookState>,
    book: Arc<Book>,
    heard: Arc<Heard>,
    shared: Arc<Shared>,
    me: NodeId,
    begun: Duration,
}

impl Teller {
    async fn tell(self, mut listed: watch::Receiver<Arc<Vec<Event>>>) {
        let (mut failures, mut refused) = (0_u32, 0_u32);
        loop {
            let next = self.next(&listed.borrow_and_update().clone());
            let Some(event) = next else {
                // Another node's turn may become this one's without a new list.
                if let Ok(Err(_)) = tokio::time::timeout(EVERY, listed.changed()).await {
                    return; // the list has ended
                }
                continue;
            };
            match self.send(&event).await {
                Ok(()) => (failures, refused) = (0, 0),
                Err(Failure { why, lasting }) => {
                    Counters::count(&self.state.failures);
                    failures += 1;
                    refused += u32::from(lasting);
                    log::warn!(hook:% = self.hook.name, event:% = event.id, attempt = failures, why; "hook_failed");
                    self.state.problem.store(Some(Arc::new(why)));
                    if refused >= TRIES {
                        log::error!(hook:% = self.hook.name, event:% = event.id; "hook_event_given_up");
                        Counters::count(&self.state.given_up);
                        self.done(&event).await;
                        (failures, refused) = (0, 0);
                        continue;
                    }
                    tokio::time::sleep(PAUSES.0.saturating_mul(1 << failures.min(16) >> 1).min(PAUSES.1)).await;
                }
            }
        }
    }

    /// The next event that this hook is to be told by this node.
    fn next(&self, events: &[Event]) -> Option<Event> {
        let serving = self.serving();
        let (now, age) = (self.shared.clock(), clock::mono().saturating_sub(self.begun));
        // Before it has had time to hear the others, this node takes none of them for gone.
        let is_settled = |origin: NodeId| match origin {
            NodeId::NONE => age >= ASK_EVERY * 2,
            origin => serving.contains(&origin) || age >= SILENCE,
        };
        let due = events.iter().filter(|event| {
            event.at <= now
                && is_settled(event.origin)
                && self.hook.kinds.contains(&event.kind)
                && turn::is_mine(event, self.me, &serving)
                && !self.book.has(&self.hook.name, event)
        });
        let due: Vec<&Event> = due.collect();
        self.state.wait(due.len(), due.first().map(|event| event.at));
        due.first().map(|event| (*event).clone())
    }

    /// The nodes that serve this hook, this one among them.
    fn serving(&self) -> BTreeSet<NodeId> {
        let now = clock::mono();
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let serves = |(at, hooks): &(Duration, BTreeSet<Name>)| {
            now.saturating_sub(*at) <= SILENCE && hooks.contains(&self.hook.name)
        };
        heard.iter().filter(|(_, one)| serves(one)).map(|(node, _)| *node).chain([self.me]).collect()
    }

    async fn send(&self, event: &Event) -> Result<(), Failure> {
        let about = self.about(event);
        let (carrier, sent) = (Arc::clone(&self.carrier), event.clone());
        let sending = tokio::task::spawn_blocking(move || carrier.send(&sent, &about, clock::now()));
        match sending.await {
            Ok(result) => result?,
            Err(_) => std::future::pending().await, // the runtime ends
        }
        Counters::count(&self.state.told);
        self.state.problem.store(None);
        log::info!(hook:% = self.hook.name, event:% = event.id, kind = event.kind.name(); "hook_told");
        self.done(event).await;
        Ok(())
    }

    async fn done(&self, event: &Event) {
        let (book, name, event) = (Arc::clone(&self.book), self.hook.name.clone(), event.clone());
        let written = tokio::task::spawn_blocking(move || book.add(&name, &event)).await;
        if let Ok(Err(error)) = written {
            log::error!(hook:% = self.hook.name, error:%; "hook_cursor_not_written");
        }
    }

    /// The applications that the event is about.
    fn about(&self, event: &Event) -> Vec<About> {
        let touches = |slot: &&crate::actors::shared::Slot| {
            event.entry.notification.targets.iter().any(|target| slot.depends_on(target))
        };
        let about =
            |slot: &crate::actors::shared::Slot| About { name: slot.app.name().clone(), title: slot.app.title.clone() };
        self.shared.slots.iter().filter(touches).map(about).collect()
    }
}
