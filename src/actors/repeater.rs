//! The repeater (seed document, modules 256 and 262): stores what was received, loads it into the
//! caches, and passes it on. It is the only writer of ledger, pending and outbox.
//!
//! Everything that could be wrong about the protocol is in [`Replica`]; this actor performs its
//! effects, in order: commits to the queue, loads to the caches, sends to the couriers, answers to
//! whoever waits.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{
    application_cache::{ApplicationCache, LoadWords, TellTime},
    courier::{Carry, Couriers},
    desk::Event,
    merger::{MergeWith, Merger},
    queue::Queue,
    shared::{Counters, Shared, Slot},
};
use crate::{
    availability::{NodeId, Target, verdict::View},
    clock,
    store::crash::crash_point,
    sync::{Effect, Haste, Notice, Now, Replica, Reply, Ticket},
};

/// Most messages in the mailbox; more are refused with 503.
pub const MAILBOX: usize = 4_096;
/// How long the history is kept.
const HISTORY: Duration = Duration::from_secs(90 * 24 * 3600);
/// How often it is looked for what is older.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// How often time passes when nothing else happens.
const TICK: Duration = Duration::from_millis(100);

/// Both clocks, read once.
pub fn now() -> Now {
    Now { wall: clock::now(), mono: clock::mono() }
}

/// See the module.
pub struct Repeater {
    replica: Replica,
    queue: Box<dyn Queue>,
    /// The queue takes nothing at the moment.
    stopped: bool,
    tickets: HashMap<Ticket, oneshot::Sender<Reply>>,
    next_ticket: Ticket,
    shared: Arc<Shared>,
    caches: Vec<Addr<ApplicationCache>>,
    /// The caches are at work on this; what comes meanwhile waits and goes to them as one.
    is_loading: bool,
    waiting: Waiting,
    couriers: Option<Addr<Couriers>>,
    merger: Option<Addr<Merger>>,
}

/// What the caches load next: an application that many notifications touch in a moment is rendered once.
#[derive(Default)]
struct Waiting {
    steps: Vec<u64>,
    targets: BTreeSet<Target>,
}

impl Repeater {
    /// A repeater for a restored replica; the queue starts with the actor.
    pub fn new(
        replica: Replica,
        queue: Box<dyn Queue>,
        shared: Arc<Shared>,
        caches: Vec<Addr<ApplicationCache>>,
    ) -> Self {
        Self {
            replica,
            queue,
            stopped: false,
            tickets: HashMap::new(),
            next_ticket: 0,
            shared,
            caches,
            is_loading: false,
            waiting: Waiting::default(),
            couriers: None,
            merger: None,
        }
    }

    fn ticket(&mut self, waiter: oneshot::Sender<Reply>) -> Ticket {
        self.next_ticket += 1;
        self.tickets.insert(self.next_ticket, waiter);
        self.next_ticket
    }

    /// Performs what the replica has decided, in order.
    fn perform(&mut self, ctx: &mut Context<Self>) {
        self.shared.advance(self.replica.ledger().limit());
        let mut wake = HashSet::new();
        loop {
            let effects = self.replica.take_effects();
            if effects.is_empty() && wake.is_empty() {
                return;
            }
            let mut commits = effects.iter().filter(|effect| matches!(effect, Effect::Commit { .. })).count();
            for effect in effects {
                match effect {
                    Effect::Commit { step, label, changes } => {
                        commits -= 1;
                        let haste = if commits > 0 {
                            Haste::WithNext
                        } else if self.replica.is_awaited(step) {
                            Haste::Now
                        } else {
                            Haste::Whenever
                        };
                        self.queue.hand_over(step, label, &changes, haste);
                    }
                    Effect::Load { step, targets } => {
                        self.waiting.steps.push(step);
                        self.waiting.targets.extend(targets);
                    }
                    Effect::Reply(ticket, reply) => {
                        if let Some(waiter) = self.tickets.remove(&ticket) {
                            crash_point(point_of(&reply));
                            // Whoever has gone away needs no answer.
                            waiter.send(reply).ok();
                        }
                    }
                    Effect::Wake(peer) => {
                        wake.insert(peer);
                    }
                    Effect::MergeWith(peer) => self.merge_with(peer),
                    Effect::Notice(notice) => self.shared.tell(match notice {
                        Notice::Notification(id) => Event::Notification { id },
                        Notice::Delivery(id) => Event::Delivery { id },
                        Notice::Nodes => Event::Nodes,
                    }),
                    Effect::Fence(conflict) => self.shared.fence(conflict),
                    Effect::Warn(text) => log::warn!("{text}"),
                }
            }
            // After all effects of this input, so that what belongs together goes out together.
            self.load(ctx);
            for peer in std::mem::take(&mut wake) {
                self.send_to(peer);
            }
        }
    }

