//! Lets an available application's upstream perform a request.
//!
//! One [`Proxy`] per worker. Bodies stream both ways at once; an answer that comes before the
//! upload has ended is passed on at once; when the client goes away its handler is dropped, and
//! with it the upstream request (the server needs `h1_allow_half_closed(false)` to notice that).
//!
//! What must stay true: a request is sent twice only where that cannot do it twice, that is, on a
//! connection that had been used before and closed without an answer, and only if nothing was
//! sent, or it is idempotent and has no body. There is no limit on the whole: streams live long.
//! Redirects, encodings and cookies are the client's business.
//!
//! Knows nothing of verdicts and pages: an error says whose fault it is, others make it a page.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody};
use actix_web::http::{ConnectionType, Method, Version, header};
use actix_web::{HttpRequest, HttpResponse, web};
use hyper::Request;
use hyper::body::{Body, Incoming};
use tokio::time::{Sleep, sleep};

use super::body::{AnswerBody, Idle, RequestBody, Upload};
use super::error::ProxyError;
use super::forwarded::Forwarding;
use super::framing::Framing;
use super::headers::{self, HeaderError};
use super::pool::{Connection, HEAD_TOO_LARGE, Pool};
use super::tunnel::Tunnel;
use super::upstream::{Upstream, Upstreams};

/// How long and how much the proxy waits and keeps.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a connection to open, resolving included.
    pub connect: Duration,
    /// For the head of an answer, counted from the last byte of the upload that went through.
    pub header: Duration,
    /// For the next byte of a body or tunnel, in either direction.
    pub idle: Duration,
    /// Idle connections kept per upstream and worker.
    pub idle_connections: usize,
}

impl Default for Limits {
    /// 5 s to connect, 60 s for the head, 300 s idle, 64 connections.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            header: Duration::from_secs(60),
            idle: Duration::from_secs(300),
            idle_connections: 64,
        }
    }
}

/// The client of one worker: its limits and its connections. Not `Send`.
#[derive(Clone)]
pub struct Proxy {
    limits: Limits,
    pool: Rc<Pool>,
}

/// Why an exchange gave no answer, as far as trying again goes.
enum Failed {
    /// Nothing was sent; here is the request.
    Unsent(Box<Request<RequestBody>>, hyper::Error),
    /// It was sent, and the connection is gone or silent.
    Sent(hyper::Error),
    /// No use in trying again.
    Final(ProxyError),
}

impl Proxy {
    /// Makes the client of this worker. Connections are opened when they are needed.
    pub fn new(limits: Limits) -> Self {
        Self { limits, pool: Pool::new(limits.idle_connections) }
    }

