//! The gate's listener: the HTTP server that lets users in.
//!
//! Made of the same parts as actix-web's `HttpServer`, which does not offer the one hook that the gate
//! needs: `100 Continue` must not be sent before the request is decided, for a denial must come
//! before the body is asked for (RFC 9110, section 10.1.1).

use std::{
    io,
    net::TcpListener,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_http::{HttpService, Protocol, Request, error::DispatchError};
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{
    App,
    dev::{AppConfig, Server},
    web,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    per_client::Place,
    proxy::{Limits, Proxy},
    service::{self, Gate},
};
use crate::noise::Noise;

static TOO_MANY: Noise = Noise::new("connection_refused");

/// How long an idle connection stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a connection may take to end after a refused body.
const LINGER: Duration = Duration::from_secs(2);

/// Starts the gate on a listener that does not block. `grace` is how many seconds requests in flight
/// may take when the server is stopped; at most `most` connections are served at a time, more wait;
/// `reserved` adds what is needed below `/.forewarn`, once for each worker. Signals are left to the
/// caller.
///
/// # Errors
/// When the system refuses the listener.
pub fn serve<F>(
    listener: TcpListener,
    gate: web::Data<Gate>,
    limits: Limits,
    grace: u64,
    most: usize,
    reserved: F,
) -> io::Result<Server>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let workers = std::thread::available_parallelism()?.get();
    let builder = Server::build()
        .disable_signals()
        .shutdown_timeout(grace)
        .workers(workers)
        .max_concurrent_connections(most.div_ceil(workers));
    let stopping = builder.graceful_shutdown_signal();
    let address = listener.local_addr()?;
    let builder = builder.listen("gate", listener, move || {
        let (reserved, stopping) = (reserved.clone(), stopping.clone());
        let app = App::new()
            .app_data(gate.clone())
            .app_data(web::ThinData(Proxy::new(limits)))
            .configure(|config| service::configure(config, reserved));
        let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
        let (expecting, entering) = (gate.clone(), gate.clone());
        let http = HttpService::build()
            // Connections that idle are told, so that a stop does not wait for them.
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_TIME)
            .client_disconnect_timeout(LINGER)
            // A client that has closed its sending side and waits is gone: the upstream is let go.
            .h1_allow_half_closed(false)
            .local_addr(address)
            .expect(move |req: Request| std::future::ready(service::expect(&expecting, req)))
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |io: TcpStream| std::future::ready(enter(&entering, io))).and_then(http)
    })?;
    Ok(builder.run())
}

/// Lets a connection in, unless its client has as many as it may. What comes from a trusted proxy
/// comes from many clients.
fn enter(gate: &Gate, io: TcpStream) -> Result<(Seated, Protocol, Option<std::net::SocketAddr>), DispatchError> {
    let peer = io.peer_addr()?;
    let place = match gate.trusted.contains(peer.ip()) {
        true => None,
        false => Some(gate.connections.take(peer.ip()).ok_or_else(|| {
            if TOO_MANY.admits() {
                log::warn!(client:% = peer.ip(), limit = gate.connections.most(); "connection_refused");
            }
            io::Error::other("this client has too many connections")
        })?),
    };
    // Small answers must not wait for acknowledgements.
    io.set_nodelay(true)?;
    Ok((Seated { io, _place: place }, Protocol::Http1, Some(peer)))
}

/// A connection and its client's place, which is given back with it.
struct Seated {
    io: TcpStream,
    _place: Option<Place>,
}

impl AsyncRead for Seated {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Seated {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
