//! The composition root: boot order and shutdown order of one node (docs/contract.md#life-of-a-node).
//!
//! ```text
//! Opened ─ restore ─→ Restored ─ replay ─→ Replayed ─ merge ─→ Merged ─ ready ─→ Ready
//! ```
//!
//! The phases are types: replay takes the result of restore, so a boot that merges first does not compile. Each
//! phase is awaited.

mod boot;
mod certificates;
mod crowd;
mod descriptors;
pub(crate) mod follower;
mod hooks;
mod inherited;
pub(crate) mod inside;
mod listeners;
mod made;
pub(crate) mod maintenance;
mod notify;
mod open;
mod parts;
mod recall;
mod reload;
mod sandbox;
mod status;
mod stop;
mod under_tls;

use std::{future::Future, io, sync::mpsc::SyncSender, time::Duration};

use tokio::sync::mpsc;

use self::{inherited::Inherited, notify::State};
use crate::{
    config::Settings,
    gate::inside::Door,
    store::{OpenError, StoreError, records::RecordError},
};

/// Why a node does not start, or stops with an error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be written at start.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its records cannot be read.
    #[error(transparent)]
    Records(#[from] RecordError),
    /// What the queue holds cannot be read.
    #[error(transparent)]
    Queue(#[from] crate::actors::queue::QueueError),
    /// A listener's address is taken or not this machine's.
    #[error("{key} = {address}: {source}")]
    Listen {
        /// The key of the configuration.
        key: &'static str,
        /// The address.
        address: crate::vocabulary::Listen,
        /// What the system said.
        source: io::Error,
    },
    /// Something of the configuration that only shows when it is put together.
    #[error("{0}")]
    Settings(String),
    /// The system refuses a thread, a signal handler or a listener.
    #[error("{0}")]
    System(#[from] io::Error),
    /// A part of the node has ended, which it never does by itself.
    #[error("{0} has ended unexpectedly")]
    Ended(&'static str),
}

/// How a node is to be run.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunOptions {
    /// Stop when standard input ends: for a parent that must not leave children behind.
    pub until_stdin_closes: bool,
    /// Sets what is logged, at the start and whenever the configuration says something else. Absent: the
    /// configuration does not decide it.
    pub log: Option<fn(Option<&str>)>,
}

/// Runs a node until it is told to stop. Blocks.
///
/// # Errors
/// When it cannot start.
pub(crate) fn run(settings: Settings, options: RunOptions) -> Result<(), NodeError> {
    let inherited = Inherited::take()?;
    // Before there is another thread.
    sandbox::enter(&settings)?;
    actix::System::new().block_on(async move {
        if let Some(set) = options.log {
            set(settings.node.log.as_deref());
        }
        sandbox::report();
        let (reload, reloads) = reload::Door::new();
        let stop = parts::stop_signal(options.until_stdin_closes, reload.clone())?;
        let life = Life { settings, inherited, reload, reloads, log: options.log, front: Front::Listens };
        life.live(stop).await
    })
}

/// How long a stop waits for a new configuration that is being put in place.
const CHANGED: Duration = Duration::from_secs(2);

/// Where users come in.
enum Front {
    /// At the listeners of the gate.
    Listens,
    /// Through the program that the node is inside of, which is given this.
    Inside(SyncSender<Door>),
}

/// A node from its start to its stop.
struct Life {
    settings: Settings,
    inherited: Inherited,
    reload: reload::Door,
    reloads: mpsc::Receiver<reload::Request>,
    log: Option<fn(Option<&str>)>,
    front: Front,
}

impl Life {
    async fn live(self, stop: impl Future<Output = &'static str>) -> Result<(), NodeError> {
        let Self { settings, inherited, reload, mut reloads, log, front } = self;
        // The service manager is told of the program, not of what it has inside.
        let tell = match front {
            Front::Listens => notify::tell,
            Front::Inside(_) => |_: State<'_>| {},
        };
        let opened = open::open(settings, inherited, reload).await?;
        let control = stop::Control::of(&opened);
        let ready = async {
            let restored = opened.restore().await?;
            let replayed = restored.replay().await?;
            let merged = replayed.merge().await?;
            merged.ready(front).await
        };
        tokio::pin!(stop);
        let ready = tokio::select! {
            ready = ready => Some(ready?),
            why = &mut stop => {
                log::info!(why, phase = "starting"; "stop");
                None
            }
        };
        let gate = match ready {
            Some(mut ready) => {
                tell(State::Ready("The gate listens"));
                loop {
                    tokio::select! {
                        why = &mut stop => {
                            log::info!(why; "stop");
                            break;
                        }
                        result = ready.ended() => {
                            result?;
                            return Err(NodeError::Ended("the gate"));
                        }
                        // Those that came while the node started wait until here.
                        Some(asked) = reloads.recv() => {
                            tell(State::Reloading);
                            let reload = ready.running.reload(log, asked);
                            tokio::pin!(reload);
                            tokio::select! {
                                outcome = &mut reload => tell(State::Ready(outcome)),
                                why = &mut stop => {
                                    log::info!(why; "stop");
                                    // What has begun to change is changed first, unless something hangs.
                                    if let Ok(outcome) = tokio::time::timeout(CHANGED, reload).await {
                                        tell(State::Ready(outcome));
                                    }
                                    break;
                                }
                            }
                        }
                    }
                }
                Some(ready)
            }
            None => None,
        };
        tell(State::Stopping);
        control.stop(gate).await;
        Ok(())
    }
}
