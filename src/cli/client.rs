//! Asks a node's control API: HTTP/1.1, JSON, an API token.
//!
//! What must stay true: time and memory are bounded whatever the other side does; the token is sent
//! only as a header and never shown; what a node says about a refusal reaches people whole, each
//! wrong field on its own line, and harmless for a terminal.
//!
//! A client belongs to the runtime that it is used on.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::logging::escaped;
use crate::config::{HttpUrl, Secret};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a whole answer may take, unless the caller has asked the node to wait.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer, in bytes: a board of ten thousand applications is far below it.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// What a node answered to something that it did.
#[derive(Clone, Debug)]
pub struct Reply {
    /// 200 to 299.
    pub status: u16,
    /// The JSON; null where there is none.
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
    #[error("{address} cannot be reached: {}", innermost(.source))]
    Unreachable {
        /// Who was asked.
        address: HttpUrl,
        /// What the system said.
        source: legacy::Error,
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
    #[error("{address} broke off: {}", innermost(.source.as_ref()))]
    Broken {
        /// Who was asked.
        address: HttpUrl,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
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
    /// refused by all; a 503 means *unknown* (SPEC 6), and the same id may be sent again.
    pub fn another_may(&self) -> bool {
        match self {
            CallError::NoToken { .. } | CallError::Request { .. } => false,
            CallError::Refused(refusal) => refusal.status >= 500,
            _ => true,
        }
    }
}

/// What a node said when it refused (RFC 9457, and `errors` of SPEC 6).
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
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    address: HttpUrl,
    token: Option<Secret>,
}

impl Client {
    /// A client for the control listener at `address`.
    pub fn new(address: HttpUrl, token: Option<Secret>) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // less than the 5 s after which a node closes an idle connection
            .pool_idle_timeout(Duration::from_secs(4))
            .build(connector);
        Client { http, address, token }
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
    pub async fn get(&self, path: &str) -> Result<Reply, CallError> {
        self.call(Method::GET, path, None, TIMEOUT).await
    }

    /// Sends one request and waits at most `timeout` for the whole answer. `path` begins with a
    /// slash, may have a query and is percent-encoded.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<Reply, CallError> {
        let request = self.request(method, path, body, "application/json", true)?;
        let (status, text) = self.within(timeout, self.exchange(request)).await?;
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
    pub async fn text(&self, path: &str) -> Result<String, CallError> {
        let request = self.request(Method::GET, path, None, "text/plain", false)?;
        let (_, text) = self.within(TIMEOUT, self.exchange(request)).await?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Opens a stream of server-sent events; what it brings is the caller's to wait for.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn stream(&self, path: &str) -> Result<Incoming, CallError> {
        let request = self.request(Method::GET, path, None, "text/event-stream", true)?;
        let opened = async {
            let response = self.send(request).await?;
            match response.status().is_success() {
                true => Ok(response.into_body()),
                false => Err(self.refusal(response).await),
            }
        };
        self.within(TIMEOUT, opened).await
    }

    /// The answer as this type.
    ///
    /// # Errors
    ///
    /// [`CallError::Strange`] when it is something else.
    pub fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, CallError> {
        T::deserialize(&reply.body).map_err(|error| self.strange(reply.status, escaped(&error.to_string())))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        accept: &str,
        private: bool,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request =
            Request::builder().method(method).uri(format!("{}{path}", self.address)).header(header::ACCEPT, accept);
        match (&self.token, private) {
            (Some(token), true) => {
                let bearer = format!("Bearer {}", token.expose_secret());
                request = request.header(header::AUTHORIZATION, bearer);
            }
            (None, true) => {
                return Err(CallError::NoToken { address: self.address.clone() });
            }
            (_, false) => {}
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        request
            .body(Full::new(body.into()))
            .map_err(|source| CallError::Request { address: self.address.clone(), source })
    }

    async fn within<T>(
        &self,
        timeout: Duration,
        work: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        match tokio::time::timeout(timeout, work).await {
            Ok(result) => result,
            Err(_elapsed) => Err(CallError::TimedOut { address: self.address.clone(), after: timeout }),
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, CallError> {
        let address = || self.address.clone();
        self.http.request(request).await.map_err(|source| match source.is_connect() {
            true => CallError::Unreachable { address: address(), source },
            false => self.broken(source.into()),
        })
    }

    /// The status and the body of an answer that is good.
    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), CallError> {
        let response = self.send(request).await?;
        match response.status().is_success() {
            true => {
                let status = response.status().as_u16();
                Ok((status, self.collect(response).await?))
            }
            false => Err(self.refusal(response).await),
        }
    }

    async fn collect(&self, response: Response<Incoming>) -> Result<Bytes, CallError> {
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER);
        match body.collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(self.strange(status, format!("more than {MAX_ANSWER} bytes")))
            }
            Err(source) => Err(self.broken(source)),
        }
    }

    async fn refusal(&self, response: Response<Incoming>) -> CallError {
        let status = response.status().as_u16();
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        match self.collect(response).await {
            Ok(body) => CallError::Refused(Box::new(Refusal {
                address: self.address.clone(),
                status,
                // what is no problem+json has only its status to say
                body: serde_json::from_slice(&body).unwrap_or_default(),
                retry_after,
            })),
            Err(error) => error,
        }
    }

    fn strange(&self, status: u16, what: String) -> CallError {
        CallError::Strange { address: self.address.clone(), status, what }
    }

    fn broken(&self, source: Box<dyn Error + Send + Sync>) -> CallError {
        CallError::Broken { address: self.address.clone(), source }
    }
}

/// The cause that says most: the outer ones only say in which step it went wrong.
fn innermost<'e>(error: &'e (dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (*error).source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
