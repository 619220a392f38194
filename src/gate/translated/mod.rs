//! HTTP/2 messages as HTTP/1.1, and back.
//!
//! What must stay true: what `h2` lets through has no line ends in names or values and no fields of the connection, so
//! that it means the same in both versions; lengths and framing are written here, never copied.

mod incoming;
mod outgoing;

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header,
    request::Parts,
    response,
    uri::{self, Scheme},
};

pub(super) use self::{
    incoming::Incoming,
    outgoing::{Failure, Outgoing, TAKEN},
};
use crate::http1::{
    framing::{AnswerMeaning, Body, Known},
    head::{AnswerHead, Field},
    write,
};

/// The head of a request. Where `:authority` and `Host` differ, both are there, and HTTP/1.1 refuses the request.
pub(super) fn request(parts: &Parts, chunked: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    let authority = parts.uri.authority().map(uri::Authority::as_str);
    let target = match authority {
        Some(authority) if parts.method == Method::CONNECT => authority,
        _ => parts.uri.path_and_query().map_or("/", uri::PathAndQuery::as_str),
    };
    write::request_line(&mut out, parts.method.as_str(), &[target]);
    if let Some(authority) = authority {
        write::field(&mut out, "host", authority.as_bytes());
    }
    let mut cookies: Vec<u8> = Vec::new();
    for (name, value) in &parts.headers {
        match *name {
            header::TE => write::field(&mut out, "connection", b"te"),
            header::COOKIE => {
                // HTTP/2 may send them one by one; many readers of HTTP/1.1 take the first field only.
                cookies.extend_from_slice(if cookies.is_empty() { b"" } else { b"; " });
                cookies.extend_from_slice(value.as_bytes());
                continue;
            }
            header::HOST if authority.is_some_and(|host| value.as_bytes().eq_ignore_ascii_case(host.as_bytes())) => {
                continue;
            }
            _ => {}
        }
        write::field(&mut out, name.as_str(), value.as_bytes());
    }
    if !cookies.is_empty() {
        write::field(&mut out, "cookie", &cookies);
    }
    end(&mut out, chunked);
    out
}

/// The head of an answer.
pub(super) fn answer(head: &AnswerHead<'_, '_>, meaning: &AnswerMeaning<'_>) -> Result<Response<()>, http::Error> {
    let is_grpc = |field: &Field<'_>| {
        field.name.eq_ignore_ascii_case("content-type") && field.value.starts_with(b"application/grpc")
    };
    // An answer of gRPC without a message is all trailers, and has no length.
    let unmeasured = meaning.length == Some(0) && head.fields.iter().any(is_grpc);
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.status)?;
    let passes = |name| match Known::of(name) {
        Known::Other => true,
        Known::ContentLength => !unmeasured,
        _ => false,
    };
    fields(head.fields.iter().filter(|field| passes(field.name)), response.headers_mut());
    Ok(response)
}

/// The request with this head, which this gate has written, without the empty line at its end; and its body. `None`:
/// HTTP/2 cannot carry it.
pub(super) fn forwarded(head: &[u8], scheme: &Scheme) -> Option<(Request<()>, Body)> {
    let mut lines = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut first = lines.next()?.split(|&byte| byte == b' ');
    let (method, target) = (first.next()?, first.next()?);
    let (mut host, mut body, mut fields) = (&b""[..], Body::None, HeaderMap::new());
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = (std::str::from_utf8(&line[..colon]).ok()?, line[colon + 1..].trim_ascii());
        match Known::of(name) {
            Known::Host => host = value,
            Known::TransferEncoding => body = Body::Chunked,
            Known::ContentLength => body = Body::Length(std::str::from_utf8(value).ok()?.parse().ok()?),
            _ => {}
        }
        if matches!(Known::of(name), Known::Other | Known::ContentLength | Known::Expect | Known::Te) {
            fields.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?);
        }
    }
    let uri = Uri::builder().scheme(scheme.clone()).authority(host).path_and_query(target).build().ok()?;
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method).ok()?;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = fields;
    Some((request, body))
}

/// The head of an answer as HTTP/1.1 has it. `body`: what comes behind it. `short`: it has no body, whatever it says
/// of its length.
pub(super) fn answered(parts: &response::Parts, body: Option<&Incoming>, short: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    write::status_line(&mut out, parts.status.as_u16(), parts.status.canonical_reason().unwrap_or_default());
    for (name, value) in &parts.headers {
        if matches!(Known::of(name.as_str()), Known::Other | Known::ContentLength) {
            write::field(&mut out, name.as_str(), value.as_bytes());
        }
    }
    let short = short || matches!(parts.status.as_u16(), 100..=199 | 204 | 304);
    if body.is_none() && !short && !parts.headers.contains_key(header::CONTENT_LENGTH) {
        write::length(&mut out, 0);
    }
    end(&mut out, !short && body.is_some_and(Incoming::is_chunked));
    out
}

