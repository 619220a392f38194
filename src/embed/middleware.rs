//! The gate as a middleware of actix-web.
//!
//! Must stay true: an answer of the gate never waits for the inner service, nor for the body of a request but a form
//! that it gives back.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage as _, HttpResponse, HttpResponseBuilder,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    rt::time::timeout,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, future::LocalBoxFuture, stream};

use super::Door;
use crate::{
    answer::Told,
    gate::inside::{self, Answered, PASS, Performing, Pieces, Refused, Ruling},
};

/// See the module: `App::new().wrap(Middleware::new(door))`, outside of everything that answers.
#[derive(Clone, Debug)]
pub struct Middleware(Door);

impl Middleware {
    /// Asks `door`.
    pub fn new(door: Door) -> Self {
        Self(door)
    }
}

impl<S, B> Transform<S, ServiceRequest> for Middleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Transform = MiddlewareService<S>;
    type InitError = ();
    type Future = Ready<Result<MiddlewareService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(MiddlewareService { door: self.0.clone(), inner }))
    }
}

/// A service behind a [`Middleware`].
#[derive(Debug)]
pub struct MiddlewareService<S> {
    door: Door,
    inner: S,
}

impl<S, B> Service<ServiceRequest> for MiddlewareService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let head = request.head();
        let secure = request.app_config().secure();
        let door = &self.door.0;
        let ruling = door.rule(&inside::Request {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            authority: head.uri.authority().map(|authority| authority.as_str()),
            fields: &head.headers,
            peer: head.peer_addr.map(|peer| peer.ip()),
            secure,
        });
        match ruling {
            Ruling::Perform(performing) => {
                let headers = request.headers_mut();
                headers.remove(PASS);
                if performing.notices.passed {
                    headers.insert(HeaderName::from_static(PASS), HeaderValue::from_static("1"));
                }
                Box::pin(perform(self.inner.call(request), performing))
            }
            Ruling::Answer(told) => tell(request, whole(told)),
            Ruling::Socket(fields, frame, _) => tell(request, accept(fields, frame)),
            Ruling::Form(refused) => Box::pin(async move {
                let told = refuse(*refused, &mut request).await;
                Ok(request.into_response(whole(told)).map_into_right_body())
            }),
            Ruling::Own => {
                let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
                let fields = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
                let asked = door.own((head.method.as_str(), target), fields, (head.peer_addr, secure));
                Box::pin(async move {
                    let answered = asked.answer().await;
                    Ok(request.into_response(own(answered)).map_into_right_body())
                })
            }
        }
    }
}

type Answering<B> = LocalBoxFuture<'static, Result<ServiceResponse<EitherBody<B, BoxBody>>, Error>>;

fn tell<B: 'static>(request: ServiceRequest, response: HttpResponse) -> Answering<B> {
    Box::pin(ready(Ok(request.into_response(response).map_into_right_body())))
}

/// The application's own answer, with what the gate tells beside it.
async fn perform<B>(
    answering: impl Future<Output = Result<ServiceResponse<B>, Error>>,
    performing: Performing,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let answered = answering.await;
    let status = match &answered {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    performing.ended(Some(status.as_u16()));
    let mut response = answered?;
    performing.notices.each(|name, value| {
        let value = HeaderValue::from_maybe_shared(value.clone());
        value.into_iter().for_each(|value| response.headers_mut().append(HeaderName::from_static(name), value));
    });
    Ok(response.map_into_left_body())
}

fn built(status: u16) -> HttpResponseBuilder {
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE))
}

fn whole(Told { status, fields, body }: Told) -> HttpResponse {
    let mut response = built(status);
    for (name, value) in fields {
        HeaderValue::from_maybe_shared(value).into_iter().for_each(|value| _ = response.append_header((name, value)));
    }
    response.body(body)
}

fn own(Answered { status, fields, pieces }: Answered) -> HttpResponse {
    let mut response = built(status);
    for (name, value) in fields {
        let value = HeaderValue::from_maybe_shared(value);
        value.into_iter().for_each(|value| _ = response.append_header((name.as_str(), value)));
    }
    match pieces {
        Pieces::Whole(body) => response.body(body),
        Pieces::Endless(mut pieces) => {
            let pieces = stream::poll_fn(move |cx| pieces.poll_recv(cx));
            response.streaming(pieces.map(Ok::<_, std::convert::Infallible>))
        }
    }
}

/// Accepts a WebSocket, and closes it with the reason.
fn accept(fields: Vec<(&'static str, Bytes)>, frame: Bytes) -> HttpResponse {
    let mut response = built(101);
    response.upgrade("websocket");
    for (name, value) in fields {
        HeaderValue::from_maybe_shared(value).into_iter().for_each(|value| _ = response.append_header((name, value)));
    }
    response.streaming(stream::once(ready(Ok::<_, std::convert::Infallible>(frame))))
}

/// Reads a refused form within its bounds.
async fn refuse(refused: Refused, request: &mut ServiceRequest) -> Told {
    let mut typed = refused.buffer();
    let mut body = request.take_payload();
    let reading = async {
        while let Some(piece) = body.next().await {
            let piece = piece.ok().filter(|piece| typed.len() + piece.len() <= typed.capacity())?;
            typed.extend_from_slice(&piece);
        }
        Some(std::mem::take(&mut typed))
    };
    let read = timeout(refused.limit(), reading).await.ok().flatten();
    refused.answer(read)
}
