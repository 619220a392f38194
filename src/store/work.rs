//! What the writer and its watchdog share: which group is being written, and who is told of events.
//!
//! Must stay true: both agree by one atomic word on whether a group ended in time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::gate::Status;
use super::shared::Shared;

/// No group is being written.
pub(super) const IDLE: u64 = 0;
/// The watchdog has abandoned the group that is being written.
pub(super) const STALLED: u64 = u64::MAX;

/// The writer's events. Called on the writer's thread (a `Stopped` for a hanging flush on another), one at a
/// time; it must not block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriterEvent {
    /// Every step up to this number is on stable storage.
    Durable {
        /// The last step's number.
        upto: u64,
    },
    /// Steps that were not reported durable may be lost.
    Stopped {
        /// Why.
        status: Status,
    },
    /// It can continue, and waits for [`Writer::resume`](super::writer::Writer::resume).
    Writable,
}

pub(super) type OnEvent = Arc<Mutex<dyn FnMut(WriterEvent) + Send>>;

/// What writer and watchdog share.
pub(super) struct Work {
    pub shared: Arc<Shared>,
    pub on_event: OnEvent,
    /// The number of the last group that began.
    groups: AtomicU64,
}

impl Work {
    pub(crate) fn new(shared: Arc<Shared>, on_event: OnEvent) -> Self {
        Self { shared, on_event, groups: AtomicU64::new(IDLE) }
    }

    /// A group begins; hand the number to [`Work::end`].
    pub(crate) fn begin(&self) -> u64 {
        let group = self.groups.fetch_add(1, Ordering::SeqCst) + 1;
        self.shared.busy.store(group, Ordering::SeqCst);
        group
    }

    /// The group has ended; false if the watchdog has given up on it meanwhile.
    pub(crate) fn end(&self, group: u64) -> bool {
        let in_time = self.shared.busy.compare_exchange(group, IDLE, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        self.shared.busy.store(IDLE, Ordering::SeqCst);
        in_time
    }

    /// Stops the store, and reports it if it was not stopped before.
    pub(crate) fn stop(&self, status: Status) {
        if self.shared.gate.stop(status.clone()) {
            self.tell(WriterEvent::Stopped { status });
        }
    }

    /// Reports an event.
    pub(crate) fn tell(&self, event: WriterEvent) {
        let mut on_event = self.on_event.lock().unwrap_or_else(PoisonError::into_inner);
        on_event(event);
    }
}

impl Shared {
    /// Whether a thread hangs inside sled.
    pub(super) fn is_stalled(&self) -> bool {
        self.busy.load(Ordering::SeqCst) == STALLED
    }
}
