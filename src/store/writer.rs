//! The one writer: a thread that makes steps durable, in order, many at a time.
//!
//! A **step** is a list of writes that belong together. The thread takes every step that waits, up to
//! [`super::GROUP_STEPS`], writes all of them as one record to a file of intents ([`super::intents`]), calls
//! `fdatasync` once, and reports [`WriterEvent::Durable`]. A thread beside it puts the groups of a full file into sled
//! ([`super::checkpoints`]).
//!
//! Must stay true:
//! - Steps become durable in the order of their numbers, and a crash leaves the state after some prefix of the
//!   steps.
//! - `Durable` comes after `fdatasync`, never before.
//! - After a failure nothing is written through the same handle, and after a failed sync nothing is reported
//!   durable before the whole database is written anew ([`super::fresh`]). Below the reserve nothing is written:
//!   this keeps the handle usable on a full disk.
//!
//! # Duties of the submitter of steps
//!
//! Keep a step until `Durable` covers it. On [`WriterEvent::Stopped`] answer "unknown" (503) to the callers
//! that wait for one of the steps, and submit nothing. On [`WriterEvent::Writable`] call [`Writer::resume`],
//! then submit every kept step again, in order, and continue. Steps only put and remove keys, so submitting one
//! again that had already been written changes nothing.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::bytes::{Write, check_sizes};
use super::changes::Changes;
use super::checkpoints::Checkpoints;
use super::crash::{CommitMoment, commit_point};
use super::error::{Cause, StoreError};
use super::gate::Status;
use super::group::{Step, Steps};
use super::handle::Handle;
use super::shared::Shared;
use super::watchdog;
use super::work::{OnEvent, Work, WriterEvent};
use crate::sync::{Haste, Label};

/// After a failure the store is opened anew after at most this many checks.
const MAX_BACKOFF: u32 = 32;

/// The folder's marker is synced after this many groups, or when nothing waits.
const SYNC_MARKER_EVERY: u32 = 256;

/// The handle of the writer's thread. Dropping it lets the thread finish the waiting steps in the background;
/// [`Writer::close`] waits for it.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    queue: Option<SyncSender<Step>>,
    ended: Receiver<()>,
}

impl Writer {
    /// Submits a step, without waiting. Numbers ascend; `label` names the step's crash points.
    ///
    /// # Errors
    /// `Stopped`, `Full` or `TooLarge`; in each case nothing was submitted.
    pub fn commit(&self, number: u64, label: Label, writes: Vec<Write>, haste: Haste) -> Result<(), StoreError> {
        check_sizes(&writes)?;
        let gate = &self.shared.gate;
        let stopped = || StoreError::Stopped(gate.status());
        let epoch = gate.epoch_if_open().ok_or_else(stopped)?;
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.try_send(Step { number, epoch, label, writes, haste }).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Full { limit: self.shared.options.commit_queue },
            // The thread has ended, which happens only by a panic.
            TrySendError::Disconnected(_) => {
                gate.stop(Status::failed("the store's writer has ended", true));
                stopped()
            }
        })
    }

    /// Continues after [`WriterEvent::Writable`]; see the head of this file.
    ///
    /// # Errors
    /// `Stopped` if it cannot continue (any more): another `Writable` will come.
    pub fn resume(&self) -> Result<(), StoreError> {
        let gate = &self.shared.gate;
        if gate.resume() || gate.epoch_if_open().is_some() {
            return Ok(());
        }
        Err(StoreError::Stopped(gate.status()))
    }

    /// Writes the submitted steps and ends the thread; true if it ended within the limit. If so, the writer no
    /// longer holds the store open.
    pub fn close(mut self, limit: Duration) -> bool {
        self.queue = None;
        !matches!(self.ended.recv_timeout(limit), Err(RecvTimeoutError::Timeout))
    }
}

/// Starts the thread of [`super::Store::writer`].
pub(super) fn start(
    shared: &Arc<Shared>,
    on_event: impl FnMut(WriterEvent) + Send + 'static,
) -> Result<Writer, StoreError> {
    if shared.has_writer.swap(true, Ordering::SeqCst) {
        return Err(StoreError::SecondWriter);
    }
    let on_event: OnEvent = Arc::new(Mutex::new(on_event));
    let (queue, steps) = mpsc::sync_channel(shared.options.commit_queue.max(1));
    let (end, ended) = mpsc::channel();
    let work = Arc::new(Work { shared: Arc::clone(shared), on_event });
    let thread = |cause| StoreError::Thread { cause };
    let checkpoints = Checkpoints::start(Arc::clone(&work)).map_err(thread)?;
    let run = Run { steps: Steps::new(steps), work: Arc::clone(&work), checkpoints, looks: 0, backoff: 1, unsynced: 0 };
    let watch = watchdog::start(work).map_err(thread)?;
    thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || {
            run.run();
            // The lock must be released when `close` returns.
            watch.end();
            drop(end);
        })
        .map_err(thread)?;
    Ok(Writer { shared: Arc::clone(shared), queue: Some(queue), ended })
}

