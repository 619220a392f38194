//! Asks a node's control API: HTTP/1.1, with TLS where the address is `https`, JSON, an API token.
//!
//! What must stay true: time and memory are bounded whatever the other side does; the token is sent only as a
//! header and never shown; the text of a refusal reaches people whole, with each wrong field on its own line,
//! and cannot control a terminal; every failure records whether the request can have arrived.

mod error;

use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{self, Method, Request, Response, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody, Body, BodyReader};

use self::error::failure;
pub use self::error::{CallError, Refusal};
use super::args::Access;
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

/// See the module.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    address: HttpUrl,
    token: Option<Secret>,
}

impl Client {
    /// A client for the control listener.
    pub fn new(access: Access) -> Client {
        let Access { url: address, token, ca } = access;
        // the system's certificates, so that a site's own authority is known here too
        let roots = ca.map_or(RootCerts::PlatformVerifier, |ca| {
            RootCerts::new_with_certs(&ca.iter().map(|one| Certificate::from_der(one).to_owned()).collect::<Vec<_>>())
        });
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // a redirect is not an answer that a node gives
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_connect(Some(CONNECT))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
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
            Ok(body) => match serde_json::from_slice(&body).unwrap_or_default() {
                // a node says of each address that it does not have which one that is
                Value::Null if status == 404 => self.strange(status, "it has no such address".to_owned()),
                // an answer that is not problem+json has only its status to tell
                body => {
                    let address = self.address.clone();
                    CallError::Refused(Box::new(Refusal { address, status, body, retry_after }))
                }
            },
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

#[cfg(test)]
mod tests;
