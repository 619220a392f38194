//! Request bodies: their type, their size, their time, and what becomes of the rest of those that
//! nobody wants (SPEC 6: "The body of a refused request is read to its end, up to 1 MiB").
//!
//! Clients that are still sending when an answer comes often never read it: the connection is reset
//! under them. So the rest is read and thrown away; only beyond the bound is the connection closed.

use std::{
    cell::{Cell, RefCell},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    Error, HttpMessage as _, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::{ConnectionType, StatusCode, header},
    middleware::Next,
    web,
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;
use tokio::time::timeout;

use super::{errors::Failure, strict};

/// Largest body that is looked at, in bytes.
pub const MOST: usize = 64 * 1024;
/// How much of an unwanted body is read, in bytes.
const DRAINED: usize = 1024 * 1024;
/// How long a body may take, and again what is left of an unwanted one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a body of `application/json`.
///
/// # Errors
/// 415 for another type or a coded body, 413 above [`MOST`], 408 when it takes more than 10 s, 400
/// with line and column where it is no JSON or names a member twice.
pub async fn json(request: &HttpRequest, payload: web::Payload) -> Result<Value, Failure> {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    if !content_type.is_some_and(is_json) {
        return Err(Failure::UnsupportedType(
            "the body must have the Content-Type application/json (in UTF-8)".to_owned(),
        ));
    }
    let coding = request.headers().get(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Failure::UnsupportedType("the body must not have a Content-Encoding".to_owned()));
    }
    let bytes = read(request, payload).await?;
    strict::read(&bytes).map_err(Failure::Malformed)
}

/// `application/json`, without a charset or with UTF-8.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
        && parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

/// Reads a body of any type.
///
/// # Errors
/// 413 above [`MOST`], 408 when it takes more than 10 s, 400 when it breaks off.
pub async fn read(request: &HttpRequest, mut payload: web::Payload) -> Result<Bytes, Failure> {
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MOST as u64) {
        return Err(Failure::TooLarge(MOST));
    }
    let all = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|e| Failure::Malformed(format!("the body breaks off: {e}")))?;
            if body.len() + chunk.len() > MOST {
                return Err(Failure::TooLarge(MOST));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    match timeout(PATIENCE, all).await {
        Ok(read) => read,
        Err(_) => Err(Failure::TooSlow(PATIENCE.as_secs())), // that it elapsed is all it says
    }
}

/// A body that the handler reads from, and what it leaves over is still there afterwards.
#[derive(Clone)]
struct Shared {
    payload: Rc<RefCell<Payload>>,
    /// Bytes that came out, by whomever.
    read: Rc<Cell<usize>>,
    /// Nothing more will come.
    ended: Rc<Cell<bool>>,
}

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended.get() {
            return Poll::Ready(None);
        }
        let next = pin!(&mut *self.payload.borrow_mut()).poll_next(cx);
        match &next {
            Poll::Ready(Some(Ok(chunk))) => self.read.set(self.read.get().saturating_add(chunk.len())),
            Poll::Ready(_) => self.ended.set(true),
            Poll::Pending => {}
        }
        next
    }
}

/// Middleware: once the answer is known, reads what is left of the request's body, so that the
/// client gets to see the answer. Beyond 1 MiB or 10 s it closes the connection instead.
///
/// # Errors
/// What the handlers behind it give.
pub async fn finish_reading<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let shared =
        Shared { payload: Rc::new(RefCell::new(request.take_payload())), read: Rc::default(), ended: Rc::default() };
    request.set_payload(Payload::Stream { payload: Box::pin(shared.clone()) });
    let mut response = next.call(request).await?;
    if response.status() == StatusCode::REQUEST_TIMEOUT {
        return Ok(response); // it has been waited for, and the answer closes the connection
    }
    let mut rest = shared;
    let drained = timeout(PATIENCE, async {
        while rest.read.get() <= DRAINED && rest.next().await.is_some_and(|chunk| chunk.is_ok()) {}
    });
    if drained.await.is_err() || !rest.ended.get() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::{App, HttpResponse, middleware::from_fn, test as http};

    #[test]
    fn only_json_in_utf_8_is_json() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "text/json", "application/xml", "application/json; charset=latin1", "application/jsonp"] {
            assert!(!is_json(bad), "{bad}");
        }
    }

    /// A handler that answers without looking at the body, behind the middleware; returns how much
    /// of the body was taken, and whether the connection is to be closed.
    async fn drain(chunks: usize, size: usize) -> (usize, bool) {
        let taken = Rc::new(Cell::new(0));
        let counter = Rc::clone(&taken);
        let chunk = Bytes::from(vec![b'x'; size]);
        let body = futures_util::stream::iter((0..chunks).map(move |_| {
            counter.set(counter.get() + chunk.len());
            Ok::<_, PayloadError>(chunk.clone())
        }));
        let app = App::new().service(
            web::resource("/").wrap(from_fn(finish_reading)).to(async || HttpResponse::Unauthorized().finish()),
        );
        let app = http::init_service(app).await;
        let mut request = http::TestRequest::post().uri("/").to_request();
        let payload =
            Payload::Stream { payload: Box::pin(body) as Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> };
        drop(std::mem::replace(request.payload(), payload));
        let response = http::call_service(&app, request).await;
        assert_eq!(response.status(), 401);
        (taken.get(), response.response().head().connection_type() == ConnectionType::Close)
    }

    #[actix_web::test]
    async fn the_rest_of_a_refused_body_is_read_up_to_a_bound() {
        assert_eq!(drain(8, 65_536).await, (8 * 65_536, false));
        let (taken, closed) = drain(64, 65_536).await;
        assert!(closed && taken <= DRAINED + 65_536, "{taken}");
    }

    #[actix_web::test]
    async fn a_body_is_bounded_and_its_faults_have_places() {
        async fn read_back(body: Vec<u8>) -> Result<Value, u16> {
            use actix_web::{FromRequest as _, ResponseError as _};
            let (request, mut payload) = http::TestRequest::post()
                .insert_header(("content-type", "application/json"))
                .set_payload(body)
                .to_http_parts();
            let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
            json(&request, payload).await.map_err(|e| {
                if let Failure::Malformed(text) = &e {
                    assert!(text.contains("line 2 column"), "{text}");
                }
                e.status_code().as_u16()
            })
        }
        assert_eq!(read_back(b"{\"a\": 1}".to_vec()).await, Ok(serde_json::json!({"a": 1})));
        assert_eq!(read_back(b"{\n\"a\" 1}".to_vec()).await, Err(400));
        assert_eq!(read_back(b"\n\xff".to_vec()).await, Err(400));
        assert_eq!(read_back([b"\n".as_slice(), &vec![b'['; 5_000]].concat()).await, Err(400));
        assert_eq!(read_back(vec![b' '; MOST + 1]).await, Err(413));
    }
}
