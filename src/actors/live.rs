//! What a monitor publishes for all readers: its present state, without a lock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;

use crate::{
    availability::{Moment, Name, Target},
    monitor::{Health, Watch},
};

/// One monitor or rule of this node.
#[derive(Debug)]
pub(crate) struct Live {
    /// Its name.
    pub(crate) name: Name,
    /// What its words are about.
    pub(crate) target: Target,
    /// The key of its check in the configuration; `rule`.
    pub(crate) kind: &'static str,
    /// The upstream that it is about, if it is about one.
    pub(crate) upstream: Option<String>,
    checks: AtomicU64,
    failures: AtomicU64,
    seen: ArcSwap<Seen>,
}

/// What a monitor sees at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// In one word.
    pub(crate) health: Health,
    /// Since when.
    pub(crate) since: Option<Moment>,
    /// When the last check ended.
    pub(crate) last_checked: Option<Moment>,
    /// For people.
    pub(crate) detail: Option<String>,
    /// It holds on to its closing, because it has changed its mind too often.
    pub(crate) damped: bool,
    /// How long the last good check took.
    pub(crate) latency: Option<Duration>,
}

impl Live {
    /// Before the first check.
    pub(crate) fn new(watch: &Watch) -> Arc<Self> {
        let seen = Seen {
            health: Health::Unknown,
            since: None,
            last_checked: None,
            detail: None,
            damped: false,
            latency: None,
        };
        Arc::new(Self {
            name: watch.name.clone(),
            target: watch.target.clone(),
            kind: watch.check.kind(),
            upstream: watch.upstream.as_ref().map(|watched| watched.upstream.clone()),
            checks: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            seen: ArcSwap::from_pointee(seen),
        })
    }

    /// What it sees.
    pub(crate) fn seen(&self) -> Arc<Seen> {
        self.seen.load_full()
    }

    /// Checks so far, and how many of them were bad.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let failures = self.failures.load(Relaxed);
        (self.checks.load(Relaxed).max(failures), failures)
    }

    /// One more check.
    pub(super) fn count(&self, is_bad: bool) {
        self.checks.fetch_add(1, Relaxed);
        self.failures.fetch_add(u64::from(is_bad), Relaxed);
    }

    pub(super) fn publish(&self, seen: Seen) {
        self.seen.store(Arc::new(seen));
    }
}
