//! A whole node inside another program, which brings the users: no listener of the gate, no signals, no word to the
//! service manager (docs/contract.md#inside-an-application).
//!
//! Must stay true: the program has the gate only when the node is ready; a node that is dropped stops in order.

use std::{
    sync::mpsc::sync_channel,
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

use super::{Front, Inherited, Life, NodeError, reload};
use crate::{config::Settings, gate::inside::Door};

/// See the module.
pub(crate) struct Inside {
    door: Door,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), NodeError>>>,
}

impl Inside {
    /// Starts a node on threads of its own. Blocks until it is ready.
    ///
    /// # Errors
    /// When it cannot start.
    pub(crate) fn start(mut settings: Settings) -> Result<Self, NodeError> {
        settings.gate.listen.clear();
        settings.gate.redirect = None;
        let (stop, told) = oneshot::channel::<()>();
        // Not one of tokio's: the program may call from within its own runtime.
        let (handed, ready) = sync_channel(1);
        let thread = thread::Builder::new().name("forewarn".to_owned()).spawn(move || {
            actix::System::new().block_on(async move {
                let (reload, reloads) = reload::Door::new();
                let (inherited, front) = (Inherited::default(), Front::Inside(handed));
                let life = Life { settings, inherited, reload, reloads, log: None, front };
                // Dropping it tells the same.
                let stop = async move {
                    told.await.ok();
                    "the program"
                };
                life.live(stop).await
            })
        })?;
        match ready.recv() {
            Ok(door) => Ok(Self { door, stop: Some(stop), thread: Some(thread) }),
            Err(_) => match thread.join() {
                Ok(Err(error)) => Err(error),
                _ => Err(NodeError::Ended("the node")),
            },
        }
    }

    /// What decides.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// Stops in order. Blocks until everything is on the disk.
    ///
    /// # Errors
    /// A part of the node has ended before.
    pub(crate) fn stop(mut self) -> Result<(), NodeError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), NodeError> {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        ended.unwrap_or(Ok(Ok(()))).unwrap_or(Err(NodeError::Ended("the node")))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::error!(error:%; "inside_ended");
        }
    }
}