    fn load(&mut self, ctx: &mut Context<Self>) {
        if self.is_loading || self.waiting.steps.is_empty() {
            return;
        }
        self.is_loading = true;
        let Waiting { steps, targets } = std::mem::take(&mut self.waiting);
        let ledger = self.replica.ledger();
        let touched = self
            .shared
            .slots
            .iter()
            .zip(&self.caches)
            .filter(|(slot, _)| targets.iter().any(|target| slot.depends_on(target)));
        let loads: Vec<_> =
            touched.map(|(slot, cache)| cache.send(LoadWords(View::of(ledger, &slot.app.definition)))).collect();
        for target in targets.into_iter().filter(|target| !matches!(target, Target::Application(_))) {
            self.shared.tell(Event::Resource { target });
        }
        let loaded = futures_util::future::join_all(loads).into_actor(self).map(move |_, act, ctx| {
            crash_point("repeater.loaded");
            act.is_loading = false;
            for step in steps {
                act.replica.loaded(step, now());
            }
            act.perform(ctx);
            act.load(ctx);
        });
        crash_point("repeater.load");
        ctx.spawn(loaded);
    }

    /// The caches' own timers wait for the next change. When the clock is put back, or L jumps, another
    /// snapshot is due at once; until it is there the gate weighs the words for each request.
    fn tell_time(&self) {
        let clock = self.shared.clock();
        let late = |slot: &Slot| !slot.snapshot.load().holds_at(clock);
        for (_, cache) in self.shared.slots.iter().zip(&self.caches).filter(|(slot, _)| late(slot)) {
            // A full mailbox has a load in it, which publishes anew as well.
            cache.try_send(TellTime).ok();
        }
    }

    fn send_to(&mut self, peer: NodeId) {
        let Some(couriers) = &self.couriers else { return };
        let Some(address) = self.replica.address_of(peer) else { return };
        if let Some(message) = self.replica.poll_send(peer, now()) {
            self.shared.counters.items_sent.fetch_add(message.items.len() as u64, Ordering::Relaxed);
            crash_point("repeater.send");
            if couriers.try_send(Carry { peer, address, message }).is_err() {
                self.replica.failed(peer, clock::random(), now());
            }
        }
    }

    fn merge_with(&mut self, peer: NodeId) {
        if let Some(merger) = &self.merger
            && merger.try_send(MergeWith(peer)).is_ok()
        {
            self.replica.merging(peer);
        }
    }

    /// Looks how far the disk has come.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        let progress = self.queue.progress();
        if let Some(why) = progress.stopped {
            log::error!(why:?, note = "submissions are refused until it can write again"; "store_stopped");
            // What was not reported durable is unknown: whoever waits is told so.
            self.tickets.clear();
        }
        self.stopped = !progress.writable;
        self.shared.store_stopped.store(self.stopped, Ordering::Relaxed);
        self.replica.durable(progress.durable, now());
        self.perform(ctx);
    }
}

/// Where a test can die between an answer's becoming due and its being given.
fn point_of(reply: &Reply) -> &'static str {
    match reply {
        Reply::Submitted(Ok(_)) => "repeater.reply.submitted",
        Reply::Delivered(_) => "repeater.reply.delivered",
        Reply::Merged(Some(_)) => "repeater.reply.merged",
        Reply::Merged(None) => "repeater.reply.nothing-to-merge",
        Reply::Settled => "repeater.reply.settled",
        Reply::Submitted(Err(_)) | Reply::TurnedAway(_) | Reply::Malformed(_) | Reply::Busy => "repeater.reply.refused",
    }
}

impl Actor for Repeater {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        let address = ctx.address();
        let started = self.queue.start(Box::new(move || {
            // A hint past the mailbox's bound: the queue knows how far it is, and every tick looks.
            #[allow(clippy::disallowed_methods)]
            address.do_send(Progressed);
        }));
        if let Err(error) = started {
            log::error!(error:%; "no_queue");
            ctx.stop();
        }
        ctx.run_interval(PRUNE_EVERY, |act, _| {
            let replica = &mut act.replica;
            act.queue.prune(clock::now().before(HISTORY), &mut || replica.step_of_shell());
        });
        ctx.run_interval(TICK, |act, ctx| {
            act.advance(ctx);
            act.tell_time();
            act.replica.tick(now());
            act.perform(ctx);
        });
        self.perform(ctx);
    }
}

