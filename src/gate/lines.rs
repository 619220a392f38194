//! Connections of one worker to upstreams that speak HTTP/2: each carries many requests at a time.
//!
//! What must stay true: a slow request does not stop the others of its connection, so the connection's window has room
//! for what all of them may leave unread; no request is begun on a connection that has ended or is too old.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    io,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use crate::http1::head::MAX_ANSWER_HEAD;

/// The most requests of one connection at a time.
const STREAMS: usize = 100;
/// What an upstream may send ahead of the reader, for one request and for all, in bytes.
const WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 100 * WINDOW;
/// What waits for an upstream that does not read, for each request, in bytes.
const UNREAD: usize = 16 * 1024;

/// A connection.
#[derive(Clone)]
pub(super) struct Line {
    send: SendRequest<Bytes>,
    opened: Instant,
    ended: Rc<Cell<bool>>,
    /// Each request holds one.
    held: Rc<()>,
}

/// Room for one request on a connection.
pub(super) struct Slot {
    pub(super) send: SendRequest<Bytes>,
    _held: Rc<()>,
}

/// The connections to all upstreams, by what sets them apart.
#[derive(Default)]
pub(super) struct Lines(RefCell<HashMap<Arc<str>, Vec<Line>>>);

impl Line {
    /// Begins HTTP/2 on a connection, and keeps it in a task on this thread until it ends.
    pub(super) async fn begin(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> io::Result<Self> {
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(u32::try_from(MAX_ANSWER_HEAD).unwrap_or(u32::MAX))
            .max_send_buffer_size(UNREAD);
        let (send, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
        let ended = Rc::new(Cell::new(false));
        let end = Rc::clone(&ended);
        actix_web::rt::spawn(async move {
            if let Err(error) = connection.await {
                log::debug!(error:%; "upstream_connection_ended");
            }
            end.set(true);
        });
        Ok(Self { send, opened: Instant::now(), ended, held: Rc::default() })
    }

    /// For one more request, when the upstream takes one.
    pub(super) async fn ready(&self) -> io::Result<Slot> {
        let send = self.send.clone().ready().await.map_err(io::Error::other)?;
        Ok(Slot { send, _held: Rc::clone(&self.held) })
    }

    /// The requests that it carries.
    fn requests(&self) -> usize {
        Rc::strong_count(&self.held) - 1
    }

    fn is_usable(&self, age: Duration) -> bool {
        !self.ended.get() && self.opened.elapsed() < age
    }

    fn has_room(&self) -> bool {
        self.requests() < self.send.current_max_send_streams().min(STREAMS)
    }
}

impl Lines {
    /// One that has room for a request, and is not older than this.
    pub(super) fn take(&self, key: &Arc<str>, age: Duration) -> Option<Line> {
        let mut lines = self.0.borrow_mut();
        let kept = lines.get_mut(key)?;
        kept.retain(|line| line.is_usable(age));
        kept.iter().find(|line| line.has_room()).cloned()
    }

    /// Another one, for later requests too.
    pub(super) fn keep(&self, key: &Arc<str>, line: &Line) {
        self.0.borrow_mut().entry(Arc::clone(key)).or_default().push(line.clone());
    }

    /// Lets go of those without a request, and of those that are too old: they end with their last request.
    pub(super) fn sweep(&self, age: Duration) {
        self.0.borrow_mut().retain(|_, kept| {
            kept.retain(|line| line.is_usable(age) && line.requests() > 0);
            !kept.is_empty()
        });
    }
}
