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

use bytes::{Buf as _, Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream, server::SendResponse};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    gate::{client::Socket, translated},
    http1::{
        framing::{self, Body},
        head::{self, Slots},
        unframe::{Part, Unframer},
    },
};

/// The most that is taken of an answer before it is sent, in bytes: the measure of a slow client's progress.
const TAKEN: usize = 16 * 1024;

/// See the module.
pub(super) struct Stream {
    /// Bytes of the request that have not been read.
    unread: Bytes,
    /// Where more of them come from.
    body: Option<translated::Incoming>,
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

/// A body that is being sent.
struct Outgoing {
    send: SendStream<Bytes>,
    unframer: Unframer,
    /// Data that has not been sent.
    piece: Bytes,
    /// Nothing comes behind the piece but trailers.
    over: bool,
}

impl Stream {
    pub(super) fn new(request: Request<RecvStream>, respond: SendResponse<Bytes>, taken_back: Rc<Cell<u32>>) -> Self {
        let (parts, body) = request.into_parts();
        let body = translated::Incoming::new(body, &parts.headers);
        let chunked = body.as_ref().is_some_and(translated::Incoming::is_chunked);
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
            Err(Failure::Answer(error)) => Poll::Ready(Err(error)),
            Err(Failure::Stream(error)) => Poll::Ready(Err(self.broken(error))),
        }
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            if self.done {
                self.answer.clear();
                return Poll::Ready(Ok(()));
            }
            let Some(out) = &mut self.out else {
                match self.send_head()? {
                    true => continue,
                    false => return Poll::Ready(Ok(())),
                }
            };
            if ready!(out.poll_piece(cx))? {
                self.done = true;
                continue;
            }
            if self.answer.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let taken = out.take(&self.answer)?;
            self.answer.drain(..taken);
            if out.piece.is_empty() && !out.over {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Sends a head of the answer, if it is there. Returns whether it was.
    fn send_head(&mut self) -> Result<bool, Failure> {
        let mut slots = Slots::default();
        let Some(head) = head::answer(&self.answer, &mut slots).map_err(Failure::answer)? else { return Ok(false) };
        let meaning = framing::answer(&head, self.asked_head).map_err(Failure::answer)?;
        let response = translated::answer(&head, &meaning).map_err(Failure::answer)?;
        if response.status().is_informational() {
            self.respond.send_informational(response)?;
        } else {
            self.done = matches!(meaning.body, Body::None | Body::Length(0));
            let send = self.respond.send_response(response, self.done)?;
            let unframer = Unframer::new(meaning.body);
            self.out = Some(Outgoing { send, unframer, piece: Bytes::new(), over: false });
        }
        let len = head.len;
        self.answer.drain(..len);
        Ok(true)
    }
}

impl Outgoing {
    /// Sends the piece, and the end behind it. Returns whether the end was sent.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Failure>> {
        let trailers = if self.over { translated::trailers(&self.unframer.trailers) } else { None };
        while !self.piece.is_empty() {
            let room = ready!(translated::poll_room(&mut self.send, self.piece.len(), cx))?;
            let piece = self.piece.split_to(room);
            let last = self.over && self.piece.is_empty() && trailers.is_none();
            self.send.send_data(piece, last)?;
            if last {
                return Poll::Ready(Ok(true));
            }
        }
        if self.over {
            match trailers {
                None => self.send.send_data(Bytes::new(), true)?,
                Some(trailers) => self.send.send_trailers(trailers)?,
            }
        }
        Poll::Ready(Ok(self.over))
    }

    /// Takes the data of all parts of a body that have come. Returns how many bytes are done with.
    fn take(&mut self, answer: &[u8]) -> Result<usize, Failure> {
        let (mut piece, mut taken) = (BytesMut::new(), 0);
        loop {
            let (n, part) = self.unframer.next(&answer[taken..]).map_err(Failure::answer)?;
            taken += n;
            match part {
                Part::Data(data) => piece.extend_from_slice(data),
                Part::More => break,
                Part::End => {
                    self.over = true;
                    break;
                }
            }
        }
        self.piece = piece.freeze();
        Ok(taken)
    }
}

/// Why an answer is not sent.
enum Failure {
    /// It is none.
    Answer(io::Error),
    /// Its client does not take it.
    Stream(h2::Error),
}

impl Failure {
    fn answer(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Answer(io::Error::other(error))
    }
}

impl From<h2::Error> for Failure {
    fn from(error: h2::Error) -> Self {
        Self::Stream(error)
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
        this.answer.extend_from_slice(&buf[..taken]);
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
