//! WebSocket: after the upstream's 101, bytes both ways, unread.
//!
//! actix-web hands the bytes after the head of a WebSocket request over as its payload, and sends
//! the body of a 101 as it is; so the payload is pumped into the upgraded connection by a task of
//! its own, and the connection is read as the response's body. Neither direction waits for the
//! other.
//!
//! What must stay true: when either end is gone, so are both directions and the pump.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::task::JoinHandle;

use super::body::{Idle, payload_error};

/// Read at once from the upstream, in bytes.
const PIECE: usize = 16 * 1024;

/// The upstream's half of a tunnel, as the body of the 101.
pub(super) struct Tunnel {
    from_upstream: ReadHalf<TokioIo<Upgraded>>,
    buffer: BytesMut,
    /// Set by either direction.
    moved: Rc<Cell<bool>>,
    idle: Idle,
    pump: JoinHandle<()>,
}

impl Tunnel {
    /// Starts pumping the client's bytes to the upstream.
    pub(super) fn start(upgraded: Upgraded, from_client: Payload, idle: Idle) -> Self {
        let (from_upstream, to_upstream) = split(TokioIo::new(upgraded));
        let moved = Rc::new(Cell::new(false));
        let noted = moved.clone();
        let pump = actix_web::rt::spawn(async move {
            if let Err(e) = pump(from_client, to_upstream, &noted).await {
                log::debug!("tunnel ended: {e}");
            }
        });
        Self { from_upstream, buffer: BytesMut::new(), moved, idle, pump }
    }
}

/// Passes on what the client sends; its end is passed on as well.
async fn pump(
    mut from_client: Payload,
    mut to_upstream: WriteHalf<TokioIo<Upgraded>>,
    moved: &Cell<bool>,
) -> io::Result<()> {
    while let Some(data) = from_client.next().await {
        to_upstream.write_all(&data.map_err(payload_error)?).await?;
        to_upstream.flush().await?;
        moved.set(true);
    }
    to_upstream.shutdown().await
}

impl MessageBody for Tunnel {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let this = self.get_mut();
        this.buffer.reserve(PIECE);
        let from_upstream = Pin::new(&mut this.from_upstream);
        match tokio_util::io::poll_read_buf(from_upstream, cx, &mut this.buffer) {
            Poll::Ready(Ok(0)) => Poll::Ready(None),
            Poll::Ready(Ok(_)) => {
                this.moved.set(true);
                Poll::Ready(Some(Ok(this.buffer.split().freeze())))
            }
            Poll::Ready(Err(e)) => Poll::Ready(Some(Err(e))),
            Poll::Pending => {
                let moved = &this.moved;
                std::task::ready!(this.idle.poll(cx, &|| moved.replace(false)));
                log::debug!("tunnel was silent for {:?}", this.idle.limit());
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.pump.abort();
    }
}