/// There is progress to ask the queue for.
#[derive(Message)]
#[rtype(result = "()")]
struct Progressed;

impl Handler<Progressed> for Repeater {
    type Result = ();

    fn handle(&mut self, _: Progressed, ctx: &mut Self::Context) {
        self.advance(ctx);
    }
}

/// Connects the repeater with those that carry for it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Connect {
    /// Send to peers.
    pub couriers: Addr<Couriers>,
    /// Merge with peers.
    pub merger: Addr<Merger>,
}

impl Handler<Connect> for Repeater {
    type Result = ();

    fn handle(&mut self, connect: Connect, ctx: &mut Self::Context) {
        self.couriers = Some(connect.couriers);
        self.merger = Some(connect.merger);
        self.replica.tick(now());
        self.perform(ctx);
    }
}

/// Ends the writer, after everything that was handed over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close;

impl Handler<Close> for Repeater {
    type Result = ();

    fn handle(&mut self, _: Close, ctx: &mut Self::Context) {
        crash_point("repeater.close");
        if !self.queue.close(Duration::from_secs(6)) {
            log::error!(note = "what has been acknowledged is durable"; "close_timed_out");
        }
        crash_point("repeater.closed");
        ctx.stop();
    }
}

/// What is done to the replica in [`Take`].
type Step<T> = Box<dyn FnOnce(&mut Replica, Now) -> T + Send>;
/// What is done to the replica in [`Begin`].
type TicketedStep = Box<dyn FnOnce(&mut Replica, Ticket, Now) + Send>;

/// Looks at the replica, or takes a step of it, and returns what that gives.
pub struct Take<T>(Step<T>);

impl<T> Take<T> {
    /// A step that needs no waiting.
    pub fn new(step: impl FnOnce(&mut Replica, Now) -> T + Send + 'static) -> Self {
        Self(Box::new(step))
    }
}

impl<T: Send + 'static> Message for Take<T> {
    type Result = Option<T>;
}

impl<T: Send + 'static> Handler<Take<T>> for Repeater {
    type Result = Option<T>;

    fn handle(&mut self, take: Take<T>, ctx: &mut Self::Context) -> Option<T> {
        let result = (take.0)(&mut self.replica, now());
        self.perform(ctx);
        Some(result)
    }
}

/// Takes a step of the replica that is answered later: when it is durable.
pub struct Begin {
    step: TicketedStep,
    waiter: oneshot::Sender<Reply>,
    writes: bool,
}

impl Begin {
    /// The step, and where its answer will be. `writes`: it is refused while the store cannot write
    /// (the answer's sender is dropped then).
    pub fn new(
        writes: bool,
        step: impl FnOnce(&mut Replica, Ticket, Now) + Send + 'static,
    ) -> (Self, oneshot::Receiver<Reply>) {
        let (waiter, answer) = oneshot::channel();
        (Self { step: Box::new(step), waiter, writes }, answer)
    }
}

impl Message for Begin {
    type Result = ();
}

impl Handler<Begin> for Repeater {
    type Result = ();

    fn handle(&mut self, begin: Begin, ctx: &mut Self::Context) {
        if begin.writes && self.stopped {
            return;
        }
        let ticket = self.ticket(begin.waiter);
        (begin.step)(&mut self.replica, ticket, now());
        self.perform(ctx);
        // Nothing becomes durable while the store is stopped: who would wait for that is told so, or a
        // node would never get through its start on a full disk.
        if self.stopped {
            self.tickets.remove(&ticket);
        }
    }
}

/// A failed or answered call, from a courier.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Carried {
    /// To whom.
    pub peer: NodeId,
    /// What became of it.
    pub result: Result<crate::sync::Delivered, super::transport::Failure>,
}

impl Handler<Carried> for Repeater {
    type Result = ();

    fn handle(&mut self, carried: Carried, ctx: &mut Self::Context) {
        match carried.result {
            Ok(answer) => {
                crash_point("repeater.answer");
                self.replica.answered(carried.peer, &answer, now());
            }
            Err(failure) => {
                crash_point("repeater.failure");
                Counters::count(&self.shared.counters.peer_failures);
                log::debug!(peer:% = self.replica.name_of(carried.peer), why:% = failure; "delivery_failed");
                if let super::transport::Failure::TurnedAway(conflict) = &failure {
                    self.replica.turned_away(conflict);
                }
                self.replica.failed(carried.peer, clock::random(), now());
            }
        }
        self.perform(ctx);
        crash_point("repeater.carried");
    }
}