/// The state of the writer's thread.
struct Run {
    steps: Steps,
    work: Arc<Work>,
    checkpoints: Checkpoints,
    // Since the last attempt to reopen the store, and the number of attempts.
    looks: u32,
    backoff: u32,
    // Groups since the marker was synced.
    unsynced: u32,
}

impl Run {
    fn run(mut self) {
        // A store that could not be opened for writing was stopped before anybody listened.
        let shared = Arc::clone(&self.work.shared);
        if shared.gate.epoch_if_open().is_none() {
            self.work.tell(WriterEvent::Stopped { status: shared.gate.status() });
        }
        loop {
            match self.steps.first(self.work.shared.options.recheck) {
                Ok(step) => self.write(step),
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.checkpoints.end();
        if self.work.shared.gate.epoch_if_open().is_some() {
            self.work.shared.close_in_order();
        }
    }

    /// Makes a step, and the other waiting ones, durable; or discards steps from before a stop.
    fn write(&mut self, first: Step) {
        let shared = Arc::clone(&self.work.shared);
        // Before the space is checked, so that a step of an older epoch does not stop the store.
        if first.epoch < shared.gate.epoch_wanted() {
            return;
        }
        if let Err(status) = shared.check_space(false) {
            return self.work.stop(status);
        }
        let Ok(handle) = shared.handle() else {
            return self.work.stop(Status::failed("the store is not open", false));
        };
        let group = self.steps.group(first);
        self.perform(&handle, group);
    }

    /// Writes a group and reports the result.
    fn perform(&mut self, handle: &Arc<Handle>, group: Vec<Step>) {
        let shared = Arc::clone(&self.work.shared);
        let upto = group.last().map(|step| step.number);
        let steps = group.len();
        shared.writing.begin();
        let result = write_group(handle, group);
        let in_time = shared.writing.end();
        let synced = result.is_ok();
        let status = match result {
            // A checkpoint has stopped it meanwhile, and what was kept is handed over again.
            Ok(_) if handle.is_failed() => return,
            Ok(number) if in_time => {
                if let Err(error) = shared.folder.note_mark(number, handle.mark().records()) {
                    // An older mark only detects less.
                    log::warn!(error:%; "store_mark_not_written");
                }
                shared.timings.commit_steps.observe(steps as f64);
                self.unsynced += 1;
                if self.unsynced >= SYNC_MARKER_EVERY {
                    self.sync_marker();
                }
                upto.into_iter().for_each(|upto| self.work.tell_durable(upto));
                return self.look_at_checkpoints(handle);
            }
            // Too late: it was reported as hanging, and this handle is not used again.
            Ok(_) => Status::failed("a flush took longer than it may", false),
            Err(cause) => Status::failed(format_args!("a write failed: {cause}"), false),
        };
        self.work.fail(handle, synced, status);
        (self.looks, self.backoff) = (0, 1);
    }

    fn look_at_checkpoints(&mut self, handle: &Arc<Handle>) {
        if let Err(cause) = self.checkpoints.look(handle) {
            let status = Status::failed(format_args!("a checkpoint did not begin: {cause}"), false);
            self.work.fail(handle, false, status);
        }
    }

    fn sync_marker(&mut self) {
        self.unsynced = 0;
        if let Err(error) = self.work.shared.folder.sync_marker() {
            log::warn!(error:%; "store_mark_not_synced");
        }
    }

    /// Nothing waits: checks whether there is space, and whether a failed store can be opened anew.
    fn look(&mut self) {
        let shared = Arc::clone(&self.work.shared);
        let stopped = shared.gate.epoch_if_open().is_none();
        if let Err(status) = shared.check_space(stopped) {
            // A failure remains the reason until the store is open again.
            if !shared.is_failed() {
                self.work.stop(status);
            }
            return;
        }
        if !stopped {
            if self.unsynced > 0 {
                self.sync_marker();
            }
            return shared.handle().map_or((), |handle| self.look_at_checkpoints(&handle));
        }
        if shared.gate.is_ready() {
            return;
        }
        if shared.is_failed() {
            self.looks += 1;
            if self.looks < self.backoff {
                return;
            }
            (self.looks, self.backoff) = (0, (self.backoff * 2).min(MAX_BACKOFF));
            if let Err(status) = shared.reopen() {
                log::warn!(error:% = status; "store_not_reopened");
                return self.work.stop(status);
            }
        }
        shared.gate.ready();
        self.work.tell(WriterEvent::Writable);
    }
}

/// Makes a group durable; its number.
fn write_group(handle: &Handle, group: Vec<Step>) -> Result<u64, Cause> {
    let labels: Vec<Label> = group.iter().map(|step| step.label).collect();
    let point = |moment| labels.iter().for_each(|label| commit_point(*label, moment));
    let mut changes = Changes::default();
    for step in group {
        changes.add(step.writes);
    }
    point(CommitMoment::Before);
    let number = handle.append(&changes)?;
    point(CommitMoment::Written);
    handle.sync()?;
    point(CommitMoment::Durable);
    handle.keep(changes);
    Ok(number)
}
