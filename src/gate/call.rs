//! One request to an upstream that speaks HTTP/2, as a connection that carries one HTTP/1.1 request
//! (`upstream_protocol = "h2"`).
//!
//! What must stay true: dropping it takes the request back; a request that HTTP/2 cannot carry is answered with 400 here,
//! so that its client cannot make an upstream look broken; an answer that breaks off is a failed read.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use h2::client::ResponseFuture;
use http::uri::Scheme;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    lines::Slot,
    translated::{self, Failure, Incoming, Outgoing, TAKEN},
};
use crate::http1::framing::Body;

/// The answer to a request that HTTP/2 cannot carry.
const REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

/// See the module.
pub(super) struct Call {
    slot: Slot,
    scheme: Scheme,
    /// Bytes of the request that have not been looked at.
    request: Vec<u8>,
    asked_head: bool,
    /// The body of the request, once its head has been sent.
    out: Option<Outgoing>,
    /// The whole request has been handed over.
    sent: bool,
    answer: Answer,
    /// Bytes of the answer that have not been read.
    unread: Bytes,
}

/// Where the answer stands.
enum Answer {
    /// The request has not been sent.
    Unasked,
    Awaited(ResponseFuture),
    Body(Incoming),
    Over,
}

impl Call {
    /// On a connection that is ready for a request.
    pub(super) fn new(slot: Slot, scheme: Scheme) -> Self {
        Self {
            slot,
            scheme,
            request: Vec::new(),
            asked_head: false,
            out: None,
            sent: false,
            answer: Answer::Unasked,
            unread: Bytes::new(),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_sent(cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Failure::Message(error)) => Poll::Ready(Err(error)),
            Err(Failure::Stream(error)) => Poll::Ready(Err(broken(error))),
        }
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        if self.out.is_none() && !self.sent && !self.send_head()? {
            return Poll::Ready(Ok(()));
        }
        if let Some(out) = self.out.as_mut().filter(|_| !self.sent) {
            self.sent = ready!(out.poll_send(&mut self.request, cx))?;
        }
        if self.sent {
            self.request.clear();
        }
        Poll::Ready(Ok(()))
    }

    /// Sends the head of the request, if it is there. Returns whether it was.
    fn send_head(&mut self) -> Result<bool, Failure> {
        let Some(end) = self.request.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(false) };
        match translated::forwarded(&self.request[..end + 2], &self.scheme) {
            None => {
                self.unread = Bytes::from_static(REFUSED);
                (self.answer, self.sent) = (Answer::Over, true);
            }
            Some((request, body)) => {
                self.asked_head = request.method() == http::Method::HEAD;
                self.sent = matches!(body, Body::None | Body::Length(0));
                let (answer, send) = self.slot.send.send_request(request, self.sent)?;
                self.out = Some(Outgoing::new(send, body));
                self.answer = Answer::Awaited(answer);
            }
        }
        self.request.drain(..end + 4);
        Ok(true)
    }
}

fn broken(error: h2::Error) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}

impl AsyncRead for Call {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.unread.is_empty() {
            match &mut this.answer {
                // Sending it is what comes next, in the same task.
                Answer::Unasked => return Poll::Pending,
                Answer::Over => return Poll::Ready(Ok(())),
                Answer::Awaited(answer) => {
                    if let Poll::Ready(Some(interim)) = answer.poll_informational(cx) {
                        let (parts, ()) = interim.map_err(broken)?.into_parts();
                        this.unread = translated::answered(&parts, None, true).into();
                        continue;
                    }
                    let (parts, body) = ready!(Pin::new(answer).poll(cx)).map_err(broken)?.into_parts();
                    let body = Incoming::new(body, &parts.headers);
                    this.unread = translated::answered(&parts, body.as_ref(), this.asked_head).into();
                    this.answer = body.map_or(Answer::Over, Answer::Body);
                }
                Answer::Body(body) => match ready!(body.poll_more(cx)).map_err(broken)? {
                    Some(bytes) => this.unread = bytes,
                    None => this.answer = Answer::Over,
                },
            }
        }
        let n = this.unread.len().min(buf.remaining());
        buf.put_slice(&this.unread[..n]);
        this.unread.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Call {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        let taken = buf.len().min(TAKEN);
        match &mut this.out {
            Some(out) if !this.sent => out.accept(&buf[..taken], &mut this.request)?,
            _ => this.request.extend_from_slice(&buf[..taken]),
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
