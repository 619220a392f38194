//! Changes as server-sent events (WHATWG HTML §9.2), for the API, the pages and the gate's public
//! `/.forewarn/events`.
//!
//! Events carry names, never content: a reader looks up what it may see. So nothing is stored for readers that
//! were away. A reader that returns (`Last-Event-ID`) or was too slow gets one `reset`: "look everything up
//! again". A reader should look up once after the stream has opened, because changes between its page and its
//! stream are not reported.
//!
//! Must stay true: streams are bounded in number; they end when the node stops, and with the session or
//! the token that allowed them; the public gets nothing but `availability` and `reset`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, interval_at},
};
use tokio_util::sync::CancellationToken;

use super::{auth::Lease, errors::Failure, params::Params};
use crate::{actors::desk::Event, availability::Name, clock};

/// A comment this often keeps proxies from closing a silent stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// First of all: after how many milliseconds a reader that has lost the stream comes back.
const GREETING: &str = "retry: 2000\n: changes from now on\n\n";

/// How many streams there may be. Cheap to clone; clones count together. The gate and the control
/// listener should have one each, so that the public cannot take the operators' streams away.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    open: Arc<AtomicUsize>,
    most: usize,
    end: CancellationToken,
}

impl Default for Streams {
    /// 1,000.
    fn default() -> Self {
        Self::new(1_000)
    }
}

impl Streams {
    /// At most this many at a time.
    pub(crate) fn new(most: usize) -> Self {
        Self { open: Arc::default(), most, end: CancellationToken::new() }
    }

    /// How many are open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Ends all streams, also those to come, so that an orderly stop does not wait for readers.
    pub(crate) fn end(&self) {
        self.end.cancel();
    }

    fn seat(&self) -> Option<Seat> {
        let more = |open: usize| (open < self.most).then(|| open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Seat(Arc::clone(&self.open)))
    }
}

/// One open stream; gives its place back when it is dropped.
struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Anyone: `availability` events only.
    Public,
    /// Operators and API clients: all events.
    Private,
}

/// The answer to a request for a stream of what `changes` brings, from now on and for as long as the
/// lease. `application` limits it to `availability` events about that one.
///
/// # Errors
/// 503 when there are too many streams already, or the node stops.
pub(crate) fn respond(
    request: &HttpRequest,
    changes: Receiver<Event>,
    streams: &Streams,
    audience: Audience,
    lease: Lease,
    application: Option<Name>,
) -> Result<HttpResponse, Failure> {
    if streams.end.is_cancelled() {
        return Err(Failure::Unavailable { reason: "the node is stopping".to_owned(), retry_after: 2 });
    }
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("X-Accel-Buffering", "no"));
    if *request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let seat = streams.seat().ok_or_else(|| Failure::Unavailable {
        reason: format!("{} readers follow this node's changes already, the most that may", streams.most),
        retry_after: 10,
    })?;
    let returning = request.headers().contains_key("last-event-id");
    let wanted = move |event: &Event| passes(event, audience, application.as_ref());
    let ended = lease.ended.clone().cancelled_owned();
    let frames = frames(changes, wanted, move || lease.holds(clock::now()), returning, KEEP_ALIVE).take_until(ended);
    let until = streams.end.clone().cancelled_owned();
    // The seat goes with the stream; an error type that never occurs is what actix asks for.
    let body = frames.take_until(until).map(move |frame| {
        let _ = &seat;
        Ok::<_, std::convert::Infallible>(frame)
    });
    Ok(response.streaming(body))
}

/// The application that `?application=` limits a stream to, if there is one.
///
/// # Errors
/// 422 when it is no name, or there are other parameters.
pub(crate) fn filter(request: &HttpRequest) -> Result<Option<Name>, Failure> {
    let mut params = Params::of(request)?;
    let application = params.parsed("application", "is not the name of an application");
    params.finish()?;
    Ok(application)
}

/// Whether this audience gets to see this event.
fn passes(event: &Event, audience: Audience, application: Option<&Name>) -> bool {
    match (event, application) {
        (Event::Availability { application }, Some(wanted)) => application == wanted,
        (Event::Availability { .. }, None) => true,
        (_, Some(_)) => false,
        (_, None) => audience == Audience::Private,
    }
}

/// The name in an event's `event:` line.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Availability { .. } => "availability",
        Event::Resource { .. } => "resource",
        Event::Delivery { .. } => "delivery",
        Event::Notification { .. } => "notification",
        Event::Nodes => "nodes",
        Event::Monitor { .. } => "monitor",
    }
}

/// What one stream still has to remember.
struct Reader<F, H> {
    changes: Receiver<Event>,
    wanted: F,
    /// Looked at with every keep-alive.
    holds: H,
    /// Ids are the stream's random number and a count: unlike all others, and in order.
    stream: u64,
    count: u64,
    greeted: bool,
    owed_reset: bool,
    ticks: tokio::time::Interval,
}

impl<F: Fn(&Event) -> bool, H: Fn() -> bool> Reader<F, H> {
    fn frame(&mut self, event: &str, data: &str) -> Bytes {
        self.count += 1;
        format!("id: {:016x}-{}\nevent: {event}\ndata: {data}\n\n", self.stream, self.count).into()
    }

    fn reset(&mut self) -> Bytes {
        self.frame("reset", r#"{"event":"reset"}"#)
    }

    /// The next piece, or none when the node has ended.
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(Bytes::from_static(GREETING.as_bytes()));
        }
        if std::mem::take(&mut self.owed_reset) {
            return Some(self.reset());
        }
        loop {
            tokio::select! {
                change = self.changes.recv() => match change {
                    Ok(event) if (self.wanted)(&event) => {
                        // JSON has no line breaks of its own, so one data line holds it. Names and
                        // ids always serialize; were one not to, the reader looks everything up.
                        let Ok(data) = serde_json::to_string(&event) else { return Some(self.reset()) };
                        return Some(self.frame(kind(&event), &data));
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Some(self.reset()),
                    Err(RecvError::Closed) => return None,
                },
                _ = self.ticks.tick() => return (self.holds)().then(|| Bytes::from_static(b": still here\n\n")),
            }
        }
    }
}