    /// Has one of `upstreams` perform `req`, under `path` ([`super::path::Path::literal`], on
    /// which the gate has decided) and the query as it came. The answer streams; errors after its
    /// head break off the connection. Errors before say whose fault they are.
    pub async fn forward(
        &self,
        req: &HttpRequest,
        payload: web::Payload,
        upstreams: &Upstreams,
        path: &str,
        forwarding: &Forwarding<'_>,
    ) -> Result<HttpResponse, ProxyError> {
        let framing = Framing::of(req)?;
        let mut connection = self.connect(upstreams, true).await?;
        let head = |connection: &Connection, body| request(req, path, forwarding, framing, connection, body);

        let upload = Rc::new(Upload::default());
        let payload = payload.into_inner();
        // a tunnel's bytes are no body: they flow only after the upstream has agreed
        let (body, tunnel) = match framing {
            Framing::Tunnel => (RequestBody::Empty, Some(payload)),
            Framing::Length(n) if n > 0 => (RequestBody::client(payload, Some(n), upload.clone()), None),
            Framing::Chunked => (RequestBody::client(payload, None, upload.clone()), None),
            Framing::Length(_) | Framing::None | Framing::Raw => (RequestBody::Empty, None),
        };
        let repeatable = body.is_end_stream() && is_idempotent(req.method());
        let mut timer = Box::pin(sleep(self.limits.header));
        let mut next = head(&connection, body)?;
        loop {
            let reused = connection.reused;
            match self.exchange(&mut connection, next, &upload, &mut timer).await {
                Ok(answer) => {
                    let idle = Idle::new(timer, self.limits.idle);
                    if answer.status() == http::StatusCode::SWITCHING_PROTOCOLS {
                        return switch(answer, &connection, tunnel, idle).await;
                    }
                    return self.respond(req, framing, answer, connection, upload, idle);
                }
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Unsent(request, _)) if reused => {
                    connection = self.connect(upstreams, false).await?;
                    next = *request;
                }
                Err(Failed::Sent(error)) if reused && repeatable && is_closed(&error) => {
                    connection = self.connect(upstreams, false).await?;
                    next = head(&connection, RequestBody::Empty)?;
                }
                Err(Failed::Unsent(_, source) | Failed::Sent(source)) => {
                    return Err(match source.is_user() {
                        // only the body comes from our side
                        true => ProxyError::BrokenUpload(source),
                        // hyper says which parse error it is in words only
                        false if source.is_parse() && source.to_string().contains("too large") => {
                            ProxyError::Answer { upstream: name(&connection), problem: HEAD_TOO_LARGE }
                        }
                        false => ProxyError::Broken { upstream: name(&connection), source },
                    });
                }
            }
        }
    }

    /// A connection to the upstream whose turn it is, or to the next that can be reached. Nothing
    /// has been sent yet, so any will do. `idle`: one that was used before will do, too.
    async fn connect(&self, upstreams: &Upstreams, idle: bool) -> Result<Connection, ProxyError> {
        let mut failure = ProxyError::NoUpstream;
        for upstream in upstreams.in_turn() {
            if let Some(connection) = idle.then(|| self.pool.take(upstream)).flatten() {
                return Ok(connection);
            }
            match self.pool.open(upstream, self.limits.connect).await {
                Ok(connection) => return Ok(connection),
                Err(source) => failure = self.unreachable(upstream, source),
            }
            log::debug!("{failure}");
        }
        Err(failure)
    }

    fn unreachable(&self, upstream: &Upstream, source: io::Error) -> ProxyError {
        let upstream = upstream.to_string();
        match source.kind() {
            io::ErrorKind::TimedOut => ProxyError::Timeout { upstream, phase: "connect", limit: self.limits.connect },
            _ => ProxyError::Connect { upstream, source },
        }
    }

    /// Sends a request and waits for the head of its answer.
    async fn exchange(
        &self,
        connection: &mut Connection,
        request: Request<RequestBody>,
        upload: &Upload,
        timer: &mut Pin<Box<Sleep>>,
    ) -> Result<http::Response<Incoming>, Failed> {
        timer.set(sleep(self.limits.header));
        let mut patient = false;
        let sent = connection.sender.try_send_request(request);
        tokio::pin!(sent);
        loop {
            tokio::select! {
                biased;
                answer = &mut sent => return answer.map_err(|mut failed| match failed.take_message() {
                    Some(request) => Failed::Unsent(Box::new(request), failed.into_error()),
                    None => Failed::Sent(failed.into_error()),
                }),
                () = timer.as_mut() => {}
            }
            // A slow upload is no slow upstream: the limit counts from the last byte, and while
            // the client keeps everybody waiting, the longer idle limit is its own.
            if upload.take_moved() {
                timer.set(sleep(self.limits.header));
                patient = false;
            } else if upload.waits_for_client() && !patient {
                timer.set(sleep(self.limits.idle));
                patient = true;
            } else if upload.waits_for_client() {
                return Err(Failed::Final(ProxyError::SilentUpload(self.limits.idle)));
            } else {
                return Err(Failed::Final(ProxyError::Timeout {
                    upstream: connection.authority().to_string(),
                    phase: "answer",
                    limit: self.limits.header,
                }));
            }
        }
    }

    /// Turns an upstream's final answer into a response whose body streams.
    fn respond(
        &self,
        req: &HttpRequest,
        framing: Framing,
        answer: http::Response<Incoming>,
        connection: Connection,
        upload: Rc<Upload>,
        idle: Idle,
    ) -> Result<HttpResponse, ProxyError> {
        let (parts, incoming) = answer.into_parts();
        let mut response = passed_on(&parts, &connection)?;
        let size = match (req.method(), parts.status.as_u16()) {
            (_, 204 | 304) => BodySize::None,
            // the length is that of the answer to GET; without one there is nothing to announce
            (&Method::HEAD, _) => announced_length(&parts).map_or(BodySize::None, BodySize::Sized),
            _ => incoming.size_hint().exact().map_or(BodySize::Stream, BodySize::Sized),
        };
        let head = response.head_mut();
        // What actix-web takes for the start of a tunnel has no end that could be found. Bodies
        // of unknown length must not be chunked then (it would announce that but not do it), nor
        // for HTTP/1.0, which does not know it: there the end of the connection is the end.
        let old = req.version() < Version::HTTP_11;
        if framing == Framing::Raw || framing == Framing::Tunnel || old {
            head.no_chunking(true);
        }
        let endless = old && size == BodySize::Stream;
        if endless || framing == Framing::Tunnel || framing == Framing::Raw || req.head().upgrade() {
            head.set_connection_type(ConnectionType::Close);
        }
        let body = AnswerBody::new(incoming, size, upload, idle, connection, self.pool.clone());
        Ok(response.set_body(BoxBody::new(body)))
    }
}

