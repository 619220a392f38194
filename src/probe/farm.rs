//! `farm = "https://…/.forewarn/availability/NAME"`: what another farm says of one of its applications
//! (docs/contract.md#another-farm). Every check asks; between checks the partner's event stream tells when to ask
//! again. While there is no stream, the checks go on.
//!
//! Must stay true: an answer costs at most 256 KiB, a stream a line of 8 KiB at a time and [`MAX_STREAM`] bytes in
//! [`WINDOW`]; however many events come, the partner is asked by them at most [`LOOKS`] times at once, and then once
//! in the interval of the checks.

use std::{cell::OnceCell, rc::Rc, sync::Arc, time::Duration};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::LocalBoxFuture,
    stream::{self, LocalBoxStream},
};
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;
use url::Url;

use super::{Probe, innermost, tls};
use crate::{
    clock,
    monitor::{
        FarmCheck, Finding,
        partner::{self, Events, MAX_ANSWER},
    },
    vocabulary::FarmId,
};

/// Between two tries to open the stream: from this to the next.
const PAUSE: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(60)];
/// A stream without a sign of life for this long is opened again: partners send a comment every 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// The most bytes of a stream within [`WINDOW`].
const MAX_STREAM: usize = 256 * 1024;
const WINDOW: Duration = Duration::from_secs(10);
/// How many times events may ask at once.
const LOOKS: u32 = 10;
/// The shortest time between two looks that events ask for.
const SPACING: Duration = Duration::from_millis(50);

/// See the module.
pub(super) struct Partner(Rc<Asker>);

struct Asker {
    check: FarmCheck,
    own: FarmId,
    /// The interval of the checks, and how long one may take.
    every: Duration,
    patience: Duration,
    /// A check has had an answer: it is worth while to open the stream now.
    answered: Notify,
    /// Made when it is first needed.
    tls: OnceCell<Arc<ClientConfig>>,
}

/// An answer whose body comes from a connection that ends with it.
struct Answer {
    status: StatusCode,
    is_stream: bool,
    body: Incoming,
    _connection: Connection,
}

/// The task that moves a connection's bytes; it ends when this is dropped.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Partner {
    pub(super) fn new(check: &FarmCheck, own: FarmId, every: Duration, patience: Duration) -> Self {
        Self(Rc::new(Asker {
            check: check.clone(),
            own,
            every,
            patience,
            answered: Notify::new(),
            tls: OnceCell::new(),
        }))
    }
}

impl Probe for Partner {
    fn check(&self, _: bool) -> LocalBoxFuture<'static, Finding> {
        let asker = Rc::clone(&self.0);
        async move {
            let finding = asker.look().await;
            if finding.is_ok() {
                asker.answered.notify_waiters();
            }
            finding.unwrap_or_else(Finding::Bad)
        }
        .boxed_local()
    }

    fn follow(&self) -> Option<LocalBoxStream<'static, Finding>> {
        Some(stream::unfold(Follower::new(Rc::clone(&self.0)), Follower::next).boxed_local())
    }
}

impl Asker {
    /// What the partner says now.
    async fn look(&self) -> Result<Finding, String> {
        let answer = self.ask(&self.check.url, "application/json").await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err("The partner has no such application".to_owned());
        }
        if answer.status != StatusCode::OK {
            return Err(format!("The partner answered {} instead of 200", answer.status.as_u16()));
        }
        let body = Limited::new(answer.body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| format!("The partner's answer was not read: {}", innermost(&*error)))?;
        partner::read(&body.to_bytes(), |farm| self.own.is(farm), &self.check.reasons).map(Finding::Told)
    }

    /// Opens the event stream.
    async fn events(&self) -> Result<Answer, String> {
        let answer = self.ask(&self.check.events, "text/event-stream").await?;
        match answer.status == StatusCode::OK && answer.is_stream {
            true => Ok(answer),
            false => Err(format!("The partner has no event stream: {}", answer.status.as_u16())),
        }
    }

    async fn ask(&self, url: &Url, accept: &'static str) -> Result<Answer, String> {
        // The configuration lets only addresses through that have both.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        let unreachable = |error| format!("The partner cannot be reached: {}", innermost(&error));
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(unreachable)?;
        if url.scheme() != "https" {
            return exchange(stream, request(url, accept)?).await;
        }
        let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
        let stream = TlsConnector::from(self.tls()?).connect(name, stream).await;
        let stream = stream.map_err(|error| format!("No TLS with the partner: {}", innermost(&error)))?;
        exchange(stream, request(url, accept)?).await
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = tls::unresumed(self.check.roots.as_ref())
            .map_err(|error| format!("The system's certificates cannot be read: {error}"))?;
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }
}

