//! State that the actors publish for all readers: snapshots, the phase, counters.
//!
//! Readers take no lock and no mailbox: the gate reads a snapshot with two atomic operations.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use serde::Serialize;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{live::Live, told::Book};
use crate::{
    answer::{App, Denial, Snapshot},
    availability::{Moment, Name, Rules, Target, verdict::Use},
    clock,
    monitor::{Traffic, UpstreamStates},
    sync::{Conflict, Phase},
    text::Texts,
    vocabulary::Visitors,
};

/// How many events a slow reader may lag behind before it gets `Lagged`.
const EVENTS: usize = 1_024;

/// One configured application: its definition and its present state.
#[derive(Debug)]
pub struct Slot {
    /// Its name, title and definition.
    pub app: Arc<App>,
    /// Whether it is marked critical.
    pub critical: bool,
    /// What the cache last published.
    pub snapshot: ArcSwap<Snapshot>,
    /// What the gate has counted of it.
    pub traffic: Arc<Traffic>,
    /// What monitors find of its upstreams.
    pub upstreams: Arc<UpstreamStates>,
}

impl Slot {
    /// Whether words on this target touch the application.
    pub fn depends_on(&self, target: &Target) -> bool {
        match target {
            Target::System => true,
            Target::Application(name) => name == self.app.name(),
            Target::Resource(name) => self.app.definition.uses.iter().any(|used| used.resource == *name),
        }
    }
}

/// Counters of the node's parts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Submissions that were accepted.
    pub submissions: AtomicU64,
    /// Submissions that were refused.
    pub refusals: AtomicU64,
    /// Bodies that were sent to peers.
    pub items_sent: AtomicU64,
    /// Bodies that peers sent.
    pub items_received: AtomicU64,
    /// Merges that were completed.
    pub merges: AtomicU64,
    /// Calls to peers that failed.
    pub peer_failures: AtomicU64,
    /// Alerts, by what became of them.
    pub alerts: AlertCounters,
    /// Requests that the gate turned away.
    pub denials: AtomicU64,
    /// Requests that the gate passed to an upstream.
    pub proxied: AtomicU64,
    /// Requests that no upstream could answer.
    pub upstream_failures: AtomicU64,
    /// Lines of the access log that were dropped, because the disk did not keep up.
    pub access_lines_dropped: AtomicU64,
}

/// What became of Alertmanager's alerts.
#[derive(Debug, Default)]
pub struct AlertCounters {
    /// They have closed something, or updated or renewed a closing.
    pub closed: AtomicU64,
    /// They have opened what they had closed.
    pub opened: AtomicU64,
    /// They were known already.
    pub repeated: AtomicU64,
    /// They are about nothing that the farm knows.
    pub unmatched: AtomicU64,
}

impl Counters {
    /// One more.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A change, for server-sent events. It carries names only: readers look up the content.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// The state of this application has changed.
    Availability {
        /// Its name.
        application: Name,
    },
    /// A resource or the system has changed.
    Resource {
        /// Which.
        target: Target,
    },
    /// A receipt has come in.
    Delivery {
        /// Of which notification.
        id: Uuid,
    },
    /// The history has one more notification.
    Notification {
        /// Which.
        id: Uuid,
    },
    /// Something about a node has changed.
    Nodes,
    /// What a monitor or rule of this node finds has changed.
    Monitor {
        /// Its name.
        name: Name,
    },
}

/// What one reading of the configuration defines; replaced as a whole when it is read again.
#[derive(Debug, Clone, Default)]
pub struct Defined {
    /// The applications, in the order of the configuration.
    pub slots: Slots,
    /// The resources.
    pub(crate) resources: Vec<Use>,
    /// The state of each monitor and rule, in the order of the configuration.
    pub(crate) monitors: Vec<Arc<Live>>,
}

/// Applications, each with its cache's snapshot. One that does not change stays the same when the configuration
/// is read again.
pub type Slots = Arc<[Arc<Slot>]>;

/// See the module.
#[derive(Debug)]
pub struct Shared {
    /// This node's name.
    pub node: Name,
    /// What the configuration defines, all of one reading of it.
    defined: ArcSwap<Defined>,
    /// What the hooks have been told.
    pub(crate) book: Arc<Book>,
    /// Changes, for subscribers.
    pub events: broadcast::Sender<Event>,
    /// Counters.
    pub counters: Counters,
    /// How long submissions take, from half a millisecond on.
    pub submission_seconds: Histogram,
    /// Submissions that are not answered yet.
    pub in_flight: AtomicUsize,
    /// The store cannot write at the moment.
    pub store_stopped: AtomicBool,
    /// Signs what visitors carry.
    pub visitors: Visitors,
    /// What users read. A new value counts from the next request on.
    pub texts: ArcSwap<Texts>,
    /// δ and lapse.
    rules: Rules,
    /// L in milliseconds, as the repeater knows it now.
    limit: AtomicI64,
    phase: ArcSwap<Phase>,
    fenced: ArcSwapOption<Conflict>,
}

