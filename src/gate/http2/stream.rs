//! One HTTP/2 request and its answer, as a connection that carries one HTTP/1.1 request.
//!
//! What must stay true: what `h2` lets through becomes a head that HTTP/1.1 reads in the same way (no line ends in
//! names or values, no fields of the connection, a length that is kept); an answer that breaks off resets the stream
//! and never looks complete; what was written and not yet sent is bounded, so that the client sets the pace.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use h2::{Reason, RecvStream, server::SendResponse};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    gate::{
        client::Socket,
        translated::{self, Failure, Incoming, Outgoing, TAKEN},
    },
    http1::{
        framing::{self, Body},
        head::{self, Slots},
    },
};

/// See the module.
pub(super) struct Stream {
    /// Bytes of the request that have not been read.
    unread: Bytes,
    /// Where more of them come from.
    body: Option<Incoming>,
    asked_head: bool,
    respond: SendResponse<Bytes>,
    /// Bytes of the answer that have not been looked at.
    answer: Vec<u8>,
    /// The body of the answer, once its head has been sent.
    out: Option<Outgoing>,
    /// The whole answer has been handed over.
    done: bool,
    /// The client has taken the request back.
    reset: bool,
    /// How many more requests the client has taken back than it let finish.
    taken_back: Rc<Cell<u32>>,
}

impl Stream {
    pub(super) fn new(request: Request<RecvStream>, respond: SendResponse<Bytes>, taken_back: Rc<Cell<u32>>) -> Self {
        let (parts, body) = request.into_parts();
        let body = Incoming::new(body, &parts.headers);
        let chunked = body.as_ref().is_some_and(Incoming::is_chunked);
        Self {
            unread: translated::request(&parts, chunked).into(),
            body,
            asked_head: parts.method == http::Method::HEAD,
            respond,
            answer: Vec::new(),
            out: None,
            done: false,
            reset: false,
            taken_back,
        }
    }

    /// The client took the request back, or its connection ended.
    fn broken(&mut self, error: h2::Error) -> io::Error {
        self.reset |= error.is_reset() && error.is_remote();
        io::Error::new(io::ErrorKind::ConnectionReset, error)
    }

    /// Waits until the client takes the request back: there is no other one that it could send here.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let reset = match &mut self.out {
            Some(out) => ready!(out.send.poll_reset(cx)),
            None => ready!(self.respond.poll_reset(cx)),
        };
        Poll::Ready(match reset {
            Ok(_) => {
                self.reset = true;
                io::ErrorKind::ConnectionReset.into()
            }
            Err(error) => self.broken(error),
        })
    }

    /// Sends as much of the answer as there is and as the client takes.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_sent(cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Failure::Message(error)) => Poll::Ready(Err(error)),
            Err(Failure::Stream(error)) => Poll::Ready(Err(self.broken(error))),
        }
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        while self.out.is_none() {
            if !self.send_head()? {
                return Poll::Ready(Ok(()));
            }
        }
        if let Some(out) = self.out.as_mut().filter(|_| !self.done) {
            self.done = ready!(out.poll_send(&mut self.answer, cx))?;
        }
        if self.done {
            self.answer.clear();
        }
        Poll::Ready(Ok(()))
    }

    /// Sends a head of the answer, if it is there. Returns whether it was.
    fn send_head(&mut self) -> Result<bool, Failure> {
        let mut slots = Slots::default();
        let Some(head) = head::answer(&self.answer, &mut slots).map_err(Failure::message)? else { return Ok(false) };
        let meaning = framing::answer(&head, self.asked_head).map_err(Failure::message)?;
        let response = translated::answer(&head, &meaning).map_err(Failure::message)?;
        if response.status().is_informational() {
            self.respond.send_informational(response)?;
        } else {
            self.done = matches!(meaning.body, Body::None | Body::Length(0));
            let send = self.respond.send_response(response, self.done)?;
            self.out = Some(Outgoing::new(send, meaning.body));
        }
        let len = head.len;
        self.answer.drain(..len);
        Ok(true)
    }
}

impl Socket for Stream {
    const KEEPS: bool = true;

    fn poll_readable(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Nothing is read behind a whole answer: what the client still sends is refused.
        while this.unread.is_empty() && !this.done {
            let Some(body) = &mut this.body else { return this.poll_gone(cx).map(Err) };
            match ready!(body.poll_more(cx)) {
                Ok(Some(bytes)) => this.unread = bytes,
                Ok(None) => this.body = None,
                Err(error) => return Poll::Ready(Err(this.broken(error))),
            }
        }
        let n = this.unread.len().min(buf.remaining());
        buf.put_slice(&this.unread[..n]);
        this.unread.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        let taken = buf.len().min(TAKEN);
        match &mut this.out {
            Some(out) if !this.done => out.accept(&buf[..taken], &mut this.answer)?,
            _ => this.answer.extend_from_slice(&buf[..taken]),
        }
        match this.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let count = self.taken_back.get();
        self.taken_back.set(if self.reset { count + 1 } else { count.saturating_sub(1) });
        match &mut self.out {
            _ if self.done => {}
            Some(out) => out.send.send_reset(Reason::INTERNAL_ERROR),
            None => self.respond.send_reset(Reason::INTERNAL_ERROR),
        }
    }
}
