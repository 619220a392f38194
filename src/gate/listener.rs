//! The gate's listener: accepts clients.
//!
//! actix-server accepts, runs the workers and stops them; each worker serves its connections with
//! [`super::connection`], and has an actix-web App that answers the gate's own addresses.

use std::{io, rc::Rc, time::Duration};

use actix_server::Server;
use actix_service::{IntoServiceFactory as _, ServiceFactory, boxed, fn_factory, fn_service, map_config};
use actix_web::{App, dev::AppConfig, web};
use tokio::net::{TcpStream, UnixStream};

use super::{
    entrance::Entrance,
    entry::{Entering, serve_client},
    reserved,
    service::Present,
    waiting::Waiting,
    worker::Worker,
};

pub use super::entry::{Entry, Listening};

/// Starts the gate on its listeners. Returns the server, and the way to serve the clients whom it leaves waiting when
/// it is stopped. `grace` is how many seconds requests in flight may take when the
/// server is stopped; at most `most` connections are served at a time, more wait; `reserved` adds what
/// is needed below `/.forewarn`, once for each worker. Signals are left to the caller.
///
/// # Errors
/// When the system refuses a listener.
pub fn serve<F>(
    entries: impl IntoIterator<Item = Entry>,
    gate: Present,
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
    let waiting = Waiting::new(kept, Duration::from_secs(grace), move || worker(own, more));
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
                connections::<TcpStream, _, _, _>(gate.clone(), reserved.clone(), told.clone(), entrance.clone())
            })?,
            Listening::Unix(socket) => builder.listen_uds("gate", socket, move || {
                connections::<UnixStream, _, _, _>(gate.clone(), reserved.clone(), told.clone(), entrance.clone())
            })?,
        };
    }
    Ok((builder.run(), waiting))
}

/// A worker on this thread.
async fn worker<F>(gate: Present, more: F) -> Result<Rc<Worker>, ()>
where
    F: Fn(&mut web::ServiceConfig) + Clone + 'static,
{
    let app = App::new().app_data(gate.clone()).configure(|config| reserved::configure(config, more));
    let app = map_config(app.into_factory(), |()| AppConfig::default()).new_service(()).await?;
    Ok(Worker::start(gate, boxed::service(app)))
}

/// Serves the connections of one listener on one worker. `told` ends when the server is to stop.
fn connections<S, F, T, W>(
    gate: Present,
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
            let worker = worker(gate, reserved).await?;
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
