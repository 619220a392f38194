//! Tells one hook its events.
//!
//! Must stay true: one event at a time, by time; an event counts as told when its receiver has said so and that is on
//! stable storage. A hook that leaves the configuration ends between two events.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    ASK_EVERY, EVERY, Heard, Listed,
    send::{Carrier, Failure},
};
use crate::{
    actors::{
        shared::{Counters, Shared, Slot},
        told::{Book, HookState},
    },
    availability::{Name, NodeId},
    clock,
    hook::{Event, Hook, letter::About, patience::Patience, turn},
};

/// A node that has not answered for so long does not serve its hooks.
const SILENCE: Duration = Duration::from_secs(60);

/// Tells one hook.
pub(super) struct Teller {
    pub(super) hook: Hook,
    pub(super) carrier: Arc<Carrier>,
    pub(super) state: Arc<HookState>,
    pub(super) book: Arc<Book>,
    pub(super) heard: Arc<Heard>,
    pub(super) shared: Arc<Shared>,
    pub(super) me: NodeId,
    pub(super) begun: Duration,
    /// Cancelled when the configuration has another hook in its place, or none.
    pub(super) ended: CancellationToken,
}

impl Teller {
    pub(super) async fn tell(self, mut listed: Listed) {
        let mut patience = Patience::default();
        while !self.ended.is_cancelled() {
            let next = self.next(&listed.borrow_and_update().clone());
            let Some(event) = next else {
                // Another node's turn may become this one's without a new list.
                let changed = self.or_ended(tokio::time::timeout(EVERY, listed.changed())).await;
                if let Some(Ok(Err(_))) = changed {
                    return; // the list has ended
                }
                continue;
            };
            match self.send(&event).await {
                Ok(()) => patience = Patience::default(),
                Err(Failure { why, lasting }) => {
                    Counters::count(&self.state.failures);
                    let pause = patience.failed(lasting);
                    let attempt = patience.failures();
                    log::warn!(hook:% = self.hook.name, event:% = event.id, attempt, why; "hook_failed");
                    self.state.problem.store(Some(Arc::new(why)));
                    let Some(pause) = pause else {
                        log::error!(hook:% = self.hook.name, event:% = event.id; "hook_event_given_up");
                        Counters::count(&self.state.given_up);
                        self.done(&event).await;
                        patience = Patience::default();
                        continue;
                    };
                    self.or_ended(tokio::time::sleep(pause)).await;
                }
            }
        }
    }

    /// Waits, but not beyond the end of the hook.
    async fn or_ended<T>(&self, waiting: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = waiting => Some(done),
            () = self.ended.cancelled() => None,
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
        let touches = |slot: &&Arc<Slot>| event.entry.notification.targets.iter().any(|target| slot.depends_on(target));
        let about = |slot: &Arc<Slot>| About { name: slot.app.name().clone(), title: slot.app.title.clone() };
        self.shared.slots().iter().filter(touches).map(about).collect()
    }
}
