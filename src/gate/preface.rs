//! HTTP/2 without TLS, by prior knowledge (`gate.h2c`): the client begins with a preface that is no HTTP/1.1 request.
//!
//! What must stay true: bytes that were read to find the preface are read again by what serves the client next.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client::Socket;

/// The beginning of every HTTP/2 connection (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// More bytes are needed to tell.
    Unknown,
    /// A request of HTTP/1.
    Http1,
    /// The preface.
    Http2,
}

/// What these first bytes of a connection are.
pub(super) fn opening(bytes: &[u8]) -> Opening {
    if bytes.starts_with(PREFACE) {
        Opening::Http2
    } else if PREFACE.starts_with(bytes) {
        Opening::Unknown
    } else {
        Opening::Http1
    }
}

/// A connection whose first bytes have been read.
pub(super) struct Begun<S> {
    read: Vec<u8>,
    socket: S,
}

impl<S> Begun<S> {
    pub(super) fn new(read: Vec<u8>, socket: S) -> Self {
        Self { read, socket }
    }
}

impl<S: Socket> Socket for Begun<S> {
    const KEEPS: bool = S::KEEPS;

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() { self.socket.poll_readable(cx) } else { Poll::Ready(Ok(())) }
    }
}

impl<S: Socket> AsyncRead for Begun<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.read.is_empty() {
            return Pin::new(&mut this.socket).poll_read(cx, buf);
        }
        let n = this.read.len().min(buf.remaining());
        buf.put_slice(&this.read[..n]);
        this.read.drain(..n);
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for Begun<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preface_is_told_from_a_request_by_its_first_bytes() {
        for end in 0..PREFACE.len() {
            assert_eq!(opening(&PREFACE[..end]), Opening::Unknown);
        }
        assert_eq!(opening(&[PREFACE, b"\0\0"].concat()), Opening::Http2);
        for other in [&b"GET / HTTP/1.1\r\n"[..], b"PRI * HTTP/1.1\r\n", b"PUT", b"\x16\x03"] {
            assert_eq!(opening(other), Opening::Http1);
        }
    }
}
