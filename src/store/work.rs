//! What the writer, the thread of checkpoints and the watchdog share: who is told of events.
//!
//! Must stay true: `Durable` is never told after a `Stopped` of the same epoch, so that what was answered with
//! "unknown" does not become durable silently between both.

use std::sync::{Arc, Mutex, PoisonError};

use super::gate::Status;
use super::handle::Handle;
use super::shared::Shared;

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

/// What these threads share.
pub(super) struct Work {
    pub shared: Arc<Shared>,
    pub on_event: OnEvent,
}

impl Work {
    /// Stops the store, and reports it if it was not stopped before.
    pub(crate) fn stop(&self, status: Status) {
        if self.shared.gate.stop(status.clone()) {
            self.tell(WriterEvent::Stopped { status });
        }
    }

    /// A write through this handle has failed: no more goes through it.
    pub(crate) fn fail(&self, handle: &Handle, synced: bool, status: Status) {
        self.shared.give_up(handle, synced);
        self.stop(status);
    }

    /// Reports an event.
    pub(crate) fn tell(&self, event: WriterEvent) {
        let mut on_event = self.on_event.lock().unwrap_or_else(PoisonError::into_inner);
        on_event(event);
    }

    /// Reports that every step up to this number is durable, unless the store was stopped meanwhile.
    pub(crate) fn tell_durable(&self, upto: u64) {
        let mut on_event = self.on_event.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.gate.epoch_if_open().is_some() {
            on_event(WriterEvent::Durable { upto });
        }
    }
}
