//! Sends requests to other nodes: signed HTTP/1.1 over persistent connections.
//!
//! Must stay true: every request has its own time and nonce, also a second attempt; the caller gets an answer
//! as [`Answer`] only if the requested node has signed it for this very request; time and memory are bounded
//! whatever the other side does. An answer that cannot be verified is an error, and errors never carry anything
//! that may be acted on.
//!
//! Does not know the meaning of messages. It retries by itself only on a reused connection that turns out to be
//! closed; the courier is responsible for back-off.
//!
//! A client belongs to the thread that made it: its connections live on that thread's runtime.

use std::{error::Error, io, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, Client},
    rt::{TokioExecutor, TokioTimer},
};

use super::connector::{Connector, Trust};
use super::signature::{Identity, Key, Nonce, Refusal, SIGNATURE, Sender};
use crate::{availability::NodeId, clock};

/// How long an idle connection is kept: less than the 5 s after which actix-web closes it, so that
/// few requests meet a closing one.
const IDLE: Duration = Duration::from_secs(4);
/// Idle connections per peer: outbox, receipts and a merge at the same time, and one to spare.
const IDLE_PER_PEER: usize = 4;
/// How much of a refusal's text is kept, in characters.
const DETAIL: usize = 200;

/// The receiver of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Callee<'a> {
    /// Where it answers: `http://host:port` or `https://host:port`.
    pub address: &'a str,
    /// Who it is. `None`: whichever node advertises this address.
    pub node: Option<NodeId>,
}

/// What a peer said. It was signed for this request by the node that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The HTTP status, errors included.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// Who answered.
    pub node: NodeId,
}

