//! The gate as a layer of tower services: axum, or hyper with tower.
//!
//! Must stay true: an answer of the gate never waits for the inner service, nor for the body of a request but a form
//! that it gives back.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{
    Extensions, HeaderName, HeaderValue, Request, Response, StatusCode, Version, header,
    uri::{PathAndQuery, Scheme},
};
use http_body_util::BodyExt as _;
use hyper::{
    body::{Frame, SizeHint},
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
    time::timeout,
};
use tower_service::Service;
use zeroize::Zeroizing;

use super::Door;
use crate::{
    answer::Told,
    gate::inside::{self, Answered, PASS, Performing, Pieces, Refused, Ruling},
};

/// How long a WebSocket that was closed is listened to, so that the reason arrives.
const PARTING: Duration = Duration::from_secs(2);

/// Where a request's client is found.
type Finds = fn(&Extensions) -> Option<SocketAddr>;

/// See the module.
#[derive(Clone, Debug)]
pub struct Layer {
    door: Door,
    finds: Finds,
    secure: bool,
}

impl Layer {
    /// Asks `door`. The client's address is the `SocketAddr` among the request's extensions.
    pub fn new(door: Door) -> Self {
        Self { door, finds: |extensions| extensions.get::<SocketAddr>().copied(), secure: false }
    }

    /// With another way to find the address of a request's client; criteria about `clients`, and proxies to be trusted,
    /// need it. For axum: `|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|client| client.0)`.
    #[must_use]
    pub fn finding_client(self, finds: fn(&Extensions) -> Option<SocketAddr>) -> Self {
        Self { finds, ..self }
    }

    /// For an application that is served under TLS: cookies are for `https` only.
    #[must_use]
    pub fn under_tls(self) -> Self {
        Self { secure: true, ..self }
    }
}

impl<S> tower_layer::Layer<S> for Layer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { layer: self.clone(), inner }
    }
}

/// A service behind a [`Layer`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    layer: Layer,
    inner: S,
}

type Answering<R, E> = Pin<Box<dyn Future<Output = Result<Response<Body<R>>, E>> + Send>>;

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    R: hyper::body::Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Body<R>>;
    type Error = S::Error;
    type Future = Answering<R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let peer = (self.layer.finds)(request.extensions());
        let secure = self.layer.secure || request.uri().scheme() == Some(&Scheme::HTTPS);
        let door = &self.layer.door.0;
        let ruling = door.rule(&inside::Request {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            authority: request.uri().authority().map(http::uri::Authority::as_str),
            fields: request.headers(),
            peer: peer.map(|peer| peer.ip()),
            secure,
        });
        match ruling {
            Ruling::Perform(performing) => {
                let mut inner = self.inner.clone();
                // The clone has not been asked whether it is ready.
                std::mem::swap(&mut inner, &mut self.inner);
                request.headers_mut().remove(PASS);
                if performing.notices.passed {
                    request.headers_mut().insert(PASS, HeaderValue::from_static("1"));
                }
                Box::pin(perform(inner.call(request), performing))
            }
            Ruling::Answer(told) => answer(whole(told)),
            Ruling::Form(refused) => {
                let body = request.into_body();
                Box::pin(async move { Ok(whole(refuse(*refused, body).await)) })
            }
            Ruling::Socket(fields, frame, told) => answer(match request.extensions_mut().remove::<OnUpgrade>() {
                Some(upgrade) if request.version() <= Version::HTTP_11 => accept(fields, frame, upgrade),
                _ => whole(told),
            }),
            Ruling::Own => {
                let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
                let host = request.uri().authority().map(|authority| ("host", authority.as_str().as_bytes()));
                let fields = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
                let host = host.filter(|_| !request.headers().contains_key(header::HOST));
                let asked = door.own((request.method().as_str(), target), fields.chain(host), (peer, secure));
                Box::pin(async move { Ok(own(asked.answer().await)) })
            }
        }
    }
}

fn answer<R: 'static, E: 'static>(response: Response<Body<R>>) -> Answering<R, E>
where
    Response<Body<R>>: Send,
{
    // Its error never occurs.
    Box::pin(async move { Ok(response) })
}

