//! Detects a flush that hangs.
//!
//! sled 0.34 can hang on a full disk, inside `flush`, holding a lock that all of sled in this process
//! shares; nothing can interrupt it. Handing each group to a helper thread would cost too much, so the writer
//! does its work itself, and this thread checks periodically whether it is still at the same group. If so, it
//! stops the store in the writer's place: handlers refuse at once, and no thread touches sled any more.
//!
//! sled 0.34 can also forget to wake a flush: a thread of its pool that fails to write a transaction's buffer
//! notes the error, but notifies nobody (`Log::exit_reservation`). Another flush finds the error and wakes all
//! that wait, so after a quarter of the limit this thread begins one ([`Handle::nudge`](super::handle::Handle::nudge)).
//!
//! Afterwards: if the writer returns, it opens the store anew. If it never does, the process can still answer
//! requests from memory, but only a new process can write; `Status` reports this.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};

use super::gate::Status;
use super::work::{IDLE, STALLED, Work};

/// How many times the limit is divided by looks; it is kept to within one part.
const LOOKS: u32 = 4;

/// After so many looks at the same group sled is nudged.
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
        let (mut seen, mut looks) = (IDLE, 0);
        while stopped.recv_timeout(limit / LOOKS) == Err(RecvTimeoutError::Timeout) {
            let busy = work.shared.busy.load(Ordering::SeqCst);
            if busy == IDLE || busy == STALLED || busy != seen {
                (seen, looks) = (busy, 0);
                continue;
            }
            looks += 1;
            if looks == NUDGE
                && let Ok(handle) = work.shared.handle()
            {
                handle.nudge();
            }
            if looks < LOOKS {
                continue;
            }
            let given_up = work.shared.busy.compare_exchange(busy, STALLED, Ordering::SeqCst, Ordering::SeqCst);
            if given_up.is_ok() {
                let cause = format!("a flush has not returned within {} s", limit.as_secs_f32());
                work.stop(Status::failed(cause, true));
            }
        }
    })?;
    Ok(Watch { stop, thread })
}
