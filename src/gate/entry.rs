//! How clients come in: the sockets that listen, and what happens to a connection before its first request.
//!
//! Must stay true: a client has no more connections than it may; a handshake and a PROXY header take no longer than a
//! head.

use std::{io, net::SocketAddr, os::unix::net::UnixListener, rc::Rc};

use tokio::{
    io::AsyncReadExt as _,
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsAcceptor;

use super::{
    client::Socket,
    connection::serve as serve_connection,
    entrance::{Arrival, Entrance, Kind},
    http2,
    proxy_protocol::{self, HeaderError},
    worker::Worker,
};
use crate::{noise::Noise, tls::Acceptor};

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
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, entrance: self.entrance.clone() })
    }
}

impl Listening {
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(socket) => Self::Tcp(socket.try_clone()?),
            Self::Unix(socket) => Self::Unix(socket.try_clone()?),
        })
    }
}

/// Serves one client, if it is let in.
pub(super) async fn serve_client<S: Entering>(mut stream: S, entrance: Entrance, worker: Rc<Worker>) {
    let Ok((mut peer, local)) = stream.ends() else { return };
    let gate = worker.gate.load_full();
    if entrance.proxy_protocol && peer.is_some_and(|peer| gate.trusted.contains(peer.ip())) {
        let told = tokio::time::timeout(gate.limits.header, stream.read_header()).await;
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
    let Some(place) = gate.let_in(peer) else { return };
    let arrival = Arrival { peer, local, ..Arrival::default() };
    match entrance.kind {
        Kind::Plain => {
            let arrival = Arrival { h2c: entrance.h2c, ..arrival };
            if let Some(begun) = serve_connection(stream, arrival, Rc::clone(&worker)).await {
                // Boxed, so that clients of HTTP/1.1 do not pay for its room.
                Box::pin(http2::serve(begun, arrival, worker)).await;
            }
        }
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
    let limit = worker.gate.load().limits.header;
    match tokio::time::timeout(limit, TlsAcceptor::from(acceptor.config()).accept(stream)).await {
        Ok(Ok(stream)) => {
            let arrival = Arrival { secure: true, ..arrival };
            match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => http2::serve(stream, arrival, worker).await,
                _ => _ = serve_connection(stream, arrival, worker).await,
            }
        }
        // It is the client's; strangers break off handshakes all the time.
        Ok(Err(error)) => log::debug!(error:%; "handshake_failed"),
        Err(_) => log::debug!(limit:?; "handshake_timed_out"),
    }
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
