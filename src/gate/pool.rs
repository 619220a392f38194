//! Connections of one worker to its upstreams, opened, lent and kept.
//!
//! Each worker has its own, so nothing is locked and a body need not be `Send`. hyper's bare
//! HTTP/1.1 connection is used, not its pooling client: that one boxes a future for each request
//! and hides whether a connection was used before, on which the rules for trying again depend.
//!
//! What must stay true: **a connection lives exactly as long as its [`Connection`].** Dropping
//! that ends the task that drives it and closes the socket: when the client is gone, so is the
//! upstream request, whatever state it was in. Only one whose exchange is complete comes back.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{self, Instant};

use super::body::RequestBody;
use super::upstream::Upstream;

/// The longest head of an answer, and what hyper buffers of a body, in bytes.
const BUFFER: usize = 128 * 1024;
/// The most fields in the head of an answer.
const FIELDS: usize = 1_000;
/// What an answer is told to have when its head is beyond [`BUFFER`] or [`FIELDS`].
pub(super) const HEAD_TOO_LARGE: &str = "its head is larger than 128 KiB or has more than 1,000 fields";
/// How long a connection is used: a name that has moved is followed within this time.
const AGE: Duration = Duration::from_secs(300);
/// How often idle connections are looked through; one that sat out a whole round is closed.
const REAP: Duration = Duration::from_secs(30);

/// A connection that is not shared with anybody while it is held.
pub(super) struct Connection {
    pub(super) sender: http1::SendRequest<RequestBody>,
    /// Whether it has carried a request before: its upstream may have closed it unseen.
    pub(super) reused: bool,
    authority: Arc<str>,
    driver: JoinHandle<()>,
    opened: Instant,
    /// The round of the reaper in which it came back.
    round: u32,
}

impl Connection {
    /// Who is at the other end.
    pub(super) fn authority(&self) -> &Arc<str> {
        &self.authority
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The idle connections of one worker.
pub(super) struct Pool {
    idle: RefCell<HashMap<Arc<str>, Vec<Connection>>>,
    /// Kept per upstream at most.
    limit: usize,
    round: Cell<u32>,
    reaping: Cell<bool>,
}

impl Pool {
    pub(super) fn new(limit: usize) -> Rc<Self> {
        Rc::new(Self { idle: RefCell::default(), limit, round: Cell::new(0), reaping: Cell::new(false) })
    }

    /// The connection that came back last, if one is fit for another request. Those that turn
    /// out closed are dropped.
    pub(super) fn take(&self, upstream: &Upstream) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        let kept = idle.get_mut(upstream.authority())?;
        while let Some(connection) = kept.pop() {
            if connection.sender.is_ready() && connection.opened.elapsed() < AGE {
                return Some(connection);
            }
        }
        None
    }

    /// Takes back a connection whose request was sent and whose answer was read to its end.
    pub(super) fn give_back(&self, mut connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        connection.reused = true;
        connection.round = self.round.get();
        let mut idle = self.idle.borrow_mut();
        match idle.get_mut(&connection.authority) {
            Some(kept) if kept.len() >= self.limit => {}
            Some(kept) => kept.push(connection),
            None => _ = idle.insert(connection.authority.clone(), vec![connection]),
        }
    }

    /// Closes what has been idle for a whole round, and begins the next one.
    fn sweep(&self) {
        let round = self.round.get();
        self.round.set(round.wrapping_add(1));
        let mut idle = self.idle.borrow_mut();
        idle.retain(|_, kept| {
            kept.retain(|c| c.round == round && !c.sender.is_closed());
            !kept.is_empty()
        });
    }

    /// Opens a new connection. Fails as the operating system does, or with
    /// [`io::ErrorKind::TimedOut`] after `limit`.
    pub(super) async fn open(self: &Rc<Self>, upstream: &Upstream, limit: Duration) -> io::Result<Connection> {
        let stream = match time::timeout(limit, TcpStream::connect(upstream.address())).await {
            Ok(connected) => connected?,
            Err(elapsed) => return Err(io::Error::new(io::ErrorKind::TimedOut, elapsed)),
        };
        // small requests and answers must not wait for each other's acknowledgements
        stream.set_nodelay(true)?;
        // what a dead address does not acknowledge must not wait for the answer's time-out
        socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(limit))?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER)
            .max_headers(FIELDS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let authority = upstream.authority().clone();
        let name = authority.clone();
        let driver = actix_web::rt::spawn(async move {
            if let Err(e) = connection.with_upgrades().await {
                // whoever waits for the answer or the body gets the same error and reports it
                log::debug!("upstream={name} connection ended: {e}");
            }
        });
        if !self.reaping.replace(true) {
            actix_web::rt::spawn(reap(Rc::downgrade(self)));
        }
        Ok(Connection { sender, reused: false, authority, driver, opened: Instant::now(), round: 0 })
    }
}

/// Closes what nobody has used for a while; ends with its pool.
async fn reap(pool: Weak<Pool>) {
    loop {
        time::sleep(REAP).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.sweep();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    #[actix_web::test]
    async fn keeps_a_few_for_a_while() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let upstream = Upstream::parse(&url).unwrap();
        let pool = Pool::new(1);
        let limit = Duration::from_secs(5);
        let mut ends = Vec::new();
        for kept in [true, false] {
            let mut connection = pool.open(&upstream, limit).await.unwrap();
            connection.sender.ready().await.unwrap();
            let (mut end, _) = listener.accept().await.unwrap();
            pool.give_back(connection);
            match kept {
                true => ends.push(end),
                // above the limit: closed at once
                false => assert_eq!(end.read(&mut [0]).await.unwrap(), 0),
            }
        }
        pool.sweep();
        let connection = pool.take(&upstream).unwrap();
        assert!(connection.reused);
        pool.give_back(connection);
        pool.sweep();
        pool.sweep();
        assert!(pool.take(&upstream).is_none(), "idle for a whole round");
        assert_eq!(ends[0].read(&mut [0]).await.unwrap(), 0);
    }

    #[actix_web::test]
    async fn an_old_connection_is_not_used_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Upstream::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let pool = Pool::new(1);
        let mut connection = pool.open(&upstream, Duration::from_secs(5)).await.unwrap();
        connection.sender.ready().await.unwrap();
        let Some(born) = connection.opened.checked_sub(AGE) else { return };
        pool.give_back(connection);
        let mut connection = pool.take(&upstream).unwrap();
        connection.opened = born;
        pool.give_back(connection);
        assert!(pool.take(&upstream).is_none());
    }

    /// hyper alone would go on waiting for the rest of a body whose answer is complete.
    #[actix_web::test]
    async fn a_dropped_connection_is_closed_within_its_upload() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pool = Pool::new(1);
        let upstream = Upstream::parse(&url).unwrap();
        let mut connection = pool.open(&upstream, Duration::from_secs(5)).await.unwrap();
        let endless = Box::pin(futures_util::stream::pending());
        let payload: actix_web::dev::Payload = actix_web::dev::Payload::Stream { payload: endless };
        let body = RequestBody::client(payload, Some(9), Rc::default());
        let request = hyper::Request::post("/").body(body).unwrap();
        let answer = connection.sender.send_request(request);
        let (mut end, _) = listener.accept().await.unwrap();
        let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut end, reply).await.unwrap();
        drop(answer.await.unwrap());
        drop(connection);
        let mut seen = Vec::new();
        time::timeout(Duration::from_secs(20), end.read_to_end(&mut seen)).await.unwrap().unwrap();
    }
}
