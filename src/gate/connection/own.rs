//! Requests for the gate itself, answered by the actix-web App through its service interface.
//!
//! The App gets the request as actix-http would pass it, and its answer is framed here. Its handlers read as
//! much of a body as they need; the rest is discarded or ends the connection, as everywhere.
//!
//! What must stay true: `100 Continue` is sent only when a handler reads; an endless answer (server-sent events)
//! ends when its client is gone.

use std::{
    cell::RefCell,
    future::{Future as _, poll_fn},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_http::{BoxedPayloadStream, HttpMessage as _, Payload, Request, error::PayloadError};
use actix_service::Service as _;
use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody as _},
    http::{
        Method, Uri, Version,
        header::{HeaderName, HeaderValue},
    },
};
use bytes::Bytes;
use futures_util::Stream;

use super::{
    Client, Socket, Then,
    answer::{Manner, Wire, write_connection},
    flush,
};
use crate::{
    answer::ProblemKind,
    gate::{
        entrance::{Arrival, Secure},
        limits::{BUFFER, COLLECTED, READ_AHEAD},
    },
    http1::{
        body::Decoder,
        framing::{Body, Known, RequestMeaning},
        head::RequestHead,
        pipe::Coding,
        write,
    },
};

/// A request for the gate itself.
pub(super) struct Own {
    request: Request,
    intake: Rc<RefCell<Intake>>,
    body: Decoder,
    expects: bool,
    manner: Manner,
}

/// What a handler reads of a body, one piece at a time.
#[derive(Default)]
struct Intake {
    piece: Option<Bytes>,
    /// A handler waits for a piece.
    wanted: Option<Waker>,
    over: bool,
    broken: bool,
}

