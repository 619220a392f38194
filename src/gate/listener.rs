//! The gate's listener: the HTTP server that lets users in.
//!
//! Made of the same parts as actix-web's `HttpServer`, which does not offer the one hook that the gate
//! needs: `100 Continue` must not be sent before the request is decided, for a denial must come
//! before the body is asked for (RFC 9110, section 10.1.1).

use std::{io, net::TcpListener, time::Duration};

use actix_http::{HttpService, Request};
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, map_config};
use actix_web::{
    App,
    dev::{AppConfig, Server},
    web,
};

use super::{
    proxy::{Limits, Proxy},
    service::{self, Gate},
};

/// How long an idle connection stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a connection may take to end after a refused body.
const LINGER: Duration = Duration::from_secs(1);

/// Starts the gate on a listener that does not block. `grace` is how many seconds requests in flight
/// may take when the server is stopped; `reserved` adds what is needed below `/.forewarn`, once for
/// each worker. Signals are left to the caller.
///
/// # Errors
/// When the system refuses the listener.
pub fn serve<F>(
    listener: TcpListener,
    gate: web::Data<Gate>,
    limits: Limits,
    grace: u64,
    reserved: F,
) -> io::Result<Server>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let builder = Server::build().disable_signals().shutdown_timeout(grace);
    let stopping = builder.graceful_shutdown_signal();
    let address = listener.local_addr()?;
    let builder = builder.listen("gate", listener, move || {
        let (reserved, stopping) = (reserved.clone(), stopping.clone());
        let app = App::new()
            .app_data(gate.clone())
            .app_data(web::ThinData(Proxy::new(limits)))
            .configure(|config| service::configure(config, reserved));
        let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
        let expecting = gate.clone();
        HttpService::build()
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
            .tcp_nodelay(true)
            .local_addr(address)
            .expect(move |req: Request| std::future::ready(service::expect(&expecting, req)))
            .finish(map_config(app, |()| AppConfig::default()))
            .tcp()
    })?;
    Ok(builder.run())
}
