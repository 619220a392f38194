//! Bodies on their way through, in both directions at the same time.
//!
//! What must stay true: at most a few buffers of each body are in memory, for whoever is slower
//! sets the pace; a known length stays known; a body that broke off never looks complete at the
//! other end (an error breaks off the connection there, too); a stream may last for ever, but not
//! be silent longer than its idle time-out.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::pool::{Connection, Pool};

/// What both ends of an exchange know about the upload.
#[derive(Debug, Default)]
pub(super) struct Upload {
    moved: Cell<bool>,
    waiting: Cell<bool>,
    unfinished: Cell<bool>,
}

impl Upload {
    /// Whether bytes went through since this was last asked.
    pub(super) fn take_moved(&self) -> bool {
        self.moved.replace(false)
    }

    /// Whether the client is the one who keeps everybody waiting.
    pub(super) fn waits_for_client(&self) -> bool {
        self.unfinished.get() && self.waiting.get()
    }

    pub(super) fn note(&self) {
        self.moved.set(true);
    }
}

/// The client did not send the body it had announced.
#[derive(Debug, thiserror::Error)]
#[error("the client's body broke off: {0}")]
pub(super) struct BrokenUpload(String);

/// A request's body.
pub(super) enum RequestBody {
    /// None at all.
    Empty,
    /// What the client sends.
    Client {
        /// The client's bytes.
        payload: Payload,
        /// Bytes to come, when the client has said how many.
        left: Option<u64>,
        /// Shared with the one who waits for the answer.
        upload: Rc<Upload>,
    },
}

impl RequestBody {
    /// A body of the given length; none if it is not known before its end.
    pub(super) fn client(payload: Payload, length: Option<u64>, upload: Rc<Upload>) -> Self {
        upload.unfinished.set(true);
        Self::Client { payload, left: length, upload }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BrokenUpload;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        let Self::Client { payload, left, upload } = self.get_mut() else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(payload).poll_next(cx);
        upload.waiting.set(polled.is_pending());
        polled.map(|next| match next {
            Some(Ok(data)) => {
                upload.note();
                if let Some(left) = left {
                    *left = left.saturating_sub(data.len() as u64);
                    // hyper need not ask again after the last announced byte
                    upload.unfinished.set(*left > 0);
                }
                Some(Ok(Frame::data(data)))
            }
            Some(Err(e)) => Some(Err(BrokenUpload(e.to_string()))),
            None => {
                upload.unfinished.set(false);
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Empty | Self::Client { left: Some(0), .. })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Client { left: Some(left), .. } => SizeHint::with_exact(*left),
            Self::Client { left: None, .. } => SizeHint::default(),
        }
    }
}

/// A timer that is looked at only while nothing moves, so that a busy stream costs no timers.
pub(super) struct Idle {
    timer: Pin<Box<Sleep>>,
    limit: Duration,
    armed: bool,
}

impl Idle {
    /// Takes over the timer that waited for the answer's head.
    pub(super) fn new(timer: Pin<Box<Sleep>>, limit: Duration) -> Self {
        Self { timer, limit, armed: false }
    }

    /// To be called when there is nothing to pass on. Ready when nothing has moved for the limit
    /// (at most twice the limit, as movement is only looked up when the timer ends).
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, moved: &dyn Fn() -> bool) -> Poll<()> {
        loop {
            if !self.armed {
                self.timer.as_mut().set(sleep(self.limit));
                self.armed = true;
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.armed = false;
            if !moved() {
                return Poll::Ready(());
            }
        }
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }
}

/// Why the body of an answer broke off. The head is out by then: all that is left is to close.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokenAnswer {
    #[error("upstream {0} broke off: {1}")]
    Upstream(String, #[source] hyper::Error),
    #[error("upstream {0} was silent for {1:?}")]
    Idle(String, Duration),
}

/// An answer's body, and the connection it comes from: dropped before its end, it closes that.
pub(super) struct AnswerBody {
    incoming: Incoming,
    size: BodySize,
    ended: bool,
    moved: Cell<bool>,
    upload: Rc<Upload>,
    idle: Idle,
    connection: Option<Connection>,
    pool: Rc<Pool>,
}

impl AnswerBody {
    pub(super) fn new(
        incoming: Incoming,
        size: BodySize,
        upload: Rc<Upload>,
        idle: Idle,
        connection: Connection,
        pool: Rc<Pool>,
    ) -> Self {
        let moved = Cell::new(false);
        Self { incoming, size, ended: false, moved, upload, idle, connection: Some(connection), pool }
    }

    fn upstream(&self) -> String {
        self.connection.as_ref().map_or_else(String::new, |c| c.authority().to_string())
    }
}

impl MessageBody for AnswerBody {
    type Error = BrokenAnswer;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenAnswer>>> {
        let this = self.get_mut();
        loop {
            match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.moved.set(true);
                    // Trailers are dropped: actix-web has no way to send them. An empty piece
                    // would end a chunked body.
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Ready(Some(Err(e))) => {
                    let broken = BrokenAnswer::Upstream(this.upstream(), e);
                    log::warn!("{broken}");
                    return Poll::Ready(Some(Err(broken)));
                }
                Poll::Ready(None) => {
                    this.ended = true;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let moved = || this.moved.replace(false) | this.upload.take_moved();
                    std::task::ready!(this.idle.poll(cx, &moved));
                    let broken = BrokenAnswer::Idle(this.upstream(), this.idle.limit());
                    log::warn!("{broken}");
                    return Poll::Ready(Some(Err(broken)));
                }
            }
        }
    }
}

impl Drop for AnswerBody {
    /// Gives the connection back if both directions are complete. actix-web does not poll bodies
    /// that it need not send (HEAD, 304), so this is the one place where the end is always seen.
    fn drop(&mut self) {
        let complete = self.ended || self.incoming.is_end_stream();
        if let Some(connection) = self.connection.take()
            && complete
            && !self.upload.unfinished.get()
        {
            self.pool.give_back(connection);
        }
    }
}

/// What an upload that broke off says in a log.
pub(super) fn payload_error(error: PayloadError) -> std::io::Error {
    std::io::Error::other(error.to_string())
}
