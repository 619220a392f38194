//! Asks a node's control API: HTTP/1.1, with TLS where the address is `https`, JSON, an API token.
//!
//! What must stay true: time and memory are bounded whatever the other side does; the token is sent only as a
//! header and never shown; the text of a refusal reaches people whole, with each wrong field on its own line,
//! and cannot control a terminal; every failure records whether the request can have arrived.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{self, Method, Request, Response, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody, Body, BodyReader, Timeout};

use super::logging::escaped;
use crate::vocabulary::{HttpUrl, Secret};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a whole answer may take, unless the caller has asked the node to wait.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// A stream has at least a comment every 15 s; three times that is a lost connection.
const SILENCE: Duration = Duration::from_secs(45);
/// The longest answer, in bytes: a board of ten thousand applications is far below it.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// What a node answered to something that it did.
#[derive(Clone, Debug)]
pub struct Reply {
    /// 200 to 299.
    pub status: u16,
    /// The JSON; null for an empty body.
    pub body: Value,
}

/// Why there is no good answer. `address` is the one that was asked.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing was asked.
    #[error(
        "{address} needs an API token: set FOREWARN_TOKEN to one whose [[token]] is in the node's \
         configuration (`forewarn token` makes a new one)"
    )]
    NoToken {
        /// Who would have been asked.
        address: HttpUrl,
    },
    /// Nothing could be asked, for an argument fits into no request.
    #[error("{address} cannot be asked that: {source}")]
    Request {
        /// Who would have been asked.
        address: HttpUrl,
        /// What is wrong.
        source: http::Error,
    },
    /// No connection; nothing was sent.
    #[error("{address} cannot be reached: {}", cause(.source))]
    Unreachable {
        /// Who was asked.
        address: HttpUrl,
        /// What the system said.
        source: ureq::Error,
    },
    /// No whole answer in time. It may have been done.
    #[error("{address} did not answer within {} s", .after.as_secs())]
    TimedOut {
        /// Who was asked.
        address: HttpUrl,
        /// How long was waited.
        after: Duration,
    },
    /// The connection broke, or what came was not HTTP. It may have been done.
    #[error("{address} broke off: {}", cause(.source))]
    Broken {
        /// Who was asked.
        address: HttpUrl,
        /// What went wrong.
        source: ureq::Error,
    },
    /// The answer is not what a node would say.
    #[error("{address} does not answer as a node's control listener would (status {status}): {what}")]
    Strange {
        /// Who was asked.
        address: HttpUrl,
        /// The HTTP status.
        status: u16,
        /// What is strange about it.
        what: String,
    },
    /// The node said no.
    #[error(transparent)]
    Refused(Box<Refusal>),
}

impl CallError {
    /// Whether another node may do what this one did not. What a node refuses as wrong would be
    /// refused by all; a 503 means *unknown* (docs/contract.md#errors), and the same id may be sent
    /// again.
    pub fn another_may(&self) -> bool {
        match self {
            CallError::NoToken { .. } | CallError::Request { .. } => false,
            CallError::Refused(refusal) => refusal.status >= 500,
            _ => true,
        }
    }

    /// Whether the request can have arrived, and been done, although there is no good answer.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            CallError::NoToken { .. } | CallError::Request { .. } | CallError::Unreachable { .. } => false,
            CallError::Refused(refusal) => refusal.status >= 500,
            CallError::TimedOut { .. } | CallError::Broken { .. } | CallError::Strange { .. } => true,
        }
    }
}

/// What a node said when it refused (RFC 9457, and docs/contract.md#errors).
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Who refused.
    pub address: HttpUrl,
    /// 300 to 599.
    pub status: u16,
    /// The problem as it came; null when it was none.
    pub body: Value,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

impl Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |key: &str| self.body.get(key).and_then(Value::as_str).map(escaped);
        write!(f, "{} refuses with status {}", self.address, self.status)?;
        for part in [text("title"), text("detail")].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        if let Some(seconds) = self.retry_after {
            write!(f, "; try again in {seconds} s")?;
        }
        if self.status == 401 {
            f.write_str("; FOREWARN_TOKEN must be a token that this node's configuration knows")?;
        }
        let errors = self.body.get("errors").and_then(Value::as_array);
        for error in errors.into_iter().flatten() {
            let text = |key: &str| escaped(error.get(key).and_then(Value::as_str).unwrap_or("?"));
            write!(f, "\n  {}: {}", text("field"), text("problem"))?;
        }
        Ok(())
    }
}

/// See the module.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    address: HttpUrl,
    token: Option<Secret>,
}

impl Client {
    /// A client for the control listener at `address`.
    pub fn new(address: HttpUrl, token: Option<Secret>) -> Client {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // a redirect is not an answer that a node gives
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_connect(Some(CONNECT))
            // the system's certificates, so that a site's own authority is known here too
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .user_agent(concat!("forewarn/", env!("CARGO_PKG_VERSION")))
            .build();
        Client { agent: config.new_agent(), address, token }
    }

    /// Who is asked.
    pub fn address(&self) -> &HttpUrl {
        &self.address
    }

