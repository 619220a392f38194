//! A client's end of a connection: its socket, its input and its output.
//!
//! What must stay true: an idle client has no buffers; the caller bounds what is read ahead and what is not yet
//! written.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::server::TlsStream;

use super::worker::Worker;
use crate::{
    gate::{access::Logged, deadline::Deadline, entrance::Arrival, service::Gate},
    http1::{head::Search, pipe::Pipe},
};

/// A stream that can say whether there is anything to read before a buffer is taken for it.
pub(in crate::gate) trait Socket: AsyncRead + AsyncWrite + Unpin {
    /// Whether what was written may still have to be flushed.
    const KEEPS: bool = false;

    /// Ready when a read may yield something.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl Socket for TcpStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }
}

impl Socket for UnixStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }
}

impl<S: Socket> Socket for TlsStream<S> {
    const KEEPS: bool = true;

    /// Whether there is plain text only shows when it is read.
    fn poll_readable(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Writes two buffers in a row; one call of the cheaper kind if there is only one. Returns how much was written.
pub(in crate::gate) fn poll_write_both<W: AsyncWrite + Unpin>(
    writer: &mut W,
    cx: &mut Context<'_>,
    first: &[u8],
    second: &[u8],
) -> Poll<io::Result<usize>> {
    let writer = Pin::new(writer);
    match (first.is_empty(), second.is_empty()) {
        (_, true) => writer.poll_write(cx, first),
        (true, _) => writer.poll_write(cx, second),
        (false, false) => writer.poll_write_vectored(cx, &[IoSlice::new(first), IoSlice::new(second)]),
    }
}

/// See the module.
pub(in crate::gate) struct Client<S> {
    pub(in crate::gate) socket: S,
    pub(in crate::gate) arrival: Arrival,
    pub(in crate::gate) worker: Rc<Worker>,
    /// The configuration under which the present request is performed.
    pub(in crate::gate) gate: Arc<Gate>,
    pub(in crate::gate) input: Pipe,
    /// Pending output.
    pub(in crate::gate) output: Vec<u8>,
    /// How much of the output has been written.
    written: usize,
    /// What was written may be kept by the socket.
    unflushed: bool,
    /// It has closed its sending side.
    pub(in crate::gate) ended: bool,
    pub(in crate::gate) deadline: Deadline,
    pub(super) search: Search,
    /// The deadline is that of the present head.
    pub(super) heading: bool,
    /// The present request, for the access log.
    pub(super) logged: Option<Logged>,
    /// Bytes that the socket has taken.
    sent: u64,
}

impl<S: Socket> Client<S> {
    pub(super) fn new(socket: S, arrival: Arrival, worker: Rc<Worker>) -> Self {
        let (deadline, gate) = (worker.deadlines.deadline(), worker.gate.load_full());
        Self {
            socket,
            arrival,
            worker,
            gate,
            input: Pipe::default(),
            output: Vec::new(),
            written: 0,
            unflushed: false,
            ended: false,
            deadline,
            search: Search::default(),
            heading: false,
            logged: None,
            sent: 0,
        }
    }

    /// Takes up the configuration as it is now.
    pub(super) fn look_up(&mut self) {
        let present = self.worker.gate.load();
        if !Arc::ptr_eq(&present, &self.gate) {
            self.gate = Arc::clone(&present);
        }
    }

    /// Bytes of [`Self::output`] that have not been written; not 0 either while the socket keeps any.
    pub(in crate::gate) fn unwritten(&self) -> usize {
        self.output.len() - self.written + usize::from(self.unflushed)
    }

    /// Bytes that the client has got, or is to get.
    pub(super) fn told(&self) -> u64 {
        self.sent + (self.output.len() - self.written) as u64
    }

    /// Reads once into [`Self::input`], which must have space within `limit`. 0: it has ended.
    pub(in crate::gate) fn poll_fill(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<io::Result<usize>> {
        if !self.input.has_buffer() {
            ready!(self.socket.poll_readable(cx))?;
            self.input.lend(self.worker.buffers.small());
        }
        let mut read = ReadBuf::new(self.input.space(limit));
        let result = match Pin::new(&mut self.socket).poll_read(cx, &mut read) {
            Poll::Ready(Ok(())) => {
                let n = read.filled().len();
                self.input.filled(n);
                self.ended |= n == 0;
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        if let Some(buffer) = self.input.take_buffer() {
            self.worker.buffers.put(buffer);
        }
        result
    }

    /// Writes the rest of the output, then `body`. Returns how much of the body was written.
    pub(in crate::gate) fn poll_write(&mut self, cx: &mut Context<'_>, body: &[u8]) -> Poll<io::Result<usize>> {
        let head = &self.output[self.written..];
        if head.is_empty() && body.is_empty() {
            if self.unflushed {
                ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
                self.unflushed = false;
            }
            return Poll::Ready(Ok(0));
        }
        let n = ready!(poll_write_both(&mut self.socket, cx, head, body))?;
        if n == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.unflushed = S::KEEPS;
        self.sent += n as u64;
        let of_head = n.min(head.len());
        self.written += of_head;
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
        }
        Poll::Ready(Ok(n - of_head))
    }

    /// Writes the rest of the output.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unwritten() > 0 {
            ready!(self.poll_write(cx, &[]))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Ensures that there is a buffer for output.
    pub(super) fn lend_output(&mut self) {
        if self.output.capacity() == 0 {
            self.output = self.worker.buffers.head();
        }
    }

    /// Gives back what an idle client does not need.
    pub(super) fn rest(&mut self) {
        if self.output.is_empty() && self.output.capacity() > 0 {
            self.worker.buffers.put_head(std::mem::take(&mut self.output));
        }
        if let Some(buffer) = self.input.take_buffer() {
            self.worker.buffers.put(buffer);
        }
    }
}
