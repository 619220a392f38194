//! One availability cache per application (docs/contract.md#glossary-of-the-original-design): an actor
//! that owns the writes and publishes an immutable snapshot with the answers already rendered.
//!
//! Must stay true: a published snapshot follows from the words alone. A plan that begins or ends is published
//! in time; if the timer is late, the snapshot itself records until when it is valid.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;

use super::shared::{Event, Shared, Slot};
use crate::availability::verdict::View;

/// The clock may be set forward at any time, so no timer is longer.
const LONGEST_TIMER: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct ApplicationCache {
    shared: Arc<Shared>,
    /// The one that it owns.
    slot: Arc<Slot>,
    timer: Option<SpawnHandle>,
}

/// Use these words from now on. Answered once the change is visible at the gate.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LoadWords(pub View);

impl ApplicationCache {
    /// The cache of one application.
    pub(crate) fn new(shared: Arc<Shared>, slot: Arc<Slot>) -> Self {
        Self { shared, slot, timer: None }
    }

    fn publish(&mut self, view: View, ctx: &mut Context<Self>) {
        let slot = &self.slot;
        let clock = self.shared.clock();
        let before = slot.snapshot.load_full();
        let next = Arc::new(before.next(view, clock));
        next.prepare(self.shared.texts.load().first());
        let wait = next.valid_until().map(|until| until.since(clock).clamp(Duration::from_millis(1), LONGEST_TIMER));
        slot.snapshot.store(next);
        drop(before);
        self.shared.tell(Event::Availability { application: slot.app.name().clone() });
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        self.timer = wait.map(|wait| ctx.run_later(wait, Self::time_passes));
    }

    /// Publishes again if time alone has changed something.
    fn time_passes(&mut self, ctx: &mut Context<Self>) {
        self.timer = None;
        let snapshot = self.slot.snapshot.load_full();
        let clock = self.shared.clock();
        if !snapshot.holds_at(clock) {
            self.publish(snapshot.view().clone(), ctx);
        } else if let Some(until) = snapshot.valid_until() {
            let wait = until.since(clock).clamp(Duration::from_millis(1), LONGEST_TIMER);
            self.timer = Some(ctx.run_later(wait, Self::time_passes));
        }
    }
}

/// The clock was set back, or L is ahead of it: check whether the snapshot is still valid.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TellTime;

/// The application is not in the configuration any more, or has another cache.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Retire;

impl Handler<Retire> for ApplicationCache {
    type Result = ();

    fn handle(&mut self, _: Retire, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<TellTime> for ApplicationCache {
    type Result = ();

    fn handle(&mut self, _: TellTime, ctx: &mut Self::Context) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        self.time_passes(ctx);
    }
}

/// An application with its cache, for the repeater.
#[derive(Clone)]
pub(crate) struct Cached {
    pub(crate) slot: Arc<Slot>,
    pub(crate) cache: Addr<ApplicationCache>,
}

impl Cached {
    /// Starts the cache of an application on this thread.
    pub(crate) fn start(shared: &Arc<Shared>, slot: Arc<Slot>, thread: &ArbiterHandle) -> Self {
        let (shared, own) = (Arc::clone(shared), Arc::clone(&slot));
        let cache = ApplicationCache::start_in_arbiter(thread, move |_| ApplicationCache::new(shared, own));
        Self { slot, cache }
    }
}

impl Actor for ApplicationCache {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1_024);
    }
}

impl Handler<LoadWords> for ApplicationCache {
    type Result = ();

    fn handle(&mut self, LoadWords(view): LoadWords, ctx: &mut Self::Context) {
        self.publish(view, ctx);
    }
}
