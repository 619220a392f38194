//! `forewarn demo`: a farm of three nodes and three small applications on this machine, and a page that leads
//! through them.
//!
//! Each node is a process of its own with a store of its own, started as `forewarn serve`; the
//! applications run in this process. What must stay true: what the nodes know survives from one
//! demo to the next, unless `--fresh` is given; only a folder that carries the demo's own
//! marker is ever touched; nothing is started before every port is known to be free; no node
//! outlives this process, however it ends (a node stops when its standard input does).
//!
//! It uses the configuration's room and HTTP, and no internals of the nodes: it manages them as any operator of
//! three nodes would.

mod apps;
mod folder;
mod nodes;
mod plan;
mod ready;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use futures_util::future::join_all;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::ConfigError;
use nodes::Nodes;
use plan::Plan;

/// How long the nodes have to become ready before the addresses are shown without waiting further.
const READY: Duration = Duration::from_secs(60);

/// What can be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Throw away what an earlier demo left.
    pub fresh: bool,
    /// Folder of configurations, stores and logs.
    pub data: PathBuf,
    /// First of the ports, at most 65,000.
    pub base_port: u16,
}

/// Why the demo cannot start, or has ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Another program listens there.
    #[error(
        "port {port} ({what}) is taken: {source}. End what uses it, or choose other ports with \
         --base-port N (the demo takes some from N to N+23)"
    )]
    Port {
        /// The port.
        port: u16,
        /// For what it is needed.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The folder is not the demo's.
    #[error(
        "{} is no demo's folder (it is not empty, and has no {}), so it is not touched; name \
         another one with --data", .dir.display(), folder::MARKER
    )]
    Foreign {
        /// The folder.
        dir: PathBuf,
    },
    /// Another demo is running there.
    #[error("another demo uses {}; end that one, or name another folder with --data", .dir.display())]
    Busy {
        /// The folder.
        dir: PathBuf,
    },
    /// The operating system said no.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No password could be hashed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The applications, or signals, do not work here.
    #[error("cannot start the applications: {0}")]
    Start(#[source] io::Error),
    /// Standard output is closed.
    #[error("cannot write the output: {0}")]
    Output(#[source] io::Error),
    /// All nodes have ended by themselves; why was said when they did.
    #[error("no node is left")]
    Ended,
}

impl DemoError {
    /// For `map_err`.
    fn io(doing: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> DemoError {
        move |source| DemoError::Io { doing, path: path.to_owned(), source }
    }
}

/// Runs until it is interrupted (SIGINT, SIGTERM, SIGHUP), and then ends everything in order.
///
/// # Errors
///
/// See [`DemoError`].
pub(crate) fn run(options: &Options, out: &mut dyn Write) -> Result<(), DemoError> {
    actix_web::rt::System::new().block_on(start(options, out))
}

async fn start(options: &Options, out: &mut dyn Write) -> Result<(), DemoError> {
    let begun = Instant::now();
    // first of all, so that an interruption never leaves nodes running
    let mut signals = Signals::new().map_err(DemoError::Start)?;
    let plan = Plan::new(options)?;
    let reserved = plan.reserve_ports()?;
    let folder = folder::Folder::claim(&plan.data)?;
    if options.fresh {
        folder.empty()?;
    }
    plan.write()?;

    let applications = apps::start(reserved.applications, &plan.places()).map_err(DemoError::Start)?;
    drop(reserved.nodes);
    let mut nodes = Nodes::start(&plan)?;
    let ended = tokio::select! {
        () = signals.any() => Ok(()),
        ended = accompany(&plan, &mut nodes, begun, out) => ended,
    };
    // a closed output must not keep the nodes from being ended
    let said = writeln!(out, "\nEnding …").and_then(|()| out.flush());
    nodes.stop().await;
    stop(applications).await;
    drop(folder);
    ended.and(said.map_err(DemoError::Output))
}

/// Waits for the nodes, prints the addresses, and then reports every node that ends.
async fn accompany(plan: &Plan, nodes: &mut Nodes, begun: Instant, out: &mut dyn Write) -> Result<(), DemoError> {
    let mut say = |text: &str| {
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(DemoError::Output)
    };
    say("Starting three nodes …\n")?;
    let late = tokio::time::sleep(READY);
    let mut late = std::pin::pin!(late);
    let mut ready = std::pin::pin!(ready::all(nodes.controls(plan)));
    loop {
        tokio::select! {
            () = &mut ready => break,
            () = &mut late => {
                say("Not every node is ready yet; their logs say why.\n")?;
                break;
            }
            death = nodes.death() => {
                say(&death)?;
                // the others become ready without it, but there is nothing to wait for together
                if nodes.is_empty() {
                    return Err(DemoError::Ended);
                }
                ready.set(ready::all(nodes.controls(plan)));
            }
        }
    }
    say(&plan.greeting(begun.elapsed()))?;
    loop {
        let death = nodes.death().await;
        say(&death)?;
        if nodes.is_empty() {
            return Err(DemoError::Ended);
        }
    }
}

async fn stop(applications: Vec<ServerHandle>) {
    // at once: their requests came through gates that have ended by now
    join_all(applications.iter().map(|application| application.stop(false))).await;
}

/// What ends the demo.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> io::Result<Signals> {
        let hangup = signal(SignalKind::hangup())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Signals([signal(SignalKind::interrupt())?, terminate, hangup]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
