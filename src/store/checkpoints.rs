//! The thread that puts groups into sled, beside the writer, which goes on in the other file meanwhile.
//!
//! Must stay true: there is one checkpoint at a time, and none without the space for it, because sled may hang
//! on a full disk. A checkpoint that fails stops the store, as a failed write does.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::error::{Cause, guarded};
use super::gate::Status;
use super::handle::Handle;
use super::work::Work;

/// See the module.
pub(super) struct Checkpoints {
    work: Arc<Work>,
    begin: Option<Sender<Arc<Handle>>>,
    ended: Receiver<()>,
    is_running: bool,
    thread: JoinHandle<()>,
}

impl Checkpoints {
    /// Starts the thread.
    pub(crate) fn start(work: Arc<Work>) -> io::Result<Self> {
        let (begin, handles) = mpsc::channel::<Arc<Handle>>();
        let (end, ended) = mpsc::channel();
        let run = {
            let work = Arc::clone(&work);
            move || {
                for handle in handles {
                    run(&work, &handle);
                    // Before the end is told: the database can be closed then.
                    drop(handle);
                    if end.send(()).is_err() {
                        return;
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("store-checkpoint".to_owned()).spawn(run)?;
        Ok(Self { work, begin: Some(begin), ended, is_running: false, thread })
    }

    /// Begins a checkpoint if one is due. Waits for the one before, for a while, if the file of the writer has
    /// grown far beyond its size meanwhile.
    pub(crate) fn look(&mut self, handle: &Arc<Handle>) -> Result<(), Cause> {
        let shared = &self.work.shared;
        if self.is_running {
            let patience = if handle.is_overfull() { shared.options.flush_limit } else { Duration::ZERO };
            match self.ended.recv_timeout(patience) {
                Ok(()) => self.is_running = false,
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err("the thread of checkpoints has ended".into()),
            }
        }
        let is_due = handle.is_frozen() || handle.is_full();
        if !is_due || handle.is_failed() || shared.check_space_for_checkpoint(handle).is_err() {
            return Ok(());
        }
        // One that found too little space before is frozen already.
        if handle.is_frozen() || handle.freeze()? {
            self.is_running = self.begin.as_ref().is_some_and(|begin| begin.send(Arc::clone(handle)).is_ok());
        }
        Ok(())
    }

    /// Waits for a checkpoint that is going on, and ends the thread.
    pub(crate) fn end(mut self) {
        self.begin = None;
        if self.thread.join().is_err() {
            log::error!("store_checkpoint_panicked");
        }
    }
}

fn run(work: &Work, handle: &Handle) {
    let watched = &work.shared.checkpointing;
    watched.begin();
    let result = guarded(|| handle.checkpoint(&|| watched.next()));
    let in_time = watched.end();
    match result {
        Ok(()) if in_time => {}
        Ok(()) => work.fail(handle, true, Status::failed("a flush took longer than it may", false)),
        Err(cause) => work.fail(handle, false, Status::failed(format_args!("a checkpoint failed: {cause}"), false)),
    }
}
