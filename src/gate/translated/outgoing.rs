//! A body framed as HTTP/1.1 frames it, on its way to HTTP/2.
//!
//! What must stay true: the last frame of a body says that it is the last; a body that breaks off never gets one.

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use h2::SendStream;

use super::{poll_room, trailers};
use crate::http1::{
    framing::Body,
    unframe::{Part, Unframer},
};

/// The most that is taken of a message before it is sent, in bytes: the measure of a slow reader's progress. A frame of
/// so much data and its head fill one record of TLS.
pub(in crate::gate) const TAKEN: usize = 16 * 1024 - 9;

/// See the module.
pub(in crate::gate) struct Outgoing {
    pub(in crate::gate) send: SendStream<Bytes>,
    unframer: Unframer,
    /// Data that has not been sent.
    piece: Bytes,
    /// Nothing comes behind the piece but trailers.
    over: bool,
}

/// Why a message is not sent.
pub(in crate::gate) enum Failure {
    /// It is none.
    Message(io::Error),
    /// Its reader does not take it.
    Stream(h2::Error),
}

impl Failure {
    pub(in crate::gate) fn message(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Message(io::Error::other(error))
    }
}

impl From<h2::Error> for Failure {
    fn from(error: h2::Error) -> Self {
        Self::Stream(error)
    }
}

impl Outgoing {
    /// Behind a head that says this of the body.
    pub(in crate::gate) fn new(send: SendStream<Bytes>, body: Body) -> Self {
        Self { send, unframer: Unframer::new(body), piece: Bytes::new(), over: false }
    }

    /// Sends what these bytes have of the body, as far as its reader takes it, and removes them. Returns whether its
    /// end was sent.
    pub(in crate::gate) fn poll_send(
        &mut self,
        bytes: &mut Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, Failure>> {
        loop {
            if ready!(self.poll_piece(cx))? {
                return Poll::Ready(Ok(true));
            }
            if bytes.is_empty() {
                return Poll::Ready(Ok(false));
            }
            let taken = self.take(bytes).map_err(Failure::Message)?;
            bytes.drain(..taken);
            if self.piece.is_empty() && !self.over {
                return Poll::Ready(Ok(false));
            }
        }
    }

    /// Takes what comes next of the message, to be sent: its data at once where everything before it was sent; the
    /// rest is kept.
    pub(in crate::gate) fn accept(&mut self, bytes: &[u8], kept: &mut Vec<u8>) -> io::Result<()> {
        let sent = kept.is_empty() && self.piece.is_empty() && !self.over;
        let taken = if sent { self.take(bytes)? } else { 0 };
        kept.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Sends the piece, and the end behind it. Returns whether the end was sent.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Failure>> {
        let trailers = if self.over { trailers(&self.unframer.trailers) } else { None };
        while !self.piece.is_empty() {
            let room = ready!(poll_room(&mut self.send, self.piece.len(), cx))?;
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

    /// Takes the data of all parts of the body that have come. Returns how many bytes are done with.
    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (mut piece, mut taken) = (BytesMut::with_capacity(bytes.len()), 0);
        loop {
            let (n, part) = self.unframer.next(&bytes[taken..]).map_err(io::Error::other)?;
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
