//! The proxy between a raw client and a raw upstream, all on real sockets, byte by byte.
//!
//! The gate is a real actix-web server on a port of its own; both ends are scripted by the test,
//! so that order and framing on the wire are what is looked at. Nothing sleeps: every step waits
//! for the bytes before it, and [`within`] ends a test that waits in vain.
#![allow(clippy::unwrap_used)]

mod expectations;
mod failures;
mod messages;
mod streams;
mod tunnels;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::forwarded::Forwarding;
use super::path::Path;
use super::proxy::{Limits, Proxy};
use super::route::request_host;
use super::upstream::{Upstream, Upstreams};

/// What the gate answers when it forwards nothing: the status and the error's text.
async fn handle(
    req: HttpRequest,
    payload: web::Payload,
    proxy: web::ThinData<Proxy>,
    upstreams: web::Data<Upstreams>,
) -> HttpResponse {
    let path = Path::parse(req.uri().path().as_bytes()).unwrap();
    let forwarding = Forwarding {
        peer: req.peer_addr().map(|a| a.ip()),
        trusted: false,
        host: request_host(req.head()).unwrap(),
        secure: false,
    };
    match proxy.0.forward(&req, payload, &upstreams, path.literal(), &forwarding).await {
        Ok(response) => response,
        Err(error) => HttpResponse::build(error.status()).body(error.to_string()),
    }
}

/// A gate before an upstream that the test plays.
struct Stage {
    gate: std::net::SocketAddr,
    upstream: TcpListener,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Limits::default(), |own| vec![own]).await
    }

    /// `list` makes the upstreams' URLs from the played one's.
    async fn with(limits: Limits, list: impl Fn(String) -> Vec<String>) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let urls = list(format!("http://{}", upstream.local_addr().unwrap()));
        let all = Upstreams::new(urls.iter().map(|url| Upstream::parse(url).unwrap()));
        let all = web::Data::from(Arc::new(all));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::ThinData(Proxy::new(limits)))
                .app_data(all.clone())
                .default_service(web::to(handle))
        })
        .workers(1)
        .disable_signals()
        .h1_allow_half_closed(false)
        .bind("127.0.0.1:0")
        .unwrap();
        let gate = server.addrs()[0];
        actix_web::rt::spawn(server.run());
        Self { gate, upstream }
    }

    async fn client(&self) -> Wire {
        Wire::new(TcpStream::connect(self.gate).await.unwrap())
    }

    async fn accept(&self) -> Wire {
        Wire::new(self.upstream.accept().await.unwrap().0)
    }
}

/// One end of a connection, with what was read and not yet looked at.
struct Wire {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Wire {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, seen: Vec::new() }
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads up to and including `end`.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.seen.windows(end.len()).position(|w| w == end.as_bytes()) {
                let rest = self.seen.split_off(at + end.len());
                return String::from_utf8(std::mem::replace(&mut self.seen, rest)).unwrap();
            }
            let n = self.stream.read_buf(&mut self.seen).await.unwrap();
            assert!(n > 0, "closed before {end:?}: {:?}", String::from_utf8_lossy(&self.seen));
        }
    }

    /// A message's head.
    async fn head(&mut self) -> Head {
        Head(self.until("\r\n\r\n").await)
    }

    /// Everything up to the end of the connection, however it ends.
    async fn rest(&mut self) -> String {
        while self.stream.read_buf(&mut self.seen).await.is_ok_and(|n| n > 0) {}
        String::from_utf8(std::mem::take(&mut self.seen)).unwrap()
    }
}

/// A message's head, as text.
struct Head(String);

impl Head {
    fn first_line(&self) -> &str {
        self.0.lines().next().unwrap()
    }

    /// All values of a header, in order.
    fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.0.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    fn status(&self) -> u16 {
        self.first_line().split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// Ends a test that hangs, long after it should have passed.
async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), test).await.expect("the test hangs")
}
