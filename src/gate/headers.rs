//! Headers on their way through: which end here, and the change of types between actix-web
//! (http 0.2) and hyper (http 1), done once.
//!
//! What must stay true: headers of one hop (RFC 9110, section 7.6.1), and those that Connection
//! names, never travel on, in either direction; lines of one name stay several and in order
//! (Set-Cookie); lengths and encodings are left to whoever frames the message next, so that two
//! framings can never contradict each other. Values are copied once, all into one block.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header as near;
use bytes::BytesMut;
use http::header as far;

use super::forwarded::{Claim, Forwarding, claim};

/// Names that a Connection header may list; more are refused, for each costs a comparison with
/// every header.
const MAX_OPTIONS: usize = 16;

/// Headers that cannot be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// More than 16 options.
    #[error("{}", self.problem())]
    TooManyOptions,
    /// A name or value that the other library does not accept.
    #[error("{}", self.problem())]
    Unreadable,
    /// An answer whose body is coded for this hop in a way that nobody here can undo.
    #[error("{}", self.problem())]
    Coding,
}

impl HeaderError {
    /// The text of the error.
    pub const fn problem(self) -> &'static str {
        match self {
            Self::TooManyOptions => "the Connection header names more than 16 options",
            Self::Unreadable => "a header has a name or value that cannot be passed on",
            Self::Coding => "it has a transfer coding other than chunked",
        }
    }
}

/// The options of all Connection lines: names of headers that end at this hop.
#[derive(Default)]
struct Options<'a> {
    names: [&'a str; MAX_OPTIONS],
    len: usize,
}

impl<'a> Options<'a> {
    fn read(lines: impl Iterator<Item = &'a [u8]>) -> Result<Self, HeaderError> {
        let mut options = Self::default();
        for line in lines {
            for name in std::str::from_utf8(line).unwrap_or("").split(',').map(str::trim) {
                // these two are about the connection itself and name no header
                if name.is_empty() || name.eq_ignore_ascii_case("close") || name.eq_ignore_ascii_case("keep-alive") {
                    continue;
                }
                *options.names.get_mut(options.len).ok_or(HeaderError::TooManyOptions)? = name;
                options.len += 1;
            }
        }
        Ok(options)
    }

    fn name(&self, header: &str) -> bool {
        self.names[..self.len].iter().any(|name| name.eq_ignore_ascii_case(header))
    }
}

/// Headers that end at every hop. Content-Length is among them because each side frames anew.
fn ends_here(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "content-length"
    )
}

/// Whether the comma-separated lines of a header have this token.
pub(super) fn has_token(headers: &near::HeaderMap, name: near::HeaderName, token: &str) -> bool {
    let lines = headers.get_all(name).filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// `Via` names the protocol that the message arrived in.
fn via(http_10: bool) -> &'static str {
    if http_10 { "1.0 forewarn" } else { "1.1 forewarn" }
}

/// The headers of a request as the upstream gets them, without framing and upgrade.
pub(super) fn to_upstream(
    req: &HttpRequest,
    forwarding: &Forwarding<'_>,
    authority: &str,
) -> Result<far::HeaderMap, HeaderError> {
    let sent = req.headers();
    let options = Options::read(sent.get_all(near::CONNECTION).map(near::HeaderValue::as_bytes))?;
    let mut out = far::HeaderMap::with_capacity(sent.len() + 8);
    let mut block = BytesMut::with_capacity(1024);

    let host = if forwarding.host.is_empty() { authority } else { forwarding.host };
    out.insert(far::HOST, far_value(&mut block, host.as_bytes())?);
    for (name, value) in sent {
        let text = name.as_str();
        let stays = ends_here(text)
            || matches!(text, "host" | "expect")
            || match claim(text) {
                Claim::None => false,
                Claim::IfTrusted => !forwarding.trusted,
                Claim::Rebuilt | Claim::Forged => true,
            };
        if stays || options.name(text) {
            continue;
        }
        out.append(far_name(text)?, far_value(&mut block, value.as_bytes())?);
    }
    if has_token(sent, near::TE, "trailers") {
        out.insert(far::TE, far::HeaderValue::from_static("trailers"));
    }
    let http_10 = req.version() < actix_web::http::Version::HTTP_11;
    out.append(far::VIA, far::HeaderValue::from_static(via(http_10)));
    let mut unreadable = None;
    forwarding.write(sent, |name, value| match far_value(&mut block, value) {
        Ok(value) => _ = out.insert(name, value),
        Err(e) => unreadable = Some(e),
    });
    match unreadable {
        Some(e) => Err(e),
        None => Ok(out),
    }
}

