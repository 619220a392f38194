//! Clients whom the system has let in when the gate stops, and whom no worker has taken.
//!
//! The system completes connections by itself and queues them. Those in the queue of a socket that is closed are
//! reset, although their clients believe that they were let in. So the gate keeps its sockets a moment longer than
//! its workers do, and serves who is in their queues.
//!
//! What must stay true: a connection that is let in is answered, except in the instant of the closing itself.

use std::{io, rc::Rc, time::Duration};

use futures_util::future::{LocalBoxFuture, join_all};
use tokio::{
    net::{TcpListener, UnixListener},
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};

use super::{
    entrance::Entrance,
    entry::{Entering, Entry, Listening, serve_client},
    worker::Worker,
};

/// How long the sockets are kept: until the server's own acceptor has surely stopped.
const KEPT: Duration = Duration::from_millis(500);

/// See the module.
pub struct Waiting(Box<dyn FnOnce() -> LocalBoxFuture<'static, ()>>);

impl Waiting {
    /// `entries` are the listeners once more; `worker` is made only when it is needed; the clients have `grace`.
    pub(super) fn new<W>(entries: Vec<Entry>, grace: Duration, worker: impl FnOnce() -> W + 'static) -> Self
    where
        W: Future<Output = Result<Rc<Worker>, ()>> + 'static,
    {
        Self(Box::new(move || {
            Box::pin(async move {
                let Ok(worker) = worker().await else { return };
                worker.stop();
                let end = Instant::now() + KEPT;
                let taken = join_all(entries.into_iter().map(|entry| take(entry, end, &worker))).await;
                let clients: Vec<_> = taken.into_iter().flatten().flatten().collect();
                if timeout(grace, join_all(clients)).await.is_err() {
                    log::debug!("clients_cut_off");
                }
            })
        }))
    }

    /// Serves them, and closes the sockets. Call it when the server has been told to stop.
    pub async fn serve(self) {
        (self.0)().await;
    }
}

/// Takes everyone from a socket's queue.
async fn take(Entry { socket, entrance }: Entry, end: Instant, worker: &Rc<Worker>) -> io::Result<Vec<JoinHandle<()>>> {
    let mut clients = Vec::new();
    match socket {
        Listening::Tcp(socket) => {
            let socket = TcpListener::from_std(socket)?;
            while let Ok(Ok((stream, _))) = timeout_at(end, socket.accept()).await {
                clients.push(client(stream, &entrance, worker));
            }
        }
        Listening::Unix(socket) => {
            let socket = UnixListener::from_std(socket)?;
            while let Ok(Ok((stream, _))) = timeout_at(end, socket.accept()).await {
                clients.push(client(stream, &entrance, worker));
            }
        }
    }
    Ok(clients)
}

fn client<S: Entering + 'static>(stream: S, entrance: &Entrance, worker: &Rc<Worker>) -> JoinHandle<()> {
    actix_web::rt::spawn(serve_client(stream, entrance.clone(), Rc::clone(worker)))
}
