//! `http = "http://…"`: what a web server answers. A connection for each check, so that the way to it is checked
//! as well.
//!
//! Must stay true: an answer costs at most 64 KiB for its head and 64 KiB for its body, and a few redirections.

use std::{cell::OnceCell, error::Error, rc::Rc, sync::Arc};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use url::Url;

use super::{Probe, innermost, tls};
use crate::{
    availability::Name,
    clock,
    monitor::{Finding, HttpCheck},
};

/// The most bytes of a body that are looked at.
const MAX_BODY: usize = 64 * 1024;
/// The most bytes of a head.
const MAX_HEAD: usize = 64 * 1024;

/// See the module.
pub(super) struct Http(Rc<Asker>);

struct Asker {
    check: HttpCheck,
    agent: HeaderValue,
    /// Made when it is first needed.
    tls: OnceCell<Arc<ClientConfig>>,
}

/// Why a check is not good.
enum Fault {
    /// The server is to blame.
    Bad(String),
    /// This node is.
    Unknown(String),
}

/// The parts of an answer that count.
struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: Vec<u8>,
}

impl Http {
    pub(super) fn new(check: &HttpCheck, monitor: &Name) -> Self {
        let agent = format!("forewarn/{} (monitor {monitor})", env!("CARGO_PKG_VERSION"));
        // A name has only characters that a header may have.
        let agent = HeaderValue::try_from(agent).unwrap_or(HeaderValue::from_static("forewarn"));
        Self(Rc::new(Asker { check: check.clone(), agent, tls: OnceCell::new() }))
    }
}

impl Probe for Http {
    fn check(&self, _: bool) -> LocalBoxFuture<'static, Finding> {
        let asker = Rc::clone(&self.0);
        async move {
            let begun = clock::mono();
            match asker.look().await {
                Ok(()) => Finding::Good { latency: clock::mono().saturating_sub(begun) },
                Err(Fault::Bad(problem)) => Finding::Bad(problem),
                Err(Fault::Unknown(problem)) => Finding::Unknown(problem),
            }
        }
        .boxed_local()
    }
}

impl Asker {
    async fn look(&self) -> Result<(), Fault> {
        let mut url = self.check.url.clone();
        let mut method = self.check.method.clone();
        for followed in 0..=self.check.redirects {
            let answer = self.ask(&url, &method, followed == 0).await?;
            match &answer.location {
                Some(location) if self.check.redirects > 0 && is_redirection(answer.status) => {
                    url = next(&url, location)?;
                    let keeps = matches!(answer.status.as_u16(), 307 | 308) || method == Method::HEAD;
                    method = if keeps { method } else { Method::GET };
                }
                _ => return self.judge(&answer),
            }
        }
        Err(Fault::Bad(format!("Redirected more than {} times", self.check.redirects)))
    }

    fn judge(&self, answer: &Answer) -> Result<(), Fault> {
        let (status, expected) = (answer.status.as_u16(), &self.check.expect_status);
        if !expected.contains(status) {
            return Err(Fault::Bad(format!("Answered {status} instead of {expected}")));
        }
        match &self.check.expect_body {
            Some(glob) if !glob.matches(&*String::from_utf8_lossy(&answer.body), false) => {
                Err(Fault::Bad(format!("Answered {status} with an unexpected body")))
            }
            _ => Ok(()),
        }
    }

    async fn ask(&self, url: &Url, method: &Method, first: bool) -> Result<Answer, Fault> {
        let request = self.request(url, method, first)?;
        // The configuration and `next` let only addresses through that have both.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        let no_connection = |error| Fault::Bad(format!("No connection: {}", innermost(&error)));
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(no_connection)?;
        if url.scheme() != "https" {
            return self.exchange(stream, request).await;
        }
        let name = ServerName::try_from(host).map_err(|error| Fault::Bad(error.to_string()))?;
        let connector = TlsConnector::from(self.tls()?);
        let stream = connector.connect(name, stream).await;
        let stream = stream.map_err(|error| Fault::Bad(format!("No TLS: {}", innermost(&error))))?;
        self.exchange(stream, request).await
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, Fault> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = tls::unresumed(self.check.roots.as_ref())
            .map_err(|error| Fault::Unknown(format!("The system's certificates cannot be read: {error}")))?;
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }

    fn request(&self, url: &Url, method: &Method, first: bool) -> Result<Request<Empty<Bytes>>, Fault> {
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let authority = &url[url::Position::BeforeHost..url::Position::BeforePath];
        let wrong = |error: http::Error| Fault::Bad(format!("Redirected to what cannot be asked: {error}"));
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::HOST, authority)
            .header(header::USER_AGENT, &self.agent)
            .header(header::ACCEPT, "*/*")
            .header(header::CONNECTION, "close")
            .body(Empty::new())
            .map_err(wrong)?;
        if first {
            for (name, value) in &self.check.headers {
                request.headers_mut().insert(name, value.clone());
            }
        }
        Ok(request)
    }

    /// Sends the request and reads as much of the answer as counts.
    async fn exchange<S>(&self, stream: S, request: Request<Empty<Bytes>>) -> Result<Answer, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let client = hyper::client::conn::http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await;
        let (mut sender, connection) = client.map_err(|error| broken(&error))?;
        let answered = async {
            let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
            let location = response.headers().get(header::LOCATION);
            let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            let status = response.status();
            let wants_body = self.check.expect_body.is_some() && !(is_redirection(status) && location.is_some());
            let body = if wants_body { read(response.into_body()).await? } else { Vec::new() };
            Ok(Answer { status, location, body })
        };
        tokio::pin!(answered, connection);
        let mut is_open = true;
        loop {
            // The connection moves the bytes; the future of the answer reports what ends it.
            tokio::select! {
                biased;
                answer = &mut answered => return answer,
                _ = &mut connection, if is_open => is_open = false,
            }
        }
    }
}

/// The beginning of a body.
async fn read(mut incoming: Incoming) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while body.len() < MAX_BODY {
        let Some(frame) = incoming.frame().await else { break };
        if let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() {
            body.extend_from_slice(&data[..data.len().min(MAX_BODY - body.len())]);
        }
    }
    Ok(body)
}

fn broken(error: &hyper::Error) -> Fault {
    Fault::Bad(match error {
        error if error.is_incomplete_message() => "The connection was closed before an answer".to_owned(),
        error if error.is_parse() => format!("The answer is not HTTP: {error}"),
        error => format!("The connection broke off: {}", innermost(error as &(dyn Error + 'static))),
    })
}

fn is_redirection(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirection leads.
fn next(url: &Url, location: &str) -> Result<Url, Fault> {
    let next = url.join(location).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    next.ok_or_else(|| Fault::Bad("Redirected to what is no http address".to_owned()))
}