impl Shared {
    /// Before anything is known.
    pub fn new(node: Name, rules: Rules, slots: Vec<Slot>) -> Self {
        let slots = slots.into_iter().map(Arc::new).collect();
        Self {
            node,
            defined: ArcSwap::from_pointee(Defined { slots, ..Defined::default() }),
            book: Arc::default(),
            events: broadcast::Sender::new(EVENTS),
            counters: Counters::default(),
            submission_seconds: Histogram::new(exponential_buckets(0.000_5, 2.0, 15)),
            in_flight: AtomicUsize::new(0),
            store_stopped: AtomicBool::new(false),
            visitors: Visitors::new(
                None,
                None,
                [(); 4].map(|()| clock::random().to_le_bytes()).concat().try_into().unwrap_or_default(),
            ),
            texts: ArcSwap::from_pointee(Texts::default()),
            rules,
            limit: AtomicI64::new(0),
            phase: ArcSwap::from_pointee(Phase::Open),
            fenced: ArcSwapOption::empty(),
        }
    }

    /// δ and lapse.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// With these keys instead of such as only this process knows.
    #[must_use]
    pub fn with_visitors(self, visitors: Visitors) -> Self {
        Self { visitors, ..self }
    }

    /// The same with these texts.
    #[must_use]
    pub fn with_texts(self, texts: Texts) -> Self {
        Self { texts: ArcSwap::from_pointee(texts), ..self }
    }

    /// What the configuration defines now.
    pub fn defined(&self) -> Arc<Defined> {
        self.defined.load_full()
    }

    /// The applications that the configuration defines now.
    pub fn slots(&self) -> Slots {
        Arc::clone(&self.defined.load().slots)
    }

    /// The configuration has been read, once more.
    pub(crate) fn define(&self, defined: Defined) {
        self.defined.store(Arc::new(defined));
    }

    /// The same with this book of hooks.
    pub(crate) fn telling(self, book: Arc<Book>) -> Self {
        Self { book, ..self }
    }

    /// A request was denied: counted for the node, and for each application that it needs and that is closed.
    pub fn denied(&self, denial: &Denial) {
        Counters::count(&self.counters.denials);
        for app in denial.apps() {
            if let Some(slot) = self.defined.load().slots.iter().find(|slot| Arc::ptr_eq(&slot.app, app)) {
                slot.traffic.denied();
            }
        }
    }

    /// The time of verdicts, now: this node's clock, or L − 2δ if that is ahead of it.
    ///
    /// L is the ledger's present one, independent of the cache that decides, so that nodes with equal ledgers
    /// decide alike even if a clock is behind. No lock: one atomic read.
    pub fn clock(&self) -> Moment {
        self.clock_at(clock::now())
    }

    /// The same, when this node's clock shows `now`.
    pub fn clock_at(&self, now: Moment) -> Moment {
        self.rules.clock(now, Moment::from_millis(self.limit.load(Ordering::Acquire)))
    }

    /// Raises L to at least this time.
    pub fn advance(&self, limit: Moment) {
        self.limit.fetch_max(limit.millis(), Ordering::Release);
    }

    /// The phase of the node. A fenced node is never called ready.
    pub fn phase(&self) -> Phase {
        match **self.phase.load() {
            Phase::Ready if self.fenced.load().is_some() => Phase::Fenced,
            phase => phase,
        }
    }

    /// Why the node is fenced, if it is.
    pub fn fenced(&self) -> Option<Arc<Conflict>> {
        self.fenced.load_full()
    }

    /// Peers have turned this node away.
    pub fn fence(&self, conflict: Conflict) {
        log::error!(node:% = self.node, why = conflict.why, todo = conflict.kind.remedy(); "fenced");
        self.fenced.store(Some(Arc::new(conflict)));
        self.tell(Event::Nodes);
    }

    /// The node enters this phase.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(Arc::new(phase));
        self.tell(Event::Nodes);
        log::info!(node:% = self.node, phase = self.phase().name(); "phase");
    }

    /// Publishes an event; without subscribers it does nothing.
    pub fn tell(&self, event: Event) {
        self.events.send(event).ok();
    }
}
