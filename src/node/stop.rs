//! The end of a node, in order: users are answered, then operators and peers; then everything is on the disk.

use std::{sync::Arc, time::Duration};

use actix::Addr;
use actix_web::{dev::ServerHandle, web};

use super::{
    boot::{Listens, Ready},
    open::Opened,
};
use crate::{
    actors::{messages::Close, repeater::Repeater, shared::Shared},
    control::events,
    sync::Phase,
    vocabulary::Listen,
};

/// Between the end of accepting and the stop of the gate's workers: room for each to take the clients that were
/// accepted for it. One that is kept from its turn for longer loses them.
const TAKEN: Duration = Duration::from_millis(100);

/// The way to end a node in order.
pub(super) struct Control {
    server: ServerHandle,
    repeater: Addr<Repeater>,
    shared: Arc<Shared>,
    streams: web::Data<events::Streams>,
}

impl Control {
    /// Of a node that has begun to start.
    pub(super) fn of(Opened(core, _): &Opened) -> Self {
        Self {
            server: core.server.clone(),
            repeater: core.repeater.clone(),
            shared: Arc::clone(&core.shared),
            streams: core.streams.clone(),
        }
    }

    /// Stops accepting, finishes requests, flushes.
    pub(super) async fn stop(self, ready: Option<Ready>) {
        self.shared.set_phase(Phase::Stopping);
        if let Some(ready) = ready {
            ready.gate_streams.end();
            ready.running.stop().await;
            if let Some(listening) = ready.listening {
                end(listening).await;
            }
        }
        self.streams.end();
        self.server.stop(true).await;
        let close = tokio::time::timeout(Duration::from_secs(8), self.repeater.send(Close)).await;
        if close.is_err() {
            log::error!(note = "what has been acknowledged is durable"; "close_timed_out");
        }
        log::info!("stopped");
    }
}

/// Stops accepting users, and answers those who are there.
async fn end(Listens { gate: server, waiting, addresses }: Listens) {
    let gate = server.handle();
    let stop = async {
        // A worker that stops resets clients that were accepted for it and that it has not taken yet.
        gate.pause().await;
        tokio::time::sleep(TAKEN).await;
        gate.stop(true).await;
    };
    // The server must be polled for its stop to be carried out.
    futures_util::future::join3(stop, server, waiting.serve()).await.1.ok();
    for address in &addresses {
        if let (Listen::Unix(path), true) = address
            && let Err(error) = std::fs::remove_file(path)
        {
            log::warn!(path:? = path, error:%; "socket_not_removed");
        }
    }
}
