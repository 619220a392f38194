//! The repeater: stores notifications, loads them into the caches, and passes them on. It is the only writer of
//! ledger, pending and outbox.
//!
//! The protocol is in [`Node`]. This actor performs its effects in order: commits go to the queue, loads to the
//! caches, calls to the couriers, replies to waiting callers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    application_cache::{Cached, LoadWords, Retire, TellTime},
    journal,
    messages::{BeReady, Begin, Carried, Carry, Close, Connect, Forget, Look, Needs, Question, Recast},
    queue::Queue,
    shared::{Counters, Event, Shared, Slot},
};
use crate::{
    availability::{Target, verdict::View},
    clock,
    store::{
        crash::{CallMoment, Place, call_point, crash_point},
        seeded::Seeded,
    },
    sync::{Ask, Away, Call, Effect, Haste, Node, Notice, Now, Reply, Ticket},
};

/// Capacity of the mailbox; further messages are refused with 503.
pub(crate) const MAILBOX: usize = 4_096;
/// How long the history is kept.
const HISTORY: Duration = Duration::from_secs(90 * 24 * 3600);
/// How often older history is removed.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// How often the node's time advances when nothing else happens.
const TICK: Duration = Duration::from_millis(100);

/// Both clocks, read once.
pub(crate) fn now() -> Now {
    Now { wall: clock::now(), mono: clock::mono() }
}

/// See the module.
pub(crate) struct Repeater {
    node: Node,
    queue: Box<dyn Queue>,
    /// The queue cannot write at the moment.
    stopped: bool,
    tickets: HashMap<Ticket, Caller>,
    next_ticket: Ticket,
    shared: Arc<Shared>,
    caches: Vec<Cached>,
    /// A load is in flight; later changes coalesce.
    is_loading: bool,
    waiting: Waiting,
    couriers: Option<Recipient<Carry>>,
}

/// A caller that waits for its answer.
struct Caller {
    needs: Needs,
    answer: oneshot::Sender<Reply>,
    /// The memory of its request, freed with the answer.
    _room: Option<OwnedSemaphorePermit>,
}

/// The next load of the caches: an application that many notifications touch at once is rendered once.
#[derive(Default)]
struct Waiting {
    steps: Vec<u64>,
    targets: BTreeSet<Target>,
}

impl Repeater {
    /// A repeater for a restored node; the queue starts with the actor.
    pub(crate) fn new(node: Node, queue: Box<dyn Queue>, shared: Arc<Shared>, caches: Vec<Cached>) -> Self {
        Self {
            node,
            queue,
            stopped: false,
            tickets: HashMap::new(),
            next_ticket: 0,
            shared,
            caches,
            is_loading: false,
            waiting: Waiting::default(),
            couriers: None,
        }
    }

    fn ticket(&mut self, caller: Caller) -> Ticket {
        self.next_ticket += 1;
        self.tickets.insert(self.next_ticket, caller);
        self.next_ticket
    }

