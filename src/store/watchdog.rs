//! Detects a sync of the writer, or a checkpoint, that hangs.
//!
//! sled 0.34 can hang on a full disk, inside `flush`, holding a lock that all of sled in this process
//! shares; nothing can interrupt it. So this thread checks periodically whether the writer is still at the same group,
//! and a checkpoint at the same part. If so, it stops the store in their place: handlers refuse at once, and no
//! thread touches sled any more.
//!
//! sled 0.34 can also forget to wake a flush: a thread of its pool that fails to write a transaction's buffer
//! notes the error, but notifies nobody (`Log::exit_reservation`). Another flush finds the error and wakes all
//! that wait, so after a quarter of the limit this thread begins one ([`Handle::nudge`](super::handle::Handle::nudge)).
//!
//! Afterwards: if the thread returns, the writer opens the store anew. If it never does, the process can still answer
//! requests from memory, but only a new process can write; `Status` reports this.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};

use super::gate::Status;
use super::watched::Watched;
use super::work::Work;

/// How many times the limit is divided by looks; it is kept to within one part.
const LOOKS: u32 = 4;

/// After so many looks at the same part of a checkpoint sled is nudged.
const NUDGE: u32 = 1;

/// The watchdog's thread.
pub(super) struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Ends the thread and waits for that.
    pub(crate) fn end(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            log::error!("store_watchdog_panicked");
        }
    }
}

/// Starts to watch the work.
pub(super) fn start(work: Arc<Work>) -> io::Result<Watch> {
    let limit = work.shared.options.flush_limit;
    let (stop, stopped) = mpsc::channel::<()>();
    let thread = thread::Builder::new().name("store-watchdog".to_owned()).spawn(move || {
        let (mut writing, mut checkpointing) = (Look::default(), Look::default());
        while stopped.recv_timeout(limit / LOOKS) == Err(RecvTimeoutError::Timeout) {
            let shared = &work.shared;
            let hangs = writing.at(&shared.writing, || ()) || {
                let nudge = || shared.handle().map_or((), |handle| handle.nudge());
                let handle = shared.handle().ok();
                let hangs = checkpointing.at(&shared.checkpointing, nudge);
                // The writer goes on, and must not go on with this one.
                handle.filter(|_| hangs).iter().for_each(|handle| shared.give_up(handle, false));
                hangs
            };
            if hangs {
                let cause = format!("a sync or a flush has not returned within {} s", limit.as_secs_f32());
                work.stop(Status::failed(cause, true));
            }
        }
    })?;
    Ok(Watch { stop, thread })
}

/// The piece of work that was seen last, and how often.
#[derive(Default)]
struct Look {
    seen: Option<u64>,
    looks: u32,
}

impl Look {
    /// One more look at some work; true if it has now been given up.
    fn at(&mut self, watched: &Watched, nudge: impl FnOnce()) -> bool {
        let current = watched.current();
        if current.is_none() || current != self.seen {
            *self = Self { seen: current, looks: 0 };
            return false;
        }
        self.looks += 1;
        if self.looks == NUDGE {
            nudge();
        }
        self.looks >= LOOKS && current.is_some_and(|current| watched.give_up(current))
    }
}
