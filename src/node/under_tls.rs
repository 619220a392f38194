//! The control listener under TLS, as actix-web's own server serves it without.
//!
//! What must stay true: a client has its place before it is heard, a handshake has a limit, and where the farm wants
//! certificates of its nodes (`control.tls.client_ca`), nothing below `/peer/` is answered without one.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_http::{HttpService, Request, Response};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory, Service as _, ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service, map_config,
};
use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{AppConfig, ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    NodeError,
    crowd::Crowd,
    parts::{Bound, GRACE, WORKERS},
};
use crate::{body, control::session::UnderTls, tls::Acceptor};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves the App that `factory` makes; at most `most` connections at a time.
pub(super) fn serve<F, I, S, B>(
    factory: F,
    acceptor: &Arc<Acceptor>,
    crowd: &Crowd,
    bound: Bound,
    most: usize,
) -> Result<Server, NodeError>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error>,
    S::InitError: Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let builder = Server::build()
        .workers(WORKERS)
        .max_concurrent_connections(most.div_ceil(WORKERS))
        .disable_signals()
        .shutdown_timeout(GRACE);
    let (acceptor, crowd, stopping) = (Arc::clone(acceptor), crowd.clone(), builder.graceful_shutdown_signal());
    let builder = builder.listen("control", bound.listen_tcp()?, move || {
        let (factory, acceptor, crowd, stopping) = (factory.clone(), acceptor.clone(), crowd.clone(), stopping.clone());
        fn_factory(move || {
            let stopping = stopping.clone();
            let app = factory().into_factory().map_err(|error| error.into().error_response());
            let http = HttpService::build()
                .client_disconnect_timeout(body::LINGER)
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .on_connect_ext(|stream: &TlsStream<TcpStream>, kept| {
                    let shows_certificate = stream.get_ref().1.peer_certificates().is_some();
                    kept.insert(UnderTls { shows_certificate });
                })
                .h1(map_config(app, |()| AppConfig::default()));
            let (acceptor, crowd) = (acceptor.clone(), crowd.clone());
            async move {
                let http = std::rc::Rc::new(http.new_service(()).await.map_err(|_logged| ())?);
                Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                    let (http, acceptor, crowd) = (http.clone(), acceptor.clone(), crowd.clone());
                    async move {
                        let Ok(peer) = stream.peer_addr() else { return Ok(()) };
                        let Some(place) = crowd.enters(peer.ip()) else { return Ok(()) };
                        // Small answers must not wait for acknowledgements; without it they only do.
                        stream.set_nodelay(true).ok();
                        let handshake = TlsAcceptor::from(acceptor.config()).accept(stream);
                        match tokio::time::timeout(HANDSHAKE, handshake).await {
                            // What ends a connection is its client's affair.
                            Ok(Ok(stream)) => _ = http.call((stream, Some(peer))).await,
                            Ok(Err(error)) => log::debug!(from:% = peer, error:%; "handshake_failed"),
                            Err(_) => log::debug!(from:% = peer; "handshake_timed_out"),
                        }
                        drop(place);
                        Ok::<_, ()>(())
                    }
                }))
            }
        })
    })?;
    Ok(builder.run())
}

/// Whether other nodes must show a certificate.
#[derive(Debug)]
pub(super) struct Mutual(pub(super) AtomicBool);

/// Middleware: turns away who asks as a node and shows no certificate.
///
/// # Errors
/// What the handlers behind it give.
pub(super) async fn mutual<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse, Error> {
    let required = request.app_data::<web::Data<Mutual>>().is_some_and(|mutual| mutual.0.load(Ordering::Relaxed));
    let shown = request.request().conn_data::<UnderTls>().is_some_and(|tls| tls.shows_certificate);
    if required && !shown && request.path().starts_with("/peer/") {
        let said = "Nodes of this farm show a certificate of control.tls.client_ca (farm.tls_cert, farm.tls_key).";
        return Ok(request.into_response(HttpResponse::Forbidden().body(said)));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}