/// Why there is no answer. `address` is the one that was called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Not an address that can be called: the configuration or a peer's announcement is wrong.
    #[error("{address} is not an address like http://host:port, or the path is invalid: {source}")]
    Address {
        /// The address, or what it was meant to be.
        address: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No connection: the peer is down, or the way to it is cut. Nothing was sent.
    #[error("{address} is unreachable: {}", innermost(.source))]
    Unreachable {
        /// The address that was called.
        address: String,
        /// The system's error.
        source: legacy::Error,
    },
    /// No whole answer in time. The request may have been carried out.
    #[error("{address} did not answer within {} ms", .after.as_millis())]
    TimedOut {
        /// The address that was called.
        address: String,
        /// The time that was waited.
        after: Duration,
    },
    /// The connection broke, or what came was not HTTP. The request may have been carried out.
    #[error("{address} broke off: {}", innermost(.source.as_ref()))]
    Broken {
        /// The address that was called.
        address: String,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The answer is longer than this node wants to hold in memory.
    #[error("{address} answered with more than {limit} bytes")]
    TooLarge {
        /// The address that was called.
        address: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer is not by a node of this farm, or not to this request.
    #[error("{address} gave an answer that cannot be believed: {source}")]
    Forged {
        /// The address that was called.
        address: String,
        /// What is wrong with its signature.
        source: Refusal,
    },
    /// A node of the farm answered, but not the one that was asked.
    #[error("{address} was to be node {asked}, but node {answered} answers there")]
    OtherNode {
        /// The address that was called.
        address: String,
        /// Who was asked.
        asked: NodeId,
        /// Who signed the answer.
        answered: NodeId,
    },
    /// An error without a signature: the peer refuses this node's own signature, or what is at the
    /// address is no peer. Anybody could have said it: for the log, not for decisions.
    #[error("{address} answered with status {status}: {detail}")]
    Refused {
        /// The address that was called.
        address: String,
        /// 400 to 599.
        status: u16,
        /// What it said, shortened and without control characters.
        detail: String,
    },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct PeerClient {
    http: Client<Connector, Full<Bytes>>,
    key: Key,
    identity: Identity,
    max_answer: usize,
}

impl PeerClient {
    /// A client that speaks for `identity`, believes whom `trust` says, and holds answers of at most `max_answer` bytes.
    pub(crate) fn new(key: Key, identity: Identity, trust: Trust, max_answer: usize) -> Self {
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_PEER)
            .build(Connector::new(trust));
        Self { http, key, identity, max_answer }
    }

    /// Sends one request and waits at most `timeout` for the whole answer. `path` begins with a slash
    /// and may have a query. What is asked must be idempotent.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(crate) async fn call(
        &self,
        callee: Callee<'_>,
        method: Method,
        path: &str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        let exchange = self.exchange(callee, &method, path, &body);
        match tokio::time::timeout(timeout, exchange).await {
            Ok(result) => result,
            Err(_elapsed) => Err(CallError::TimedOut { address: callee.address.to_owned(), after: timeout }),
        }
    }

    async fn exchange(
        &self,
        callee: Callee<'_>,
        method: &Method,
        path: &str,
        body: &Bytes,
    ) -> Result<Answer, CallError> {
        let (nonce, request) = self.request(callee, method, path, body)?;
        let (nonce, response) = match self.http.request(request).await {
            // The peer closed an idle connection just as it was used again. All that peers ask is
            // idempotent, so once more, under a new nonce as the first may have been seen.
            Err(error) if is_stale(&error) => {
                let (nonce, request) = self.request(callee, method, path, body)?;
                (nonce, self.http.request(request).await)
            }
            result => (nonce, result),
        };
        let address = || callee.address.to_owned();
        match response {
            Ok(response) => self.read(callee, nonce, response).await,
            Err(source) if source.is_connect() => Err(CallError::Unreachable { address: address(), source }),
            Err(source) => Err(CallError::Broken { address: address(), source: source.into() }),
        }
    }

    /// A signed request of now.
    fn request(
        &self,
        callee: Callee<'_>,
        method: &Method,
        path: &str,
        body: &Bytes,
    ) -> Result<(Nonce, Request<Full<Bytes>>), CallError> {
        let wrong = |source| CallError::Address { address: callee.address.to_owned(), source };
        let invalid = |error: http::Error| wrong(error.into());
        let address = callee.address.trim_end_matches('/');
        // an empty authority is an error, too
        let (scheme, authority) =
            address.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme)).unwrap_or_default();
        let scheme = if scheme == "https" { "https" } else { "http" };
        let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build().map_err(invalid)?;
        // `http` reads `host:x` as a host without a port, and port 80 would be called
        if uri.port_u16().is_none() && uri.host() != Some(authority) {
            return Err(wrong("the port is not a number from 0 to 65535".into()));
        }
        let nonce = Nonce(u128::from(clock::random()) << 64 | u128::from(clock::random()));
        let sender = Sender { identity: self.identity, time: clock::now(), nonce };
        // signed is what will stand in the request line
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let mut request = Request::builder().method(method).uri(uri);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let to = callee.node.map_or_else(|| address.to_owned(), |node| node.to_string());
        for (name, value) in self.key.sign_request(&sender, &to, method.as_str(), &target, body) {
            request = request.header(name, value);
        }
        Ok((nonce, request.body(Full::new(body.clone())).map_err(invalid)?))
    }

    /// Reads an answer, no more than the limit, and checks that it is one.
    async fn read(&self, callee: Callee<'_>, nonce: Nonce, response: Response<Incoming>) -> Result<Answer, CallError> {
        let address = || callee.address.to_owned();
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, self.max_answer).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(CallError::TooLarge { address: address(), limit: self.max_answer });
            }
            Err(source) => return Err(CallError::Broken { address: address(), source }),
        };
        let status = head.status.as_u16();
        if status >= 400 && !head.headers.contains_key(SIGNATURE) {
            return Err(CallError::Refused { address: address(), status, detail: detail(&body) });
        }
        let header = |name: &'static str| head.headers.get(name).map(|value| value.as_bytes());
        let node = self.key.verify_answer(header, nonce, status, &body);
        let node = node.map_err(|source| CallError::Forged { address: address(), source })?;
        match callee.node {
            Some(asked) if asked != node => Err(CallError::OtherNode { address: address(), asked, answered: node }),
            _ => Ok(Answer { status, body, node }),
        }
    }
}

/// Whether a connection ended before a single byte of an answer came.
fn is_stale(error: &legacy::Error) -> bool {
    !error.is_connect()
        && causes(error).any(|cause| {
            let hyper =
                cause.downcast_ref::<hyper::Error>().is_some_and(|e| e.is_incomplete_message() || e.is_canceled());
            let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
            hyper || matches!(kind, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe))
        })
}

/// An error and what it comes from, the outermost first.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (*error).source())
}

/// The innermost cause: hyper's own texts only name the step that failed.
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// The text of a refusal, for the log: the `detail` of a problem (RFC 9457), or the text as it is;
/// short, and without characters that could make a log line look like two.
fn detail(body: &[u8]) -> String {
    let start = &body[..body.len().min(16 * 1024)];
    let problem: Option<serde_json::Value> = serde_json::from_slice(start).ok();
    let text = match problem.as_ref().and_then(|problem| problem.get("detail")?.as_str()) {
        Some(detail) => detail.into(),
        None => String::from_utf8_lossy(start),
    };
    text.chars().filter(|c| !c.is_control()).take(DETAIL).collect()
}

#[cfg(test)]
mod tests;
