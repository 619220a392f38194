//! Handles a body that the handler did not read to its end: the answer is sent first, then a little more is
//! read and discarded, then the connection closes.
//!
//! Clients that are still sending often read no answer before they have finished, and lose it if the connection
//! is reset. So part of the rest is read, but the answer never waits for it.

use std::{
    cell::RefCell,
    error::Error as StdError,
    future::{Future as _, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    Error, HttpMessage as _,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::ConnectionType,
    middleware::Next,
};
use bytes::Bytes;
use futures_util::Stream;
use tokio::time::{Sleep, sleep};

/// Most bytes that are thrown away after an answer.
const MOST: usize = 64 * 1024;
/// Longest time for that.
const PATIENCE: Duration = Duration::from_secs(2);
/// The `client_disconnect_timeout` of a server behind [`answer_first`]: with any other, it reads on by
/// itself afterwards, however much comes.
pub(crate) const LINGER: Duration = Duration::ZERO;

/// Middleware: gives the answer at once. If the request's body has not come to its end by then, the
/// answer says `Connection: close`, up to 64 KiB of the rest are read for at most 2 s, and the
/// connection ends.
///
/// # Errors
/// What the handlers behind it give.
pub(crate) async fn answer_first<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse, Error> {
    let payload = request.take_payload();
    if matches!(payload, Payload::None) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let mut rest = Rest(Rc::new(RefCell::new(Unread { payload, read: 0, ended: false })));
    request.set_payload(Payload::Stream { payload: Box::pin(rest.clone()) });
    let mut response = next.call(request).await?.map_into_boxed_body();
    if !rest.has_ended() {
        // What came together with the head is decoded meanwhile, so that short bodies close nothing.
        tokio::task::yield_now().await;
        rest.0.borrow_mut().read = 0;
        let _more_may_come = poll_fn(|cx| Poll::Ready(rest.discard(cx))).await;
    }
    if rest.has_ended() {
        return Ok(response);
    }
    response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    if matches!(response.response().body().size(), BodySize::Sized(1..)) {
        let patience = Box::pin(sleep(PATIENCE));
        response = response.map_body(|_, body| BoxBody::new(Finishing { body, rest, patience }));
    }
    Ok(response)
}

/// A request's body, in the hands of its handler and, afterwards, of the middleware.
#[derive(Clone)]
struct Rest(Rc<RefCell<Unread>>);

struct Unread {
    payload: Payload,
    /// Bytes that were taken out since the last count began.
    read: usize,
    ended: bool,
}

impl Rest {
    fn has_ended(&self) -> bool {
        self.0.borrow().ended
    }

    /// Throws away what is there, up to [`MOST`]; ready when no more is to be read.
    fn discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.0.borrow().read <= MOST {
            match Pin::new(&mut *self).poll_next(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }
}

impl Stream for Rest {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut unread = self.0.borrow_mut();
        if unread.ended {
            return Poll::Ready(None);
        }
        let next = pin!(&mut unread.payload).poll_next(cx);
        match &next {
            Poll::Ready(Some(Ok(piece))) => unread.read = unread.read.saturating_add(piece.len()),
            Poll::Ready(_) => unread.ended = true,
            Poll::Pending => {}
        }
        next
    }
}

/// An answer's body that ends only when enough of the request's has been thrown away. The client has
/// all of the answer before that: its length is announced.
struct Finishing {
    body: BoxBody,
    rest: Rest,
    patience: Pin<Box<Sleep>>,
}

impl MessageBody for Finishing {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_next(cx) {
            Poll::Ready(None) => {}
            piece => return piece,
        }
        if this.rest.discard(cx).is_pending() && this.patience.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, middleware::from_fn, web};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        time::timeout,
    };

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// A server whose handler refuses without a look at the body.
    fn refusing() -> (String, ServerHandle) {
        let server = HttpServer::new(|| {
            App::new()
                .wrap(from_fn(answer_first))
                .default_service(web::to(async || HttpResponse::Unauthorized().body("no")))
        });
        let server = server.workers(1).client_disconnect_timeout(LINGER).disable_signals();
        let server = server.bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0].to_string();
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        (address, handle)
    }

    async fn ask(address: &str, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Reads one answer, head and body, and no further.
    async fn answer(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\nno") {
            text.push(timeout(LONG, stream.read_u8()).await.unwrap().unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    #[actix_web::test]
    async fn an_answer_does_not_wait_for_a_body_that_does_not_come() {
        let (address, server) = refusing();
        for head in [
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        ] {
            let began = tokio::time::Instant::now();
            let mut stream = ask(&address, head).await;
            let text = answer(&mut stream).await;
            assert!(began.elapsed() < PATIENCE / 2, "{:?}: {head}", began.elapsed());
            assert!(text.starts_with("HTTP/1.1 401") && text.contains("connection: close"), "{text}");
            // then the connection ends, though the client says nothing
            assert_eq!(timeout(LONG, stream.read(&mut [0; 9])).await.unwrap().unwrap_or(0), 0);
        }
        server.stop(false).await;
    }

    #[actix_web::test]
    async fn a_short_body_that_is_there_closes_nothing() {
        let (address, server) = refusing();
        let mut stream = ask(&address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello").await;
        assert!(!answer(&mut stream).await.contains("connection: close"));
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        answer(&mut stream).await;
        server.stop(false).await;
    }

    #[actix_web::test]
    async fn of_a_long_body_little_is_taken() {
        let (address, server) = refusing();
        let mut stream = ask(&address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n").await;
        let (piece, mut taken) = (vec![b'x'; 65_536], 0);
        while taken < 1_000_000_000 {
            match timeout(LONG, stream.write(&piece)).await.unwrap() {
                Ok(count) => taken += count,
                Err(_) => break,
            }
        }
        // the sockets' own buffers take some megabytes
        assert!(taken < 100_000_000, "{taken}");
        server.stop(false).await;
    }
}