/// Puts the headers of an upstream's answer into a response. Content-Length is kept only where
/// there is no body that would say it (304).
pub(super) fn to_client(answer: &http::response::Parts, out: &mut near::HeaderMap) -> Result<(), HeaderError> {
    let sent = &answer.headers;
    let options = Options::read(sent.get_all(far::CONNECTION).iter().map(far::HeaderValue::as_bytes))?;
    // hyper undoes chunked only; what is under it would reach the client as if it were the body
    let coded = |value: &far::HeaderValue| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    if sent.get_all(far::TRANSFER_ENCODING).iter().any(coded) {
        return Err(HeaderError::Coding);
    }
    out.reserve(sent.len() + 1);
    let mut block = BytesMut::with_capacity(1024);
    for (name, value) in sent {
        let text = name.as_str();
        let length = answer.status == http::StatusCode::NOT_MODIFIED && text == "content-length";
        if (ends_here(text) && !length) || options.name(text) {
            continue;
        }
        out.append(near_name(text)?, near_value(&mut block, value.as_bytes())?);
    }
    let http_10 = answer.version < http::Version::HTTP_11;
    out.append(near::VIA, near::HeaderValue::from_static(via(http_10)));
    Ok(())
}

/// The status of an answer.
pub(super) fn near_status(status: http::StatusCode) -> Result<StatusCode, HeaderError> {
    StatusCode::from_u16(status.as_u16()).ok().ok_or(HeaderError::Unreadable)
}

/// A single value for the client's side, from an upstream's.
pub(super) fn near_single(value: &far::HeaderValue) -> Result<near::HeaderValue, HeaderError> {
    near::HeaderValue::from_bytes(value.as_bytes()).ok().ok_or(HeaderError::Unreadable)
}

fn far_name(text: &str) -> Result<far::HeaderName, HeaderError> {
    far::HeaderName::from_lowercase(text.as_bytes()).ok().ok_or(HeaderError::Unreadable)
}

fn near_name(text: &str) -> Result<near::HeaderName, HeaderError> {
    near::HeaderName::from_lowercase(text.as_bytes()).ok().ok_or(HeaderError::Unreadable)
}

/// Both libraries take a piece of a shared block without copying it again.
fn far_value(block: &mut BytesMut, value: &[u8]) -> Result<far::HeaderValue, HeaderError> {
    block.extend_from_slice(value);
    far::HeaderValue::from_maybe_shared(block.split().freeze()).ok().ok_or(HeaderError::Unreadable)
}

fn near_value(block: &mut BytesMut, value: &[u8]) -> Result<near::HeaderValue, HeaderError> {
    block.extend_from_slice(value);
    near::HeaderValue::from_maybe_shared(block.split().freeze()).ok().ok_or(HeaderError::Unreadable)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn forwarding() -> Forwarding<'static> {
        Forwarding { peer: None, trusted: false, host: "h", secure: false }
    }

    #[test]
    fn what_connection_names_ends_here() {
        let req = TestRequest::default()
            .append_header(("connection", "close, X-Hop"))
            .append_header(("connection", "te, X-Forwarded-For"))
            .append_header(("x-hop", "1"))
            .append_header(("te", "gzip, trailers"))
            .append_header(("x-stays", "1"))
            .append_header(("x-stays", "2"))
            .append_header(("expect", "100-continue"))
            .to_http_request();
        let out = to_upstream(&req, &forwarding(), "a:1").unwrap();
        let mut names: Vec<_> = out.keys().map(far::HeaderName::as_str).collect();
        names.sort_unstable();
        let expected =
            ["forwarded", "host", "te", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-stays"];
        assert_eq!(names, expected);
        assert_eq!(out.get_all("x-stays").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(out["te"], "trailers");
        assert_eq!(out["host"], "h");
    }

    #[test]
    fn many_options_are_refused() {
        let many = vec!["x"; MAX_OPTIONS + 1].join(",");
        let req = TestRequest::default().append_header(("connection", many)).to_http_request();
        assert_eq!(to_upstream(&req, &forwarding(), "a:1").unwrap_err(), HeaderError::TooManyOptions);
    }

    #[test]
    fn an_answer_keeps_its_cookies_and_not_its_hops() {
        let answer = http::Response::builder()
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("content-length", "5")
            .header("via", "1.1 other");
        let (parts, ()) = answer.body(()).unwrap().into_parts();
        let mut out = near::HeaderMap::new();
        to_client(&parts, &mut out).unwrap();
        assert_eq!(out.get_all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(out.get_all("via").collect::<Vec<_>>(), ["1.1 other", "1.1 forewarn"]);
        assert_eq!(out.len(), 4);
    }
}