/// The application's own answer, with what the gate tells beside it.
async fn perform<R, E>(
    answering: impl Future<Output = Result<Response<R>, E>>,
    performing: Performing,
) -> Result<Response<Body<R>>, E> {
    let response = answering.await.inspect_err(|_| performing.ended(None))?;
    performing.ended(Some(response.status().as_u16()));
    let mut response = response.map(|body| Body(Kind::Inner(Box::pin(body))));
    performing.notices.each(|name, value| append(&mut response, name, value.clone()));
    Ok(response)
}

fn append<B>(response: &mut Response<B>, name: &str, value: Bytes) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_maybe_shared(value)) {
        response.headers_mut().append(name, value);
    }
}

fn built<R>(status: u16, body: Kind<R>) -> Response<Body<R>> {
    let mut response = Response::new(Body(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    response
}

fn whole<R>(Told { status, fields, body }: Told) -> Response<Body<R>> {
    let mut response = built(status, Kind::Whole(body));
    fields.into_iter().for_each(|(name, value)| append(&mut response, name, value));
    response
}

fn own<R>(Answered { status, fields, pieces }: Answered) -> Response<Body<R>> {
    let body = match pieces {
        Pieces::Whole(body) => Kind::Whole(body),
        Pieces::Endless(pieces) => Kind::Endless(pieces),
    };
    let mut response = built(status, body);
    fields.into_iter().for_each(|(name, value)| append(&mut response, &name, value));
    response
}

/// Reads a refused form within its bounds.
async fn refuse<B: hyper::body::Body>(refused: Refused, body: B) -> Told {
    let mut typed = refused.buffer();
    let reading = async {
        let mut body = std::pin::pin!(body);
        while let Some(frame) = body.frame().await {
            let Ok(Ok(mut data)) = frame.map(Frame::into_data) else { return None };
            while bytes::Buf::has_remaining(&data) {
                let piece = bytes::Buf::chunk(&data);
                if typed.len() + piece.len() > typed.capacity() {
                    return None;
                }
                typed.extend_from_slice(piece);
                let n = piece.len();
                bytes::Buf::advance(&mut data, n);
            }
        }
        Some(std::mem::take(&mut typed))
    };
    let read: Option<Zeroizing<Vec<u8>>> = timeout(refused.limit(), reading).await.ok().flatten();
    refused.answer(read)
}

/// Accepts a WebSocket, and closes it with the reason.
fn accept<R>(fields: Vec<(&'static str, Bytes)>, frame: Bytes, upgrade: OnUpgrade) -> Response<Body<R>> {
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = TokioIo::new(upgraded);
        let part = async {
            socket.write_all(&frame).await?;
            socket.shutdown().await?;
            // The client's own closing frame; then the end.
            socket.take(1_024).read_to_end(&mut Vec::new()).await
        };
        // There is no one to tell that the client is gone.
        timeout(PARTING, part).await.ok();
    });
    let mut response = built(101, Kind::Whole(Bytes::new()));
    let upgrade = [("connection", Bytes::from_static(b"upgrade")), ("upgrade", Bytes::from_static(b"websocket"))];
    upgrade.into_iter().chain(fields).for_each(|(name, value)| append(&mut response, name, value));
    response
}

/// The body of an answer: the application's own, or the gate's.
pub struct Body<R>(Kind<R>);

enum Kind<R> {
    Inner(Pin<Box<R>>),
    Whole(Bytes),
    Endless(mpsc::Receiver<Bytes>),
}

impl<R> std::fmt::Debug for Body<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::Inner(_) => "Body(the application's)",
            Kind::Whole(_) | Kind::Endless(_) => "Body(the gate's)",
        })
    }
}

impl<R: hyper::body::Body<Data = Bytes>> hyper::body::Body for Body<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        let data = |bytes| Some(Ok::<_, R::Error>(Frame::data(bytes)));
        Poll::Ready(match &mut self.get_mut().0 {
            Kind::Inner(body) => ready!(body.as_mut().poll_frame(cx)),
            Kind::Whole(body) if body.is_empty() => None,
            Kind::Whole(body) => data(std::mem::take(body)),
            Kind::Endless(pieces) => ready!(pieces.poll_recv(cx)).and_then(data),
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Inner(body) => body.is_end_stream(),
            Kind::Whole(body) => body.is_empty(),
            Kind::Endless(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Inner(body) => body.size_hint(),
            Kind::Whole(body) => SizeHint::with_exact(body.len() as u64),
            Kind::Endless(_) => SizeHint::default(),
        }
    }
}
