//! The embedded queue: sled, through the store's one writer. It needs no other server.

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
    store::{Store, Write, Writer, WriterEvent, records},
    sync::{Change, Restored},
};

/// How many notifications are taken out of the history at a time.
const PRUNE_AT_ONCE: usize = 200;

/// What the writer's thread tells.
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
    stopped: bool,
}

struct Kept {
    number: u64,
    label: &'static str,
    writes: Vec<Write>,
}

impl EmbeddedQueue {
    /// The queue of this store.
    pub fn new(store: Store) -> Self {
        Self { store, writer: None, news: Arc::default(), kept: VecDeque::new(), stopped: false }
    }

    fn keep(&mut self, number: u64, label: &'static str, writes: Vec<Write>, more: bool) {
        if !self.stopped
            && let Some(writer) = &self.writer
            && let Err(error) = writer.commit(number, label, writes.clone(), more)
        {
            log::warn!("event=commit_refused step={number} label={label} error={error:?}");
            self.stopped = true;
        }
        self.kept.push_back(Kept { number, label, writes });
    }

    /// The store can write again, or its queue has room again: everything that is kept, in order.
    /// Steps only put and remove keys, so that twice is once.
    fn resume(&mut self) {
        let Some(writer) = &self.writer else { return };
        if writer.resume().is_err() {
            return;
        }
        for kept in &self.kept {
            if writer.commit(kept.number, kept.label, kept.writes.clone(), false).is_err() {
                // Full, or stopped again: from the first kept one, at the next opportunity.
                return;
            }
        }
        self.stopped = false;
        log::info!("event=store_writable steps={}", self.kept.len());
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
                WriterEvent::Durable { upto } => news.durable.store(upto, Ordering::Release),
                WriterEvent::Stopped { status } => {
                    *news.stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(status.to_string());
                }
                WriterEvent::Writable => news.writable.store(true, Ordering::Release),
            }
            progress();
        });
        self.writer = Some(writer.map_err(|error| QueueError(error.to_string()))?);
        for kept in std::mem::take(&mut self.kept) {
            self.keep(kept.number, kept.label, kept.writes, false);
        }
        Ok(())
    }

    fn hand_over(&mut self, step: u64, label: &'static str, changes: &[Change], more: bool) {
        let mut writes = Vec::with_capacity(changes.len() * 2);
        for change in changes {
            records::encode(change, &mut writes);
        }
        self.keep(step, label, writes, more);
    }

    fn progress(&mut self) -> Progress {
        let durable = self.news.durable.load(Ordering::Acquire);
        while self.kept.front().is_some_and(|kept| kept.number <= durable) {
            self.kept.pop_front();
        }
        let stopped = self.news.stopped.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.stopped |= stopped.is_some();
        let asked_to_resume = self.news.writable.swap(false, Ordering::AcqRel);
        if self.stopped && (asked_to_resume || self.store.status() == crate::store::Status::Writable) {
            self.resume();
        }
        Progress { durable, stopped, writable: !self.stopped }
    }

    fn prune(&mut self, until: Moment, number: &mut dyn FnMut() -> u64) {
        if self.stopped {
            return;
        }
        match records::prune(&self.store, until, PRUNE_AT_ONCE) {
            Ok(writes) if writes.is_empty() => {}
            Ok(writes) => self.keep(number(), "prune", writes, false),
            Err(error) => log::warn!("event=prune_failed error={error}"),
        }
    }

    fn close(&mut self, limit: Duration) -> bool {
        self.writer.take().is_none_or(|writer| writer.close(limit))
    }
}