    /// Performs the node's effects, in order.
    fn perform(&mut self, ctx: &mut Context<Self>) {
        self.shared.advance(self.node.replica().ledger().limit());
        loop {
            let effects = self.node.take_effects(now());
            if effects.is_empty() {
                break;
            }
            let mut commits = effects.iter().filter(|effect| matches!(effect, Effect::Commit { .. })).count();
            for effect in effects {
                match effect {
                    Effect::Commit { step, label, changes } => {
                        commits -= 1;
                        let haste = if commits > 0 {
                            Haste::WithNext
                        } else if self.node.replica().is_awaited(step) {
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
                        if let Some(caller) = self.tickets.remove(&ticket) {
                            crash_point(point_of(&reply));
                            // The caller may be gone.
                            caller.answer.send(reply).ok();
                        }
                    }
                    Effect::Call(call) => self.call(call),
                    Effect::Merged { .. } => Counters::count(&self.shared.counters.merges),
                    Effect::Notice(notice) => self.shared.tell(match notice {
                        Notice::Notification(id) => Event::Notification { id },
                        Notice::Delivery(id) => Event::Delivery { id },
                        Notice::Nodes => Event::Nodes,
                    }),
                    Effect::Fence(conflict) => self.shared.fence(conflict),
                    Effect::Report(report) => journal::write(&report),
                }
            }
        }
        self.load(ctx);
    }

    /// Hands a call to the couriers.
    fn call(&mut self, call: Call) {
        if let Ask::Deliver(deliver) = &call.ask {
            self.shared.counters.items_sent.fetch_add(deliver.items.len() as u64, Ordering::Relaxed);
        }
        let id = call.id;
        if self.couriers.as_ref().is_none_or(|couriers| couriers.try_send(Carry(call)).is_err()) {
            // What follows is performed in the next round.
            self.node.answered(id, Err(Away::TooManyCalls.into()), now());
        }
    }

    fn load(&mut self, ctx: &mut Context<Self>) {
        if self.is_loading || self.waiting.steps.is_empty() {
            return;
        }
        self.is_loading = true;
        let Waiting { steps, targets } = std::mem::take(&mut self.waiting);
        let ledger = self.node.replica().ledger();
        let touched = self.caches.iter().filter(|one| targets.iter().any(|target| one.slot.depends_on(target)));
        let touched = touched.filter(|_| !Seeded::CacheNotLoaded.is_there_every(3));
        let loads: Vec<_> =
            touched.map(|one| one.cache.send(LoadWords(View::of(ledger, &one.slot.app.definition)))).collect();
        for target in targets.into_iter().filter(|target| !matches!(target, Target::Application(_))) {
            self.shared.tell(Event::Resource { target });
        }
        let loaded = futures_util::future::join_all(loads).into_actor(self).map(move |_, act, ctx| {
            crash_point(Place::RepeaterLoaded);
            act.is_loading = false;
            for step in steps {
                act.node.replica_mut().loaded(step, now());
            }
            act.perform(ctx);
        });
        crash_point(Place::RepeaterLoad);
        ctx.spawn(loaded);
    }

    /// The caches' own timers wait for the next change. When the clock is set back, or L jumps, a new snapshot
    /// is due at once; until it is published, the gate weighs the words for each request.
    fn tell_time(&self) {
        let clock = self.shared.clock();
        let late = |slot: &Slot| !slot.snapshot.load().holds_at(clock);
        for one in self.caches.iter().filter(|one| late(&one.slot)) {
            // A full mailbox contains a load, which publishes again as well.
            one.cache.try_send(TellTime).ok();
        }
    }

    /// Reads the queue's progress.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        let progress = self.queue.progress();
        if let Some(why) = progress.stopped {
            log::error!(why:?, note = "submissions are refused until it can write again"; "store_stopped");
            // The state of steps not reported durable is unknown: the waiting callers get no answer.
            self.tickets.retain(|_, caller| caller.needs == Needs::Peers);
        }
        self.stopped = !progress.writable;
        self.shared.store_stopped.store(self.stopped, Ordering::Relaxed);
        self.node.replica_mut().durable(progress.durable, now());
        self.perform(ctx);
    }
}

/// The crash point between an answer becoming due and being given.
fn point_of(reply: &Reply) -> Place {
    match reply {
        Reply::Submitted(Ok(_)) | Reply::Registered(Ok(_)) => Place::RepeaterReplySubmitted,
        Reply::Delivered(_) => Place::RepeaterReplyDelivered,
        Reply::Merged(Some(_)) => Place::RepeaterReplyMerged,
        Reply::Merged(None) => Place::RepeaterReplyNothingToMerge,
        Reply::Settled => Place::RepeaterReplySettled,
        Reply::Announced(_) => Place::RepeaterReplyAnnounced,
        Reply::Asked(_) | Reply::Looked => Place::RepeaterReplyAsked,
        Reply::Submitted(Err(_))
        | Reply::Registered(Err(_))
        | Reply::TurnedAway(_)
        | Reply::Malformed(_)
        | Reply::Busy => Place::RepeaterReplyRefused,
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
            let replica = act.node.replica_mut();
            act.queue.prune(clock::now().before(HISTORY), &mut || replica.step_of_shell());
        });
        ctx.run_interval(TICK, |act, ctx| {
            act.advance(ctx);
            act.tell_time();
            act.node.tick(now());
            act.perform(ctx);
        });
        self.perform(ctx);
    }
}

