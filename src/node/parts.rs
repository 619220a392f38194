//! Small parts of a node: addresses, digests, signals.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, Permissions},
    future::Future,
    io,
    net::TcpListener,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::NodeError;
use crate::{
    availability::{
        Name, Target,
        verdict::{Definition, Use},
    },
    config::Settings,
    control::reload::Door,
    gate::listener::Listening,
    vocabulary::Listen,
};

/// How many seconds requests in flight may take when the node stops.
pub(super) const GRACE: u64 = 10;

/// Threads of the control listener.
pub(super) const WORKERS: usize = 2;

/// A socket that is bound, and where.
pub(super) struct Bound {
    key: &'static str,
    listen: Listen,
    socket: Socket,
    /// The node has opened it itself.
    own: bool,
}

/// Binds an address without listening yet: a taken one is reported at once, and no client is accepted too
/// early.
pub(super) fn bind(key: &'static str, listen: &Listen) -> Result<Bound, NodeError> {
    let bind = || -> io::Result<Bound> {
        let socket = match listen {
            Listen::Tcp(address) => {
                let socket = Socket::new(Domain::for_address(*address), Type::STREAM, Some(Protocol::TCP))?;
                socket.set_reuse_address(true)?;
                if address.is_ipv6() {
                    // `[::]` takes IPv4 too
                    socket.set_only_v6(!address.ip().is_unspecified())?;
                }
                socket.bind(&(*address).into())?;
                socket
            }
            Listen::Unix(path) => {
                let address = SockAddr::unix(path)?;
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                remove_stale(path, &address)?;
                socket.bind(&address)?;
                // As with a port, every user of this machine may connect.
                fs::set_permissions(path, Permissions::from_mode(0o666))?;
                socket
            }
        };
        let listen = match socket.local_addr()?.as_socket() {
            Some(address) => Listen::Tcp(address),
            None => listen.clone(),
        };
        Ok(Bound { key, listen, socket, own: true })
    };
    bind().map_err(|source| NodeError::Listen { key, address: listen.clone(), source })
}

/// Removes the file of a local socket without a listener.
fn remove_stale(path: &Path, address: &SockAddr) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match Socket::new(Domain::UNIX, Type::STREAM, None)?.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Ok(()),
    }
}

impl Bound {
    /// A socket that the parent of the process has opened.
    pub(super) fn inherited(key: &'static str, socket: Listening) -> Result<Self, NodeError> {
        let socket: Socket = match socket {
            Listening::Tcp(socket) => socket.into(),
            Listening::Unix(socket) => socket.into(),
        };
        let local = socket.local_addr()?;
        let path = || local.as_pathname().map(Path::to_path_buf).unwrap_or_default();
        let listen = local.as_socket().map_or_else(|| Listen::Unix(path()), Listen::Tcp);
        log::info!(key, at:% = listen; "socket_inherited");
        Ok(Self { key, listen, socket, own: false })
    }

    /// Whether the node has opened it itself.
    pub(super) fn is_own(&self) -> bool {
        self.own
    }

    /// Where it is bound; its port is the one that the system chose.
    pub(super) fn at(&self) -> &Listen {
        &self.listen
    }

    /// Lets clients in. The port can still be taken here: another process may have taken it without
    /// listening, as this one did.
    pub(super) fn listen(self) -> Result<Listening, NodeError> {
        self.start()?;
        Ok(match self.listen {
            Listen::Tcp(_) => Listening::Tcp(self.socket.into()),
            Listen::Unix(_) => Listening::Unix(self.socket.into()),
        })
    }

    /// The same for what is bound to a port.
    pub(super) fn listen_tcp(self) -> Result<TcpListener, NodeError> {
        self.start()?;
        Ok(self.socket.into())
    }

    fn start(&self) -> Result<(), NodeError> {
        let listening = self.socket.listen(1_024).and_then(|()| self.socket.set_nonblocking(true));
        listening.map_err(|source| NodeError::Listen { key: self.key, address: self.listen.clone(), source })
    }
}

/// A part of the node has ended: its result goes to the log.
pub(super) fn ended<E: std::fmt::Display>(part: &'static str) -> impl FnOnce(E) -> NodeError {
    move |error| {
        log::error!(part, error:%; "ended");
        NodeError::Ended(part)
    }
}

/// The configured resources, each with how many reporters must agree.
pub(super) fn resources(settings: &Settings) -> Vec<Use> {
    let used = |resource: &crate::config::Resource| Use {
        resource: resource.name.clone(),
        agree: resource.agree.get() as usize,
    };
    settings.resources.iter().map(used).collect()
}

/// The definitions of the configured applications.
pub(super) fn definitions(settings: &Settings) -> Vec<Definition> {
    let resources = resources(settings);
    let definition = |application: &crate::config::Application| Definition {
        name: application.name.clone(),
        uses: resources.iter().filter(|used| application.uses.contains(&used.resource)).cloned().collect(),
        agree: application.agree.get() as usize,
    };
    settings.applications.iter().map(definition).collect()
}

/// What is announced to the other nodes: every target of the configuration with a digest of its
/// definition (`uses`, `agree`).
pub(super) fn digests(settings: &Settings, definitions: &[Definition]) -> BTreeMap<Target, String> {
    let digest = |text: String| hex::encode(&Sha256::digest(text)[..8]);
    let mut digests = BTreeMap::new();
    for definition in definitions {
        let mut uses: Vec<&Name> = definition.uses.iter().map(|used| &used.resource).collect();
        uses.sort();
        digests.insert(
            Target::Application(definition.name.clone()),
            digest(format!("uses={uses:?} agree={}", definition.agree)),
        );
    }
    for resource in &settings.resources {
        digests.insert(Target::Resource(resource.name.clone()), digest(format!("agree={}", resource.agree)));
    }
    digests
}

/// Targets whose notifications overtake others: critical applications, what they use, and the
/// system where there is one.
pub(super) fn critical(settings: &Settings, definitions: &[Definition]) -> HashSet<Target> {
    let mut critical = HashSet::new();
    for (application, definition) in
        settings.applications.iter().zip(definitions).filter(|(application, _)| application.critical)
    {
        debug_assert_eq!(application.name, definition.name);
        critical.insert(Target::System);
        critical.insert(Target::Application(definition.name.clone()));
        critical.extend(definition.uses.iter().map(|used| Target::Resource(used.resource.clone())));
    }
    critical
}

/// Ends when the node is told to stop, with the name of the signal. SIGHUP asks for the configuration to be read
/// again.
pub(super) fn stop_signal(until_stdin_closes: bool, reload: Door) -> io::Result<impl Future<Output = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    actix::spawn(async move {
        while hangup.recv().await.is_some() {
            log::info!(signal = "SIGHUP"; "reload_asked");
            reload.knock();
        }
    });
    let (closed, mut stdin) = tokio::sync::oneshot::channel::<()>();
    if until_stdin_closes {
        std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            io::copy(&mut io::stdin().lock(), &mut io::sink()).ok();
            closed.send(()).ok();
        })?;
    } else {
        // Never sent: the branch below never completes.
        std::mem::forget(closed);
    }
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            _ = &mut stdin => "stdin",
        }
    })
}
