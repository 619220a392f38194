//! Connections of one worker to its upstreams, opened, lent and kept.
//!
//! Each worker has its own pool, so nothing is locked. One task watches all idle connections: if the upstream
//! closes one, or sends anything on it, it is closed at once.
//!
//! What must stay true: **a connection lives exactly as long as its [`Link`].** Dropping the link closes the
//! socket: when the client is gone, so is the upstream request, whatever its state. Only a connection whose
//! exchange is complete returns to the pool.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::poll_fn,
    io,
    rc::{Rc, Weak},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::FutureExt as _;
use http::uri::Scheme;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{self, Instant},
};

use tokio_rustls::TlsConnector;

use super::{
    call::Call,
    lines::{Line, Lines, Slot},
    stream::Stream,
};
use crate::{
    gate::{limits::Keeping, upstream::Upstream},
    http1::pipe::Pipe,
};

/// How often idle connections are looked through; one that was idle for a whole round is closed.
const REAP: Duration = Duration::from_secs(30);

/// An exclusive connection to an upstream.
pub(in crate::gate) struct Link {
    pub(super) stream: Stream,
    /// What was written may be kept by the stream.
    pub(super) unflushed: bool,
    /// Bytes that the upstream has sent.
    pub(super) input: Pipe,
    /// Whether it has carried a request before: its upstream may have closed it unseen.
    pub(super) reused: bool,
    /// What [`Self::bear`] has set.
    silence: Duration,
    authority: Arc<str>,
    /// What sets apart the connections that it may stand for.
    key: Arc<str>,
    opened: Instant,
    /// The round of the reaper in which it came back.
    round: u32,
}

impl Link {
    /// The address of the other end.
    pub(super) fn authority(&self) -> &Arc<str> {
        &self.authority
    }

    /// The connection fails when what was sent is not acknowledged for so long, or not taken: a dead address must
    /// not wait for the answer's time-out.
    pub(super) fn bear(&mut self, silence: Duration) {
        if self.silence != silence {
            self.silence = silence;
            let Some(socket) = self.stream.socket() else { return };
            if let Err(error) = socket2::SockRef::from(socket).set_tcp_user_timeout(Some(silence)) {
                log::debug!(upstream:% = self.authority, error:%; "user_timeout_not_set");
            }
        }
    }
}

/// The idle connections of one worker.
pub(in crate::gate) struct Pool {
    idle: RefCell<HashMap<Arc<str>, Vec<Link>>>,
    /// Connections that carry several requests at a time.
    lines: Lines,
    keeping: Keeping,
    round: Cell<u32>,
    /// Of the task that watches them.
    watcher: RefCell<Option<Waker>>,
}

impl Pool {
    /// An empty pool, and the tasks that keep it, on this thread.
    pub(in crate::gate) fn start(keeping: Keeping) -> Rc<Self> {
        let pool = Rc::new(Self {
            idle: RefCell::default(),
            lines: Lines::default(),
            keeping,
            round: Cell::new(0),
            watcher: RefCell::new(None),
        });
        actix_web::rt::spawn(watch(Rc::downgrade(&pool)));
        actix_web::rt::spawn(reap(Rc::downgrade(&pool)));
        pool
    }

    /// The connection that came back last, if one is fit for another request; or one that has room for it.
    pub(super) fn take(&self, upstream: &Upstream) -> Option<Link> {
        if upstream.is_http2() {
            let slot = self.lines.take(upstream.key(), self.keeping.age)?.ready().now_or_never()?.ok()?;
            return Some(Link { reused: true, ..link(upstream, call(slot, upstream)) });
        }
        let mut idle = self.idle.borrow_mut();
        let kept = idle.get_mut(upstream.key())?;
        while let Some(link) = kept.pop() {
            if link.opened.elapsed() < self.keeping.age {
                return Some(link);
            }
        }
        None
    }

    /// Takes back a connection whose exchange is complete in both directions.
    pub(super) fn give_back(&self, mut link: Link) {
        if link.stream.socket().is_none() {
            return;
        }
        link.reused = true;
        link.round = self.round.get();
        let mut idle = self.idle.borrow_mut();
        let kept = match idle.get_mut(&link.key) {
            Some(kept) => kept,
            None => idle.entry(Arc::clone(&link.key)).or_default(),
        };
        if kept.len() >= self.keeping.connections {
            return;
        }
        let quiet = match &*self.watcher.borrow() {
            Some(watcher) => link.stream.is_quiet(&mut Context::from_waker(watcher)),
            // The watcher has not had its first turn; it will look at everything then.
            None => true,
        };
        if quiet {
            kept.push(link);
        }
    }

    /// Opens a new connection. Fails as the operating system does, or with [`io::ErrorKind::TimedOut`].
    /// `preface` is what it gets before everything else.
    pub(super) async fn open(&self, upstream: &Upstream, preface: &[u8], limit: Duration) -> io::Result<Link> {
        let opening = async {
            let stream = connect(upstream, preface).await?;
            if !upstream.is_http2() {
                return Ok::<_, io::Error>(stream);
            }
            let line = Line::begin(stream).await?;
            // One that was opened in a client's name carries nothing else.
            if preface.is_empty() {
                self.lines.keep(upstream.key(), &line);
            }
            Ok(call(line.ready().await?, upstream))
        };
        let stream = match time::timeout(limit, opening).await {
            Ok(opened) => opened?,
            Err(elapsed) => return Err(io::Error::new(io::ErrorKind::TimedOut, elapsed)),
        };
        Ok(link(upstream, stream))
    }