/// The queue has new progress.
#[derive(Message)]
#[rtype(result = "()")]
struct Progressed;

impl Handler<Progressed> for Repeater {
    type Result = ();

    fn handle(&mut self, _: Progressed, ctx: &mut Self::Context) {
        self.advance(ctx);
    }
}

impl Handler<Connect> for Repeater {
    type Result = ();

    fn handle(&mut self, Connect(couriers): Connect, _: &mut Self::Context) {
        self.couriers = Some(couriers);
    }
}

impl Handler<Close> for Repeater {
    type Result = ();

    fn handle(&mut self, _: Close, ctx: &mut Self::Context) {
        crash_point(Place::RepeaterClose);
        if !self.queue.close(Duration::from_secs(6)) {
            log::error!(note = "what has been acknowledged is durable"; "close_timed_out");
        }
        crash_point(Place::RepeaterClosed);
        ctx.stop();
    }
}

impl<Q: Question> Handler<Look<Q>> for Repeater {
    type Result = Option<Q::Answer>;

    fn handle(&mut self, Look(question): Look<Q>, _: &mut Self::Context) -> Self::Result {
        Some(question.look(&self.node, now()))
    }
}

impl Handler<Forget> for Repeater {
    type Result = bool;

    fn handle(&mut self, Forget { name }: Forget, ctx: &mut Self::Context) -> bool {
        let found = self.node.replica_mut().forget(&name, now());
        self.perform(ctx);
        found
    }
}

impl Handler<Recast> for Repeater {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, Recast { caches, defines }: Recast, ctx: &mut Self::Context) -> Self::Result {
        if let Some(defines) = defines {
            self.node.redefine(defines, now());
        }
        let ledger = self.node.replica().ledger();
        let is_known = |one: &Cached| self.caches.iter().any(|known| Arc::ptr_eq(&known.slot, &one.slot));
        let new = caches.iter().filter(|one| !is_known(one));
        // What comes later is loaded later: a cache takes its messages in their order.
        let loads: Vec<_> =
            new.map(|one| one.cache.send(LoadWords(View::of(ledger, &one.slot.app.definition)))).collect();
        let before = std::mem::replace(&mut self.caches, caches);
        for gone in before.iter().filter(|one| !self.caches.iter().any(|kept| Arc::ptr_eq(&kept.slot, &one.slot))) {
            // A full mailbox: it is told again when the caches change once more, and does no harm until then.
            gone.cache.try_send(Retire).ok();
        }
        self.perform(ctx);
        Box::pin(futures_util::future::join_all(loads).into_actor(self).map(|_, _, _| ()))
    }
}

impl Handler<BeReady> for Repeater {
    type Result = ();

    fn handle(&mut self, _: BeReady, ctx: &mut Self::Context) {
        self.node.ready(now());
        self.perform(ctx);
    }
}

impl Handler<Begin> for Repeater {
    type Result = ();

    fn handle(&mut self, Begin { request, waiter, room }: Begin, ctx: &mut Self::Context) {
        let needs = request.needs();
        if needs == Needs::Writing && self.stopped {
            return;
        }
        let ticket = self.ticket(Caller { needs, answer: waiter, _room: room });
        request.perform(&mut self.node, ticket, now());
        self.perform(ctx);
        // Nothing becomes durable while the store is stopped: callers that wait for that get no answer, or a
        // node would never get through its start on a full disk.
        if needs != Needs::Peers && self.stopped {
            self.tickets.remove(&ticket);
        }
    }
}

impl Handler<Carried> for Repeater {
    type Result = ();

    fn handle(&mut self, Carried { call, purpose, address, result }: Carried, ctx: &mut Self::Context) {
        if let Err(failure) = &result {
            Counters::count(&self.shared.counters.peer_failures);
            log::debug!(purpose:?, address, why:% = failure; "call_failed");
        }
        self.node.answered(call, result, now());
        self.perform(ctx);
        call_point(purpose, CallMoment::Taken);
    }
}