fn request(url: &Url, accept: &'static str) -> Result<Request<Empty<Bytes>>, String> {
    let agent = concat!("forewarn/", env!("CARGO_PKG_VERSION"));
    Request::get(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(header::HOST, &url[url::Position::BeforeHost..url::Position::BeforePath])
        .header(header::USER_AGENT, HeaderValue::from_static(agent))
        .header(header::ACCEPT, HeaderValue::from_static(accept))
        .header(header::CONNECTION, HeaderValue::from_static("close"))
        .body(Empty::new())
        .map_err(|error| error.to_string())
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| format!("The connection to the partner broke off: {}", innermost(&error));
    let client = hyper::client::conn::http1::Builder::new().max_buf_size(64 * 1024).handshake(TokioIo::new(stream));
    let (mut sender, connection) = client.await.map_err(broken)?;
    // The future of the answer reports what ends the connection.
    let connection = Connection(tokio::spawn(connection.map(drop)));
    let response = sender.send_request(request).await.map_err(broken)?;
    let media = response.headers().get(header::CONTENT_TYPE);
    let is_stream = media.is_some_and(|media| media.as_bytes().starts_with(b"text/event-stream"));
    Ok(Answer { status: response.status(), is_stream, body: response.into_body(), _connection: connection })
}

/// Follows the partner's event stream, and looks when something has happened.
struct Follower {
    asker: Rc<Asker>,
    stream: Option<Open>,
    pause: Duration,
    /// Looks that are left, and since when.
    looks: u32,
    counted: Duration,
}

/// A stream that is open.
struct Open {
    answer: Answer,
    events: Events,
    /// Bytes since the window began, and when it did.
    read: usize,
    window: Duration,
}

impl Follower {
    fn new(asker: Rc<Asker>) -> Self {
        Self { asker, stream: None, pause: PAUSE[0], looks: LOOKS, counted: clock::mono() }
    }

    /// The next thing that the partner says. What goes wrong is found by the checks, which count it.
    async fn next(mut self) -> Option<(Finding, Self)> {
        loop {
            match self.wait().await {
                Ok(()) => {
                    self.spare().await;
                    if let Ok(Ok(finding)) = timeout(self.asker.patience, self.asker.look()).await {
                        self.pause = PAUSE[0];
                        return Some((finding, self));
                    }
                }
                Err(problem) => {
                    log::debug!(problem; "partner_stream_broken");
                    self.stream = None;
                    // An answer to a check ends a long pause, but never the shortest one.
                    sleep(PAUSE[0].min(self.pause)).await;
                    let rest = self.pause.saturating_sub(PAUSE[0]);
                    timeout(rest, self.asker.answered.notified()).await.ok();
                    self.pause = (self.pause * 2).min(PAUSE[1]);
                }
            }
        }
    }

    /// Waits until there is something to look at: an event, or a new stream, before which events may have been missed.
    async fn wait(&mut self) -> Result<(), String> {
        if let Some(open) = &mut self.stream {
            return open.event().await;
        }
        let opened = timeout(self.asker.patience, self.asker.events()).await;
        let answer = opened.map_err(|_elapsed| "no event stream in time".to_owned())??;
        self.stream = Some(Open { answer, events: Events::default(), read: 0, window: clock::mono() });
        Ok(())
    }

    /// Waits until another look is allowed.
    async fn spare(&mut self) {
        sleep(SPACING).await;
        let every = self.asker.every;
        let earned = (clock::mono().saturating_sub(self.counted)).div_duration_f64(every) as u32;
        if earned > 0 {
            self.looks = self.looks.saturating_add(earned).min(LOOKS);
            self.counted = clock::mono();
        }
        match self.looks.checked_sub(1) {
            Some(left) => self.looks = left,
            None => sleep(every).await,
        }
    }
}

impl Open {
    /// Reads on until an event has ended.
    async fn event(&mut self) -> Result<(), String> {
        loop {
            let frame = timeout(SILENCE, self.answer.body.frame()).await;
            let frame = frame.map_err(|_elapsed| "the event stream is silent".to_owned())?;
            let frame = frame.ok_or("the event stream has ended")?.map_err(|error| innermost(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            let now = clock::mono();
            if now.saturating_sub(self.window) >= WINDOW {
                (self.read, self.window) = (0, now);
            }
            self.read += data.len();
            if self.read > MAX_STREAM {
                return Err("the event stream is too fast".to_owned());
            }
            if self.events.feed(&data)? {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