/// The upstream agreed to a tunnel.
async fn switch(
    mut answer: http::Response<Incoming>,
    connection: &Connection,
    from_client: Option<actix_web::dev::Payload>,
    idle: Idle,
) -> Result<HttpResponse, ProxyError> {
    let problem = |problem| ProxyError::Answer { upstream: name(connection), problem };
    let from_client = from_client.ok_or_else(|| problem("it switched protocols unasked"))?;
    let protocol = answer.headers().get(http::header::UPGRADE);
    let protocol = protocol.ok_or_else(|| problem("101 without Upgrade"))?;
    let protocol = headers::near_single(protocol).ok().ok_or_else(|| problem("Upgrade is unreadable"))?;
    let upgraded = match hyper::upgrade::on(&mut answer).await {
        Ok(upgraded) => upgraded,
        Err(source) => {
            return Err(ProxyError::Broken { upstream: name(connection), source });
        }
    };
    let (parts, _) = answer.into_parts();
    let mut response = passed_on(&parts, connection)?;
    response.headers_mut().insert(header::UPGRADE, protocol);
    response.head_mut().set_connection_type(ConnectionType::Upgrade);
    Ok(response.set_body(BoxBody::new(Tunnel::start(upgraded, from_client, idle))))
}

/// Status and headers of an answer.
fn passed_on(parts: &http::response::Parts, connection: &Connection) -> Result<HttpResponse<()>, ProxyError> {
    let broken = |error: HeaderError| ProxyError::Answer { upstream: name(connection), problem: error.problem() };
    let status = headers::near_status(parts.status).map_err(broken)?;
    let mut response = HttpResponse::with_body(status, ());
    headers::to_client(parts, response.headers_mut()).map_err(broken)?;
    Ok(response)
}

/// The request as the upstream gets it.
fn request(
    req: &HttpRequest,
    path: &str,
    forwarding: &Forwarding<'_>,
    framing: Framing,
    connection: &Connection,
    body: RequestBody,
) -> Result<Request<RequestBody>, ProxyError> {
    let unreadable = || ProxyError::Headers(HeaderError::Unreadable);
    let mut request = Request::new(body);
    let method = http::Method::from_bytes(req.method().as_str().as_bytes());
    *request.method_mut() = method.ok().ok_or_else(unreadable)?;
    let target = match req.uri().query() {
        None => http::Uri::try_from(path),
        Some(query) => http::Uri::try_from([path, "?", query].concat()),
    };
    *request.uri_mut() = target.ok().ok_or_else(unreadable)?;
    *request.headers_mut() =
        headers::to_upstream(req, forwarding, connection.authority()).map_err(ProxyError::Headers)?;
    framing.write(req, request.headers_mut());
    Ok(request)
}

/// RFC 9110, section 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE)
}

/// Whether a connection was closed or lost rather than answered with something wrong.
fn is_closed(error: &hyper::Error) -> bool {
    !error.is_parse() && !error.is_user() && !error.is_timeout()
}

fn announced_length(parts: &http::response::Parts) -> Option<u64> {
    parts.headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

fn name(connection: &Connection) -> String {
    connection.authority().to_string()
}