    /// Closes connections that were idle for a whole round or are too old, and begins the next round.
    fn sweep(&self) {
        let round = self.round.get();
        self.round.set(round.wrapping_add(1));
        self.idle.borrow_mut().retain(|_, kept| {
            kept.retain(|link| link.round == round && link.opened.elapsed() < self.keeping.age);
            !kept.is_empty()
        });
        self.lines.sweep(self.keeping.age);
    }
}

/// A new link.
fn link(upstream: &Upstream, stream: Stream) -> Link {
    Link {
        stream,
        unflushed: false,
        input: Pipe::default(),
        reused: false,
        silence: Duration::ZERO,
        authority: Arc::clone(upstream.authority()),
        key: Arc::clone(upstream.key()),
        opened: Instant::now(),
        round: 0,
    }
}

/// One request by HTTP/2.
fn call(slot: Slot, upstream: &Upstream) -> Stream {
    let scheme = if upstream.tls().is_some() { Scheme::HTTPS } else { Scheme::HTTP };
    Stream::Http2(Box::new(Call::new(slot, scheme)))
}

async fn connect(upstream: &Upstream, preface: &[u8]) -> io::Result<Stream> {
    let mut stream = TcpStream::connect(upstream.address()).await?;
    // Small requests must not wait for acknowledgements.
    stream.set_nodelay(true)?;
    if !preface.is_empty() {
        stream.write_all(preface).await?;
    }
    Ok(match upstream.tls() {
        None => Stream::Plain(stream),
        Some((name, config)) => {
            let stream = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await?;
            if upstream.is_http2() && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                return Err(io::Error::other("it does not speak HTTP/2"));
            }
            Stream::Tls(Box::new(stream))
        }
    })
}

/// Closes idle connections that their upstreams have closed or sent anything on; ends with its pool.
async fn watch(pool: Weak<Pool>) {
    poll_fn(|cx| {
        let Some(pool) = pool.upgrade() else { return Poll::Ready(()) };
        pool.watcher.replace(Some(cx.waker().clone()));
        pool.idle.borrow_mut().values_mut().for_each(|kept| kept.retain_mut(|link| link.stream.is_quiet(cx)));
        Poll::Pending
    })
    .await;
}

/// Closes connections that have been idle for a while; ends with its pool.
async fn reap(pool: Weak<Pool>) {
    loop {
        time::sleep(REAP).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.sweep();
        // The watcher ends when the pool does; this turn is when it would notice.
        if let Some(watcher) = &*pool.watcher.borrow() {
            watcher.wake_by_ref();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    const LIMIT: Duration = Duration::from_secs(5);

    /// A listener, and itself as an upstream.
    async fn upstream() -> (TcpListener, Upstream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Upstream::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        (listener, upstream)
    }

    /// Gives everything else on this thread a turn until there is no idle connection.
    async fn until_empty(pool: &Pool) {
        let empty = async {
            while pool.idle.borrow().values().any(|kept| !kept.is_empty()) {
                tokio::task::yield_now().await;
            }
        };
        time::timeout(Duration::from_secs(20), empty).await.unwrap();
    }

    #[actix_web::test]
    async fn keeps_a_few_for_a_while() {
        let (listener, upstream) = upstream().await;
        let pool = Pool::start(Keeping { connections: 1, ..Keeping::default() });
        let (one, two) =
            (pool.open(&upstream, b"", LIMIT).await.unwrap(), pool.open(&upstream, b"", LIMIT).await.unwrap());
        let (mut first, mut second) = (listener.accept().await.unwrap().0, listener.accept().await.unwrap().0);
        pool.give_back(one);
        pool.give_back(two);
        assert_eq!(second.read(&mut [0]).await.unwrap(), 0, "above the limit: closed at once");
        pool.sweep();
        let link = pool.take(&upstream).unwrap();
        assert!(link.reused);
        pool.give_back(link);
        pool.sweep();
        pool.sweep();
        assert!(pool.take(&upstream).is_none(), "idle for a whole round");
        assert_eq!(first.read(&mut [0]).await.unwrap(), 0);
    }

    #[actix_web::test]
    async fn an_old_connection_is_not_used_again() {
        let (_listener, upstream) = upstream().await;
        let pool = Pool::start(Keeping { age: Duration::ZERO, ..Keeping::default() });
        let link = pool.open(&upstream, b"", LIMIT).await.unwrap();
        pool.give_back(link);
        assert!(pool.take(&upstream).is_none());
    }

    #[actix_web::test]
    async fn what_closes_or_speaks_while_idle_is_closed() {
        let (listener, upstream) = upstream().await;
        let pool = Pool::start(Keeping::default());
        for speaks in [false, true] {
            let link = pool.open(&upstream, b"", LIMIT).await.unwrap();
            let (mut end, _) = listener.accept().await.unwrap();
            pool.give_back(link);
            match speaks {
                true => end.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap(),
                false => drop(end),
            }
            until_empty(&pool).await;
        }
    }
}
