//! The embedded queue: sled, through the store's one writer. It needs no external server.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{OnProgress, Progress, Queue, QueueError};
use crate::{
    availability::{Moment, Rules},
    clock,
    store::{Store, StoreError, Write, Writer, WriterEvent, records},
    sync::{Change, Haste, Label, Restored},
};

/// How many notifications are removed from the history at a time.
const PRUNE_AT_ONCE: usize = 200;

/// Events of the writer's thread.
#[derive(Default)]
struct News {
    durable: AtomicU64,
    stopped: Mutex<Option<String>>,
    writable: AtomicBool,
}

/// See the module.
pub struct EmbeddedQueue {
    store: Store,
    writer: Option<Writer>,
    news: Arc<News>,
    /// Steps that are not durable yet, in order.
    kept: VecDeque<Kept>,
    /// How many of them, from the front, the writer has.
    handed: usize,
    stopped: bool,
}

struct Kept {
    number: u64,
    label: Label,
    writes: Vec<Write>,
    haste: Haste,
    /// When it was submitted.
    since: Duration,
}

impl EmbeddedQueue {
    /// The queue of this store.
    pub fn new(store: Store) -> Self {
        Self { store, writer: None, news: Arc::default(), kept: VecDeque::new(), handed: 0, stopped: false }
    }

    fn keep(&mut self, number: u64, label: Label, writes: Vec<Write>, haste: Haste) {
        self.kept.push_back(Kept { number, label, writes, haste, since: clock::mono() });
        self.hand();
    }

    /// Submits to the writer, in order, the steps that it does not have yet, as long as it accepts them. A step
    /// is submitted again only if the writer has stopped and discarded it: writing an earlier step after a
    /// later one would undo the later one.
    fn hand(&mut self) {
        let Some(writer) = &self.writer else { return };
        while !self.stopped
            && let Some(next) = self.kept.get(self.handed)
        {
            match writer.commit(next.number, next.label, next.writes.clone(), next.haste) {
                Ok(()) => self.handed += 1,
                // The writer is busy, and tells when it has come further.
                Err(StoreError::Full { .. }) => return,
                Err(error) => {
                    log::warn!(step = next.number, label:% = next.label, error:?; "commit_refused");
                    self.stopped = true;
                }
            }
        }
    }

    /// The store can write again: submits all kept steps, in order. Steps only put and remove keys, so
    /// repeating them changes nothing.
    fn resume(&mut self) {
        if self.writer.as_ref().is_none_or(|writer| writer.resume().is_err()) {
            return;
        }
        (self.stopped, self.handed) = (false, 0);
        for kept in &mut self.kept {
            kept.writes = std::mem::take(&mut kept.writes).into_iter().map(Write::again).collect();
        }
        self.hand();
        if !self.stopped {
            log::info!(steps = self.kept.len(); "store_writable");
        }
    }

    /// Drops the durable steps; returns the number of the last one.
    fn forget_durable(&mut self) -> u64 {
        let durable = self.news.durable.load(Ordering::Acquire);
        while let Some(kept) = self.kept.pop_front_if(|kept| kept.number <= durable) {
            let took = clock::mono().saturating_sub(kept.since);
            self.store.timings().commit_seconds.observe(took.as_secs_f64());
            self.handed = self.handed.saturating_sub(1);
        }
        durable
    }
}

impl Queue for EmbeddedQueue {
    fn restore(&self, rules: Rules) -> Result<Restored, QueueError> {
        records::restore(&self.store, rules).map_err(|error| QueueError(error.to_string()))
    }

    fn start(&mut self, progress: OnProgress) -> Result<(), QueueError> {
        let news = Arc::clone(&self.news);
        let writer = self.store.writer(move |event| {
            match event {
                WriterEvent::Durable { upto } => {
                    news.durable.fetch_max(upto, Ordering::AcqRel);
                }
                WriterEvent::Stopped { status } => {
                    *news.stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(status.to_string());
                }
                WriterEvent::Writable => news.writable.store(true, Ordering::Release),
            }
            progress();
        });
        self.writer = Some(writer.map_err(|error| QueueError(error.to_string()))?);
        self.hand();
        Ok(())
    }

    fn hand_over(&mut self, step: u64, label: Label, changes: &[Change], haste: Haste) {
        let mut writes = Vec::with_capacity(changes.len() * 2);
        for change in changes {
            records::encode(change, &mut writes);
        }
        self.keep(step, label, writes, haste);
    }

    fn progress(&mut self) -> Progress {
        let durable = self.forget_durable();
        let stopped = self.news.stopped.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.stopped |= stopped.is_some();
        let asked_to_resume = self.news.writable.swap(false, Ordering::AcqRel);
        if self.stopped && (asked_to_resume || self.store.status() == crate::store::Status::Writable) {
            self.resume();
        }
        self.hand();
        Progress { durable, stopped, writable: !self.stopped && self.handed == self.kept.len() }
    }

    fn prune(&mut self, until: Moment, number: &mut dyn FnMut() -> u64) {
        if self.stopped {
            return;
        }
        match records::prune(&self.store, until, PRUNE_AT_ONCE) {
            Ok(writes) if writes.is_empty() => {}
            Ok(writes) => self.keep(number(), Label::Prune, writes, Haste::Whenever),
            Err(error) => log::warn!(error:%; "prune_failed"),
        }
    }

    fn close(&mut self, limit: Duration) -> bool {
        // All but what the writer has had no room for until now, or cannot write.
        self.hand();
        let ended = self.writer.take().is_none_or(|writer| writer.close(limit));
        self.forget_durable();
        ended && self.kept.is_empty()
    }
}
