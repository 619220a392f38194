//! The gate's listener: accepts clients.
//!
//! actix-server accepts, runs the workers and stops them; each worker serves its connections with
//! [`super::connection`], and has an actix-web App that answers the gate's own addresses.

use std::{io, net::SocketAddr, os::unix::net::UnixListener, rc::Rc, time::Duration};

use actix_server::Server;
use actix_service::{IntoServiceFactory as _, ServiceFactory, boxed, fn_factory, fn_service, map_config};
use actix_web::{App, dev::AppConfig, web};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsAcceptor;

use super::{
    connection::{Worker, client::Socket, serve as serve_connection},
    entrance::{Arrival, Entrance, Kind},
    limits::Limits,
    per_client::Place,
    proxy_protocol::{self, HeaderError},
    service::{self, Gate},
    waiting::Waiting,
};
use crate::{noise::Noise, tls::Acceptor};

static TOO_MANY: Noise = Noise::new("connection_refused");
static NO_HEADER: Noise = Noise::new("proxy_header_missing");

/// A socket that listens and does not block.
#[derive(Debug)]
pub enum Listening {
    /// An address and a port.
    Tcp(std::net::TcpListener),
    /// A local socket.
    Unix(UnixListener),
}

/// A listener, and how clients come in there.
#[derive(Debug)]
pub struct Entry {
    /// Where they are accepted.
    pub socket: Listening,
    /// How they come in.
    pub entrance: Entrance,
}

impl From<std::net::TcpListener> for Entry {
    /// Without TLS.
    fn from(socket: std::net::TcpListener) -> Self {
        Self { socket: Listening::Tcp(socket), entrance: Entrance::default() }
    }
}

impl Entry {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, entrance: self.entrance.clone() })
    }
}

impl Listening {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(socket) => Self::Tcp(socket.try_clone()?),
            Self::Unix(socket) => Self::Unix(socket.try_clone()?),
        })
    }
}

/// Starts the gate on its listeners. Returns the server, and the way to serve the clients whom it leaves waiting when
/// it is stopped. `grace` is how many seconds requests in flight may take when the
/// server is stopped; at most `most` connections are served at a time, more wait; `reserved` adds what
/// is needed below `/.forewarn`, once for each worker. Signals are left to the caller.
///
/// # Errors
/// When the system refuses a listener.
pub fn serve<F>(
    entries: impl IntoIterator<Item = Entry>,
    gate: web::Data<Gate>,
    limits: Limits,
    grace: u64,
    most: usize,
    reserved: F,
) -> io::Result<(Server, Waiting)>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let entries: Vec<Entry> = entries.into_iter().collect();
    let kept = entries.iter().map(Entry::try_clone).collect::<io::Result<Vec<_>>>()?;
    let (own, more) = (gate.clone(), reserved.clone());
    let waiting = Waiting::new(kept, Duration::from_secs(grace), move || worker(own, limits, more));
    let workers = std::thread::available_parallelism()?.get();
    let mut builder = Server::build()
        .disable_signals()
        .shutdown_timeout(grace)
        .workers(workers)
        .max_concurrent_connections(most.div_ceil(workers));
    for Entry { socket, entrance } in entries {
        let (gate, reserved, stopping) = (gate.clone(), reserved.clone(), builder.graceful_shutdown_signal());
        let told = move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        };
        builder = match socket {
            Listening::Tcp(socket) => builder.listen("gate", socket, move || {
                connections::<TcpStream, _, _, _>(
                    gate.clone(),
                    limits,
                    reserved.clone(),
                    told.clone(),
                    entrance.clone(),
                )
            })?,
            Listening::Unix(socket) => builder.listen_uds("gate", socket, move || {
                connections::<UnixStream, _, _, _>(
                    gate.clone(),
                    limits,
                    reserved.clone(),
                    told.clone(),
                    entrance.clone(),
                )
            })?,
        };
    }
    Ok((builder.run(), waiting))
}

/// A worker on this thread.
async fn worker<F>(gate: web::Data<Gate>, limits: Limits, reserved: F) -> Result<Rc<Worker>, ()>
where
    F: Fn(&mut web::ServiceConfig) + Clone + 'static,
{
    let app = App::new().app_data(gate.clone()).configure(|config| service::configure(config, reserved));
    let app = map_config(app.into_factory(), |()| AppConfig::default()).new_service(()).await?;
    Ok(Worker::start(gate, limits, boxed::service(app)))
}

