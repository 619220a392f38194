//! One availability cache per application (docs/contract.md#glossary-of-the-original-design): an actor
//! that owns the writes and publishes an immutable snapshot with the answers already rendered.
//!
//! Must stay true: a published snapshot follows from the words alone. A plan that begins or ends is published
//! in time; if the timer is late, the snapshot itself records until when it is valid.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;

use super::shared::{Event, Shared, Slot};
use crate::{availability::verdict::View, store::seeded::Seeded};

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
        if Seeded::PublishedLate.is_there() {
            ctx.run_later(Duration::from_millis(300), |act, ctx| act.publish(view, ctx));
            return;
        }
        self.publish(view, ctx);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arc_swap::ArcSwap;
    use serde_json::json;
    use tokio::sync::broadcast::{Receiver, error::TryRecvError};

    use super::*;
    use crate::{
        answer::{App, Snapshot},
        availability::{Entry, Ledger, Moment, NodeId, Rules, verdict::Definition},
        clock,
    };

    const HOUR: Duration = Duration::from_secs(3_600);

    /// A cache of one application that knows no words yet.
    struct Bench {
        shared: Arc<Shared>,
        cached: Cached,
        events: Receiver<Event>,
    }

    impl Bench {
        fn new() -> Self {
            let definition = Definition { name: "mail".parse().unwrap(), uses: Vec::new(), agree: 1 };
            let app = Arc::new(App { title: "Mail".to_owned(), definition });
            let view = View::of(&Ledger::new(Rules::default()), &app.definition);
            let snapshot = Snapshot::build(Arc::clone(&app), "a".parse().unwrap(), view, clock::now());
            let snapshot = ArcSwap::from_pointee(snapshot);
            let slot =
                Arc::new(Slot { app, critical: false, snapshot, traffic: Arc::default(), upstreams: Arc::default() });
            let shared = Arc::new(Shared::new("a".parse().unwrap(), Rules::default(), Vec::new()));
            let events = shared.events.subscribe();
            let cached = Cached::start(&shared, slot, &Arbiter::current());
            Self { shared, cached, events }
        }

        /// Loads a plan for the application that begins at this time and ends an hour later.
        async fn plan(&self, from: Moment) {
            let whole = json!({
                "id": "0192f0c1-2222-7000-8000-000000000001",
                "timestamp": clock::now(),
                "targets": ["application:mail"],
                "status": "unavailable",
                "reason": "planned-maintenance",
                "reason_code": 1,
                "goes_down_at": from,
                "expected_back_at": from.after(HOUR),
                "source": "operator",
                "node": "a",
            });
            let mut ledger = Ledger::new(Rules::default());
            ledger.admit(&Entry::stamped(serde_json::from_value(whole).unwrap(), 0, NodeId::NONE));
            let view = View::of(&ledger, &self.cached.slot.app.definition);
            self.cached.cache.send(LoadWords(view)).await.unwrap();
        }

        fn is_published(&mut self) -> bool {
            match self.events.try_recv() {
                Ok(Event::Availability { application }) => application == *self.cached.slot.app.name(),
                Ok(other) => panic!("{other:?}"),
                Err(error) => error != TryRecvError::Empty,
            }
        }

        /// Whether what is published follows from the words at this time.
        fn holds(&self) -> bool {
            self.cached.slot.snapshot.load().holds_at(self.shared.clock())
        }
    }

    fn run(test: impl Future<Output = ()>) {
        System::new().block_on(test);
    }

    #[test]
    fn words_are_visible_when_the_message_is_answered() {
        run(async {
            let mut bench = Bench::new();
            let from = clock::now().after(2 * HOUR);
            bench.plan(from).await;
            assert_eq!(bench.cached.slot.snapshot.load().valid_until(), Some(from));
            assert!(bench.is_published() && !bench.is_published(), "once");
        });
    }

    #[test]
    fn a_plan_that_begins_is_published_without_a_message() {
        run(async {
            let mut bench = Bench::new();
            let from = clock::now().after(Duration::from_millis(300));
            bench.plan(from).await;
            assert!(bench.is_published());
            let end = from.after(HOUR);
            // On a slow machine it may have begun before its words were loaded.
            while bench.cached.slot.snapshot.load().valid_until() != Some(end) {
                bench.events.recv().await.unwrap();
            }
            assert!(bench.holds());
        });
    }

    #[test]
    fn when_the_farm_s_time_is_ahead_the_timer_is_not_waited_for() {
        run(async {
            let mut bench = Bench::new();
            let from = clock::now().after(2 * HOUR);
            bench.plan(from).await;
            bench.cached.cache.send(TellTime).await.unwrap();
            assert!(bench.is_published() && !bench.is_published(), "nothing has changed since");
            bench.shared.advance(from.after(2 * Rules::default().max_clock_skew));
            assert!(!bench.holds(), "the plan has begun");
            bench.cached.cache.send(TellTime).await.unwrap();
            assert!(bench.is_published() && bench.holds());
        });
    }

    #[test]
    fn a_retired_cache_publishes_nothing_more() {
        run(async {
            let mut bench = Bench::new();
            bench.plan(clock::now().after(2 * HOUR)).await;
            assert!(bench.is_published());
            bench.cached.cache.send(Retire).await.unwrap();
            while bench.cached.cache.connected() {
                tokio::task::yield_now().await;
            }
            bench.shared.advance(clock::now().after(3 * HOUR));
            assert!(bench.cached.cache.send(TellTime).await.is_err());
            assert!(!bench.is_published());
        });
    }
}