    /// GETs JSON.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn get(&self, path: &str) -> Result<Reply, CallError> {
        self.call(Method::GET, path, None, TIMEOUT)
    }

    /// Sends one request and waits at most `timeout` for the whole answer. `path` begins with a
    /// slash, may have a query and is percent-encoded.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<Reply, CallError> {
        let request = self.request(method, path, "application/json", true);
        let response = match body {
            None => self.send(request, (), Some(timeout))?,
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, "application/json");
                self.send(request, body.to_string(), Some(timeout))?
            }
        };
        let status = response.status().as_u16();
        let text = self.good(response, timeout)?;
        let body = match text.is_empty() {
            true => Value::Null,
            false => {
                serde_json::from_slice(&text).map_err(|error| self.strange(status, format!("not JSON, {error}")))?
            }
        };
        Ok(Reply { status, body })
    }

    /// GETs a text that needs no token, such as `/metrics`.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn text(&self, path: &str) -> Result<String, CallError> {
        let request = self.request(Method::GET, path, "text/plain", false);
        let response = self.send(request, (), Some(TIMEOUT))?;
        Ok(String::from_utf8_lossy(&self.good(response, TIMEOUT)?).into_owned())
    }

    /// Opens a stream of server-sent events. Reading from it fails after [`SILENCE`] without a byte.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn stream(&self, path: &str) -> Result<Stream, CallError> {
        let request = self.request(Method::GET, path, "text/event-stream", true);
        let response = self.send(request, (), None)?;
        match response.status().is_success() {
            true => Ok(Stream { body: response.into_body().into_reader(), address: self.address.clone() }),
            false => Err(self.refusal(response, TIMEOUT)),
        }
    }

    /// The answer as this type.
    ///
    /// # Errors
    ///
    /// [`CallError::Strange`] when it is something else.
    pub fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, CallError> {
        T::deserialize(&reply.body).map_err(|error| self.strange(reply.status, escaped(&error.to_string())))
    }

    /// The head of a request; a private one has the token.
    fn request(&self, method: Method, path: &str, accept: &str, private: bool) -> RequestHead {
        let head = Request::builder().method(method).uri(format!("{}{path}", self.address));
        let head = head.header(header::ACCEPT, accept);
        match (&self.token, private) {
            (_, false) => RequestHead::Ready(Box::new(head)),
            (None, true) => RequestHead::NoToken,
            (Some(token), true) => {
                let bearer = format!("Bearer {}", token.expose_secret());
                RequestHead::Ready(Box::new(head.header(header::AUTHORIZATION, bearer)))
            }
        }
    }

    /// Sends it, and waits for the head of the answer; `timeout` bounds the body as well, and without
    /// it only silence does.
    fn send(
        &self,
        head: RequestHead,
        body: impl AsSendBody,
        timeout: Option<Duration>,
    ) -> Result<Response<Body>, CallError> {
        let address = || self.address.clone();
        let RequestHead::Ready(head) = head else {
            return Err(CallError::NoToken { address: address() });
        };
        let request = head.body(body).map_err(|source| CallError::Request { address: address(), source })?;
        let request = self.agent.configure_request(request).timeout_global(timeout);
        let request = match timeout {
            Some(_) => request.build(),
            None => request.timeout_recv_response(Some(TIMEOUT)).timeout_per_read(Some(SILENCE)).build(),
        };
        self.agent.run(request).map_err(|source| failure(&self.address, source, timeout.unwrap_or(TIMEOUT)))
    }

    /// The body of an answer that is good.
    fn good(&self, response: Response<Body>, timeout: Duration) -> Result<Vec<u8>, CallError> {
        match response.status().is_success() {
            true => self.collect(response, timeout),
            false => Err(self.refusal(response, timeout)),
        }
    }

    fn collect(&self, response: Response<Body>, timeout: Duration) -> Result<Vec<u8>, CallError> {
        let status = response.status().as_u16();
        let body = response.into_body().into_with_config().limit(MAX_ANSWER);
        body.read_to_vec().map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(limit) => self.strange(status, format!("more than {limit} bytes")),
            error => failure(&self.address, error, timeout),
        })
    }

    fn refusal(&self, response: Response<Body>, timeout: Duration) -> CallError {
        let status = response.status().as_u16();
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        match self.collect(response, timeout) {
            Ok(body) => CallError::Refused(Box::new(Refusal {
                address: self.address.clone(),
                status,
                // an answer that is not problem+json has only its status to tell
                body: serde_json::from_slice(&body).unwrap_or_default(),
                retry_after,
            })),
            Err(error) => error,
        }
    }

    fn strange(&self, status: u16, what: String) -> CallError {
        CallError::Strange { address: self.address.clone(), status, what }
    }
}

/// A request without its body.
enum RequestHead {
    Ready(Box<http::request::Builder>),
    NoToken,
}

impl RequestHead {
    fn header(self, name: header::HeaderName, value: &str) -> RequestHead {
        match self {
            RequestHead::Ready(head) => RequestHead::Ready(Box::new(head.header(name, value))),
            RequestHead::NoToken => RequestHead::NoToken,
        }
    }
}

/// An open stream of server-sent events.
pub struct Stream {
    body: BodyReader<'static>,
    address: HttpUrl,
}

impl Stream {
    /// The next bytes; 0 at the end.
    ///
    /// # Errors
    ///
    /// [`CallError::TimedOut`] after [`SILENCE`], [`CallError::Broken`].
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, CallError> {
        let read = io::Read::read(&mut self.body, buffer);
        read.map_err(|error| failure(&self.address, error.into(), SILENCE))
    }
}

/// What a failure means for the request: it cannot have been sent, it took too long, or the
/// connection broke.
fn failure(address: &HttpUrl, source: ureq::Error, after: Duration) -> CallError {
    use io::ErrorKind as Kind;
    let address = address.clone();
    match &source {
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Tls(_)
        | ureq::Error::TlsRequired
        | ureq::Error::Rustls(_) => CallError::Unreachable { address, source },
        ureq::Error::Io(error) => match error.kind() {
            Kind::ConnectionRefused | Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable => {
                CallError::Unreachable { address, source }
            }
            _ => CallError::Broken { address, source },
        },
        ureq::Error::Timeout(_) => CallError::TimedOut { address, after },
        _ => CallError::Broken { address, source },
    }
}

/// The innermost cause; the outer ones only name the step that failed.
fn cause(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no connection within {} s", CONNECT.as_secs()),
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
