//! A client that speaks HTTP/2: one connection with many requests at a time (docs/contract.md#http2).
//!
//! The crate `h2` reads and writes frames and keeps their flow control. Each request becomes a connection of its own
//! that carries one HTTP/1.1 request ([`stream`]), so that deciding, answering and forwarding are the same code for
//! both versions.
//!
//! What must stay true: the requests, heads and bytes of a connection are bounded; an idle connection ends; when the
//! gate stops, the client is told (GOAWAY), and the requests under way are answered; nothing that was written waits
//! while the connection does.

mod gather;
mod stream;

use std::{cell::Cell, future::poll_fn, rc::Rc, task::Poll};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use h2::Reason;
use http::Method;

use self::{
    gather::{MOST, gathered},
    stream::Stream,
};
use super::{client::Socket, connection::serve as serve_one, entrance::Arrival, worker::Worker};
use crate::http1::head::MAX_HEAD;

/// The most requests of one connection at a time.
const STREAMS: u32 = 100;
/// What a client may send ahead of the reader, for one request and for the whole connection, in bytes.
const WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 4 * WINDOW;
/// What waits for a client that does not read, for each request, in bytes.
const UNREAD: usize = 16 * 1024;
/// Requests that a client may take back before they are looked at.
const UNSEEN: usize = 20;
/// How many more requests a client may take back than it lets finish. More is an attack ("rapid reset").
const TAKEN_BACK: u32 = 100;

/// Serves a client until its connection ends.
pub(super) async fn serve<S: Socket>(socket: S, arrival: Arrival, worker: Rc<Worker>) {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .initial_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(UNREAD)
        .max_concurrent_reset_streams(UNSEEN)
        .max_pending_accept_reset_streams(UNSEEN);
    let limits = worker.gate.load().limits;
    let (socket, outlet) = gathered(socket);
    let handshake = tokio::time::timeout(limits.header, builder.handshake::<_, Bytes>(socket)).await;
    let Ok(Ok(mut connection)) = handshake else { return };
    outlet.gather();
    let arrival = Arrival { http2: true, h2c: false, ..arrival };
    let deadline = worker.deadlines.deadline();
    deadline.set(limits.idle);
    let mut streams = FuturesUnordered::new();
    let (mut is_idle, mut is_parting) = (true, false);
    let taken_back = Rc::new(Cell::new(0));
    poll_fn(|cx| {
        let mut before = outlet.waiting();
        loop {
            if worker.is_stopping() && !is_parting {
                is_parting = true;
                connection.graceful_shutdown();
                deadline.set(limits.parting);
            }
            while let Poll::Ready(Some(())) = streams.poll_next_unpin(cx) {}
            if taken_back.get() > TAKEN_BACK {
                taken_back.set(0);
                log::debug!(client:? = arrival.peer; "http2_rapid_reset");
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            }
            match connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, mut respond)))) => {
                    is_idle = false;
                    // Each request counts as a connection, so that a client holds no more by HTTP/2 than by HTTP/1.1.
                    match worker.gate.load().let_in(arrival.peer) {
                        // `h2` takes a request without `:path`.
                        _ if request.uri().path().is_empty() && request.method() != Method::CONNECT => {
                            respond.send_reset(Reason::PROTOCOL_ERROR);
                        }
                        None => respond.send_reset(Reason::REFUSED_STREAM),
                        Some(place) => {
                            let stream = Stream::new(request, respond, Rc::clone(&taken_back));
                            let served = serve_one(stream, arrival, Rc::clone(&worker));
                            streams.push(served.map(move |_| drop(place)));
                        }
                    }
                    continue;
                }
                // How a connection ends is its client's affair.
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            // What this pass has written may let a request go on, which writes more.
            let waiting = outlet.waiting();
            if waiting > before && waiting < MOST {
                before = waiting;
                continue;
            }
            if let Poll::Ready(Err(_)) = outlet.poll_flush(cx) {
                return Poll::Ready(());
            }
            if streams.is_empty() && !is_idle {
                is_idle = true;
                outlet.rest();
                deadline.set(if is_parting { limits.parting } else { limits.idle });
            }
            if !deadline.poll(cx) {
                return Poll::Pending;
            }
            if !streams.is_empty() {
                // Each request has limits of its own.
                deadline.set(limits.idle);
            } else if is_parting {
                return Poll::Ready(());
            } else {
                is_parting = true;
                connection.graceful_shutdown();
                deadline.set(limits.parting);
            }
        }
    })
    .await;
}