/// Serves one client, if it is let in.
pub(super) async fn serve_client<S: Entering>(mut stream: S, entrance: Entrance, worker: Rc<Worker>) {
    let Ok((mut peer, local)) = stream.ends() else { return };
    let gate = &worker.gate;
    if entrance.proxy_protocol && peer.is_some_and(|peer| gate.trusted.contains(peer.ip())) {
        let told = tokio::time::timeout(worker.limits.header, stream.read_header()).await;
        match told {
            Ok(Ok(source)) => peer = source.or(peer),
            Ok(Err(error)) => {
                if NO_HEADER.admits() {
                    log::warn!(from:? = peer.map(|peer| peer.ip()), error:%; "proxy_header_missing");
                }
                return;
            }
            Err(_) => return,
        }
    }
    let Some(place) = let_in(gate, peer) else { return };
    let arrival = Arrival { peer, local, ..Arrival::default() };
    match entrance.kind {
        Kind::Plain => serve_connection(stream, arrival, worker).await,
        Kind::Redirect(port) => {
            serve_connection(stream, Arrival { redirect: Some(port), ..arrival }, worker).await;
        }
        // Boxed, so that clients without TLS do not pay for its room.
        Kind::Tls(acceptor) => Box::pin(serve_under_tls(stream, &acceptor, arrival, worker)).await,
    }
    drop(place);
}

/// A handshake, which may take as long as a head; then the connection.
async fn serve_under_tls<S: Entering>(stream: S, acceptor: &Acceptor, arrival: Arrival, worker: Rc<Worker>) {
    match tokio::time::timeout(worker.limits.header, TlsAcceptor::from(acceptor.config()).accept(stream)).await {
        Ok(Ok(stream)) => serve_connection(stream, Arrival { secure: true, ..arrival }, worker).await,
        // It is the client's; strangers break off handshakes all the time.
        Ok(Err(error)) => log::debug!(error:%; "handshake_failed"),
        Err(_) => log::debug!(limit:? = worker.limits.header; "handshake_timed_out"),
    }
}

/// Serves the connections of one listener on one worker. `told` ends when the server is to stop.
fn connections<S, F, T, W>(
    gate: web::Data<Gate>,
    limits: Limits,
    reserved: F,
    told: T,
    entrance: Entrance,
) -> impl ServiceFactory<S, Config = (), Response = (), Error = (), InitError = ()>
where
    S: Entering + 'static,
    F: Fn(&mut web::ServiceConfig) + Clone + 'static,
    T: Fn() -> W + Clone + 'static,
    W: Future<Output = ()> + 'static,
{
    fn_factory(move || {
        let (gate, reserved, told, entrance) = (gate.clone(), reserved.clone(), told.clone(), entrance.clone());
        async move {
            let worker = worker(gate, limits, reserved).await?;
            let stopped = worker.clone();
            actix_web::rt::spawn(async move {
                told().await;
                stopped.stop();
            });
            Ok::<_, ()>(fn_service(move |stream: S| {
                let (worker, entrance) = (worker.clone(), entrance.clone());
                async move {
                    serve_client(stream, entrance, worker).await;
                    Ok::<_, ()>(())
                }
            }))
        }
    })
}

/// A connection to be accepted.
pub(super) trait Entering: Socket {
    /// Its other end and its own, if they have addresses.
    fn ends(&self) -> io::Result<(Option<SocketAddr>, Option<SocketAddr>)>;

    /// Reads a header of the PROXY protocol, and nothing behind it. None: the sender speaks for itself.
    async fn read_header(&mut self) -> io::Result<Option<SocketAddr>>;
}

impl Entering for TcpStream {
    fn ends(&self) -> io::Result<(Option<SocketAddr>, Option<SocketAddr>)> {
        // Small answers must not wait for acknowledgements.
        self.set_nodelay(true)?;
        Ok((Some(self.peer_addr()?), Some(self.local_addr()?)))
    }

    async fn read_header(&mut self) -> io::Result<Option<SocketAddr>> {
        let wrong = |error: HeaderError| io::Error::new(io::ErrorKind::InvalidData, error);
        let (mut header, mut seen) = (Vec::new(), [0; 256]);
        loop {
            // Only looked at, for what is behind the header is the client's.
            let n = self.peek(&mut seen).await?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let before = header.len();
            header.extend_from_slice(&seen[..n]);
            let read = proxy_protocol::read(&header).map_err(wrong)?;
            let taken = read.map_or(n, |header| header.len - before);
            self.read_exact(&mut seen[..taken]).await?;
            if let Some(header) = read {
                return Ok(header.source);
            }
        }
    }
}

impl Entering for UnixStream {
    fn ends(&self) -> io::Result<(Option<SocketAddr>, Option<SocketAddr>)> {
        Ok((None, None))
    }

    async fn read_header(&mut self) -> io::Result<Option<SocketAddr>> {
        // It has no address that could be trusted, so it is never asked.
        Ok(None)
    }
}

/// The client's place; `None` if it has as many as it may. Local sockets and connections from a trusted proxy belong to
/// many clients, and need none.
fn let_in(gate: &Gate, peer: Option<SocketAddr>) -> Option<Option<Place>> {
    let Some(peer) = peer.filter(|peer| !gate.trusted.contains(peer.ip())) else { return Some(None) };
    let place = gate.connections.take(peer.ip());
    if place.is_none() && TOO_MANY.admits() {
        log::warn!(client:% = peer.ip(), limit = gate.connections.most(); "connection_refused");
    }
    place.map(Some)
}
