//! Connections to other nodes, under TLS where their address says `https`.
//!
//! Must stay true: an `https` address is never called without TLS, and the name or address in it is the one that the
//! certificate must have.

use std::{
    error::Error,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::tls::{Certificate, client::client};

/// How long a connection may take to come about, and its handshake.
const CONNECT: Duration = Duration::from_secs(2);

/// Whom a node believes at other nodes' addresses, and what it shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    /// None: the system's authorities.
    pub(crate) roots: Option<Arc<RootCertStore>>,
    /// Its own certificate.
    pub(crate) own: Option<Certificate>,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    http: HttpConnector,
    trust: Trust,
    /// Made when the first `https` address is called.
    tls: Arc<OnceLock<Result<Arc<ClientConfig>, rustls::Error>>>,
}

impl Connector {
    pub(crate) fn new(trust: Trust) -> Self {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        http.enforce_http(false);
        Self { http, trust, tls: Arc::default() }
    }

    fn tls(&self) -> Result<TlsConnector, rustls::Error> {
        let made = self.tls.get_or_init(|| client(self.trust.roots.as_ref(), self.trust.own.as_ref()).map(Arc::new));
        made.clone().map(TlsConnector::from)
    }
}

type Failure = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Failure>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.http.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let (connecting, this) = (self.http.call(uri), self.clone());
        Box::pin(async move {
            let stream = connecting.await?;
            if !secure {
                return Ok(Stream(TokioIo::new(Box::new(stream.into_inner()))));
            }
            let (name, connector) = (ServerName::try_from(host)?, this.tls()?);
            let handshake = connector.connect(name, stream.into_inner());
            let stream = tokio::time::timeout(CONNECT, handshake).await.map_err(|_elapsed| timed_out())??;
            Ok(Stream(TokioIo::new(Box::new(stream))))
        })
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake timed out")
}

/// A connection of either kind.
pub(crate) struct Stream(TokioIo<Box<dyn Both>>);

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }
}
