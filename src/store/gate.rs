//! Whether the store accepts writes: one atomic word that any thread may read at any time, without waiting.
//!
//! ```text
//!          stop                     ready                     resume
//!   Open ────────▶ Stopped(status) ────────▶ Ready(status) ──────────▶ Open, next epoch
//!                        ▲   stop                  │
//!                        └─────────────────────────┘
//! ```
//!
//! The writer stops, and finds that it can continue (`ready`); only the submitter of steps resumes. This keeps
//! their order: a step that was submitted before the submitter knew of the stop has an older epoch, and the
//! writer discards it rather than write it without the steps before it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

/// What the store can do at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It accepts writes.
    Writable,
    /// Less space is free than the reserve; nothing was touched, and it continues when there is more.
    ReserveReached {
        /// Free bytes, when last looked.
        free: u64,
        /// Bytes that must stay free.
        reserve: u64,
    },
    /// A write failed or hangs. The store is opened anew when there is space; reading may fail meanwhile.
    Failed {
        /// What happened.
        cause: Arc<str>,
        /// The storage engine hangs, and keeps its lock while it does: unless it returns by itself,
        /// only a new process can write again.
        restart: bool,
    },
}

impl Status {
    /// A write failed or hangs.
    pub(super) fn failed(cause: impl fmt::Display, restart: bool) -> Self {
        Self::Failed { cause: cause.to_string().into(), restart }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writable => f.write_str("it is writable"),
            Self::ReserveReached { free, reserve } => {
                write!(f, "{free} bytes are free, and the reserve is {reserve}")
            }
            Self::Failed { cause, restart: false } => f.write_str(cause),
            Self::Failed { cause, restart: true } => {
                write!(f, "{cause}; a restart may be needed")
            }
        }
    }
}

const OPEN: u64 = 0;
const STOPPED: u64 = 1;
const READY: u64 = 2;
const PHASES: u64 = 4;

/// The word, and the reason for its state.
#[derive(Debug)]
pub(super) struct Gate {
    // epoch * PHASES + phase
    word: AtomicU64,
    why: ArcSwap<Status>,
}

impl Gate {
    /// Open, in the first epoch.
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(OPEN), why: ArcSwap::from_pointee(Status::Writable) }
    }

    /// The epoch, if it is open.
    pub(crate) fn epoch_if_open(&self) -> Option<u64> {
        let word = self.word.load(Ordering::SeqCst);
        (word % PHASES == OPEN).then_some(word / PHASES)
    }

    /// The epoch that steps must have to be written; a stopped or ready gate takes those of the next.
    pub(crate) fn epoch_wanted(&self) -> u64 {
        let word = self.word.load(Ordering::SeqCst);
        word / PHASES + u64::from(word % PHASES != OPEN)
    }

    /// What the store can do, and if nothing, why.
    pub(crate) fn status(&self) -> Status {
        match self.epoch_if_open() {
            Some(_) => Status::Writable,
            None => Status::clone(&self.why.load()),
        }
    }

    /// Stops it, or gives a stopped one another reason; true if it was open.
    pub(crate) fn stop(&self, why: Status) -> bool {
        self.why.store(Arc::new(why));
        let word =
            self.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |word| Some(word / PHASES * PHASES + STOPPED));
        word.is_ok_and(|word| word % PHASES == OPEN)
    }

    /// The stopped store could go on.
    pub(crate) fn ready(&self) {
        self.shift(STOPPED, |epoch| epoch * PHASES + READY);
    }

    /// Whether it waits for [`Gate::resume`].
    pub(crate) fn is_ready(&self) -> bool {
        self.word.load(Ordering::SeqCst) % PHASES == READY
    }

    /// Opens a ready gate in the next epoch; false if it is stopped, or open already.
    pub(crate) fn resume(&self) -> bool {
        self.shift(READY, |epoch| (epoch + 1) * PHASES + OPEN)
    }

    fn shift(&self, from: u64, to: impl Fn(u64) -> u64) -> bool {
        let shifted = self.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |word| {
            (word % PHASES == from).then(|| to(word / PHASES))
        });
        shifted.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Status {
        Status::ReserveReached { free: 1, reserve: 2 }
    }

    #[test]
    fn only_a_ready_gate_resumes_and_then_in_the_next_epoch() {
        let gate = Gate::new();
        assert_eq!((gate.epoch_if_open(), gate.resume()), (Some(0), false));
        assert!(gate.stop(full()), "the first stop is news");
        assert!(!gate.stop(full()), "the second is not");
        assert_eq!((gate.status(), gate.epoch_wanted(), gate.resume()), (full(), 1, false));
        gate.ready();
        assert_eq!((gate.status(), gate.epoch_wanted(), gate.is_ready()), (full(), 1, true));
        assert!(!gate.stop(full()), "it was not open");
        assert!(!gate.resume());
        gate.ready();
        assert!(gate.resume());
        assert_eq!((gate.status(), gate.epoch_if_open()), (Status::Writable, Some(1)));
        gate.ready();
        assert_eq!(gate.epoch_if_open(), Some(1), "an open gate does not become ready");
    }
}