/// The pieces of a stream: greeting, a reset for who returns, then changes and comments.
fn frames(
    changes: Receiver<Event>,
    wanted: impl Fn(&Event) -> bool,
    holds: impl Fn() -> bool,
    returning: bool,
    every: Duration,
) -> impl Stream<Item = Bytes> {
    let reader = Reader {
        changes,
        wanted,
        holds,
        stream: crate::clock::random(),
        count: 0,
        greeted: false,
        owed_reset: returning,
        ticks: interval_at(Instant::now() + every, every),
    };
    stream::unfold(reader, async |mut reader| reader.next().await.map(|frame| (frame, reader)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::{body::MessageBody as _, test::TestRequest};
    use tokio::sync::broadcast;
    use uuid::Uuid;

    const LONG: Duration = Duration::from_secs(3_600);

    fn about(application: &str) -> Event {
        Event::Availability { application: application.parse().unwrap() }
    }

    async fn texts(frames: impl Stream<Item = Bytes>) -> Vec<String> {
        frames.map(|frame| String::from_utf8(frame.to_vec()).unwrap()).collect().await
    }

    #[actix_web::test]
    async fn changes_come_in_order_until_the_node_ends() {
        let (sender, changes) = broadcast::channel(8);
        for event in [about("mail"), Event::Notification { id: Uuid::nil() }, Event::Nodes] {
            sender.send(event).unwrap();
        }
        drop(sender);
        let texts = texts(frames(changes, |event| *kind(event) != *"nodes", || true, false, LONG)).await;
        assert_eq!(texts[0], GREETING);
        assert!(
            texts[1]
                .ends_with("-1\nevent: availability\ndata: {\"event\":\"availability\",\"application\":\"mail\"}\n\n"),
            "{texts:?}"
        );
        assert!(texts[2].contains("-2\nevent: notification\n"), "{texts:?}");
        assert_eq!(texts.len(), 3);
    }

    #[actix_web::test]
    async fn who_missed_something_is_told_to_look_again() {
        let (sender, changes) = broadcast::channel(1);
        sender.send(about("mail")).unwrap();
        sender.send(about("chat")).unwrap();
        drop(sender);
        let texts = texts(frames(changes, |_| true, || true, true, LONG)).await;
        let kinds: Vec<&str> = texts[1..].iter().map(|text| text.lines().nth(1).unwrap()).collect();
        assert_eq!(kinds, ["event: reset", "event: reset", "event: availability"]);
    }

    #[actix_web::test]
    async fn silence_is_filled_with_comments() {
        let (_sender, changes) = broadcast::channel(1);
        let mut stream = std::pin::pin!(frames(changes, |_| true, || true, false, Duration::from_millis(1)));
        assert_eq!(stream.next().await.unwrap(), GREETING);
        assert_eq!(stream.next().await.unwrap(), ": still here\n\n");
    }

    #[test]
    fn the_public_sees_availability_only_and_filters_see_their_application() {
        let mail: Name = "mail".parse().unwrap();
        assert!(passes(&about("mail"), Audience::Public, None));
        assert!(!passes(&Event::Nodes, Audience::Public, None));
        assert!(passes(&Event::Nodes, Audience::Private, None));
        let monitor = || Event::Monitor { name: "mail-http".parse().unwrap() };
        assert!(!passes(&monitor(), Audience::Public, None) && passes(&monitor(), Audience::Private, None));
        assert_eq!(serde_json::to_string(&monitor()).unwrap(), r#"{"event":"monitor","name":"mail-http"}"#);
        assert!(passes(&about("mail"), Audience::Public, Some(&mail)));
        assert!(!passes(&about("chat"), Audience::Private, Some(&mail)));
        assert!(!passes(&Event::Nodes, Audience::Private, Some(&mail)));
    }

    #[actix_web::test]
    async fn streams_are_bounded_and_end_with_the_node() {
        let (sender, _) = broadcast::channel(1);
        let streams = Streams::new(1);
        let request = TestRequest::default().to_http_request();
        let open = || respond(&request, sender.subscribe(), &streams, Audience::Public, Lease::without_end(), None);
        let first = open().unwrap();
        assert_eq!(first.headers().get("x-accel-buffering").unwrap(), "no");
        assert!(matches!(open(), Err(Failure::Unavailable { retry_after: 10, .. })));
        drop(first);
        let again = open().unwrap();
        assert_eq!(streams.open(), 1);
        streams.end();
        let mut body = std::pin::pin!(again.into_body());
        let mut pieces = 0;
        while std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await.is_some() {
            pieces += 1;
        }
        assert!(pieces <= 1, "{pieces}");
        assert!(open().is_err());
    }

    #[actix_web::test]
    async fn a_stream_ends_with_what_allowed_it() {
        let (sender, changes) = broadcast::channel(1);
        let over = frames(changes, |_| true, || false, false, Duration::from_millis(1));
        assert_eq!(texts(over).await, [GREETING], "the token has expired by the first keep-alive");

        let streams = Streams::new(1);
        let request = TestRequest::default().to_http_request();
        let lease = Lease::without_end();
        let answer = respond(&request, sender.subscribe(), &streams, Audience::Private, lease.clone(), None).unwrap();
        let mut body = std::pin::pin!(answer.into_body());
        assert!(std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await.is_some());
        lease.ended.cancel();
        assert!(std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await.is_none(), "signed out");
    }
}