/// The trailers of a message, if there are any.
pub(super) fn trailers(of: &[(String, Vec<u8>)]) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    fields(of.iter().map(|(name, value)| Field { name, value }).collect::<Vec<_>>().iter(), &mut map);
    (!map.is_empty()).then_some(map)
}

/// Waits until some of so many bytes may be sent. Returns how many.
pub(super) fn poll_room(
    send: &mut SendStream<Bytes>,
    wanted: usize,
    cx: &mut Context<'_>,
) -> Poll<Result<usize, h2::Error>> {
    send.reserve_capacity(wanted);
    loop {
        match send.capacity() {
            // It is asked again behind a wake-up: only then is the room known.
            0 => match ready!(send.poll_capacity(cx)) {
                Some(room) => _ = room?,
                None => return Poll::Ready(Err(h2::Reason::CANCEL.into())),
            },
            room => return Poll::Ready(Ok(room.min(wanted))),
        }
    }
}

fn fields<'f>(from: impl Iterator<Item = &'f Field<'f>>, to: &mut HeaderMap) {
    for field in from {
        // What HTTP/2 cannot carry is left out.
        let name = HeaderName::from_bytes(field.name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(field.value)) {
            to.append(name, value);
        }
    }
}

fn end(out: &mut Vec<u8>, chunked: bool) {
    if chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http1::{
        framing,
        head::{self, Slots},
    };

    fn of(uri: &str, fields: &[(&str, &str)], chunked: bool) -> String {
        let mut builder = http::Request::builder().uri(uri);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        String::from_utf8(request(&builder.body(()).unwrap().into_parts().0, chunked)).unwrap()
    }

    #[test]
    fn a_request_is_written_as_http1_reads_it() {
        assert_eq!(
            of(
                "https://h:1/a//b?c=%2f",
                &[("cookie", "a=1"), ("te", "trailers"), ("cookie", "b=2"), ("host", "H:1")],
                true
            ),
            "GET /a//b?c=%2f HTTP/1.1\r\nhost: h:1\r\nconnection: te\r\nte: trailers\r\ncookie: a=1; b=2\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        let two = of("https://h/", &[("host", "other")], false);
        assert_eq!(two, "GET / HTTP/1.1\r\nhost: h\r\nhost: other\r\n\r\n");
        let mut slots = Slots::default();
        let head = head::request(two.as_bytes(), &mut slots, "/long/").unwrap().unwrap();
        assert!(framing::request(&head).is_err(), "two hosts are refused");
        assert_eq!(of("/x", &[("host", "h")], false), "GET /x HTTP/1.1\r\nhost: h\r\n\r\n");
    }

    #[test]
    fn a_forwarded_request_keeps_its_target_and_its_trailers() {
        let head = b"POST /a//b?c=%2f HTTP/1.1\r\nhost: h:1\r\nX-A: 1\r\ntransfer-encoding: chunked\r\n\
                     connection: te\r\nte: trailers\r\nvia: 1.1 forewarn\r\n";
        let (request, body) = forwarded(head, &Scheme::HTTP).unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string()),
            ("POST", "http://h:1/a//b?c=%2f".to_owned())
        );
        let names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!((names, body), (vec!["x-a", "te", "via"], Body::Chunked));
        let length = b"PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n";
        assert_eq!(forwarded(length, &Scheme::HTTPS).unwrap().1, Body::Length(5));
        assert!(forwarded(b"GET / HTTP/1.1\r\nhost: a b\r\n", &Scheme::HTTP).is_none());
    }

    #[test]
    fn an_answer_by_http2_is_framed() {
        let framed = |status: u16, fields: &[(&str, &str)], short| {
            let mut builder = Response::builder().status(status);
            for (name, value) in fields {
                builder = builder.header(*name, *value);
            }
            let (parts, ()) = builder.body(()).unwrap().into_parts();
            String::from_utf8(answered(&parts, None, short)).unwrap()
        };
        assert_eq!(
            framed(200, &[("grpc-status", "5")], false),
            "HTTP/1.1 200 OK\r\ngrpc-status: 5\r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(framed(200, &[("content-length", "5")], true), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
        assert_eq!(framed(304, &[], false), "HTTP/1.1 304 Not Modified\r\n\r\n");
        assert_eq!(framed(103, &[("link", "</a>")], false), "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    }

    #[test]
    fn an_answer_loses_what_belongs_to_its_connection() {
        let sent = |text: &str| {
            let mut slots = Slots::default();
            let head = head::answer(text.as_bytes(), &mut slots).unwrap().unwrap();
            let response = answer(&head, &framing::answer(&head, false).unwrap()).unwrap();
            let fields = response.headers().iter();
            let fields: Vec<_> = fields.map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
            fields.join(" ")
        };
        let text =
            "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(sent(text), "set-cookie=a set-cookie=b content-length=0");
        assert_eq!(sent("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n"), "x=1");
        let grpc = "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\nGrpc-Status: 14\r\n\r\n";
        assert_eq!(sent(grpc), "content-type=application/grpc grpc-status=14");
    }
}
