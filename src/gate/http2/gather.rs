//! Gathers what `h2` writes, so that frames of many requests leave in one call and one record of TLS.
//!
//! `h2` flushes after each frame with data. Under [`Gathered`] that flush waits until the connection has nothing more
//! to do: whoever drives the connection calls [`Outlet::poll_flush`] before it waits.
//!
//! What must stay true: bytes leave in the order in which they were written; at most [`MOST`] of them wait here; what
//! waits is written before the sending side is closed.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that wait at most.
pub(super) const MOST: usize = 64 * 1024;

struct Shared<S> {
    socket: RefCell<S>,
    waiting: RefCell<Waiting>,
    /// Flushes wait for [`Outlet::poll_flush`].
    is_gathering: Cell<bool>,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// So many of them are written.
    written: usize,
}

impl<S: AsyncWrite + Unpin> Shared<S> {
    /// Hands all that waits to the socket.
    fn poll_write_out(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (mut socket, mut waiting) = (self.socket.borrow_mut(), self.waiting.borrow_mut());
        while waiting.written < waiting.bytes.len() {
            let n = ready!(Pin::new(&mut *socket).poll_write(cx, &waiting.bytes[waiting.written..]))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            waiting.written += n;
        }
        waiting.written = 0;
        waiting.bytes.clear();
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(cx))?;
        Pin::new(&mut *self.socket.borrow_mut()).poll_flush(cx)
    }
}

/// The socket as `h2` sees it.
pub(super) struct Gathered<S>(Rc<Shared<S>>);

/// The other end of it.
pub(super) struct Outlet<S>(Rc<Shared<S>>);

/// Both ends of a socket. Until [`Outlet::gather`] each flush is one.
pub(super) fn gathered<S>(socket: S) -> (Gathered<S>, Outlet<S>) {
    let (socket, waiting) = (RefCell::new(socket), RefCell::default());
    let shared = Rc::new(Shared { socket, waiting, is_gathering: Cell::new(false) });
    (Gathered(Rc::clone(&shared)), Outlet(shared))
}

impl<S: AsyncWrite + Unpin> Outlet<S> {
    /// From now on flushes wait.
    pub(super) fn gather(&self) {
        self.0.is_gathering.set(true);
    }

    /// Nothing is to be written for a while: the buffer is given back.
    pub(super) fn rest(&self) {
        let mut waiting = self.0.waiting.borrow_mut();
        if waiting.bytes.is_empty() {
            waiting.bytes = Vec::new();
        }
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        let waiting = self.0.waiting.borrow();
        waiting.bytes.len() - waiting.written
    }

    /// Writes all that waits.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.socket.borrow_mut()).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.0.waiting.borrow().bytes.len() >= MOST {
            ready!(self.0.poll_write_out(cx))?;
        }
        let bytes = &mut self.0.waiting.borrow_mut().bytes;
        let taken = buf.len().min(MOST - bytes.len());
        bytes.extend_from_slice(&buf[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.0.is_gathering.get() { Poll::Ready(Ok(())) } else { self.0.poll_flush(cx) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_flush(cx))?;
        Pin::new(&mut *self.0.socket.borrow_mut()).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::future::poll_fn;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_flushed_leaves_at_once_or_together() {
        let (near, mut far) = duplex(1024);
        let (mut socket, outlet) = gathered(near);
        socket.write_all(b"hello").await.unwrap();
        socket.flush().await.unwrap();
        let mut told = [0; 5];
        far.read_exact(&mut told).await.unwrap();
        assert_eq!(&told, b"hello");
        outlet.gather();
        for part in ["a", "bc", "def"] {
            socket.write_all(part.as_bytes()).await.unwrap();
            socket.flush().await.unwrap();
        }
        assert_eq!(outlet.waiting(), 6);
        poll_fn(|cx| outlet.poll_flush(cx)).await.unwrap();
        assert_eq!((outlet.waiting(), far.read(&mut [0; 64]).await.unwrap()), (0, 6));
    }

    #[tokio::test]
    async fn no_more_waits_than_may_and_a_close_writes_it_first() {
        let (near, mut far) = duplex(1024);
        let (mut socket, outlet) = gathered(near);
        outlet.gather();
        let sent: Vec<u8> = (0..3 * MOST).map(|i| (i % 251) as u8).collect();
        let write = async {
            for part in sent.chunks(10_000) {
                socket.write_all(part).await.unwrap();
                assert!(outlet.waiting() <= MOST);
            }
            assert!(outlet.waiting() > 0);
            socket.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let (_, read) = tokio::join!(write, far.read_to_end(&mut got));
        read.unwrap();
        assert_eq!((got == sent, outlet.waiting()), (true, 0));
    }

    #[tokio::test]
    async fn who_does_not_read_is_waited_for() {
        let (near, _far) = duplex(1024);
        let (mut socket, outlet) = gathered(near);
        outlet.gather();
        let mut taken = 0;
        while let Some(n) = futures_util::FutureExt::now_or_never(socket.write(&[7; 10_000])) {
            taken += n.unwrap();
        }
        assert_eq!((taken, outlet.waiting()), (MOST, MOST - 1024));
    }
}