struct Reader(Rc<RefCell<Intake>>);

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut intake = self.0.borrow_mut();
        match intake.piece.take() {
            Some(piece) => Poll::Ready(Some(Ok(piece))),
            None if intake.broken => Poll::Ready(Some(Err(PayloadError::Incomplete(None)))),
            None if intake.over => Poll::Ready(None),
            None => {
                intake.wanted = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Own {
    /// `None`: it is no request that the App could be asked.
    pub(super) fn new(
        head: &RequestHead<'_, '_>,
        meaning: &RequestMeaning<'_>,
        manner: &Manner,
        arrival: &Arrival,
    ) -> Option<Self> {
        let body = Decoder::new(meaning.body);
        let intake = Rc::new(RefCell::new(Intake { over: body.is_over(), ..Intake::default() }));
        let reader: BoxedPayloadStream = Box::pin(Reader(Rc::clone(&intake)));
        let payload = match meaning.body {
            Body::None => Payload::None,
            _ => Payload::Stream { payload: reader },
        };
        let mut request = Request::with_payload(payload);
        let to = request.head_mut();
        to.method = Method::from_bytes(head.method.as_bytes()).ok()?;
        to.uri = Uri::try_from(head.target).ok()?;
        to.version = if head.minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
        to.peer_addr = arrival.peer;
        for field in head.fields {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            to.headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
        }
        if arrival.secure {
            request.extensions_mut().insert(Secure);
        }
        Some(Self { request, intake, body, expects: meaning.expects, manner: manner.clone() })
    }
}

/// Asks the App, and passes on its answer.
pub(super) async fn perform<S: Socket>(client: &mut Client<S>, own: Own) -> io::Result<Then> {
    let Own { request, intake, mut body, mut expects, manner } = own;
    let worker = Rc::clone(&client.worker);
    client.lend_output();
    client.deadline.set(client.gate.limits.upstream);
    let mut asked = Box::pin(worker.app.call(request));
    let answered = poll_fn(|cx| {
        loop {
            if let Poll::Ready(answer) = asked.as_mut().poll(cx) {
                return Poll::Ready(Ok(Some(answer)));
            }
            let moved = feed(client, cx, &intake, &mut body, &mut expects)?;
            if !moved {
                break;
            }
        }
        match client.deadline.poll(cx) {
            true => Poll::Ready(Ok(None)),
            false => Poll::Pending,
        }
    });
    let answered: io::Result<_> = answered.await;
    let response = match answered? {
        Some(Ok(response)) => response.map_into_boxed_body().into_parts().1,
        Some(Err(error)) => error.error_response(),
        None => {
            client.tell_kind(ProblemKind::RequestTimeout, None, &manner.or_close(true));
            return Ok(Then::Linger);
        }
    };
    drop(asked);
    // A body that was announced with a question, and not asked for, may come or not.
    let unknown = expects && client.input.raw().is_empty();
    let keeps = manner.keeps && !unknown;
    let endless = tell(client, response, &manner, keeps).await?;
    // Whatever the deadline was for, it is over.
    client.heading = false;
    Ok(match (keeps && !endless, body.is_over()) {
        (true, true) => Then::Next,
        (true, false) => Then::Drain(body),
        (false, _) => Then::Linger,
    })
}

/// Gives a handler the bytes it waits for, if they have arrived; flushes and reads. Returns whether anything
/// moved.
fn feed<S: Socket>(
    client: &mut Client<S>,
    cx: &mut Context<'_>,
    intake: &Rc<RefCell<Intake>>,
    body: &mut Decoder,
    expects: &mut bool,
) -> io::Result<bool> {
    let wanted = intake.borrow_mut().wanted.take();
    let uploading = wanted.is_some() && !body.is_over();
    if uploading && std::mem::take(expects) {
        client.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    if let Poll::Ready(result) = client.poll_flush(cx) {
        result?;
    }
    if !uploading {
        // Only to notice that the client is gone; what it says ahead stays within bounds.
        if !client.ended
            && client.input.has_space(READ_AHEAD)
            && let Poll::Ready(read) = client.poll_fill(cx, READ_AHEAD)
        {
            return Ok(read? > 0);
        }
        return Ok(false);
    }
    let mut intake = intake.borrow_mut();
    loop {
        let passed = client.input.pass(body, Coding::Plain);
        let ready = client.input.ready();
        if !ready.is_empty() {
            intake.piece = Some(Bytes::copy_from_slice(ready));
            let n = ready.len();
            client.input.written(n);
        }
        intake.broken = passed.is_err() || (client.ended && !body.is_over());
        intake.over = body.is_over();
        if intake.piece.is_some() || intake.broken || intake.over {
            return Ok(true);
        }
        match client.poll_fill(cx, BUFFER) {
            Poll::Ready(read) => _ = read?,
            Poll::Pending => {
                intake.wanted = wanted;
                return Ok(false);
            }
        }
    }
}

/// Passes on an answer. Returns whether it ended with the connection.
async fn tell<S: Socket>(
    client: &mut Client<S>,
    response: HttpResponse<BoxBody>,
    manner: &Manner,
    keeps: bool,
) -> io::Result<bool> {
    let (response, mut body) = response.into_parts();
    let status = response.status();
    let bodiless = manner.head || matches!(status.as_u16(), 100..=199 | 204 | 304);
    let size = body.size();
    let chunked = size == BodySize::Stream && !bodiless && !manner.old;
    let endless = size == BodySize::Stream && !bodiless && manner.old;
    let out = &mut client.output;
    let before = out.len();
    write::status_line(out, status.as_u16(), status.canonical_reason().unwrap_or_default());
    match size {
        BodySize::Sized(length) if status.as_u16() != 204 => write::length(out, length),
        BodySize::None if !matches!(status.as_u16(), 100..=199 | 204 | 304) => write::length(out, 0),
        _ if chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        _ => {}
    }
    for (name, value) in response.headers() {
        if Known::of(name.as_str()) == Known::Other && name != "date" {
            write::field(out, name.as_str(), value.as_bytes());
        }
    }
    write_connection(out, &Wire { head: manner.head, old: manner.old, keeps: keeps && !endless });
    client.worker.date.with(|date| write::field(&mut client.output, "date", date));
    client.write_hsts();
    client.output.extend_from_slice(b"\r\n");
    client.log_answer(status.as_u16(), client.output.len() - before);
    if bodiless {
        return Ok(endless);
    }
    loop {
        let next = poll_fn(|cx| next_piece(client, cx, &mut body, size == BodySize::Stream)).await?;
        match next {
            Some(piece) if chunked && !piece.is_empty() => {
                write::chunk_line(&mut client.output, piece.len() as u64);
                client.output.extend_from_slice(&piece);
                client.output.extend_from_slice(b"\r\n");
            }
            Some(piece) => client.output.extend_from_slice(&piece),
            None if chunked => {
                client.output.extend_from_slice(b"0\r\n\r\n");
                return Ok(endless);
            }
            None => return Ok(endless),
        }
        if client.unwritten() >= COLLECTED {
            flush(client).await?;
        }
    }
}

/// The next piece of the App's answer. While it is not ready, pending output is sent and the client is watched.
fn next_piece<S: Socket>(
    client: &mut Client<S>,
    cx: &mut Context<'_>,
    body: &mut BoxBody,
    stream: bool,
) -> Poll<io::Result<Option<Bytes>>> {
    if let Poll::Ready(next) = Pin::new(body).poll_next(cx) {
        return Poll::Ready(next.transpose().map_err(|error| io::Error::other(error.to_string())));
    }
    let before = client.unwritten();
    if let Poll::Ready(result) = client.poll_flush(cx) {
        result?;
        client.deadline.set(client.gate.limits.tunnel);
    } else if client.unwritten() < before || !client.heading {
        client.heading = true;
        client.deadline.set(client.gate.limits.body);
    }
    if !client.ended
        && client.input.has_space(READ_AHEAD)
        && let Poll::Ready(read) = client.poll_fill(cx, READ_AHEAD)
    {
        read?;
    }
    // A stream has no last byte that a half-closed client could wait for.
    if client.deadline.poll(cx) || (client.ended && stream) {
        return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
    }
    Poll::Pending
}
