//! The gate's own addresses inside another program: the questions go to a thread of the node, where the App of
//! [`super::super::reserved`] answers them.
//!
//! What must stay true: an endless answer (server-sent events) ends when its reader is gone; questions that wait are
//! bounded, and so is what of an answer has not been read.

use std::{net::SocketAddr, str::FromStr as _};

use actix_http::{HttpMessage as _, Request};
use actix_service::{IntoServiceFactory as _, Service as _, ServiceFactory as _, map_config};
use actix_web::{
    App, HttpResponse,
    body::{BodySize, BoxBody, MessageBody as _, to_bytes_limited},
    dev::AppConfig,
    http::{
        Method, Uri,
        header::{HeaderName, HeaderValue},
    },
    web,
};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::{Door, Problem, ProblemKind, Shape};
use crate::gate::{entrance::Secure, reserved, service::Present};

/// Pieces of an endless answer that are not read yet.
const UNREAD: usize = 16;
/// The largest whole answer.
const LARGEST: usize = 16 << 20;

/// A question: a request in parts, for it goes to another thread.
pub(crate) struct Ask {
    method: String,
    target: String,
    fields: Vec<(String, Bytes)>,
    peer: Option<SocketAddr>,
    secure: bool,
    answer: oneshot::Sender<Answered>,
}

/// An answer, but for what its connection adds.
pub(crate) struct Answered {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Its header fields.
    pub(crate) fields: Vec<(String, Bytes)>,
    /// Its body.
    pub(crate) pieces: Pieces,
}

/// A body.
pub(crate) enum Pieces {
    /// All of it.
    Whole(Bytes),
    /// As it comes, without an end that is known.
    Endless(mpsc::Receiver<Bytes>),
}

impl Ask {
    /// `None`: it is no request that the App could be asked.
    fn request(&self) -> Option<Request> {
        let mut request = Request::new();
        let head = request.head_mut();
        head.method = Method::from_str(&self.method).ok()?;
        head.uri = Uri::from_str(&self.target).ok()?;
        head.peer_addr = self.peer;
        for (name, value) in &self.fields {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            head.headers.append(name, HeaderValue::from_bytes(value).ok()?);
        }
        if self.secure {
            request.extensions_mut().insert(Secure);
        }
        Some(request)
    }
}

impl Door {
    /// The answer of the gate's own address `target` (path and query). `fields` are all of the request's.
    pub(crate) fn own<'a>(
        &self,
        (method, target): (&str, &str),
        fields: impl Iterator<Item = (&'a str, &'a [u8])>,
        (peer, secure): (Option<SocketAddr>, bool),
    ) -> Asked {
        let (answer, answered) = oneshot::channel();
        let fields = fields.map(|(name, value)| (name.to_owned(), Bytes::copy_from_slice(value))).collect();
        let (method, target) = (method.to_owned(), target.to_owned());
        Asked { door: self.clone(), ask: Ask { method, target, fields, peer, secure, answer }, answered }
    }
}

/// A question that can be put.
pub(crate) struct Asked {
    door: Door,
    ask: Ask,
    answered: oneshot::Receiver<Answered>,
}

impl Asked {
    /// Puts it, and waits for the answer.
    pub(crate) async fn answer(self) -> Answered {
        let Self { door, ask, answered } = self;
        // If the node has stopped, so has the wait for its answer.
        door.own.send(ask).await.ok();
        answered.await.unwrap_or_else(|_stopped| {
            let gate = door.gate();
            let problem = Problem::new(ProblemKind::UpstreamUnreachable, &gate.shared.node);
            let problem = problem.detail("The node inside this program has stopped.");
            Answered {
                status: problem.status(),
                fields: problem.headers(Shape::Json).map(|(name, value)| (name.to_owned(), value)).collect(),
                pieces: Pieces::Whole(problem.body(Shape::Json, "/.forewarn", true)),
            }
        })
    }
}

/// Answers questions until there can be no more. `more` adds to what is below the reserved prefix.
pub(crate) async fn serve<F>(gate: Present, mut asks: mpsc::Receiver<Ask>, more: F)
where
    F: Fn(&mut web::ServiceConfig) + Clone + 'static,
{
    let app = App::new().app_data(gate).configure(|config| reserved::configure(config, more));
    let app = map_config(app.into_factory(), |()| AppConfig::default());
    let Ok(app) = app.new_service(()).await else { return };
    while let Some(ask) = asks.recv().await {
        let asked = ask.request().map(|request| app.call(request));
        actix_web::rt::spawn(async move {
            let response = match asked {
                Some(asked) => asked.await.map(|response| response.map_into_boxed_body().into_parts().1),
                None => Ok(HttpResponse::BadRequest().finish()),
            };
            tell(response.unwrap_or_else(|error| error.error_response()), ask.answer).await;
        });
    }
}

/// Hands an answer over, piece by piece where it is endless.
async fn tell(response: HttpResponse<BoxBody>, answer: oneshot::Sender<Answered>) {
    let (response, mut body) = response.into_parts();
    let field = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes()))
    };
    let fields = response.headers().iter().map(field).collect();
    let status = response.status().as_u16();
    if body.size() != BodySize::Stream {
        let whole = to_bytes_limited(body, LARGEST).await.ok().and_then(Result::ok).unwrap_or_default();
        answer.send(Answered { status, fields, pieces: Pieces::Whole(whole) }).ok();
        return;
    }
    let (pieces, unread) = mpsc::channel(UNREAD);
    if answer.send(Answered { status, fields, pieces: Pieces::Endless(unread) }).is_err() {
        return;
    }
    loop {
        let next = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_next(cx));
        let next = tokio::select! {
            next = next => next,
            () = pieces.closed() => return,
        };
        let Some(Ok(piece)) = next else { return };
        if pieces.send(piece).await.is_err() {
            return;
        }
    }
}
