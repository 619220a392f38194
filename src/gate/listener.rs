//! The gate's listener: lets clients in.
//!
//! actix-server accepts, runs the workers and stops them; each worker serves its connections with
//! [`super::connection`], and has an actix-web App that answers the gate's own addresses.

use std::{io, net::TcpListener};

use actix_server::Server;
use actix_service::{IntoServiceFactory as _, ServiceFactory as _, boxed, fn_factory, fn_service, map_config};
use actix_web::{App, dev::AppConfig, web};
use tokio::net::TcpStream;

use super::{
    connection::{Worker, serve as serve_connection},
    limits::Limits,
    per_client::Place,
    service::{self, Gate},
};
use crate::noise::Noise;

static TOO_MANY: Noise = Noise::new("connection_refused");

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
    let builder = builder.listen("gate", listener, move || {
        let (gate, reserved, stopping) = (gate.clone(), reserved.clone(), stopping.clone());
        fn_factory(move || {
            let (gate, reserved, stopping) = (gate.clone(), reserved.clone(), stopping.clone());
            async move {
                let app = App::new().app_data(gate.clone()).configure(|config| service::configure(config, reserved));
                let app = map_config(app.into_factory(), |()| AppConfig::default()).new_service(()).await?;
                let worker = Worker::start(gate, limits, boxed::service(app));
                let stopped = worker.clone();
                actix_web::rt::spawn(async move {
                    stopping.notified().await;
                    stopped.stop();
                });
                Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                    let worker = worker.clone();
                    async move {
                        if let Some((peer, place)) = enter(&worker.gate, &stream) {
                            serve_connection(stream, Some(peer), worker).await;
                            drop(place);
                        }
                        Ok::<_, ()>(())
                    }
                }))
            }
        })
    })?;
    Ok(builder.run())
}

/// Lets a connection in, unless its client has as many as it may. What comes from a trusted proxy
/// comes from many clients.
fn enter(gate: &Gate, stream: &TcpStream) -> Option<(std::net::SocketAddr, Option<Place>)> {
    let peer = stream.peer_addr().ok()?;
    // Small answers must not wait for acknowledgements.
    stream.set_nodelay(true).ok()?;
    if gate.trusted.contains(peer.ip()) {
        return Some((peer, None));
    }
    let place = gate.connections.take(peer.ip());
    if place.is_none() && TOO_MANY.admits() {
        log::warn!(client:% = peer.ip(), limit = gate.connections.most(); "connection_refused");
    }
    Some((peer, Some(place?)))
}
